"""Clients that upload, replace, delete and search at once, and remember what was acknowledged.

Each worker owns its documents, so that what a document must be is never in doubt: what the last acknowledged request
made of it, or, of a request that got no answer, that or what was before. Requests carry an Idempotency-Key, and one
without an answer is sent again with the same key: it must then have been done once.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.client import Client

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from benchmarks.report import Checks

COLLECTION = "load"
SENTENCES = ("The harbour office counted {n} crates.", "A survey team measured {n} copper pipes near the canal.",
             "Each night crew repaired {n} signal lamps at the northern gate.")  # fmt: skip

ONCE = "a request that was sent again was done once"
ANSWERED = "every request is answered as the contract says"
VISIBLE = "a document is found the moment its upload is acknowledged as ready"
GONE = "a deleted document is not found from its acknowledgement on"
WHOLE = "readers see the old version or the new one during a replacement, never both, a mixture or none"
STABLE = "documents that nobody touches are found throughout"


@dataclass(frozen=True, slots=True)
class Operation:
    """A request: what it makes of the document. ``text`` is None when it deletes it."""

    kind: str
    key: str
    text: str | None
    version: int
    wait: bool = False


@dataclass(slots=True)
class Slot:
    """One document, as its owner knows it.

    Attributes:
        text: What was acknowledged last; None when it is not there.
        version: Likewise.
        pending: A request without an answer.
        canaries: The words of all its versions, of which only the newest may be found.
    """

    name: str
    id: str | None = None
    text: str | None = None
    version: int = 0
    pending: Operation | None = None
    canaries: list[str] = field(default_factory=list)

    def possible(self) -> set[str | None]:
        """The texts that the document may have now."""
        return {self.text} if self.pending is None else {self.text, self.pending.text}

    def settle(self, operation: Operation, answer: dict[str, Any]) -> None:
        """Take note of an answer."""
        self.pending, self.text, self.version = None, operation.text, operation.version
        if operation.kind == "delete":
            self.id = None
        else:
            self.id = answer["documents"][0]["id"]


class Silence(Exception):
    """The server did not answer: it was killed, or is not there yet."""


class Worker:
    """A client with documents of its own, driven by a seed."""

    def __init__(self, number: int, source: random.Random, checks: Checks, most: int = 12) -> None:
        self.number = number
        self.slots: list[Slot] = []
        self.sent = 0
        self.searched = 0
        self._source = source
        self._checks = checks
        self._most = most
        self._made = 0

    def step(self, client: Client) -> None:
        """One request, and sometimes a question about what it did.

        Raises:
            Silence: No answer came.
        """
        here = [slot for slot in self.slots if slot.text is not None]
        roll = self._source.random()
        if not here or (roll < 0.45 and len(here) < self._most):
            slot = Slot(f"w{self.number}-{len(self.slots)}.md")
            self.slots.append(slot)
            self._send(client, slot, self._operation("upload", slot, wait=self._source.random() < 0.4))
        elif roll < 0.75:
            slot = self._source.choice(here)
            self._send(client, slot, self._operation("replace", slot))
        else:
            slot = self._source.choice(here)
            self._send(client, slot, self._operation("delete", slot))

    def retry(self, client: Client) -> None:
        """Send again what got no answer, with the same key."""
        for slot in self.slots:
            if slot.pending is not None:
                self._send(client, slot, slot.pending, again=True)

    def _operation(self, kind: str, slot: Slot, *, wait: bool = False) -> Operation:
        key = str(uuid.UUID(int=self._source.getrandbits(128)))
        if kind == "delete":
            return Operation(kind, key, None, 0)
        self._made += 1
        canary = f"qx{self.number}n{self._made}z"
        slot.canaries.append(canary)
        lines = [
            self._source.choice(SENTENCES).format(n=self._source.randint(2, 9999))
            for _ in range(self._source.randint(3, 60))
        ]
        text = f"# Report {canary}\n\nThe code word is {canary}. {' '.join(lines)}\n"
        return Operation(kind, key, text, 1 if kind == "upload" else slot.version + 1, wait)

    def _send(self, client: Client, slot: Slot, operation: Operation, *, again: bool = False) -> None:
        slot.pending = operation
        self.sent += 1
        try:
            response = self._request(client, slot, operation)
        except httpx.TransportError as error:
            raise Silence from error
        fine = response.status_code in (200, 201, 202)
        self._checks.see(
            ANSWERED, fine, f"{operation.kind} {slot.name}: {response.status_code} {response.text[:300]}"
        )
        if not fine:
            slot.pending = None
            return
        answer = response.json()
        if operation.kind != "delete":
            document = answer["documents"][0]
            done_once = document["version"] == operation.version and slot.id in (None, document["id"])
            if again or operation.kind == "replace":
                self._checks.see(ONCE, done_once, f"{operation}: {document}")
        slot.settle(operation, answer)
        if operation.wait and not again:
            self._see(client, VISIBLE, slot.canaries[-1], {str(slot.id)})
        elif operation.kind == "delete":
            for canary in slot.canaries[-1:]:
                self._see(client, GONE, canary, set())

    def _request(self, client: Client, slot: Slot, operation: Operation) -> httpx.Response:
        headers = {"Idempotency-Key": operation.key}
        if operation.kind == "delete":
            return client.http.delete(f"/v1/documents/{slot.id}", headers=headers)
        form = {"collection": COLLECTION, "wait": "true" if operation.wait else "false"}
        files = {"file": (slot.name, (operation.text or "").encode())}
        if operation.kind == "upload":
            return client.http.post("/v1/documents", files=files, data=form, headers=headers)
        return client.http.put(f"/v1/documents/{slot.id}", files=files, data=form, headers=headers)

    def _see(self, client: Client, check: str, canary: str, expected: set[str]) -> None:
        self.searched += 1
        found = holders(client, canary)
        self._checks.see(check, found == expected, f"{canary}: found in {found}, not {expected}")


class Reader:
    """Searches throughout for documents that stay, and for one that is replaced all the time."""

    def __init__(self, checks: Checks) -> None:
        self.stable: dict[str, str] = {}
        self.turning = Slot("turning.md")
        self.searched = 0
        self._checks = checks
        self.turns = 0

    def prepare(self, client: Client) -> None:
        """Upload the documents."""
        for number in range(3):
            canary = f"qxstable{number}z"
            text = f"# Stable {number}\n\nThe code word is {canary}. It stays where it is.\n"
            document_id = _upload(client, f"stable-{number}.md", text, canary)
            self.stable[canary] = document_id
        self.turning.text = self._text(0)
        self.turning.id = _upload(client, self.turning.name, self.turning.text, "turning")
        self.turning.version = 1

    def look(self, client: Client) -> None:
        """Search for all of them.

        Raises:
            Silence: No answer came.
        """
        self.searched += 1
        for canary, document_id in self.stable.items():
            found = holders(client, canary)
            self._checks.see(STABLE, found == {document_id}, f"{canary}: found in {found}")
        try:
            passages = client.search("turning wheel", COLLECTION, mode="lexical", top_k=50)
        except httpx.TransportError as error:
            raise Silence from error
        mine = [each for each in passages if each["document_id"] == self.turning.id]
        turns = {word for each in mine for word in each["text"].split() if word.startswith("qxturn")}
        self._checks.see(WHOLE, len(turns) == 1, f"turns {turns} in {len(mine)} passages")

    def turn(self, client: Client) -> None:
        """Replace the document that is replaced all the time.

        Raises:
            Silence: No answer came.
        """
        self.turns += 1
        text = self._text(self.turns)
        operation = Operation("replace", uuid.uuid4().hex, text, self.turning.version + 1)
        self.turning.pending = operation
        self.finish(client)

    def finish(self, client: Client) -> None:
        """Send the replacement that is pending, for the first time or again.

        Raises:
            Silence: No answer came.
        """
        operation = self.turning.pending
        if operation is None:
            return
        try:
            answer = client.http.put(
                f"/v1/documents/{self.turning.id}",
                files={"file": (self.turning.name, (operation.text or "").encode())},
                data={"wait": "true"},
                headers={"Idempotency-Key": operation.key},
            )
        except httpx.TransportError as error:
            raise Silence from error
        self._checks.see(ANSWERED, answer.status_code in (201, 202), f"turning: {answer.text[:300]}")
        self.turning.settle(operation, answer.json())

    @staticmethod
    def _text(turn: int) -> str:
        # Several passages, each with the turn's word: a mixture would show two of them.
        return "# The turning wheel\n\n" + " ".join(
            f"The turning wheel stands at qxturn{turn} now." for _ in range(60)
        )


def holders(client: Client, canary: str) -> set[str]:
    """Ids of the documents in whose passages a word is found.

    Raises:
        Silence: No answer came.
    """
    try:
        passages = client.search(canary, COLLECTION, mode="lexical", top_k=20)
    except httpx.TransportError as error:
        raise Silence from error
    return {each["document_id"] for each in passages if canary in each["text"]}


def run_until(
    stop: threading.Event, url: str, steps: Iterable[Any], errors: list[str]
) -> list[threading.Thread]:
    """Run each step over and over in a thread of its own, until ``stop`` is set or the server falls silent."""

    def loop(step: Any) -> None:
        with Client(url, timeout_s=60) as client:
            while not stop.is_set():
                try:
                    step(client)
                except Silence:
                    return
                except Exception as error:
                    errors.append(repr(error))
                    return

    threads = [threading.Thread(target=loop, args=(step,), daemon=True) for step in steps]
    for thread in threads:
        thread.start()
    return threads


def _upload(client: Client, name: str, text: str, what: str) -> str:
    answer = client.http.post(
        "/v1/documents",
        files={"file": (name, text.encode())},
        data={"collection": COLLECTION, "wait": "true"},
        headers={"Idempotency-Key": f"prepare-{what}"},
    )
    return str(answer.raise_for_status().json()["documents"][0]["id"])
