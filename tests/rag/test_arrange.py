"""What comes first among the passages found, and what becomes of their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.arrange import capped, phrases_first, reranked, spread
from rag.budget import within_characters
from rag.types import Found
from tests.rag.library import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TEXTS = (
    "A door. It is red.",
    "The red door creaks. Go on.",
    "Doors, red and blue.",
    "Open the red door. Wait.",
)


class ByLength:
    """A reranker that likes short passages, and remembers what it read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    @property
    def name(self) -> str:
        """See ``Reranker``."""
        return "by-length"

    def score(self, question: str, passages: Sequence[str]) -> NDArray[np.float64]:
        """See ``Reranker``."""
        assert question == "door"
        self.read += passages
        return -np.array([len(each) for each in passages], np.float64)


def ranked(*texts: str, documents: str = "abcdefgh", headings: tuple[str, ...] = ()) -> list[Found]:
    """Passages with falling scores, each of the document with the letter at its place.

    The last sentence of each is its best one, as much above the first as the passages are apart.
    """
    found = []
    for at, text in enumerate(texts):
        first = text.index(". ") + 2 if ". " in text else 0
        passage = stored(text, *([first] if first else []), len(text), number=at)
        object.__setattr__(passage, "document_id", documents[at])
        object.__setattr__(passage, "headings", headings)
        score = 0.9 - 0.1 * at
        sentences = (score - 0.1, score) if first else (score,)
        found.append(Found(passage, score, at + 1, {}, {}, sentences))
    return found


def numbers(found: Sequence[Found]) -> list[int]:
    """Which passages these are."""
    return [each.passage.id for each in found]


# Phrases


def test_passages_that_hold_the_phrase_come_first() -> None:
    """Each part in its old order; words of the phrase that stand apart are not the phrase."""
    found = phrases_first('Where is the "red door"?', ranked(*TEXTS))

    assert numbers(found) == [1, 3, 0, 2]


def test_a_question_without_quotation_marks_leaves_the_order() -> None:
    """Nothing is changed at all, and so for a phrase that no passage or every passage holds."""
    given = ranked(*TEXTS)

    assert phrases_first("Where is the red door?", given) == given
    assert phrases_first('Where is the "green door"?', given) == given
    assert phrases_first('Where is the "red"?', given) == given
    assert phrases_first('The "red door"', [given[1], given[3]]) == [given[1], given[3]]
    assert phrases_first('The "red door"', []) == []


def test_more_phrases_are_better_than_one() -> None:
    """A passage that holds both stands before those that hold either, however often they do."""
    given = ranked("red door, red door", "blue gate", "nothing", "blue gate by the red door")

    assert numbers(phrases_first('"red door" or “blue gate”', given)) == [3, 0, 1, 2]


def test_scores_stay_with_the_places() -> None:
    """They fall from rank to rank as before, and the scores of sentences move with their passage."""
    given = ranked(*TEXTS)

    found = phrases_first('"red door"', given)

    assert [each.score for each in found] == [each.score for each in given]
    assert numbers(found) != numbers(given)
    for each in found:
        assert max(each.sentences) == pytest.approx(each.score)
        if len(each.sentences) > 1:
            assert each.sentences[1] - each.sentences[0] == pytest.approx(0.1)


def test_a_budget_of_characters_follows_the_new_order() -> None:
    """It is spent on the passage that comes first now, not on the one that did."""
    given = ranked(*TEXTS)
    before = within_characters(given, 25)
    after = within_characters(phrases_first('"red door"', given), 25)

    assert before[0].passage.id == 0
    assert after[0].passage.id == 1


# A reranker's choice


def test_the_first_are_in_the_rerankers_order() -> None:
    """And the others after them in theirs, with scores that still fall."""
    given = ranked("door " * 4, "door " * 3, "door " * 2, "door")

    found = reranked("door", given, ByLength(), 3)

    assert numbers(found) == [2, 1, 0, 3]
    assert [each.score for each in found] == [each.score for each in given]
    assert [max(each.sentences) for each in found] == pytest.approx([each.score for each in found])
    assert numbers(reranked("door", given, ByLength(), 10)) == [3, 2, 1, 0]


def test_what_is_alike_to_a_reranker_keeps_its_order() -> None:
    """Ties are no reason to move."""
    assert numbers(reranked("door", ranked("red", "tin", "big", "a"), ByLength(), 4)) == [3, 0, 1, 2]
    assert reranked("door", [], ByLength(), 4) == []


def test_a_reranker_reads_headings_and_text() -> None:
    """And of a passage without headings the text alone."""
    reader = ByLength()

    reranked("door", ranked("It is red.", headings=("House", "Doors")), reader, 5)
    reranked("door", ranked("It is red.", "Not this one."), reader, 1)

    assert reader.read == ["House > Doors\nIt is red.", "It is red."]


# Few of one document


@pytest.mark.parametrize(
    ("limit", "per_document", "expected"),
    [
        (9, None, [0, 1, 2, 3, 4]),
        (3, None, [0, 1, 2]),
        (9, 1, [0, 2]),
        (9, 2, [0, 1, 2, 4]),
        (3, 2, [0, 1, 2]),
        (1, 1, [0]),
        (9, 9, [0, 1, 2, 3, 4]),
    ],
)
def test_at_most_so_many_of_one_document(limit: int, per_document: int | None, expected: list[int]) -> None:
    """The best of each; those of other documents move up, and ranks have no gap."""
    found = capped(ranked(*"12345", documents="aabab"), limit, per_document)

    assert numbers(found) == expected
    assert [each.rank for each in found] == list(range(1, len(expected) + 1))


def test_other_documents_come_between() -> None:
    """A second passage of one document gives way to another document's that is nearly as good."""
    found = ranked("First.", "Second.", "Other.", "Third.", documents="aaba")

    arranged = spread(found, 0.15)

    assert [each.passage.text for each in arranged] == ["First.", "Other.", "Second.", "Third."]
    assert [each.score for each in arranged] == pytest.approx([0.9, 0.7, 0.65, 0.3])
    assert [each.sentences for each in arranged] == [found[at].sentences for at in (0, 2, 1, 3)]
    assert spread(found, 0.0) == found


def test_a_document_is_not_lowered_without_end() -> None:
    """From the fourth on, what follows of the same document is lowered no further."""
    arranged = spread(ranked("A.", "B.", "C.", "D.", "E.", documents="aaaaa"), 0.1)

    assert [each.score for each in arranged] == pytest.approx([0.9, 0.7, 0.5, 0.3, 0.2])
