"""Ask the questions of a file and measure what is found."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.evaluation import ranking
from rag.evaluation.measures import overlap, recall_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rag.evaluation.locate import Target
    from rag.evaluation.measures import Range

# The passages counted by recall, precision and IoU, as in Chroma's report.
TOP = 5
# Points of the recall curve, after the one at 0.
_CURVE_POINTS = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        budgets: Characters that a reader or a model is given, ascending.
        top_k: Passages retrieved for each question.
    """

    budgets: tuple[int, ...] = (2000, 4000, 8000)
    top_k: int = 50

    @property
    def curve(self) -> list[int]:
        """Budgets of the recall curve, from 0 to the largest."""
        return [round(self.budgets[-1] * at / _CURVE_POINTS) for at in range(_CURVE_POINTS + 1)]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a question, 0..1, more is better.

    Attributes:
        key: In the JSON report.
        label: For a reader.
        about: ``characters``, ``places`` or ``documents``.
    """

    key: str
    label: str
    about: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one configuration found for one question.

    Attributes:
        values: By the key of the measure; those in characters and places only where places are known.
        curve: Recall at the budgets of the plan's curve; empty without places.
        found: Passages, best first.
        seconds: The search took.
    """

    question_id: str
    values: dict[str, float]
    curve: tuple[float, ...]
    found: tuple[Range, ...]
    seconds: float

    @property
    def characters(self) -> int:
        """Characters of all passages found."""
        return sum(each.end - each.start for each in self.found)


def measures(plan: Plan) -> list[Measure]:
    """Every measure, in the order in which they are shown."""
    return [
        *(
            Measure(f"recall_{budget}_characters", f"recall, {budget:,} characters", "characters")
            for budget in plan.budgets
        ),
        Measure(f"recall_{TOP}_passages", f"recall, best {TOP} passages", "characters"),
        Measure(f"precision_{TOP}_passages", f"precision, best {TOP} passages", "characters"),
        Measure(f"iou_{TOP}_passages", f"IoU, best {TOP} passages", "characters"),
        *(Measure(f"places_{name}", f"{_label(name)}, places", "places") for name in ranking.MEASURES),
        *(
            Measure(f"documents_{name}", f"{_label(name)}, documents", "documents")
            for name in ranking.MEASURES
        ),
    ]


def ask(
    targets: Sequence[Target],
    search: Callable[[str], Sequence[Range]],
    plan: Plan,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """Ask every question and measure what is found.

    Args:
        targets: Questions with what is to be found.
        search: Passages for a question, best first.
        plan: What to measure.
        progress: Called with the number of questions done.

    Returns:
        In the order of ``targets``.
    """
    found: dict[str, list[Range]] = {}
    seconds: dict[str, float] = {}
    for number, target in enumerate(targets, start=1):
        started = time.perf_counter()
        ranked = list(search(target.question.text))
        seconds[target.question.id] = time.perf_counter() - started
        found[target.question.id] = ranked[: plan.top_k]
        progress(number)
    ranked_values = _ranked_values(targets, found)
    outcomes = []
    for target in targets:
        name = target.question.id
        relevant = [place for place, _ in target.places]
        values = _values(relevant, found[name], plan) if relevant else {}
        curve = tuple(recall_within(relevant, found[name], plan.curve)) if relevant else ()
        outcomes.append(Outcome(name, values | ranked_values[name], curve, tuple(found[name]), seconds[name]))
    return outcomes


def _values(relevant: Sequence[Range], ranked: Sequence[Range], plan: Plan) -> dict[str, float]:
    best = overlap(relevant, ranked[:TOP])
    recalls = recall_within(relevant, ranked, plan.budgets)
    return {
        **{f"recall_{budget}_characters": each for budget, each in zip(plan.budgets, recalls, strict=True)},
        f"recall_{TOP}_passages": best.recall,
        f"precision_{TOP}_passages": best.precision,
        f"iou_{TOP}_passages": best.iou,
    }


def _ranked_values(targets: Sequence[Target], found: dict[str, list[Range]]) -> dict[str, dict[str, float]]:
    """Measures over rankings of documents, and of places where they are known, by question."""
    values: dict[str, dict[str, float]] = {target.question.id: {} for target in targets}
    grades = {target.question.id: target.documents for target in targets}
    rankings = {name: ranking.ranked_documents(ranked) for name, ranked in found.items()}
    for name, figures in ranking.evaluate(grades, rankings).items():
        values[name] |= {f"documents_{key}": value for key, value in figures.items()}
    place_grades: dict[str, dict[str, int]] = {}
    place_rankings: dict[str, list[str]] = {}
    for target in targets:
        if target.places:
            name = target.question.id
            places = {f"place {at}": place for at, (place, _) in enumerate(target.places)}
            place_grades[name] = {f"place {at}": grade for at, (_, grade) in enumerate(target.places)}
            place_rankings[name] = ranking.ranked_places(places, place_grades[name], found[name])
    for name, figures in ranking.evaluate(place_grades, place_rankings).items():
        values[name] |= {f"places_{key}": value for key, value in figures.items()}
    return values


def _label(name: str) -> str:
    return {"RR": "MRR"}.get(name, name.replace("R@", "recall@"))
