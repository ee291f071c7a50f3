"""Diagrams of confidence for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.reading.measures import expected_calibration_error
from benchmarks.reading.sufficiency import evenly
from rag.calibration import load_calibration, risk_coverage

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.reading.sufficiency import LeftOut

_BLUE = "#2a6f97"
_BINS = 10


def draw(found: LeftOut, folder: Path) -> None:
    """The reliability of each set left out, and the risk-coverage curves."""
    import matplotlib as mpl  # noqa: PLC0415 - only drawing needs it.

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "footnote"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    right = np.array([row.right for row in found.rows], dtype=float)
    names = list(found.calibrations)
    columns = 4
    lines = -(-(len(names) + 1) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(9.5, 2.5 * lines), sharex=True, sharey=True)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, ["", *names], strict=False):
        here = np.full(len(right), True) if not name else found.sets == name
        probability, outcome = found.confidence[here], right[here]
        axis.set_axis_on()
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        parts = np.array_split(np.argsort(probability), _BINS)
        means = [[values[part].mean() for part in parts] for values in (probability, outcome)]
        axis.plot(*means, marker="o", markersize=3, color=_BLUE)
        error = expected_calibration_error(probability, outcome)
        axis.set_title(f"{name or 'all'}: {here.sum()} questions, ECE {error:.3f}", fontsize=8)
        axis.set(xlim=(0, 1), ylim=(0, 1))
    figure.supxlabel("confidence, computed without this set", fontsize=9)
    figure.supylabel("share of right answers", fontsize=9)
    figure.tight_layout()
    figure.savefig(folder / "reliability.svg", metadata={"Date": None})
    figure, axes = plt.subplots(figsize=(4.5, 3.2))
    for curve, label in (
        (
            risk_coverage(found.confidence, right, counts=evenly(found.sets.tolist())),
            "sets left out",
        ),
        (load_calibration().risk, "of the calibration"),
    ):
        axes.plot([p.coverage for p in curve], [p.error for p in curve], label=label)
    axes.set(
        xlim=(0, 1), ylim=(0, 0.7), xlabel="share of questions answered", ylabel="share of wrong answers"
    )
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "risk-coverage.svg", metadata={"Date": None})
