"""Arithmetic on half-open ranges of code points, and the token-free measures of Chroma's report.

The measures follow "Evaluating Chunking Strategies for Retrieval" (Chroma technical report, July 2024,
https://research.trychroma.com/evaluating-chunking), counted in characters: with ``t`` the reference
characters and ``r`` the union of the retrieved ranges, recall is |t & r| / |t|, precision |t & r| / |r|
and IoU |t & r| / |t | r|. Ranges belong to a document, so that equal offsets in two documents differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Range = tuple[str, int, int]
"""Document, first code point, one past the last."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Recall, precision and IoU of one query, each in 0..1."""

    recall: float
    precision: float
    iou: float


def union(ranges: Iterable[Range]) -> list[Range]:
    """The same characters as sorted ranges that neither overlap nor touch; empty ranges vanish."""
    merged: list[Range] = []
    for document, start, end in sorted(ranges):
        if start >= end:
            continue
        if merged and merged[-1][0] == document and start <= merged[-1][2]:
            merged[-1] = (document, merged[-1][1], max(merged[-1][2], end))
        else:
            merged.append((document, start, end))
    return merged


def intersection(left: Iterable[Range], right: Iterable[Range]) -> list[Range]:
    """The characters that are in both."""
    a, b = union(left), union(right)
    common: list[Range] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i][0] == b[j][0]:
            start, end = max(a[i][1], b[j][1]), min(a[i][2], b[j][2])
            if start < end:
                common.append((a[i][0], start, end))
        if (a[i][0], a[i][2]) <= (b[j][0], b[j][2]):
            i += 1
        else:
            j += 1
    return common


def length(ranges: Iterable[Range]) -> int:
    """How many different characters the ranges hold."""
    return sum(end - start for _, start, end in union(ranges))


def overlap(reference: Sequence[Range], retrieved: Sequence[Range]) -> Overlap:
    """Recall, precision and IoU of what was retrieved against the reference.

    Raises:
        ValueError: The reference holds no character, so that recall has no meaning.
    """
    wanted = length(reference)
    if wanted == 0:
        raise ValueError("The reference holds no character: recall is undefined.")
    common = length(intersection(reference, retrieved))
    got = length(retrieved)
    return Overlap(
        recall=common / wanted,
        precision=common / got if got else 0.0,
        iou=common / length([*reference, *retrieved]),
    )


def cut(ranges: Iterable[Range], budget: int) -> list[Range]:
    """The ranges in their order until their summed length reaches ``budget``; the last one is cut there."""
    kept: list[Range] = []
    left = budget
    for document, start, end in ranges:
        if left <= 0:
            break
        stop = min(end, start + left)
        kept.append((document, start, stop))
        left -= stop - start
    return kept
