"""Outcomes of questions -> means, groups and comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from rag.evaluation.statistics import compare, estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rag.evaluation.locate import Target
    from rag.evaluation.retrieval import Measure, Outcome, Plan
    from rag.evaluation.statistics import Comparison, Estimate


class Valued(Protocol):
    """What was measured of one question."""

    @property
    def question_id(self) -> str:
        """Which question."""

    @property
    def values(self) -> Mapping[str, float]:
        """By the key of the measure."""


class Keyed(Protocol):
    """A measure, of which only the key matters here."""

    @property
    def key(self) -> str:
        """Of its values."""


AnyValued = TypeVar("AnyValued", bound=Valued)


@dataclass(frozen=True, slots=True)
class Difference:
    """A question and its values in both configurations."""

    question_id: str
    first: float
    second: float


def primary(measures: Sequence[Measure], outcomes: Sequence[Outcome], plan: Plan) -> Measure:
    """The measure that comparisons are decided by, chosen before anything is compared.

    Recall within the middle budget, or nDCG@10 of documents where no question names a place.
    """
    wanted = f"recall_{plan.budgets[len(plan.budgets) // 2]}_characters"
    if not any(wanted in outcome.values for outcome in outcomes):
        wanted = "documents_nDCG@10"
    return next(measure for measure in measures if measure.key == wanted)


def means(outcomes: Iterable[Valued], measures: Sequence[Keyed]) -> dict[str, Estimate]:
    """Each measure's mean over the questions that have it, each counting the same; none without any."""
    listed = list(outcomes)
    found = {}
    for measure in measures:
        values = [outcome.values[measure.key] for outcome in listed if measure.key in outcome.values]
        if values:
            found[measure.key] = estimate(values)
    return found


def mean_curve(outcomes: Iterable[Outcome]) -> list[float]:
    """The mean recall curve; empty when no question names a place."""
    curves = [outcome.curve for outcome in outcomes if outcome.curve]
    return [float(value) for value in np.mean(curves, axis=0)] if curves else []


def by_kind(targets: Sequence[Target], names: Mapping[str, str]) -> dict[str, list[str]]:
    """Question ids by the kind of their relevant documents; several kinds make a group of their own.

    Args:
        targets: Located questions.
        names: What a reader calls a media type.
    """
    return _grouped((" + ".join(names.get(kind, kind) for kind in each.kinds), each) for each in targets)


def by_group(targets: Sequence[Target]) -> dict[str, list[str]]:
    """Question ids by the group that the file gives them; nothing when it gives none."""
    if not any(each.question.group for each in targets):
        return {}
    return _grouped((each.question.group or "no group", each) for each in targets)


def comparisons(
    first: Sequence[Valued], second: Sequence[Valued], measures: Sequence[Keyed]
) -> dict[str, Comparison]:
    """The second configuration against the first, by measure, on the questions that have it in both."""
    others = {outcome.question_id: outcome.values for outcome in second}
    found = {}
    for measure in measures:
        pairs = [
            (outcome.values[measure.key], others[outcome.question_id][measure.key])
            for outcome in first
            if measure.key in outcome.values and measure.key in others.get(outcome.question_id, {})
        ]
        if pairs:
            found[measure.key] = compare([a for a, _ in pairs], [b for _, b in pairs])
    return found


def largest_differences(
    first: Sequence[Valued], second: Sequence[Valued], key: str, count: int
) -> list[Difference]:
    """The questions on which two configurations differ most by one measure, at most ``count``."""
    others = {outcome.question_id: outcome.values for outcome in second}
    found = [
        Difference(outcome.question_id, outcome.values[key], others[outcome.question_id][key])
        for outcome in first
        if key in outcome.values and key in others.get(outcome.question_id, {})
    ]
    found = [each for each in found if each.first != each.second]
    return sorted(found, key=lambda each: -abs(each.second - each.first))[:count]


def lowest(outcomes: Sequence[AnyValued], key: str, count: int) -> list[AnyValued]:
    """The questions with the lowest values of a measure, at most ``count``, none that has the highest."""
    found = [outcome for outcome in outcomes if outcome.values.get(key, 1.0) < 1.0]
    return sorted(found, key=lambda outcome: outcome.values[key])[:count]


def _grouped(labelled: Iterable[tuple[str, Target]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for label, target in labelled:
        groups.setdefault(label, []).append(target.question.id)
    return dict(sorted(groups.items()))
