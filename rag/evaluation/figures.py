"""Outcomes of answers -> figures, with intervals, and what differs between two configurations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.evaluation import calibration, summary
from rag.evaluation.statistics import Estimate, compare_of, estimate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rag.evaluation.answers import AnswerOutcome, Asked
    from rag.evaluation.calibration import Floats
    from rag.evaluation.statistics import Comparison, Statistic

# Fewer answers of a kind say nothing about calibration.
_LEAST_OF_A_KIND = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report.

    Attributes:
        key: In the JSON report and in thresholds.
        label: For a reader.
        about: Figures about the same are shown together.
        over: What it is a figure of.
        more: Whether more of it is better.
    """

    key: str
    label: str
    about: str
    over: str
    more: bool = True


_JUDGED = "questions that the file says the right outcome of"
_ANSWERABLE = "answerable questions; an abstention counts as 0"
_GIVEN = "answers given"
_MADE = "answers that can be judged, given or withheld"
FIGURES = (
    Figure("accuracy", "right outcome", "outcome", _JUDGED),
    Figure("right", "answered and right", "outcome", _ANSWERABLE),
    Figure("right_given", "right among answers given", "outcome", _GIVEN),
    Figure("contained", "accepted answer contained", "outcome", _ANSWERABLE),
    Figure("f1", "token F1", "outcome", _ANSWERABLE),
    Figure("citation_precision", "citation precision", "citations", _GIVEN),
    Figure("citation_recall", "citation recall", "citations", _GIVEN),
    Figure("evidence_precision", "citations in the named evidence", "citations", _GIVEN),
    Figure("evidence_recall", "named evidence cited", "citations", _GIVEN),
    Figure("document_precision", "citations in the named documents", "citations", _GIVEN),
    Figure("supported", "claims supported", "claims", _GIVEN),
    Figure("partial", "claims partly supported", "claims", _GIVEN, more=False),
    Figure("unsupported", "claims unsupported", "claims", _GIVEN, more=False),
    Figure("contradicted", "claims contradicted", "claims", _GIVEN, more=False),
    Figure("quotes_exact", "quotes equal to the stored text", "claims", "quotes"),
    Figure("ece", "calibration error, ECE", "confidence", _MADE, more=False),
    Figure("ece_given", "calibration error, answers given", "confidence", _GIVEN, more=False),
    Figure("brier", "Brier score", "confidence", _MADE, more=False),
    Figure("auroc", "right ranked before wrong, AUROC", "confidence", _MADE),
    Figure("aurc", "risk over coverage, AURC", "confidence", _MADE, more=False),
    Figure("abstention", "abstained on unanswerable", "abstention", "unanswerable questions"),
    Figure("over_abstention", "abstained on answerable", "abstention", "answerable questions", more=False),
    Figure("failed", "ended in an error", "running", "questions", more=False),
    Figure("latency_p50", "milliseconds, median", "running", "questions", more=False),
    Figure("latency_p95", "milliseconds, 95th percentile", "running", "questions", more=False),
    Figure("cost_usd", "US dollars for a question", "running", "answers with a known price", more=False),
)
LABELS = {figure.key: figure.label for figure in FIGURES}


def figure(key: str) -> Figure:
    """The figure of that key."""
    return next(each for each in FIGURES if each.key == key)


def primary(outcomes: Sequence[AnswerOutcome]) -> Figure:
    """What comparisons are decided by: right outcomes, or citation recall where the file judges none."""
    judged = any("accuracy" in outcome.values for outcome in outcomes)
    return figure("accuracy" if judged else "citation_recall")


def pairs(outcomes: Sequence[AnswerOutcome], *, given: bool) -> Floats:
    """Confidence and right, (n, 2), of the answers that were made and judged, or of those of them that were given."""
    rows = [
        (each.confidence, float(each.right))
        for each in outcomes
        if each.confidence is not None and each.right is not None and (each.given or not given)
    ]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 2)


def _all_pairs(outcomes: Sequence[AnswerOutcome]) -> Floats:
    return pairs(outcomes, given=False)


def _given_pairs(outcomes: Sequence[AnswerOutcome]) -> Floats:
    return pairs(outcomes, given=True)


def _given_and_right(outcomes: Sequence[AnswerOutcome]) -> Floats:
    """Whether each question was answered, and answered right, (n, 2); answers that cannot be judged are left out."""
    rows = [
        (each.given, each.given and each.right)
        for each in outcomes
        if each.right is not None or not each.given
    ]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 2)


def _share_right(rows: Floats) -> float:
    given = rows[:, 0].sum()
    return float(rows[:, 1].sum() / given) if given else float("nan")


# Figures that are no means over questions, with the rows that each is computed of.
_OF_ROWS: dict[str, tuple[Statistic, Callable[[Sequence[AnswerOutcome]], Floats]]] = {
    "ece": (calibration.expected_calibration_error, _all_pairs),
    "ece_given": (calibration.expected_calibration_error, _given_pairs),
    "auroc": (calibration.auroc, _all_pairs),
    "aurc": (calibration.area_under_risk_coverage, _all_pairs),
}


def figures(outcomes: Sequence[AnswerOutcome], least: int = 1) -> dict[str, Estimate]:
    """Every figure that these outcomes have a value for.

    Args:
        outcomes: Of some questions.
        least: Fewer answers than that give no figure of confidence.
    """
    found = summary.means(outcomes, FIGURES)
    for key, (statistic, rows_of) in _OF_ROWS.items():
        rows = rows_of(outcomes)
        estimate = estimate_of(statistic, rows) if len(rows) >= least else None
        if estimate is not None:
            found[key] = _within_unit(estimate)
    quotes = sum(outcome.quotes for outcome in outcomes)
    if quotes:
        wrong = sum(len(outcome.misquotes) for outcome in outcomes)
        found["quotes_exact"] = Estimate(1 - wrong / quotes, None, None, quotes)
    seconds = [outcome.response.seconds for outcome in outcomes if outcome.response.answer is not None]
    for key, percentile in (("latency_p50", 50), ("latency_p95", 95)):
        if seconds:
            value = float(np.percentile(seconds, percentile)) * 1000
            found[key] = Estimate(value, None, None, len(seconds))
    return {each.key: found[each.key] for each in FIGURES if each.key in found}


def by_label(outcomes: Sequence[AnswerOutcome], labels: Mapping[str, str]) -> dict[str, dict[str, Estimate]]:
    """Figures of the questions with each label, sorted by it.

    Args:
        outcomes: Of all questions.
        labels: By question id; questions without one are left out.
    """
    groups: dict[str, list[AnswerOutcome]] = {}
    for each in outcomes:
        if each.question_id in labels:
            groups.setdefault(labels[each.question_id], []).append(each)
    return {label: figures(group, _LEAST_OF_A_KIND) for label, group in sorted(groups.items())}


def kinds(asked: Sequence[Asked], names: Mapping[str, str]) -> dict[str, str]:
    """Kind of the documents that answer each question, by question id; several kinds are one of their own."""
    return {
        each.question.id: " + ".join(names.get(kind, kind) for kind in each.kinds)
        for each in asked
        if each.kinds
    }


def groups(asked: Sequence[Asked]) -> dict[str, str]:
    """The group that the file gives each question, by question id; nothing when it gives none."""
    if not any(each.question.group for each in asked):
        return {}
    return {each.question.id: each.question.group or "no group" for each in asked}


def comparisons(first: Sequence[AnswerOutcome], second: Sequence[AnswerOutcome]) -> dict[str, Comparison]:
    """The second configuration against the first, on the questions that have a figure in both."""
    found = {
        key: each if figure(key).more else replace(each, wins=each.losses, losses=each.wins)
        for key, each in summary.comparisons(first, second, FIGURES).items()
    }
    # Which questions are answered differs, so the share of right answers is compared over all of them.
    compared_by_rows = {**_OF_ROWS, "right_given": (_share_right, _given_and_right)}
    for key, (statistic, rows_of) in compared_by_rows.items():
        one, other = _paired(first, second, rows_of)
        compared = compare_of(statistic, one, other)
        if compared is not None:
            found[key] = compared
    return {each.key: found[each.key] for each in FIGURES if each.key in found}


def _paired(
    first: Sequence[AnswerOutcome],
    second: Sequence[AnswerOutcome],
    rows_of: Callable[[Sequence[AnswerOutcome]], Floats],
) -> tuple[Floats, Floats]:
    """The rows of the questions that have one in both, in the same order."""

    def by_question(outcomes: Sequence[AnswerOutcome]) -> dict[str, Floats]:
        return {each.question_id: rows_of([each]) for each in outcomes}

    others = by_question(second)
    both = [
        (row, others[name])
        for name, row in by_question(first).items()
        if len(row) and len(others.get(name, ()))
    ]
    empty = np.empty((0, 2))
    return (
        np.concatenate([empty, *(row for row, _ in both)]),
        np.concatenate([empty, *(row for _, row in both)]),
    )


def _within_unit(estimate: Estimate) -> Estimate:
    """The interval of a figure that is at most 1."""
    return estimate if estimate.high is None else replace(estimate, high=min(1.0, estimate.high))
