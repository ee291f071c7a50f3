"""Sentence boundaries as offsets.

Boundaries inside a paragraph come from sentencex (https://github.com/wikimedia/sentencex). This module adds
what running prose does not need: list items and the rows of tables, which seldom end in a full stop, become
sentences of their own, so that a footnote can point at one row.
"""

from __future__ import annotations

import re
from itertools import pairwise

import sentencex

Span = tuple[int, int]

# A sentence longer than this is taken for lines without punctuation and is cut at its line ends. The longest
# sentences of ordinary contracts stay whole at this length.
LONG_SENTENCE_CHARS = 600

_LIST_ITEM = re.compile(r"\n(?=[ \t]*(?:[-*+•‣▪●◦–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+\S)")
# Two or more cells: separated by a bar, a tab, or amounts that follow one another. An amount is looked for at its
# first digit only: from every digit, a line of digits would take time that grows with the square of its length.
_TABLE_ROW = re.compile(r"\||\t|(?<![\d,.])(?:[$€£%(]?\s?\d[\d,.]*+\)?%?\s+){2}")
# White space of more than one byte makes sentencex panic ("J. Doe, see A\u00a0."), so it is shown plain white space.
_WIDE_LINE_END = re.compile("[\x85\u2028\u2029]")
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")
_HEADING_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|={3,}|-{3,})")


def sentence_spans(text: str, start: int = 0, end: int | None = None, language: str = "en") -> list[Span]:
    """Cut ``text[start:end]`` into sentences.

    Args:
        text: The canonical text.
        start: First code point.
        end: One past the last code point, by default the end of the text.
        language: ISO 639-1 code, for the abbreviations that do not end a sentence.

    Returns:
        Spans that tile ``[start, end)`` without gap or overlap. White space after a sentence belongs to it.
    """
    end = len(text) if end is None else end
    if end <= start:
        return []
    part = text[start:end]
    cuts = {0, len(part)}
    plain = _WIDE_SPACE.sub(" ", _WIDE_LINE_END.sub("\n", part))
    for found in sentencex.get_sentence_boundaries(language, plain):
        cuts.add(found["start_index"])
    cuts.update(match.end() for match in _LIST_ITEM.finditer(part))
    for first, last in pairwise(sorted(cuts)):
        cuts.update(_line_cuts(part, first, last))
    return [(start + first, start + last) for first, last in _without_blank(part, sorted(cuts))]


def _line_cuts(part: str, first: int, last: int) -> list[int]:
    """Where to cut one sentence at its line ends: around headings and table rows, or because it is long."""
    lines = part[first:last].splitlines(keepends=True)
    if len(lines) < 2:  # noqa: PLR2004 - one line has no inner line end.
        return []
    cut_all = last - first > LONG_SENTENCE_CHARS
    cuts, at = [], first
    for line, following in pairwise(lines):
        at += len(line)
        special = any(_HEADING_LINE.match(each) or _TABLE_ROW.search(each) for each in (line, following))
        if cut_all or special:
            cuts.append(at)
    return cuts


def _without_blank(part: str, cuts: list[int]) -> list[Span]:
    """Join every blank stretch to the sentence before it, or after it at the start."""
    spans: list[Span] = []
    for first, last in pairwise(cuts):
        blank = not part[first:last].strip()
        if spans and (blank or not part[spans[-1][0] : spans[-1][1]].strip()):
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return spans


def trimmed(text: str, start: int, end: int) -> Span:
    """The span without white space at its ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))
