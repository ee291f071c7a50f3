"""Which titles in a file's metadata somebody meant."""

from __future__ import annotations

import re

from ingest.parsers.text import clean

MAX_TITLE = 300
# What programs write into the field when nobody chose a title, and names of files.
_FILLED_IN = re.compile(
    r"^(microsoft \w+ - .*|untitled.*|document\d*|slide \d+|powerpoint presentation|presentation\d*|book\d+"
    r"|none|null|title|word document"
    r"|.*\.(docx?|dotx?|xlsx?|pptx?|pdf|rtf|odt|indd|qxp|qxd|tex|dvi|ps|html?|txt|fm|p65|wpd|cdr|ai))$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2}")


def meant_title(title: str | None) -> str:
    """The title on one line, or an empty string for one that a program filled in."""
    line = " ".join(clean((title or "").replace("\x00", "")).split())
    if len(line) > MAX_TITLE or _FILLED_IN.match(line) or not _WORD.search(line):
        return ""
    return line
