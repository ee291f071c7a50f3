"""A stored file as an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI

from api import errors
from api.attachment import Attachment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seen", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}, {"Range": "bytes=0-1,3-4"}])
def test_a_file_that_goes_while_it_is_asked_for_is_unknown(
    tmp_path: Path, headers: dict[str, str], *, seen: bool
) -> None:
    """Its document was deleted before the look at the file, or before the file was opened: 404 and no fault."""
    there = tmp_path / "there"
    there.write_text("0123456789")
    app = FastAPI()
    errors.install(app)

    @app.get("/original", response_model=None)
    def read() -> Attachment:
        answer = Attachment(tmp_path / "gone", "gone.txt")
        if seen:
            answer.stat_result = there.stat()
            answer.set_stat_headers(answer.stat_result)
        return answer

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/original", headers=headers)

    response = asyncio.run(ask())
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
