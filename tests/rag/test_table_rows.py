"""Tables in a model's answer keep the row that names their columns, and their footnotes inside the last cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.table_rows import left_open, names_columns
from rag.types import Question
from tests.doubles.scripted_gateway import Scene
from tests.rag.test_answer import ask, says

if TYPE_CHECKING:
    from tests.rag.library import Library

RATES = "# Rates\n\nA canoe costs $15 an hour. A rowing boat costs $22 an hour. The jetty closes at dusk."
HEADER = "| Boat | Price |\n|---|---|\n"


@pytest.fixture(scope="module", autouse=True)
def rates(library: Library) -> str:
    """One document."""
    return library.add(RATES, "rates.md", "tables")


def answered(library: Library, text: str) -> str:
    """The answer's text when the model writes ``text``."""
    asked = Question("What does a canoe cost?", "tables")
    answer = ask(library, asked, Scene.answer(says(text, m="canoe"))).answer
    assert all(answer.text[each.start : each.end] == each.text for each in answer.claims)
    return answer.text


def test_a_table_keeps_its_header_and_its_form(library: Library) -> None:
    """A row's last bar is left out, so that its footnote stands in the last cell."""
    text = HEADER + "| A canoe | costs $15 an hour [{m}] |\n| A rowing boat | costs $22 an hour | [{m}]"

    lines = answered(library, text).splitlines()

    assert lines[:2] == ["| Boat | Price |", "|---|---|"]
    assert lines[2:] == ["| A canoe | costs $15 an hour [1]", "| A rowing boat | costs $22 an hour [2]"]


def test_a_row_that_no_source_carries_is_left_out(library: Library) -> None:
    """Its neighbours stay."""
    text = HEADER + "| A canoe | costs $15 an hour [{m}] |\n| A rowing boat | costs $99 an hour [{m}] |"

    assert "99" not in answered(library, text)


def test_a_table_without_a_row_is_no_answer(library: Library) -> None:
    """Names of columns say nothing by themselves."""
    assert "Boat" not in answered(library, HEADER + "| A rowing boat | costs $99 an hour [{m}] |")


@pytest.mark.parametrize(
    "row",
    ["| Boat | Costs $99 |", "| Boats | The jetty is open |", "| One cell |", "| Boat | No dogs |"],
)
def test_a_first_row_that_states_something_is_checked(row: str) -> None:
    """A number, a verb or a denial is no name of a column."""
    assert not names_columns(row)


def test_only_rows_are_left_open() -> None:
    """The rule under the names stays whole, and so does every other line."""
    assert left_open("| a | b |") == "| a | b"
    assert left_open("|---|:-:|") == "|---|:-:|"
    assert left_open("either | or") == "either | or"
