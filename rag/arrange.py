"""What comes first among the passages found: more than one document, a quoted phrase, a reranker's choice."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import holds, phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.rerank import Reranker
    from rag.types import Found


# A document with many good passages is not lowered without end.
_MOST_REPEATS = 3


def spread(found: Sequence[Found], penalty: float) -> list[Found]:
    """Passages with those lowered a little that follow others of their document, so that more documents are seen.

    After Carbonell and Goldstein's maximal marginal relevance (https://doi.org/10.1145/290941.291025), with belonging
    to one document for likeness. Scores of sentences stay as they are: within a budget of characters what counts is
    what answers.

    Args:
        found: Passages, best first.
        penalty: Taken from a score for each passage of the same document before it, up to ``_MOST_REPEATS``.
    """
    waiting: dict[str, deque[Found]] = {}
    for each in found:
        waiting.setdefault(each.passage.document_id, deque()).append(each)
    # The first of each document is the best that is left of it; of two alike the document that came first.
    heads = [(-own[0].score, place, 0, own) for place, own in enumerate(waiting.values())]
    heapify(heads)
    arranged: list[Found] = []
    while heads:
        lowest, place, before, own = heads[0]
        arranged.append(replace(own.popleft(), score=-lowest))
        if own:
            lowered = own[0].score - penalty * min(before + 1, _MOST_REPEATS)
            heapreplace(heads, (-lowered, place, before + 1, own))
        else:
            heappop(heads)
    return arranged


def phrases_first(question: str, found: Sequence[Found]) -> list[Found]:
    """Passages that hold what the question has in quotation marks before those that do not, else in their order."""
    wanted = phrases(question)
    if not wanted:
        return list(found)
    held = [sum(holds(phrase, each.passage.seen) for phrase in wanted) for each in found]
    return _in_order(found, sorted(range(len(found)), key=lambda at: -held[at]))


def reranked(question: str, found: Sequence[Found], reranker: Reranker, count: int) -> list[Found]:
    """The first so many in the reranker's order, the others after them.

    Raises:
        RerankerUnavailable: The reranker cannot be used.
    """
    first = found[:count]
    read = [f"{' > '.join(each.passage.headings)}\n{each.passage.seen}".strip() for each in first]
    order = np.argsort(-reranker.score(question, read), kind="stable")
    return _in_order(first, order.tolist()) + list(found[count:])


def capped(found: Sequence[Found], limit: int, per_document: int | None) -> list[Found]:
    """The first so many with their ranks, at most ``per_document`` of one document."""
    seen: Counter[str] = Counter()
    kept: list[Found] = []
    for each in found:
        seen[each.passage.document_id] += 1
        if per_document is None or seen[each.passage.document_id] <= per_document:
            kept.append(each)
    return [replace(each, rank=rank) for rank, each in enumerate(kept[:limit], 1)]


def _in_order(found: Sequence[Found], order: Sequence[int]) -> list[Found]:
    """Passages in another order, each with the score of the place that it comes to: scores fall from rank to rank.

    The scores of its sentences move with it, so that a budget of characters follows the new order too.
    """
    arranged = []
    for place, at in enumerate(order):
        shift = found[place].score - found[at].score
        sentences = tuple(score + shift for score in found[at].sentences)
        arranged.append(replace(found[at], score=found[place].score, sentences=sentences))
    return arranged
