"""Haystack with its store in memory, searched both ways and fused by rank."""

from __future__ import annotations

from common import HITS, MODEL, main
from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import ComponentDevice
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)


class Haystack:
    """An embedder that writes into a store, and a pipeline that asks it."""

    packages = ("haystack-ai", "sentence-transformers-haystack", "sentence-transformers", "torch")

    def load(self) -> None:
        """See ``Peer``."""
        cpu = ComponentDevice.from_str("cpu")
        self._embedder = SentenceTransformersDocumentEmbedder(model=MODEL, device=cpu, progress_bar=False)
        asked = SentenceTransformersTextEmbedder(model=MODEL, device=cpu, progress_bar=False)
        self._store = InMemoryDocumentStore()
        self._search = Pipeline()
        self._search.add_component("embedder", asked)
        self._search.add_component("dense", InMemoryEmbeddingRetriever(self._store, top_k=HITS))
        self._search.add_component("words", InMemoryBM25Retriever(self._store, top_k=HITS))
        self._search.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=HITS))
        self._search.connect("embedder.embedding", "dense.query_embedding")
        self._search.connect("dense", "joiner")
        self._search.connect("words", "joiner")
        for component in (self._embedder, asked):
            component.warm_up()
        self._embedder.run([Document(content="Warm.")])

    def index(self, passages: list[str]) -> None:
        """See ``Peer``."""
        found = self._embedder.run([Document(content=passage) for passage in passages])
        # The same passage twice is one document.
        distinct = {document.id: document for document in found["documents"]}
        self._store.write_documents(list(distinct.values()))

    def search(self, question: str) -> list[str]:
        """See ``Peer``."""
        found = self._search.run({"embedder": {"text": question}, "words": {"query": question}})
        return [document.content for document in found["joiner"]["documents"]]


if __name__ == "__main__":
    main(Haystack())
