"""Deleted means gone: no route may return a deleted document's text, at once and after a restart."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING

import httpx

from benchmarks.client import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.client import Client, Json
    from benchmarks.corpus import Made
    from benchmarks.report import Checks

MODES = ("hybrid", "dense", "lexical")
CONTROL = "before deletion the canary is found and its answer shows the secret"
RECEIPT = "deletion answers with a receipt that counts what it removed"
SEARCH = "deleted: gone from search in all modes"
ASK = "deleted: gone from extractive answers"
ROUTES = "deleted: text, original and page image are 404"
STATE = "deleted: the document is 404, or deleted without text"
ANSWERS = "deleted: earlier answers no longer show its text"
GET = "deleted: no GET route shows its words"
OTHERS = "the other documents are still found after the deletions"

EXPECTED = (CONTROL, RECEIPT, SEARCH, ASK, ROUTES, STATE, ANSWERS, GET, OTHERS)

# Enough of a stream or file to see its text; streams such as /mcp never end by themselves.
MOST_BYTES = 4_000_000
STREAM_SECONDS = 2.0


def holding(passages: list[Json], word: str) -> list[Json]:
    """The passages whose text holds a word."""
    return [passage for passage in passages if word in passage["text"]]


def control(client: Client, checks: Checks, collection: str, document_id: str, made: Made) -> str:
    """Asks before the deletion, as a proof that the later checks can fail; returns the answer's id."""
    found = holding(client.search(made.canary, collection, mode="lexical"), made.canary)
    # Asked of this document alone: here it matters that an answer cites it, not how well it is found.
    answer = client.ask(made.question, collection, mode="extractive", filter={"document_id": document_id})
    shown = made.secret in answer["answer"] or any(made.secret in c["quote"] for c in answer["citations"])
    checks.see(
        CONTROL, bool(found) and shown, f"{made.upload.filename}: found {len(found)}, {answer['answer']!r}"
    )
    return str(answer["id"])


def check_receipt(checks: Checks, document_id: str, receipt: Json) -> None:
    """The receipt names the document and says how many passages, vectors and originals went."""
    removed = receipt.get("removed", {})
    counted = {"passages", "vectors", "cached_answers", "original"} <= set(removed)
    right = receipt.get("id") == document_id and bool(receipt.get("deleted")) and counted
    checks.see(RECEIPT, right and removed["passages"] > 0 and removed["vectors"] > 0, f"{receipt}")


def check_gone(
    client: Client,
    checks: Checks,
    collection: str,
    gone: Mapping[str, Made],
    answers: Mapping[str, str],
    when: str,
) -> None:
    """Looks for deleted documents in every place.

    Args:
        client: Of the running server.
        checks: Where results go.
        collection: Where the documents were.
        gone: Deleted documents by id.
        answers: Id of an answer that cited each, by document id.
        when: Said in messages: at once, or after a restart.
    """
    secrets = {made.secret for made in gone.values()}
    words = secrets | {made.canary for made in gone.values()}
    for document_id, made in gone.items():
        label = f"{when}, {made.upload.filename} ({document_id})"
        for mode, query in itertools.product(MODES, (made.canary, made.secret, made.question)):
            passages = client.search(query, collection, mode=mode)
            left = [p for p in passages if p["document_id"] == document_id or made.secret in p["text"]]
            checks.see(SEARCH, not left, f"{label}: {mode} {query!r} returns {left[:1]}")
        answer = client.ask(made.question, collection, mode="extractive")
        cited = [c for c in answer["citations"] if c["document_id"] == document_id]
        checks.see(
            ASK, not cited and made.secret not in str(answer), f"{label}: {answer['answer']!r} cites {cited}"
        )
        for route in ("text", "original", "pages/1.png"):
            status = client.http.get(f"/v1/documents/{document_id}/{route}").status_code
            checks.see(ROUTES, status == httpx.codes.NOT_FOUND, f"{label}: {route} answers {status}")
        _check_state(client, checks, document_id, made, label)
        response = client.http.get(f"/v1/answers/{answers[document_id]}")
        sound = response.status_code < 500 and made.secret not in response.text
        checks.see(ANSWERS, sound, f"{label}: {response.status_code} {_around(response.text, made.secret)!r}")
    for path, of_answer in get_routes(client, collection, gone, answers):
        body = read_some(client, path)
        for made in gone.values():
            # What a person asked is not the document's text, though it names the canary.
            body = body.replace(made.question, "")
        forbidden = secrets if "/answers" in path or of_answer else words
        shown = [word for word in forbidden if word in body]
        checks.see(
            GET, not shown, f"{when}, GET {path} shows {shown[:1]}: {_around(body, (shown or [''])[0])!r}"
        )


def _check_state(client: Client, checks: Checks, document_id: str, made: Made, label: str) -> None:
    try:
        state = client.document(document_id)
    except ServiceError as error:
        checks.see(STATE, error.status == httpx.codes.NOT_FOUND, f"{label}: {error}")
        return
    clean = state["status"] == "deleted" and made.canary not in str(state) and made.secret not in str(state)
    checks.see(STATE, clean, f"{label}: {state}")


def get_routes(
    client: Client, collection: str, gone: Mapping[str, Made], answers: Mapping[str, str]
) -> Iterator[tuple[str, bool]]:
    """Every GET route of the service's own description, its parameters filled in with what was deleted.

    Yields:
        The path, and whether it holds the id of an answer.
    """
    for path in ("/", "/metrics", "/readyz", "/mcp", f"/v1/documents?collection={collection}&status=deleted"):
        yield path, False
    for path, operations in client.http.get("/openapi.json").json()["paths"].items():
        if "get" not in operations:
            continue
        names = re.findall(r"{(\w+)(?::\w+)?}", path)
        if not names:
            yield path, False
            yield f"{path}?collection={collection}&limit=100", False
            continue
        for document_id in gone:
            choices = [_choices(name, document_id, answers[document_id], collection) for name in names]
            for values in itertools.product(*choices):
                filled = re.sub(r"{\w+(?::\w+)?}", "{}", path).format(*values)
                yield filled, answers[document_id] in values


def _choices(name: str, document_id: str, answer_id: str, collection: str) -> list[str]:
    if name in {"n", "page", "number", "page_number"}:
        return ["1"]
    if name == "version":
        return ["1"]
    return [document_id, answer_id, collection]


def read_some(client: Client, path: str) -> str:
    """What a GET answers, as text: the start of it when it is long or never ends."""
    began = time.monotonic()
    body = bytearray()
    try:
        with client.http.stream("GET", path, timeout=STREAM_SECONDS) as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > MOST_BYTES or time.monotonic() - began > STREAM_SECONDS:
                    break
    except httpx.ReadTimeout:
        # A stream with nothing more to say: what came so far is what it shows.
        pass
    return body.decode("utf-8", errors="replace")


def _around(text: str, word: str) -> str:
    at = text.find(word) if word else -1
    return text[max(0, at - 60) : at + 60] if at >= 0 else ""


def words_on_disk(folder: Path, words: set[str]) -> list[str]:
    """Files below ``folder`` whose bytes hold one of the words: reported, not judged."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            try:
                data = file.read_bytes()
            except FileNotFoundError:
                # A running service made it anew meanwhile.
                continue
            if any(word.encode() in data for word in words):
                found.append(str(file.relative_to(folder)))
    return found
