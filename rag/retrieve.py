"""A question -> the passages of both views, fused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from index.types import Query
from ingest.sentences import trimmed
from rag.types import Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from index.collection import Collection
    from index.filters import Filter
    from index.reading import CatalogReader
    from index.types import Hit
    from ingest.embed import Embedder
    from rag.config import RetrieveConfig

# How often a search is begun anew because documents changed under it; after that, what is live is returned.
_ATTEMPTS = 3
SEARCH_MODES = {"hybrid": ("dense", "lexical"), "dense": ("dense",), "lexical": ("lexical",)}


def fuse(
    hits: Mapping[str, Sequence[Hit]], weights: Mapping[str, float], candidates: int
) -> dict[int, float]:
    """Fuse views: a convex combination of their scores, each divided by the view's best.

    Bruch, Gai, Ingber: "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1), 2023,
    https://doi.org/10.1145/3596512. A passage that a view did not return scores there at most what the view's
    last hit scores, and is given that; a list that is not full has returned all it could, so there it gets 0.

    Args:
        hits: By view, best first.
        weights: How much each view counts.
        candidates: How many hits each view was asked for.

    Returns:
        Fused score, at most 1, by passage id.
    """
    total = sum(weights[name] for name, ranking in hits.items() if ranking)
    fused = dict.fromkeys((hit.passage_id for ranking in hits.values() for hit in ranking), 0.0)
    for name, ranking in hits.items():
        if not ranking or ranking[0].score <= 0:
            continue
        best = ranking[0].score
        scores = {hit.passage_id: hit.score / best for hit in ranking}
        floor = max(0.0, ranking[-1].score / best) if len(ranking) >= candidates else 0.0
        for passage_id in fused:
            fused[passage_id] += weights[name] / total * max(0.0, scores.get(passage_id, floor))
    return fused


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
) -> list[Found]:
    """The passages that answer a question best, best first.

    Args:
        question: In words.
        collection: Where to look.
        catalog: Says which hits are live.
        embedder: The collection's.
        config: Fusion and candidates.
        limit: At most so many passages.
        mode: ``hybrid``, ``dense`` or ``lexical``.
        wanted: A metadata filter.

    Raises:
        InvalidFilter: The filter is not of the documented form.
    """
    views = SEARCH_MODES[mode]
    dense = "dense" in views
    query = Query(
        question,
        embedder.embed_query(question) if dense else None,
        embedder.fingerprint if dense else None,
    )
    candidates = max(config.candidates, 2 * limit)
    for _ in range(_ATTEMPTS):
        hits = collection.search(query, candidates, views, wanted)
        fused = fuse(hits, config.weights, candidates)
        order = sorted(fused, key=lambda i: (-fused[i], i))[: 2 * limit]
        live = catalog.passages(order)
        # A document that was replaced between the two steps would be missing in both of its versions.
        if len(live) == len(order):
            break
    scores: dict[int, dict[str, float]] = {}
    ranks: dict[int, dict[str, int]] = {}
    for name, ranking in hits.items():
        for hit in ranking:
            scores.setdefault(hit.passage_id, {})[name] = hit.score
            ranks.setdefault(hit.passage_id, {})[name] = hit.rank
    best = [i for i in order if i in live][:limit]
    return [Found(live[i], fused[i], rank, scores[i], ranks[i]) for rank, i in enumerate(best, 1)]


def within_characters(found: Sequence[Found], limit: int) -> list[Found]:
    """The best passages whose texts together have at most ``limit`` characters.

    The last one may be cut, after a sentence.
    """
    kept: list[Found] = []
    left = limit
    for each in found:
        passage = each.passage
        if len(passage.text) <= left:
            kept.append(each)
            left -= len(passage.text)
            continue
        ends = [trimmed(passage.text, 0, end - passage.start)[1] for _, end in passage.sentences]
        cut = max((end for end in ends if end <= left), default=0)
        if cut:
            short = replace(passage, end=passage.start + cut, text=passage.text[:cut])
            kept.append(replace(each, passage=short))
        break
    return kept
