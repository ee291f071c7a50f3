"""Word -> stem, from the word alone, so that a question of two words gets the stems of its passage.

Guessing the language of a text would be wrong for short questions, and a wrong guess parts them from what they
look for. Each script has its Snowball stemmer (https://snowballstem.org/algorithms/) instead, and Latin words go
through two: English, then German. Both only take endings off; together they find more than either alone, in German
and in English. See docs/decisions/0015.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

_LATIN = re.compile("[a-z\u00df-\u024f\u1e00-\u1eff\u0300-\u036f]+")
_SCRIPTS = (
    ("arabic", re.compile("[\u0610-\u06ff]+")),
    ("russian", re.compile("[\u0400-\u052f]+")),
    ("greek", re.compile("[\u0370-\u03ff\u1f00-\u1fff]+")),
    ("hindi", re.compile("[\u0900-\u097f]+")),
    ("tamil", re.compile("[\u0b80-\u0bff]+")),
    ("armenian", re.compile("[\u0530-\u058f]+")),
)
# The German stemmer may not leave less than this: below it, it makes "for" of "forest" and "sam" of "same".
_SHORTEST = 4
# Nor one of these: "shoulder" is not a form of "should", nor "theme" of "them".
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """about after also been both could does down each from have here into just many more most much must only other
    over same shall should some such than that them then there these they this those through under until upon very
    well were what when where which while whom will with would your""",
    )
)
# Vowel points, which Arabic and Hebrew are mostly written without.
_POINTS = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]"
)
# Letters that writers of Arabic use for one another: forms of alef, yeh and kaf, and teh marbuta for heh.
_ARABIC_FORMS = str.maketrans("أإآٱىیةک", "اااايي" + "هك")


def stem(word: str) -> str:
    """The stem of a case-folded word, or the word itself when it is no word of a known script."""
    if word.isascii():
        return _latin(word) if word.isalpha() else word
    if _LATIN.fullmatch(word):
        return _without_accents(_latin(word))
    plain = _POINTS.sub("", word) or word
    for language, script in _SCRIPTS:
        if script.fullmatch(plain):
            found = str(_stemmer(language).stemWord(plain))
            if language == "arabic":
                return found.translate(_ARABIC_FORMS)
            return _without_accents(found) if language == "greek" else found
    return plain


def _latin(word: str) -> str:
    english = str(_stemmer("english").stemWord(word))
    german = str(_stemmer("german").stemWord(english))
    return english if len(german) < _SHORTEST or german in _FUNCTION_WORDS else german


def _without_accents(word: str) -> str:
    bare = "".join(each for each in unicodedata.normalize("NFD", word) if not unicodedata.combining(each))
    return bare or word


@lru_cache(maxsize=16)
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(language, 0)
