"""A retriever for LlamaIndex: https://developers.llamaindex.ai/python/framework/module_guides/querying/retriever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, TextNode

if TYPE_CHECKING:
    from llama_index.core.schema import QueryBundle

    from footnote_client.client import Client


class FootnoteRetriever(BaseRetriever):
    """Passages of a collection as LlamaIndex's nodes, best first."""

    def __init__(self, client: Client, *, top_k: int = 10, filter: dict[str, Any] | None = None) -> None:  # noqa: A002
        super().__init__()
        self._client = client
        self._top_k = top_k
        self._filter = filter

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._client.search(query_bundle.query_str, top_k=self._top_k, filter=self._filter)
        return [
            NodeWithScore(
                node=TextNode(
                    id_=f"{each.document_id}:{each.version}:{each.start}-{each.end}",
                    text=each.seen,
                    start_char_idx=each.start,
                    end_char_idx=each.end,
                    metadata={
                        "document_id": each.document_id,
                        "version": each.version,
                        "title": each.title,
                        "file_name": each.filename,
                        "pages": each.pages,
                    },
                ),
                score=each.score,
            )
            for each in found
        ]
