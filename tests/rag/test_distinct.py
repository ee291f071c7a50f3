"""Which passages repeat others."""

from __future__ import annotations

import pytest

from rag.distinct import copies

PAGE = "The community library lends books, films and games. Membership is free for children and pupils."


def repeats(*texts: str, documents: str = "abcdefgh") -> dict[int, int]:
    """Which of these texts repeat which, each of the document with the letter at its place."""
    return copies(documents[: len(texts)], texts)


def test_white_space_and_capitals_do_not_matter() -> None:
    """A page that was saved anew is a copy; the best one stands for it."""
    assert repeats(PAGE, "Other.", "  " + PAGE.upper().replace(" ", "\n")) == {2: 0}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Saws cost 3 pounds. Planes cost 5 pounds.", "Saws cost 5 pounds. Planes cost 3 pounds."),
        ("Anna manages Ben.", "Ben manages Anna."),
        ("It costs 30 €.", "It costs 30 $."),
        ("Store above 5 degrees.", "Store above -5 degrees."),
        ("Returns are accepted in Berlin.", "Returns are accepted in Munich."),
        ("We do deliver.", "We do not deliver."),
    ],
)
def test_another_fact_is_no_copy(one: str, other: str) -> None:
    """However alike two pages are, a difference in words, signs or their order is a difference in what they say."""
    assert repeats(one, other) == {}


def test_what_a_document_says_twice_is_shown_twice() -> None:
    """Both places can be cited."""
    assert repeats(PAGE, PAGE, documents="aa") == {}


def test_all_copies_name_the_first() -> None:
    """None of them points to another copy."""
    assert repeats(PAGE, PAGE, PAGE) == {1: 0, 2: 0}
    assert repeats() == {}
