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

SEARCH_MODES = {"hybrid": ("dense", "lexical"), "dense": ("dense",), "lexical": ("lexical",)}


def reciprocal_rank_fusion(hits: Mapping[str, Sequence[Hit]], k: float) -> dict[int, float]:
    """Fuse rankings: each view gives a passage ``1 / (k + rank)``, ranks from 1.

    Cormack, Clarke, Buettcher: "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods", SIGIR 2009, https://doi.org/10.1145/1571941.1572114

    Returns:
        Summed score by passage id.
    """
    scores: dict[int, float] = {}
    for ranking in hits.values():
        for hit in ranking:
            scores[hit.passage_id] = scores.get(hit.passage_id, 0.0) + 1.0 / (k + hit.rank)
    return scores


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
    query = Query(question, embedder.embed_query(question))
    hits = collection.search(query, max(config.candidates, 2 * limit), SEARCH_MODES[mode], wanted)
    fused = reciprocal_rank_fusion(hits, config.rrf_k)
    order = sorted(fused, key=lambda i: (-fused[i], i))
    live = catalog.passages(order[: 2 * limit])
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
