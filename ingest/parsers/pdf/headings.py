"""Headings told from the page: numbering, and letters that are larger, bolder or capital where the text's are not.

A wrong heading misleads more than a missing one, so that a line must be short, stand apart and not read like a
sentence, a date, an amount or a signature. Levels come from the numbering where there is one, else from the
look, larger before smaller.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.parsers.pdf.numbering import follows, numbered
from ingest.parsers.pdf.paragraphs import MARKER
from ingest.parsers.pdf.wording import LETTERS, is_name_or_amount, is_never_title, titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.parsers.pdf.layout import Line
    from ingest.parsers.pdf.page import Page

MAX_LEVEL = 9

# A numbered title that begins a line of text ends with a stop and is followed by a sentence.
_RUN_IN = re.compile(r"(?P<title>[^.:;—]{2,70}?)\s?(?:\.(?=\s+[A-Z(“\"])|[.:]$|[:—](?=\s*[A-Z(“\"]))")
_RANKS = {
    "exhibit": 10, "schedule": 10, "appendix": 10, "annex": 10, "part": 12, "chapter": 14, "article": 14,
    "item": 16, "note": 24,
}  # fmt: skip
_DECIMAL_RANK = 20
_STYLE_RANK = 30
_MAX_WORDS = 16
_FEW_WORDS = 8
_MAX_CHARS = 130
_MAX_LINES = 3
_LARGER = 1.14
_PILE = 3
_SEEN = 3
_SEEN_SHARE = 0.02
_FAR_RIGHT = 0.45
# First pages with more lines in bold than this are covers and forms.
_MANY = 5


# Size, capitals, centred, bold, italic.
_Style = tuple[float, bool, bool, bool, bool]


@dataclass(slots=True)
class Heading:
    """A heading among the lines.

    Attributes:
        lines: Its lines.
        level: 1 is the highest.
        chars: Where it ends in its only line when text follows there; 0 when it fills its lines.
    """

    lines: list[Line]
    level: int
    chars: int = 0


@dataclass(slots=True)
class _Candidate:
    lines: list[Line]
    chars: int
    kind: str
    number: tuple[int, ...]
    style: _Style
    page: int


def find(pages: Sequence[Page], starts: Sequence[Sequence[bool]]) -> list[Heading]:
    """All headings, in the order of the text.

    Args:
        pages: Laid out.
        starts: For each page whether a paragraph begins with each of its lines.
    """
    body, bold_body = _body(pages)
    if not body:
        return []
    found: list[_Candidate] = []
    for number, (page, begins) in enumerate(zip(pages, starts, strict=True)):
        here = list(_on_page(page.lines, begins, body, bold_body=bold_body, page=number))
        if number == 0 and len(pages) > 2 and sum(not each.number for each in here) > _MANY:  # noqa: PLR2004
            # A cover: only its title is one.
            size = max(each.style[0] for each in here)
            here = [each for each in here if each.style[0] == size > _LARGER * body][:1]
        found += here
    found = _without_piles(_in_sequence(found), pages)
    levels = _levels([_rank(each, body) for each in found])
    return [Heading(each.lines, level, each.chars) for each, level in zip(found, levels, strict=True)]


def _levels(ranks: Sequence[tuple[float, ...]]) -> list[int]:
    """Levels from ranks. A look that is seen once or twice gets no level of its own, but the next lower one's."""
    counts = Counter(ranks)
    least = max(_SEEN, round(_SEEN_SHARE * len(ranks)))
    kept = [rank for rank in sorted(counts) if rank[0] != _STYLE_RANK or counts[rank] >= least]
    kept = kept or sorted(counts)
    return [min(bisect_left(kept, rank), len(kept) - 1, MAX_LEVEL - 1) + 1 for rank in ranks]


def _without_piles(found: list[_Candidate], pages: Sequence[Page]) -> list[_Candidate]:
    """Leave out three and more unnumbered lines in a row with no text between them: covers, addresses, signatures."""
    position = {id(line): at for at, line in enumerate(line for page in pages for line in page.lines)}
    piles: list[list[_Candidate]] = []
    for candidate in found:
        last = piles[-1][-1] if piles else None
        below = last and position[id(last.lines[-1])] + 1 == position[id(candidate.lines[0])]
        if last and below and last.page == candidate.page:
            piles[-1].append(candidate)
        else:
            piles.append([candidate])
    return [
        each for pile in piles for each in pile if each.number or sum(not one.number for one in pile) < _PILE
    ]


def _body(pages: Sequence[Page]) -> tuple[float, bool]:
    """Size of most of the text's letters, in points, and whether most of them are bold."""
    sizes: Counter[float] = Counter()
    bold = 0
    for page in pages:
        for line in page.lines:
            for segment in line.segments():
                sizes[round(segment.size * 2) / 2] += len(segment.text)
                bold += segment.bold
    if not sizes:
        return 0.0, False
    return sizes.most_common(1)[0][0], bold > sizes.total() / 2


def _on_page(
    lines: Sequence[Line], begins: Sequence[bool], body: float, *, bold_body: bool, page: int
) -> Iterator[_Candidate]:
    at = 0
    while at < len(lines):
        line, end = lines[at], at + 1
        if line.table or not (begins[at] or _distinct(lines, at, bold_body=bold_body)):
            at += 1
            continue
        look = _look(line, bold_body=bold_body)
        plain = look == (round(body * 2) / 2, False, False)
        while (
            not plain
            and end < min(len(lines), at + _MAX_LINES)
            and not begins[end]
            and _look(lines[end], bold_body=bold_body) == look
            and not numbered(lines[end].text)[0]
        ):
            end += 1
        alone = end == len(lines) or begins[end] or _look(lines[end], bold_body=bold_body) != look
        candidate = _whole(lines[at:end], body, bold_body=bold_body, page=page) if alone else None
        candidate = candidate or _run_in(line, bold_body=bold_body, page=page)
        if candidate:
            yield candidate
            at += len(candidate.lines)
        else:
            at += 1


def _look(line: Line, *, bold_body: bool) -> tuple[float, bool, bool]:
    return round(line.size * 2) / 2, _bold(line) and not bold_body, _caps(line.text)


def _distinct(lines: Sequence[Line], at: int, *, bold_body: bool) -> bool:
    """Whether a line inside a paragraph looks unlike the line above it."""
    return at > 0 and _look(lines[at], bold_body=bold_body) != _look(lines[at - 1], bold_body=bold_body)


def _bold(line: Line) -> bool:
    return all(segment.bold >= len(segment.text) for segment in line.segments())


def _caps(text: str) -> bool:
    return sum(1 for _ in LETTERS.finditer(text)) >= 4 and text.upper() == text  # noqa: PLR2004


def _whole(lines: Sequence[Line], body: float, *, bold_body: bool, page: int) -> _Candidate | None:
    """The lines as one heading that fills them, or None."""
    text = " ".join(line.text for line in lines)
    first = lines[0]
    size, bold, caps = _look(first, bold_body=bold_body)
    style = (size, caps, _centred(first), bold and all(map(_bold, lines)), first.cells[0][0].italic)
    kind, number, rest = numbered(text)
    words = (rest if kind else text).split()
    if len(text) > _MAX_CHARS or len(words) > _MAX_WORDS or is_never_title(rest or text):
        return None
    open_end = text[-1] in ",;—–-" or (text[-1] in ".:" and not (kind and len(words) <= _FEW_WORDS))
    if open_end or not LETTERS.search(text):
        return None
    larger = size >= _LARGER * body and not bold_body
    marked = larger or style[3] or caps
    if kind:
        good = _is_numbered_title(kind, rest, words, marked=marked)
    else:
        good = not _is_other(lines, text, words) and _is_title(text, words, style, larger=larger)
    return _Candidate(list(lines), 0, kind, number, style, page) if good else None


def _is_numbered_title(kind: str, rest: str, words: Sequence[str], *, marked: bool) -> bool:
    if kind in {"decimal", "roman"}:
        return titled(words) and (marked or len(words) <= _FEW_WORDS - 2)
    if not rest:
        return kind != "note"
    return (rest[0].isupper() or rest[0] in "“\"(‘'") and (marked or titled(words))


def _is_title(text: str, words: Sequence[str], style: _Style, *, larger: bool) -> bool:
    """Whether an unnumbered line looks and reads like a title."""
    _, caps, centred, bold, _ = style
    few = text[0].isupper() and len(words) <= _FEW_WORDS
    if larger:
        return text[0].isupper() and len(LETTERS.findall(text)) > 2 and (titled(words) or bold or few)  # noqa: PLR2004
    if bold:
        return titled(words) or few
    return caps and centred and few


def _is_other(lines: Sequence[Line], text: str, words: Sequence[str]) -> bool:
    """Whether an unnumbered line is an item, a date, an amount, a name, or a part of something."""
    first = lines[0]
    # Lines of several parts are rows, and those far to the right name columns, or stand in a signature's block.
    row = any(len(line.cells[0]) > 1 for line in lines)
    right = first.x0 > first.left + _FAR_RIGHT * (first.right - first.left)
    if row or right or text.count("(") != text.count(")"):
        return True
    return bool(MARKER.match(text)) or is_name_or_amount(text, words)


def _run_in(line: Line, *, bold_body: bool, page: int) -> _Candidate | None:
    """A numbered title at the beginning of a paragraph: "5.2 Termination. Either party may ..."."""
    text = line.text
    kind, number, rest = numbered(text)
    if kind not in {"decimal", "section", "article", "item"} or not rest:
        return None
    match = _RUN_IN.match(rest)
    if not match:
        return None
    words = match["title"].split()
    if len(words) > 9 or not titled(words) or is_never_title(match["title"]):  # noqa: PLR2004
        return None
    size, _, _ = _look(line, bold_body=bold_body)
    chars = len(text) - len(rest) + match.end("title")
    whole = chars >= len(text) - 1
    return _Candidate([line], 0 if whole else chars, kind, number, (size, False, False, False, False), page)


def _centred(line: Line) -> bool:
    width = line.right - line.left
    if width <= 0 or line.x0 < line.left + 0.08 * width:
        return False
    return abs((line.x0 + line.x1) / 2 - (line.left + line.right) / 2) < 0.05 * width


def _in_sequence(found: list[_Candidate]) -> list[_Candidate]:
    """Leave out plain numbers that do not count on: items of lists, addresses, references."""
    kept: list[_Candidate] = []
    chain: tuple[int, ...] = ()
    for candidate in found:
        if candidate.kind not in {"decimal", "section"}:
            kept.append(candidate)
            if candidate.kind == "article":
                chain = candidate.number
            elif candidate.kind in {"exhibit", "schedule", "appendix", "annex", "part"}:
                chain = ()
            continue
        if follows(chain, candidate.number) or candidate.style[3]:
            kept.append(candidate)
            chain = candidate.number
    counted = Counter(candidate.kind for candidate in kept)
    # One numbered line is no numbering.
    return [c for c in kept if c.kind not in {"decimal", "roman"} or counted[c.kind] > 2 or c.style[3]]  # noqa: PLR2004


def _rank(candidate: _Candidate, body: float) -> tuple[float, ...]:
    """Sorts headings from the highest level to the lowest."""
    size, caps, centred, bold, italic = candidate.style
    if candidate.kind in {"decimal", "section"}:
        return (_DECIMAL_RANK + len(candidate.number),)
    if candidate.kind == "roman":
        return (_DECIMAL_RANK,)
    if candidate.kind:
        return (_RANKS[candidate.kind],)
    if size >= 1.5 * body:
        return (0, -size)
    return (_STYLE_RANK, -size, not caps, not centred, not bold, italic)
