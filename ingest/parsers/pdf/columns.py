"""Columns of a page, and what runs across them.

Columns are told from tables by what stands in them, long lines on both sides, and by the order of the file: a
table's cells come row by row, two columns of text come one after the other or line by line.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from ingest.parsers.pdf.cells import is_amount
from ingest.parsers.pdf.layout import rows_of
from ingest.parsers.pdf.tables import page_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.parsers.pdf.characters import Segment

# Segments with as many characters are lines of a column of text rather than cells.
_LINE_CHARS = 20
# Columns have as many lines, side by side.
_COLUMN_LINES = 5
_PROSE_SHARE = 0.6
_LINE_SHARE = 0.4
# Columns inside columns inside columns: no page has more.
_MAX_DEPTH = 3
# A table across the columns has names of columns, but hardly any other words, right of the gutter.
_MIXED_ROWS = 0.2


def columns(segments: Sequence[Segment], depth: int = 0) -> list[list[Segment]]:
    """Cut a page into regions that are read one after the other.

    Args:
        segments: In one direction, in the order of the file.
        depth: How many gutters have been found around them.
    """
    gutter = _gutter(segments) if depth < _MAX_DEPTH else None
    if gutter is None:
        return [list(segments)] if segments else []
    regions: list[list[Segment]] = []
    wide: list[Segment] = []
    sides: tuple[list[Segment], list[Segment]] = ([], [])

    def flush() -> None:
        for side in sides:
            side.sort(key=lambda each: each.first)
            regions.extend(columns(side, depth + 1))
            side.clear()

    across = _in_wide_tables(segments, gutter)
    for segment in sorted(segments, key=lambda each: each.base):
        side = 0 if id(segment) in across else _side(segment, gutter)
        if side:
            if wide:
                regions.append(sorted(wide, key=lambda each: each.first))
                wide.clear()
            sides[side > 0].append(segment)
        else:
            flush()
            wide.append(segment)
    flush()
    if wide:
        regions.append(wide)
    return regions


def _in_wide_tables(segments: Sequence[Segment], gutter: float) -> set[int]:
    """The ``id`` of segments in tables as wide as the page: labels left of the gutter, amounts alone right of it."""
    rows = rows_of(segments)
    found: set[int] = set()
    for start, end, _ in page_lines(rows, 1):
        wide = [
            row
            for row in rows[start:end]
            if any(_side(s, gutter) > 0 and is_amount(s.text) for s in row.segments)
        ]
        mixed = [
            row for row in wide if any(_side(s, gutter) > 0 and not is_amount(s.text) for s in row.segments)
        ]
        if wide and len(mixed) <= _MIXED_ROWS * len(wide):
            found.update(id(segment) for row in rows[start:end] for segment in row.segments)
    return found


def _side(segment: Segment, gutter: float) -> int:
    """-1 left of the gutter, 1 right of it, 0 across."""
    if segment.x1 <= gutter:
        return -1
    return 1 if segment.x0 >= gutter - 2 else 0


def _gutter(segments: Sequence[Segment]) -> float | None:
    """Where the right one of two columns begins, or None when there is one column or a table."""
    long = [segment for segment in segments if len(segment.text) >= _LINE_CHARS]
    if len(long) < 2 * _COLUMN_LINES:
        return None
    left, right = min(s.x0 for s in long), max(s.x1 for s in long)
    starts = Counter(round(segment.x0) for segment in long)
    candidates = [
        start
        for start, _ in starts.most_common(6)
        if left + 0.2 * (right - left) < start
        and sum(starts[start + step] for step in (-1, 0, 1)) >= _COLUMN_LINES
    ]
    return next((start - 1.5 for start in sorted(candidates) if _parts(segments, start - 1.5)), None)


def _parts(segments: Sequence[Segment], gutter: float) -> bool:
    """Whether running text stands on both sides of the gutter, and not a table's cells."""
    sides = [_side(segment, gutter) for segment in segments]
    crossing = sides.count(0)
    if crossing > len(segments) / 3:
        return False
    ranges, counts = [], []
    for side in (-1, 1):
        here = [segment for segment, where in zip(segments, sides, strict=True) if where == side]
        long = [s for s in here if len(s.text) >= _LINE_CHARS]
        usual = median(s.x1 - s.x0 for s in long) if long else 0.0
        # Two columns may stand on one side.
        width = max((s.x1 for s in here), default=0) - min((s.x0 for s in here), default=0)
        prose = [s for s in long if s.x1 - s.x0 > usual / 2] if usual > _LINE_SHARE * width else []
        chars = sum(len(s.text) for s in here)
        if len(prose) < _COLUMN_LINES or sum(len(s.text) for s in prose) < _PROSE_SHARE * chars:
            return False
        ranges.append((min(s.base for s in prose), max(s.base for s in prose)))
        counts.append(len(prose))
    shared = min(ranges[0][1], ranges[1][1]) - max(ranges[0][0], ranges[1][0])
    if shared < 0.5 * min(high - low for low, high in ranges):
        return False
    # The file's order: few changes of side for columns, one for each line when they come line by line.
    order = [
        where
        for segment, where in zip(segments, sides, strict=True)
        if where and len(segment.text) >= _LINE_CHARS
    ]
    changes = sum(one != other for one, other in pairwise(order))
    return changes <= 2 + crossing + 0.1 * len(order) or changes >= 1.6 * min(counts)
