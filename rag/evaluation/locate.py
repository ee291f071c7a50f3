"""Question file -> places in stored documents. What cannot be located is reported, never dropped in silence."""

from __future__ import annotations

import textwrap
import unicodedata
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.types import BlockKind
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from index.types import DocumentRecord, StoredText
    from ingest.sentences import Span
    from rag.evaluation.questions import EvaluationQuestion, Relevant

# Hyphens come and go at line ends, and readers of a PDF disagree about them.
_HYPHENS = frozenset("-\u00ad\u2010\u2011\u2012\u2013\u2014\u2212")
# Documents whose text is kept in memory at a time; one of 500 pages takes about 10 MiB.
_MOST_OPENED = 32
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the question file that could not be measured, or not as it was meant.

    Attributes:
        line: In the question file, from 1.
        question_id: Which question.
        message: What is the matter and what to change.
        effect: What the measurement does about it.
    """

    line: int
    question_id: str
    message: str
    effect: str


LEFT_OUT = "question left out"
DOCUMENTS_ONLY = "measured by document only"
FIRST_TAKEN = "the first one is taken"


@dataclass(frozen=True, slots=True)
class Target:
    """A question with what is to be found for it.

    Attributes:
        documents: Grade by document id.
        places: Ranges and grades of everything relevant; empty when something relevant has no place, because
            recall of the others alone would not be the recall of the question.
        kinds: Media types of the relevant documents, sorted.
    """

    question: EvaluationQuestion
    documents: dict[str, int]
    places: tuple[tuple[Range, int], ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """All questions of a file, sorted by what can be done with them.

    Attributes:
        unanswerable: Questions for which the file names nothing relevant; retrieval cannot be measured on them.
    """

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...]
    unanswerable: tuple[EvaluationQuestion, ...]


class _NotThere(Exception):
    """What a question file names is not in the document."""


@dataclass(frozen=True, slots=True)
class Squeezed:
    """A text without white space and hyphens, NFKC-normalised, and the offset that each character came from."""

    text: str
    offsets: array[int]

    @classmethod
    def of(cls, text: str) -> Squeezed:
        """Squeeze a text."""
        characters: list[str] = []
        offsets = array("I")
        for offset, character in enumerate(text):
            if character in _HYPHENS:
                continue
            plain = character if character.isascii() else unicodedata.normalize("NFKC", character)
            for each in plain.translate(_QUOTES):
                if not each.isspace():
                    characters.append(each)
                    offsets.append(offset)
        return cls("".join(characters), offsets)


class Locator:
    """Finds what a question file names in the documents of one collection."""

    def __init__(self, documents: Sequence[DocumentRecord], text: Callable[[str], StoredText]) -> None:
        """A locator.

        Args:
            documents: Those that can be searched.
            text: The canonical text of one of them by id.
        """
        self._text = text
        self._by_name: dict[str, list[DocumentRecord]] = {}
        for record in documents:
            for name in {record.id, record.filename, record.filename.rpartition("/")[2]}:
                self._by_name.setdefault(name, []).append(record)
        self._exact = {record.filename: record for record in documents}
        self._opened: dict[str, tuple[StoredText, Squeezed]] = {}

    def locate(
        self, questions: Sequence[EvaluationQuestion], progress: Callable[[int], None] = lambda _: None
    ) -> Located:
        """Locate everything that a question file names.

        Args:
            questions: As read.
            progress: Called with the number of questions done.
        """
        targets: list[Target] = []
        problems: list[Problem] = []
        unanswerable: list[EvaluationQuestion] = []
        # Questions about the same document follow one another, so that few documents are open at a time.
        order = sorted(questions, key=lambda each: [relevant.document for relevant in each.relevant])
        for number, question in enumerate(order, start=1):
            if any(each.grade > 0 for each in question.relevant):
                target, found = self._target(question)
                targets += [target] if target else []
                problems += found
            elif question.relevant:
                message = "Nothing has a grade above 0. Give what is relevant a grade of 1 or more."
                problems.append(Problem(question.line, question.id, message, LEFT_OUT))
            else:
                unanswerable.append(question)
            progress(number)
        targets.sort(key=lambda each: each.question.line)
        problems.sort(key=lambda each: each.line)
        return Located(tuple(targets), tuple(problems), tuple(unanswerable))

    def _target(self, question: EvaluationQuestion) -> tuple[Target | None, list[Problem]]:
        documents: dict[str, int] = {}
        places: dict[Range, int] = {}
        kinds: set[str] = set()
        problems: list[Problem] = []
        everywhere = True
        for each in question.relevant:
            record = self._document(each, question.id, problems)
            if record is None:
                if each.grade > 0:
                    return None, problems
                continue
            documents[record.id] = max(each.grade, documents.get(record.id, 0))
            if each.grade == 0:
                continue
            kinds.add(record.media_type or "unknown")
            if each.names_document_only:
                everywhere = False
                continue
            try:
                place, times = self._place(each, record.id)
            except _NotThere as error:
                everywhere = False
                message = f"{each.document}: {error}"
                problems.append(Problem(each.line, question.id, message, DOCUMENTS_ONLY))
                continue
            places[place] = max(each.grade, places.get(place, 0))
            if times > 1:
                message = (
                    f"{each.document}: {_short(each.quote)} stands there {times} times. Quote more of it."
                )
                problems.append(Problem(each.line, question.id, message, FIRST_TAKEN))
        found = tuple(places.items()) if everywhere else ()
        return Target(question, documents, found, tuple(sorted(kinds))), problems

    def _document(self, each: Relevant, question_id: str, problems: list[Problem]) -> DocumentRecord | None:
        """The one document of that name or id; a whole path before the last part of one."""
        records = self._by_name.get(each.document, [])
        if len(records) == 1:
            return records[0]
        if each.document in self._exact:
            return self._exact[each.document]
        effect = LEFT_OUT if each.grade > 0 else "this judgement is left out"
        if records:
            names = ", ".join(record.filename for record in records[:3])
            message = f"{each.document!r} may be {names}. Give its path in the corpus or its document id."
        else:
            message = f"No document {each.document!r} can be searched. Ingest it, or correct the name."
        problems.append(Problem(each.line, question_id, message, effect))
        return None

    def _place(self, each: Relevant, document_id: str) -> tuple[Range, int]:
        """Where something relevant stands, and how often it stands there.

        Raises:
            _NotThere: With the reason.
        """
        stored, squeezed = self._open(document_id)
        inside = _stretch(each, stored)
        if each.quote is None:
            if not stored.text[slice(*inside)].strip():
                raise _NotThere("there is no text at that place.")
            return Range(document_id, *inside), 1
        if each.start is not None:
            # The offsets say where; the quote only proves that they are meant for this text.
            if Squeezed.of(each.quote).text not in Squeezed.of(stored.text[slice(*inside)]).text:
                shown = _short(stored.text[slice(*inside)])
                raise _NotThere(
                    f"{_short(each.quote)} does not stand at those offsets, where it says {shown}."
                )
            return Range(document_id, *inside), 1
        found = list(_places(stored.text, squeezed, each.quote, inside))
        if not found:
            where = "on that page" if each.page else "in its text"
            raise _NotThere(f"{_short(each.quote)} does not stand {where}. Copy it from the document's text.")
        return Range(document_id, *found[0]), len(found)

    def _open(self, document_id: str) -> tuple[StoredText, Squeezed]:
        if document_id not in self._opened:
            if len(self._opened) >= _MOST_OPENED:
                self._opened.clear()
            stored = self._text(document_id)
            self._opened[document_id] = stored, Squeezed.of(stored.text)
        return self._opened[document_id]


def _stretch(each: Relevant, stored: StoredText) -> Span:
    """The part of a document that a page or offsets name; all of it without either.

    Raises:
        _NotThere: The document does not reach so far.
    """
    if each.page is not None:
        pages = {
            block.number: (block.start, block.end) for block in stored.blocks if block.kind is BlockKind.PAGE
        }
        if each.page not in pages:
            raise _NotThere(f"it has {len(pages) or 'no'} pages, and page {each.page} is not among them.")
        return pages[each.page]
    if each.start is None or each.end is None:
        return 0, len(stored.text)
    if each.end > len(stored.text):
        raise _NotThere(f"its text has {len(stored.text)} characters and does not reach to {each.end}.")
    return each.start, each.end


def _short(quote: str | None) -> str:
    """A quote in one line of a message."""
    return repr(textwrap.shorten(quote or "", 60, placeholder=" …"))


def _places(text: str, squeezed: Squeezed, quote: str, inside: Span) -> Iterator[Span]:
    """Where a quote stands within a stretch, whatever its white space, hyphens and marks, in whole words."""
    needle = Squeezed.of(quote).text
    at = squeezed.text.find(needle)
    while at >= 0:
        start, end = squeezed.offsets[at], squeezed.offsets[at + len(needle) - 1] + 1
        if inside[0] <= start and end <= inside[1] and _whole(text, start, end):
            yield start, end
        at = squeezed.text.find(needle, at + 1)


def _whole(text: str, start: int, end: int) -> bool:
    """Whether a stretch neither begins nor ends inside a word or a number."""

    def joined(left: str, right: str) -> bool:
        return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()

    before = start > 0 and joined(text[start - 1], text[start])
    after = end < len(text) and joined(text[end - 1], text[end])
    return not before and not after
