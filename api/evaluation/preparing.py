"""What every evaluation begins with: the documents that are asked, and where in them the evidence is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.evaluation.corpus import existing, ingested
from api.local import console
from ingest.embed import SentenceTransformerEmbedder
from rag.evaluation.errors import InvalidComparison, NothingToMeasure
from rag.evaluation.locate import Locator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from api.evaluation.corpus import Corpus
    from api.settings import Settings
    from ingest.config import ChunkConfig, EmbedConfig
    from rag.evaluation.locate import Located
    from rag.evaluation.questions import EvaluationQuestion


@dataclass(frozen=True, slots=True)
class Given:
    """What every command of evaluation is given.

    Attributes:
        corpus: Files with the names to ingest them under, or None to use the collection.
        compare: ``NAME=VALUE`` settings of the second configuration; none for a single one.
        out: Folder for the report.
    """

    questions: Path
    collection: str
    corpus: dict[Path, str] | None
    settings: Settings
    compare: tuple[str, ...]
    out: Path


class Ingesting(Protocol):
    """The part of a configuration that says how a corpus is ingested."""

    @property
    def chunk(self) -> ChunkConfig:
        """How documents are cut."""

    @property
    def embed(self) -> EmbedConfig:
        """How passages and questions are embedded."""

    @property
    def needs(self) -> tuple[ChunkConfig, EmbedConfig]:
        """Both. Configurations that agree in it can share a corpus."""


def corpora(
    stack: ExitStack, given: Given, configurations: Sequence[Ingesting], *, gateway: bool = False
) -> list[Corpus]:
    """The corpus of each configuration; those that need the same share one.

    Raises:
        InvalidComparison: A collection would have to be ingested anew.
        NothingToMeasure: There is no document.
    """
    if given.corpus is None:
        if any(each.needs != configurations[0].needs for each in configurations):
            raise InvalidComparison(
                f"--compare {' '.join(given.compare)}: documents must be ingested anew for that. Give them with "
                "--corpus, and both configurations get a temporary data folder."
            )
        otherwise = "or give the documents with --corpus"
        opened = existing(given.settings, given.collection, gateway=gateway, otherwise=otherwise)
        return [stack.enter_context(opened)] * len(configurations)
    files = _without_own_files(given)
    found: dict[object, Corpus] = {}
    embedders: dict[object, SentenceTransformerEmbedder] = {}
    for each in configurations:
        if each.needs not in found:
            embedder = embedders.setdefault(each.embed, SentenceTransformerEmbedder(each.embed))
            opened = ingested(given.settings, files, each.chunk, embedder, gateway=gateway)
            found[each.needs] = stack.enter_context(opened)
    return [found[each.needs] for each in configurations]


def located(corpus: Corpus, questions: Sequence[EvaluationQuestion]) -> Located:
    """Find the evidence in the documents, with a progress bar."""
    with progress_bar("finding what is relevant", len(questions)) as done:
        return Locator(corpus.documents, corpus.service.store.catalog.text).locate(questions, done)


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar as a function that is told how many are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(escape(description), total=total)
        yield lambda done: progress.update(bar, completed=done)


def _without_own_files(given: Given) -> dict[Path, str]:
    """The corpus without the question file and earlier reports, which hold every question to the letter."""
    own, out = given.questions.resolve(), given.out.resolve()
    files = given.corpus or {}
    kept = {
        path: name
        for path, name in files.items()
        if path.resolve() != own and not path.resolve().is_relative_to(out)
    }
    if left := [name for path, name in files.items() if path not in kept]:
        console.print(f"Not ingested, because they hold the questions: {', '.join(left)}", markup=False)
    if not kept:
        raise NothingToMeasure("--corpus: there are no files there.")
    return kept
