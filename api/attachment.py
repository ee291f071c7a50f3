"""A stored file as an answer that no browser shows, whole or in the ranges asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.responses import FileResponse
from starlette.datastructures import Headers

from api.errors import ApiError
from index.reading import unknown_document

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

_UNREADABLE, _OUTSIDE = 400, 416


class Attachment(FileResponse):
    """Starlette's response for files, with refusals in the contract's form instead of plain text.

    Args:
        path: The file.
        filename: What it is called where it is saved.
    """

    def __init__(self, path: Path, filename: str) -> None:
        # The type is never the document's own: a browser must not render what somebody uploaded.
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename)}",
            "X-Content-Type-Options": "nosniff",
        }
        super().__init__(path, media_type="application/octet-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            ApiError: 400 for a Range header that cannot be read, 416 for one that leads outside of the file.
            NotFound: The document was deleted since its file was looked up.
        """
        begun: list[Message] = []
        sent = False

        async def checked(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                if message["status"] in (_UNREADABLE, _OUTSIDE):
                    raise _refusal(message)
                # Only with the first bytes is it certain that the file could be opened.
                begun.append(message)
                return
            while begun:
                await send(begun.pop())
            sent = True
            await send(message)

        try:
            await super().__call__(scope, receive, checked)
        except (RuntimeError, FileNotFoundError) as error:
            if not sent and FileNotFoundError in (type(error), type(error.__context__)):
                raise unknown_document() from error
            raise


def _refusal(message: Message) -> ApiError:
    if message["status"] == _UNREADABLE:
        return ApiError(
            _UNREADABLE, "malformed", "The Range header cannot be read. It is written as bytes=0-99."
        )
    size = Headers(raw=message["headers"])["content-range"]
    length = size.rpartition("/")[2]
    return ApiError(
        _OUTSIDE,
        "range_not_satisfiable",
        f"The Range header asks for what lies outside of the {length} bytes of the file.",
        {"Content-Range": size},
    )
