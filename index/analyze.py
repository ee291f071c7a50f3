"""Text -> index terms, the same for passages and for questions, in any language.

Words are compatibility-normalised, case-folded and stemmed by ``index.stems``. Scripts that are written without
spaces, and Korean, become overlapping pairs of characters. Numbers are brought into one spelling. Whatever has
inner signs or humps (``AB-1234/5``, ``dotted.path``, ``snake_case``, ``camelCase``) is found in its parts and whole.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain

from index.stems import stem

# Where combining marks stand. With those beyond, of scripts that are hardly in use, matching takes three times as long.
_MARKS_BETWEEN = (0x300, 0x10000)
# Signs that may stand inside of a word and are not seen: soft hyphens, joiners, directions, the Arabic tatweel.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0640\u061c\u200c-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]+"
)
_SIGN = re.compile(r"[\-/&'’@.,()]+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_NUMBER = re.compile(r"\d(?:[\d.,'’]*\d)?")
_ENGLISH_GROUPS = re.compile(r"\d{1,3}(?:[,'’]\d{2,3})*[,'’]\d{3}(?:\.\d+)?")
_GERMAN_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")
_MEASURE = re.compile(r"(\d+(?:[.,]\d+)*)([a-z]{1,4})")
_ORDINAL = frozenset(("st", "nd", "rd", "th", "s"))
_VERSION = re.compile(r"v(\d+(?:\.\d+)+)")
_SECTION = re.compile(r"(\d+(?:\.\d+)*)((?:\(\w+\))+)")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# A straight mark ends what the one before it began, others their own. After a digit one stands for inches.
_QUOTED = re.compile(
    r'(?<!\d)"([^"\n]+)"|“([^”\n]+)”|„([^“”\n]+)[“”]|«([^»\n]+)»|»([^«»\n]+)«|「([^」\n]+)」'
)
# Shorter ones are no words: "iPhone" and "PhD" stay whole.
_SHORTEST_HUMP = 2
# Letters before a number are found alone from this length on.
_SHORTEST_NAME = 3
# Longer words are not worth remembering, and would fill the memory.
_LONGEST_REMEMBERED = 64


def terms(text: str) -> list[str]:
    """Index terms in the order of the text."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    words = _words().findall(text)
    # Each step over all words at once: a search analyses some hundred sentences.
    each = _remembered if len(max(words, key=len, default="")) <= _LONGEST_REMEMBERED else _word_terms
    return list(chain.from_iterable(map(each, words)))


@lru_cache(maxsize=1)
def _words() -> re.Pattern[str]:
    r"""One word with its inner signs; a number takes bracketed letters with it, "4.2(b)"; "C++" keeps its signs.

    \w leaves combining marks out, without which vocalised Arabic and every Indic word would fall apart.
    """
    marks = "".join(chr(i) for i in range(*_MARKS_BETWEEN) if unicodedata.category(chr(i)).startswith("M"))
    letters = rf"[\w{marks}]+"
    return re.compile(
        rf"{letters}(?:[.,'’\-/&@\u066b\u066c]{letters})*"
        r"(?:(?<=\d)(?:\([^\W_]{1,4}\))+|(?<=[^\W\d_])(?:\+\+|\#)(?![\w+#]))?"
    )


@lru_cache(maxsize=50_000)
def _remembered(word: str) -> tuple[str, ...]:
    return tuple(_word_terms(word))


def _word_terms(word: str) -> list[str]:
    if not word.isascii():
        word = _ascii_digits(word)
        if _UNSPACED.search(word):
            return _pairs(word)
    folded = word.casefold()
    if folded[0].isdigit() or folded[0] == "v":
        numeric = _numeric(folded)
        if numeric:
            return numeric
    return _compound(word)


def _numeric(word: str) -> list[str]:
    """Terms of a number, alone or with a unit, of a version or of a section's number; nothing for other words."""
    if _NUMBER.fullmatch(word):
        return _number(word)
    if measure := _MEASURE.fullmatch(word):
        value, unit = _number(measure[1]), measure[2]
        return [*value, *([] if unit in _ORDINAL else [stem(unit)]), "".join(value) + unit]
    if version := _VERSION.fullmatch(word):
        return [version[1], word]
    if section := _SECTION.fullmatch(word):
        return [section[1], *re.findall(r"\w+", section[2]), re.sub(r"[()]", "", word)]
    return []


def _number(word: str) -> list[str]:
    """1,234.50 and 1.234,50 and 1'234.50 are one number, 3,5 is 3.5; anything else with commas is a list."""
    if _GERMAN_GROUPS.fullmatch(word):
        return [word.replace(".", "").replace(",", ".")]
    if _ENGLISH_GROUPS.fullmatch(word):
        return [re.sub(r"[,'’]", "", word)]
    if word.count(",") == 1 and "." not in word:
        word = word.replace(",", ".")
    return [part for part in re.split(r"[,'’]+", word) if part]


def _compound(word: str) -> list[str]:
    """Terms of a word with inner signs: its parts and, where there are several, all of it without the signs."""
    sign = word[-2:] if word.endswith("++") else word[-1:] if word.endswith("#") else ""
    whole = word.removesuffix(sign).replace("’", "'")
    whole = whole.removesuffix("'s").removesuffix("'S")
    parts = [part for part in _SIGN.split(whole) if part.strip("_")]
    found = [term for part in parts for term in _identifier(part)]
    if len(parts) > 1:
        # Digits are not run together: 12-3 is not 123.
        digits = all(part.isdigit() for part in parts)
        found.append(stem(("-" if digits else "").join(parts).replace("_", "").casefold()))
    return [*found, whole.casefold() + sign] if sign else found


def _identifier(name: str) -> list[str]:
    """Terms of ``snake_case`` and ``camelCase``: the words in it and all of it, however it is written."""
    parts: list[str] = []
    for piece in name.split("_"):
        plain = not piece.isascii() or (piece[1:].islower() and piece.isalpha())
        humps = [] if plain else _HUMP.findall(piece)
        several = len(humps) > 1 and all(len(hump) >= _SHORTEST_HUMP for hump in humps)
        # The year of FY2017 is a word to look for, its "FY" is not: few texts have that alone, so it would be the
        # rarest and heaviest word of a question.
        coded = several and any(hump.isdigit() for hump in humps)
        humps = [hump for hump in humps if hump.isdigit() or len(hump) >= _SHORTEST_NAME] if coded else humps
        parts += humps if several else [piece] if piece else []
    found = [stem(part.casefold()) for part in parts]
    whole = stem(name.replace("_", "").casefold())
    return found if found == [whole] else [*found, whole]


def _ascii_digits(word: str) -> str:
    """Digits of every script as 0 to 9, with the Arabic signs for the decimal point and thousands."""
    plain = word.replace("\u066b", ".").replace("\u066c", ",")
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in plain)


def _pairs(word: str) -> list[str]:
    """Pairs of characters in the unspaced runs of a word, and the terms of what stands between them."""
    found: list[str] = []
    at = 0
    for run in _UNSPACED.finditer(word):
        found += terms(word[at : run.start()])
        characters = run.group()
        found += [characters[i : i + 2] for i in range(len(characters) - 1)] or [characters]
        at = run.end()
    return found + terms(word[at:])


def phrases(text: str) -> list[list[str]]:
    """The terms of what a text has in quotation marks, for quotations of two terms and more."""
    quoted = (terms(next(filter(None, match))) for match in _QUOTED.findall(text))
    return [found for found in quoted if len(found) > 1]


def holds(phrase: list[str], text: str) -> bool:
    """Whether a text has a phrase's terms next to one another."""
    found = terms(text)
    return any(found[at : at + len(phrase)] == phrase for at, term in enumerate(found) if term == phrase[0])
