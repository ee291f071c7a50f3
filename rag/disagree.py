"""Where two sources disagree: another sentence says something else of the same thing, or takes a source's place.

Two sentences disagree when they are about the same thing and exactly one kind of value differs: a number of the same
unit, a date, a name, or a "not". Both must stand for the same thing in one of two ways: their other words are nearly
the same, or both hold nearly all words of the question and the values differ in what the question asks for. The rules
are strict, because an alarm about sources that agree costs trust in all alarms; docs/decisions/0021 has the figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from index.analyze import terms
from ingest.sentences import trimmed
from rag.types import Disagreement, Discord, Passage
from rag.values import taken_apart
from rag.words import content_terms, coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from index.types import StoredText
    from ingest.sentences import Span
    from rag.types import Citation, Evidence
    from rag.values import Said

# Share of other words that two sentences have in common (Dice) to be about the same thing, by what differs.
_ALIKE = {"number": 0.6, "date": 0.7, "name": 0.75, "negation": 0.8}
# Words that they must have in common, likewise.
_SHARED = {"number": 3, "date": 3, "name": 4, "negation": 4}
# A document goes on about its subject, and seldom contradicts itself: within one, the words must be more alike.
_ALIKE_WITHIN = 0.8
# Share of the question, by rarity of its words, that both must hold when the question says what is compared: with the
# sentence before, and by themselves.
_ASKED, _ASKED_ITSELF = 0.65, 0.15
# Words of a question that names what it asks about; "What are the fees?" asks about many things.
_LEAST_ASKED = 2
# Values that two answers may share and yet be two: "the American singer" of each.
_SAME_VALUES = 0.34
# A sentence with more values of one kind is a list or a table: what belongs to what cannot be told.
_MOST_VALUES, _MOST_NUMBERS = 4, 3
# Further footnotes that are spoken against lower the confidence no more.
_MOST_COUNTED = 2
_REPLACES = re.compile(
    r"\b(?:supersed(?:e|es|ed|ing)|replac(?:e|es|ed|ing)|repeal(?:s|ed)?|withdraw[ns]?|revok(?:es|ed)|in place of|"
    r"no longer|formerly|until now|previously|obsolete|deprecated|outdated|out of date)\b",
    re.IGNORECASE,
)
_TAKES_PLACE = re.compile(
    r"\b(?:supersed(?:es|e|ing)|replac(?:es|e|ing)|repeals?|takes the place of)\b", re.IGNORECASE
)
# What a sentence says of its own document or author is of another thing in another document.
_OWN = re.compile(
    r"\b(?:we|our|ours|us|my|i)\b|\b(?:this|the|said) (?:agreement|contract|company|corporation|lease|licen[cs]e|"
    r"amendment|exhibit|report|registrant|borrower|lender|party|parties|licensee|licensor|seller|buyer|distributor|"
    r"franchisee|client|customer|study|paper|patient)s?\b|\b(?:hereof|herein|hereunder|hereto|hereby)\b",
    re.IGNORECASE,
)
# So many characters at most: else each of many marks that nothing closes would be followed to the end.
_QUOTED = re.compile(
    r"\"[^\"]{0,400}\"|“[^”]{0,400}”|(?<!\w)['‘][^'’]{1,200}(?:['’]\w[^'’]{0,200}){0,3}['’](?!\w)"
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.](\d\d)(?:[-_.](\d\d))?(?!\d)")
_VERSION = re.compile(r"(?:\bv|\bversion[ _]?|\brev(?:ision)?[ ._]?)(\d+(?:\.\d+)*)", re.IGNORECASE)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a document. What is read off it is read once, however many it is compared with."""

    evidence: Evidence
    span: Span

    @cached_property
    def text(self) -> str:
        """Its words."""
        return self.evidence.slice(self.span)

    @cached_property
    def said(self) -> Said:
        """What it says, taken apart."""
        return taken_apart(self.text)

    @cached_property
    def content(self) -> frozenset[str]:
        """Its index terms without function words."""
        return frozenset(content_terms(self.text))

    @cached_property
    def terms(self) -> frozenset[str]:
        """Its index terms."""
        return frozenset(terms(self.text))

    @cached_property
    def terms_with_the_one_before(self) -> frozenset[str]:
        """Its index terms with those of the sentence that it may lean on."""
        starts = [start for start, end in self.evidence.sentences if end <= self.span[0]]
        return frozenset(terms(self.evidence.slice((starts[-1] if starts else self.span[0], self.span[1]))))

    @cached_property
    def words_around(self) -> frozenset[str]:
        """The words of its passage, case-folded."""
        return frozenset(re.findall(r"[\w'’-]+", self.evidence.text.casefold()))

    @cached_property
    def takes_place_of(self) -> frozenset[str]:
        """Index terms after words such as "supersedes"."""
        found = _TAKES_PLACE.search(self.text)
        return frozenset(terms(self.text[found.end() :])) if found else frozenset()

    @cached_property
    def of_its_own(self) -> bool:
        """Whether it speaks of "this agreement" or "our company": then another document's is of another thing."""
        # A title such as "What I've done" speaks of nobody here.
        return bool(_OWN.search(_QUOTED.sub(" ", self.text)))


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence that disagrees with another, how, and whether it is the later one of the two."""

    other: Sentence
    kind: Discord
    explanation: str
    newer: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks for: its words, and of which kind the answer is."""

    wanted: Sequence[str]
    weights: Mapping[str, float]
    words: frozenset[str]
    kind: str
    units: frozenset[str]


def disagreeing_passages(
    question: str,
    citations: Sequence[Citation],
    evidence: Sequence[Evidence],
    *,
    weights: Mapping[str, float],
    stored: Callable[[Evidence], StoredText | None],
    most: int,
) -> list[tuple[Disagreement, bool]]:
    """What the evidence has against the footnotes of an answer.

    Args:
        question: What was asked.
        citations: The footnotes.
        evidence: Everything found, best first; the footnotes are from it.
        weights: Rarity of the question's terms.
        stored: The text that is stored now; what was deleted is not shown.
        most: Sentences compared with each footnote.

    Returns:
        Disagreements, and of each whether it speaks against the footnote: an earlier version does not.
    """
    sentences = [sentence for piece in evidence for sentence in _sentences(piece)][:most]
    shown: list[tuple[Disagreement, bool]] = []
    for citation in citations:
        cited = next(
            (Sentence(each, (citation.start, citation.end)) for each in evidence if _holds(each, citation)),
            None,
        )
        if cited is None:
            continue
        for found in disagreements(question, cited, sentences, weights):
            piece, (start, end) = found.other.evidence, found.other.span
            text = stored(piece)
            if text is None:
                continue
            other = Passage(
                piece.document_id, piece.version, text.title, text.filename, start, end, text.text[start:end]
            )
            one = Disagreement(citation.number, other, found.kind, found.explanation)
            shown.append((one, found.kind is Discord.CONTRADICTS or found.newer))
    return shown


def open_disagreements(found: Sequence[tuple[Disagreement, bool]], citations: Sequence[Citation]) -> float:
    """How many footnotes are spoken against by a passage that the answer does not cite as well; 2 at most."""
    against = {
        each.citation
        for each, counts in found
        if counts
        and not any(
            citation.document_id == each.other.document_id
            and citation.start < each.other.end
            and each.other.start < citation.end
            for citation in citations
        )
    }
    return float(min(_MOST_COUNTED, len(against)))


def _sentences(piece: Evidence) -> Iterable[Sentence]:
    for first, last in piece.sentences:
        start, end = trimmed(piece.text, first - piece.start, last - piece.start)
        if start < end:
            yield Sentence(piece, (piece.start + start, piece.start + end))


def _holds(piece: Evidence, citation: Citation) -> bool:
    same = (piece.document_id, piece.version) == (citation.document_id, citation.version)
    return same and piece.start <= citation.start and citation.end <= piece.end


def disagreements(
    question: str, cited: Sentence, others: Iterable[Sentence], weights: Mapping[str, float]
) -> list[Found]:
    """The sentences that disagree with one that is cited, one for each document and kind.

    Args:
        question: What was asked.
        cited: A footnote.
        others: Sentences of the passages found.
        weights: Rarity of the question's terms.
    """
    asked = _asked(question, weights)
    found: dict[tuple[str, Discord], Found] = {}
    for other in others:
        if _overlap(cited, other):
            continue
        differs = _differs(asked, cited, other)
        if differs is None and not _replaces(cited, other):
            continue
        one = _described(cited, other, differs)
        found.setdefault((other.evidence.document_id, one.kind), one)
    return list(found.values())


def _overlap(a: Sentence, b: Sentence) -> bool:
    same = a.evidence.document_id == b.evidence.document_id
    return same and a.span[0] < b.span[1] and b.span[0] < a.span[1]


def _differs(asked: _Asked, cited: Sentence, other: Sentence) -> str | None:
    """What another sentence has otherwise, in words; None when the two do not disagree."""
    # A cheap look first: two sentences with hardly a word in common are not about the same thing.
    if len(cited.content & other.content) < 2:  # noqa: PLR2004
        return None
    elsewhere = cited.evidence.document_id != other.evidence.document_id
    if elsewhere and _of_its_own(cited, other):
        return None
    mine, theirs = cited.said, other.said
    for kind, differs in (("number", _number), ("date", _date), ("name", _name), ("negation", _negation)):
        told = differs(mine, theirs)
        if told and _alike(mine, theirs, kind, _ALIKE[kind] if elsewhere else _ALIKE_WITHIN):
            return told
    if elsewhere and asked.kind and _both_hold_question(asked, cited, other):
        return _other_answer(asked, mine, theirs, other.words_around)
    return None


def _of_its_own(cited: Sentence, other: Sentence) -> bool:
    return (cited.of_its_own or other.of_its_own) and not _order(cited.evidence, other.evidence)


def _alike(mine: Said, theirs: Said, kind: str, least: float) -> bool:
    """Whether the words beside the value are nearly the same."""
    a, b = mine.frame | mine.names, theirs.frame | theirs.names
    if kind == "name":
        a, b = mine.frame, theirs.frame
    # What is counted or measured is the same too, when only the number differs.
    unit = kind == "number"
    both = len(a & b) + unit
    if unit and len(a & b) < _SHARED[kind] and a != b:
        # "Late fees: 3,906" says too little of what it is a number of.
        return False
    return both >= _SHARED[kind] and 2 * both / (len(a) + len(b) + 2 * unit) >= least


def _number(mine: Said, theirs: Said, asked: frozenset[str] | None = None) -> str | None:
    """Numbers of one unit with no value in common, and no date or name that would make them of two things.

    Where the question asks for numbers of a unit, both speak of what it names, and only those units count.
    """
    if asked is None and not (
        _compatible(mine.dates, theirs.dates) and _compatible(mine.names, theirs.names)
    ):
        return None
    if max(sum(map(len, each.numbers.values())) for each in (mine, theirs)) > _MOST_NUMBERS:
        return None
    for unit, values in mine.numbers.items():
        others = theirs.numbers.get(unit, frozenset())
        if len(unit) < 2 or (asked is not None and unit not in asked):  # noqa: PLR2004
            continue
        if not others or values & others or max(len(values), len(others)) > 1:
            continue
        here, there = (
            _list(side.spelled[unit, value] for value in found)
            for side, found in ((mine, values), (theirs, others))
        )
        return f"{there} where the footnote says {here}"
    return None


def _date(mine: Said, theirs: Said) -> str | None:
    if not mine.dates or not theirs.dates or mine.dates & theirs.dates:
        return None
    if mine.numbers != theirs.numbers or not _compatible(mine.names, theirs.names):
        return None
    if max(len(mine.dates), len(theirs.dates)) > 2:  # noqa: PLR2004
        return None
    return f"{_list(theirs.dates)} where the footnote says {_list(mine.dates)}"


def _name(mine: Said, theirs: Said) -> str | None:
    a, b = mine.names - theirs.names, theirs.names - mine.names
    if not a or not b or mine.numbers != theirs.numbers or mine.dates != theirs.dates:
        return None
    if mine.negated != theirs.negated or max(len(a), len(b)) > _MOST_VALUES:
        return None
    return f"{_list(b)} where the footnote says {_list(a)}"


def _negation(mine: Said, theirs: Said) -> str | None:
    if mine.negated == theirs.negated or mine.numbers != theirs.numbers or mine.dates != theirs.dates:
        return None
    if not _compatible(mine.names, theirs.names):
        return None
    return "it says the opposite" if mine.negated else "it says that this is not so"


def _both_hold_question(asked: _Asked, cited: Sentence, other: Sentence) -> bool:
    """Whether both sentences hold nearly all words of the question, title and headings aside."""
    return all(
        coverage(asked.wanted, each.terms, asked.weights) >= _ASKED_ITSELF
        and coverage(asked.wanted, each.terms_with_the_one_before, asked.weights) >= _ASKED
        for each in (cited, other)
    )


def _other_answer(asked: _Asked, mine: Said, theirs: Said, around: frozenset[str]) -> str | None:
    """What another sentence answers otherwise, of the kind that the question asks for.

    Not when the same answer stands around it: then it only names further things.
    """
    if asked.kind == "number":
        return _number(mine, theirs, asked.units)
    if asked.kind == "date":
        a, b = mine.dates - asked.words, theirs.dates - asked.words
    else:
        a, b = mine.names - asked.words, theirs.names - asked.words
    if not a or not b or max(len(a), len(b)) > 2 * _MOST_VALUES:
        return None
    if len(a & b) > _SAME_VALUES * min(len(a), len(b)):
        return None
    if any(part in around for value in a - b for part in value.split("-")[-1:]):
        return None
    return f"{_list(b - a)} where the footnote says {_list(a - b)}"


def _asked(question: str, weights: Mapping[str, float]) -> _Asked:
    lowered = question.casefold()
    wanted = content_terms(question)
    kind, units = "", frozenset[str]()
    if len(wanted) < _LEAST_ASKED:
        return _Asked(wanted, weights, frozenset(), kind, units)
    if found := re.search(r"\bhow (?:many|much)\s+(.{0,40})", lowered):
        kind, units = "number", frozenset(content_terms(found[1])[:2])
    elif re.search(r"\bhow (?:long|old)\b", lowered):
        kind, units = "number", frozenset(("time",))
    elif re.search(r"\b(?:when|what (?:year|date|day)|which year)\b", lowered):
        kind = "date"
    elif re.search(r"\b(?:who|whom|whose|where|which|what)\b", lowered):
        kind = "name"
    return _Asked(wanted, weights, frozenset(re.findall(r"[\w'’-]+", lowered)), kind, units)


def _compatible(a: frozenset[str], b: frozenset[str]) -> bool:
    return a <= b or b <= a


def _list(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def _replaces(cited: Sentence, other: Sentence) -> bool:
    """Whether a sentence says that its document takes the place of the one that is cited."""
    mine, theirs = cited.evidence, other.evidence
    if mine.document_id == theirs.document_id:
        return False
    if not other.takes_place_of:
        return False
    return bool(content_terms(mine.title)) and other.takes_place_of.issuperset(terms(mine.title))


def _described(cited: Sentence, other: Sentence, differs: str | None) -> Found:
    """The disagreement in words, with which of the two is later where that can be told."""
    name = other.evidence.title or other.evidence.filename
    if differs is None:
        return Found(
            other, Discord.SUPERSEDES, f"“{name}” says that it takes the place of this source.", newer=True
        )
    order = _order(cited.evidence, other.evidence)
    if order or _REPLACES.search(other.text) or _REPLACES.search(cited.text):
        newer = order > 0 if order else not _REPLACES.search(cited.text)
        which = "later" if newer else "earlier"
        return Found(other, Discord.SUPERSEDES, f"“{name}”, which is {which}, has {differs}.", newer=newer)
    return Found(other, Discord.CONTRADICTS, f"“{name}” has {differs}.", newer=False)


def _order(mine: Evidence, theirs: Evidence) -> int:
    """1 when the other is a later version of the same text by title or file name, -1 when an earlier one, else 0."""
    if mine.document_id == theirs.document_id:
        return 0
    for a, b in ((mine.title, theirs.title), (mine.filename, theirs.filename)):
        first, second = _edition(a), _edition(b)
        if first and second and len(first) == len(second) and first != second and _stem(a) == _stem(b):
            return 1 if second > first else -1
    return 0


def _edition(name: str) -> tuple[int, ...]:
    if found := _ISO.search(name):
        return tuple(int(part or 0) for part in found.groups())
    if found := _VERSION.search(name):
        return tuple(int(part) for part in [*found[1].split("."), "0", "0"][:3])
    if found := _YEAR.search(name):
        return (int(found[0]), 0, 0)
    return ()


def _stem(name: str) -> str:
    """A name without what tells its editions apart."""
    plain = _YEAR.sub(" ", _VERSION.sub(" ", _ISO.sub(" ", name)))
    return " ".join(re.findall(r"[^\W_]+", plain.casefold()))
