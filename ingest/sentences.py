"""Sentence boundaries as offsets.

Boundaries inside a paragraph come from sentencex (https://github.com/wikimedia/sentencex), by the rules of the
language that ``ingest.language`` finds. This module takes back its cuts after initials and German ordinals, and adds
what running prose does not need: list items and the rows of tables, which seldom end in a full stop, become
sentences of their own, so that a footnote can point at one row.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

import sentencex

from ingest.language import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable

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
# sentencex takes time that grows with the square of a run of quotation marks; it is shown this much at a time.
_WINDOW_CHARS = 2_000
# What may stand before a full stop that ends no sentence: an initial, as in "ت. ستالسوورث" (sentencex knows those in
# Latin letters), and in German a number, which is an ordinal, as in "am 3. März".
_INITIAL = re.compile(r"(?<!\w)([^\W\d_])\.[^\S\n]+\Z")
_ORDINAL = re.compile(r"(?<![\w.,])\d{1,2}\.[^\S\n]+\Z")
_LONGEST_ABBREVIATION = 16
# Words that begin a German sentence and do not follow an ordinal.
_GERMAN_START = re.compile(
    r"(?:Aber|Als|Am|Auch|Auf|Aus|Bei|Bis|Da|Dabei|Damit|Danach|Dann|Darauf|Das|Dem|Den|Der|Deshalb|Dies|Diese|Dieser|"
    r"Dieses|Die|Doch|Ein|Eine|Einige|Er|Es|Für|Hier|Ich|Ihr|Im|In|Jedoch|Kein|Man|Mit|Nach|Nur|Ob|Obwohl|Seit|Sein|"
    r"Seine|Sie|So|Um|Und|Unter|Viele|Vom|Von|Vor|Während|Was|Weil|Wenn|Wer|Wie|Wir|Zu|Zum|Zur)\b"
)
# A German sentence that begins with a number, after a word too long for an abbreviation.
_GERMAN_NUMBER_START = re.compile(r"(?<=[a-zäöüß]{5}\.)[^\S\n]+(?=\d)")
_KHMER_STOP = re.compile("[\u17d4\u17d5]\\s*")
_HEADING_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|={3,}|-{3,})")


def sentence_spans(
    text: str, start: int = 0, end: int | None = None, language: str | None = None, code: Iterable[Span] = ()
) -> list[Span]:
    """Cut ``text[start:end]`` into sentences.

    Args:
        text: The canonical text.
        start: First code point.
        end: One past the last code point, by default the end of the text.
        language: ISO 639-1 code, for the abbreviations that do not end a sentence; by default it is found out.
        code: Stretches of the text, in its order, that are source code: there each line is a sentence.

    Returns:
        Spans that tile ``[start, end)`` without gap or overlap. White space after a sentence belongs to it.
    """
    end = len(text) if end is None else end
    if end <= start:
        return []
    part = text[start:end]
    plain = _WIDE_SPACE.sub(" ", _WIDE_LINE_END.sub("\n", part))
    cuts = {0, len(part), *_prose_cuts(plain, language or language_of(plain))}
    cuts.update(match.end() for match in _LIST_ITEM.finditer(part))
    for first, last in pairwise(sorted(cuts)):
        cuts.update(_line_cuts(part, first, last))
    ordered = _with_lines(part, sorted(cuts), [(first - start, last - start) for first, last in code])
    return [(start + first, start + last) for first, last in _without_blank(part, ordered)]


def _with_lines(part: str, cuts: list[int], code: list[Span]) -> list[int]:
    """Cuts with those inside of code replaced by its line ends."""
    merged: list[int] = []
    at = 0
    for begin, end in code:
        first, last = max(begin, 0), min(end, len(part))
        if first < last:
            until = bisect_left(cuts, first, at)
            starts = [match.end() + first for match in re.finditer("\n", part[first : last - 1])]
            merged += [*cuts[at:until], first, *starts, last]
            at = bisect_right(cuts, last, until)
    return sorted({*merged, *cuts[at:]})


def _prose_cuts(text: str, language: str) -> list[int]:
    """Where sentences begin in running text.

    Each window begins where the last sentence of the one before it began, because that one may go on.
    """
    cuts: list[int] = []
    at = 0
    while at < len(text):
        end = _window_end(text, at)
        window = text[at:end]
        found = [each["start_index"] for each in sentencex.get_sentence_boundaries(language, window)]
        found = [cut for cut in found if cut > 0 and not _goes_on(window, cut, language)]
        extra = _GERMAN_NUMBER_START if language == "de" else _KHMER_STOP
        found += [match.end() for match in extra.finditer(window)]
        cuts += [at + cut for cut in found]
        at = end if end == len(text) or not found else at + max(found)
        cuts.append(at)
    return cuts


def _window_end(text: str, at: int) -> int:
    """The end of the last word that ends within the window, or of the window."""
    limit = at + _WINDOW_CHARS
    if limit >= len(text):
        return len(text)
    gap = max(text.rfind(" ", at, limit), text.rfind("\n", at, limit)) + 1
    return gap if gap > at + 1 else limit


def _goes_on(text: str, cut: int, language: str) -> bool:
    """Whether the full stop before a cut belongs to an initial or an ordinal, so that no sentence ends there."""
    before, after = text[max(0, cut - _LONGEST_ABBREVIATION) : cut], text[cut : cut + _LONGEST_ABBREVIATION]
    if initial := _INITIAL.search(before):
        # A small letter before a capital may end its sentence, as in "2016 г. Затем"; so may a Latin capital.
        return after[:1].islower() if initial[1].islower() else not initial[1].isascii()
    return language == "de" and bool(_ORDINAL.search(before)) and not _GERMAN_START.match(after)


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
