"""What is read off the words of a question or a sentence."""

from __future__ import annotations

import pytest

from rag.words import answer_type_match, content_terms, coverage, names, numbers, quantities


def test_content_terms_leave_function_words_out() -> None:
    """Index terms of what a question is about, each once, in the order of the question."""
    assert content_terms("How many books may a member borrow, and for how many days may books be kept?") == [
        "book",
        "memb",
        "borrow",
        "day",
        "kept",
    ]
    assert content_terms("What is it about?") == []


def test_coverage_is_weighted_by_rarity() -> None:
    """A rare term counts more than a common one; one of unknown rarity counts 1."""
    assert coverage(["fee", "tower"], {"fee"}, {"fee": 1.0, "tower": 3.0}) == pytest.approx(0.25)
    assert coverage(["fee", "tower"], {"tower"}, {}) == pytest.approx(0.5)
    assert coverage([], {"fee"}, {}) == 1.0
    assert coverage(["fee"], {"fee"}, {"fee": 0.0}) == 1.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("In 2019, 1,234.50 euros and 7.0 per cent.", {"2019", "1234.5", "7"}),
        ("10% of 5m", {"10", "5"}),
        ("Seven books", set()),
        ("", set()),
    ],
)
def test_numbers_have_one_spelling(text: str, found: set[str]) -> None:
    """Thousands separators and trailing zeros of a fraction do not make another number."""
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Seven books for 7 days", {"7"}),
        ("twenty-one or thirty two", {"21", "32"}),
        ("forty days, one at a time", {"40"}),
        ("twelve, or 5 million", {"12", "5", "million"}),
        ("3Million", {"3", "million"}),
        ("someone lent tents", set()),
    ],
)
def test_quantities_read_number_words(text: str, found: set[str]) -> None:
    """Numbers in words are the same quantities as in figures; "one" is mostly a pronoun and left out."""
    assert quantities(text) == found


def test_names_are_capitals_inside_a_sentence() -> None:
    """The first word of a sentence proves nothing; possessives are the name itself."""
    assert names("Yesterday Alice met Bob's friend. Later she left Rome’s gates.") == {"alice", "bob", "rome"}
    assert names("nothing here") == set()


@pytest.mark.parametrize(
    ("question", "sentence", "score"),
    [
        ("When was it built?", "It was built in 1990.", 1.0),
        ("When was it built?", "It was built in March.", 1.0),
        ("When was it built?", "It was built by hand.", 0.0),
        ("How many rooms has it?", "It has seven rooms.", 1.0),
        ("How many rooms has it?", "It has rooms.", 0.0),
        ("How many of the 20 rooms are free?", "There are 20 rooms.", 0.0),
        ("Who runs it?", "It is run by Alice Moor.", 1.0),
        ("Who runs it?", "It is run by volunteers.", 0.0),
        ("Is it open?", "It is open.", 0.5),
    ],
)
def test_answer_type(question: str, sentence: str, score: float) -> None:
    """A sentence has the kind of thing that is asked for, has not, or nothing is known about the kind."""
    assert answer_type_match(question, sentence) == score
