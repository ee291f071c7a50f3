"""``footnote eval retrieval``: from the question file to the report."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.markup import escape
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
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from api.evaluation.configure import Configuration
    from api.evaluation.corpus import Corpus
    from api.settings import Settings
    from rag.evaluation.locate import Located
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
        # Two configurations often share a corpus; what is relevant is found in it once.
        located = {key: _located(corpus, questions) for key, corpus in {id(c): c for c in corpora}.items()}
        measured = [
            _measured(name, configuration, corpus, located[id(corpus)], options)
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
    if left := [name for path, name in (options.corpus or {}).items() if path not in kept]:
        console.print(f"Not ingested, because they hold the questions: {', '.join(left)}", markup=False)
    if not kept:
        raise NothingToMeasure("--corpus: there are no files there.")
    return kept


def _located(corpus: Corpus, questions: Sequence[EvaluationQuestion]) -> Located:
    with _bar("finding what is relevant", len(questions)) as done:
        located = Locator(corpus.documents, corpus.service.store.catalog.text).locate(questions, done)
    if not located.targets:
        first = located.problems[0].message if located.problems else ""
        raise NothingToMeasure(
            f"Nothing that the questions name is in the corpus. The first: {first}"
            if first
            else "No question names anything relevant: there is nothing to find. See docs/evaluation.md."
        )
    return located


def _measured(
    name: str, configuration: Configuration, corpus: Corpus, located: Located, options: Options
) -> Measured:
    with _bar(f"asking, {name}", len(located.targets)) as done:
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


@contextmanager
def _bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar as a function that is told how many are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(escape(description), total=total)
        yield lambda done: progress.update(bar, completed=done)


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
