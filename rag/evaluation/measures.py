"""Arithmetic on ranges of characters, and the measures of retrieval that are counted in characters.

The measures follow "Evaluating Chunking Strategies for Retrieval" (Chroma technical report, July 2024,
https://research.trychroma.com/evaluating-chunking), in characters instead of tokens: with ``t`` the relevant
characters and ``r`` the union of the retrieved ranges, recall is |t & r| / |t|, precision |t & r| / |r| and
IoU |t & r| / |t | r|. Offsets are code points, end exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Range(NamedTuple):
    """Characters of one document; equal offsets in two documents differ."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Recall, precision and intersection over union of one question, each in 0..1."""

    recall: float
    precision: float
    iou: float


def union(ranges: Iterable[Range]) -> list[Range]:
    """The same characters as sorted ranges that neither overlap nor touch. Empty ranges vanish."""
    merged: list[Range] = []
    for each in sorted(ranges):
        if each.start >= each.end:
            continue
        last = merged[-1] if merged else None
        if last and last.document == each.document and each.start <= last.end:
            merged[-1] = last._replace(end=max(last.end, each.end))
        else:
            merged.append(each)
    return merged


def length(ranges: Iterable[Range]) -> int:
    """How many different characters the ranges hold."""
    return sum(each.end - each.start for each in union(ranges))


def common(left: Iterable[Range], right: Iterable[Range]) -> int:
    """How many different characters are in both."""
    a, b = union(left), union(right)
    total = i = j = 0
    while i < len(a) and j < len(b):
        if a[i].document == b[j].document:
            total += max(0, min(a[i].end, b[j].end) - max(a[i].start, b[j].start))
        if (a[i].document, a[i].end) <= (b[j].document, b[j].end):
            i += 1
        else:
            j += 1
    return total


def overlap(relevant: Sequence[Range], retrieved: Sequence[Range]) -> Overlap:
    """Recall, precision and IoU of what was retrieved. Precision of nothing is 0.

    Raises:
        ValueError: Nothing is relevant, so that recall has no meaning.
    """
    wanted, got, both = length(relevant), length(retrieved), common(relevant, retrieved)
    if not wanted:
        raise ValueError("No character is relevant: recall is undefined.")
    return Overlap(both / wanted, both / got if got else 0.0, both / (wanted + got - both))


def cut(ranked: Iterable[Range], budget: int) -> list[Range]:
    """What fits into a budget of characters: texts in their order, the last one cut where the budget ends.

    A character that is retrieved twice is paid for twice, as a reader or a model would.
    """
    kept: list[Range] = []
    left = budget
    for each in ranked:
        if left <= 0:
            break
        end = min(each.end, each.start + left)
        kept.append(each._replace(end=end))
        left -= end - each.start
    return kept


def recall_within(relevant: Sequence[Range], ranked: Sequence[Range], budgets: Sequence[int]) -> list[float]:
    """Share of the relevant characters inside each budget of characters.

    Raises:
        ValueError: Nothing is relevant, so that recall has no meaning.
    """
    return [overlap(relevant, cut(ranked, budget)).recall for budget in budgets]
