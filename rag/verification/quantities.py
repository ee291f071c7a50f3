"""Numbers, units and dates of a text in one spelling.

5 km is 5,000 m, "twelve per cent" is 12 %, "3rd of March 2020" is 2020-03-03, "3,5 %" is 3.5 %, 10⁵ is 100,000. A
number is compared with its unit, or with the noun that it counts: "five books" is not carried by "seven books within
five days". How one number is written is read in ``numerals``, what measures it in ``units``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from index.stems import stem
from rag.verification.numerals import NUMBER, NUMBER_WORDS, UNSPACED, places_of, plain, value_of
from rag.verification.times import CLOCK, period_of
from rag.verification.units import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = {
    name: number
    for number, month in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), 1)
    for name in (month, month[:3], *(["sept"] if month == "september" else []))
}  # fmt: skip
_MONTH_NAME = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DATES = (
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+day)?\s+(?:of\s+)?(?P<m>{_MONTH_NAME})(?:,?\s+(?P<y>\d{{4}}))?"),
    re.compile(rf"\b(?P<m>{_MONTH_NAME})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,?\s+(?P<y>\d{{4}}))?"),
    re.compile(rf"\b(?P<m>{_MONTH_NAME})(?:\s+of)?,?\s+(?P<y>\d{{4}})\b"),
    re.compile(r"\b(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})\b"),
    re.compile(r"\b(?P<a>\d{1,2})[./](?P<b>\d{1,2})[./](?P<y>\d{4})\b"),
    re.compile(r"(?:(?P<y>\d{4})\s?年\s?)?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]"),
    re.compile(rf"(?:(?<=[a-z,(] )|(?<=\())(?P<m>{_MONTH_NAME.replace('May|', '').replace('Mar(?:ch)?', 'March')})"),
    # "May" alone is a verb more often than a month.
    re.compile(
        r"\b(?:[Ii]n|[Oo]f|[Ss]ince|[Bb]y|[Uu]ntil|[Dd]uring|[Ee]arly|[Ll]ate|[Mm]id) (?P<m>May)\b"
        r"(?! (?:be|have|not)\b)"
    ),
)  # fmt: skip
_ABOUT = re.compile(
    r"(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|close to|circa|c\.|ca\.|~|≈|"
    r"just (?:over|under))\s*\Z",
    re.IGNORECASE,
)
_BEFORE_BOUND = {
    ">=": r"at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of|minimum",
    "<=": r"at most|up to|no more than|not (?:more than|exceed\w*)|a maximum of|maximum|within",
    ">": r"more than|over|above|exceed\w*|greater than|higher than|in excess of|upwards of",
    "<": r"less than|fewer than|under|below|lower than",
}
_SIGNS = {"≥": ">=", ">=": ">=", "⩾": ">=", "≤": "<=", "<=": "<=", "⩽": "<=", ">": ">", "<": "<"}
# At the beginning of a line the sign marks a quotation, after a dash it is an arrow.
_SIGN = re.compile(r"(?:≥|≤|⩾|⩽|(?<=[^\s=>-])[ \t]?>=?|(?<![-=<])<=?)\s?\Z")
_BOUNDS = tuple(
    (name, re.compile(rf"(?:{words})\s*\Z", re.IGNORECASE)) for name, words in _BEFORE_BOUND.items()
)
_AFTER_BOUND = re.compile(
    r"[\s\w]{0,12}?\sor (?:(?P<more>more|older|over|above|longer|later)|"
    r"(?P<less>less|fewer|younger|under|below|earlier))\b",
    re.IGNORECASE,
)
_FALLS = re.compile(
    r"\b(?:f[ae]ll(?:en|s|ing)?|drop(?:s|ped)?|declin\w+|decreas\w+|reduc\w+|los[st]\w*|shr[aiu]nk|down|below zero|"
    r"minus|lower\w*|losing|shortfall|deficit)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"[\s,-]*(?:(?:of|the|a|an|new|different|other|more|main|major|separate)\s+)*([^\W\d_][\w’'-]*)"
)
_REPEATED = re.compile(rf"\b(?:{'|'.join(NUMBER_WORDS)})(\s?\(\d[\d,.]*%?\))", re.IGNORECASE)
_ITEM = re.compile(r"(?:^|(?<=\n))[ \t]*\(?\d{1,3}(?:\.\d{1,3})*(?:[.)]|(?<=\.\d)|(?<=\.\d\d))(?=\s+[A-Z])")
_YEARS = range(1000, 2101)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a text.

    Attributes:
        value: As written, magnitudes included.
        unit: Name of the dimension, "ordinal", "decade", or nothing.
        size: The value in the dimension's own measure.
        noun: Stem of the word that is counted, or nothing.
        bound: One of ``>= <= > <``, or nothing.
        about: Whether it is called approximate.
        falls: Whether the words before say that something falls, so that "by 5" may stand for -5.
        places: Digits after the decimal sign.
        per: Seconds of the time that it is for, as in "500 a month", or 0.
        raw: As it stands in the text.
        start: In the text.
    """

    value: float
    unit: str
    size: float
    noun: str
    bound: str
    about: bool
    raw: str
    start: int
    end: int
    falls: bool = False
    places: int = 0
    per: float = 0.0

    @property
    def is_year(self) -> bool:
        """Whether it could be the number of a year."""
        return not self.unit and self.raw.isdigit() and _YEARS[0] <= self.value <= _YEARS[-1]


@dataclass(frozen=True, slots=True)
class Date:
    """A date, of which parts may be unknown (0)."""

    year: int
    month: int
    day: int
    raw: str
    start: int
    end: int


@lru_cache(maxsize=8192)
def quantities_of(text: str) -> tuple[tuple[Quantity, ...], tuple[Date, ...]]:
    """The quantities and dates of a text. Numbers of a date are in the date alone."""
    # "Two (2) years" gives one number twice; "1. Choose" counts lines.
    text = _REPEATED.sub(lambda match: match.group()[: -len(match[1])] + " " * len(match[1]), text)
    written = _ITEM.sub(lambda match: " " * len(match.group()), text)
    # Times of day are compared apart.
    written = CLOCK.sub(lambda match: " " * len(match.group()), written)
    text = plain(written)
    dates = tuple(_dates(text))
    inside = [(date.start, date.end) for date in dates]
    found = tuple(
        each for each in _quantities(text, written) if not any(a <= each.start < b for a, b in inside)
    )
    return found, dates


def _dates(text: str) -> Iterator[Date]:
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(a < match.end() and match.start() < b for a, b in taken):
                continue
            parts = match.groupdict()
            month = parts.get("m") or ""
            if "a" in parts:
                # The day may stand before or after the month; what cannot be a month is the day.
                first, second = int(parts["a"]), int(parts["b"])
                number, day = (second, first) if second <= 12 else (first, second)  # noqa: PLR2004
            else:
                number = int(month) if month.isdigit() else _MONTHS[month.casefold().rstrip(".")]
                day = int(parts.get("d") or 0)
            if number > 12 or day > 31:  # noqa: PLR2004 - months of a year, days of a month.
                continue
            taken.append(match.span())
            part = "m" if set(parts) == {"m"} else 0
            yield Date(int(parts.get("y") or 0), number, day, match[part], *match.span(part))


def _quantities(text: str, written: str) -> Iterator[Quantity]:
    for match in NUMBER.finditer(text):
        value, ordinal = value_of(match)
        if value is None:
            continue
        word, money = (match["unit"] or "").strip(" -\t\n"), (match["money"] or "").strip()
        unit, factor = unit_of(word, money, spaced=bool(match["unit"]))
        # What follows may be no unit but the noun, or another word.
        noun_follows = bool(match["unit"]) and (bool(money) or (not unit and word.isalpha()))
        end = match.start("unit") if noun_follows else match.end()
        if match["decade"]:
            unit = "decade"
        elif ordinal:
            unit, end = "ordinal", match.start("magnitude")
        start = match.end() - len(match.group().lstrip())
        before = text[max(0, match.start() - 24) : match.start()]
        yield Quantity(
            value=value,
            unit=unit,
            size=value * factor,
            noun="" if unit else _noun(text, end),
            bound=_bound(before, text[end : end + 24]),
            about=bool(_ABOUT.search(before)),
            raw=written[start:end].strip(),
            start=start,
            end=end,
            falls=bool(_FALLS.search(text[max(0, match.start() - 40) : match.start()])),
            places=places_of(match),
            per=period_of(text[match.start("unit") if match["unit"] else match.end() :][:40]),
        )


def _noun(text: str, at: int) -> str:
    """Stem of the word that is counted; of a script without spaces its first letter, which is mostly a counter."""
    found = _NOUN.match(text, at)
    if found is None:
        return ""
    return found[1][0] if re.match(f"[{UNSPACED}]", found[1]) else stem(found[1].casefold())


def _bound(before: str, after: str) -> str:
    if sign := _SIGN.search(before):
        return _SIGNS[sign.group().strip()]
    for name, pattern in _BOUNDS:
        if pattern.search(before):
            return name
    match = _AFTER_BOUND.match(after)
    return "" if match is None else ">=" if match["more"] else "<="
