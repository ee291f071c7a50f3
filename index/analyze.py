"""Text -> index terms, the same for passages and for questions, in any language.

Words are compatibility-normalised, case-folded and, when they are plain Latin letters, stemmed with
Snowball's English stemmer (https://snowballstem.org/algorithms/english/stemmer.html). Scripts that are
written without spaces become overlapping pairs of characters. Numbers keep their inner points and commas, and
words with inner hyphens are found whole and in parts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

_WORD = re.compile(r"[^\W_]+(?:[.,'’\-/&][^\W_]+)*")
_INNER = re.compile(r"[\-/&'’]")
_UNSPACED = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿ก-๿]+")
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_LATIN = re.compile(r"[a-z]+")


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 100_000)


def terms(text: str) -> list[str]:
    """Index terms in the order of the text."""
    found: list[str] = []
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        word = match.group()
        if _UNSPACED.search(word):
            found += _pairs(word)
        elif _NUMBER.fullmatch(word):
            # 1,234.50 and 1234.50 are one number.
            found.append(word.replace(",", ""))
        else:
            found += _words(word)
    return found


def _words(word: str) -> list[str]:
    whole = word.replace("’", "'").removesuffix("'s")
    parts = [part for part in _INNER.split(whole) if part]
    pieces = [piece for part in parts for piece in re.split(r"[.,]", part) if piece]
    found = [_stem(piece) for piece in pieces]
    # "10-K", "e.g", "covid-19": also as one term, so that a code is found exactly.
    return [*found, "".join(pieces)] if len(pieces) > 1 else found


def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word)) if _LATIN.fullmatch(word) else word


def _pairs(word: str) -> list[str]:
    found: list[str] = []
    at = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > at:
            found.append(word[at : run.start()])
        characters = run.group()
        found += [characters[i : i + 2] for i in range(len(characters) - 1)] or [characters]
        at = run.end()
    if at < len(word):
        found.append(word[at:])
    return found
