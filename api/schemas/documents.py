"""Documents and collections, as the contract has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field

from api.schemas.base import Body, CollectionName, Out

if TYPE_CHECKING:
    from index.types import DeletionReceipt, DocumentRecord, Status, Submission
    from ingest.types import Disclosure


# Of a document. What is longer is text, and nobody could read it above an answer.
MAX_TITLE_CHARS = 500


class ErrorOut(BaseModel):
    """Why a document failed."""

    code: str
    message: str


# What stands behind the codes of disclosures, for people.
_DISCLOSED = {
    "bidi_controls": "Signs that turn the order in which letters are shown",
    "tag_characters": "Letters of a set that is never shown",
    "zero_width_characters": "Signs that have no width",
    "control_characters": "Control characters",
    "comments": "Comments that are not part of the page",
    "hidden_text": "Stretches of text that are styled so that nobody sees them",
    "invisible_text": "Letters that are drawn invisibly",
    "text_behind_scan": "Letters of recognised text behind a scan, which need not be what the picture shows",
    "white_text": "White letters on a white page",
    "tiny_text": "Letters too small to be seen",
    "off_page_text": "Letters beside the page",
    "replaced_text": "Letters that stand for drawn ones and are far more than these",
    "hidden_sheets": "Hidden sheets",
    "hidden_rows": "Hidden rows",
    "hidden_columns": "Hidden columns",
    "hidden_slides": "Hidden slides",
    "transcribed_pages": "Pages without text, whose text a vision model wrote",
    "described_figures": "Figures that a vision model described",
    "unread_pictures": "Pages without text, or figures, that the vision model was to read and did not",
    "pictures_over_limit": "Pages without text, or figures, that were not read because of the limits on pages and cost",
    "speaker_notes": "Notes of the speaker, which the slides do not show",
}


class DisclosureOut(BaseModel):
    """Something in the file that its readers do not see. ``kept``: whether it stands in the canonical text."""

    code: str
    count: int
    kept: bool
    message: str

    @classmethod
    def of(cls, found: Disclosure) -> Self:
        """From what the parser found."""
        words = _DISCLOSED.get(found.code, found.code.replace("_", " "))
        return cls(code=found.code, count=found.count, kept=found.kept, message=words)


class DocumentOut(BaseModel):
    """A document as its owner sees it: the newest version's state."""

    id: str
    collection: str
    title: str
    filename: str
    media_type: str | None
    sha256: str
    bytes: int
    status: str
    version: int
    live_version: int | None
    pages: int | None
    passages: int
    error: ErrorOut | None
    progress: float
    metadata: dict[str, Any]
    created_at: float
    updated_at: float
    warnings: list[DisclosureOut]

    @classmethod
    def of(cls, record: DocumentRecord, working: tuple[Status, float] | None = None) -> Self:
        """From the catalog's record and, while it is in work, the job's report."""
        status, progress = (
            working if working and not record.status.final else (record.status, record.progress)
        )
        error = ErrorOut(code=record.error[0], message=record.error[1]) if record.error else None
        shown = asdict(record) | {"status": status, "progress": progress, "error": error}
        del shown["disclosures"]
        return cls(**shown, warnings=[DisclosureOut.of(each) for each in record.disclosures])

    @classmethod
    def deleted(cls, submission: Submission) -> Self:
        """What is left to say of a document that an upload stored and that was deleted since."""
        return cls(
            id=submission.document_id,
            collection="",
            title="",
            filename="",
            media_type=None,
            sha256="",
            bytes=0,
            status="deleted",
            version=submission.version,
            live_version=None,
            pages=None,
            passages=0,
            error=None,
            progress=0.0,
            metadata={},
            created_at=0.0,
            updated_at=0.0,
            warnings=[],
        )


class DocumentsOut(BaseModel):
    """Documents, and where to go on when there are more."""

    documents: list[DocumentOut]
    next_cursor: str | None = None


class TextUpload(Body):
    """A document given as text."""

    text: str = Field(min_length=1)
    title: str = Field("Untitled", min_length=1, max_length=MAX_TITLE_CHARS)
    filename: str | None = Field(None, min_length=1, max_length=MAX_TITLE_CHARS)
    collection: CollectionName = "default"
    metadata: dict[str, Any] = Field(default_factory=dict)
    wait: bool = False
    on_conflict: Literal["replace", "new"] = "replace"


class UrlUpload(Body):
    """A document given by its address."""

    url: str = Field(min_length=1, max_length=2_000)
    title: str | None = Field(None, min_length=1, max_length=MAX_TITLE_CHARS)
    filename: str | None = Field(None, min_length=1, max_length=MAX_TITLE_CHARS)
    collection: CollectionName = "default"
    metadata: dict[str, Any] = Field(default_factory=dict)
    wait: bool = False
    on_conflict: Literal["replace", "new"] = "replace"


class RemovedOut(Out):
    """What a deletion removed."""

    passages: int
    vectors: int
    cached_answers: int
    original: bool


class ReceiptOut(BaseModel):
    """Proof of a deletion."""

    id: str
    deleted: bool
    removed: RemovedOut

    @classmethod
    def of(cls, receipt: DeletionReceipt) -> Self:
        """From the catalog's receipt."""
        return cls(id=receipt.id, deleted=True, removed=RemovedOut.of(receipt))


class TextOut(BaseModel):
    """Canonical text, or a part of it."""

    document_id: str
    version: int
    start: int
    end: int
    text: str


class CollectionIn(Body):
    """A collection to make."""

    name: CollectionName


class CollectionOut(Out):
    """A collection, its embedding model and what it holds."""

    name: str
    embedder: str | None
    dimensions: int | None
    documents: int
    passages: int
    created_at: float


class CollectionsOut(BaseModel):
    """All collections."""

    collections: list[CollectionOut]


class CollectionDeletedOut(BaseModel):
    """Proof of a collection's deletion, with a receipt for each of its documents."""

    name: str
    deleted: bool
    documents: list[ReceiptOut]
