"""The sentences of passages, weighed for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.sentences import weigh_sentences
from tests.rag.library import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from index.types import StoredPassage
    from ingest.types import FloatMatrix
    from rag.sentences import Sentences

ACROSS = np.array([1.0, 0.0], dtype=np.float32)


def weigh(
    question: str,
    passages: Sequence[StoredPassage],
    weights: Mapping[str, float],
    vectors: Mapping[int, FloatMatrix] | None = None,
    cosines: Mapping[int, float] | None = None,
) -> Sentences:
    """Weigh for a question whose vector is ``ACROSS``."""
    return weigh_sentences(question, ACROSS, passages, vectors or {}, cosines or {}, weights, {})


def bm25(count: float, length: float, average: float) -> float:
    """What a word adds to the score of a window, before its rarity."""
    return count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / average))


def test_words_against_values_computed_by_hand() -> None:
    """Each sentence counts with the ones before and after it, and rarity counts twice."""
    passage = stored("Red fox runs. Fox sleeps. Owl. Blue owl sings loud.", 14, 26, 31, 51)

    found = weigh("fox owl", [passage], {"fox": 2.0, "owl": 1.0})

    # Words of each window, and how often it has "fox" and "owl".
    average = (5 + 6 + 7 + 5) / 4
    expected = [
        bm25(2, 5, average) * 4 / 2,
        bm25(2, 6, average) * 4 / 2 + bm25(1, 6, average) * 1 / 2,
        bm25(1, 7, average) * 4 / 2 + bm25(2, 7, average) * 1 / 2,
        bm25(2, 5, average) * 1 / 2,
    ]
    assert found.words == pytest.approx(expected)
    assert found.owner.tolist() == [0, 0, 0, 0]
    assert found.coverage == pytest.approx(1.0)


def test_windows_end_with_their_passage() -> None:
    """The first sentence of a passage hears nothing of the last one of the passage before it."""
    passages = [stored("The fox.", number=4), stored("An owl.", number=9)]

    found = weigh("fox", passages, {"fox": 1.0})

    assert found.owner.tolist() == [0, 1]
    assert found.words[0] > 0
    assert found.words[1] == 0


@pytest.mark.parametrize(
    ("text", "coverage"),
    [
        ("A fox. An owl.", 1.0),
        ("A fox. Then rain. An owl.", 1.0),
        ("A fox. Then rain. And snow. An owl.", 0.75),
    ],
)
def test_coverage_is_of_the_best_place(text: str, coverage: float) -> None:
    """By weight, within a sentence and those beside it; words that are far apart do not add up."""
    ends = [at + 2 for at in range(len(text)) if text[at] == "."]
    passage = stored(text, *ends[:-1], len(text))

    assert weigh("fox owl", [passage], {"fox": 3.0, "owl": 1.0}).coverage == pytest.approx(coverage)


@pytest.mark.parametrize(
    ("text", "coverage"),
    [
        ("A fox.", 0.5),
        ("An owl.", 1 / 3),
        ("A hen.", 1.0),
        ("An owl. Then rain. And snow. A hen.", 1 / 3),
        ("A fox. Then rain. And snow. A hen.", 0.5),
        ("Rain.", 1.0),
    ],
)
def test_passages_that_hold_hardly_a_word_of_the_question_say_nothing_of_coverage(
    text: str, coverage: float
) -> None:
    """Less than a third by weight, in all passages together, is what a question in another language has."""
    ends = [at + 2 for at in range(len(text)) if text[at] == "."]
    passage = stored(text, *ends[:-1], len(text))
    weights = {"fox": 3.0, "owl": 2.0, "hen": 1.0}

    assert weigh("fox owl hen", [passage], weights).coverage == pytest.approx(coverage)


def test_words_known_are_counted_over_all_passages() -> None:
    """The best place may hold less than a third, as long as the passages together do not."""
    passages = [stored(f"A {each}.", number=n) for n, each in enumerate(("fox", "owl", "hen", "emu"))]
    weights = dict.fromkeys(("fox", "owl", "hen", "emu"), 1.0)

    assert weigh("fox owl hen emu", passages, weights).coverage == pytest.approx(0.25)
    assert weigh("fox owl hen emu", passages[:1], weights).coverage == pytest.approx(1.0)


def test_meaning_is_the_cosine_of_each_sentence() -> None:
    """In the order of passages and of the text."""
    first, second = stored("One. Two.", 5, 9, number=1), stored("Three.", number=2)
    vectors = {
        2: np.array([[0.6, 0.8]], dtype=np.float32),
        1: np.array([[1.0, 0.0], [-0.8, 0.6]], dtype=np.float32),
    }

    found = weigh("x", [first, second], {"x": 1.0}, vectors)

    assert found.meaning == pytest.approx([1.0, -0.8, 0.6], abs=1e-6)


def test_without_vectors_of_sentences_the_passages_own_counts() -> None:
    """For all of its sentences; a passage that was found by its words alone has none."""
    passages = [stored("One. Two.", 5, 9, number=1), stored("Three.", number=2), stored("Four.", number=3)]
    vectors = {2: np.array([[0.6, 0.8]], dtype=np.float32)}

    found = weigh("x", passages, {"x": 1.0}, vectors, {1: 0.4, 2: 0.9})

    assert found.meaning == pytest.approx([0.4, 0.4, 0.6, 0.0], abs=1e-6)


def test_a_word_that_the_question_repeats_counts_as_often() -> None:
    """In the scores, not in the coverage."""
    passages = [stored("A fox.", number=1), stored("An owl.", number=2)]
    weights = {"fox": 1.0, "owl": 1.0}

    once, twice = weigh("fox owl", passages, weights), weigh("fox, owl, fox", passages, weights)

    assert twice.words == pytest.approx(once.words * [2, 1])
    assert twice.coverage == once.coverage == pytest.approx(0.5)


@pytest.mark.parametrize("question", ["", "???", "😀 😀", " \n"])
def test_a_question_without_words(question: str) -> None:
    """Words do not tell where its answer stands; meaning alone tells the sentences apart."""
    found = weigh(question, [stored("A fox. An owl.", 7, 14)], {}, {1: np.eye(2, dtype=np.float32)})

    assert found.words.tolist() == [0.0, 0.0]
    assert found.meaning.tolist() == [1.0, 0.0]
    assert found.coverage == 1.0


@pytest.mark.parametrize("weights", [{}, {"fox": 0.0}])
def test_words_that_weigh_nothing(weights: dict[str, float]) -> None:
    """A collection whose words are not known, or are everywhere, gives no scores and no error."""
    found = weigh("fox", [stored("A fox.")], weights)

    assert found.words.tolist() == [0.0]
    assert found.coverage == 1.0


def test_passages_and_sentences_without_a_word() -> None:
    """Rules of dashes and blank stretches are weighed like any other, at nothing."""
    passages = [stored("--- \n\n---", 4, 9, number=1), stored("   A fox.", 3, 9, number=2)]

    found = weigh("fox", passages, {"fox": 1.0})

    assert found.owner.tolist() == [0, 0, 1, 1]
    assert found.words[:2].tolist() == [0.0, 0.0]
    assert (found.words[2:] > 0).all()
    assert np.isfinite(weigh("fox", passages[:1], {"fox": 1.0}).words).all()


def test_words_in_other_scripts() -> None:
    """Pairs of characters are words here as in the index."""
    passages = [stored("图书馆九点开门。", number=1), stored("今天下雨。", number=2)]

    found = weigh("图书馆", passages, {"图书": 2.0, "书馆": 2.0})

    assert found.words[0] > 0
    assert found.words[1] == 0
    assert found.coverage == pytest.approx(1.0)
