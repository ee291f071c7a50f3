"""A question read as a claim against the best sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.config import ExtractConfig
from rag.extract import rank_sentences

if TYPE_CHECKING:
    from ingest.embed import SentenceTransformerEmbedder
    from tests.rag.conftest import EvidenceMaker

TEXT = "The harbour office was founded in 1961 by Alice Moor. It has twelve boats and a small library."


@pytest.mark.parametrize(
    ("question", "exchanged", "fault"),
    [
        ("Which office did Alice Moor found?", "Which office did Walter Hume found?", "fault_name"),
        ("What was founded in 1961?", "What was founded in 1874?", "fault_date"),
    ],
)
def test_what_is_exchanged_in_a_question_is_seen(
    bundled: SentenceTransformerEmbedder,
    make_evidence: EvidenceMaker,
    question: str,
    exchanged: str,
    fault: str,
) -> None:
    """A name or a year that the text does not have is a fault, and more of the question is missing."""
    as_it_is, other = (
        rank_sentences(
            each,
            bundled.embed_query(each),
            [make_evidence(TEXT)],
            embedder=bundled,
            weights={},
            config=ExtractConfig(),
        ).compared
        for each in (question, exchanged)
    )

    assert as_it_is[fault] == 0 < other[fault]
    assert other["near_exact"] < as_it_is["near_exact"]


def test_a_question_without_a_word_left_is_not_compared(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """A question such as "Who?" asks for something and says nothing of it."""
    ranking = rank_sentences(
        "Who?",
        bundled.embed_query("Who?"),
        [make_evidence(TEXT)],
        embedder=bundled,
        weights={},
        config=ExtractConfig(),
    )

    assert not ranking.compared
