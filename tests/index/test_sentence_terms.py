"""Terms of sentences are the same remembered or not, and go with their passages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from index.sentence_terms import SentenceTerms, sentence_terms
from index.types import IdRange
from tests.rag.library import stored

TEXTS = {number: f"The cat of house {number} sleeps. It hunts {number} mice." for number in range(1, 30)}


def test_each_sentence_has_its_own_terms() -> None:
    """What nobody sees has none, and places count from the passage's beginning."""
    passage = stored(TEXTS[7], TEXTS[7].index("It"), len(TEXTS[7]), start=100)

    assert sentence_terms(passage) == (
        ["the", "cat", "of", "hous", "7", "sleep"],
        ["it", "hunt", "7", "mice"],
    )


def test_remembered_terms_are_those_of_the_passage() -> None:
    """However many threads ask for more passages than are remembered."""
    remembered = SentenceTerms(most=5)
    passages = [stored(text, number=number) for number, text in TEXTS.items()] * 20

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(remembered.of, passages))

    assert found == [sentence_terms(each) for each in passages]


def test_what_is_gone_is_forgotten() -> None:
    """Asked again, a passage is read again; others are not."""
    remembered = SentenceTerms()
    passages = [stored(text, number=number) for number, text in TEXTS.items()]
    before = [remembered.of(each) for each in passages]

    remembered.forget(IdRange(3, 9))

    again = [remembered.of(each) for each in passages]
    assert again == before
    assert [at + 1 for at, (a, b) in enumerate(zip(before, again, strict=True)) if a is not b] == list(
        range(3, 10)
    )
