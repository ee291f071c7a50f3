"""Where paragraphs begin, and which words a hyphen at a line's end parts."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.parsers.pdf.layout import Line
    from ingest.parsers.pdf.page import Page

MARKER = re.compile(
    r"(?:[•●▪■◦–*·§]|\(?[0-9]{1,3}[.)]|\(?[ivxlc]{1,5}[.)]|\([a-zA-Z]\)|[a-zA-Z][.)])(?=\s|$)"
)
_ENDS = re.compile(r"[.!?:;]['\"”’)\]]*$")
_OPEN = re.compile(r"(?:[,–—-]|[a-z])$")
_HYPHENATED = re.compile(r"([^\W\d_]{2,})([-\u00ad])$")
_FIRST_WORD = re.compile(r"([^\W\d_]+)\S*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# A step down that is this much larger than the usual one begins a paragraph.
_WIDER = 1.25
# Without a usual step (a page of a few lines): as a share of the letters' height.
_SPACED = 1.7
_INDENT = 0.8
_FULL = 0.8
_SHORT = 0.75


def usual_steps(pages: Sequence[Page]) -> list[float]:
    """The most frequent distance of two lines, in letter heights: each page's, or else the document's."""
    everywhere: Counter[float] = Counter()
    of_page = []
    for page in pages:
        steps = Counter(_steps(page.lines))
        everywhere += steps
        step, count = steps.most_common(1)[0] if steps else (0.0, 0)
        of_page.append(step if count > 5 else 0.0)  # noqa: PLR2004 -- fewer may be chance
    usual = everywhere.most_common(1)[0][0] if everywhere else _SPACED / _WIDER
    return [step or usual for step in of_page]


def _steps(lines: Sequence[Line]) -> Iterator[float]:
    for upper, lower in pairwise(lines):
        step = (lower.base - upper.base) / max(lower.size, 1.0)
        same = upper.region == lower.region and not upper.table and not lower.table
        if same and 0.8 < step < 3 and abs(upper.size - lower.size) < 1:  # noqa: PLR2004
            yield round(step, 1)


def breaks(lines: Sequence[Line], step: float) -> list[bool]:
    """Whether a paragraph begins with each line.

    Args:
        lines: Of one page.
        step: The usual distance of its lines, in letter heights.
    """
    return [True, *(_parted(upper, lower, step) for upper, lower in pairwise(lines))] if lines else []


def _parted(upper: Line, lower: Line, step: float) -> bool:
    if upper.table or lower.table:
        return upper.table != lower.table
    if upper.region != lower.region:
        return not goes_on(upper, lower)
    down = lower.base - upper.base
    if -lower.size <= down < lower.size / 2:
        # Two parts of one row.
        return False
    resized = abs(upper.size - lower.size) > 0.1 * max(upper.size, lower.size)
    if down < 0 or resized or down > _WIDER * step * max(upper.size, lower.size):
        return True
    if not _ENDS.search(upper.text):
        return False
    width = lower.right - lower.left
    indented = lower.x0 - upper.x0 > _INDENT * lower.size and not MARKER.match(upper.text)
    short = upper.x1 < upper.left + _SHORT * width and not lower.text[:1].islower()
    return short or (indented and lower.x0 - lower.left < width / 3)


def goes_on(upper: Line, lower: Line) -> bool:
    """Whether a sentence runs from the last line of a column or a page into the first one of the next."""
    if upper.table or lower.table or _ENDS.search(upper.text):
        return False
    if lower.text[:1].islower():
        return not MARKER.match(lower.text)
    full = upper.x1 > upper.left + _FULL * (upper.right - upper.left) and len(upper.text) > 20  # noqa: PLR2004
    same = abs(upper.size - lower.size) < 0.1 * upper.size
    return bool(full and same and _OPEN.search(upper.text) and not MARKER.match(lower.text))


def join_hyphens(pages: Sequence[Page]) -> None:
    """Join words that a hyphen parts at a line's end where the document has the joined word elsewhere.

    The whole word goes to the upper line. A soft hyphen always joins.
    """
    known: Counter[str] = Counter()
    for line in _running(pages):
        known.update(word.casefold() for word in _WORD.findall(line.text))
    for page in pages:
        for upper, lower in pairwise(page.lines):
            if upper.table or lower.table:
                continue
            end, start = _HYPHENATED.search(upper.text), _FIRST_WORD.match(lower.text)
            if not end or not start or not start[1][0].islower():
                continue
            head, tail = end[1].casefold(), start[1].casefold()
            if end[2] == "\u00ad" or (known[head + tail] and not known[f"{head}-{tail}"]):
                upper.text = upper.text[: end.start(2)] + start[0]
                lower.text = lower.text[start.end() :].lstrip()
        page.lines[:] = [line for line in page.lines if line.text]


def _running(pages: Sequence[Page]) -> Iterable[Line]:
    return (line for page in pages for line in page.lines)
