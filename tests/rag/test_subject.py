"""Questions that name one document, and instructions that wrap a question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.subject import subject, without_instruction
from rag.types import Found
from tests.rag.library import stored

PREAMBLE = "This Supply Agreement is made between Alpha Motors Ltd. and Beta Steel Inc. on 3 May 2019."
QUESTION = "What is the governing law of the Supply Agreement between Alpha Motors Ltd. and Beta Steel Inc.?"


def found(*texts: str) -> list[Found]:
    """Passages found, each the beginning of its own document."""
    return [Found(stored(text, number=rank), 1.0, rank, {}, {}) for rank, text in enumerate(texts, 1)]


def test_a_named_document_and_what_is_left_to_ask() -> None:
    """The names, with what joins them, are gone from the rest."""
    named = subject(QUESTION, found(PREAMBLE, "Each party pays its own costs."))

    assert named is not None
    assert named.document_id == "doc_1"
    assert "governing law" in named.rest
    assert not {"alpha", "beta", "supply"} & set(named.rest.lower().split())


def test_two_documents_with_the_same_names_leave_doubt() -> None:
    """Then all of the question is asked of all documents."""
    assert subject(QUESTION, found(PREAMBLE, PREAMBLE)) is None


def test_names_in_the_middle_of_a_document_do_not_name_it() -> None:
    """A text that mentions somebody is not a text about one agreement."""
    middle = [replace(each, passage=replace(each.passage, ordinal=9)) for each in found(PREAMBLE)]

    assert subject(QUESTION, middle) is None


@pytest.mark.parametrize(
    "question",
    ["What did Alpha do?", "What is the law?", "Alpha Motors Ltd. and Beta Steel Inc. Supply Agreement"],
)
def test_few_names_or_nothing_else_name_no_document(question: str) -> None:
    """There must be names enough, and something left to ask."""
    assert subject(question, found(PREAMBLE)) is None
    assert subject(question, []) is None


@pytest.mark.parametrize(
    ("question", "left"),
    [
        (
            'Highlight the parts (if any) of this contract related to "Renewal Term" that matter.',
            "Renewal Term",
        ),
        (
            'Highlight the parts of this contract related to "Renewal Term" that matter. Details: When is it renewed?',
            "Renewal Term: When is it renewed?",
        ),
        ('What is "Renewal Term" related to?', 'What is "Renewal Term" related to?'),
    ],
)
def test_an_instruction_is_read_for_what_it_wants(question: str, left: str) -> None:
    """What stands in quotation marks, with the details; another question stays as it is."""
    assert without_instruction(question) == left
