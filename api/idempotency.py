"""``Idempotency-Key``: what a request with one is, and the answer that was given to it before.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from fastapi import Response

from api.errors import ApiError

if TYPE_CHECKING:
    from typing import IO

    from fastapi import Request

    from api.access import Caller
    from api.uploads import Upload

HEADER = "Idempotency-Key"
# What is sent again to a client that sends its request again says so, as several public interfaces do.
REPLAYED = {"Idempotency-Replayed": "true"}
# The draft has a quoted string; many clients send a bare word. Both are the same key.
_KEY = re.compile(r'"?([\x21\x23-\x5b\x5d-\x7e]{1,255})"?')
_PART_BYTES = 1024 * 1024


def key_of(request: Request) -> str | None:
    """The request's key, or None without one.

    Raises:
        ApiError: 400 for more than one, or for one of another form.
    """
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    found = _KEY.fullmatch(given[0].strip())
    if len(given) > 1 or found is None:
        message = (
            f"{HEADER} is one string of 1 to 255 visible ASCII characters without spaces, such as a UUID."
        )
        raise ApiError(400, "malformed", message)
    return found[1]


def scope_of(caller: Caller) -> str:
    """Whose keys they are: what one was answered is not answered to another, nor to the same as somebody else."""
    seen = None if caller.principals is None else sorted(caller.principals)
    return json.dumps([caller.key_id, seen])


def fingerprint(request: Request, upload: Upload | None) -> str:
    """Equal for requests that ask the same. Reads the files through, and leaves each at its start.

    Of a multipart body its parts count and not its bytes: clients draw a new boundary for each try.
    """
    asked: list[object] = [request.method, request.scope["path"]]
    if upload is not None:
        asked += [upload.collection, upload.metadata, upload.title, upload.filename, upload.named]
        asked += [upload.wait, upload.always_new, upload.url]
        asked.append(None if upload.text is None else hashlib.sha256(upload.text.encode()).hexdigest())
        asked += [[file.filename, _digest(file.file)] for file in upload.files]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def answer(status: int, body: str) -> Response:
    """An answer that was given before."""
    return Response(body, status, REPLAYED, media_type="application/json")


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    file.seek(0)
    while part := file.read(_PART_BYTES):
        found.update(part)
    file.seek(0)
    return found.hexdigest()
