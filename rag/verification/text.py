"""A text as words: where they stand, their stems, and which of them carry content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from index.stems import stem
from rag.verification.numerals import UNSPACED
from rag.words import is_function_word

if TYPE_CHECKING:
    from ingest.sentences import Span

# A number keeps its decimals, a compound stays whole; "isn’t" is one word.
# A script without spaces goes by runs of its letters, apart from the figures between them.
_WORD = re.compile(
    rf"\d+(?:[.,]\d+)*(?![^\W{UNSPACED}])|[{UNSPACED}]+|"
    rf"[^\W_{UNSPACED}]*[^\W\d_{UNSPACED}][^\W_{UNSPACED}]*(?:['’][^\W\d_]+)*|[^\W{UNSPACED}]+"
)
_STOP = re.compile(r"[.,;:!?()\[\]–—\n]")


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of one text.

    Attributes:
        text: The text.
        spans: Of each word in the text.
        folded: Each word case-folded, without a possessive ending.
        stems: Index stems, one for each word.
        content: Whether each word is more than a function word.
        stops: Whether punctuation stands between each word and the one before it.
    """

    text: str
    spans: tuple[Span, ...]
    folded: tuple[str, ...]
    stems: tuple[str, ...]
    content: tuple[bool, ...]
    stops: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.spans)

    def raw(self, at: int) -> str:
        """A word as it stands in the text."""
        return self.text[slice(*self.spans[at])]


@lru_cache(maxsize=4096)
def words_of(text: str) -> Words:
    """Split a text into words."""
    spans = tuple(match.span() for match in _WORD.finditer(text))
    folded = tuple(
        text[start:end].casefold().replace("’", "'").removesuffix("'s").removesuffix("'")
        for start, end in spans
    )
    stems = tuple(_stem(word) for word in folded)
    ends = (0, *(end for _, end in spans))
    stops = tuple(
        bool(_STOP.search(text, before, start)) for before, (start, _) in zip(ends, spans, strict=False)
    )
    return Words(text, spans, folded, stems, tuple(not is_function_word(each) for each in stems), stops)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return word.replace(",", "") if word[:1].isdigit() else stem(word)
