"""Figures of one question, each made from what a system finds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.retrieval.types import Measure
from rag.evaluation.measures import common, overlap
from rag.evaluation.ranking import evaluate, ranked_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.retrieval.types import Finder, Question

# Passages that a ranking of documents is made from: enough for ten or twenty documents, as a caller would ask.
PASSAGES = 50
# For recall far down the ranking.
DEEP = 400


def recall_within(budget: int) -> Measure:
    """Share of the relevant characters in the best text of so many characters."""

    def value(finder: Finder, question: Question) -> float:
        return overlap(question.spans, finder.within(question.text, budget)).recall

    return Measure(f"recall in {budget:,}", value)


def held_within(budget: int) -> Measure:
    """1 when that text holds every relevant character, else 0."""

    def value(finder: Finder, question: Question) -> float:
        return float(overlap(question.spans, finder.within(question.text, budget)).recall == 1)

    return Measure(f"held in {budget:,}", value)


def recall_of(count: int) -> Measure:
    """Share of the relevant characters in the best passages."""

    def value(finder: Finder, question: Question) -> float:
        return overlap(question.spans, finder.best(question.text, count)).recall

    return Measure(f"recall of {count}", value)


def precision_of(count: int) -> Measure:
    """Share of the best passages' characters that are relevant."""

    def value(finder: Finder, question: Question) -> float:
        return overlap(question.spans, finder.best(question.text, count)).precision

    return Measure(f"precision of {count}", value)


def iou_of(count: int) -> Measure:
    """Intersection over union of the relevant characters and the best passages."""

    def value(finder: Finder, question: Question) -> float:
        return overlap(question.spans, finder.best(question.text, count)).iou

    return Measure(f"IoU of {count}", value)


def ndcg() -> Measure:
    """nDCG@10 of documents, see ``rag.evaluation.ranking``."""

    def value(finder: Finder, question: Question) -> float:
        ranking = finder.documents(question.text, PASSAGES)
        return evaluate({"": question.documents}, {"": ranking})[""]["nDCG@10"]

    return Measure("nDCG@10", value)


def documents_in(count: int, label: str, passages: int = PASSAGES) -> Measure:
    """Share of the relevant documents among the best ``count``; of several sets' names, R@k and Pass@k."""

    def value(finder: Finder, question: Question) -> float:
        return share_found(question.documents, finder.documents(question.text, passages)[:count])

    return Measure(f"{label}@{count}", value)


def place_in(count: int, what: str) -> Measure:
    """1 when one of the best passages shares half of the shorter of the two with a relevant place, else 0."""

    def value(finder: Finder, question: Question) -> float:
        places = {f"place {at}": place for at, place in enumerate(question.spans)}
        names = ranked_places(places, dict.fromkeys(places, 1), finder.best(question.text, count))
        return float(any(name in places for name in names))

    return Measure(f"{what} in {count}", value)


def page_in(count: int) -> Measure:
    """1 when a relevant page is among the pages of the best passages, else 0."""

    def value(finder: Finder, question: Question) -> float:
        return float(common(question.spans, finder.best(question.text, count)) > 0)

    return Measure(f"page in {count}", value)


def share_found(grades: Mapping[str, int], ranking: Sequence[str]) -> float:
    """Share of the relevant documents that a ranking holds.

    Raises:
        ValueError: None is relevant, so that recall has no meaning.
    """
    relevant = {name for name, grade in grades.items() if grade > 0}
    if not relevant:
        raise ValueError("No document is relevant: recall is undefined.")
    return len(relevant.intersection(ranking)) / len(relevant)
