"""Days, times of day, frequencies, rates and codes of a claim are compared with those of its sentences."""

from __future__ import annotations

import pytest

from rag.verification.amounts import quantity_faults
from rag.verification.substitution import substitution_faults
from rag.verification.text import words_of


@pytest.mark.parametrize(
    ("claim", "source", "told"),
    [
        ("It is held on Tuesday.", "It is held on Fridays.", "the source says Fridays, not Tuesday"),
        ("It is open on Sundays.", "Open Mon-Fri.", "the source says Mon-Fri, not Sundays"),
        ("It opens at 9 am.", "It opens at 9 pm.", "the source says 9 pm, not 9 am"),
        ("It starts at 15:00.", "It starts at 2 p.m.", "the source says 2 p.m, not 15:00"),
        ("It opens at noon.", "It opens at midnight.", "the source says midnight, not noon"),
        ("Clean it daily.", "Clean it weekly.", "the source says weekly, not daily"),
        ("It is paid every year.", "It is paid once a month.", "the source says a month, not every year"),
        ("It has 320 square feet.", "It has 320 square metres.", None),
        ("It pumps 45 l/h.", "It pumps 45 l/min.", None),
        ("It costs €500 a year.", "It costs €500 a month.", None),
        ("Order AB-1234-D.", "Order AB-1234-C.", "the source says ab-1234-c, not ab-1234-d"),
    ],
)
def test_another_time_rate_or_code_is_told(claim: str, source: str, told: str | None) -> None:
    """What the source has in its place is a fault."""
    faults = quantity_faults(claim, source)

    assert faults
    assert told is None or told in {each.told for each in faults}
    assert quantity_faults(source, source) == []


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It is open on Wednesdays.", "It is open from Monday to Friday."),
        ("It is open on Saturdays.", "It is open at weekends."),
        ("It starts at 2 pm.", "It starts at 14:00."),
        ("It starts at 14.30 Uhr.", "It starts at 2:30 p.m."),
        ("It is open from 9 am to 11 am.", "It is open from 9 to 11 am."),
        ("It is paid once a year.", "It is paid annually."),
        ("It pumps 45 litres per minute.", "It pumps 45 l/min."),
        ("It pumps 2,700 l/h.", "It pumps 45 l/min."),
        ("It costs €6,000 a year.", "It costs €500 per month, which is due each year."),
        ("It costs €500.", "It costs €500 per month."),
        ("It has 320 sqm.", "It has 320 square metres, that is 320 m²."),
        ("It costs EUR 500.00.", "It costs €500."),
    ],
)
def test_the_same_time_or_rate_in_other_words_is_none(claim: str, source: str) -> None:
    """Ranges of days, both clocks, frequencies and rates are brought together."""
    assert quantity_faults(claim, source) == []


def test_a_code_of_the_sentence_goes_before_one_further_away() -> None:
    """A code that stands in another row does not carry a claim about this one."""
    row, others = "E02 means that the tank is full.", "E17 means that the filter is blocked."

    assert quantity_faults("E17 means that the tank is full.", row, others)
    assert quantity_faults(row, row, others) == []


def test_a_bound_in_another_word_is_the_same() -> None:
    """Below and under are one bound, below and above are two."""
    source = words_of("The noise level is below 62 decibels here.")

    assert substitution_faults(words_of("The noise level is under 62 decibels here."), source) == []
    assert substitution_faults(words_of("The noise level is above 62 decibels here."), source)
