"""What can be read off the words of a question or a sentence, without a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.analyze import terms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# English function words and the words that questions are made of: they say nothing about the subject.
_FUNCTION_WORDS = frozenset(
    terms(
        """a about above according after again against all also although am an and any are as at be because been
        before being below between both but by can could did do does doing down during each either else ever
        every few for from further get give given gives had happen happened happens has
        have having he her here hers him his how however
        i if in into is it its itself just kind know let like made make makes many may me might more most much must my
        name neither no nor not of off on once one only or other our out over own please same say says shall she
        should since so some such tell than that the their them then there these they this those though through
        thus to too type under until up upon us use used using very was we were what when where whether which
        while who whom whose why will with within without would yet you your"""
    )
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w&'’-]*")
_UNITS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
          "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
_SMALL = {word: value for value, word in enumerate(_UNITS, 2)}
_TENS_WORDS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = {word: 10 * value for value, word in enumerate(_TENS_WORDS, 2)}
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ](one|{'|'.join(_SMALL)}))?|({'|'.join(_SMALL)}))\b", re.IGNORECASE
)
_MAGNITUDE = re.compile(r"(?:\b|(?<=\d))(hundred|thousand|million|billion|trillion)s?\b", re.IGNORECASE)
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_NUMBER_WORD = (
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|million|billion|half|third|quarter|once|twice|none|no)\b"
)
# What a question asks for, and what an answering sentence must then contain.
_EXPECTED = (
    (r"\b(?:when|what (?:year|date|day|month|time|century|decade)|which year|how (?:long|old|often))\b",
     rf"\d|{_MONTH}|century|{_NUMBER_WORD}|year|day|week|month"),
    (r"\b(?:how (?:many|much|far|large|big|tall|high|deep|fast|heavy)|what (?:percent\w*|number|amount|size))\b",
     rf"\d|{_NUMBER_WORD}"),
)  # fmt: skip
_EXPECTED_NAME = re.compile(
    r"\b(?:who|whom|whose|where|which (?:person|company|city|country|state))\b", re.IGNORECASE
)


def is_function_word(term: str) -> bool:
    """Whether an index term says nothing about a subject: an article, a pronoun, a question's own words."""
    return term in _FUNCTION_WORDS


def content_terms(text: str) -> list[str]:
    """Index terms without function words, each once, in order."""
    return list(dict.fromkeys(term for term in terms(text) if term not in _FUNCTION_WORDS))


def coverage(wanted: Collection[str], present: Collection[str], weights: Mapping[str, float]) -> float:
    """Share of the wanted terms, weighted by rarity, that are present; 1 when none is wanted."""
    total = sum(weights.get(term, 1.0) for term in wanted)
    found = sum(weights.get(term, 1.0) for term in wanted if term in present)
    return found / total if total else 1.0


def numbers(text: str) -> set[str]:
    """Numbers, in one spelling: without thousands separators and trailing zeros of a fraction."""
    found = set()
    for match in _NUMBER.finditer(text):
        plain = match.group().replace(",", "")
        found.add(plain.rstrip("0").rstrip(".") if "." in plain else plain)
    return found


def quantities(text: str) -> set[str]:
    """Numbers in figures and in words, the latter as figures; "million" and its like stand for themselves.

    "One" is left out, because it is mostly a pronoun.
    """
    found = numbers(text) | {match.group(1).lower() for match in _MAGNITUDE.finditer(text)}
    for tens, unit, small in _SPELLED.findall(text.casefold()):
        found.add(str(_SMALL[small] if small else _TENS[tens] + (_SMALL.get(unit, 1) if unit else 0)))
    return found


def names(text: str) -> set[str]:
    """Words with a capital that do not begin a sentence, case-folded."""
    return {match.group().casefold().removesuffix("'s").removesuffix("’s") for match in _NAME.finditer(text)}


def answer_type_match(question: str, sentence: str) -> float:
    """Whether a sentence contains the kind of thing that a question asks for.

    Returns:
        1 if it does, 0 if it does not, 0.5 if the question does not say what kind it wants.
    """
    asked = question.casefold()
    for pattern, needed in _EXPECTED:
        if re.search(pattern, asked):
            new = numbers(sentence) - numbers(question)
            return float(bool(new) or bool(re.search(needed.replace(r"\d|", ""), sentence.casefold())))
    if _EXPECTED_NAME.search(question):
        return float(
            bool(names(sentence) - {word.casefold() for word in re.findall(r"\w[\w&'’-]*", question)})
        )
    return 0.5
