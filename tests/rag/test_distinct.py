"""Which passages repeat others."""

from __future__ import annotations

import random
import time

import pytest

from index.analyze import terms
from rag.distinct import copies

PAGE = (
    "The community library lends books, films and games to everyone who lives in the valley. Membership is free for "
    "children, pupils and students; everybody else pays a small fee each year at the counter or by transfer. Lost "
    "items are replaced at the price that the shop asks for a new one of the same kind."
)


def words(text: str) -> frozenset[str]:
    """The index terms of a text."""
    return frozenset(terms(text))


def repeats(*texts: str, documents: str = "abcdefgh") -> dict[int, int]:
    """Which of these texts repeat which, each of the document with the letter at its place."""
    return copies(documents[: len(texts)], [words(text) for text in texts])


def test_a_page_with_a_word_more_is_a_copy() -> None:
    """The first, which is the better one, stays, whether the word is missing in it or in the other."""
    assert repeats(PAGE, PAGE) == {1: 0}
    assert repeats(PAGE, "Something else altogether.", PAGE + " Welcome!") == {2: 0}
    assert repeats(PAGE + " Welcome!", PAGE) == {1: 0}


def test_a_word_in_another_ones_place_is_another_fact() -> None:
    """However long the page is around it: the branch in Berlin is not the one in Munich."""
    berlin, munich = f"{PAGE} Ask in Berlin.", f"{PAGE} Ask in Munich."

    assert repeats(berlin, munich) == {}
    assert repeats(berlin, munich, PAGE) == {2: 0}
    assert repeats(PAGE, berlin, munich) == {1: 0, 2: 0}
    assert repeats(PAGE, PAGE.replace("games", "music")) == {}


def test_much_more_is_a_difference() -> None:
    """Alike is not the same: a passage that says more, or other things, is shown."""
    other = PAGE.replace("books, films and games", "tools, ladders and bicycles").replace("valley", "harbour")

    assert repeats(PAGE, other) == {}
    assert repeats(PAGE, PAGE + " Reading rooms close early on Saturdays in winter.") == {}
    assert repeats(PAGE + " Reading rooms close early on Saturdays in winter.", PAGE) == {}


@pytest.mark.parametrize("size", [20, 40, 60, 80, 100])
def test_the_border_is_a_twentieth_of_all_words(size: int) -> None:
    """Of twenty words of the longer, one may be missing in the shorter, whichever of them is better."""
    every = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"][:size]
    for less in (size // 20 - 1, size // 20, size // 20 + 1):
        whole, part = frozenset(every), frozenset(every[less:])
        expected = {1: 0} if less <= size // 20 else {}

        assert copies("ab", [whole, part]) == expected
        assert copies("ab", [part, whole]) == expected


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("The fee is 30 euros.", "The fee is 35 euros."),
        ("It was built in 1910.", "It was built in 1911."),
        ("Take model X4.", "Take model X5."),
        ("The fee is 30 euros.", "The fee is euros."),
        ("Dogs are allowed.", "Dogs are not allowed."),
        ("Dogs can come in.", "Dogs cannot come in."),
        ("Dogs do come in.", "Dogs don't come in."),
        ("Dogs do come in.", "Dogs don’t come in."),
        ("You can enter.", "You can't enter."),
        ("It is paid for.", "It isn't paid for."),
        ("Entry with a card.", "Entry without a card."),
        ("It always closes.", "It never closes."),
        ("Hunde sind erlaubt.", "Hunde sind nicht erlaubt."),
        ("Ein Hund darf hinein.", "Kein Hund darf hinein."),
        ("Zutritt mit Karte.", "Zutritt ohne Karte."),
        ("Das Tor ist offen.", "Das Tor ist niemals offen."),
        ("الكلاب مسموح بها", "الكلاب غير مسموح بها"),
    ],
)
def test_another_number_or_a_negation_is_another_fact(own: str, other: str) -> None:
    """However alike two pages are besides."""
    long = f"{PAGE} {PAGE.replace('The', 'Die')}"

    assert repeats(f"{long} {own}", f"{long} {other}") == {}
    assert repeats(f"{long} {other}", f"{long} {own}") == {}
    assert repeats(f"{long} {own}", f"{long} {own}") == {1: 0}


def test_one_document_may_say_something_twice() -> None:
    """Passages of one document are never left out for one another."""
    assert repeats(PAGE, PAGE, documents="aa") == {}
    assert repeats(PAGE, PAGE, PAGE, documents="aba") == {1: 0}
    assert repeats(PAGE, PAGE, PAGE, documents="aab") == {2: 0}


def test_several_copies_point_at_the_first() -> None:
    """Not at one another."""
    assert repeats(PAGE, PAGE, PAGE, PAGE) == {1: 0, 2: 0, 3: 0}


def test_a_copy_of_a_copy_that_is_unlike_the_first_is_shown() -> None:
    """What is left out is like what is shown in its place, and not only like something else that is left out."""
    every = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    first, second, third = (frozenset(every[at:]) for at in (0, 4, 8))

    assert copies("abc", [first, second, third]) == {1: 0}
    assert copies("abc", [second, first, third]) == {1: 0, 2: 0}


def test_passages_without_words_are_not_copies() -> None:
    """Of nothing, nothing can be said."""
    assert repeats("!!!", "???", "") == {}
    assert copies([], []) == {}


def test_many_long_passages_are_compared_quickly() -> None:
    """As many as the largest search weighs, all of one size and with much in common."""
    rng = random.Random(1)
    every = [a + b + c for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyz"]
    shared = set(rng.sample(every, 60))
    vocabulary = [frozenset(shared | set(rng.sample(every, 40))) for _ in range(220)]

    started = time.perf_counter()
    assert copies([str(n) for n in range(220)], vocabulary) == {}
    assert time.perf_counter() - started < 2
