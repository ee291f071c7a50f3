"""Collections as OpenAI's vector stores: what is asked, what is answered, and how files are put into them.

https://platform.openai.com/docs/api-reference/vector-stores
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from api.errors import ApiError
from api.faces.openai import unsupported
from api.schemas.base import Body, CollectionName, QuestionText
from api.uploads import checked_metadata
from index.errors import NotFound
from index.files import Viewer
from index.sight import EVERYTHING, allowed_by
from index.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.access import Caller
    from api.deps import Service
    from index.sight import Sight
    from index.vector_stores import BatchRecord, StoreFile, StoreRecord

MAX_BATCH = 500
# How often clients that poll should ask, while there is work to do.
POLL_MS = 500
_NAME: TypeAdapter[str] = TypeAdapter(CollectionName)
Attributes = dict[str, JsonValue]


class StoreIn(Body):
    """A vector store to make."""

    name: str | None = Field(None, min_length=1, max_length=256)
    file_ids: list[str] = Field(default_factory=list, max_length=MAX_BATCH)
    metadata: Attributes | None = Field(None, max_length=16)
    description: str | None = Field(None, max_length=1_000)
    chunking_strategy: dict[str, JsonValue] | None = None
    expires_after: dict[str, JsonValue] | None = None


class StoreChange(Body):
    """What is to be said otherwise of a vector store."""

    name: str | None = Field(None, min_length=1, max_length=256)
    metadata: Attributes | None = Field(None, max_length=16)
    expires_after: dict[str, JsonValue] | None = None


class FileIn(Body):
    """A file for a vector store."""

    file_id: str = Field(min_length=1, max_length=100)
    attributes: Attributes | None = None
    chunking_strategy: dict[str, JsonValue] | None = None


class FileChange(Body):
    """Other attributes for a file."""

    attributes: Attributes | None


class BatchIn(Body):
    """Several files for a vector store: ids with attributes for all of them, or each with its own."""

    file_ids: list[str] | None = Field(None, min_length=1, max_length=MAX_BATCH)
    files: list[FileIn] | None = Field(None, min_length=1, max_length=MAX_BATCH)
    attributes: Attributes | None = None
    chunking_strategy: dict[str, JsonValue] | None = None


class RankingOptions(Body):
    """How results are ranked and which are left out."""

    model_config = ConfigDict(extra="ignore")

    ranker: str = "auto"
    score_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class StoreSearchIn(Body):
    """A search in a vector store."""

    query: QuestionText | list[QuestionText]
    filters: dict[str, JsonValue] | None = None
    max_num_results: int = Field(10, ge=1, le=50)
    ranking_options: RankingOptions = RankingOptions()
    rewrite_query: bool = False


def new_store(wanted: str | None, service: Service, sight: Sight) -> tuple[str, str]:
    """Id and name of a vector store to be made: the name itself where it can be one and is free.

    Raises:
        ApiError: 422 without a name, for a key of some collections.
    """
    name = wanted or "Untitled"
    if sight.collections is not None:
        if wanted is None:
            raise ApiError(422, "invalid_field", "name: give that of a collection that the key is for.")
        # With a key of its own collections no other could be made, and whether there is one is nobody's business.
        return name, name
    try:
        taken = _NAME.validate_python(name)
        service.store.catalog.collection(taken)
    except NotFound:
        return taken, name
    except ValidationError:
        pass
    return f"vs_{secrets.token_hex(12)}", name


def refuse_settings(
    strategy: dict[str, JsonValue] | None, expiry: dict[str, JsonValue] | None = None
) -> None:
    """Refuse what would be asked for and not be done.

    Raises:
        ApiError: 422.
    """
    if strategy and strategy.get("type", "auto") != "auto":
        raise unsupported(
            "chunking_strategy",
            "passages follow headings and sentences; FOOTNOTE_PASSAGE_TOKENS bounds them. Use auto.",
        )
    if expiry:
        raise unsupported("expires_after", "vector stores stay until they are deleted. Leave it out.")


def attributes_of(given: Attributes | None) -> dict[str, Any]:
    """Attributes as they can be stored: they are the document's metadata.

    Raises:
        ApiError: 422.
    """
    return checked_metadata(given or {})


def attach(
    service: Service, caller: Caller, collection: str, file_id: str, attributes: dict[str, Any]
) -> StoreFile:
    """Put a file into a collection, or give it other attributes where it is in it.

    Raises:
        NotFound: There is no such file, or the collection is somebody else's.
        ApiError: 422 for a document of another collection.
    """
    store, sight = service.store, caller.sight
    file = store.files.get(file_id, Viewer(sight, caller.key_id))
    told = EVERYTHING if not sight.admits(allowed_by(attributes)) else sight
    try:
        found = store.vector_stores.file(collection, file_id, sight)
    except NotFound:
        if file.is_document:
            message = (
                f"{file_id} is a document of another collection. Upload it as a file to put it into this one."
            )
            raise ApiError(422, "invalid_field", message) from None
        store.attach_file(file, collection, attributes, sight)
        service.runner.notify()
        return store.vector_stores.file(collection, file_id, told)
    if attributes:
        store.vector_stores.set_attributes(collection, found.id, attributes, sight)
    return store.vector_stores.file(collection, file_id, told)


def shown_store(store: StoreRecord) -> dict[str, Any]:
    """A vector store as OpenAI has it."""
    counts = store.counts
    return {
        "id": store.id,
        "object": "vector_store",
        "created_at": int(store.created_at),
        "name": store.name,
        "usage_bytes": store.bytes,
        "file_counts": _counts(counts),
        "status": "in_progress" if counts.in_progress else "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": int(store.last_active_at),
        "metadata": store.metadata,
    }


def shown_file(file: StoreFile) -> dict[str, Any]:
    """A file of a vector store as OpenAI has it."""
    error = None
    if file.error is not None:
        code = "unsupported_file" if file.error[0] == "unsupported_type" else "invalid_file"
        server = (
            "internal_error",
            "stalled",
            "embedder_unavailable",
            "parser_unavailable",
            "original_missing",
        )
        error = {
            "code": "server_error" if file.error[0] in server else code,
            "message": f"{file.error[0]}: {file.error[1]}",
        }
    return {
        "id": file.id,
        "object": "vector_store.file",
        "created_at": int(file.created_at),
        "usage_bytes": file.bytes,
        "vector_store_id": file.collection,
        "status": _STATUS.get(file.status, "in_progress"),
        "last_error": error,
        "attributes": scalars(file.attributes),
        "chunking_strategy": {"type": "other"},
    }


def shown_batch(batch: BatchRecord) -> dict[str, Any]:
    """A batch of files as OpenAI has it."""
    status = "in_progress" if batch.counts.in_progress else "completed"
    return {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": int(batch.created_at),
        "vector_store_id": batch.collection,
        "status": "cancelled" if batch.is_cancelled else status,
        "file_counts": _counts(batch.counts),
    }


def scalars(metadata: dict[str, Any]) -> dict[str, Any]:
    """Of a document's metadata what attributes can be: strings, numbers and booleans."""
    return {name: value for name, value in metadata.items() if isinstance(value, str | int | float)}


_STATUS: dict[Status, Literal["completed", "failed"]] = {Status.READY: "completed", Status.FAILED: "failed"}


def _counts(counts: Any) -> dict[str, int]:
    names: Iterable[str] = ("in_progress", "completed", "failed", "cancelled", "total")
    return {name: getattr(counts, name) for name in names}
