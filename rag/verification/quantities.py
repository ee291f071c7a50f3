"""Numbers, units and dates of a text in one spelling.

5 km is 5,000 m, "twelve per cent" is 12 %, "3rd of March 2020" is 2020-03-03. A number is compared with its unit, or
with the noun that it counts: "five books" is not carried by "seven books within five days".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from index.stems import stem

if TYPE_CHECKING:
    from collections.abc import Iterator

_SMALL_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS_WORDS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELLED = {word: float(value) for value, word in enumerate(_SMALL_WORDS)} | {
    word: 10.0 * value for value, word in enumerate(_TENS_WORDS, 2)
}
_ORDINALS = {
    word: float(value)
    for value, word in enumerate(
        ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"), 3
    )
}
_MAGNITUDES = {"hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9,
               "trillion": 1e12}  # fmt: skip
_MONTHS = {
    name: number
    for number, month in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), 1)
    for name in (month, month[:3], *(["sept"] if month == "september" else []))
}  # fmt: skip
# Dimension and size of each unit, in the dimension's own measure.
_UNITS: dict[str, tuple[str, float]] = {}
for _dimension, _sizes in {
    "length": "mm millimetre millimeter=.001 cm centimetre centimeter=.01 metre meter m=1 km kilometre kilometer=1000 "
    "inch inches=.0254 foot feet ft=.3048 yard yd=.9144 mile mi=1609.344",
    "mass": "mg milligram=1e-6 g gram gramme=.001 kg kilogram kilo=1 tonne=1000 lb lbs=.45359 ounce oz=.02835",
    "time": "second sec=1 minute min=60 hour hr h=3600 day=86400 week=604800 month=2628000 year yr=31536000 "
    "decade=315360000 millisecond ms=.001",
    "volume": "ml millilitre milliliter=.001 litre liter l=1 gallon=3.785",
    "data": "kb kilobyte=1e3 mb megabyte=1e6 gb gigabyte=1e9 tb terabyte=1e12",
    "power": "watt w=1 kw kilowatt=1e3 mw megawatt=1e6 gw gigawatt=1e9",
    "area": "acre=4046.86 hectare ha=10000",
    "percent": "% percent pct=1", "permille": "‰ permille=1",
    "dollar": "$ dollar usd us$=1", "euro": "€ euro eur=1", "sterling": "£ gbp=1", "yen": "¥ yen jpy=1",
    "rupee": "rupee inr ₹=1", "celsius": "°c celsius centigrade=1", "fahrenheit": "°f fahrenheit=1",
    "speed": "mph=1.609344 km/h kph=1", "cent": "cent=1", "pound": "pound=1", "ton": "ton=1", "volt": "volt v=1",
    "hertz": "hz hertz=1 khz=1e3 mhz=1e6 ghz=1e9", "kelvin": "kelvin=1", "degree": "degree °=1",
    "calorie": "calorie=1 kcal=1000",
}.items():  # fmt: skip
    _names: list[str] = []
    for _word in _sizes.split():
        _name, _, _size = _word.partition("=")
        _names.append(_name)
        if _size:
            _UNITS |= dict.fromkeys(_names, (_dimension, float(_size)))
            _names = []
# A pound is money or weight, a ton may be metric: these are only compared by their number.
VAGUE_UNITS = frozenset(("pound", "ton", "degree"))

_SPELLED_NUMBER = (
    rf"(?:(?:{'|'.join(_TENS_WORDS)})(?:[- ](?:{'|'.join(_SMALL_WORDS[1:10])}))?|{'|'.join(_SMALL_WORDS[2:])}|"
    rf"(?:a|one|half a|several)(?=\s(?:hundred|thousand|million|billion|trillion|dozen)\b)|a dozen)"
)
_NUMBER = re.compile(
    r"(?P<money>US\$|[$€£¥₹]|\b(?:USD|EUR|GBP)\s)?\s?"
    r"(?:(?<![\w.+])(?<![A-Za-z]-)(?<!\w/)(?<!\d,)(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:(?P<ordinal>st|nd|rd|th)\b)?"
    rf"|\b(?P<spelled>{_SPELLED_NUMBER})\b|\b(?P<nth>{'|'.join(_ORDINALS)})\b)"
    r"(?P<magnitude>(?:[\s-]?(?:hundred|thousand|million|billion|trillion|bn|mn|dozen|k)s?\b)*)"
    r"(?P<decade>(?<=\d)['’]?s\b)?"
    r"(?P<unit>[\s-]{0,8}(?:per\s?(?:cent(?:age)?|mille)\b|(?:sq\.?|square|cubic)\s?[a-z]+|°\s?[CF]?|[%‰$€£]|[A-Za-z/]+))?",
    re.IGNORECASE,
)
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
    re.compile(rf"(?<=[a-z,(] )(?P<m>{_MONTH_NAME.replace('May|', '').replace('Mar(?:ch)?', 'March')})"),
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
_BOUNDS = tuple(
    (name, re.compile(rf"(?:{words})\s*\Z", re.IGNORECASE)) for name, words in _BEFORE_BOUND.items()
)
_AFTER_BOUND = re.compile(
    r"[\s\w]{0,12}?\sor (?:(?P<more>more|older|over|above|longer|later)|"
    r"(?P<less>less|fewer|younger|under|below|earlier))\b",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"[\s,-]*(?:(?:of|the|a|an|new|different|other|more|main|major|separate)\s+)*([^\W\d_][\w’'-]*)"
)
_REPEATED = re.compile(r"(?<=[a-z])\s?\(\d[\d,.]*%?\)")
_ITEM = re.compile(r"(?:^|(?<=\n))\s*\(?\d{1,3}(?:\.\d{1,3})*(?:[.)]|(?<=\.\d)|(?<=\.\d\d))(?=\s+[A-Z])")
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
    text = _REPEATED.sub(lambda match: " " * len(match.group()), text)
    text = _ITEM.sub(lambda match: " " * len(match.group()), text)
    dates = tuple(_dates(text))
    inside = [(date.start, date.end) for date in dates]
    found = tuple(each for each in _quantities(text) if not any(a <= each.start < b for a, b in inside))
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
            yield Date(int(parts.get("y") or 0), number, day, match.group(), *match.span())


def _quantities(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        value, ordinal = _value(match)
        if value is None:
            continue
        word = (match["unit"] or "").strip(" -\t\n").casefold()
        unit, factor = _unit(word, (match["money"] or "").strip().casefold(), spaced=bool(match["unit"]))
        # What follows may be no unit but the noun, or another word.
        noun_follows = bool(match["unit"]) and not unit and word.isalpha()
        end = match.start("unit") if noun_follows else match.end()
        if match["decade"]:
            unit = "decade"
        elif ordinal:
            unit, end = "ordinal", match.start("magnitude")
        start = match.end() - len(match.group().lstrip())
        noun = _NOUN.match(text, end)
        before = text[max(0, match.start() - 24) : match.start()]
        yield Quantity(
            value=value,
            unit=unit,
            size=value * factor,
            noun=stem(noun[1].casefold()) if noun and not unit else "",
            bound=_bound(before, text[end : end + 24]),
            about=bool(_ABOUT.search(before)),
            raw=text[start:end].strip(),
            start=start,
            end=end,
        )


def _value(match: re.Match[str]) -> tuple[float | None, bool]:
    """The number with its magnitude, and whether it is an ordinal."""
    if match["nth"]:
        return _ORDINALS[match["nth"].casefold()], True
    if match["digits"]:
        value = float(match["digits"].replace(",", ""))
    else:
        words = re.split(r"[\s-]+", match["spelled"].casefold())
        if words == ["a", "dozen"]:
            return 12.0, False
        value = (
            0.5
            if words[0] == "half"
            else 1.0
            if words[0] == "a"
            else sum(_SPELLED.get(word, 0.0) for word in words)
        )
        if words[0] == "several":
            return None, False
    for word in re.findall(r"[a-z]+", match["magnitude"].casefold()):
        name = word.removesuffix("s")
        value *= 12.0 if name == "dozen" else _MAGNITUDES[name]
    return value, bool(match["ordinal"])


def _unit(word: str, money: str, *, spaced: bool) -> tuple[str, float]:
    """Dimension and size of a unit's name; nothing when it is none."""
    if money:
        return _UNITS[money][0], 1.0
    if re.fullmatch(r"per\s?(?:cent(?:age)?|mille)", word):
        return ("permille" if word.endswith("mille") else "percent"), 1.0
    if area := re.match(r"(?:sq\.?|square)\s?([a-z]+)", word):
        dimension, size = _single(area[1])
        return ("area", size**2) if dimension == "length" else ("", 1.0)
    # One letter after a space is a word or a label more often than a unit: "Section 4 a".
    if word.startswith("cubic") or (len(word) == 1 and word.isalpha() and spaced and word not in "mgl"):
        return "", 1.0
    return _single(word.replace("° ", "°"))


def _single(word: str) -> tuple[str, float]:
    for name in (word, word.removesuffix("s"), word.removesuffix("es")):
        if name in _UNITS:
            return _UNITS[name]
    return "", 1.0


def _bound(before: str, after: str) -> str:
    for name, pattern in _BOUNDS:
        if pattern.search(before):
            return name
    match = _AFTER_BOUND.match(after)
    return "" if match is None else ">=" if match["more"] else "<="
