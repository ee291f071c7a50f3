"""Days of the week, times of day and how often: which of a claim the source has otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.verification.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAYS = (
    "monday|mon|montag", "tuesday|tues|tue|dienstag", "wednesday|wed|mittwoch", "thursday|thurs|thu|donnerstag",
    "friday|fri|freitag", "saturday|sat|samstag|sonnabend", "sunday|sun|sonntag",
)  # fmt: skip
_DAY_NUMBER = {name: number for number, names in enumerate(_DAYS) for name in names.split("|")}
# A short form is a day only with a capital, and "sun" and "sat" only beside another day.
_DAY_NAME = (
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|Montags?|Dienstags?|Mittwochs?|Donnerstags?|Freitags?|Samstags?|"
    r"Sonnabends?|Sonntags?|(?:Mon|Tues?|Wed|Thu(?:rs)?|Fri)\b\.?(?!\w)|(?:Sat|Sun)\b(?=\s?[-–]|\.))"
)
_DAY = re.compile(rf"\b({_DAY_NAME})(?:\s?(?:-|–|to|through|until|till|bis)\s?({_DAY_NAME}|Sat\b|Sun\b))?")
_DAY_GROUPS = (
    (re.compile(r"\bweekends?\b", re.IGNORECASE), (5, 6)),
    (re.compile(r"\b(?:week|working |business )days?\b", re.IGNORECASE), (0, 1, 2, 3, 4)),
)
_HALF = r"([ap])\.?\s?m\b"
CLOCK = re.compile(
    # 9 to 11 am; 2 pm, 2:30 p.m.; 14:00, 14.30 Uhr; 14 Uhr; noon.
    rf"(?<![\d.:,])(?:(?P<from>\d{{1,2}})(?:[:.](?P<from_minutes>[0-5]\d))?\s?(?:-|–|to|and)\s?)?"
    rf"(?P<hour>\d{{1,2}})(?:[:.](?P<minutes>[0-5]\d))?\s?{_HALF}|"
    r"(?<![\d.:,])(?P<hour24>[01]?\d|2[0-4]):(?P<minutes24>[0-5]\d)(?::[0-5]\d)?(?![\d:])(?:\s?(?:Uhr|hrs|hours|o['’]clock)\b)?|"
    r"(?<![\d.:,])(?P<hour_uhr>[01]?\d|2[0-4])(?:\.(?P<minutes_uhr>[0-5]\d))?\s?(?:Uhr\b|o['’]clock\b)|"
    r"\b(?P<word>noon|midday|midnight|mittags|mitternachts?)\b",
    re.IGNORECASE,
)
_HALF_DAY, _DAY_LONG = 12 * 60, 24 * 60
_PERIODS = {
    "second": 1.0, "sec": 1.0, "s": 1.0, "sekunde": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "hr": 3600.0,
    "h": 3600.0, "stunde": 3600.0, "day": 86400.0, "tag": 86400.0, "week": 604800.0, "woche": 604800.0,
    "month": 2628000.0, "monat": 2628000.0, "quarter": 7884000.0, "quartal": 7884000.0, "year": 31536000.0,
    "yr": 31536000.0, "annum": 31536000.0, "jahr": 31536000.0,
}  # fmt: skip
_PERIOD = "|".join(sorted(_PERIODS, key=len, reverse=True))
_PER = re.compile(
    rf"\s?[^\s\d,.;:()/]{{0,12}}(?:\s[a-z]{{1,12}})?\s?(?:/\s?|\b(?:per|an?|each|every|pro|je)\s)({_PERIOD})\b",
    re.IGNORECASE,
)
_OFTEN = {
    "hourly": 3600.0, "daily": 86400.0, "täglich": 86400.0, "weekly": 604800.0, "wöchentlich": 604800.0,
    "fortnightly": 1209600.0, "monthly": 2628000.0, "monatlich": 2628000.0, "quarterly": 7884000.0,
    "vierteljährlich": 7884000.0, "yearly": 31536000.0, "annually": 31536000.0, "annual": 31536000.0,
    "jährlich": 31536000.0,
}  # fmt: skip
_FREQUENCY = re.compile(
    rf"\b(?P<often>{'|'.join(_OFTEN)})(?:e[nrms]?)?\b|"
    rf"\b(?:per|an?|each|every|pro|je(?:de[nrms]?)?)\s(?:single\s|calendar\s)?(?P<period>{_PERIOD})\b",
    re.IGNORECASE,
)


def time_faults(claim: str, near: str, around: str) -> list[Fault]:
    """Days of the week, times of day and frequencies of a claim for which the sentences have only others.

    Args:
        claim: The claim.
        near: The sentences that speak of it.
        around: What stands before and after, where the same time counts as well.
    """
    found = []
    for kind, read in (("date", _days), ("number", _times), ("number", _frequencies)):
        mine, there = read(claim), read(near)
        for value, told in mine.items():
            if there and value not in there and value not in read(around):
                found.append(Fault(kind, f"the source says {next(iter(there.values()))}, not {told}"))
                break
    return found


def period_of(after: str) -> float:
    """Seconds of the time that an amount is for, as in "500 a month" and "45 l/min", or 0.

    Args:
        after: What stands behind the number, from its unit on.
    """
    found = _PER.match(after)
    return _PERIODS[found[1].casefold()] if found else 0.0


def _days(text: str) -> dict[int, str]:
    """Numbers of the days, those of "Monday to Friday" each, with the words."""
    found: dict[int, str] = {}
    for match in _DAY.finditer(text):
        first = _day(match[1])
        last = _day(match[2]) if match[2] else first
        found |= dict.fromkeys(
            ((first + step) % 7 for step in range((last - first) % 7 + 1)), match.group().rstrip(".")
        )
    for pattern, several in _DAY_GROUPS:
        if (group := pattern.search(text)) is not None:
            found |= dict.fromkeys(several, group.group())
    return found


def _day(name: str) -> int:
    plain = name.casefold().rstrip(".")
    return _DAY_NUMBER[plain] if plain in _DAY_NUMBER else _DAY_NUMBER[plain.removesuffix("s")]


def _times(text: str) -> dict[int, str]:
    """Minutes since midnight with the words; a time that may be of either half of the day stands for both."""
    return {minutes: match.group().strip() for match in CLOCK.finditer(text) for minutes in _minutes(match)}


def _minutes(match: re.Match[str]) -> Iterable[int]:
    if match["word"]:
        return (_HALF_DAY,) if match["word"].casefold() in ("noon", "midday", "mittags") else (0, _DAY_LONG)
    if match["hour"]:
        late = _HALF_DAY if match.group(5).casefold() == "p" else 0
        at = int(match["hour"]) % 12 * 60 + int(match["minutes"] or 0) + late
        if not match["from"]:
            return (at,)
        first = int(match["from"]) % 12 * 60 + int(match["from_minutes"] or 0)
        return at, first + (late if first + late <= at else 0)
    hour = int(match["hour24"] or match["hour_uhr"])
    at = hour * 60 + int(match["minutes24"] or match["minutes_uhr"] or 0)
    return (at,)


def _frequencies(text: str) -> dict[float, str]:
    return {
        _OFTEN[match["often"].casefold()]
        if match["often"]
        else _PERIODS[match["period"].casefold()]: match.group()
        for match in _FREQUENCY.finditer(text)
    }
