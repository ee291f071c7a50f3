"""``footnote eval retrieval``: from the question file to the report."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.evaluation import configure, tables
from api.evaluation.corpus import existing, ingested
from api.evaluation.files import write
from api.evaluation.report import Measured, Report
from api.evaluation.words import KINDS
from api.local import console
from ingest.embed import SentenceTransformerEmbedder
from rag.evaluation.errors import InvalidComparison, NothingToMeasure
from rag.evaluation.locate import Locator
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
    from pathlib import Path

    from api.evaluation.configure import Configuration
    from api.evaluation.corpus import Corpus
    from api.settings import Settings
    from rag.evaluation.questions import EvaluationQuestion
    from rag.evaluation.retrieval import Outcome, Plan

# Questions listed as the most different and as the worst.
_LISTED = 15


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was given.

    Attributes:
        corpus: Files with the names to ingest them under, or None to use the collection.
        compare: ``NAME=VALUE`` settings of the second configuration; none for a single one.
        out: Folder for the report.
    """

    questions: Path
    collection: str
    corpus: dict[Path, str] | None
    settings: Settings
    plan: Plan
    mode: str
    compare: tuple[str, ...]
    out: Path


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
        corpora = _corpora(stack, options, configurations)
        measured = [
            _measured(name, configuration, corpus, questions, options)
            for name, configuration, corpus in zip(names, configurations, corpora, strict=True)
        ]
    report = _report(options, len(questions), measured)
    tables.show(report, console)
    files = write(report, options.out)
    console.print(f"Written to {options.out}: {', '.join(files)}", markup=False)
    return report


def _corpora(stack: ExitStack, options: Options, configurations: Sequence[Configuration]) -> list[Corpus]:
    """The corpus of each configuration; those that need the same share one."""
    if options.corpus is None:
        if any(each.needs != configurations[0].needs for each in configurations):
            raise InvalidComparison(
                f"--compare {' '.join(options.compare)}: documents must be ingested anew for that. Give them with "
                "--corpus, and both configurations get a temporary data folder."
            )
        return [stack.enter_context(existing(options.settings, options.collection))] * len(configurations)
    files = _without_own_files(options)
    corpora: dict[object, Corpus] = {}
    embedders: dict[object, SentenceTransformerEmbedder] = {}
    for each in configurations:
        if each.needs not in corpora:
            embedder = embedders.setdefault(each.embed, SentenceTransformerEmbedder(each.embed))
            corpora[each.needs] = stack.enter_context(ingested(options.settings, files, each.chunk, embedder))
    return [corpora[each.needs] for each in configurations]


def _without_own_files(options: Options) -> dict[Path, str]:
    """The corpus without the question file and earlier reports, which hold every question to the letter."""
    own, out = options.questions.resolve(), options.out.resolve()
    kept = {
        path: name
        for path, name in (options.corpus or {}).items()
        if path.resolve() != own and not path.resolve().is_relative_to(out)
    }
    if left := len(options.corpus or {}) - len(kept):
        console.print(f"Not ingested: {left} files of the evaluation itself (questions, earlier report).")
    if not kept:
        raise NothingToMeasure("--corpus: there are no files there.")
    return kept


def _measured(
    name: str,
    configuration: Configuration,
    corpus: Corpus,
    questions: Sequence[EvaluationQuestion],
    options: Options,
) -> Measured:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("finding what is relevant", total=len(questions))
        locator = Locator(corpus.documents, corpus.service.store.catalog.text)
        located = locator.locate(questions, lambda done: progress.update(bar, completed=done))
        if not located.targets:
            raise NothingToMeasure(_nothing(located.problems[0].message if located.problems else ""))
        bar = progress.add_task(f"asking, {name}", total=len(located.targets))
        outcomes = ask(
            located.targets,
            lambda text: corpus.search(text, configuration, options.plan.top_k),
            options.plan,
            lambda done: progress.update(bar, completed=done),
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


def _nothing(problem: str) -> str:
    if not problem:
        return "No question names anything relevant: there is nothing to find. See docs/evaluation.md."
    return f"Nothing that the questions name is in the corpus. The first: {problem}"


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
