"""The sentences of a piece of evidence, each read once for all claims that are checked against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.sentences import trimmed
from rag.quotes import find_quote
from rag.verification.lead_in import lead_ins
from rag.verification.text import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.sentences import Span
    from rag.types import Evidence
    from rag.verification.text import Words

# What may stand before a sentence and is no part of it: marks, a bullet, the number of a list item. Signs that change
# what is said, as in "-20" and "A+", are not among them.
_OPENING = r"[\s*_>#|•·\"“”'‘’(\[]*"
_LABEL = re.compile(
    rf"{_OPENING}(?:[-–]\s+{_OPENING})?(?:(?:\d{{1,3}}(?:\.\d{{1,3}})*|[a-zA-Z])[.)]\s+{_OPENING})?"
)
_ENDING = re.compile(r"[\s\"”’')\]*_|.!;:。！]*")
_NO_LETTER = re.compile(r"\W+")
# A label is not longer, in letters and in all.
LONGEST_LABEL, _LONGEST_OPENING = 24, 200
# A longer sentence, which only text without punctuation has, is compared in parts.
LONGEST_WORDS = 400
# Characters before a list item's mark in its line that are looked at.
_COLUMNS = 80


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a part of one that is too long.

    Attributes:
        evidence: Where it stands.
        span: In the document, without white space at its ends.
        whole: Span of the sentence that it belongs to, as the text was cut.
        text: What is compared: its words, after the lead-in that denies them.
        words: Of the text.
        letters: Letters and figures of the whole sentence, case-folded.
        lead_in: The words over it that deny it, or nothing.
    """

    evidence: Evidence
    span: Span
    whole: Span
    text: str
    words: Words
    letters: str
    lead_in: str

    def quoted(self, claim: str, letters: str) -> Span | None:
        """Where the sentence is a claim to the letter, or None. ``letters`` are the claim's."""
        first, last = self.whole
        if self.lead_in or letters not in self.letters or len(self.letters) - len(letters) > LONGEST_LABEL:
            return None
        text = self.evidence.slice((first, last))
        place = find_quote(text, claim)
        if place is None or place[0] > _LONGEST_OPENING:
            return None
        if not (_LABEL.fullmatch(text, 0, place[0]) and _ENDING.fullmatch(text, place[1])):
            return None
        return first + place[0], first + place[1]


def letters_of(text: str) -> str:
    """Letters and figures alone: a text that lacks those of a quotation does not hold it, and this is seen fast."""
    return _NO_LETTER.sub("", text).casefold()


def sentences_of(piece: Evidence) -> Iterator[Sentence]:
    """The sentences of a piece that have words, in order."""
    denied = lead_ins(with_columns(piece, piece.sentences), piece.headings[-1] if piece.headings else "")
    for whole, lead_in in zip(piece.sentences, denied, strict=True):
        start, end = trimmed(piece.text, whole[0] - piece.start, whole[1] - piece.start)
        own = piece.text[start:end]
        words = words_of(own)
        letters = letters_of(own)
        for at in range(0, len(words), LONGEST_WORDS):
            last = min(at + LONGEST_WORDS, len(words)) - 1
            a = start + words.spans[at][0] if at else start
            b = end if last == len(words) - 1 else start + words.spans[last][1]
            part = piece.text[a:b]
            text = f"{lead_in} {part}" if lead_in else part
            read = words if text == own else words_of(text)
            yield Sentence(piece, (piece.start + a, piece.start + b), whole, text, read, letters, lead_in)


def with_columns(piece: Evidence, spans: Iterable[Span]) -> list[tuple[str, int]]:
    """Sentences of a piece, each with the column in which it begins."""
    return [(piece.slice(span), _column(piece, span[0])) for span in spans]


def _column(piece: Evidence, start: int) -> int:
    """How far a sentence's first letter is from the beginning of its line."""
    at = start - piece.start
    begins = piece.text.rfind("\n", max(0, at - _COLUMNS), at) + 1
    text = piece.text[at : at + _COLUMNS]
    return (at - begins if begins else min(at, _COLUMNS)) + len(text) - len(text.lstrip())
