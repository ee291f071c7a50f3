"""A retriever for LangChain: https://docs.langchain.com/oss/python/integrations/retrievers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from footnote_client.client import Client

if TYPE_CHECKING:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun


class FootnoteRetriever(BaseRetriever):
    """Passages of a collection as LangChain's documents, best first; ``id`` and metadata say where each stands."""

    client: Client
    top_k: int = 10
    filter: dict[str, Any] | None = None

    model_config = {"arbitrary_types_allowed": True}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        found = self.client.search(query, top_k=self.top_k, filter=self.filter)
        return [
            Document(
                page_content=each.seen,
                id=f"{each.document_id}:{each.version}:{each.start}-{each.end}",
                metadata={
                    "document_id": each.document_id,
                    "version": each.version,
                    "start": each.start,
                    "end": each.end,
                    "title": each.title,
                    "source": each.filename,
                    "pages": each.pages,
                    "score": each.score,
                },
            )
            for each in found
        ]
