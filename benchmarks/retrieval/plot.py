"""Recall over the budget of characters, the service beside the plain hybrid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Blue and orange: told apart with every kind of colour blindness, and in print by their lightness.
_LINES = {"footnote": ("Footnote", "#1f5fa8", "-"), "baseline": ("plain hybrid", "#e08a1e", "--")}


def draw(curves: Mapping[str, Mapping[str, list[list[float]]]], file: Path) -> None:
    """Draws a panel for each set that has curves, as SVG.

    Args:
        curves: Points (characters, recall) by set and system; the sets by their titles.
        file: Written anew.
    """
    # Imported here: only drawing needs it.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "footnote", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(4.4 * len(curves), 3.4), layout="constrained")
        FigureCanvasSVG(figure)
        axes: Any = figure.subplots(1, len(curves), squeeze=False)[0]
        for panel, (title, systems) in zip(axes, curves.items(), strict=True):
            for system, points in systems.items():
                label, colour, style = _LINES[system]
                xs, ys = zip(*points, strict=True)
                panel.plot(xs, ys, style, color=colour, label=label, marker=".")
            panel.set(title=title, xlabel="characters given to the reader", ylabel="recall", xlim=(0, None))
            panel.set_ylim(0, 1)
            panel.grid(visible=True, color="#dfe3e8")
            panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            panel.spines[["top", "right"]].set_visible(False)
            panel.legend(frameon=False, loc="lower right")
        figure.savefig(file, format="svg", metadata={"Date": None})
