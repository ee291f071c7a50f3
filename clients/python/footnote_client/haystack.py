"""A retriever for Haystack: https://docs.haystack.deepset.ai/docs/custom-components."""

from typing import Any

from haystack import Document, component

from footnote_client.client import Client


# Haystack reads the annotations of ``run`` when the class is made, so they are not put off here.
@component
class FootnoteRetriever:
    """Passages of a collection as Haystack's documents, best first."""

    def __init__(self, client: Client, top_k: int = 10) -> None:
        self._client = client
        self._top_k = top_k

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Search. ``filters`` have Footnote's form, as in ``/v1/search``."""
        found = self._client.search(query, top_k=top_k or self._top_k, filter=filters)
        return {
            "documents": [
                Document(
                    id=f"{each.document_id}:{each.version}:{each.start}-{each.end}",
                    content=each.seen,
                    score=each.score,
                    meta={
                        "document_id": each.document_id,
                        "version": each.version,
                        "title": each.title,
                        "file_path": each.filename,
                        "pages": each.pages,
                    },
                )
                for each in found
            ]
        }
