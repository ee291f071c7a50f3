"""Any sequence of requests to the HTTP interface, with restarts, kills and restores, against plain dictionaries.

The model knows nothing of the service but the contract: which bytes are which document, what is found, what is gone.
``make states`` runs it for 10,000 operations, the test beside it for a few.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from index.backup import back_up
from index.doctor import examine
from index.restore import restore
from tests.durability.conftest import light
from tests.index.helpers import copy_of_the_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

NAMES = ("a.txt", "b.md", "c.txt")
COLLECTIONS = ("one", "two")
BAD = "%PDF-1.7 nothing "


@dataclass(frozen=True, slots=True)
class Document:
    """What the contract says a document is."""

    collection: str
    filename: str
    canary: str
    content: str
    version: int
    failed: bool = False
    live: str = ""  # The canary that searches find; empty when no version ever was ready.
    earlier: tuple[str, ...] = field(default_factory=tuple)


class ApiMachine(RuleBasedStateMachine):
    """The interface and its model, request by request."""

    # Shared by all machines of a run, also those of subclasses.
    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="footnote-states-"))
        self.folders = 0
        self.made = 0
        self.documents: dict[str, Document] = {}
        self.collections: set[str] = set()
        self.gone: list[tuple[str, str]] = []
        self.replay: tuple[Callable[[], httpx.Response], Any] | None = None
        self.running = ExitStack()
        self.client: httpx.Client

    @initialize()
    def start(self) -> None:
        """An empty folder."""
        self._open(self._new_folder())

    # What changes something.

    @rule(
        collection=st.sampled_from(COLLECTIONS),
        filename=st.sampled_from(NAMES),
        sentences=st.integers(1, 8),
        keyed=st.booleans(),
        wait=st.booleans(),
    )
    def upload(self, collection: str, filename: str, sentences: int, *, keyed: bool, wait: bool) -> None:
        """New bytes: a new document, or the next version of the one of that name."""
        canary, content = self._coin(sentences)
        known = self._named(collection, filename)
        sent = self._send("POST", "/v1/documents", filename, content, collection, keyed=keyed, wait=wait)
        (found,) = sent["documents"]
        assert (found["id"] in self.documents) == (known is not None)
        if known is not None:
            assert found["id"] == known
            self._next_version(known, canary, content)
        else:
            self.collections.add(collection)
            self.documents[found["id"]] = Document(collection, filename, canary, content, 1, live=canary)
        assert found["version"] == self.documents[found["id"]].version

    @rule(collection=st.sampled_from(COLLECTIONS), wait=st.booleans())
    def upload_what_cannot_be_read(self, collection: str, *, wait: bool) -> None:
        """The document is there and failed; nothing of it is found."""
        self.made += 1
        name, content = f"bad{self.made}.pdf", f"{BAD}{self.made}"
        (found,) = self._send("POST", "/v1/documents", name, content, collection, keyed=False, wait=wait)[
            "documents"
        ]
        self.collections.add(collection)
        self.documents[found["id"]] = Document(collection, name, "", content, 1, failed=True)

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def upload_again(self, data: st.DataObject) -> None:
        """The same bytes under the same name are the same version of the same document."""
        document_id = data.draw(st.sampled_from(sorted(self.documents)))
        known = self.documents[document_id]
        if self._named(known.collection, known.filename) != document_id:
            return
        sent = self._send(
            "POST", "/v1/documents", known.filename, known.content, known.collection, keyed=False
        )
        (found,) = sent["documents"]
        assert (found["id"], found["version"]) == (document_id, known.version)

    @precondition(lambda self: any(not known.failed for known in self.documents.values()))
    @rule(data=st.data(), sentences=st.integers(1, 8), keyed=st.booleans(), wait=st.booleans())
    def put(self, data: st.DataObject, sentences: int, *, keyed: bool, wait: bool) -> None:
        """A new version of one document; a text under the name of a PDF would be a PDF that cannot be read."""
        readable = sorted(each for each, known in self.documents.items() if not known.failed)
        document_id = data.draw(st.sampled_from(readable))
        known = self.documents[document_id]
        canary, content = self._coin(sentences)
        url = f"/v1/documents/{document_id}"
        (found,) = self._send("PUT", url, known.filename, content, None, keyed=keyed, wait=wait)["documents"]
        self._next_version(document_id, canary, content)
        assert (found["id"], found["version"]) == (document_id, self.documents[document_id].version)

    @precondition(lambda self: self.documents)
    @rule(data=st.data(), keyed=st.booleans())
    def delete(self, data: st.DataObject, *, keyed: bool) -> None:
        """One document: from its receipt on no route knows it."""
        document_id = data.draw(st.sampled_from(sorted(self.documents)))
        headers = {"Idempotency-Key": f"key-{self.made}-delete-{document_id}"} if keyed else {}
        self._count()
        answer = self.client.delete(f"/v1/documents/{document_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        known = self.documents.pop(document_id)
        self.gone += [(known.collection, each) for each in (known.live, known.canary, *known.earlier) if each]
        if keyed:
            url = f"/v1/documents/{document_id}"
            self.replay = (lambda: self.client.delete(url, headers=headers)), answer.json()
        elif self.replay is not None and _shows(self.replay[1], document_id):
            self.replay = self.replay[0], None
        for part in ("", "/text", "/original", "/pages/1.png"):
            assert self.client.get(f"/v1/documents/{document_id}{part}").status_code == 404

    @rule(collection=st.sampled_from(COLLECTIONS))
    def delete_collection(self, collection: str) -> None:
        """All of its documents, or 404 where there is none of that name."""
        self._count()
        answer = self.client.delete(f"/v1/collections/{collection}")
        if collection not in self.collections:
            assert answer.status_code == 404
            return
        held = {each for each, known in self.documents.items() if known.collection == collection}
        assert {each["id"] for each in answer.json()["documents"]} == held
        self.collections.discard(collection)
        for document_id in held:
            known = self.documents.pop(document_id)
            self.gone += [(collection, each) for each in (known.live, known.canary, *known.earlier) if each]
        self.replay = None

    @rule(collection=st.sampled_from(COLLECTIONS))
    def create_collection(self, collection: str) -> None:
        """Once; then it is a conflict."""
        self._count()
        answer = self.client.post("/v1/collections", json={"name": collection})
        assert answer.status_code == (409 if collection in self.collections else 201)
        self.collections.add(collection)

    @precondition(lambda self: self.replay is not None)
    @rule()
    def send_again(self) -> None:
        """The latest request with a key: its answer again, and nothing done."""
        assert self.replay is not None
        self._count()
        answer = self.replay[0]()
        assert answer.headers["Idempotency-Replayed"] == "true"
        if self.replay[1] is None:
            # Of an answer that showed a document, that it was deleted is all that is left.
            (left,) = answer.json()["documents"]
            assert (left["status"], left["filename"], left["collection"]) == ("deleted", "", "")
        else:
            assert answer.json() == self.replay[1]

    # What asks.

    @rule(limit=st.integers(1, 4))
    def list_in_pages(self, limit: int) -> None:
        """All documents, once each, in whatever pages."""
        found, cursor = [], None
        while True:
            self._count()
            parameters = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = self.client.get("/v1/documents", params=parameters).json()
            found += [each["id"] for each in page["documents"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == sorted(self.documents)

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        """State, text, a part of it, and the original."""
        document_id = data.draw(st.sampled_from(sorted(self.documents)))
        known = self._settled(document_id)
        self._count()
        url = f"/v1/documents/{document_id}"
        text = self.client.get(f"{url}/text")
        if not known.live:
            assert text.status_code == 404
            return
        assert known.live in text.json()["text"]
        if not known.failed:
            assert text.json()["text"] == known.content == self.client.get(f"{url}/original").text
            part = self.client.get(f"{url}/text", params={"start": 2, "end": 9}).json()["text"]
            assert part == known.content[2:9]

    @rule(
        data=st.data(), collection=st.sampled_from(COLLECTIONS), mode=st.sampled_from(["lexical", "hybrid"])
    )
    def search(self, data: st.DataObject, collection: str, mode: str) -> None:
        """Words of live versions are found in their document; those of replaced and deleted ones nowhere."""
        here = {each: known for each, known in self.documents.items() if known.collection == collection}
        words = sorted({known.live for known in here.values() if known.live})
        gone = [word for where, word in self.gone[-30:] if where == collection and word not in words]
        wanted = data.draw(st.sampled_from([*words, *gone] or ["nothing"]))
        for document_id in here:
            self._settled(document_id)
        self._count()
        asked = {"query": f"{wanted} sings", "collection": collection, "mode": mode, "top_k": 50}
        answer = self.client.post("/v1/search", json=asked)
        if collection not in self.collections:
            assert answer.status_code == 404
            return
        found = {each["document_id"] for each in answer.json()["passages"] if wanted in each["text"]}
        assert found == {each for each, known in here.items() if known.live == wanted}

    @precondition(lambda self: any(known.live and not known.failed for known in self.documents.values()))
    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        """Every quote is the stored text to the letter."""
        whole = sorted(each for each, known in self.documents.items() if known.live and not known.failed)
        known = self._settled(data.draw(st.sampled_from(whole)))
        self._count()
        asked = {"question": f"Who is {known.live}?", "collection": known.collection, "mode": "extractive"}
        answer = self.client.post("/v1/ask", json=asked)
        assert answer.status_code == 200, answer.text
        for citation in answer.json()["citations"]:
            where = {name: citation[name] for name in ("version", "start", "end")}
            stored = self.client.get(f"/v1/documents/{citation['document_id']}/text", params=where)
            assert stored.json()["text"] == citation["quote"]

    # What happens to the service.

    @rule(how=st.sampled_from(["stop", "kill", "lose views", "restore"]))
    def restart(self, how: str) -> None:
        """Stopped, killed, with its indexes lost, or restored from a backup that was made while it ran."""
        self.tally["restarts"] += 1
        folder = self.folder
        if how == "kill":
            folder = self._new_folder()
            with self.service.store.database.write():
                # Files are copied one after the other; a real kill stops them all at once.
                copy_of_the_moment(self.folder, folder)
        elif how == "restore":
            back_up(self.folder, self.root / "backups", keep=2)
            folder = self._new_folder()
            restore(self.root / "backups", folder)
        self.running.close()
        if how == "lose views":
            shutil.rmtree(folder / "views", ignore_errors=True)
        self._open(folder)
        self._check_all()

    @invariant()
    def the_listing_is_the_model(self) -> None:
        """Every document of the model and no other, in its newest version."""
        if not hasattr(self, "client"):
            return
        listed = self.client.get("/v1/documents", params={"limit": 1000}).json()["documents"]
        shown = {each["id"]: (each["collection"], each["filename"], each["version"]) for each in listed}
        assert shown == {
            each: (known.collection, known.filename, known.version) for each, known in self.documents.items()
        }

    def teardown(self) -> None:
        """A last look at everything; nothing stays behind."""
        try:
            if hasattr(self, "client"):
                self._check_all()
        finally:
            self.running.close()
            shutil.rmtree(self.root)

    # Steps of the above.

    def _open(self, folder: Path) -> None:
        self.folder = folder
        self.client, self.service = self.running.enter_context(light(folder))

    def _new_folder(self) -> Path:
        self.folders += 1
        return self.root / str(self.folders)

    def _count(self) -> None:
        self.tally["operations"] += 1

    def _coin(self, sentences: int) -> tuple[str, str]:
        self.made += 1
        canary = f"canary{self.made}x"
        return canary, f"# {canary}\n\n" + f"The {canary} sings here. " * sentences

    def _named(self, collection: str, filename: str) -> str | None:
        same = (collection, filename)
        return max((i for i, d in self.documents.items() if (d.collection, d.filename) == same), default=None)

    def _next_version(self, document_id: str, canary: str, content: str) -> None:
        known = self.documents[document_id]
        self.gone += [(known.collection, each) for each in (known.live,) if each]
        self.documents[document_id] = replace(
            known,
            canary=canary,
            content=content,
            version=known.version + 1,
            live=canary,
            failed=False,
            earlier=(*known.earlier, known.canary),
        )

    def _send(
        self,
        method: str,
        url: str,
        filename: str,
        content: str,
        collection: str | None,
        *,
        keyed: bool,
        wait: bool = False,
    ) -> Any:
        self._count()
        headers = {"Idempotency-Key": f"key-{self.made}"} if keyed else {}
        fields = {"wait": str(wait).lower()} | ({"collection": collection} if collection else {})

        def send() -> httpx.Response:
            return self.client.request(
                method, url, files={"file": (filename, content.encode())}, data=fields, headers=headers
            )

        answer = send()
        assert answer.status_code == (201 if wait else 202), answer.text
        if keyed:
            self.replay = send, answer.json()
        return answer.json()

    def _settled(self, document_id: str) -> Document:
        deadline = time.monotonic() + 60
        while True:
            found = self.client.get(f"/v1/documents/{document_id}").json()
            if found["status"] in ("ready", "failed"):
                known = self.documents[document_id]
                assert found["status"] == ("failed" if known.failed else "ready"), found
                return known
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    def _check_all(self) -> None:
        """Every text is the newest, and the doctor finds nothing."""
        self.the_listing_is_the_model()
        for document_id, known in self.documents.items():
            self._settled(document_id)
            if not known.failed:
                text = self.client.get(f"/v1/documents/{document_id}/text").json()["text"]
                assert text == known.content
        report = examine(self.service.store, repair=False)
        assert report.clean, report.findings


def _shows(answer: Any, document_id: str) -> bool:
    """Whether the answer to an upload shows a document."""
    return answer is not None and any(each["id"] == document_id for each in answer.get("documents", ()))
