"""Reading an upload, multipart or JSON, into the store without holding a file in memory."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Request
from pydantic import Strict, TypeAdapter, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from api.bounds import LIMITS
from api.bundles import store_bundle
from api.errors import ApiError
from api.schemas.base import CollectionName, Principals
from api.schemas.documents import MAX_TITLE_CHARS, TextUpload, UrlUpload
from index.catalog import UNNAMED
from index.sight import ALLOW, EVERYTHING

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.types import Message

    from api.deps import Service
    from api.remote.fetch import Fetcher
    from index.blobs import BlobWriter
    from index.idempotency import Claim
    from index.sight import Sight
    from index.store import Store
    from index.types import Submission

_COLLECTION: TypeAdapter[str] = TypeAdapter(CollectionName)
_ALLOW: TypeAdapter[list[str] | None] = TypeAdapter(Annotated[Principals | None, Strict()])
MAX_FILES = 1_000
MAX_METADATA_CHARS = 20_000
# Levels of lists and objects in metadata. Whoever reads a document goes down them, and Python's stack has an end.
MAX_METADATA_DEPTH = 16
MAX_FIELDS = 20
_PART_BYTES = 1024 * 1024
# Seconds in which two workers ingest a few dozen documents.
_QUEUE_RETRY_S = 30
# What may follow the closing boundary of a body.
_EPILOGUE_BYTES = 4096
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TRUE = ("true", "1", "yes", "on")


@dataclass(slots=True)
class Upload:
    """What a request asks to store."""

    files: list[UploadFile] = field(default_factory=list)
    text: str | None = None
    url: str | None = None
    filename: str | None = None
    title: str | None = None
    collection: str = "default"
    metadata: dict[str, Any] = field(default_factory=dict)
    wait: bool = False
    always_new: bool = False
    # Whether the request itself names the file; a replacement without a name keeps the document's.
    named: bool = True


async def read_upload(request: Request) -> Upload:
    """Take a request apart, within its bounds.

    Raises:
        ApiError: 400, 415 or 422, saying what is wrong with it; 503 or 504 when it was not there in time.
    """
    limits = LIMITS.get()
    return await (limits.within(_read(request)) if limits else _read(request))


async def require_room(service: Service, upload: Upload, document_id: str | None, sight: Sight) -> None:
    """See whether there is room for an upload in the line of its collection, which its caller may write to.

    Raises:
        ApiError: 429 when too many documents wait there.
        NotFound: The document that it is to replace is unknown, or not the caller's to see.
    """
    store = service.store
    name = upload.collection
    if document_id is not None:
        name = (await asyncio.to_thread(store.catalog.document, document_id, sight)).collection
    waiting = await asyncio.to_thread(store.jobs.waiting_in, name)
    if waiting >= service.settings.max_queued:
        message = (
            f"{waiting:,} documents of this collection wait to be ingested already. Upload more when these are done, "
            "or raise FOOTNOTE_MAX_QUEUED."
        )
        raise ApiError(429, "queue_full", message, {"Retry-After": str(_QUEUE_RETRY_S)}, retryable=True)


async def _read(request: Request) -> Upload:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _multipart(request)
    if kind == "application/json":
        # Reading and checking a text of 200 MB takes seconds, which nobody else should wait for.
        return await asyncio.to_thread(_json, await request.body())
    raise ApiError(415, "unsupported_media_type", f"The request is {kind or 'of no stated type'}.")


async def store_upload(
    store: Store,
    upload: Upload,
    document_id: str | None = None,
    claim: Claim | None = None,
    sight: Sight = EVERYTHING,
) -> list[Submission]:
    """Store everything that an upload holds, the files of archives one by one. On disk when this returns.

    Under a claim, what a former try of the same request has stored is not stored again.
    """
    done = list(claim.done) if claim else []
    parts: list[tuple[str | None, UploadFile | None]]
    if upload.text is not None and document_id is not None and not upload.named:
        parts = [(None, None)]
    elif upload.text is not None:
        parts = [(upload.filename or UNNAMED, None)]
    else:
        kept = document_id is not None and not upload.named
        address = None if kept else upload.filename
        parts = [(address if upload.url else clean_filename(file.filename), file) for file in upload.files]
    found: list[Submission] = []
    seen: set[str | None] = set()
    for filename, file in parts:
        # Two files of one name in one request are two documents, and a file without a name replaces none.
        always_new = upload.always_new or filename in seen or filename == UNNAMED
        seen.add(filename)
        if file is not None and filename is not None and document_id is None:
            members = await asyncio.to_thread(
                store_bundle,
                store,
                file.file,
                filename,
                collection=upload.collection,
                metadata=upload.metadata,
                always_new=always_new,
                keep={each.document_id for each in found},
                claim=claim,
                done=done,
                sight=sight,
            )
            if members:
                found += members
                continue
        if done:
            found.append(done.pop(0))
            continue
        blob = await asyncio.to_thread(store.blobs.writer)
        try:
            if file is None:
                await asyncio.to_thread(blob.write, (upload.text or "").encode())
            else:
                await copy(file, blob)
            submission = await asyncio.to_thread(
                store.add,
                blob,
                collection=upload.collection,
                filename=filename,
                title=None if filename is None else upload.title,
                metadata=upload.metadata,
                document_id=document_id,
                always_new=always_new,
                keep={each.document_id for each in found},
                claim=claim,
                sight=sight,
            )
        finally:
            await asyncio.to_thread(blob.discard)
        found.append(submission)
    return found


def clean_filename(name: str | None) -> str:
    """A file name for showing: its last part, without control characters. It never becomes a path."""
    last = re.split(r"[/\\]", name or "")[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cs", "Cf")).strip()
    # Dots alone are no name, and a browser would save such a file under any.
    return shown[-255:] if shown.strip(". ") else UNNAMED


async def copy(file: UploadFile, blob: BlobWriter) -> None:
    """Write a part of a form into the store, piece by piece."""
    while part := await file.read(_PART_BYTES):
        await asyncio.to_thread(blob.write, part)


async def _form(request: Request) -> FormData:
    """The parts of a body that has come to its end.

    The parser leaves a last part out that is cut off, and all before it look like the whole.
    """
    _, options = parse_options_header(request.headers["content-type"])
    closing = b"--" + options.get(b"boundary", b"") + b"--"
    tail = bytearray()

    async def receive() -> Message:
        message = await request.receive()
        tail.extend(message.get("body", b""))
        del tail[: -_EPILOGUE_BYTES - len(closing)]
        ended = message["type"] == "http.request" and not message.get("more_body", False)
        if ended and closing not in tail:
            raise MultiPartException("The body ends before its closing boundary. Nothing of it was stored.")
        return message

    return await Request(request.scope, receive).form(
        max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_METADATA_CHARS
    )


async def _multipart(request: Request) -> Upload:
    form = await _form(request)
    try:
        return _of_form(form)
    except ApiError:
        await form.close()
        raise


def _of_form(form: FormData) -> Upload:
    files = [each for each in form.getlist("file") if isinstance(each, UploadFile)]
    if not files:
        raise ApiError(422, "invalid_field", "There is no part named 'file' with a file in it.")
    known = {"file", "collection", "metadata", "wait", "on_conflict", "title"}
    unknown = sorted(set(form) - known)
    if unknown:
        raise ApiError(
            422, "invalid_field", f"Unknown parts: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."
        )
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    conflict = texts.get("on_conflict", "replace")
    if conflict not in ("replace", "new"):
        raise ApiError(422, "invalid_field", "on_conflict is 'replace' or 'new'.")
    return Upload(
        files=files,
        title=_title(texts.get("title")),
        collection=_collection(texts.get("collection", "default")),
        metadata=_metadata(texts.get("metadata", "")),
        wait=texts.get("wait", "").lower() in _TRUE,
        always_new=conflict == "new",
    )


def _json(body: bytes) -> Upload:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "malformed", f"The body is not valid JSON: {error}") from error
    try:
        if isinstance(found, dict) and "url" in found:
            return _from_address(UrlUpload.model_validate(found))
        given = TextUpload.model_validate(found)
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors()[:5]]
        raise ApiError(422, "invalid_field", "; ".join(parts)) from error
    return Upload(
        text=_storable(given.text, "text"),
        filename=clean_filename(given.filename) if given.filename else clean_filename(f"{given.title}.txt"),
        title=_storable(given.title, "title"),
        collection=given.collection,
        metadata=checked_metadata(given.metadata),
        wait=given.wait,
        # A text without any name replaces none: "Untitled.txt" is this service's word for it, not its owner's.
        always_new=given.on_conflict == "new" or not {"title", "filename"} & given.model_fields_set,
        named="filename" in given.model_fields_set,
    )


def _from_address(given: UrlUpload) -> Upload:
    metadata = checked_metadata(given.metadata)
    return Upload(
        url=_storable(given.url, "url"),
        filename=clean_filename(given.filename) if given.filename else None,
        title=None if given.title is None else _storable(given.title, "title"),
        collection=given.collection,
        metadata=metadata,
        wait=given.wait,
        always_new=given.on_conflict == "new",
        named=given.filename is not None,
    )


async def fetch_into(upload: Upload, fetcher: Fetcher) -> int:
    """Fetch the document that an upload names by its address, if it does; its size in bytes.

    The document is fetched before the upload is acknowledged: what was acknowledged is on disk, and what could not be
    fetched was never promised.

    Raises:
        UrlError: It cannot be fetched.
    """
    if upload.url is None:
        return 0
    file = UploadFile(await asyncio.to_thread(tempfile.TemporaryFile))
    upload.files.append(file)
    found = await fetcher.fetch(upload.url, file.file)
    await file.seek(0)
    # A page's address is what its readers know it by, and what two pages of one name differ in.
    upload.filename = upload.filename or found.target.filename
    upload.metadata = {"source_url": found.target.text, **upload.metadata}
    return found.size


def _collection(name: str) -> str:
    try:
        return _COLLECTION.validate_python(name)
    except ValidationError as error:
        message = (
            "collection: letters, digits, '.', '_' and '-', at most 100, beginning with a letter or digit."
        )
        raise ApiError(422, "invalid_field", message) from error


def _title(text: str | None) -> str | None:
    if text is not None and len(text) > MAX_TITLE_CHARS:
        raise ApiError(
            422, "invalid_field", f"title: {len(text):,} characters, and at most {MAX_TITLE_CHARS} are kept."
        )
    return None if text is None else _storable(text, "title")


def _metadata(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ApiError(422, "invalid_field", f"metadata is not valid JSON: {error}") from error
    return checked_metadata(found)


def checked_metadata(found: Any) -> dict[str, Any]:
    """Metadata as it can be stored.

    Raises:
        ApiError: 422, saying what cannot be stored.
    """
    if not isinstance(found, dict):
        raise ApiError(422, "invalid_field", 'metadata is a JSON object such as {"year": 2024}.')
    todo: list[tuple[Any, int]] = [(found, 1)]
    while todo:
        part, depth = todo.pop()
        if isinstance(part, dict | list) and depth > MAX_METADATA_DEPTH:
            message = f"metadata is nested deeper than {MAX_METADATA_DEPTH} levels."
            raise ApiError(422, "invalid_field", message)
        if isinstance(part, dict):
            todo += [(each, depth + 1) for pair in part.items() for each in pair]
        elif isinstance(part, list):
            todo += [(each, depth + 1) for each in part]
        elif isinstance(part, str):
            _storable(part, "metadata")
    try:
        written = json.dumps(found, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise ApiError(422, "invalid_field", f"metadata cannot be written as JSON again: {error}") from error
    if len(written) > MAX_METADATA_CHARS:
        message = (
            f"metadata has {len(written):,} characters as JSON, and at most {MAX_METADATA_CHARS:,} are kept."
        )
        raise ApiError(422, "invalid_field", message)
    _check_permissions(found)
    return found


def _check_permissions(found: dict[str, Any]) -> None:
    try:
        _ALLOW.validate_python(found.get(ALLOW))
    except ValidationError as error:
        message = (
            "metadata.allow is a list of the principals who may see the document, or null for everybody."
        )
        raise ApiError(422, "invalid_field", message) from error
    if alike := [name for name in found if name != ALLOW and name.strip().casefold() == ALLOW]:
        # Stored as it is it would restrict nothing, and whoever wrote it would believe that it does.
        raise ApiError(422, "invalid_field", f"metadata holds {alike[0]!r}. Permissions are named {ALLOW!r}.")


def _storable(text: str, name: str) -> str:
    """Refuse what no database and no response can hold: NUL and lone surrogates."""
    if _UNSTORABLE.search(text):
        raise ApiError(422, "invalid_field", f"{name} holds a NUL or a lone surrogate.")
    return text
