"""txtai with its hybrid index: FAISS, BM25 and the texts in SQLite."""

from __future__ import annotations

from common import HITS, MODEL, main
from txtai import Embeddings


class Txtai:
    """Dense and lexical search, fused."""

    packages = ("txtai", "transformers", "faiss-cpu", "torch")

    def load(self) -> None:
        """See ``Peer``."""
        self._index = Embeddings(path=MODEL, hybrid=True, content=True, gpu=False)
        self._index.transform("Warm.")

    def index(self, passages: list[str]) -> None:
        """See ``Peer``."""
        self._index.index(enumerate(passages))

    def search(self, question: str) -> list[str]:
        """See ``Peer``."""
        return [found["text"] for found in self._index.search(question, HITS)]


if __name__ == "__main__":
    main(Txtai())
