"""What a recalibration is worth, in the terminal and as a page: before and after, on answers that were held out."""

from __future__ import annotations

from dataclasses import asdict
from html import escape as escape_html
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from api.evaluation.answers.plots import reliability as drawn
from api.evaluation.files import text, write_files
from api.evaluation.html import figure, table, whole
from api.evaluation.parts import titled
from api.evaluation.report import versions
from api.evaluation.words import estimate, p_value
from rag.evaluation.calibration import (
    brier_score,
    chance_calibration_error,
    expected_calibration_error,
    reliability,
)
from rag.evaluation.recalibration import log_loss
from rag.evaluation.statistics import compare_of, estimate_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from rag.evaluation.calibration import Bin
    from rag.evaluation.recalibration import Recalibration

NAMES = ("shipped", "yours, on answers held out")
_FIGURES = {
    "ece": ("calibration error, ECE", expected_calibration_error),
    "log_loss": ("log loss", log_loss),
    "brier": ("Brier score", brier_score),
}
# The layout of report.json.
_FORMAT = 1


def show(found: Recalibration, console: Console) -> None:
    """Print the figures and the reliability diagram as a table."""
    compared = titled(f"Confidence on {len(found.before)} judged answers (95 % interval)")
    for name in ("figure", *NAMES, "p"):
        compared.add_column(name, justify="left" if name == "figure" else "right")
    for row in _rows(found):
        compared.add_row(*row)
    console.print()
    console.print(compared)
    before, after = _bins(found)
    diagram = titled("Reliability: share of right answers at each confidence")
    for name in ("confidence", "right", "interval", "answers"):
        diagram.add_column(name, justify="right")
    for name, bins in zip(NAMES, (before, after), strict=True):
        diagram.add_row(f"[bold]{escape(name)}[/bold]")
        for part in bins:
            interval = f"{part.low:.2f} to {part.high:.2f}"
            diagram.add_row(f"{part.confidence:.2f}", f"{part.right:.2f}", interval, str(part.count))
    console.print(diagram)
    for line in sentences(found):
        console.print(escape(line))
    for line in warnings(found):
        console.print(f"[yellow]{escape(line)}[/yellow]")


def sentences(found: Recalibration) -> list[str]:
    """What was done, and how good it is."""
    way = (
        "The weights of the signals were fitted anew"
        if found.refitted
        else "The shipped calibration was moved by a slope and an intercept"
    )
    right = int(found.after[:, 1].sum())
    before, after = (expected_calibration_error(each) for each in (found.before, found.after))
    chance = chance_calibration_error(found.after[:, 0].tolist())
    lines = [
        f"{way}, on {len(found.after)} answers, {right} of them right.",
        f"Calibration error {before:.3f} before, {after:.3f} after; by chance alone it would be {chance:.3f}.",
    ]
    if found.skipped:
        lines.append(f"{found.skipped} answers of an earlier version lack signals and were left out.")
    return lines


def warnings(found: Recalibration) -> list[str]:
    """Why it should not be relied on."""
    return [each.message for each in found.calibration.warnings]


def write_report(found: Recalibration, folder: Path) -> list[str]:
    """Write page, figures and drawing.

    Returns:
        The names of the files, the page first.

    Raises:
        EvaluationError: The folder cannot be written.
    """
    drawings = {"reliability.svg": drawn(NAMES, _bins(found))}
    contents = {"report.html": _page(found, drawings), "report.json": text(_json(found)), **drawings}
    return write_files(contents, folder)


def _page(found: Recalibration, drawings: dict[str, str]) -> str:
    lines = [*sentences(found), *warnings(found)]
    calibration = found.calibration
    weights = [
        (name, f"{weight:.4f}") for name, weight in zip(calibration.signals, calibration.weights, strict=True)
    ]
    paragraphs = "\n".join(f"<p>{escape_html(line)}</p>" for line in lines)
    parts = [
        "<h1>Calibration</h1>",
        f'<p class="soft">{escape_html(calibration.id)}, {escape_html(calibration.fitted_on)}</p>',
        paragraphs,
        *figure(
            drawings, "reliability.svg", "Share of right answers over their confidence, before and after"
        ),
        "<h2>Figures</h2>",
        table(("figure", *NAMES, "p"), _rows(found)),
        "<h2>Weights</h2>",
        table(("signal", "log-odds for each standard deviation"), weights),
    ]
    return whole(f"Calibration: {calibration.id}", parts)


def _rows(found: Recalibration) -> list[tuple[str, str, str, str]]:
    rows = []
    for label, statistic in _FIGURES.values():
        one, other = estimate_of(statistic, found.before), estimate_of(statistic, found.after)
        compared = compare_of(statistic, found.before, found.after)
        p = "–" if compared is None else p_value(compared)
        rows.append((label, estimate(one), estimate(other), p))
    return rows


def _json(found: Recalibration) -> dict[str, Any]:
    def figures(pairs: Any) -> dict[str, Any]:
        estimates = {key: estimate_of(statistic, pairs) for key, (_, statistic) in _FIGURES.items()}
        return {key: asdict(each) for key, each in estimates.items() if each is not None}

    return {
        "format": _FORMAT,
        "measures": "calibration",
        "versions": versions(),
        "calibration": asdict(found.calibration),
        "refitted": found.refitted,
        "improves": found.improves,
        "before": figures(found.before),
        "after": figures(found.after),
        "ece_by_chance": chance_calibration_error(found.after[:, 0].tolist()),
        "reliability": {
            "before": [asdict(part) for part in _bins(found)[0]],
            "after": [asdict(part) for part in _bins(found)[1]],
        },
        "skipped": found.skipped,
    }


def _bins(found: Recalibration) -> tuple[Sequence[Bin], Sequence[Bin]]:
    before, after = (
        reliability(each[:, 0].tolist(), each[:, 1].tolist()) for each in (found.before, found.after)
    )
    return before, after
