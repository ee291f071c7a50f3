"""One page: its lines in reading order, with tables, and the characters that they come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.parsers.pdf import tables
from ingest.parsers.pdf.columns import columns
from ingest.parsers.pdf.layout import Line, lines_of, rows_of, upright

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.parsers.pdf.characters import Segment


_SMALLER = 0.93


@dataclass(slots=True)
class Page:
    """What a page holds.

    Attributes:
        lines: The text's, in the order of reading.
        top: Running lines at its top.
        bottom: Running lines at its bottom.
        plain: The page's text where its layout is not known; then there are no lines.
        typed: Notes and values of form fields.
    """

    lines: list[Line] = field(default_factory=list)
    top: list[str] = field(default_factory=list)
    bottom: list[str] = field(default_factory=list)
    plain: str = ""
    typed: list[str] = field(default_factory=list)


def lay_out(segments: Sequence[Segment], top: Sequence[Segment] = (), bottom: Sequence[Segment] = ()) -> Page:
    """Bring a page's segments into the order of reading.

    Args:
        segments: All of the page's, in the order of the file.
        top: Those among them that are running headers.
        bottom: Those that are running footers.
    """
    running = {id(segment) for segment in (*top, *bottom)}
    main, aside = upright([segment for segment in segments if id(segment) not in running])
    lines: list[Line] = []
    notes: list[Line] = []
    regions = columns(main)
    tables_before = 0
    for number, region in enumerate(regions):
        left, right = min(s.x0 for s in region), max(s.x1 for s in region)
        found = _region(region, 1 + tables_before)
        tables_before = max([tables_before, *(line.table for line in found)])
        for line in found:
            line.region, line.left, line.right = number, left, right
        # Notes below one column would stand in the middle of the sentence that goes on in the next.
        text = len(found) - (_notes(found) if number + 1 < len(regions) else 0)
        lines += found[:text]
        for line in found[text:]:
            line.region = len(regions) + number
            notes.append(line)
    lines += notes
    for turn in sorted({segment.turn for segment in aside}):
        for line in lines_of(rows_of(s for s in aside if s.turn == turn)):
            line.region, line.left, line.right = -1 - turn, line.x0, line.x1
            lines.append(line)
    return Page(lines, [row.text for row in rows_of(top)], [row.text for row in rows_of(bottom)])


def reading_order(segments: Sequence[Segment]) -> Iterable[Segment]:
    """A page's segments as ``lay_out`` orders them."""
    return (segment for line in lay_out(segments).lines for segment in line.segments())


def _notes(lines: Sequence[Line]) -> int:
    """How many lines at the end of a column are in smaller letters than most of it."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size * 2) / 2] += len(line.text)
    size = sizes.most_common(1)[0][0]
    count = 0
    while count < len(lines) and not lines[-1 - count].table and lines[-1 - count].size < _SMALLER * size:
        count += 1
    return count


def _region(segments: Sequence[Segment], first_table: int) -> list[Line]:
    rows = rows_of(segments)
    lines: list[Line] = []
    at = 0
    for start, end, table in tables.page_lines(rows, first_table):
        lines += lines_of(rows[at:start]) + table
        at = end
    return lines + lines_of(rows[at:])
