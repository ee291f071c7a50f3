"""Kills a server at a chosen moment of ingestion: while uploading, parsing, embedding or committing."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from benchmarks.client import FINAL_STATES, Client, ServiceError

if TYPE_CHECKING:
    import random

    from benchmarks.server import Server

STAGES = ("parsing", "embedding", "committing", "uploading")


@dataclass(slots=True)
class Kill:
    """One kill as it happened.

    Attributes:
        stage: The moment aimed at.
        hit: Whether that moment was seen; if not, the kill came when its time was up.
        delay_s: Seeded pause between the moment and the kill.
        states: State of each document in the last look before the kill, by id.
        passages: Passages of each ready document in that look, by id.
        family: Descendants of the server at the kill.
        error: Why looking at the documents failed; empty when it did not.
    """

    stage: str
    delay_s: float
    hit: bool = False
    states: dict[str, str] = field(default_factory=dict)
    passages: dict[str, int] = field(default_factory=dict)
    family: list[tuple[int, str]] = field(default_factory=list)
    error: str = ""


class Killer(threading.Thread):
    """Watches the documents of a collection and kills the server when the stage is reached."""

    def __init__(
        self, server: Server, collection: str, stage: str, source: random.Random, *, patience_s: float
    ) -> None:
        super().__init__(name=f"killer-{stage}", daemon=True)
        # A commit is short, so its kill follows at once; the others may land anywhere inside the stage.
        longest = {"committing": 0.02, "uploading": 0.1}.get(stage, 0.4)
        self.kill = Kill(stage, source.uniform(0, longest))
        self._server = server
        self._collection = collection
        self._commits = source.randint(1, 3)
        self._patience_s = patience_s
        # Set by whoever uploads: the later stages are waited for when the whole round is acknowledged.
        self.uploaded = threading.Event()

    def run(self) -> None:
        """Waits for the stage, pauses, kills; kills too when looking failed, and then says so."""
        try:
            with Client(self._server.url, timeout_s=10) as client:
                self._wait(client)
        except Exception as error:
            self.kill.error = repr(error)
        self.kill.family = self._server.kill()

    def _wait(self, client: Client) -> None:
        self._look(client)
        ready = self._ready()
        deadline = time.monotonic() + self._patience_s
        while time.monotonic() < deadline:
            idle = self.uploaded.is_set() and self._ready() == len(self.kill.states)
            if self._reached(ready):
                self.kill.hit = True
                # Keep looking during the pause: what was ready at the last look must outlive the kill.
                until = time.monotonic() + self.kill.delay_s
                while time.monotonic() < until:
                    self._look(client)
                return
            if idle:
                # Everything was final before the stage could be seen.
                return
            time.sleep(0.003)
            self._look(client)

    def _reached(self, ready_at_first: int) -> bool:
        if self.kill.stage == "uploading":
            return True
        if not self.uploaded.is_set():
            return False
        if self.kill.stage == "committing":
            return self._ready() - ready_at_first >= self._commits
        return self.kill.stage in self.kill.states.values()

    def _ready(self) -> int:
        return sum(state in FINAL_STATES for state in self.kill.states.values())

    def _look(self, client: Client) -> None:
        try:
            documents = client.documents(self._collection)
        except ServiceError as error:
            # The collection is made by the first upload; until then there is nothing to see.
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return
        self.kill.states = {document["id"]: document["status"] for document in documents}
        ready = [document for document in documents if document["status"] == "ready"]
        self.kill.passages = {document["id"]: document["passages"] for document in ready}
