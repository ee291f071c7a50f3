"""The few words that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import ExtractConfig
from rag.extract import choose, rank_sentences
from rag.learned import load_linear
from rag.short_answer import short_answer
from rag.spans import CROSSED, candidates, words_of

if TYPE_CHECKING:
    from ingest.embed import SentenceTransformerEmbedder
    from tests.rag.conftest import EvidenceMaker

TEXT = (
    "The harbour office was founded in 1961 by Alice Moor in Lisbon. It has twelve boats. "
    "Visitors leave their bags outside because the rooms are small."
)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When was the harbour office founded?", "1961"),
        ("Who founded the harbour office?", "Alice Moor"),
        ("Where was the harbour office founded?", "Lisbon"),
    ],
)
def test_the_words_that_answer(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker, question: str, words: str
) -> None:
    """They are the stored text from start to end, and part of a quoted sentence."""
    evidence = make_evidence(TEXT, at=300)
    ranking = rank_sentences(
        question,
        bundled.embed_query(question),
        [evidence],
        embedder=bundled,
        weights={},
        config=ExtractConfig(),
    )
    picked = choose(ranking, ExtractConfig())
    found = short_answer(ranking, picked)

    assert found is not None
    assert words in found.text
    assert TEXT[found.start - 300 : found.end - 300] == found.text
    assert any(each.span[0] <= found.start and found.end <= each.span[1] for each in picked)
    assert found.document_id == evidence.document_id


def test_an_explanation_has_no_short_answer(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """Nor has an answer without sentences."""
    question = "Why do visitors leave their bags outside?"
    ranking = rank_sentences(
        question,
        bundled.embed_query(question),
        [make_evidence(TEXT)],
        embedder=bundled,
        weights={},
        config=ExtractConfig(),
    )

    assert short_answer(ranking, choose(ranking, ExtractConfig())) is None
    assert short_answer(ranking, []) is None


@given(st.text(max_size=200))
def test_candidates_are_words_of_any_text(text: str) -> None:
    """Every candidate is a stretch from the first to the last of its words, whatever the text is."""
    words = words_of(text)

    for first, last in candidates(words, text):
        assert 0 <= first <= last < len(words)
        assert text[words[first].start : words[last].end].strip()


def test_the_model_reads_what_is_measured() -> None:
    """The shipped weights are those of these columns, in this order."""
    assert load_linear("spans-2026-11").features == CROSSED
