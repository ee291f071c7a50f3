"""The page and the widget: their files, as they stand in the folder, and the routes that only the page asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse

from api.routes import activity, chunks, configuration

if TYPE_CHECKING:
    import os

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

WEB = Path(__file__).parent / "web"
# Pages of other sites load the widget's modules. They hold no data: what they ask for later needs a key.
_FOR_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


class _WebFiles(StaticFiles):
    """The folder, its scripts for every page. A browser asks each time whether it has the present ones."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """One file."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        if Path(full_path).suffix == ".js":
            response.headers.update(_FOR_ALL)
        return response


def add_pages(app: FastAPI) -> None:
    """Serve the page at ``/``, the widget at ``/widget.js``, their files at ``/web``, and what the page asks for."""
    for module in (chunks, activity, configuration):
        app.include_router(module.router)

    async def page(_request: Request) -> FileResponse:
        return FileResponse(WEB / "index.html", headers={"Cache-Control": "no-cache"})

    async def widget(_request: Request) -> FileResponse:
        return FileResponse(WEB / "widget.js", headers={"Cache-Control": "no-cache", **_FOR_ALL})

    app.add_route("/", page, include_in_schema=False)
    app.add_route("/widget.js", widget, include_in_schema=False)
    app.mount("/web", _WebFiles(directory=WEB), name="web")
