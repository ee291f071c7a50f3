"""Drawings of a report on answers, as SVG: reliability, risk over coverage, and bars by kind and group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from api.evaluation.plots import COLOURS, GRID, STYLE, bars, legend, svg
from rag.evaluation.calibration import risk_coverage
from rag.evaluation.figures import pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from api.evaluation.answers.report import AnswerReport
    from rag.evaluation.calibration import Bin

_PERFECT = "#8a93a0"


def draw(report: AnswerReport) -> dict[str, str]:
    """Every drawing that the report has figures for.

    Returns:
        SVG by file name.
    """
    drawings: dict[str, str] = {}
    names = [each.name for each in report.configurations]
    measure = report.primary.key, report.primary.label
    if any(each.bins for each in report.configurations):
        drawings["reliability.svg"] = reliability(names, [each.bins for each in report.configurations])
        with mpl.rc_context(STYLE):
            drawings["risk.svg"] = _risk(report)
    with mpl.rc_context(STYLE):
        for name, title, parts in (
            ("kinds.svg", "document kind", [each.kinds for each in report.configurations]),
            ("groups.svg", "group", [each.groups for each in report.configurations]),
        ):
            if any(report.primary.key in figures for figures in parts[0].values()):
                drawings[name] = bars(title, measure, names, parts)
    return drawings


def reliability(names: Sequence[str], bins: Sequence[Sequence[Bin]]) -> str:
    """The share of right answers over the confidence, with intervals; a perfect confidence lies on the diagonal.

    Args:
        names: Of what is compared, one or two.
        bins: For each of them.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 5.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=_PERFECT, linewidth=1, linestyle="--")
        for at, (name, parts) in enumerate(zip(names, bins, strict=True)):
            axes.errorbar(
                [part.confidence for part in parts],
                [part.right for part in parts],
                yerr=[
                    [max(0.0, part.right - part.low) for part in parts],
                    [max(0.0, part.high - part.right) for part in parts],
                ],
                fmt="o-",
                color=COLOURS[at],
                markersize=5,
                capsize=3,
                linewidth=1.4,
                elinewidth=0.9,
                label=name,
            )
        axes.set_title("Is the confidence worth its number?")
        axes.set_xlabel("confidence, ten groups of equal size")
        axes.set_ylabel("share of right answers")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        _finish(axes, names)
        return svg(figure)


def _risk(report: AnswerReport) -> str:
    """The share of wrong answers when only the most confident ones are given."""
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for at, each in enumerate(report.configurations):
        rows = pairs(each.outcomes, given=False)
        if len(rows):
            coverage, risk = risk_coverage(rows)
            axes.plot(coverage, risk, color=COLOURS[at], linewidth=2, label=each.name)
    axes.set_title("Errors among the answers, the most confident first")
    axes.set_xlabel("share of questions answered")
    axes.set_ylabel("share of wrong answers")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    _finish(axes, [each.name for each in report.configurations])
    return svg(figure)


def _finish(axes: Axes, names: Sequence[str]) -> None:
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    legend(axes, names)
