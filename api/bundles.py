"""Archives among uploads: each file in one becomes a document."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from index.sight import EVERYTHING
from ingest.bundle import Bundle, is_bundle
from ingest.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from index.idempotency import Claim
    from index.sight import Sight
    from index.store import Store
    from index.types import Submission


def store_bundle(
    store: Store,
    file: IO[bytes],
    filename: str,
    *,
    collection: str,
    metadata: dict[str, Any] | None = None,
    always_new: bool = False,
    keep: AbstractSet[str] = frozenset(),
    claim: Claim | None = None,
    done: list[Submission] | None = None,
    sight: Sight = EVERYTHING,
) -> list[Submission]:
    """Store every file of an archive as an original of its own. On disk when this returns; takes its time.

    Members are named after the archive and their path in it, so that the same archive again gives the same
    documents, a changed one their next versions, and another archive others.

    Args:
        store: Where to.
        file: The upload, read from its start.
        filename: The upload's name, cleaned.
        collection: Of all documents.
        metadata: Of all documents.
        always_new: Whether names that are known make new documents.
        keep: Documents of earlier files of the same request, which get no next version.
        claim: The request's claim, if it has one.
        done: What a former try of the request has stored, from this archive's first file on; taken from.
        sight: Who uploads.

    Returns:
        One for each file in the archive's order; nothing when the upload is no archive, or one that cannot be taken
        apart. It is then stored as it is, and fails as a document with the reason.
    """
    if not is_bundle(file, filename):
        return []
    found: list[Submission] = []
    seen: set[str] = set()
    try:
        opened = Bundle(file, filename)
    except ParseError:
        file.seek(0)
        return []
    with opened as bundle:
        for member in bundle.members:
            if done:
                seen.add(member.filename)
                found.append(done.pop(0))
                continue
            blob = store.blobs.writer()
            try:
                if bundle.copy(member, blob.write) is not None:
                    blob.discard()
                    blob = store.blobs.writer()
                    for piece in bundle.wrapped(member):
                        blob.write(piece)
                submission = store.add(
                    blob,
                    collection=collection,
                    filename=member.filename,
                    metadata=metadata,
                    always_new=always_new or member.filename in seen,
                    keep={*keep, *(each.document_id for each in found)},
                    claim=claim,
                    sight=sight,
                )
            finally:
                blob.discard()
            seen.add(member.filename)
            found.append(submission)
    return found
