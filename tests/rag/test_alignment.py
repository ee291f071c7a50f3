"""A question read as a claim against the best sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from index.types import StoredPassage
from rag.config import ExtractConfig
from rag.extract import rank_sentences
from rag.types import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.embed import Embedder, SentenceTransformerEmbedder
    from ingest.sentences import Span
    from ingest.types import FloatMatrix
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


class Counting:
    """An embedder that notes which texts it was asked to read alone."""

    def __init__(self, embedder: SentenceTransformerEmbedder) -> None:
        self._embedder = embedder
        self.read: list[str] = []

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """Note the texts, and embed them."""
        self.read += texts
        return self._embedder.embed_words(texts, words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)


def test_of_a_long_passage_few_sentences_are_read_alone_and_none_twice(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """The eight most promising and those around the best three; the question once, beside them."""
    lines = [f"Pier {number} is closed to boats of more than {number + 10} metres." for number in range(40)]
    evidence = make_evidence(" ".join(lines))
    passage = StoredPassage(
        id=1, document_id=evidence.document_id, version=evidence.version, title=evidence.title,
        filename=evidence.filename, ordinal=0, section=0, start=evidence.start, end=evidence.end, text=evidence.text,
        headings=(), pages=None, sentences=evidence.sentences,
    )  # fmt: skip
    vectors, _ = bundled.embed_passages(lines, [()] * len(lines), lambda _: None)
    counting = Counting(bundled)
    question = "For which boats is Pier 17 closed?"

    ranking = rank_sentences(
        question,
        bundled.embed_query(question),
        [evidence],
        embedder=cast("Embedder", counting),
        weights={},
        config=ExtractConfig(),
        found=[Found(passage, 1.0, 1, {}, {})],
        vectors={1: vectors},
    )

    assert ranking.candidates[0].text == lines[17]
    assert len(counting.read) == len(set(counting.read)) <= 8 + 3 * 2 + 1
