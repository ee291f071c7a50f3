"""What is compared: the service, parts of it, the plain hybrid, and searches over whole documents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.baseline import Bm25, ranking
from rag.budget import within_characters
from rag.config import RetrieveConfig
from rag.evaluation.measures import Range, cut
from rag.evaluation.ranking import ranked_documents
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.baseline import Baseline
    from benchmarks.report import Checks
    from benchmarks.retrieval.encoder import MiniLm
    from benchmarks.retrieval.library import Library, Stored
    from rag.types import Found

SERVICE, BASELINE = "footnote", "baseline"
BUDGET = "passages stay within max_chars"
LETTER = "passage text is the stored text, to the letter"
# Neighbours further away than this many passages count nothing at all: exp(-1 / reach) is 0.
_ALONE = 1e-3


class Service:
    """``/v1/search`` without HTTP. What was found is checked, and remembered for the next measure.

    Args:
        library: Holds the collection.
        stored: What was ingested.
        checks: Takes what is seen.
        config: How passages are found.
        mode: ``hybrid``, ``dense`` or ``lexical``.
    """

    def __init__(
        self,
        library: Library,
        stored: Stored,
        checks: Checks,
        config: RetrieveConfig | None = None,
        mode: str = "hybrid",
    ) -> None:
        self._library, self._stored, self._checks = library, stored, checks
        self._config, self._mode = config or RetrieveConfig(), mode
        self._collection = library.store.collection(stored.collection)
        self._last: tuple[str, dict[int, list[Found]]] = ("", {})

    def within(self, question: str, budget: int) -> list[Range]:
        """See ``Finder``; as many passages are retrieved as ``/v1/search`` does for a budget."""
        found = within_characters(self._found(question, max(10, min(200, budget // 100 + 1))), budget)
        total = sum(len(each.passage.text) for each in found)
        self._checks.see(BUDGET, total <= budget, f"{total} for {budget}: {question[:60]!r}")
        return self._ranges(question, found)

    def best(self, question: str, count: int) -> list[Range]:
        """See ``Finder``."""
        return self._ranges(question, self._found(question, count))

    def documents(self, question: str, count: int) -> list[str]:
        """See ``Finder``. A document that has the same passage is named beside the one that is shown."""
        names: dict[str, None] = {}
        for each in self._found(question, count):
            for document in (each.passage.document_id, *each.also_in):
                names.update(dict.fromkeys(self._stored.names[document]))
        return list(names)

    def _found(self, question: str, limit: int) -> list[Found]:
        if self._last[0] != question:
            self._last = (question, {})
        if limit not in self._last[1]:
            self._last[1][limit] = retrieve(
                question,
                collection=self._collection,
                catalog=self._library.store.catalog,
                embedder=self._library.embedder,
                config=self._config,
                limit=limit,
                mode=self._mode,
            )
        return self._last[1][limit]

    def _ranges(self, question: str, found: Sequence[Found]) -> list[Range]:
        ranges = []
        for each in found:
            passage = each.passage
            place = Range(self._stored.names[passage.document_id][0], passage.start, passage.end)
            holds = self._stored.texts[place.document][place.start : place.end] == passage.text
            self._checks.see(LETTER, holds, f"{place} for {question[:60]!r}")
            ranges.append(place)
        return ranges


class Plain:
    """The plain hybrid, or one half of it; its last passage is cut where the budget ends."""

    def __init__(self, baseline: Baseline, mode: str) -> None:
        self._baseline, self._mode = baseline, mode
        self._last: tuple[str, list[Range]] = ("", [])

    def within(self, question: str, budget: int) -> list[Range]:
        """See ``Finder``."""
        return cut(self._ranked(question), budget)

    def best(self, question: str, count: int) -> list[Range]:
        """See ``Finder``."""
        return self._ranked(question)[:count]

    def documents(self, question: str, count: int) -> list[str]:
        """See ``Finder``."""
        return ranked_documents(self.best(question, count))

    def _ranked(self, question: str) -> list[Range]:
        if self._last[0] != question:
            pieces = self._baseline.rank(question, self._mode)
            self._last = (question, [Range(each.document, each.start, each.end) for each in pieces])
        return self._last[1]


class Whole:
    """A ranking of whole documents, pages or tables.

    Args:
        units: What is ranked.
        scores: Of a question, one for each unit.
    """

    def __init__(self, units: Sequence[Range], scores: Callable[[str], NDArray[np.floating[Any]]]) -> None:
        self._units, self._scores = units, scores

    def within(self, question: str, budget: int) -> list[Range]:
        """See ``Finder``."""
        return cut(self.best(question, len(self._units)), budget)

    def best(self, question: str, count: int) -> list[Range]:
        """See ``Finder``."""
        return [self._units[at] for at in ranking(self._scores(question), count)]

    def documents(self, question: str, count: int) -> list[str]:
        """See ``Finder``."""
        return ranked_documents(self.best(question, count))


def bm25_over(texts: Mapping[str, str], units: Sequence[Range]) -> Whole:
    """BM25 over stretches of texts."""
    return Whole(units, Bm25([texts[unit.document][unit.start : unit.end] for unit in units]).scores)


def dense_over(texts: Mapping[str, str], units: Sequence[Range], model: MiniLm) -> Whole:
    """MiniLM over stretches of texts, each as far as it reads: 256 word pieces."""
    vectors = model.encode([texts[unit.document][unit.start : unit.end] for unit in units])
    return Whole(units, lambda question: vectors @ model.encode([question])[0])


def ablations() -> dict[str, tuple[RetrieveConfig, str]]:
    """The service without one of its ideas each: configuration and mode by what is left out."""
    full = RetrieveConfig()
    alone = replace(full, reach=_ALONE, diffuse_weight=0.0)
    return {
        "sentences": (replace(full, sentence_weight=0.0), "hybrid"),
        "neighbours": (alone, "hybrid"),
        "what stands further around": (replace(full, diffuse_weight=0.0), "hybrid"),
        "all three": (replace(alone, sentence_weight=0.0), "hybrid"),
        "words (dense alone)": (full, "dense"),
        "meaning (lexical alone)": (full, "lexical"),
    }
