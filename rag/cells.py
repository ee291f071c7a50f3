"""The cell of a table's row that a question asks for: its column is named in the question, its row by another cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.complete import column_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.sentences import Span
    from rag.types import Evidence

# Amounts that follow one another are no sign of a table here: dates in prose look the same.
_BARS = re.compile(r"[|\t]")
_CELL = re.compile(r"[^|\t]+")
_LINE = re.compile(r"[^\n]+")
_CSV = (".csv", ".tsv")
_TOKEN = re.compile(r"\w+(?:[.,-]\w+)*")
_IN_BRACKETS = re.compile(r"[(\[].*?[)\]]")
# Share of a column's name that the question must have.
_NAMED = 0.5


def in_table(evidence: Evidence, text: str) -> bool:
    """Whether a sentence is a row of a table or a line of a CSV file."""
    return bool(_BARS.search(text)) or evidence.filename.lower().endswith(_CSV)


def cell_asked_for(question: str, evidence: Evidence, index: int) -> Span | None:
    """Find the one cell of a row that answers.

    Args:
        question: In words.
        evidence: That the table stands in.
        index: Of the row among its sentences.

    Returns:
        The span of the cell in the document. None when the columns have no names there, when the question names no
        column or several, or when no other cell of the row stands in the question.
    """
    names = _column_names(evidence, index)
    begin = evidence.sentences[index][0]
    text, separator = evidence.slice(evidence.sentences[index]), _separator(evidence)
    found = []
    # A sentence of a CSV file may hold several of its lines.
    for line in _LINE.finditer(text):
        span = _cell(question, names, line.group(), separator)
        if span is not None:
            found.append((begin + line.start() + span[0], begin + line.start() + span[1]))
    return found[0] if len(found) == 1 else None


def _cell(question: str, names: str, row: str, separator: str) -> Span | None:
    """The cell of a row that the question asks for."""
    columns, cells = _cells(names, separator), _cells(row, separator)
    if not cells or len(columns) != len(cells) or names.strip() == row.strip():
        return None
    tokens = set(_tokens(question))
    given = [set(_tokens(row[a:b])) <= tokens and bool(_tokens(row[a:b])) for a, b in cells]
    wanted = set(terms(question))
    named = [
        0.0 if known else _share(names[a:b], wanted) for known, (a, b) in zip(given, columns, strict=True)
    ]
    best = max(named)
    if not any(given) or best < _NAMED or named.count(best) > 1:
        return None
    return cells[named.index(best)]


def _column_names(evidence: Evidence, index: int) -> str:
    """The line that names the columns; empty when it is not there."""
    if evidence.filename.lower().endswith(_CSV):
        # A later passage of the file does not have it.
        return evidence.text.partition("\n")[0] if evidence.start == 0 else ""
    header = column_line(evidence, index)
    return "" if header is None else evidence.slice(evidence.sentences[header])


def _separator(evidence: Evidence) -> str:
    if not evidence.filename.lower().endswith(_CSV):
        return "|"
    first = evidence.text.partition("\n")[0]
    return max(";,\t|", key=first.count)


def _cells(row: str, separator: str) -> list[Span]:
    """Spans of the cells, without white space at their ends; bars at the ends of a row enclose it."""
    pattern = _CELL if separator in "|\t" else re.compile(rf'"[^"]*"|[^{separator}"]+')
    found = []
    for match in pattern.finditer(row):
        inside = match.group().strip(' "\n\r')
        if inside:
            start = match.start() + match.group().index(inside)
            found.append((start, start + len(inside)))
    return found


def _share(name: str, wanted: set[str]) -> float:
    own = set(terms(_IN_BRACKETS.sub("", name)))
    return len(own & wanted) / len(own) if own else 0.0


def _tokens(text: str) -> Sequence[str]:
    """Words in small letters, but for single letters: "A" is a name, "a" is none."""
    return [word if len(word) == 1 else word.casefold() for word in _TOKEN.findall(text)]
