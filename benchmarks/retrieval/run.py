"""One set: ingested, asked, measured."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmarks.baseline import Baseline
from benchmarks.report import progress
from benchmarks.retrieval.measures import recall_within
from benchmarks.retrieval.systems import BASELINE, SERVICE, Plain, Service, ablations, bm25_over, dense_over
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.report import Checks
    from benchmarks.retrieval.encoder import MiniLm
    from benchmarks.retrieval.library import Library, Stored
    from benchmarks.retrieval.types import Corpus, Finder, Measure, Question, TestSet

_SHOWN_EVERY_S = 10.0
# About so many questions of a set are asked of each ablation, spread evenly: all would take longer than all else.
ABLATED = 300

# By measure, one value for each question.
Rows = dict[str, list[float]]


@dataclass(slots=True)
class Outcome:
    """What the systems found, question by question in one order.

    Attributes:
        documents: How many were ingested.
        groups: Of each question.
        systems: Rows by system.
        ablated: Positions of the questions that the ablations were asked.
        without: Rows of the primary measures for these, by the idea that was left out.
        curves: Rows of recall within the budgets of the curve, by system.
        ingest_s: Seconds until the service's documents could be searched.
        search_s: Seconds that all measures of the service took.
    """

    documents: int = 0
    groups: list[str] = field(default_factory=list)
    systems: dict[str, Rows] = field(default_factory=dict)
    ablated: list[int] = field(default_factory=list)
    without: dict[str, Rows] = field(default_factory=dict)
    curves: dict[str, Rows] = field(default_factory=dict)
    ingest_s: float = 0.0
    search_s: float = 0.0


def measure(
    test: TestSet,
    corpora: Sequence[Corpus],
    library: Library,
    model: MiniLm,
    checks: Checks,
    *,
    ablate: bool = False,
) -> Outcome:
    """Asks every question of every system, each of a corpus that all have read."""
    outcome = Outcome()
    primary = [each for each in test.measures if each.name in test.primary]
    curve = [recall_within(each) for each in test.curve]
    step = max(1, round(sum(len(each.questions) for each in corpora) / ABLATED))
    for number, corpus in enumerate(corpora, start=1):
        name = corpus.name if len(corpora) == 1 else f"{test.name} {number} of {len(corpora)}"
        began = time.monotonic()
        stored = library.fill(corpus, f"{test.name}-{corpus.name}")
        outcome.ingest_s += time.monotonic() - began
        outcome.documents += len(corpus.documents)
        questions = [stored.located(each) for each in corpus.questions]
        first = len(outcome.groups)
        outcome.groups += [each.group for each in questions]
        service = Service(library, stored, checks)
        began = time.monotonic()
        ask(outcome.systems, SERVICE, service, questions, test.measures, name)
        outcome.search_s += time.monotonic() - began
        references = _references(test, corpus, stored, model)
        for system, finder in references.items():
            ask(outcome.systems, system, finder, questions, test.measures, name)
        if curve:
            ask(outcome.curves, SERVICE, service, questions, curve, name)
            ask(outcome.curves, BASELINE, references[BASELINE], questions, curve, name)
        if ablate:
            chosen = [at for at in range(first, len(outcome.groups)) if at % step == 0]
            outcome.ablated += chosen
            some = [questions[at - first] for at in chosen]
            for idea, (config, mode) in ablations().items():
                part = Service(library, stored, checks, config, mode)
                ask(outcome.without, idea, part, some, primary, f"{name}, without")
    model.keep()
    return outcome


def ask(
    found: dict[str, Rows],
    system: str,
    finder: Finder,
    questions: Sequence[Question],
    measures: Sequence[Measure],
    label: str,
) -> None:
    """Adds a system's values, all measures of one question after the other."""
    rows = found.setdefault(system, {each.name: [] for each in measures})
    shown = time.monotonic()
    for number, question in enumerate(questions, start=1):
        for each in measures:
            rows[each.name].append(each.value(finder, question))
        if time.monotonic() - shown > _SHOWN_EVERY_S:
            progress(f"{label}: {system}, {number} of {len(questions)} questions")
            shown = time.monotonic()


def limited(corpora: Sequence[Corpus], limit: int | None) -> list[Corpus]:
    """At most ``limit`` questions, spread over the corpora and over each; a corpus without any is left out."""
    if limit is None:
        return list(corpora)
    each = max(1, limit // len(corpora))
    spread = corpora[:: max(1, len(corpora) // limit)]
    cut = [
        replace(corpus, questions=corpus.questions[:: max(1, len(corpus.questions) // each)][:each])
        for corpus in spread
    ]
    return [corpus for corpus in cut if corpus.questions][:limit]


def _references(test: TestSet, corpus: Corpus, stored: Stored, model: MiniLm) -> dict[str, Finder]:
    baseline = Baseline(stored.texts, model.encode, depth=test.depth)
    found: dict[str, Finder] = {
        BASELINE: Plain(baseline, "hybrid"),
        f"{BASELINE} BM25": Plain(baseline, "lexical"),
        f"{BASELINE} dense": Plain(baseline, "dense"),
    }
    if test.unit:
        units = _units(test, corpus, stored)
        found[f"BM25 {test.unit}s"] = bm25_over(stored.texts, units)
        if test.dense_units:
            found[f"dense {test.unit}s"] = dense_over(stored.texts, units, model)
    return found


def _units(test: TestSet, corpus: Corpus, stored: Stored) -> list[Range]:
    if test.unit == "page":
        return [page for pages in stored.pages.values() for page in pages.values()]
    return list(corpus.units) or [Range(name, 0, len(text)) for name, text in stored.texts.items()]
