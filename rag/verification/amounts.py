"""Which numbers, units and dates of a claim a source does not have, or has otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.verification.faults import Fault
from rag.verification.quantities import quantities_of
from rag.verification.times import time_faults
from rag.verification.units import VAGUE_UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.verification.quantities import Date, Quantity

_TOLD = {">": "more than", ">=": "at least", "<": "less than", "<=": "at most"}
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}\.\d{3}(?![\d.,])")
_UPWARDS, _DOWNWARDS = frozenset((">", ">=")), frozenset(("<", "<="))
# How far a measure in other units, or one that is called approximate, may be off.
_CONVERTED, _ROUGHLY, _FURTHEST = 0.02, 0.12, 0.35
# Fractions that are mostly told in words, which are not numbers elsewhere: "a third party".
_IN_WORDS = (
    (0.5, re.compile(r"\b(?:half|halves)\b", re.IGNORECASE)),
    (0.25, re.compile(r"\bquarter\b", re.IGNORECASE)),
    (0.75, re.compile(r"\bthree[\s-]quarters\b", re.IGNORECASE)),
    (1 / 3, re.compile(r"\b(?:a|one)[\s-]third\b", re.IGNORECASE)),
    (2 / 3, re.compile(r"\btwo[\s-]thirds\b", re.IGNORECASE)),
)


def quantity_faults(claim: str, near: str, around: str = "") -> list[Fault]:
    """The numbers, units and dates of a claim that a source does not have.

    Args:
        claim: In words.
        near: The sentences that speak of the claim.
        around: Title and headings, and what stands before: a number there counts, but contradicts nothing.
    """
    wanted, wanted_dates = quantities_of(claim)
    faults = [*_code_faults(claim, near), *time_faults(claim, near, around)]
    if not wanted and not wanted_dates:
        return faults
    have, dates = quantities_of(near)
    more, more_dates = quantities_of(around) if around else ((), ())
    wanted = tuple(each for each in wanted if not _told_in_words(each, near))
    faults += [fault for each in wanted if (fault := _fault(each, have, more, (*dates, *more_dates)))]
    faults += [
        fault for each in wanted_dates if (fault := _date_fault(each, dates, more_dates, (*have, *more)))
    ]
    return faults


# Versions, addresses and numbers of parts, forms and flights: figures that are a name.
_CODE = re.compile(
    r"(?<![\w.-])(?:[A-Za-z]{1,8}-?\d[\w-]*|(?!\d{1,2}\.\d{1,2}\.\d{4})(?!\d{1,3}(?:\.\d{3})+(?![\d.]))\d+(?:\.\d+){2,})(?![\w-])"
)


def _code_faults(claim: str, near: str) -> list[Fault]:
    have = [each.casefold() for each in _CODE.findall(near)]
    mine = [each.casefold() for each in _CODE.findall(claim)]
    found = []
    for each in dict.fromkeys(mine):
        rivals = [other for other in have if other not in mine and _shape(other) == _shape(each)]
        # A code of the sentences themselves goes before one that stands further away.
        if each not in have and rivals:
            found.append(Fault("number", f"the source says {rivals[0]}, not {each}"))
    return found


def _shape(code: str) -> str:
    """A code with its figures, and the letters that follow them, left open: AB-1234-C is one like AB-1235-D."""
    head = re.match(r"[^\d]*", code)
    start = head.end() if head else 0
    return code[:start] + re.sub(r"[a-z]+", "a", re.sub(r"\d+", "0", code[start:]))


def _raw(found: Quantity | Date) -> str:
    return " ".join(found.raw.split())


def _fault(
    wanted: Quantity, have: Sequence[Quantity], more: Sequence[Quantity], dates: Sequence[Date]
) -> Fault | None:
    if wanted.is_year and any(date.year == wanted.value for date in dates):
        return None
    equal = [each for each in have if _same(wanted, each)]
    rivals = [each for each in have if _counts_the_same(wanted, each) and not _same(wanted, each)]
    other_unit = next((e for e in have if e.value == wanted.value and _other_measure(wanted, e)), None)
    if other_unit is not None and not any(each.unit == wanted.unit for each in equal):
        return Fault("unit", f"the source says {_raw(other_unit)}, not {_raw(wanted)}")
    # What stands further away counts only where the sentences themselves do not say otherwise.
    if not equal and not rivals:
        equal = [each for each in more if _same(wanted, each)]
    if not equal:
        return _absent(wanted, have, rivals, dates)
    # The same number of something else is no support when the source counts the same thing otherwise.
    if rivals and not any(_counts_the_same(wanted, each) for each in equal):
        told = " ".join(filter(None, (_raw(rivals[0]), rivals[0].noun)))
        return Fault("number", f"the source says {told}, not {_raw(wanted)}")
    return _bound_fault(wanted, equal)


def _told_in_words(wanted: Quantity, near: str) -> bool:
    """Whether a fraction such as ½ stands there as a word."""
    value = wanted.value / 100 if wanted.unit == "percent" else wanted.value
    return any(abs(value - each) < 0.01 and words.search(near) for each, words in _IN_WORDS)  # noqa: PLR2004


def _absent(
    wanted: Quantity, have: Sequence[Quantity], rivals: Sequence[Quantity], dates: Sequence[Date]
) -> Fault:
    if wanted.is_year:
        years = [each.raw for each in have if each.is_year] + [str(date.year) for date in dates if date.year]
        if years:
            return Fault("date", f"the source says {years[0]}, not {_raw(wanted)}")
        return Fault("date", f"the source does not give the year {_raw(wanted)}", missing=True)
    if rivals:
        return Fault("number", f"the source says {_raw(rivals[0])}, not {_raw(wanted)}")
    return Fault("number", f"the source does not give {_raw(wanted)}", missing=True)


def _bound_fault(wanted: Quantity, equal: Sequence[Quantity]) -> Fault | None:
    """At least and at most are opposites; no bound agrees with either."""
    for each in equal:
        bounds = {wanted.bound, each.bound}
        if not (bounds & _UPWARDS and bounds & _DOWNWARDS):
            return None
    return Fault(
        "quantifier", f"the source says {_TOLD[equal[0].bound]} {_raw(equal[0])}, not {_TOLD[wanted.bound]}"
    )


def _other_measure(wanted: Quantity, have: Quantity) -> bool:
    """Whether both have a unit and not the same: 5 km and 5 miles, two days and two weeks, $3 and 3 euros."""
    if not wanted.unit or not have.unit or {wanted.unit, have.unit} & {*VAGUE_UNITS, "ordinal", "decade"}:
        return False
    return not _same(wanted, have)


def _same(wanted: Quantity, have: Quantity) -> bool:
    """Whether two quantities are the same amount, as far as their units are known, in one of their readings."""
    return any(_equal(one, other) for one in _readings(wanted) for other in _readings(have))


def _readings(found: Quantity) -> tuple[Quantity, ...]:
    """1.250 € may be a thousand or one; nothing but the other side tells which of both."""
    if found.unit != "euro" or not _THOUSANDS.search(found.raw):
        return (found,)
    return found, replace(found, value=1000 * found.value, size=1000 * found.size, places=0)


def _equal(wanted: Quantity, have: Quantity) -> bool:
    if wanted.unit == "decade" and have.is_year:
        return wanted.value <= have.value < wanted.value + 10
    if {wanted.unit, have.unit} & VAGUE_UNITS or not (wanted.unit and have.unit):
        if "ordinal" in (wanted.unit, have.unit) and wanted.unit != have.unit and not wanted.is_year:
            return wanted.value == have.value and not have.unit and not have.noun
        return _close(wanted, wanted.value, have, have.value, 0.0)
    if wanted.unit != have.unit:
        return False
    if wanted.per and have.per and wanted.per != have.per:
        # 500 a month are 6,000 a year.
        return _close(wanted, wanted.size / wanted.per, have, have.size / have.per, _CONVERTED)
    converted = _CONVERTED if wanted.size / (wanted.value or 1) != have.size / (have.value or 1) else 0.0
    return _close(wanted, wanted.size, have, have.size, converted)


def _close(wanted: Quantity, a: float, have: Quantity, b: float, allowed: float) -> bool:
    # "It fell by 5 %" says -5 %.
    if a * b < 0 and (wanted if a > 0 else have).falls:
        a, b = abs(a), abs(b)
    if a == b or abs(a - b) <= max(allowed, 1e-9) * max(abs(a), abs(b)):
        return True
    if wanted.about or have.about:
        return abs(a - b) <= _ROUGHLY * max(abs(a), abs(b))
    # "More than 5 million" is carried by "5.2 million".
    if wanted.bound in _UPWARDS and not have.bound:
        return a <= b <= a + _FURTHEST * abs(a)
    if wanted.bound in _DOWNWARDS and not have.bound:
        return a - _FURTHEST * abs(a) <= b <= a
    # 3.47 may be told as 3.5, but not as 3 or 4.
    return bool(wanted.places) and wanted.unit == have.unit and round(b, wanted.places) == a


def _counts_the_same(wanted: Quantity, have: Quantity) -> bool:
    if wanted.is_year and have.is_year:
        return True
    if wanted.unit or have.unit:
        return wanted.unit == have.unit
    return bool(wanted.noun) and wanted.noun == have.noun


def _date_fault(
    wanted: Date, dates: Sequence[Date], more: Sequence[Date], numbers: Sequence[Quantity]
) -> Fault | None:
    years = {date.year for date in (*dates, *more)} | {int(each.value) for each in numbers if each.is_year}
    # A date of the sentences themselves goes before one that stands further away.
    if any(_compatible(wanted, date, years) for date in dates):
        return None
    whole = [date for date in dates if date.day or not wanted.day]
    if not whole and any(_compatible(wanted, date, years) for date in more):
        return None
    told = _raw(whole[0]) if whole else ""
    if told:
        return Fault("date", f"the source says {told}, not {_raw(wanted)}")
    return Fault("date", f"the source does not give the date {_raw(wanted)}", missing=True)


def _compatible(wanted: Date, date: Date, years: set[int]) -> bool:
    pairs = ((wanted.year, date.year), (wanted.month, date.month), (wanted.day, date.day))
    if any(a and b and a != b for a, b in pairs):
        return False
    # A year may stand apart from its day and month, or be left to the reader; a day may not.
    if wanted.day and not date.day:
        return False
    return not wanted.year or bool(date.year) or wanted.year in years or not years
