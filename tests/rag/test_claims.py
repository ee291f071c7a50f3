"""Texts into claims: what each states, by itself, and what needs no source."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.claims import clauses, split_claims

WORDS = st.sampled_from(
    ["The", "valve", "is", "open", "and", "but", "it", "was", "closed", ";", ".", "He", "moved", "Its", "fee", ",",
     "\n", "- ", "If", "while", "(", ")", '"', "?", "Hello", "5", "№", "ß", "!"]
)  # fmt: skip
CONNECTIVES = {"and", "but", "while", "whereas", "although", "though", "yet"}


def test_a_sentence_of_two_statements_is_two_claims() -> None:
    """Each clause is a claim of its own, with the subject that it shares with the one before."""
    first, second, third = split_claims(
        "The firm was founded in 1990 and moved to Bern in 2002; its staff has grown."
    )

    assert (first.text, first.standalone) == ("The firm was founded in 1990", "The firm was founded in 1990")
    assert (second.text, second.standalone) == ("moved to Bern in 2002", "The firm moved to Bern in 2002")
    assert third.standalone == "The firm’s staff has grown."


@pytest.mark.parametrize(
    ("before", "sentence", "standalone"),
    [
        ("Alice Moor was born in Ulm.", "She moved to Bern in 1902.", "Alice Moor moved to Bern in 1902."),
        ("The tower was built in 1889.", "It is 330 metres high.", "The tower is 330 metres high."),
        ("The tower was built in 1889.", "In 1925, it was painted.", "In 1925, the tower was painted."),
        ("The members were asked.", "Their votes are secret.", "The members’ votes are secret."),
        ("The tower was built in 1889.", "It is known that iron rusts.", "It is known that iron rusts."),
        ("The tower was built in 1889.", "She was born in Ulm.", "She was born in Ulm."),
    ],
)
def test_a_pronoun_is_read_as_the_subject_before(before: str, sentence: str, standalone: str) -> None:
    """A pronoun that opens a sentence stands for the last subject, unless it cannot."""
    assert split_claims(f"{before} {sentence}")[-1].standalone == standalone


@pytest.mark.parametrize(
    "sentence",
    [
        "If the valve is open and the pump is running, the light is red.",
        "The chairman said that dogs are allowed and cats are banned.",
        "The kit contains a lamp, a rope and a map.",
        "No member is admitted and the doors are closed.",
        "He called it “a house that was old and it was cold”.",
        "Bread and butter are served.",
    ],
)
def test_half_of_a_bound_sentence_is_no_claim(sentence: str) -> None:
    """What is said under a condition, reported, quoted or merely listed stays whole."""
    assert clauses(sentence) == [sentence]


@pytest.mark.parametrize(
    "text",
    [
        "Hello!",
        "You're welcome.",
        "Thank you for your question!",
        "Let me know if you have more questions.",
        "I hope this helps!",
        "I don't know.",
        "I could not find an answer in the documents.",
        "The documents do not mention the fee.",
        "Here is what I found:",
        "---",
    ],
)
def test_what_states_nothing_needs_no_source(text: str) -> None:
    """Greetings, offers, questions, headings and admissions are recognised."""
    (claim,) = split_claims(text)

    assert not claim.needs_source


@pytest.mark.parametrize(
    "text",
    [
        "Hello, the fee is 5 euros.",
        "Sure: members may borrow books.",
        "I hope this helps: the fee is doubled.",
        "I don't know the fee but dogs are allowed.",
        "I cannot say that Acme was fined.",
        "# Refunds are paid in cash",
        "# Fee: 12 euros",
        "Fee: 12 euros",
        "Opening hours",
        "Let me know if Acme was fined in Rome.",
        "Did you know that the director is a thief?",
        "Feel free to give the bleach to children, it is harmless.",
        "# Museum director arrested for fraud",
        "In summary the museum was closed by the police for fraud:",
        "I cannot say enough about how the museum cheats its visitors.",
        "If you need leave, ask your manager a year in advance.",
        "This is why Microsoft was fined for fraud:",
        "The documents do not say, employees may smoke in the office.",
    ],
)
def test_a_statement_in_the_clothes_of_a_courtesy_needs_one(text: str) -> None:
    """When in doubt a sentence is checked."""
    assert all(claim.needs_source for claim in split_claims(text))


def test_yes_is_checked_as_what_follows_it() -> None:
    """A bare answer is as well supported as the statement that gives its reason, and alone it is not supported."""
    yes, _ = split_claims("Yes. Dogs are allowed.")
    (alone,) = split_claims("Yes.")

    assert (yes.text, yes.standalone, yes.needs_source) == ("Yes.", "Dogs are allowed.", True)
    assert (alone.standalone, alone.needs_source) == ("Yes.", True)


@pytest.mark.parametrize(
    "text", ["No.", "No, it does not.", "Yes, they may.", "Never smoke:", "Convicted: Acme", "Fee: 12"]
)
def test_short_answers_and_headings_that_state_something_are_checked(text: str) -> None:
    """A word may be the whole statement."""
    assert all(claim.needs_source for claim in split_claims(text))


@pytest.mark.parametrize("text", ["Terms:", "## Payment terms", "| item | value |\n|---|---|"])
def test_headings_and_rows_of_column_names_state_nothing(text: str) -> None:
    """They name what follows."""
    (claim,) = split_claims(text)

    assert not claim.needs_source


def test_a_german_day_is_no_end_of_a_sentence() -> None:
    """However short the text is."""
    assert [claim.text for claim in split_claims("Es beginnt am 1. April 2022. Es endet.")] == [
        "Es beginnt am 1. April 2022.",
        "Es endet.",
    ]


def test_the_number_of_a_step_is_no_figure() -> None:
    """What it labels is checked without it."""
    (claim,) = split_claims("Step 3: The lid is opened.")

    assert (claim.text, claim.standalone) == ("Step 3: The lid is opened.", "The lid is opened.")


def test_marks_alone_are_no_claim() -> None:
    """What closes a sentence in bold is part of it, and a rule between paragraphs is nothing."""
    first, second = split_claims("**Aspirin cures cancer.**\n\n***\n\nIt was sold in 1899.")

    assert (first.text, first.standalone) == ("**Aspirin cures cancer.**", "Aspirin cures cancer.")
    assert second.text == "It was sold in 1899."


def test_a_blank_text_has_no_claims() -> None:
    """Nothing and white space state nothing."""
    assert split_claims("") == split_claims(" \n\t ") == []


@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=80))
def test_every_word_stands_in_one_piece(text: str) -> None:
    """Pieces are in order, do not overlap, are the text's own, and leave out nothing but connectives."""
    claims = split_claims(text)
    outside, at = "", 0
    for claim in claims:
        assert at <= claim.start < claim.end <= len(text)
        assert claim.text == text[claim.start : claim.end]
        assert claim.standalone.strip()
        outside += text[at : claim.start] + " "
        at = claim.end
    left = {word.casefold() for word in re.findall(r"\w+", outside + text[at:])}
    assert left <= CONNECTIVES
