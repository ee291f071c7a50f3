"""A small typed client of Footnote. The retrievers for other libraries are modules beside it."""

from footnote_client.client import Client, FootnoteError
from footnote_client.types import Answer, Citation, Claim, Document, Grounding, Passage

__all__ = ["Answer", "Citation", "Claim", "Client", "Document", "FootnoteError", "Grounding", "Passage"]
