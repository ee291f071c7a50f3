"""What a chosen sentence brings with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.asked import asked
from rag.candidate import Candidate
from rag.complete import completed

if TYPE_CHECKING:
    from rag.types import Evidence
    from tests.rag.conftest import EvidenceMaker

TABLE = (
    "Sales by year.\n\n| Year | Sales | Costs |\n| --- | --- | --- |\n| 2020 | 5 | 3 |\n| 2021 | 7 | 4 |\n"
)
LIST = "Bring these things:\n\n- a towel and soap\n- a bathing cap\n- a coin for the locker\n\nThe pool opens at nine."


def candidate(evidence: Evidence, words: str) -> Candidate:
    """The sentence of some evidence that holds these words."""
    for index, (start, end) in enumerate(evidence.sentences):
        text = evidence.slice((start, end))
        if words in text:
            left = len(text) - len(text.lstrip())
            return Candidate(evidence, index, (start + left, start + len(text.rstrip())), 0.5, 1.0, 0)
    raise AssertionError(words)


def texts(evidence: Evidence, words: str, question: str) -> list[str]:
    """What is quoted when the sentence with these words was chosen."""
    return [each.text for each in completed([candidate(evidence, words)], asked(question, {}), 2, 12)]


def test_a_row_is_quoted_with_its_column_line(make_evidence: EvidenceMaker) -> None:
    """The line that names the columns comes first, the rows between stay out."""
    found = texts(make_evidence(TABLE, at=40), "2021", "What were the sales in 2021?")

    assert found == ["| Year | Sales | Costs |", "| 2021 | 7 | 4 |"]


def test_a_column_line_alone_says_nothing(make_evidence: EvidenceMaker) -> None:
    """The first row with amounts is quoted below it."""
    found = texts(make_evidence(TABLE), "Year | Sales", "What were the sales?")

    assert found == ["| Year | Sales | Costs |", "| 2020 | 5 | 3 |"]


def test_a_question_for_a_list_gets_all_of_it(make_evidence: EvidenceMaker) -> None:
    """Whichever item or lead-in was chosen; and no more than the list."""
    evidence = make_evidence(LIST)
    question = "List what to bring."

    for words in ("bathing cap", "Bring these things"):
        found = texts(evidence, words, question)
        assert [each.lstrip("- ") for each in found] == [
            "Bring these things:",
            "a towel and soap",
            "a bathing cap",
            "a coin for the locker",
        ]
    assert texts(evidence, "bathing cap", "Which cap?") == ["- a bathing cap"]


def test_a_lead_in_brings_what_it_leads_to(make_evidence: EvidenceMaker) -> None:
    """Whatever was asked: with a colon at its end it says nothing by itself."""
    assert texts(make_evidence(LIST), "Bring these", "What must I bring?")[1:] == [
        "- a towel and soap",
        "- a bathing cap",
        "- a coin for the locker",
    ]
    assert texts(
        make_evidence("The rule is this:\n\nGates close at nine."), "The rule", "What is the rule?"
    ) == [
        "The rule is this:",
        "Gates close at nine.",
    ]


def test_an_item_is_not_quoted_without_the_words_that_deny_it(make_evidence: EvidenceMaker) -> None:
    """By itself it would say the opposite."""
    evidence = make_evidence("## Scope\n\nThe following is not covered:\n\n- damage by water\n- worn belts\n")

    assert texts(evidence, "worn belts", "Are worn belts covered?") == [
        "The following is not covered:",
        "- worn belts",
    ]


def test_quotes_stay_inside_their_evidence(make_evidence: EvidenceMaker) -> None:
    """Every span is one of the evidence, without white space at the ends."""
    evidence = make_evidence(TABLE, at=7)

    for each in completed([candidate(evidence, "2021")], asked("Sales?", {}), 2, 12):
        assert evidence.start <= each.span[0] < each.span[1] <= evidence.end
        assert each.text == each.text.strip()
