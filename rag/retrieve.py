"""A question -> the passages of both views, fused, steadied by their neighbours, and weighed by their sentences."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from index.sight import EVERYTHING
from index.types import Query
from rag.arrange import capped, phrases_first, reranked, spread
from rag.distinct import copies
from rag.neighbours import steadied
from rag.sentences import weigh_sentences
from rag.types import Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from index.collection import Collection
    from index.filters import Filter
    from index.reading import CatalogReader
    from index.sentence_terms import SentenceTerms
    from index.sight import Sight
    from index.types import Hit, StoredPassage
    from ingest.embed import Embedder
    from ingest.types import FloatMatrix, FloatVector
    from rag.config import RetrieveConfig
    from rag.rerank import Reranker

# How often a search is begun anew because documents changed under it; after that, what is live is returned.
_ATTEMPTS = 3
# Passages weighed beyond those asked for, because some repeat others.
_SPARE = 20
# And all of so many when only a few of each document are wanted.
_CAPPED = 200
# Searches at a time that weigh what the views found: that takes the interpreter, which runs one thread at a time.
_TURNS = threading.Semaphore(max(1, (os.cpu_count() or 1) // 2))
SEARCH_MODES = {"hybrid": ("dense", "lexical"), "dense": ("dense",), "lexical": ("lexical",)}


@dataclass(frozen=True, slots=True)
class Fused:
    """Both views' hits on one scale.

    Attributes:
        scores: By passage id, at most 1.
        floor: What a passage that no view returned scores at most.
    """

    scores: dict[int, float]
    floor: float

    def best(self, count: int) -> list[int]:
        """Ids of the best, best first, the older of two alike first."""
        return sorted(self.scores, key=lambda i: (-self.scores[i], i))[:count]


def fuse(hits: Mapping[str, Sequence[Hit]], weights: Mapping[str, float], candidates: int) -> Fused:
    """Fuse views: a convex combination of their scores, each divided by the view's best.

    Bruch, Gai, Ingber: "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1), 2023,
    https://doi.org/10.1145/3596512. A passage that a view did not return scores there at most what the view's
    last hit scores, and is given that; a list that is not full has returned all it could, so there it gets 0.

    Args:
        hits: By view, best first.
        weights: How much each view counts.
        candidates: How many hits each view was asked for.
    """
    total = sum(weights[name] for name, ranking in hits.items() if ranking)
    fused = dict.fromkeys((hit.passage_id for ranking in hits.values() for hit in ranking), 0.0)
    lowest = 0.0
    for name, ranking in hits.items():
        if not ranking or ranking[0].score <= 0:
            continue
        best = ranking[0].score
        scores = {hit.passage_id: hit.score / best for hit in ranking}
        floor = max(0.0, ranking[-1].score / best) if len(ranking) >= candidates else 0.0
        lowest += weights[name] / total * floor
        for passage_id in fused:
            fused[passage_id] += weights[name] / total * max(0.0, scores.get(passage_id, floor))
    return Fused(fused, lowest)


def retrieve(
    question: str,
    *,
    collection: Collection,
    catalog: CatalogReader,
    embedder: Embedder,
    config: RetrieveConfig,
    limit: int,
    mode: str = "hybrid",
    wanted: Filter | None = None,
    reranker: Reranker | None = None,
    per_document: int | None = None,
    sight: Sight = EVERYTHING,
    vector: FloatVector | None = None,
) -> list[Found]:
    """The passages that answer a question best, best first.

    One view alone answers as it is. Of both, the scores are fused, steadied by those of neighbouring passages, and the
    sentences of the best are weighed; see docs/decisions/0016. A passage that repeats one of another document is
    shown once.

    Args:
        question: In words.
        collection: Where to look.
        catalog: Says which hits are live.
        embedder: The collection's.
        config: Fusion and candidates.
        limit: At most so many passages.
        mode: ``hybrid``, ``dense`` or ``lexical``.
        wanted: A metadata filter.
        reranker: Reads the best passages once more; their order is then its own. Not asked in modes of one view.
        per_document: At most so many passages of one document; None for no limit.
        sight: Who asks.
        vector: The question's, where it is known already.

    Raises:
        InvalidFilter: The filter is not of the documented form.
        RerankerUnavailable: The reranker cannot be used.
    """
    views = SEARCH_MODES[mode]
    if "dense" not in views:
        vector = None
    elif vector is None:
        vector = embedder.embed_query(question)
    query = Query(question, vector, None if vector is None else embedder.fingerprint)
    candidates = max(config.candidates, 2 * limit)
    for _ in range(_ATTEMPTS):
        # Not in a turn: it may wait until a change has reached the views, and no other collection's searches should.
        hits = collection.search(query, candidates, views, wanted, sight)
        with _TURNS:
            fused = near = fuse(hits, config.weights, candidates)
            if len(views) > 1:
                places = collection.places(list(fused.scores))
                near = Fused(steadied(fused.scores, fused.floor, places, config.reach), fused.floor)
            # Neighbours that say nothing lower a passage that alone answers; its sentences are weighed nevertheless.
            steady = near.best(max(config.weighed, limit + _SPARE, _CAPPED if per_document else 0))
            best = list(dict.fromkeys([*steady, *fused.best(limit)]))
            # Read under the same rule: what was restricted since the search is as good as gone.
            if len(views) > 1:
                live, vectors, words = catalog.passages_to_weigh(best, sight)
            else:
                live = catalog.passages(best, sight)
        # A document that was replaced between these steps would be missing in both of its versions.
        if len(live) == len(best) and (len(views) == 1 or len(places) == len(fused.scores)):
            break
    passages = [live[i] for i in best if i in live]
    if vector is None or len(views) == 1 or not passages:
        return capped(
            _found(passages, [fused.scores[each.id] for each in passages], hits), limit, per_document
        )
    with _TURNS:
        far = Fused(steadied(fused.scores, fused.floor, places, config.far_reach), fused.floor)
        found = _weighed(query, vector, passages, (vectors, words), (near, far), hits, collection, config)
        found = phrases_first(question, spread(found, config.repeat_penalty))
    if reranker is not None:
        found = reranked(question, found, reranker, config.reranked)
    return capped(found, limit, per_document)


def _weighed(
    query: Query,
    vector: FloatVector,
    passages: Sequence[StoredPassage],
    inside: tuple[Mapping[int, FloatMatrix], Mapping[int, SentenceTerms]],
    around: tuple[Fused, Fused],
    hits: Mapping[str, Sequence[Hit]],
    collection: Collection,
    config: RetrieveConfig,
) -> list[Found]:
    """Passages by their best sentence and by what stands around them, those that repeat another left out."""
    ids = [each.id for each in passages]
    cosines = {hit.passage_id: hit.score for hit in hits["dense"]}
    sentences = weigh_sentences(
        query.text,
        vector,
        passages,
        inside[0],
        cosines,
        collection.weights(set(terms(query.text))),
        inside[1],
    )
    # The less of the question any one place holds, the more the whole neighbourhood has to say.
    diffuse = config.diffuse_weight * max(0.0, config.diffuse_below - sentences.coverage)
    near, far = (_share(np.array([each.scores[i] for i in ids])) for each in around)
    own = config.sentence_weight * (_share(sentences.meaning) + _share(sentences.words))
    scores = (own + (near + diffuse * far)[sentences.owner]) / (2 * config.sentence_weight + 1 + diffuse)
    best = np.full(len(passages), -np.inf)
    np.maximum.at(best, sentences.owner, scores)
    order = sorted(range(len(passages)), key=lambda at: (-best[at], ids[at]))
    repeats = copies([passages[at].document_id for at in order], [passages[at].text for at in order])
    also: dict[int, list[str]] = {}
    for copy, first in repeats.items():
        also.setdefault(order[first], []).append(passages[order[copy]].document_id)
    kept = [at for rank, at in enumerate(order) if rank not in repeats]
    return _found(
        [passages[at] for at in kept],
        [float(best[at]) for at in kept],
        hits,
        sentences=[tuple(scores[sentences.owner == at].tolist()) for at in kept],
        also_in=[tuple(dict.fromkeys(also.get(at, []))) for at in kept],
    )


def _share(
    scores: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Scores as shares of the best, none below zero."""
    best = float(scores.max(initial=0.0))
    return np.maximum(scores, 0.0) / best if best > 0 else np.zeros_like(scores)


def _found(
    passages: Sequence[StoredPassage],
    scores: Sequence[float],
    hits: Mapping[str, Sequence[Hit]],
    sentences: Sequence[tuple[float, ...]] | None = None,
    also_in: Sequence[tuple[str, ...]] | None = None,
) -> list[Found]:
    by_passage: dict[int, dict[str, Hit]] = {}
    for name, ranking in hits.items():
        for hit in ranking:
            by_passage.setdefault(hit.passage_id, {})[name] = hit
    found = []
    for at, passage in enumerate(passages):
        views = by_passage.get(passage.id, {})
        found.append(
            Found(
                passage,
                scores[at],
                rank=at + 1,
                scores={name: hit.score for name, hit in views.items()},
                ranks={name: hit.rank for name, hit in views.items()},
                sentences=sentences[at] if sentences else (),
                also_in=also_in[at] if also_in else (),
            )
        )
    return found
