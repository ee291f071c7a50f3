"""Everything that one evaluation found, and its form as JSON."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ingest.config import ChunkConfig
from rag.evaluation.statistics import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from api.evaluation.configure import Configuration
    from rag.evaluation.locate import Located, Target
    from rag.evaluation.retrieval import Measure, Outcome, Plan
    from rag.evaluation.statistics import Comparison, Estimate
    from rag.evaluation.summary import Difference

# The layout of report.json; grows with a change that a reader of it would notice.
FORMAT = 1
_LIBRARIES = ("faiss-cpu", "ir-measures", "numpy", "scipy", "sentence-transformers", "tantivy", "torch")
# Passages listed for each question.
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """One configuration and what it found.

    Attributes:
        name: What tells it from the other one.
        as_ingested: The corpus is a collection that was there already, cut and embedded as it was then.
        documents: How many can be searched.
        failed: File names and reasons of those that could not be ingested.
        filenames: By document id.
        means: By measure, over all questions.
        kinds: The same for each kind of document.
        groups: The same for each group of questions.
        curve: Mean recall at the budgets of the plan's curve.
    """

    name: str
    configuration: Configuration
    as_ingested: bool
    documents: int
    passages: int
    embedder: str
    failed: dict[str, str]
    filenames: dict[str, str]
    located: Located
    outcomes: tuple[Outcome, ...]
    means: dict[str, Estimate]
    kinds: dict[str, dict[str, Estimate]]
    groups: dict[str, dict[str, Estimate]]
    curve: list[float]

    @property
    def settings(self) -> dict[str, Any]:
        """By name. How a collection was cut that was there already is not known."""
        unknown = {field.name for field in fields(ChunkConfig)} if self.as_ingested else set()
        return {name: value for name, value in self.configuration.values().items() if name not in unknown}

    @property
    def targets(self) -> dict[str, Target]:
        """By question id."""
        return {target.question.id: target for target in self.located.targets}


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation of retrieval.

    Attributes:
        created: UTC, ISO 8601.
        primary: The measure that the comparison is decided by.
        configurations: One, or two that are compared.
        comparisons: The second against the first, by measure; empty for one.
        differences: The questions on which they differ most by the primary measure.
        lowest: The questions with the lowest primary measure in the first configuration.
    """

    created: str
    questions: Path
    total: int
    plan: Plan
    measures: tuple[Measure, ...]
    primary: Measure
    configurations: tuple[Measured, ...]
    comparisons: dict[str, Comparison]
    differences: tuple[Difference, ...]
    lowest: tuple[Outcome, ...]

    @property
    def first(self) -> Measured:
        """The configuration that a second one is compared with."""
        return self.configurations[0]


def versions() -> dict[str, str]:
    """Of Footnote, Python and the libraries that figures depend on."""
    found = {"python": platform.python_version()}
    for name in ("footnote", *_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def as_json(report: Report) -> dict[str, Any]:
    """The report as docs/evaluation.md describes report.json."""
    located = report.first.located
    return {
        "format": FORMAT,
        "created": report.created,
        "versions": versions(),
        "questions": {
            "file": report.questions.name,
            "sha256": hashlib.sha256(report.questions.read_bytes()).hexdigest(),
            "total": report.total,
            "measured": len(located.targets),
            "measured_in_characters": sum(bool(target.places) for target in located.targets),
            "nothing_relevant": [question.id for question in located.unanswerable],
        },
        "settings": {
            "budgets": list(report.plan.budgets),
            "top_k": report.plan.top_k,
            "confidence": CONFIDENCE,
            "primary": report.primary.key,
        },
        "measures": [asdict(measure) for measure in report.measures],
        "configurations": [_configuration(each, report.plan) for each in report.configurations],
        "comparisons": {key: asdict(each) for key, each in report.comparisons.items()},
        "differences": [asdict(each) for each in report.differences],
        "rows": _rows(report),
    }


def _configuration(each: Measured, plan: Plan) -> dict[str, Any]:
    return {
        "name": each.name,
        "settings": each.settings,
        "as_ingested": each.as_ingested,
        "documents": each.documents,
        "passages": each.passages,
        "embedder": each.embedder,
        "failed": each.failed,
        "problems": [asdict(problem) for problem in each.located.problems],
        "means": _estimates(each.means),
        "by_kind": {label: _estimates(means) for label, means in each.kinds.items()},
        "by_group": {label: _estimates(means) for label, means in each.groups.items()},
        "curve": [
            {"characters": budget, "recall": round(recall, 6)}
            for budget, recall in zip(plan.curve, each.curve, strict=False)
        ],
    }


def _estimates(means: Mapping[str, Estimate]) -> dict[str, Any]:
    return {key: asdict(each) for key, each in means.items()}


def _rows(report: Report) -> list[dict[str, Any]]:
    """A row for each question that was measured in the first configuration, with the results of all."""
    outcomes = [
        (each, {outcome.question_id: outcome for outcome in each.outcomes}) for each in report.configurations
    ]
    rows = []
    for target in report.first.located.targets:
        name = target.question.id
        results = {each.name: _result(each, found[name]) for each, found in outcomes if name in found}
        rows.append(_question(target, report.first.filenames) | {"results": results})
    return rows


def _question(target: Target, filenames: Mapping[str, str]) -> dict[str, Any]:
    question = target.question
    places = [
        {"document": filenames[place.document], "start": place.start, "end": place.end, "grade": grade}
        for place, grade in target.places
    ]
    documents = [{"document": filenames[name], "grade": grade} for name, grade in target.documents.items()]
    return {
        "id": question.id,
        "line": question.line,
        "question": question.text,
        "group": question.group,
        "kinds": list(target.kinds),
        "relevant": places or documents,
    }


def _result(each: Measured, outcome: Outcome) -> dict[str, Any]:
    return {
        "values": {key: round(value, 6) for key, value in outcome.values.items()},
        "passages": len(outcome.found),
        "characters": outcome.characters,
        "milliseconds": round(outcome.seconds * 1000, 2),
        "found": [
            {"document": each.filenames[found.document], "start": found.start, "end": found.end}
            for found in outcome.found[:_LISTED]
        ],
    }
