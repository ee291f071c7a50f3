"""Addresses of what is stored here, for programs and people elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.schemas.answers import CitationOut

if TYPE_CHECKING:
    from starlette.requests import Request

    from api.deps import Service
    from rag.types import Citation

# Metadata that says where a document comes from, which the service itself sets for what it fetched.
SOURCE = "source_url"


def base_of(request: Request, service: Service) -> str:
    """How this service is addressed from outside, without a slash at its end.

    The setting says so, or the request's own Host: nobody but its sender is told it again.
    """
    return (service.settings.public_url or str(request.base_url)).rstrip("/")


def citation_url(citation: Citation, base: str) -> str:
    """Where a footnote's page with the quote marked is, or its text."""
    return base + CitationOut.of(citation).url


def text_url(document_id: str, version: int, start: int, end: int, base: str) -> str:
    """Where a stretch of a document is."""
    return f"{base}/v1/documents/{document_id}/text?version={version}&start={start}&end={end}"


def source_of(metadata: dict[str, Any]) -> str | None:
    """Where a document comes from, if its metadata says so and it can safely be a link."""
    found = metadata.get(SOURCE)
    return found if isinstance(found, str) and found.startswith(("https://", "http://")) else None
