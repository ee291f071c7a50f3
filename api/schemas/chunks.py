"""The chunks of a document."""

from __future__ import annotations

from pydantic import BaseModel

from api.schemas.base import Out


class ChunkOut(Out):
    """A passage. ``sentences``, ``hidden`` and ``transcribed`` are spans in the document; the sentences tile it.

    Passages with the same ``section`` stand under the same headings; ``ordinal`` counts from 0 in the document.
    """

    ordinal: int
    section: int
    start: int
    end: int
    text: str
    headings: list[str]
    pages: tuple[int, int] | None
    sentences: list[tuple[int, int]]
    hidden: list[tuple[int, int]]
    transcribed: list[tuple[int, int]]


class ChunksOut(BaseModel):
    """Passages of a document, and where to go on when there are more."""

    document_id: str
    version: int | None
    title: str
    filename: str
    passages: list[ChunkOut]
    next_after: int | None
