"""The index terms of each sentence of a passage, as numbers: stored with it, so that no search analyses its text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from index.analyze import terms
from ingest.hidden import blanked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from index.types import StoredPassage
    from ingest.pipeline import Ingested

# Of ``index.analyze.terms`` and of what follows. What is stored in another form is made anew from the text.
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class SentenceTerms:
    """The terms of some sentences.

    Attributes:
        lengths: How many each sentence has, shape (sentences,).
        codes: ``code`` of all of them in the order of the text, uint32, shape (sum of lengths,).
    """

    lengths: NDArray[np.int64]
    codes: NDArray[np.uint32]

    @classmethod
    def of(cls, sentences: Iterable[str]) -> SentenceTerms:
        """Analyse sentences."""
        found = [terms(each) for each in sentences]
        codes = np.fromiter(map(code, chain.from_iterable(found)), np.uint32)
        return cls(np.array([*map(len, found)], np.int64), codes)

    @classmethod
    def of_passage(cls, passage: StoredPassage) -> SentenceTerms:
        """Analyse the sentences of a passage. What nobody sees has no terms."""
        seen, first = passage.seen, passage.start
        return cls.of(seen[start - first : end - first] for start, end in passage.sentences)

    def to_bytes(self) -> bytes:
        """As the catalog stores them: four bytes for each sentence and each term."""
        return np.concatenate([np.array([_FORMAT]), self.lengths, self.codes]).astype("<u4").tobytes()


def code(term: str) -> int:
    """A number for a term.

    That one of a question is the same as another's in the sentences weighed for it happens once in some ten thousand
    searches, and then a sentence counts one word too many.
    """
    return crc32(term.encode("utf-8", "surrogatepass"))


def from_bytes(content: bytes, sentences: int) -> SentenceTerms | None:
    """What ``to_bytes`` gave for so many sentences; None when an older version gave it."""
    if not _is_present(content):
        return None
    numbers = np.frombuffer(content, "<u4").astype(np.uint32, copy=False)
    return SentenceTerms(numbers[1 : 1 + sentences].astype(np.int64), numbers[1 + sentences :])


def of_document(ingested: Ingested, held: Mapping[str, bytes]) -> list[bytes]:
    """The terms of each passage of a document, in order, as they are stored.

    Args:
        ingested: The document.
        held: What is stored already, by the passage's content, which says all that terms depend on.
    """
    seen = blanked(ingested.document.text, ingested.document.hidden)
    parts: list[list[str]] = [[] for _ in ingested.tree.passages]
    for sentence in ingested.tree.sentences:
        if sentence.parent is not None:
            parts[sentence.parent].append(seen[sentence.start : sentence.end])
    return [
        held[content] if _is_present(held.get(content)) else SentenceTerms.of(each).to_bytes()
        for content, each in zip(ingested.embedded.contents, parts, strict=True)
    ]


def _is_present(content: bytes | None) -> bool:
    """Whether terms were stored in the form that they have now."""
    return content is not None and content.startswith(np.array([_FORMAT], "<u4").tobytes())
