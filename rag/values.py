"""What a sentence says of a thing, taken apart: its numbers with their units, dates, names, negation, and the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.verification.quantities import quantities_of
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEGATION = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot|unable|forbidden|prohibited)\b|n['’]t\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w&'’]*(?:[-.][A-Z]\w*)*(?:\s+(?:(?:of|de|van|von|la|the)\s+)?[A-Z][\w&'’-]*)*")
_NO_NAMES = frozenset(
    [
        "i",
        "the",
        "a",
        "an",
        "in",
        "on",
        "at",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
)
_BEFORE_YEAR = re.compile(
    r"\b(?:in|of|since|by|until|till|from|to|during|year|before|after|mid|early|late)[\s-]*$", re.IGNORECASE
)
_SIGNED = ("celsius", "fahrenheit", "degree")
_DIGIT = re.compile(r"\d")
_BLANK = " "


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence taken apart.

    Attributes:
        numbers: Values by what they count or measure: the name of a dimension, the index term of a noun, or nothing.
            Each value in the dimension's own measure, so that 1 week is 7 days.
        spelled: The same values as they stand in the sentence, by unit and value.
        dates: Years, and days of a month as ``month-day``.
        names: Words with a capital, case-folded; the first word of the sentence only where it stands in a longer name.
        negated: Whether it says no.
        frame: Its other content words as index terms.
    """

    numbers: Mapping[str, frozenset[str]]
    spelled: Mapping[tuple[str, str], str]
    dates: frozenset[str]
    names: frozenset[str]
    negated: bool
    frame: frozenset[str]


def taken_apart(sentence: str) -> Said:
    """Read one sentence. The text is the document's own: Markdown and white space may be in it."""
    quantities, stated = quantities_of(sentence)
    rest = sentence
    dates: set[str] = set()
    for date in stated:
        rest = _without(rest, date.start, date.end)
        dates |= {str(date.year)} if date.year else set()
        dates |= {f"{date.month}-{date.day}"} if date.month and date.day else set()
    numbers: dict[str, set[str]] = {}
    spelled: dict[tuple[str, str], str] = {}
    for each in quantities:
        rest = _without(rest, each.start, each.end)
        if each.is_year and (not each.noun or _BEFORE_YEAR.search(sentence[: each.start])):
            dates.add(f"{each.value:.0f}")
        else:
            # "A fall of 5 %" says -5 %: the sign is only compared of temperatures.
            size = each.size if each.unit in _SIGNED else abs(each.size)
            kind, value = each.unit or each.noun, f"{size:.12g}"
            numbers.setdefault(kind, set()).add(value)
            spelled[kind, value] = " ".join(sentence[each.start : each.end].split())
    names = _names(sentence)
    named = {term for name in names for term in terms(name)}
    frame = {term for term in content_terms(rest) if not _DIGIT.search(term)}
    return Said(
        numbers={unit: frozenset(values) for unit, values in numbers.items()},
        spelled=spelled,
        dates=frozenset(dates),
        names=frozenset(names),
        negated=bool(_NEGATION.search(sentence)),
        frame=frozenset(frame - named),
    )


def _without(text: str, start: int, end: int) -> str:
    return f"{text[:start]}{_BLANK * (end - start)}{text[end:]}"


def _names(sentence: str) -> set[str]:
    found: set[str] = set()
    for match in _NAME.finditer(sentence):
        words = match.group().split()
        first = not sentence[: match.start()].strip(" \t\n#*_>-–•\"'“‘([")
        if first and len(words) == 1:
            continue  # Any word may begin a sentence.
        parts = (word.strip("'’").casefold() for word in words if word[0].isupper())
        found |= {part.removesuffix("'s").removesuffix("’s") for part in parts}
    return found - _NO_NAMES
