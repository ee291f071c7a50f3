"""Everything that an evaluation of answers found, and its form as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from api.evaluation.report import versions
from rag.evaluation.calibration import risk_coverage
from rag.evaluation.figures import FIGURES, pairs
from rag.evaluation.statistics import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rag.evaluation.answers import AnswerOutcome, Asked
    from rag.evaluation.calibration import Bin
    from rag.evaluation.figures import Figure
    from rag.evaluation.gate import Requirement
    from rag.evaluation.locate import Located
    from rag.evaluation.statistics import Comparison, Estimate
    from rag.evaluation.summary import Difference
    from rag.types import Answer, Citation

# The layout of report.json; grows with a change that a reader of it would notice.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class MeasuredAnswers:
    """One configuration and its answers.

    Attributes:
        name: What tells it from the other one.
        settings: By name; those that are not known of a collection that was there already are left out.
        documents: How many can be searched.
        failed: File names and reasons of those that could not be ingested.
        filenames: By document id.
        asked: The questions, in the order of ``outcomes``.
        figures: Over all questions.
        kinds: The same for each kind of document.
        groups: The same for each group of questions.
        bins: The reliability diagram; empty when no answer can be judged.
        chance: The calibration error that a perfect confidence would show on as many answers; None likewise.
    """

    name: str
    settings: dict[str, Any]
    documents: int
    passages: int
    embedder: str
    failed: dict[str, str]
    filenames: dict[str, str]
    located: Located
    asked: tuple[Asked, ...]
    outcomes: tuple[AnswerOutcome, ...]
    figures: dict[str, Estimate]
    kinds: dict[str, dict[str, Estimate]]
    groups: dict[str, dict[str, Estimate]]
    bins: list[Bin]
    chance: float | None

    @property
    def rows(self) -> list[tuple[Asked, AnswerOutcome]]:
        """Questions with what became of them."""
        return list(zip(self.asked, self.outcomes, strict=True))

    @property
    def calibrations(self) -> list[str]:
        """Ids of the calibrations that the confidences come from."""
        made = (outcome.response.made for outcome in self.outcomes)
        return sorted({answer.confidence.calibration for answer in made if answer is not None})


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """One evaluation of answers.

    Attributes:
        created: UTC, ISO 8601.
        total: Questions in the file.
        requirements: Thresholds that the first configuration must keep.
        shortfalls: A sentence for each that it does not keep.
        primary: The figure that the comparison is decided by.
        configurations: One, or two that are compared.
        comparisons: The second against the first, by figure; empty for one.
        differences: The questions on which they differ most by the primary figure.
    """

    created: str
    questions: Path
    total: int
    requirements: tuple[Requirement, ...]
    shortfalls: tuple[str, ...]
    primary: Figure
    configurations: tuple[MeasuredAnswers, ...]
    comparisons: dict[str, Comparison]
    differences: tuple[Difference, ...]

    @property
    def first(self) -> MeasuredAnswers:
        """The configuration that a second one is compared with."""
        return self.configurations[0]


def as_json(report: AnswerReport) -> dict[str, Any]:
    """The report as docs/evaluation.md describes it."""
    first = report.first
    return {
        "format": FORMAT,
        "measures": "answers",
        "created": report.created,
        "versions": versions(),
        "questions": {
            "file": report.questions.name,
            "sha256": hashlib.sha256(report.questions.read_bytes()).hexdigest(),
            "total": report.total,
            "asked": len(first.asked),
            "answerable": sum(each.answerable is True for each in first.asked),
            "unanswerable": sum(each.answerable is False for each in first.asked),
        },
        "settings": {"confidence": CONFIDENCE, "primary": report.primary.key},
        "requirements": [str(each) for each in report.requirements],
        "shortfalls": list(report.shortfalls),
        "figures": [asdict(each) for each in FIGURES],
        "configurations": [_configuration(each) for each in report.configurations],
        "comparisons": {key: asdict(each) for key, each in report.comparisons.items()},
        "differences": [asdict(each) for each in report.differences],
        "rows": _rows(report),
    }


def _configuration(each: MeasuredAnswers) -> dict[str, Any]:
    rows = pairs(each.outcomes, given=False)
    curve = np.column_stack(risk_coverage(rows)).round(6).tolist() if len(rows) else []
    return {
        "name": each.name,
        "settings": each.settings,
        "documents": each.documents,
        "passages": each.passages,
        "embedder": each.embedder,
        "calibrations": each.calibrations,
        "failed": each.failed,
        "problems": [asdict(problem) for problem in each.located.problems],
        "figures": _estimates(each.figures),
        "by_kind": {label: _estimates(figures) for label, figures in each.kinds.items()},
        "by_group": {label: _estimates(figures) for label, figures in each.groups.items()},
        "reliability": [asdict(part) for part in each.bins],
        "ece_by_chance": each.chance,
        "risk_coverage": [{"coverage": coverage, "risk": risk} for coverage, risk in curve],
        "misquotes": [
            {"question": outcome.question_id, **_citation(citation, each.filenames)}
            for outcome in each.outcomes
            for citation in outcome.misquotes
        ],
    }


def _estimates(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    return {key: asdict(each) for key, each in figures.items()}


def _rows(report: AnswerReport) -> list[dict[str, Any]]:
    """A row for each question, with the results of all configurations."""
    others = [
        (each, {outcome.question_id: outcome for outcome in each.outcomes}) for each in report.configurations
    ]
    rows = []
    for asked in report.first.asked:
        question = asked.question
        results = {
            each.name: _result(outcomes[question.id], each.filenames)
            for each, outcomes in others
            if question.id in outcomes
        }
        row = {
            "id": question.id,
            "line": question.line,
            "question": question.text,
            "group": question.group,
            "kinds": list(asked.kinds),
            "answers": list(question.answers),
            "answerable": asked.answerable,
            "results": results,
        }
        rows.append(row)
    return rows


def _result(outcome: AnswerOutcome, filenames: Mapping[str, str]) -> dict[str, Any]:
    response = outcome.response
    found: dict[str, Any] = {
        "values": {key: round(value, 6) for key, value in outcome.values.items()},
        "right": outcome.right,
        "confidence": outcome.confidence,
        "milliseconds": round(response.seconds * 1000, 2),
    }
    if response.error:
        found["error"] = response.error
    for name, answer in (("answer", response.answer), ("withheld", response.withheld)):
        if answer is not None:
            found[name] = _answer(answer, filenames)
    return found


def _answer(answer: Answer, filenames: Mapping[str, str]) -> dict[str, Any]:
    return {
        "text": answer.text,
        "abstained": answer.abstained,
        "mode": answer.mode.value,
        "model": answer.model,
        "signals": answer.confidence.signals,
        "calibration": answer.confidence.calibration,
        "cost_usd": answer.cost_usd,
        "claims": [
            {"text": claim.text, "verdict": claim.verdict.value, "citations": list(claim.citations)}
            for claim in answer.claims
        ],
        "citations": _citations(answer.citations, filenames),
    }


def _citations(citations: Sequence[Citation], filenames: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"number": each.number, **_citation(each, filenames)} for each in citations]


def _citation(citation: Citation, filenames: Mapping[str, str]) -> dict[str, Any]:
    return {
        "document": filenames.get(citation.document_id, citation.document_id),
        "start": citation.start,
        "end": citation.end,
    }
