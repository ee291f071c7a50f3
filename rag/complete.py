"""What a chosen sentence needs to be understood: the one it leans on, a table's column line, the rest of a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.sentences import trimmed
from rag.asked import Kind
from rag.candidate import Candidate
from rag.verification.lead_in import lead_ins
from rag.verification.sentences import with_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.asked import Asked
    from rag.types import Evidence

# A sentence that begins so leans on the one before it.
_LEANS_BACK = re.compile(
    r"(?:he|she|it|they|its|his|her|their|this|that|these|those|such|the (?:former|latter)|however|therefore|thus|"
    r"instead|otherwise|in addition|for example|for instance|also|both|as a result|consequently)\b",
    re.IGNORECASE,
)
ITEM = re.compile(r"\s*(?:[-*+•‣▪●◦–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s+\S")
# Two or more cells: separated by a bar or a tab, or amounts that follow one another.
ROW = re.compile(r"\||\t|(?<![\d,.])(?:[$€£%(]?\s?\d[\d,.]*+\)?%?\s+){2}")
_RULE = re.compile(r"[\s|:=+-]+")
_AMOUNT = re.compile(r"\d")


def completed(picked: Sequence[Candidate], asked: Asked, limit: int, most_items: int) -> list[Candidate]:
    """Chosen sentences with those that they need, in reading order within each piece of evidence.

    Args:
        picked: Best first.
        asked: The question.
        limit: Sentences after which no antecedent is added any more.
        most_items: Items of one list, at most.
    """
    chosen = [_below_header(candidate) for candidate in picked]
    added = list(chosen)
    for candidate in chosen:
        if header := column_line(candidate.evidence, candidate.index):
            added.append(_beside(candidate, header))
        if asked.kind is Kind.LIST or candidate.text.endswith(":"):
            added += [_beside(candidate, index) for index in _items(candidate, most_items)]
        if (denial := _denial(candidate)) is not None:
            added.append(_beside(candidate, denial))
        if candidate.index and len(added) <= limit and _LEANS_BACK.match(candidate.text):
            added.append(_beside(candidate, candidate.index - 1))
    unique = {(each.evidence.key, each.index): each for each in reversed(added)}
    rank = {each.evidence.key: number for number, each in reversed(list(enumerate(chosen)))}
    return sorted(
        (each for each in unique.values() if each.text),
        key=lambda each: (rank[each.evidence.key], each.index),
    )


def column_line(evidence: Evidence, index: int) -> int | None:
    """Which sentence names the columns of the table that a row stands in: the first row above without amounts."""
    if not is_row(_text(evidence, index)):
        return None
    first = index
    while first > 0 and (is_row(_text(evidence, first - 1)) or _RULE.fullmatch(_text(evidence, first - 1))):
        first -= 1
    return first if first < index and not _RULE.fullmatch(_text(evidence, first)) else None


def is_row(text: str) -> bool:
    """Whether a line is a row of a table."""
    return bool(ROW.search(text))


def _below_header(candidate: Candidate) -> Candidate:
    """A line that only names columns says nothing: the first row below it that has amounts is taken instead."""
    evidence, index = candidate.evidence, candidate.index
    if (
        not is_row(candidate.text)
        or column_line(evidence, index) is not None
        or _AMOUNT.search(candidate.text)
    ):
        return candidate
    for below in range(index + 1, len(evidence.sentences)):
        text = _text(evidence, below)
        if not is_row(text) and not _RULE.fullmatch(text):
            break
        if _AMOUNT.search(text):
            return _beside(candidate, below)
    return candidate


def _items(candidate: Candidate, most: int) -> list[int]:
    """The items of the list that a sentence is part of or leads to, with what leads to them; else the next sentence."""
    evidence, index = candidate.evidence, candidate.index
    count = len(evidence.sentences)
    if not ITEM.match(_raw(evidence, index)):
        if not candidate.text.endswith(":") or index + 1 >= count:
            return []
        index += 1
        if not ITEM.match(_raw(evidence, index)):
            return [index]
    first = last = index
    while first > 0 and ITEM.match(_raw(evidence, first - 1)):
        first -= 1
    while last + 1 < count and ITEM.match(_raw(evidence, last + 1)):
        last += 1
    lead = [first - 1] if first and _text(evidence, first - 1).endswith(":") else []
    return [*lead, *range(first, min(last + 1, first + most))]


def _denial(candidate: Candidate) -> int | None:
    """The sentence over an item that turns it round, such as "The following is not covered:"."""
    evidence, index = candidate.evidence, candidate.index
    above = evidence.sentences[: index + 1]
    words = lead_ins(with_columns(evidence, above), evidence.headings[-1] if evidence.headings else "")[index]
    found = [at for at in range(index) if words and _text(evidence, at).strip("#*_> \t\n") == words]
    return found[-1] if found else None


def _beside(candidate: Candidate, index: int) -> Candidate:
    """Another sentence of the same evidence, chosen for this one's sake."""
    evidence = candidate.evidence
    start, end = evidence.sentences[index]
    start, end = trimmed(evidence.text, start - evidence.start, end - evidence.start)
    span = (evidence.start + start, evidence.start + end)
    return Candidate(evidence, index, span, candidate.cosine, candidate.score, candidate.at)


def _raw(evidence: Evidence, index: int) -> str:
    return evidence.slice(evidence.sentences[index])


def _text(evidence: Evidence, index: int) -> str:
    return _raw(evidence, index).strip()
