"""The index terms of each sentence of a passage, remembered for the passages that searches read most lately."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from index.analyze import terms

if TYPE_CHECKING:
    from index.types import IdRange, StoredPassage

# Passages, each about a kilobyte: its terms are shared with all others that have them.
_MOST = 4096


def sentence_terms(passage: StoredPassage) -> tuple[list[str], ...]:
    """The terms of each of its sentences, in order."""
    seen, first = passage.seen, passage.start
    return tuple(terms(seen[start - first : end - first]) for start, end in passage.sentences)


class SentenceTerms:
    """Terms by passage id. An id is never used twice, so none can be wrong; what went is forgotten. Thread-safe.

    Args:
        most: Passages that are remembered; those read first are forgotten first.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[int, tuple[list[str], ...]] = {}
        self._lock = threading.Lock()

    def of(self, passage: StoredPassage) -> tuple[list[str], ...]:
        """As ``sentence_terms``. Callers leave the lists as they are."""
        found = self._known.get(passage.id)
        if found is None:
            found = sentence_terms(passage)
            with self._lock:
                if len(self._known) >= self._most:
                    del self._known[next(iter(self._known))]
                self._known[passage.id] = found
        return found

    def forget(self, ids: IdRange) -> None:
        """Forget passages that are gone."""
        with self._lock:
            for each in [each for each in self._known if ids.first <= each <= ids.last]:
                del self._known[each]
