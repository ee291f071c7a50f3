"""A model's marked text, as it streams, into sentences and the sources that each of them names.

The model writes plain sentences, each followed by markers such as ``[k7f]`` that hold keys of sources. The
server issues the keys for one request, so that no document can know them beforehand. What counts as a marker
is decided in ``rag/marker_syntax.py``; here markers are taken out and given to their sentences.

A marker belongs to the sentence before it: before or after its full stop, across white space and line ends.
A sentence ends at a blank line; at a line end, unless the next line goes on in lower case; and inside a line
where sentencex finds a boundary (https://github.com/wikimedia/sentencex), but not within a quotation. A
marker after a full stop ends the sentence even where the full stop could be an abbreviation's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sentencex

from rag.marker_syntax import JOINTS, STARTS, Marker, Nothing, Verbatim, Where, known_of, new_keys, scan

if TYPE_CHECKING:
    from collections.abc import Collection

    from rag.types import Evidence

__all__ = ["MarkedSentence", "MarkedTextParser", "new_keys", "quotations"]

# Characters before a possible boundary that decide it: longer than nearly every sentence.
_WINDOW_CHARS = 400
# Pieces of a sentence among which a list item's number or bullet can be.
_PREFIX_CHARS = 12

_LIST_PREFIX = re.compile(
    r"[\s>#*_•‣▪●◦–-]*(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,4})[.)])?[*_]*"
)
_TERMINAL = re.compile(r"[.!?…。！？｡]([\"'”’»)\]}*_`]*)\Z")
_FULL_WIDTH_STOPS = frozenset("。！？｡")
# No sentence begins with one of these.
_TIGHT = frozenset(".,;:!?…%)]}”’。！？｡，、")
_CLOSERS = _TIGHT | frozenset("\"'»*_`")
_OPENERS = frozenset("\"'“„«‘([{*_#>`【［<$€£¿¡•")
_QUOTES = frozenset('"“”„«»')

_QUOTATION = re.compile(
    r"“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|(?<![\w\"])\"(?=\S)([^\"]+)(?<=\S)\"(?!\w)",
)
_QUOTATION_WORDS = 4
_QUOTATION_CHARS = 20


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """One sentence of an answer, or one list item, heading, table row or block of code.

    Attributes:
        text: As the reader is to see it: without markers, with its bullet or number. Empty only when the
            whole answer was markers.
        keys: The issued keys that it names, each once, in order.
        invented: Its parts of brackets that look like citations and were not issued, likewise.
        paragraph_break: Whether a blank line stands between the sentence before and this one.
        line_break: Whether any line end does.
    """

    text: str
    keys: tuple[str, ...]
    invented: tuple[str, ...]
    paragraph_break: bool
    line_break: bool = False


class MarkedTextParser:
    """Takes the model's text in pieces cut anywhere and gives back finished sentences.

    A sentence is given back once the first character after it and its markers has come, and not before.
    The result does not depend on how the text is cut. The work for one character is bounded.

    Args:
        issued: The keys issued for this request.
        evidence: The sources that the model read, whose own brackets are no citations.
    """

    def __init__(self, issued: Collection[str], evidence: Collection[Evidence] = ()) -> None:
        self._known = known_of(issued, evidence)
        self._raw = ""  # What has come and cannot be decided yet.
        self._finished: list[MarkedSentence] = []
        self._closed = False
        self._line_start = True
        self._start(paragraph_break=False, line_break=False)

    def feed(self, delta: str) -> list[MarkedSentence]:
        """Takes the next piece of text and returns the sentences that are certain now.

        Raises:
            ValueError: The text was finished before.
        """
        if self._closed:
            raise ValueError("this text was finished; make a new parser for another one")
        self._raw += delta
        self._consume(final=False)
        return self._take()

    def finish(self) -> list[MarkedSentence]:
        """Ends the text and returns the sentences that are left."""
        self._consume(final=True)
        self._closed = True
        if self._pieces or self._keys or self._invented:
            self._emit()
        return self._take()

    def _start(self, *, paragraph_break: bool, line_break: bool) -> None:
        self._pieces: list[str] = []
        self._keys: dict[str, None] = {}
        self._invented: dict[str, None] = {}
        self._breaks = (paragraph_break, line_break)
        # What stands between the last character of text and the next.
        self._gap: list[str] = []
        self._gap_breaks = (False, False)
        self._after_marker = False
        self._after_block = False

    def _take(self) -> list[MarkedSentence]:
        finished, self._finished = self._finished, []
        return finished

    def _consume(self, *, final: bool) -> None:
        raw, at = self._raw, 0
        while at < len(raw):
            char = raw[at]
            if char.isspace():
                self._gap.append(char)
                self._line_start = self._line_start or char == "\n"
                at += 1
                continue
            found: Marker | Verbatim | Nothing = Nothing.NONE
            if char in STARTS or (self._after_marker and char in JOINTS):
                found = scan(raw, at, self._known, self._where(char), final=final)
            if found is Nothing.MORE:
                break
            if isinstance(found, Marker):
                self._mark(found)
                at = found.end
            elif isinstance(found, Verbatim):
                self._text(raw[at : found.end])
                self._after_block = found.block
                at = found.end
            else:
                self._text(char)
                at += 1
            self._line_start = False
        self._raw = raw[at:]

    def _where(self, char: str) -> Where:
        """What stands before a character that may begin a marker."""
        if char == "`":
            return Where(line_start=self._line_start)
        last = self._pieces[-1][-1] if self._pieces else ""
        tail = "".join(self._pieces[-_WINDOW_CHARS:])[-_WINDOW_CHARS:] if self._known.brackets else ""
        return Where(
            line_start=self._line_start,
            quoted=_inside_quotation(tail),
            closed=self._after_marker or last in frozenset(".!?。！？"),
            attached=last.isalnum() and not self._gap and not self._after_marker,
        )

    def _mark(self, marker: Marker) -> None:
        self._note_gap()
        self._gap.clear()
        self._after_marker = True
        self._keys.update(dict.fromkeys(marker.keys))
        self._invented.update(dict.fromkeys(marker.invented))
        for char in marker.kept:
            self._text(char)

    def _note_gap(self) -> None:
        """Remembers the line ends in the white space so far; a marker on its own line makes no paragraph."""
        ends = self._gap.count("\n")
        paragraph, line = self._gap_breaks
        self._gap_breaks = (paragraph or ends > 1, line or ends > 0)

    def _text(self, piece: str) -> None:
        """Adds a character of prose, or a piece left alone, to the sentence that it belongs to."""
        char = piece[0]
        if not self._pieces:
            self._gap.clear()
            self._gap_breaks, self._after_marker = (False, False), False
        elif self._gap or self._after_marker or self._after_block or self._pieces[-1] in _FULL_WIDTH_STOPS:
            self._note_gap()
            if self._ends_before(char):
                paragraph_break, line_break = self._gap_breaks
                self._emit()
                self._start(paragraph_break=paragraph_break, line_break=line_break)
            elif self._after_marker and char == self._pieces[-1] and char in ".!?":
                return  # "It rose. [k7f]." has one full stop too many.
            else:
                self._join(char)
        self._pieces.append(piece)

    def _join(self, char: str) -> None:
        """Puts back the white space within a sentence, but for what stood around a marker."""
        gap = "".join(self._gap)
        if self._after_marker and char in _TIGHT:
            gap = ""
        elif self._after_marker and not gap and char not in _CLOSERS:
            gap = " "
        if gap:
            self._pieces.append(gap)
        self._gap.clear()
        self._gap_breaks, self._after_marker = (False, False), False

    def _emit(self) -> None:
        paragraph_break, line_break = self._breaks
        text = "".join(self._pieces).strip()
        keys, invented = tuple(self._keys), tuple(self._invented)
        self._finished.append(MarkedSentence(text, keys, invented, paragraph_break, line_break))

    def _ends_before(self, char: str) -> bool:
        """Whether the sentence so far ends before ``char``, given the white space and markers between."""
        paragraph_break, line_break = self._gap_breaks
        if paragraph_break or self._after_block:
            return True
        if len(self._pieces) <= _PREFIX_CHARS and _LIST_PREFIX.fullmatch("".join(self._pieces)):
            return False
        if line_break and not char.islower():
            return True
        return char not in _TIGHT and (bool(self._gap) or char not in _CLOSERS) and self._stops_before(char)

    def _stops_before(self, char: str) -> bool:
        """Whether a full stop or its like ends the sentence before ``char`` in the same line."""
        tail = "".join(self._pieces[-_WINDOW_CHARS:])[-_WINDOW_CHARS:]
        terminal = _TERMINAL.search(tail)
        if terminal is None or _inside_quotation(tail):
            return False
        if (self._after_marker and not char.islower()) or tail[-1] in _FULL_WIDTH_STOPS:
            return True
        # sentencex would put the closing parenthesis or asterisks of this sentence into the next.
        quotes = "".join(closer for closer in terminal.group(1) if closer in _QUOTES)
        before = tail[: terminal.start() + 1] + quotes + " "
        after = "X" if char in _OPENERS else char
        boundaries = sentencex.get_sentence_boundaries("en", before + after)
        return any(boundary["start_index"] == len(before) for boundary in boundaries)


def _inside_quotation(text: str) -> bool:
    """Whether a double quotation mark is open at the end of ``text``."""
    opened = ""
    previous = " "
    for char in text:
        if char in _QUOTES:
            if opened:
                closes = {"“": "”", "„": "“”", "«": "»", '"': '"'}[opened]
                if char in closes and not (char == '"' and previous.isspace()):
                    opened = ""
            elif char in "“„«" or (char == '"' and not previous.isalnum()):
                opened = char
        previous = char
    return bool(opened)


def quotations(sentence: str) -> list[tuple[int, int]]:
    """Finds what a sentence quotes: at least 4 words or 20 characters inside double quotation marks.

    Returns:
        Start and end offsets of each, in order, without the marks and without white space at the ends.
    """
    spans: list[tuple[int, int]] = []
    for found in _QUOTATION.finditer(sentence):
        start, end = found.span(found.lastindex or 0)
        inside = sentence[start:end]
        quoted = inside.strip()
        start += len(inside) - len(inside.lstrip())
        if len(quoted.split()) >= _QUOTATION_WORDS or len(quoted) >= _QUOTATION_CHARS:
            spans.append((start, start + len(quoted)))
    return spans
