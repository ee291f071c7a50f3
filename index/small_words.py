"""Words that questions are made of, which say little about what is looked for.

A passage of source code or of a table seldom has "what" or "does" in it, so BM25 takes them for rare and important.
Left out are words that may carry the matter ("not", "after", "all") and German words that are others in English
("die", "war", "worden", whose stem is "word").
"""

from __future__ import annotations

from functools import lru_cache

from index.analyze import terms

_ENGLISH = """
    a an and any are as at be been being but by can could did do does doing for from had has have having he her his
    how i if in into is it its itself may me might my of on or our shall she should so some such than that the their
    them then there these they this those to upon was we were what when where whether which while who whom whose why
    will with would you your
"""
_GERMAN = """
    aber am auch auf aus bei beim das dass dem den der des durch ein eine einem einen einer eines er es für haben
    hatte hatten ihr ihre ihrer im in ist kann können mit oder sein seine seiner sich sie sind um und vom von wann
    warum was welche welchem welchen welcher welches wem wen wer werden wessen wie wieso wird wo wodurch wofür woher
    wohin womit wurde wurden zu zum zur
"""
_ARABIC = """
    ما ماذا من متى أين كيف كم لماذا هل أي أية هو هي هم في إلى عن مع هذا هذه ذلك تلك التي الذي الذين
    كان كانت أن إن قد أو ثم
"""


@lru_cache(maxsize=1)
def small_words() -> frozenset[str]:
    """Index terms of the function words of English, German and Arabic."""
    return frozenset(terms(_ENGLISH + _GERMAN + _ARABIC))
