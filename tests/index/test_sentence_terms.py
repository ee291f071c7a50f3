"""Terms of sentences come out of the catalog as they are made from the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from index.schema import passages
from index.sentence_terms import SentenceTerms, code, from_bytes
from tests.index.helpers import add
from tests.rag.library import stored

if TYPE_CHECKING:
    from index.jobs import JobRunner
    from index.store import Store

TEXT = "The cat of house 7 sleeps. It hunts mice."
# A comment is no part of what readers see.
MARKDOWN = """# Rules

The cat sleeps. <!-- It never bites. --> Mice are hunted at night.

| a | b |
|---|---|
| 1,234 | x |
"""


def codes(text: str) -> list[int]:
    """Of the terms of a text."""
    return [code(each) for each in terms(text)]


def test_each_sentence_has_its_own_terms() -> None:
    """Places count from the passage's beginning."""
    passage = stored(TEXT, TEXT.index("It"), len(TEXT), start=100)

    found = SentenceTerms.of_passage(passage)

    assert found.lengths.tolist() == [6, 3]
    assert found.codes.tolist() == codes("the cat of hous 7 sleep") + codes("it hunt mice")


def test_stored_terms_are_those_of_the_text(store: Store, runner: JobRunner) -> None:
    """Of each passage, hidden text left out."""
    record = add(store, runner, "rules.md", MARKDOWN)
    ids = sorted(store.collection("default").views()["dense"].ids())

    live, _, kept = store.catalog.passages_to_weigh(ids)

    assert record.passages == len(live) == len(kept) > 0
    for number, passage in live.items():
        made = SentenceTerms.of_passage(passage)
        assert np.array_equal(kept[number].lengths, made.lengths)
        assert np.array_equal(kept[number].codes, made.codes)
    assert not {code("bite")} & {each for terms in kept.values() for each in terms.codes.tolist()}


def test_terms_of_another_version_are_not_used(store: Store, runner: JobRunner) -> None:
    """They are as good as missing, which folders of older versions have too."""
    content = SentenceTerms.of(["One cat.", "Two mice."]).to_bytes()
    assert from_bytes(content, 2) is not None
    older = np.frombuffer(content, "<u4").copy()
    older[0] += 1
    assert from_bytes(older.tobytes(), 2) is None

    add(store, runner, "rules.md", MARKDOWN)
    ids = sorted(store.collection("default").views()["dense"].ids())
    with store.database.write() as connection:
        connection.execute(passages.update().values(sentence_terms=None))

    live, _, kept = store.catalog.passages_to_weigh(ids)

    assert live
    assert kept == {}
