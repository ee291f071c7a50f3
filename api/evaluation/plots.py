"""Drawings of a report, as SVG. Drawn without pyplot, which would keep figures and settings for the process."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from api.evaluation.report import Report
    from rag.evaluation.statistics import Estimate

# Blue and orange: told apart with every kind of colour blindness, and in print by their lightness.
COLOURS = ("#1f5fa8", "#e08a1e")
INK, GRID = "#2b2f36", "#dfe3e8"
STYLE: Any = {
    "svg.hashsalt": "footnote",
    # Letters stay letters: they can be searched and copied, and scripts without a glyph in the font are shown.
    "svg.fonttype": "none",
    "font.size": 10,
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#aab2bd",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    # Names are the user's own; a dollar in one is not a formula.
    "text.parse_math": False,
}
# Letters of a label; the whole name stands in the table.
_LABEL_LETTERS = 28
_BAR = 0.36
# Letters of both names that stand side by side under the narrowest drawing.
_LEGEND_LETTERS = 48


def draw(report: Report) -> dict[str, str]:
    """Every drawing that the report has figures for.

    Returns:
        SVG by file name.
    """
    drawings: dict[str, str] = {}
    names = [each.name for each in report.configurations]
    measure = report.primary.key, report.primary.label
    with mpl.rc_context(STYLE):
        if report.first.curve:
            drawings["recall.svg"] = _recall(report)
        kinds = [each.kinds for each in report.configurations]
        drawings["kinds.svg"] = bars("document kind", measure, names, kinds)
        if report.first.groups:
            groups = [each.groups for each in report.configurations]
            drawings["groups.svg"] = bars("group", measure, names, groups)
    return drawings


def _recall(report: Report) -> str:
    """The recall curve over the budget, with intervals at the budgets that were asked for."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for at, each in enumerate(report.configurations):
        axes.plot(report.plan.curve, each.curve, color=COLOURS[at], linewidth=2, label=each.name)
        found = [each.means[f"recall_{budget}_characters"] for budget in report.plan.budgets]
        # Side by side, so that neither interval hides the other.
        shift = (at - (len(report.configurations) - 1) / 2) * report.plan.budgets[-1] * 0.008
        axes.errorbar(
            [budget + shift for budget in report.plan.budgets],
            [one.mean for one in found],
            yerr=_whiskers(found),
            fmt="o",
            color=COLOURS[at],
            markersize=5,
            capsize=3,
            linewidth=1.2,
        )
    axes.set_title("Relevant text found within a budget")
    axes.set_xlabel("budget of retrieved characters")
    axes.set_ylabel("recall of relevant characters")
    axes.set_xlim(0, report.plan.budgets[-1] * 1.03)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    legend(axes, [each.name for each in report.configurations])
    return svg(figure)


def bars(
    title: str,
    measure: tuple[str, str],
    configurations: Sequence[str],
    parts: Sequence[Mapping[str, Mapping[str, Estimate]]],
) -> str:
    """A bar for each label and configuration, the first label on top.

    Args:
        title: What the labels are.
        measure: Key and label of what is drawn.
        configurations: Their names.
        parts: For each of them the figures by label.
    """
    key, measured = measure
    labels = [label for label in parts[0] if key in parts[0][label]]
    width = _BAR if len(parts) > 1 else 2 * _BAR
    figure = Figure(figsize=(7.2, 1.35 + 0.6 * len(labels) + 0.1 * len(parts)), layout="constrained")
    axes = figure.add_subplot()
    for at, part in enumerate(parts):
        rows = [row for row, label in enumerate(labels) if key in part.get(label, {})]
        found = [part[labels[row]][key] for row in rows]
        axes.barh(
            [row + (at - (len(parts) - 1) / 2) * width for row in rows],
            [one.mean for one in found],
            height=width * 0.9,
            xerr=_whiskers(found),
            color=COLOURS[at],
            label=configurations[at],
            error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 3},
        )
    names = [f"{_shortened(label)}  ({parts[0][label][key].count})" for label in labels]
    axes.set_yticks(range(len(labels)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.set_title(f"By {title} (number of questions)")
    axes.set_xlabel(measured)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    legend(axes, configurations)
    return svg(figure)


def legend(axes: Axes, configurations: Sequence[str]) -> None:
    """Which colour is which, where there are several."""
    if len(configurations) > 1:
        columns = 2 if sum(map(len, configurations)) < _LEGEND_LETTERS else 1
        axes.figure.legend(
            *axes.get_legend_handles_labels(), loc="outside lower left", ncols=columns, frameon=False
        )


def _shortened(label: str) -> str:
    return label if len(label) <= _LABEL_LETTERS else label[: _LABEL_LETTERS - 1] + "…"


def _whiskers(found: Sequence[Estimate]) -> list[list[float]]:
    """How far the intervals reach below and above the means; nothing for a single question."""
    below = [0.0 if one.low is None else max(0.0, one.mean - one.low) for one in found]
    above = [0.0 if one.high is None else max(0.0, one.high - one.mean) for one in found]
    return [below, above]


def svg(figure: Figure) -> str:
    """A drawing as the text of its file."""
    out = io.StringIO()
    FigureCanvasSVG(figure)
    with warnings.catch_warnings():
        # The reader's browser has its own fonts for what matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
