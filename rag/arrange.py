"""What comes first among the passages found: what holds a quoted phrase, a reranker's choice, few of one document."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import holds, phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.rerank import Reranker
    from rag.types import Found


def phrases_first(question: str, found: Sequence[Found]) -> list[Found]:
    """Passages that hold what the question has in quotation marks before those that do not, else in their order."""
    wanted = phrases(question)
    if not wanted:
        return list(found)
    held = [sum(holds(phrase, each.passage.text) for phrase in wanted) for each in found]
    return _in_order(found, sorted(range(len(found)), key=lambda at: -held[at]))


def reranked(question: str, found: Sequence[Found], reranker: Reranker, count: int) -> list[Found]:
    """The first so many in the reranker's order, the others after them.

    Raises:
        RerankerUnavailable: The reranker cannot be used.
    """
    first = found[:count]
    read = [f"{' > '.join(each.passage.headings)}\n{each.passage.text}".strip() for each in first]
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
