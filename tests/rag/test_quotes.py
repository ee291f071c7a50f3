"""Quotations are found to the letter, and what only looks like one is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.quotes import find_quote, has_ellipsis, normalised

TEXT = "It's said that “members  may\nborrow ten books” – no more. The fee is 5,000 euros, or 50 at night."


def found(quote: str, text: str = TEXT) -> str | None:
    """The part of the text that a quotation is found at."""
    span = find_quote(text, quote)
    return None if span is None else text[span[0] : span[1]]


@pytest.mark.parametrize(
    ("quote", "part"),
    [
        ("members may borrow ten books", "members  may\nborrow ten books"),
        ("members\u00a0may borrow\tten books", "members  may\nborrow ten books"),
        ('that "members may borrow ten books" - no more', "that “members  may\nborrow ten books” – no more"),
        ("books” — no more", "books” – no more"),
        ("It’s said that", "It's said that"),
        ("it's said that", "It's said that"),
        ("Members may borrow", "members  may\nborrow"),
        ("mem\u00adbers may bor\u00adrow", "members  may\nborrow"),
        ("members may borrow ten books.", "members  may\nborrow ten books"),
        ("…members may borrow ten books…", "members  may\nborrow ten books"),
        ("members may ... ten books", "members  may\nborrow ten books"),
        ("members may […] ten books", "members  may\nborrow ten books"),
        ("The fee … 50 at night", "The fee is 5,000 euros, or 50 at night"),
    ],
)
def test_marks_and_white_space_may_differ(quote: str, part: str) -> None:
    """White space, typographic marks, punctuation at the ends, an ellipsis and the first letter's case."""
    assert found(quote) == part


@pytest.mark.parametrize(
    "quote",
    [
        "members may borrow nine books",
        "MEMBERS may borrow ten books",
        "members may borrow Ten books",
        "borrow members may",
        "ten books … members may",
        "",
        " .!… ",
    ],
)
def test_other_words_are_not_found(quote: str) -> None:
    """A changed word, changed case inside, another order, and no words at all."""
    assert found(quote) is None


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("it rose", "Profit rose."),
        ("The art", "The article is long."),
        ("The fee is 5", "The fee is 50 euros."),
        ("The fee is 5", "The fee is 5,000 euros."),
        ("The fee is 5", "The fee is 5.50 euros."),
        ("000 euros", "The fee is 5,000 euros."),
        ("Øre", "Kroner and smørene."),
    ],
)
def test_words_and_numbers_are_whole(quote: str, text: str) -> None:
    """A part of a longer word or number is not that word or number."""
    assert found(quote, text) is None


def test_a_later_place_is_found_when_an_earlier_one_is_part_of_a_word() -> None:
    """The search goes on after a place that does not count."""
    assert find_quote("Startled, the art dealer left.", "art") == (14, 17)


@pytest.mark.parametrize(
    ("quote", "text", "part"),
    [
        ("東京は首都", "日本の東京は首都です。", "東京は首都"),
        ("ประเทศไทย", "ในประเทศไทยมี", "ประเทศไทย"),
        ("ßen ist", "SSen ist gut", "SSen ist"),
    ],
)
def test_other_scripts(quote: str, text: str, part: str) -> None:
    """Scripts without spaces have no word ends to keep; a letter whose capital is two gives the right end."""
    assert found(quote, text) == part


def test_parts_around_an_ellipsis_stand_near_one_another() -> None:
    """Words picked from the two ends of a long text are no quotation of it."""
    far = f"Water is cold. {'The pump hums. ' * 40}Nobody is safe."

    assert found("Water is … is safe", far) is None
    assert found("Water is … is safe", "Water is cold. Nobody is safe.") == "Water is cold. Nobody is safe"


def test_ellipsis() -> None:
    """Dots between words leave something out; dots at the end do not."""
    assert has_ellipsis("You may ... open it")
    assert has_ellipsis("You may […] open it")
    assert not has_ellipsis("You may open it ...")


def test_normalised_text_keeps_its_offsets() -> None:
    """Each character of the normalised text says where it came from."""
    plain, offsets = normalised("a\u00ad “b”\n\n c")

    assert plain == 'a "b" c'
    assert offsets == [0, 2, 3, 4, 5, 6, 9]


WORD = st.text(st.sampled_from("abcdefgäöüéßñжд语"), min_size=1, max_size=6).filter(str.isalnum)
GAP = st.sampled_from([" ", "  ", "\n", "\u00a0", "\r\n\t", " \u00ad"])


@given(st.data(), st.lists(WORD, min_size=1, max_size=12))
def test_any_run_of_words_is_found_at_its_place(data: st.DataObject, words: list[str]) -> None:
    """However the white space between its words has changed, a part of a text is found, to the letter."""
    unique = [f"{word}{number}" for number, word in enumerate(words)]
    gaps = data.draw(st.lists(GAP, min_size=len(words), max_size=len(words)))
    text = "".join(word + gap for word, gap in zip(unique, gaps, strict=True))
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    quoted = data.draw(GAP).join(unique[first : last + 1])
    start = sum(len(word) + len(gap) for word, gap in zip(unique[:first], gaps[:first], strict=True))
    end = start + len("".join(w + g for w, g in zip(unique[first:last], gaps[first:last], strict=True)))

    assert find_quote(text, quoted) == (start, end + len(unique[last]))
