"""The bundled model, evidence by hand, and a store with a few documents, for the answering stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ingest.sentences import sentence_spans
from rag.types import Evidence
from rag.verify import Verifier
from tests.rag.library import Library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.embed import SentenceTransformerEmbedder


EvidenceMaker = Callable[..., Evidence]
VerifierMaker = Callable[..., Verifier]


@pytest.fixture
def make_evidence() -> EvidenceMaker:
    """A function that makes one piece of evidence of a text that stands at ``at`` in its document."""

    def make(text: str, key: str = "k7f", *, at: int = 0, **changes: object) -> Evidence:
        spans = tuple((at + start, at + end) for start, end in sentence_spans(text))
        fields: dict[str, object] = {
            "key": key,
            "document_id": f"doc_{key}",
            "version": 1,
            "title": "Notes",
            "filename": "notes.txt",
            "start": at,
            "end": at + len(text),
            "text": text,
            "headings": (),
            "sentences": spans,
            "score": 1.0,
        }
        return Evidence(**{**fields, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_verifier(bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker) -> VerifierMaker:
    """A function that makes a verifier over texts, which get the keys k0f, k1f and so on."""

    def even(words: Sequence[str]) -> Mapping[str, float]:
        return dict.fromkeys(words, 1.0)

    def make(*texts: str, **changes: object) -> Verifier:
        pieces = [make_evidence(text, f"k{number}f", **changes) for number, text in enumerate(texts)]
        return Verifier(pieces, bundled, even)

    return make


@pytest.fixture(scope="session")
def library(
    bundled: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """One store for all tests; each uses collections or documents of its own."""
    opened = Library.open(tmp_path_factory.mktemp("library"), bundled)
    yield opened
    opened.close()
