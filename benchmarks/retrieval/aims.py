"""Whether figures reach what they are to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.retrieval.types import Aim


@dataclass(frozen=True, slots=True)
class Judged:
    """An aim with what came out.

    Attributes:
        text: What was to be reached, for a reader.
        value: The figure that is compared: a share of misses, a mean, a gain or a factor.
        reached: Whether it is.
        possible: False when no system could reach it, as twice a reference that is above one half.
    """

    text: str
    value: float
    reached: bool
    possible: bool = True


def judge(aim: Aim, ours: float, references: Mapping[str, float]) -> Judged:
    """Compares one mean with an aim.

    Args:
        aim: With at least one of ``references`` where its kind needs one.
        ours: Mean of the measure.
        references: Means of the same measure by system.
    """
    name = f"{aim.measure}{'' if aim.group == 'all' else f', {aim.group}'}"
    if aim.kind == "reaches":
        return Judged(f"{name} at least {aim.by:.3f}", ours, ours >= aim.by)
    best = max(aim.against, key=lambda each: references[each])
    known = references[best]
    against = f"{best} ({known:.3f})"
    if aim.kind == "misses":
        share = (1 - ours) / (1 - known) if known < 1 else float(ours < 1)
        return Judged(f"{name}: misses at most {aim.by:.3g} of those of {against}", share, share <= aim.by)
    if aim.kind == "gains":
        text = f"{name} at least {aim.by:g} above {against}"
        return Judged(text, ours - known, ours - known >= aim.by, known + aim.by <= 1)
    times = ours / known if known else float("inf")
    return Judged(f"{name} at least {aim.by:g} times {against}", times, times >= aim.by, known * aim.by <= 1)
