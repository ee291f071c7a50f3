"""Follow-up questions become questions that can be searched for; questions of their own stay as they are."""

from __future__ import annotations

import time

import pytest

from rag.leaning import Lean, leaning
from rag.rewrite import rewritten
from rag.types import Length, Question, Wishes
from rag.wishes import wishes_in

FERRY = (
    ("user", "What did the ferry from Bergen to Stavanger cost in 2021?"),
    ("assistant", "The ferry from Bergen to Stavanger cost 40 euros in 2021."),
)
FOUNDED = (("user", "Who founded Harbour Glass?"), ("assistant", "Ida Holm founded Harbour Glass in 1921."))


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("When was it built?", Lean.PRONOUN),
        ("What about the second quarter?", Lean.INSTEAD),
        ("And in 2022?", Lean.INSTEAD),
        ("in Norway?", Lean.INSTEAD),
        ("Why?", Lean.ASK),
        ("and how much?", Lean.ASK),
        ("No, I meant Oslo.", Lean.CORRECTION),
        ("I meant the lamp, not the bell", Lean.CORRECTION),
        ("Tell me more", Lean.MORE),
        ("What is the reason?", Lean.LOOSE),
        ("Does Sweden border it?", Lean.PRONOUN),
        ("Did Harbour Glass raise its prices?", Lean.NONE),
        ("How long does it take to cross the fjord?", Lean.NONE),
        ("Which company built the bridge that crosses the fjord?", Lean.NONE),
        ("What is the capital of Norway?", Lean.NONE),
        ("Is it possible to return a bought ticket?", Lean.NONE),
        ("When Ida Holm left the board, what did she do?", Lean.NONE),
        ("What happens to the packet at the destination?", Lean.NONE),
        ("List the members of the board", Lean.NONE),
    ],
)
def test_what_a_question_leans_with(text: str, how: Lean) -> None:
    """Pronouns without an antecedent, fragments, corrections and bare questions lean; whole questions do not."""
    assert leaning(text).how is how


@pytest.mark.parametrize(
    ("history", "text", "expected"),
    [
        (FERRY, "And in 2022?", "What did the ferry from Bergen to Stavanger cost in 2022?"),
        (FERRY, "no, I meant 2020", "What did the ferry from Bergen to Stavanger cost in 2020?"),
        (FERRY, "and from Oslo?", "What did the ferry from Oslo to Stavanger cost in 2021?"),
        (FERRY, "I meant Molde, not Stavanger", "What did the ferry from Bergen to Molde cost in 2021?"),
        (FERRY, "Tell me more", "What did the ferry from Bergen to Stavanger cost in 2021?"),
        (FOUNDED, "When was she born?", "When was Ida Holm born?"),
        (FOUNDED, "What about Norrland Steel?", "Who founded Norrland Steel?"),
        (FOUNDED, "What is its revenue?", "What is Harbour Glass's revenue?"),
        ((("user", "Was the pier closed?"),), "Why?", "Why was the pier closed?"),
        ((("user", "Where was the pier closed?"),), "And when?", "When was the pier closed?"),
        (FOUNDED, "On another topic: when does the museum open?", "when does the museum open?"),
        (FOUNDED, "When does the museum in Molde open?", "When does the museum in Molde open?"),
        ((), "And in 2022?", "And in 2022?"),
    ],
)
def test_a_follow_up_says_what_it_means(
    history: tuple[tuple[str, str], ...], text: str, expected: str
) -> None:
    """What it leaves out comes from the turns before; another subject is left alone."""
    assert rewritten(text, history).text == expected


def test_a_subject_is_carried_over_several_turns() -> None:
    """A pronoun after a pronoun means what the first one meant, and the year that was asked for last."""
    history = (*FERRY, ("user", "And in 2022?"), ("assistant", "45 euros."), ("user", "Why?"))

    found = rewritten("How long did it take?", history)

    assert found.leans
    assert {"Bergen", "Stavanger"} <= set(found.text.replace(",", "").split())


@pytest.mark.parametrize(
    ("before", "text", "leans"),
    [
        ("Wie viele Einwohner hatte Bergen im Jahr 2008?", "Und 2010?", True),
        ("Wie viele Einwohner hatte Bergen im Jahr 2008?", "Warum?", True),
        ("Wie viele Einwohner hatte Bergen im Jahr 2008?", "Wann wurde die Kirche von Molde gebaut?", False),
        ("卑尔根有多少居民？", "奥斯陆呢？", True),
        ("卑尔根有多少居民？", "奥斯陆的博物馆什么时候开门？", False),
        ("كم عدد سكان بيرغن؟", "لماذا؟", True),
        ("كم عدد سكان بيرغن؟", "متى يفتح المتحف في أوسلو أبوابه؟", False),
    ],
)
def test_other_languages_take_along_only_what_is_unmistakable(before: str, text: str, leans: bool) -> None:
    """A bare follow-up is searched for behind the question before it; a whole question as it stands."""
    found = rewritten(text, (("user", before),))

    assert found.leans == leans
    assert found.text == (f"{before} {text}" if leans else text)


@pytest.mark.parametrize(
    ("text", "plain", "wishes", "kept"),
    [
        ("Please answer briefly: what does the drill cost?", "what does the drill cost?", Wishes(Length.BRIEF), False),
        ("What does it cost? Answer in German.", "What does it cost?", Wishes(language="German"), False),
        ("What does it cost? Please always answer in detail.", "What does it cost?", Wishes(Length.FULL), True),
        ("How do I answer a letter in German?", None, Wishes(), False),
    ],
)  # fmt: skip
def test_a_wish_is_taken_out_of_the_question(
    text: str, plain: str | None, wishes: Wishes, kept: bool
) -> None:
    """How an answer is wanted is not searched for, and is kept only when that was said."""
    always, found = wishes_in(Question(text, "c"))

    assert (found.plain, found.wishes, always is not None) == (plain, wishes, kept)
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    ["its " * 8000, "Apple, its " * 3000, "and " * 8000, " " * 7000 + "x", "no, " * 5000, "the of a " * 3000,
     "er " * 9000, "A of the " * 3000, "not x, " * 3000, "那" * 8000, "it was said that to " * 1000],
)  # fmt: skip
def test_hostile_turns_take_no_time(text: str) -> None:
    """A question or a turn made to keep the patterns busy is done with at once."""
    begun = time.perf_counter()
    for length in (900, len(text)):
        rewritten(text[:length], (("user", text), ("assistant", text)) * 8)
        wishes_in(Question(text[:length], "c"))

    assert time.perf_counter() - begun < 2.0
