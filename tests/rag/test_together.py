"""Sentences that rest on several sources keep the footnotes of all of them, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.types import Question, Verdict
from tests.doubles.scripted_gateway import Scene
from tests.rag.test_answer import ask, says
from tests.rag.test_repair import actions

if TYPE_CHECKING:
    from rag.types import Answer
    from tests.rag.library import Library

LEASE = (
    "# Lease\n\n## Rent\nThe yearly rent of the workshop is $8,400 before tax. It is paid by bank transfer.\n\n"
    "## Period\nThe lease begins on 3 May 2021 and runs for 48 months. Either side may end it.\n\n"
    "## Disputes\nThis lease is governed by the laws of Norway. The court of Bergen decides."
)
WORDS = {"rent": "yearly rent", "period": "48 months", "law": "Norway"}
TWO = "The yearly rent is $8,400 before tax and the lease runs for 48 months"


@pytest.fixture(scope="module", autouse=True)
def lease(library: Library) -> str:
    """One document in three passages, each of which is a source of its own."""
    return library.add(LEASE, "lease.md", "together")


def answered(library: Library, text: str) -> Answer:
    """The answer when the model writes ``text``, in which ``{rent}`` stands for the key of that source."""
    asked = Question("What is the yearly rent of the workshop?", "together")
    return ask(library, asked, Scene.answer(says(text, **WORDS))).answer


def quotes(answer: Answer) -> str:
    """All footnotes."""
    return " ".join(each.quote for each in answer.citations)


@pytest.mark.parametrize(
    "text",
    [
        f"{TWO} [{{rent}}][{{period}}].",
        f"{TWO} [{{period}}, {{rent}}].",
        "The yearly rent is $8,400 before tax [{rent}], and the lease runs for 48 months [{period}].",
        "The yearly rent is $8,400 and the period is 48 months [{rent}][{period}].",
    ],
)
def test_two_facts_of_two_sources_have_two_footnotes(library: Library, text: str) -> None:
    """No source carries the whole; both are kept, and nothing had to be repaired."""
    answer = answered(library, text)

    assert answer.text.endswith("[1][2]")
    assert answer.claims[0].verdict is Verdict.SUPPORTED
    assert "$8,400" in quotes(answer)
    assert "48 months" in quotes(answer)
    assert actions(answer) == []


@pytest.mark.parametrize(
    "text",
    [
        "The yearly rent is $8,400, the lease runs for 48 months, and Norwegian law governs it",
        "The yearly rent is $8,400, the lease runs for 48 months and is governed by the laws of Norway",
    ],
)
def test_three_facts_of_three_sources_have_three_footnotes(library: Library, text: str) -> None:
    """Also where the sentence cannot be cut into a clause for each."""
    answer = answered(library, f"{text} [{{rent}}][{{period}}][{{law}}].")

    assert answer.text.endswith("[1][2][3]")
    assert all(words in quotes(answer) for words in ("$8,400", "48 months", "laws of Norway"))
    assert actions(answer) == []


def test_a_source_that_adds_nothing_is_no_footnote(library: Library) -> None:
    """A key beside the right ones is left out, whether one source carries the sentence or two do."""
    one = answered(library, "The yearly rent is $8,400 before tax [{rent}][{law}].")
    two = answered(library, f"{TWO} [{{rent}}][{{period}}][{{law}}].")

    assert "Norway" not in quotes(one) + quotes(two)
    assert (len(one.citations), len(two.citations)) == (1, 2)


def test_a_missing_key_is_found_beside_the_right_one(library: Library) -> None:
    """The source named stays, the other one is added, and the repair says so."""
    answer = answered(library, f"{TWO} [{{rent}}].")

    assert answer.text.endswith("[1][2]")
    assert actions(answer) == ["moved"]
    assert answer.trace["repairs"][0]["reason"] == "the source named carries only a part of it"


@pytest.mark.parametrize(
    "text",
    [
        "The yearly rent is $8,400 before tax and the lease runs for 36 months [{rent}][{period}].",
        "The yearly rent is $9,400 before tax and the lease runs for 48 months [{rent}][{period}].",
        "The yearly rent is $48 and the lease runs for 8,400 months [{rent}][{period}].",
    ],
)
def test_each_of_the_facts_must_be_carried(library: Library, text: str) -> None:
    """One clause with a wrong amount or without a source keeps the whole sentence from the reader."""
    answer = answered(library, text)

    assert answer.abstained
    assert actions(answer) == ["dropped"]


@pytest.mark.parametrize("keys", ["[{rent}]", "[{rent}][{period}]", ""])
def test_a_clause_that_no_source_carries_makes_the_sentence_partial(library: Library, keys: str) -> None:
    """However much of the sentence another source has."""
    answer = answered(
        library, f"The yearly rent is $8,400 before tax and the tenant keeps two horses {keys}."
    )

    assert all(claim.verdict is not Verdict.SUPPORTED for claim in answer.claims)
