"""What a set consists of: documents in collections, questions with what is right for them, measures, aims."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rag.evaluation.measures import Range


@dataclass(frozen=True, slots=True)
class Document:
    """A file as a person would upload it.

    Attributes:
        name: What the set calls it; unique in its collection.
        filename: Also unique there: the same name again would be a next version.
        data: The file.
        title: None leaves it to the service.
        verbatim: Whether the canonical text must be the file's own.
    """

    name: str
    filename: str
    data: bytes
    title: str | None = None
    verbatim: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is right for it; a set uses the kind that it knows.

    Attributes:
        group: For figures of parts of a set.
        spans: Relevant characters, by the documents' names.
        documents: Grades by name; above 0 is relevant.
        pages: Document and number (from 1) of each relevant page; they become spans when the files were read.
    """

    text: str
    group: str
    spans: tuple[Range, ...] = ()
    documents: Mapping[str, int] = field(default_factory=dict)
    pages: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents that are searched together.

    Attributes:
        units: Stretches that a search over whole things ranks; empty for whole documents.
    """

    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    units: tuple[Range, ...] = ()


class Finder(Protocol):
    """A system that is asked."""

    def within(self, question: str, budget: int) -> list[Range]:
        """The best text within a number of characters, best first."""

    def best(self, question: str, count: int) -> list[Range]:
        """The best passages, at most ``count``."""

    def documents(self, question: str, count: int) -> list[str]:
        """Names of the documents of the best ``count`` passages, in the order of their first one."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a question, 0..1, more is better."""

    name: str
    value: Callable[[Finder, Question], float]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure is to reach.

    Attributes:
        kind: ``misses``: at most ``by`` of what the reference misses. ``reaches``: at least ``by``. ``gains``: at
            least ``by`` more than the best reference. ``times``: at least ``by`` times the best reference.
        against: References, the best of which counts.
        group: A part of the questions.
    """

    measure: str
    kind: Literal["misses", "reaches", "gains", "times"]
    by: float
    against: tuple[str, ...] = ()
    group: str = "all"


@dataclass(frozen=True, slots=True)
class TestSet:
    """A set with how it is measured.

    Attributes:
        needs: Paths in the data folder without which it cannot be read.
        read: From the data folder to its collections.
        measures: Of every system.
        primary: Names of the measures of the ablations.
        unit: What the whole-thing search ranks; None for no such search.
        dense_units: Whether that search is done by MiniLM also.
        depth: Passages that each list of the plain hybrid holds.
        curve: Budgets of a drawn recall curve; empty for none.
    """

    # pytest would take the class for tests.
    __test__ = False

    name: str
    title: str
    needs: tuple[str, ...]
    read: Callable[[Path], list[Corpus]]
    measures: tuple[Measure, ...]
    primary: tuple[str, ...]
    aims: tuple[Aim, ...] = ()
    unit: Literal["document", "page", "table"] | None = None
    dense_units: bool = False
    depth: int = 100
    curve: tuple[int, ...] = ()
