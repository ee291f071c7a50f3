"""``footnote eval retrieval``: from the question file to the report."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.evaluation import configure, tables
from api.evaluation.files import write
from api.evaluation.preparing import Given, corpora, located, progress_bar
from api.evaluation.report import Measured, Report
from api.evaluation.words import KINDS
from api.local import console
from rag.evaluation.errors import NothingToMeasure
from rag.evaluation.questions import read_questions
from rag.evaluation.retrieval import ask, measures
from rag.evaluation.summary import (
    by_group,
    by_kind,
    comparisons,
    largest_differences,
    lowest,
    mean_curve,
    means,
    primary,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.evaluation.configure import Configuration
    from api.evaluation.corpus import Corpus
    from rag.evaluation.locate import Located
    from rag.evaluation.questions import EvaluationQuestion
    from rag.evaluation.retrieval import Outcome, Plan

# Questions listed as the most different and as the worst.
_LISTED = 15


@dataclass(frozen=True, slots=True)
class Options(Given):
    """What the command was given.

    Attributes:
        plan: What is measured.
        mode: Of the search.
    """

    plan: Plan
    mode: str


def evaluate(options: Options) -> Report:
    """Ask, measure, print and write the report.

    Raises:
        EvaluationError: The question file, the comparison or the corpus cannot be used.
        IndexingError: The collection cannot be opened.
    """
    questions = read_questions(options.questions)
    first = configure.Configuration.of(options.settings, options.mode)
    configurations = [first, first.changed(options.compare)] if options.compare else [first]
    names = configure.names(*configurations) if options.compare else (f"mode={first.mode}",)
    with ExitStack() as stack:
        searched = corpora(stack, options, configurations)
        # Two configurations often share a corpus; what is relevant is found in it once.
        places = {key: _located(corpus, questions) for key, corpus in {id(c): c for c in searched}.items()}
        measured = [
            _measured(name, configuration, corpus, places[id(corpus)], options)
            for name, configuration, corpus in zip(names, configurations, searched, strict=True)
        ]
    report = _report(options, len(questions), measured)
    tables.show(report, console)
    files = write(report, options.out)
    console.print(f"Written to {options.out}: {', '.join(files)}", markup=False)
    return report


def _located(corpus: Corpus, questions: Sequence[EvaluationQuestion]) -> Located:
    found = located(corpus, questions)
    if not found.targets:
        raise NothingToMeasure(
            f"Nothing that the questions name is in the corpus. The first: {found.problems[0].message}"
            if found.problems
            else "No question names anything relevant: there is nothing to find. See docs/evaluation.md."
        )
    return found


def _measured(
    name: str, configuration: Configuration, corpus: Corpus, located: Located, options: Options
) -> Measured:
    with progress_bar(f"asking, {name}", len(located.targets)) as done:
        outcomes = ask(
            located.targets,
            lambda text: corpus.search(text, configuration, options.plan.top_k),
            options.plan,
            done,
        )
    wanted = measures(options.plan)
    by_id = {outcome.question_id: outcome for outcome in outcomes}

    def of(ids: Sequence[str]) -> list[Outcome]:
        return [by_id[each] for each in ids]

    return Measured(
        name=name,
        configuration=configuration,
        as_ingested=options.corpus is None,
        documents=len(corpus.documents),
        passages=corpus.passages,
        embedder=corpus.embedder,
        failed={each.filename: ": ".join(each.error or ()) for each in corpus.failed},
        filenames={each.id: each.filename for each in corpus.documents},
        located=located,
        outcomes=tuple(outcomes),
        means=means(outcomes, wanted),
        kinds={label: means(of(ids), wanted) for label, ids in by_kind(located.targets, KINDS).items()},
        groups={label: means(of(ids), wanted) for label, ids in by_group(located.targets).items()},
        curve=mean_curve(outcomes),
    )


def _report(options: Options, total: int, measured: Sequence[Measured]) -> Report:
    wanted = measures(options.plan)
    first, second = measured[0], measured[-1]
    decides = primary(wanted, first.outcomes, options.plan)
    compared = len(measured) > 1
    return Report(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        questions=options.questions,
        total=total,
        plan=options.plan,
        measures=tuple(wanted),
        primary=decides,
        configurations=tuple(measured),
        comparisons=comparisons(first.outcomes, second.outcomes, wanted) if compared else {},
        differences=tuple(largest_differences(first.outcomes, second.outcomes, decides.key, _LISTED))
        if compared
        else (),
        lowest=tuple(lowest(first.outcomes, decides.key, _LISTED)),
    )
