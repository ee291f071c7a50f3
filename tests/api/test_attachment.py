"""A stored file as an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI

from api import errors
from api.attachment import Attachment

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_goes_while_it_is_asked_for_is_unknown(tmp_path: Path) -> None:
    """Its document was deleted between the look into the catalog and the look at the file: 404 and no fault."""
    app = FastAPI()
    errors.install(app)

    @app.get("/original", response_model=None)
    def read() -> Attachment:
        return Attachment(tmp_path / "gone", "gone.txt")

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/original")

    response = asyncio.run(ask())
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
