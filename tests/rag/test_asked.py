"""What a question asks for."""

from __future__ import annotations

import pytest

from rag.asked import Kind, asked


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did the tower open?", Kind.TIME),
        ("In which year was it built?", Kind.TIME),
        ("How many books may I borrow?", Kind.NUMBER),
        ("What is the population of the town?", Kind.NUMBER),
        ("Who leads the office, and since when?", Kind.PERSON),
        ("In what city is the school?", Kind.PLACE),
        ("What are the reasons for the delay?", Kind.LIST),
        ("Why was it closed?", Kind.REASON),
        ("How do I renew a book?", Kind.REASON),
        ("What colour is the door?", Kind.THING),
        ("May dogs come in?", Kind.YES_NO),
    ],
)
def test_the_kind_of_thing_that_answers(question: str, kind: Kind) -> None:
    """What stands first in the question decides."""
    assert asked(question, {}).kind is kind


def test_a_question_taken_apart() -> None:
    """Terms without function words, the rarest of them, names, numbers, degrees and negation."""
    found = asked("Which Riverside tower was never the tallest after 1990?", {"tower": 2.0, "riversid": 5.0})

    assert found.rarest == "riversid"
    assert found.names == {"riverside"}
    assert found.numbers == {"1990"}
    assert found.degrees == {"after"}
    assert found.negated
    assert "tower" in found.focus


def test_a_question_without_words() -> None:
    """Nothing is rarest then."""
    assert asked("?!", {}).rarest is None
