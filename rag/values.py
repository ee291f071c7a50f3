"""What a sentence says of a thing, taken apart: its numbers with their units, dates, names, negation, and the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.words import content_terms, quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_MONTH = "|".join(month.capitalize() for month in _MONTHS)
_DATE = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m1>{_MONTH})|(?P<m2>{_MONTH})\s+(?P<d2>\d{{1,2}})"
    rf"(?:st|nd|rd|th)?\b(?!\s*(?:percent|%))|(?P<m3>{_MONTH})(?=\s+\d{{4}}))?,?\s*(?P<y>1[0-9]{{3}}|20[0-9]{{2}})\b(?![,.]?\d|%)"
    rf"|\b(?:(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m4>{_MONTH})|(?P<m5>{_MONTH})\s+(?P<d4>\d{{1,2}})(?!\d))"
)
_NUMBER = re.compile(r"(?P<money>[$€£])?\s?(?P<value>\d[\d,]*(?:\.\d+)?)(?P<percent>\s?%|\s?percent\b)?")
_SPELLED = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|"
    r"seven|eight|nine))?)\b",
    re.IGNORECASE,
)
# What may stand between a number and its unit.
_BETWEEN = frozenset(
    terms("consecutive total different distinct separate further additional whole full straight main")
)
_MAGNITUDES = ("hundred", "thousand", "million", "billion", "trillion")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot|unable|forbidden|prohibited)\b|n['’]t\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w&'’]*(?:[-.][A-Z]\w*)*(?:\s+(?:(?:of|de|van|von|la|the)\s+)?[A-Z][\w&'’-]*)*")
# Characters behind a number among which its unit is looked for.
_UNIT_CHARS = 40


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence taken apart.

    Attributes:
        numbers: Values in figures by unit: the index term of the word behind, ``%``, a currency, or nothing.
        dates: Years, and days of a month as ``month-day``.
        names: Words with a capital, case-folded; the first word of the sentence only where it stands in a longer name.
        negated: Whether it says no.
        frame: Its other content words as index terms.
    """

    numbers: Mapping[str, frozenset[str]]
    dates: frozenset[str]
    names: frozenset[str]
    negated: bool
    frame: frozenset[str]


def taken_apart(sentence: str) -> Said:
    """Read one sentence. The text is the document's own: Markdown and white space may be in it."""
    dates: set[str] = set()
    rest = sentence
    for found in _DATE.finditer(sentence):
        group = found.groupdict()
        day = group["d1"] or group["d2"] or group["d3"] or group["d4"]
        month = group["m1"] or group["m2"] or group["m4"] or group["m5"]
        if group["y"]:
            dates.add(group["y"])
        if day and month:
            dates.add(f"{month.lower()}-{int(day)}")
        rest = rest[: found.start()] + " " * (found.end() - found.start()) + rest[found.end() :]
    numbers: dict[str, set[str]] = {}
    for found in _NUMBER.finditer(rest):
        behind = rest[found.end() : found.end() + _UNIT_CHARS]
        unit = "%" if found["percent"] else found["money"] or _unit(behind)
        numbers.setdefault(unit, set()).add(_plain(found["value"]) + _magnitude(behind))
    for found in _SPELLED.finditer(rest):
        behind = rest[found.end() : found.end() + _UNIT_CHARS]
        value = "".join(sorted(quantities(found.group())))
        numbers.setdefault(_unit(behind), set()).add(value + _magnitude(behind))
    names = _names(sentence)
    words = {term for name in names for term in terms(name)}
    digits = re.compile(r"\d")
    frame = {term for term in content_terms(_SPELLED.sub(" ", rest)) if not digits.search(term)}
    return Said(
        numbers={unit: frozenset(values) for unit, values in numbers.items()},
        dates=frozenset(dates),
        names=frozenset(names),
        negated=bool(_NEGATION.search(sentence)),
        frame=frozenset(frame - words - set(_MAGNITUDES)),
    )


def _unit(behind: str) -> str:
    """The index term of the first content word behind a number, before the next mark of punctuation."""
    near = re.split(r"[.,;:()\n|]", behind, maxsplit=1)[0]
    found = [
        term
        for term in content_terms(near)
        if term not in _BETWEEN.union(_MAGNITUDES) and not term.isdecimal()
    ]
    return found[0] if found else ""


def _magnitude(behind: str) -> str:
    found = re.match(rf"\s?({'|'.join(_MAGNITUDES)})", behind, re.IGNORECASE)
    return f" {found[1].lower()}" if found else ""


def _plain(number: str) -> str:
    plain = number.replace(",", "").rstrip(".")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain.lstrip("0") or "0"


def _names(sentence: str) -> set[str]:
    found: set[str] = set()
    for match in _NAME.finditer(sentence):
        words = match.group().split()
        first = not sentence[: match.start()].strip(" \t\n#*_>-–•\"'“‘([")
        if first and len(words) == 1:
            continue  # Any word may begin a sentence.
        found |= {
            word.strip("'’").casefold().removesuffix("'s").removesuffix("’s")
            for word in words
            if word[0].isupper()
        }
    return {
        name
        for name in found
        if name not in _MONTHS and name not in ("i", "the", "a", "an", "in", "on", "at")
    }
