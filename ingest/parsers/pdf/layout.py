"""The order in which a page is read: columns, rows, lines.

Within a column rows go from top to bottom. Columns are told from tables by what stands in them, long lines on
both sides, and by the order of the file: a table's cells come row by row, two columns of text come one after
the other or line by line. Where cells of several lines stand beside one another outside a table, the
file's own order keeps each cell together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.parsers.pdf.characters import Segment

# Segments with as many characters are lines of a column of text rather than cells.
_LINE_CHARS = 20
# Columns have as many lines, side by side.
_COLUMN_LINES = 5
_PROSE_SHARE = 0.6
_BASE_SLACK = 0.45
# A row further below the last one than this many letter heights begins something new.
_TIGHT = 1.9
# Columns inside columns inside columns: no page has more.
_MAX_DEPTH = 3


@dataclass(slots=True)
class Row:
    """Segments on one baseline, from left to right.

    Attributes:
        segments: At least one.
        base: The baseline of the tallest.
        size: Height of the tallest, in points.
    """

    segments: list[Segment]
    base: float
    size: float

    @property
    def x0(self) -> float:
        """Left edge."""
        return self.segments[0].x0

    @property
    def x1(self) -> float:
        """Right edge."""
        return max(segment.x1 for segment in self.segments)

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(segment.text for segment in self.segments)


@dataclass(slots=True)
class Line:
    """One line of the canonical text.

    Attributes:
        cells: Segments of each cell in the order of reading; running text is one cell.
        base: The baseline, downwards from a fixed point.
        size: Height of its letters, in points.
        x0: Left edge.
        x1: Right edge.
        region: Number of the column that it stands in; lines of two regions are never one paragraph.
        table: Number of its table on the page, from 1; 0 outside.
        left: Left edge of the region.
        right: Right edge of the region.
        text: Its words.
    """

    cells: list[list[Segment]]
    base: float
    size: float
    x0: float
    x1: float
    region: int = 0
    table: int = 0
    left: float = 0.0
    right: float = 0.0
    text: str = field(default="")

    def segments(self) -> Iterable[Segment]:
        """All segments in the order of reading."""
        return (segment for cell in self.cells for segment in cell)


def rows_of(segments: Iterable[Segment]) -> list[Row]:
    """Gather segments into rows, from top to bottom."""
    rows: list[Row] = []
    for segment in sorted(segments, key=lambda each: each.base):
        row = rows[-1] if rows else None
        if row and segment.base - row.base < _BASE_SLACK * min(row.size, segment.size):
            row.segments.append(segment)
            if segment.size > row.size:
                row.base, row.size = segment.base, segment.size
        elif row and segment.size < row.size and segment.base - row.base < _BASE_SLACK * row.size:
            # A lowered mark.
            row.segments.append(segment)
        else:
            rows.append(Row([segment], segment.base, segment.size))
    for row in rows:
        row.segments.sort(key=lambda each: each.x0)
    return rows


def upright(segments: Sequence[Segment]) -> tuple[list[Segment], list[Segment]]:
    """Segments in the page's main direction, and the rest (a stamp along the edge)."""
    sizes: Counter[int] = Counter()
    for segment in segments:
        sizes[segment.turn] += len(segment.text)
    main = sizes.most_common(1)[0][0] if sizes else 0
    return [s for s in segments if s.turn == main], [s for s in segments if s.turn != main]


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

    for segment in sorted(segments, key=lambda each: each.base):
        if side := _side(segment, gutter):
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
    if crossing > len(segments) / 2:
        return False
    ranges, counts = [], []
    for side in (-1, 1):
        here = [segment for segment, where in zip(segments, sides, strict=True) if where == side]
        width = max((s.x1 for s in here), default=0) - min((s.x0 for s in here), default=0)
        prose = [s for s in here if len(s.text) >= _LINE_CHARS and s.x1 - s.x0 > width / 2]
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


def lines_of(rows: Sequence[Row]) -> list[Line]:
    """Lines of running text; rows of several cells of several lines take the order of the file."""
    lines: list[Line] = []
    at = 0
    while at < len(rows):
        end = at + 1
        if len(rows[at].segments) > 1:
            while end < len(rows) and _goes_on(rows[at], rows[end - 1], rows[end]):
                end += 1
        parts = sorted((s for row in rows[at:end] for s in row.segments), key=lambda each: each.first)
        lines.extend(_merged(parts) if end > at + 1 else [_line(rows[at].segments)])
        at = end
    return lines


def _goes_on(first: Row, last: Row, row: Row) -> bool:
    return row.base - last.base < _TIGHT * max(row.size, last.size) and (
        len(row.segments) > 1 or row.x0 > first.x0 + row.size
    )


def _merged(segments: Sequence[Segment]) -> list[Line]:
    """Neighbours in the file on one baseline make one line."""
    groups: list[list[Segment]] = []
    for segment in segments:
        last = groups[-1][-1] if groups else None
        if last and abs(last.base - segment.base) < _BASE_SLACK * segment.size and segment.x0 >= last.x0:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return [_line(group) for group in groups]


def _line(segments: list[Segment]) -> Line:
    tallest = max(segments, key=lambda each: each.size)
    x0, x1 = min(s.x0 for s in segments), max(s.x1 for s in segments)
    text = " ".join(segment.text for segment in segments)
    return Line([segments], tallest.base, tallest.size, x0, x1, text=text)
