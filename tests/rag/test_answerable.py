"""Whether the passages found hold an answer, and the reasons in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rag.answerable import MODEL, answerable_features, sufficiency
from rag.confidence import retrieval_signals
from rag.config import ExtractConfig
from rag.explain import explanation
from rag.extract import Ranking, rank_sentences
from rag.learned import load_linear
from rag.sentence_features import FEATURES

if TYPE_CHECKING:
    from ingest.embed import SentenceTransformerEmbedder
    from tests.rag.conftest import EvidenceMaker

Ranker = Callable[..., Ranking]

TEXT = "The harbour office was founded in 1961 by Alice Moor. It has twelve boats and a small library."
SEARCHED = retrieval_signals([])


@pytest.fixture
def rank(bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker) -> Ranker:
    """A function that ranks the text for a question."""

    def ranked(question: str, text: str = TEXT) -> Ranking:
        return rank_sentences(
            question,
            bundled.embed_query(question),
            [make_evidence(text)] if text else [],
            embedder=bundled,
            weights={"escrow": 9.0},
            config=ExtractConfig(),
        )

    return ranked


def test_the_models_read_what_is_measured(rank: Ranker) -> None:
    """The shipped weights are those of these features."""
    assert load_linear("sentences-2026-11").features == FEATURES
    measured = answerable_features(rank("Who founded the office?"), SEARCHED)
    assert set(load_linear(MODEL).features) <= set(measured)


def test_a_question_that_is_answered_has_more_than_one_that_is_not(rank: Ranker) -> None:
    """Another subject, and nothing at all, lower it step by step."""
    values = [
        sufficiency(rank("Who founded the harbour office in 1961?"), SEARCHED),
        sufficiency(rank("Who held the escrow of the railway in 1802?"), SEARCHED),
        sufficiency(rank("Who?", ""), SEARCHED),
        sufficiency(None, SEARCHED),
    ]

    assert values == sorted(values, reverse=True)
    assert values[0] > values[1] > values[2] == values[3]


def test_the_reasons_name_what_is_missing(rank: Ranker) -> None:
    """The rarest word as the question has it, other words, numbers and degrees, each in a sentence."""
    said = " ".join(explanation(rank("Who held the largest escrow in 1802?"), {}))

    assert "The rarest word of the question, 'escrow', stands in no passage found." in said
    assert "1802" in said
    assert "'largest'" in said


def test_the_reasons_name_what_a_model_did_wrong(rank: Ranker) -> None:
    """Faults come first; without any, nothing is said of them."""
    faults = {"invented_keys": 1.0, "altered_quotes": 2.0, "unsupported_share": 0.5}
    said = explanation(rank("Who founded the harbour office?"), faults)

    assert [each.split()[0] for each in said[:3]] == ["The", "The", "50%"]
    assert not any("model" in each for each in explanation(rank("Who founded the harbour office?"), {}))


def test_nothing_found_is_said_to_be_so(rank: Ranker) -> None:
    """There is nothing to compare the question with."""
    assert explanation(rank("Who?", ""), {}) == ("Nothing was found that could be quoted.",)
