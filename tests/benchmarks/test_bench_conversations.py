"""The rules that make turns of questions, and the figure that they are measured with."""

from __future__ import annotations

import pytest

from benchmarks.conversations.__main__ import interval, way
from benchmarks.conversations.compose import (
    Asked,
    another_year,
    asked_why,
    cases,
    corrected,
    dropped,
    pronoun,
    what_about,
)
from benchmarks.retrieval.types import Question

SEATS = Asked(Question("How many seats does the Harbour Theatre have?", "a"), "900")
BUILT = Asked(Question("When was the Harbour Theatre built?", "a"), "1921")
ROOF = Asked(Question("What is the colour of the roof of the Harbour Theatre?", "a"), "red")
LOST = Asked(Question("How many seats were lost in the Molde fire of 1956?", "a"), "12")
OTHER = Asked(Question("What do otters eat?", "b"), "fish")


def test_the_shared_name_becomes_a_pronoun() -> None:
    """With the article before it; nothing is made where nothing is shared."""
    assert pronoun(SEATS, BUILT) == "When was it built?"
    assert pronoun(SEATS, OTHER) is None


def test_the_shared_phrase_is_left_out() -> None:
    """With its preposition."""
    assert dropped(SEATS, ROOF) == "What is the colour of the roof?"


def test_the_year_is_all_that_is_said() -> None:
    """The question before asks for the year before."""
    assert another_year(LOST, 0) == ("How many seats were lost in the Molde fire of 1955?", "And in 1956?")
    assert another_year(SEATS, 0) is None


def test_what_differs_is_all_that_is_said() -> None:
    """Of two questions that are alike but for one place."""
    second = Asked(Question("How many seats does the Opera have?", "a"), "500")

    assert what_about(SEATS, second, 0) == "What about Opera?"
    assert what_about(BUILT, second, 0) is None


def test_the_question_word_alone() -> None:
    """The question before asks whether."""
    assert asked_why(BUILT, 1) == ("Was the Harbour Theatre built?", "When?") or asked_why(BUILT, 1) is None
    long = Asked(Question("Why did the old Harbour Theatre burn?", "a"), "a lamp")
    assert asked_why(long, 1) == ("Did the old Harbour Theatre burn?", "Why?")


def test_a_correction_names_what_was_meant() -> None:
    """The question before has another name of the same document."""
    assert corrected(SEATS, ["Molde"], 0) == (
        "How many seats does the Molde have?",
        "No, I meant Harbour Theatre.",
    )


def test_every_case_asks_for_what_the_full_question_asks_for() -> None:
    """And whole questions stay whole, after one of the same document and after one of another."""
    made = list(cases([SEATS, BUILT, ROOF, LOST], [OTHER]))

    assert {each.kind for each in made} >= {
        "pronoun",
        "left out",
        "year",
        "correction",
        "same subject",
        "other subject",
    }
    for case in made:
        assert (case.follow_up == case.full.text) == case.kind.endswith("subject")


def test_the_way_is_counted_from_the_bare_follow_up() -> None:
    """Half of what the full question finds more is half of the way; where it finds no more, there is none."""
    rows = [{"bare": 0.0, "rewritten": 1.0, "full": 1.0}, {"bare": 0.0, "rewritten": 0.0, "full": 1.0}] * 20

    assert way(rows) == pytest.approx(0.5)
    low, high = interval(rows) or (1.0, 0.0)
    assert low < 0.5 < high
    assert way([{"bare": 1.0, "rewritten": 1.0, "full": 1.0}]) is None
