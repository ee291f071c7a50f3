"""What the index stage emits. Offsets are code points, pages count from 1, times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ingest.hidden import blanked, hidden_characters
from ingest.types import BlockKind

if TYPE_CHECKING:
    from ingest.sentences import Span
    from ingest.types import Block, Disclosure, FloatMatrix, FloatVector


class Status(StrEnum):
    """Where a document version stands."""

    QUEUED = "queued"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether no work is left to do."""
        return self in (Status.READY, Status.FAILED)


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """A collection and what it holds. ``seq`` is the number of its latest change."""

    id: int
    name: str
    seq: int
    embedder: str | None
    dimensions: int | None
    documents: int
    passages: int
    created_at: float


@dataclass(frozen=True, slots=True)
class CollectionState:
    """What a search needs to know of a collection: the number of its latest change, and what its vectors are."""

    seq: int
    embedder: str | None
    dimensions: int | None


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """The newest version of a document, as its owner sees it.

    Attributes:
        version: The newest version, which may still be in work or have failed.
        live_version: The version that searches see, or None while there is none.
        error: Code and message of a failed version.
        disclosures: What readers of the file do not see of it.
        progress: Share of the current stage that is done, 0 to 1.
    """

    id: str
    collection: str
    title: str
    filename: str
    media_type: str | None
    sha256: str
    bytes: int
    status: Status
    version: int
    live_version: int | None
    pages: int | None
    passages: int
    error: tuple[str, str] | None
    progress: float
    metadata: dict[str, Any]
    created_at: float
    updated_at: float
    disclosures: tuple[Disclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """The catalog's answer to an upload: which version of which document it is, and whether it is new."""

    document_id: str
    version: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class StoredText:
    """The canonical text of one version, with its structure."""

    document_id: str
    version: int
    title: str
    filename: str
    media_type: str
    sha256: str
    text: str
    blocks: tuple[Block, ...]

    @property
    def seen(self) -> str:
        """The text with what no reader of the file sees blanked, as long as the text, so that offsets hold in both."""
        hidden = [(each.start, each.end) for each in self.blocks if each.kind is BlockKind.HIDDEN]
        return blanked(self.text, [*hidden, *(span for _, span in hidden_characters(self.text))])


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A live passage with the text that it stands for.

    Attributes:
        id: The number under which views know it.
        section: Ordinal of its section in the document.
        sentences: Spans of its sentences in the document; they tile the passage.
        hidden: Spans in the document that no reader of the file sees.
        transcribed: Spans in the document that a model wrote of pictures.
    """

    id: int
    document_id: str
    version: int
    title: str
    filename: str
    ordinal: int
    section: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    pages: tuple[int, int] | None
    sentences: tuple[Span, ...]
    hidden: tuple[Span, ...] = ()
    transcribed: tuple[Span, ...] = ()

    @property
    def seen(self) -> str:
        """The text with what nobody sees blanked, as long as the text, so that offsets hold in both."""
        return blanked(self.text, ((start - self.start, end - self.start) for start, end in self.hidden))


@dataclass(frozen=True, slots=True)
class IdRange:
    """Consecutive passage ids, ``first`` to ``last`` inclusive."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True, eq=False)
class NewPassages:
    """Passages that a change adds, as views need them.

    Attributes:
        ids: Consecutive ids, in passage order.
        document_id: Their document.
        titles: Title and headings of each passage, joined.
        texts: Text of each passage.
        vectors: float32, shape (len(texts), dimensions).
    """

    ids: IdRange
    document_id: str
    titles: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: FloatMatrix


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One step in a collection's history: what to take away, then what to add."""

    seq: int
    removed: IdRange | None
    added: NewPassages | None


@dataclass(frozen=True, slots=True)
class Moved:
    """The ids alone of a change: of passages that went, and of those that came."""

    seq: int
    removed: IdRange | None
    added: IdRange | None


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A question in the forms that views search by.

    Attributes:
        vector: None when no view needs it.
        embedder: Fingerprint of the model that made the vector; None skips the check that it is the collection's.
    """

    text: str
    vector: FloatVector | None
    embedder: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The only documents that a search may return, with the ids of their passages."""

    document_ids: tuple[str, ...]
    ranges: tuple[IdRange, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found by one view. Ranks count from 1; scores compare within one view only."""

    passage_id: int
    view: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class DeletionReceipt:
    """What a deletion removed."""

    id: str
    passages: int
    vectors: int
    cached_answers: int
    original: bool
