"""Fits what a confidence is computed from, so that it holds on kinds of documents that the fit never saw.

Sets differ in how often a question has an answer, and that is no property of the answer. So in every set questions with
and without one count the same. The calibration is fitted to one mixture of each set, all sets counting the same, and to
sums from models that never saw the set of the question.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.reading.rows import HELD_BACK
from benchmarks.reading.sets import ELSEWHERE_MARK
from rag.answerable import MODEL
from rag.calibration import CURRENT, Calibration, fit_calibration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.reading.rows import Row

    Sets = Mapping[str, Sequence[Row]]

Floats = Any
# What sufficiency is computed from: how far the best sentences lead, which words of the question are missing where, how
# alike the best sentence is, what the search says, and the question's words one by one against the best sentence and
# the best stretch of up to three. Kinds of questions and of text are not among them: they tell sets from one another.
_ALIGNED = (
    *(
        "soft",
        "exact",
        "even",
        "worst",
        "low",
        "quarter",
        "middle",
        "missing",
        "far",
        "small",
        "name",
        "named",
    ),
    *("number", "first"),
)
SIGNALS = (
    *("score", "share_of_three", "ahead_of_fourth", "entropy", "terms", "missing_share_window"),
    *("missing_share_passage", "missing_share_everywhere", "rarest_missing_window", "missing_weight_window"),
    *("names_near", "numbers_near", "focus_near", "degrees_near", "question_negated", "negation_differs"),
    *("best_cosine", "best_cosine_in_context", "best_coverage", "best_coverage_nearby", "best_pairs"),
    *("best_type_match", "most_cosine", "passage_cosine", "passage_margin", "views_agree"),
    *(f"words_one_{each}" for each in _ALIGNED),
    *(f"words_near_{each}" for each in _ALIGNED),
    *("words_near_pairs", "words_near_triples", "words_near_cosine", "words_near_back", "words_cosine_wide"),
    *("words_all_soft", "words_fault_number", "words_fault_unit", "words_fault_date", "words_fault_name"),
    *("words_fault_negation", "words_fault_quantifier", "words_fault_opposite", "words_replaced_name"),
    *("words_replaced_negation", "words_replaced_quantifier", "words_name_context", "words_number_context"),
)
# Share of the unanswerable questions of a mixture that are asked of other documents, and of the rest the share of the
# set's own; in the others the answer was held back. SQuAD's own were written to deceive, which few questions are.
_ELSEWHERE, _OWN = 0.2, {"squad2": 0.2}
_OWN_OF_OTHERS = 0.5
# How many times the questions of a set count in the sum and in the calibration. Of these two people said which
# questions have no answer; elsewhere an answer that was held back may stand in another place as well.
_TOLD, _TOLD_IN_SUM, _TOLD_IN_CURVE = ("squad2", "clapnq"), 4.0, 2.0
# How strongly weights are drawn to zero, and how much more where a signal's mean, right and wrong answers apart,
# differs from set to set. Few values of both were looked at, by sets left out.
RIDGE, _UNSTEADY = 100.0, 5.0
# Standard deviations beyond which a signal counts no further.
REACH = 4.0
# Under this probability an answer is withheld unless a target error is asked for.
ABSTAIN_BELOW = 0.25
_STEPS = 40
_FOLDS = 5


def mixture(name: str, rows: Sequence[Row], seed: int = 7) -> list[Row]:
    """A set's questions with an answer, and as many without one, drawn by a seed from each kind of these.

    Where those without are too few, so many of those with one are left out.
    """
    draw = random.Random(seed)
    there = [row for row in rows if row.asked.answerable]
    kinds: dict[str, list[Row]] = {"elsewhere": [], "held back": [], "own": []}
    for row in rows:
        if not row.asked.answerable:
            kinds[origin(row)].append(row)
    for each in kinds.values():
        draw.shuffle(each)
    share = _OWN.get(name, _OWN_OF_OTHERS)
    # A kind that there are too few of is made up for by the other, unless that one is to be kept rare.
    most = int(len(kinds["held back"]) / (1 - share) / (1 - _ELSEWHERE)) if name in _OWN else len(there)
    draw.shuffle(there)
    there = there[:most]
    far = kinds["elsewhere"][: round(_ELSEWHERE * len(there))]
    left = len(there) - len(far)
    own = kinds["own"][: max(round(left * share), left - len(kinds["held back"]))]
    return [*there, *far, *own, *kinds["held back"][: left - len(own)]]


def origin(row: Row) -> str:
    """Why a question has no answer: ``held back``, ``elsewhere``, or ``own`` when the set says so."""
    if row.asked.id.endswith(HELD_BACK):
        return "held back"
    return "elsewhere" if row.asked.id.endswith(ELSEWHERE_MARK) else "own"


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Questions of several sets as arrays.

    Attributes:
        rows: The questions.
        table: Signals, shape (questions, signals).
        right: 1 or 0 for each.
        sets: The set of each.
        mixed: Whether each belongs to the mixture of its set.
    """

    rows: Sequence[Row]
    table: NDArray[np.float64]
    right: NDArray[np.float64]
    sets: NDArray[np.str_]
    mixed: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> Questions:
        """Some of them."""
        rows = [self.rows[at] for at in np.flatnonzero(kept)]
        return Questions(rows, self.table[kept], self.right[kept], self.sets[kept], self.mixed[kept])


class Sum:
    """A ridge logistic regression over standardised signals.

    Args:
        questions: To fit on.
    """

    def __init__(self, questions: Questions) -> None:
        table, right, counts = questions.table, questions.right, _balanced(questions)
        self.mean = np.average(table, axis=0, weights=counts)
        scale = np.sqrt(np.average((table - self.mean) ** 2, axis=0, weights=counts))
        self.scale = np.where(scale < 1e-6, 1.0, scale)
        rows = self._standard(table)
        # A signal that says something else in each set is made small, which the ridge then holds down.
        steady = 1 / np.sqrt(1 + _UNSTEADY * _spread(rows, right, questions.sets))
        fitted = _newton(rows * steady, right, counts, RIDGE)
        self.weights, self.intercept = fitted[:-1] * steady, float(fitted[-1])

    def __call__(self, table: Floats) -> NDArray[np.float64]:
        """Log-odds of each row, shape (rows,)."""
        found: NDArray[np.float64] = self._standard(table) @ self.weights + self.intercept
        return found

    def _standard(self, table: Floats) -> Floats:
        return np.clip((table - self.mean) / self.scale, -REACH, REACH)


def evenly(sets: Sequence[str]) -> NDArray[np.float64]:
    """How much each question counts when all sets count the same, 1 on average."""
    names, number = np.unique(np.array(sets), return_inverse=True)
    sizes = np.bincount(number)
    counts: NDArray[np.float64] = len(sets) / (len(names) * sizes[number])
    return counts


def told(
    sets: Sequence[str] | NDArray[np.str_], counts: NDArray[np.float64], times: float
) -> NDArray[np.float64]:
    """Counts in which the sets whose labels come from people count more, 1 on average."""
    found: NDArray[np.float64] = counts * np.where(np.isin(np.array(sets), _TOLD), times, 1.0)
    return found * len(found) / found.sum()


def table_of(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Signals of questions, shape (rows, signals); what could not be measured has the mean of the others."""
    found = np.array([[row.features.get(name, np.nan) for name in SIGNALS] for row in rows])
    missing = np.isnan(found)
    found[missing] = np.broadcast_to(np.nanmean(found, axis=0), found.shape)[missing]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What confidence would be on each set if neither the sum nor the calibration had seen it.

    Attributes:
        rows: The questions of all mixtures.
        sets: The set of each.
        sums: Sufficiency of each by a model without its set.
        confidence: Of each by a calibration without its set.
        calibrations: The calibration without each set, by its name.
    """

    rows: Sequence[Row]
    sets: NDArray[np.str_]
    sums: NDArray[np.float64]
    confidence: NDArray[np.float64]
    calibrations: Mapping[str, Calibration]


def left_out(sets: Sets) -> LeftOut:
    """Leave out one set after the other."""
    every = _questions(sets)
    own, mixed = every.sets, every.mixed
    sums, confidence = np.zeros(len(own)), np.zeros(len(own))
    calibrations = {}
    for aside in sets:
        here, others = own == aside, own != aside
        sums[here] = Sum(every.only(others))(every.table[here])
        used = mixed & others
        inside = _by_group(every, others)[used]
        calibrations[aside] = part = _calibrated(inside, every.right[used], own[used].tolist(), "")
        confidence[here] = [part.probability({"sentence_answers": float(value)}) for value in sums[here]]
    rows = [every.rows[at] for at in np.flatnonzero(mixed)]
    return LeftOut(rows, own[mixed], sums[mixed], confidence[mixed], calibrations)


def _by_group(every: Questions, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sufficiency of some questions by models that saw their set and not their document, shape (questions,)."""
    names = [f"{name}/{row.asked.group}" for name, row in zip(every.sets, every.rows, strict=True)]
    number = {name: at % _FOLDS for at, name in enumerate(dict.fromkeys(names))}
    folds = np.array([number[name] for name in names])
    found = np.zeros(len(folds))
    for fold in range(_FOLDS):
        here = kept & (folds == fold)
        found[here] = Sum(every.only(kept & (folds != fold)))(every.table[here])
    return found


def fit_sufficiency(sets: Sets) -> tuple[dict[str, Any], Calibration]:
    """The model of sufficiency and the calibration over it."""
    every = _questions(sets)
    fitted = Sum(every)
    inside = _by_group(every, np.full(len(every.rows), True))[every.mixed]
    groups = {name: len({row.asked.group for row in part}) for name, part in sets.items()}
    parts = [f"{len(part)} of {name} ({groups[name]} groups)" for name, part in sets.items()]
    content = {
        "id": MODEL,
        "fitted_on": f"Questions: {', '.join(parts)}",
        "reach": REACH,
        "features": list(SIGNALS),
        "mean": [round(float(value), 5) for value in fitted.mean],
        "scale": [max(round(float(value), 5), 1e-5) for value in fitted.scale],
        "weights": [round(float(value), 5) for value in fitted.weights],
        "intercept": round(fitted.intercept, 5),
    }
    about = f"{content['fitted_on']}; as many without an answer as with one, by models that never saw the document"
    right, names = every.right[every.mixed], every.sets[every.mixed].tolist()
    return content, _calibrated(inside, right, names, about)


def _questions(sets: Sets) -> Questions:
    rows = [row for part in sets.values() for row in part if row.features]
    names = [name for name, part in sets.items() for row in part if row.features]
    mixed = {id(row) for name, part in sets.items() for row in mixture(name, part)}
    return Questions(
        rows,
        table_of(rows),
        np.array([row.right for row in rows], dtype=float),
        np.array(names),
        np.array([id(row) in mixed for row in rows]),
    )


def _balanced(questions: Questions) -> NDArray[np.float64]:
    """How much each question counts when those with and without an answer count the same in each set."""
    there = np.array([row.asked.answerable for row in questions.rows])
    counts: NDArray[np.float64] = np.zeros(len(there))
    for name in np.unique(questions.sets):
        own = questions.sets == name
        for part in (own & there, own & ~there):
            counts[part] = own.sum() / max(int(part.sum()), 1)
    return told(questions.sets, counts, _TOLD_IN_SUM)


def _calibrated(sums: Floats, right: Floats, sets: Sequence[str], about: str) -> Calibration:
    base = Calibration("none", ("sentence_answers",), (0.0,), (1.0,), (1.0,), 0.0, ABSTAIN_BELOW)
    return fit_calibration(
        [{"sentence_answers": float(value)} for value in sums],
        right.astype(bool).tolist(),
        name=CURRENT,
        base=base,
        signals=("sentence_answers",),
        groups=sets,
        fitted_on=about,
        counts=told(sets, evenly(sets), _TOLD_IN_CURVE).tolist(),
    )


def _spread(rows: Floats, right: Floats, sets: NDArray[np.str_]) -> NDArray[np.float64]:
    """How much the mean of each signal differs between sets, right and wrong answers apart, shape (signals,)."""
    variances = [
        np.var([rows[(sets == name) & (right == outcome)].mean(axis=0) for name in np.unique(sets)], axis=0)
        for outcome in (0.0, 1.0)
    ]
    found: NDArray[np.float64] = np.mean(variances, axis=0)
    return found


def _newton(rows: Floats, right: Floats, counts: Floats, ridge: float) -> NDArray[np.float64]:
    """Weights and, last, the intercept of a weighted ridge logistic regression."""
    design = np.column_stack([rows, np.ones(len(rows))])
    hold = np.full(design.shape[1], ridge)
    hold[-1] = 1e-6
    at: NDArray[np.float64] = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ at, -30, 30)))
        slope = design.T @ (counts * (probability - right)) + hold * at
        curvature = (design * (counts * probability * (1 - probability))[:, None]).T @ design + np.diag(hold)
        step = np.linalg.solve(curvature, slope)
        # A long step from far away could leave the region where the curvature holds.
        at = at - step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return at
