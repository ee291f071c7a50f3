"""LlamaIndex with its Hugging Face embeddings and its FAISS store."""

from __future__ import annotations

import faiss
from common import HITS, MODEL, main
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.faiss import FaissVectorStore


class LlamaIndex:
    """A vector index of nodes."""

    packages = ("llama-index-core", "sentence-transformers", "faiss-cpu", "torch")

    def load(self) -> None:
        """See ``Peer``."""
        self._model = HuggingFaceEmbedding(model_name=MODEL, device="cpu", embed_batch_size=32)
        self._model.get_text_embedding("Warm.")

    def index(self, passages: list[str]) -> None:
        """See ``Peer``."""
        store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(384))
        context = StorageContext.from_defaults(vector_store=store)
        nodes = [TextNode(text=passage) for passage in passages]
        index = VectorStoreIndex(nodes, storage_context=context, embed_model=self._model)
        self._retriever = index.as_retriever(similarity_top_k=HITS)

    def search(self, question: str) -> list[str]:
        """See ``Peer``."""
        return [found.get_content() for found in self._retriever.retrieve(question)]


if __name__ == "__main__":
    main(LlamaIndex())
