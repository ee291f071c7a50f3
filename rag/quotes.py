"""Finding words in a text to the letter, whatever was done to white space, quotation marks and dashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.sentences import Span

_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "\u00ad": ""})
_EDGES = " \t\n\"'.,;:!?…"
# A character of a word in a script that puts spaces between words.
_LETTER = r"[^\W぀-ヿ㐀-䶿一-鿿豈-﫿ก-๿가-힣]"
# More than that behind one ellipsis, and the parts no longer belong together.
_MOST_SKIPPED_CHARS = 300
_SPACES = re.compile(r"\s{2,}")
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
    """Where a quotation stands in a text, in whole words and whole numbers.

    Only white space, typographic marks, punctuation at the ends and the case of the first letter may differ.
    A quotation with an ellipsis is found when its parts stand in that order, near one another.

    Returns:
        Offsets into ``text``, or None when the words are not there.
    """
    haystack, offsets = normalised(text)
    parts = [
        part for piece in _GAP.split(_SPACES.sub(" ", quote)) if (part := normalised(piece)[0].strip(_EDGES))
    ]
    if not parts:
        return None
    for start, end in _places(haystack, parts[0]):
        last = _end_of_parts(haystack, parts[1:], end)
        if last is not None:
            return offsets[start], offsets[last - 1] + 1
    return None


def has_ellipsis(quote: str) -> bool:
    """Whether a quotation leaves words out."""
    return bool(_GAP.search(_SPACES.sub(" ", quote).strip(_EDGES)))


def _end_of_parts(haystack: str, parts: Sequence[str], at: int) -> int | None:
    """Where the last of the parts ends that follow ``at`` in their order, near one another, or None."""
    for part in parts:
        start, end = next(_places(haystack, part, at), (None, at))
        if start is None or start - at > _MOST_SKIPPED_CHARS:
            return None
        at = end
    return at


def _places(haystack: str, needle: str, at: int = 0) -> Iterator[Span]:
    """Where words stand, but not as a part of longer words or numbers: "5" is in neither "50" nor "5,000"."""
    first = "|".join(map(re.escape, {needle[0], needle[0].swapcase()}))
    before = rf"(?<!{_LETTER})" if re.match(_LETTER, needle[0]) else ""
    before += r"(?<!\d[.,])" if needle[0].isdecimal() else ""
    after = rf"(?!{_LETTER})" if re.match(_LETTER, needle[-1]) else ""
    after += r"(?![.,]\d)" if needle[-1].isdecimal() else ""
    pattern = re.compile(f"{before}(?:{first}){re.escape(needle[1:])}{after}")
    yield from (found.span() for found in pattern.finditer(haystack, at))
