"""A client of Footnote's HTTP contract: httpx, and nothing of the service's own code."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

Json = dict[str, Any]

FINAL_STATES = frozenset({"ready", "failed", "deleted"})


class ServiceError(Exception):
    """The service answered with a status that this call does not accept; the message quotes its body."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        request = response.request
        super().__init__(f"{request.method} {request.url.path} answered {self.status}: {response.text[:500]}")


class IngestionTimeout(Exception):
    """Documents were neither ready nor failed when the time was up."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to send.

    Attributes:
        filename: The name the service stores it under.
        data: Its bytes.
        media_type: What the client claims it to be.
    """

    filename: str
    data: bytes
    media_type: str = "application/octet-stream"


class Client:
    """Calls of the contract as methods; JSON objects come back as they are."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout_s: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # ``transport`` lets a test answer in place of a server.
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(
            base_url=base_url, headers=headers, timeout=timeout_s, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def upload(self, files: Sequence[Upload], collection: str, **fields: str) -> list[Json]:
        """Sends files as one multipart request; returns the documents as the service describes them.

        Raises:
            ServiceError: The status was neither 201 nor 202.
            httpx.HTTPError: The connection broke; nothing was acknowledged.
        """
        parts = [("file", (file.filename, file.data, file.media_type)) for file in files]
        response = self.http.post("/v1/documents", files=parts, data={"collection": collection, **fields})
        if response.status_code not in {201, 202}:
            raise ServiceError(response)
        documents: list[Json] = response.json()["documents"]
        return documents

    def document(self, document_id: str) -> Json:
        """The state of one document."""
        body = self._json(self.http.get(f"/v1/documents/{document_id}"))
        inner = body.get("document")
        return inner if isinstance(inner, dict) else body

    def documents(self, collection: str) -> list[Json]:
        """Every document of a collection, page after page."""
        found: list[Json] = []
        cursor: str | None = None
        while True:
            params: dict[str, str | int] = {"collection": collection, "limit": 100}
            if cursor:
                params["cursor"] = cursor
            body = self._json(self.http.get("/v1/documents", params=params))
            found.extend(body["documents"])
            cursor = body.get("next_cursor") or body.get("cursor") or body.get("next")
            if not cursor or not body["documents"]:
                return found

    def delete(self, document_id: str) -> Json:
        """Deletes a document; returns the receipt."""
        return self._json(self.http.delete(f"/v1/documents/{document_id}"))

    def text(
        self,
        document_id: str,
        *,
        version: int | None = None,
        start: int | None = None,
        end: int | None = None,
    ) -> str:
        """The canonical text, or its code points from ``start`` to ``end``."""
        wanted = {"version": version, "start": start, "end": end}
        params = {name: value for name, value in wanted.items() if value is not None}
        body = self._json(self.http.get(f"/v1/documents/{document_id}/text", params=params))
        return str(body["text"])

    def events(self, document_id: str, *, timeout_s: float) -> list[Json]:
        """Ingestion events of one document until its state is final, the stream ends or the time is up.

        Raises:
            ServiceError: The route did not answer 200.
        """
        deadline = time.monotonic() + timeout_s
        with self.http.stream("GET", f"/v1/documents/{document_id}/events", timeout=timeout_s) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                raise ServiceError(response)
            content_type = response.headers.get("content-type", "")
            collected: list[Json] = []
            for event in parse_events(response.iter_lines()):
                collected.append({**event, "content_type": content_type})
                data = event["data"]
                status = data.get("status") if isinstance(data, dict) else None
                if status in FINAL_STATES or time.monotonic() > deadline:
                    break
            return collected

    def search(self, query: str, collection: str, **fields: Any) -> list[Json]:
        """Passages, best first."""
        body = self._json(
            self.http.post("/v1/search", json={"query": query, "collection": collection, **fields})
        )
        passages: list[Json] = body["passages"]
        return passages

    def ask(self, question: str, collection: str, **fields: Any) -> Json:
        """An answer with its claims and citations."""
        return self._json(
            self.http.post("/v1/ask", json={"question": question, "collection": collection, **fields})
        )

    def wait_final(
        self,
        document_ids: Iterable[str],
        *,
        timeout_s: float,
        progress: Callable[[int, int], None] | None = None,
        interval_s: float = 0.5,
    ) -> dict[str, Json]:
        """Polls until every document is ready, failed or deleted.

        Args:
            document_ids: The documents waited for.
            timeout_s: Seconds until ``IngestionTimeout``.
            progress: Called with (finished, all) after each round.
            interval_s: Seconds between rounds.

        Returns:
            The last state of each, by id.
        """
        waiting = list(dict.fromkeys(document_ids))
        total = len(waiting)
        final: dict[str, Json] = {}
        deadline = time.monotonic() + timeout_s
        while True:
            for document_id in waiting:
                state = self.document(document_id)
                if state["status"] in FINAL_STATES:
                    final[document_id] = state
            waiting = [document_id for document_id in waiting if document_id not in final]
            if progress:
                progress(len(final), total)
            if not waiting:
                return final
            if time.monotonic() > deadline:
                shown = {document_id: self.document(document_id)["status"] for document_id in waiting[:5]}
                raise IngestionTimeout(
                    f"{len(waiting)} of {total} documents are not final after {timeout_s:.0f} s, such as "
                    f"{shown}. Raise --timeout, or look into the server's log for a stuck job."
                )
            time.sleep(interval_s)

    @staticmethod
    def _json(response: httpx.Response) -> Json:
        if response.status_code != httpx.codes.OK:
            raise ServiceError(response)
        body: Json = response.json()
        return body


def parse_events(lines: Iterable[str]) -> Iterator[Json]:
    """Server-sent events as ``{"event", "data"}``; data that is JSON is decoded.

    Follows https://html.spec.whatwg.org/multipage/server-sent-events.html for the fields used here:
    several ``data`` lines join with a newline, a line that starts with a colon is a comment, and an
    event that no blank line ended is not delivered.
    """
    name = "message"
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield {"event": name, "data": _decoded("\n".join(data))}
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _decoded(data: str) -> Any:
    try:
        return json.loads(data)
    except json.JSONDecodeError:
        return data
