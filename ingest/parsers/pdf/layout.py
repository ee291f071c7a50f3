"""The order in which a column is read: rows, and the lines that they become.

Rows go from top to bottom. Where cells of several lines stand beside one another outside a table, the file's
own order keeps each cell together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.parsers.pdf.characters import Segment

_BASE_SLACK = 0.45
# A row further below the last one than this many letter heights begins something new.
_TIGHT = 1.9


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
