"""sentence-transformers as it comes, and an exact FAISS index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faiss
from common import HITS, MODEL, main
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    import numpy as np


class Plain:
    """Encode, add, search."""

    packages = ("sentence-transformers", "faiss-cpu", "torch")

    def load(self) -> None:
        """See ``Peer``."""
        self._model = SentenceTransformer(MODEL, device="cpu")
        self._encode(["Warm."])

    def index(self, passages: list[str]) -> None:
        """See ``Peer``."""
        self._passages = passages
        self._index = faiss.IndexFlatIP(384)
        self._index.add(self._encode(passages))

    def search(self, question: str) -> list[str]:
        """See ``Peer``."""
        _, found = self._index.search(self._encode([question]), HITS)
        return [self._passages[at] for at in found[0]]

    def _encode(self, texts: list[str]) -> np.ndarray:
        return self._model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)


if __name__ == "__main__":
    main(Plain())
