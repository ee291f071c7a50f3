"""The client: documents, search, questions whole and streamed, and checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from footnote_client.types import Answer, Citation, Claim, Document, Grounding, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What a stream of an answer is made of.
Event = Claim | Citation | Answer


class FootnoteError(Exception):
    """What the service refused or could not do.

    Attributes:
        status: Of HTTP; 0 for a stream that broke off.
        code: One word, such as ``not_found``.
        hint: What to change.
        retryable: Whether the same request may succeed later.
        trace_id: What to look for in the service's log.
    """

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message", f"The service answered with status {status}.")))
        self.status = status
        self.code = str(error.get("code", "error"))
        self.hint = str(error.get("hint", ""))
        self.retryable = bool(error.get("retryable", False))
        self.trace_id = str(error.get("trace_id", ""))


class Client:
    """Talks to one service with one key, about one collection unless a call names another.

    Args:
        url: Of the service, such as http://127.0.0.1:8000.
        key: An ``fn_...`` key; None where none is needed.
        collection: The default one.
        principals: Who asks, for a key that lets the request say so: ``as`` in docs/keys.md.
        timeout: Seconds for one answer.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        collection: str = "default",
        principals: Sequence[str] | None = None,
        timeout: float = 120.0,
    ) -> None:
        self.collection = collection
        self._as = None if principals is None else list(principals)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        params = [("as", each) for each in self._as or ()]
        self._http = httpx.Client(base_url=url, headers=headers, params=params, timeout=timeout)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def upload(
        self,
        file: str | Path,
        *,
        collection: str | None = None,
        metadata: dict[str, Any] | None = None,
        wait: bool = True,
    ) -> list[Document]:
        """Upload a file; an archive becomes several documents.

        Raises:
            FootnoteError: It was refused. A file that cannot be read is no error: its document has failed.
        """
        path = Path(file)
        fields = {
            "collection": collection or self.collection,
            "metadata": json.dumps(metadata or {}),
            "wait": str(wait).lower(),
        }
        with path.open("rb") as opened:
            sent = self._http.post("/v1/documents", files={"file": (path.name, opened)}, data=fields)
        return [Document.of(each) for each in _read(sent)["documents"]]

    def add_text(
        self, text: str, title: str, *, collection: str | None = None, metadata: dict[str, Any] | None = None
    ) -> Document:
        """Store a text as a document, and wait until it is ready.

        Raises:
            FootnoteError: It was refused.
        """
        body = {
            "text": text,
            "title": title,
            "collection": collection or self.collection,
            "metadata": metadata or {},
            "wait": True,
        }
        return Document.of(_read(self._http.post("/v1/documents", json=body))["documents"][0])

    def documents(self, collection: str | None = None) -> Iterator[Document]:
        """Every document of a collection.

        Raises:
            FootnoteError: It was refused.
        """
        wanted: dict[str, str] = {"collection": collection or self.collection}
        while True:
            page = _read(self._http.get("/v1/documents", params=self._params(wanted)))
            yield from (Document.of(each) for each in page["documents"])
            if page["next_cursor"] is None:
                return
            wanted["cursor"] = page["next_cursor"]

    def delete(self, document_id: str) -> None:
        """Delete a document: nothing returns its text when this returns.

        Raises:
            FootnoteError: It was refused.
        """
        _read(self._http.delete(f"/v1/documents/{document_id}"))

    def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        top_k: int = 10,
        filter: dict[str, Any] | None = None,  # noqa: A002 -- The interface's own name.
        mode: str = "hybrid",
    ) -> list[Passage]:
        """Passages, best first, without a language model.

        Raises:
            FootnoteError: It was refused.
        """
        body = {
            "query": query,
            "collection": collection or self.collection,
            "top_k": top_k,
            "filter": filter,
            "mode": mode,
        }
        return [Passage.of(each) for each in _read(self._http.post("/v1/search", json=body))["passages"]]

    def ask(self, question: str, *, collection: str | None = None, **more: Any) -> Answer:
        """An answer. ``more`` are other fields of ``/v1/ask``, such as ``history`` or ``filter``.

        Raises:
            FootnoteError: There is no answer.
        """
        body = {"question": question, "collection": collection or self.collection, **more}
        return Answer.of(_read(self._http.post("/v1/ask", json=body)))

    def stream(self, question: str, *, collection: str | None = None, **more: Any) -> Iterator[Event]:
        """An answer sentence by sentence, each after its footnotes; the whole answer comes last.

        Raises:
            FootnoteError: There is no answer. What came before is not one.
        """
        body = {"question": question, "collection": collection or self.collection, "stream": True, **more}
        with self._http.stream("POST", "/v1/ask", json=body) as sent:
            if not sent.is_success:
                sent.read()
                _read(sent)
            for name, data in _events(sent):
                if name == "error":
                    raise FootnoteError(0, data["error"])
                if name == "done":
                    yield Answer.of(data)
                    return
                if name in ("claim", "citation"):
                    yield Claim.of(data) if name == "claim" else Citation.of(data)
        raise FootnoteError(0, {"code": "incomplete", "message": "The stream ended before the answer did."})

    def ground(self, text: str, *, collection: str | None = None) -> Grounding:
        """Check a text that somebody else's model wrote.

        Raises:
            FootnoteError: It was refused.
        """
        body = {"text": text, "collection": collection or self.collection}
        return Grounding.of(_read(self._http.post("/v1/ground", json=body)))

    def text(self, document_id: str, version: int | None = None) -> str:
        """The canonical text of a document.

        Raises:
            FootnoteError: It was refused.
        """
        wanted = {} if version is None else {"version": str(version)}
        address = f"/v1/documents/{document_id}/text"
        return str(_read(self._http.get(address, params=self._params(wanted)))["text"])

    def _params(self, wanted: dict[str, str]) -> list[tuple[str, str]]:
        # What is given with a request takes the place of the client's own parameters.
        return [*wanted.items(), *(("as", each) for each in self._as or ())]


def _read(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not response.is_success:
        raise FootnoteError(response.status_code, body.get("error", {}) if isinstance(body, dict) else {})
    return dict(body)


def _events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
