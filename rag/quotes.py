"""Finding words in a text to the letter, whatever was done to white space, quotation marks and dashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.sentences import Span

_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "\u00ad": ""})
_EDGES = " \t\n\"'.,;:!?…"
_GAP = re.compile(r"\s*(?:\.\.\.|…|\[\.\.\.\]|\[…\])\s*")


def normalised(text: str) -> tuple[str, list[int]]:
    """A text with single spaces and plain marks, and for each of its characters the offset it came from."""
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        plain = character.translate(_SAME)
        if plain.isspace():
            plain = " "
            if characters and characters[-1] == " ":
                continue
        if plain:
            characters.append(plain)
            offsets.append(offset)
    return "".join(characters), offsets


def find_quote(text: str, quote: str) -> Span | None:
    """Where a quotation stands in a text.

    Only white space, typographic marks, punctuation at the ends and the case of the first letter may differ.
    A quotation with an ellipsis is found when its parts stand in that order.

    Returns:
        Offsets into ``text``, or None when the words are not there.
    """
    haystack, offsets = normalised(text)
    first: int | None = None
    at = 0
    for part in _GAP.split(quote):
        needle = normalised(part)[0].strip(_EDGES)
        if not needle:
            continue
        found = _find(haystack, needle, at)
        if found < 0:
            return None
        first = found if first is None else first
        at = found + len(needle)
    return None if first is None else (offsets[first], offsets[at - 1] + 1)


def _find(haystack: str, needle: str, at: int) -> int:
    starts = (needle, needle[0].swapcase() + needle[1:])
    found = [place for each in starts if (place := haystack.find(each, at)) >= 0]
    return min(found, default=-1)
