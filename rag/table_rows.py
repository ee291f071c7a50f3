"""Tables that a model writes in Markdown: the row that names the columns, and the place of a row's footnotes."""

from __future__ import annotations

import re

from rag.claims import clauses

# The form of https://github.github.com/gfm/#tables-extension-, in which the first row names the columns.
_ROW = re.compile(r"\|.*\|", re.DOTALL)
_RULE = re.compile(r"[\s|:-]+")
# A longer cell could state something.
_NAME_WORDS = 4
_STATES = re.compile(r"\d|\b(?:is|are|was|were|has|have|not|no|never|must|may|can|will)\b", re.IGNORECASE)


def is_row(text: str) -> bool:
    """Whether a sentence of an answer is a line of a table."""
    return _ROW.fullmatch(text.strip()) is not None


def names_columns(text: str) -> bool:
    """Whether the first row of a table only names its columns: a few words in each cell, no number and no verb."""
    cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
    named = all(len(cell.split()) <= _NAME_WORDS for cell in cells)
    return len(cells) > 1 and named and not _STATES.search(text) and len(clauses(text)) == 1


def left_open(text: str) -> str:
    """A row without its last bar, which may be left out, so that what follows it stands in its last cell."""
    if not is_row(text) or _RULE.fullmatch(text):
        return text
    return text.rstrip()[:-1].rstrip()
