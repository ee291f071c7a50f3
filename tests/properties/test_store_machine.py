"""Any sequence of uploads, replacements, deletions and restarts, against a dictionary that does the same.

After every step the store shows what the model says: the live documents with their texts, the words that
searches find, and a doctor who finds nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from index.config import JobConfig, ViewConfig
from index.doctor import examine
from index.errors import NotFound
from index.jobs import JobRunner
from index.store import Store
from index.types import Status
from tests.index.helpers import copy_of_the_moment, found_texts, settled, upload

if TYPE_CHECKING:
    from index.types import Submission
    from ingest.pipeline import Pipeline

NAMES = ("a.txt", "b.md", "c.txt")
COLLECTIONS = ("one", "two")
# About a quarter of a minute on two free cores.
STEPS, EXAMPLES = 30, 20


@dataclass(frozen=True, slots=True)
class Document:
    """What the model knows of a document: its newest version and all that it ever held."""

    collection: str
    filename: str
    canary: str
    content: str
    version: int
    formerly: frozenset[str] = frozenset()


class StoreMachine(RuleBasedStateMachine):
    """The store and its model, step by step."""

    pipeline: Pipeline
    exact_up_to: int

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="footnote-machine-"))
        self.opened = 0
        self.counter = 0
        self.documents: dict[str, Document] = {}
        # Pairs of collection and canary.
        self.gone: set[tuple[str, str]] = set()

    @initialize()
    def open_empty(self) -> None:
        """A new folder."""
        self._open(self.root / "0")

    @rule(
        collection=st.sampled_from(COLLECTIONS),
        filename=st.sampled_from(NAMES),
        sentences=st.integers(1, 12),
        ending=st.sampled_from(["wait", "go on", "kill", "reopen", "delete"]),
    )
    def upload_new(self, collection: str, filename: str, sentences: int, ending: str) -> None:
        """New bytes: a new document, or the next version of the one of that name. Something may come between."""
        self.counter += 1
        canary = f"canary{self.counter}x"
        content = f"# {canary}\n\n" + f"The {canary} sings here. " * sentences
        document_id = self._named(collection, filename)
        submission = upload(self.store, filename, content, collection)
        assert submission.is_new
        if document_id is None:
            assert submission.document_id not in self.documents
            self.documents[submission.document_id] = Document(collection, filename, canary, content, 1)
        else:
            assert submission.document_id == document_id
            self._replaced(submission, canary, content)
        self.runner.notify()
        if ending == "wait":
            settled(self.store, submission.document_id)
        elif ending == "kill":
            self.kill()
        elif ending == "reopen":
            self.reopen()
        elif ending == "delete":
            self._delete(submission.document_id)

    @precondition(lambda self: self.documents)
    @rule(data=st.data(), filename=st.sampled_from(NAMES))
    def upload_again(self, data: st.DataObject, filename: str) -> None:
        """The same bytes are the same document and no new work, unless the name is a document's of other bytes."""
        known = self.documents[data.draw(st.sampled_from(sorted(self.documents)))]
        named = self._named(known.collection, filename)
        same = {
            document_id
            for document_id, each in self.documents.items()
            if (each.collection, each.content) == (known.collection, known.content)
        }

        submission = upload(self.store, filename, known.content, known.collection)

        if named is not None and named not in same:
            assert submission.is_new
            assert submission.document_id == named
            self._replaced(submission, known.canary, known.content)
            self.runner.notify()
        else:
            assert not submission.is_new
            assert submission.document_id == (named or max(same))
            assert submission.version == self.documents[submission.document_id].version

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """One document."""
        self._delete(data.draw(st.sampled_from(sorted(self.documents))))

    def _delete(self, document_id: str) -> None:
        known = self.documents.pop(document_id)

        receipt = self.store.delete_document(document_id)

        # Another document that holds the same bytes, or held them once, keeps them.
        kept = {content for each in self.documents.values() for content in {each.content, *each.formerly}}
        assert receipt.original == bool({known.content, *known.formerly} - kept)
        self._lost(known)
        found = found_texts(self.store, known.canary, known.collection)
        assert any(known.canary in text for text in found) == any(
            (each.collection, each.canary) == (known.collection, known.canary)
            for each in self.documents.values()
        )
        with pytest.raises(NotFound):
            self.store.catalog.document(document_id)

    @rule(collection=st.sampled_from(COLLECTIONS))
    def delete_collection(self, collection: str) -> None:
        """All documents of a collection, if there is one of that name."""
        held = {document_id for document_id, each in self.documents.items() if each.collection == collection}
        try:
            receipts = self.store.delete_collection(collection)
        except NotFound:
            assert not held
            return
        assert {receipt.id for receipt in receipts} == held
        for document_id in held:
            self._lost(self.documents.pop(document_id))

    def _named(self, collection: str, filename: str) -> str | None:
        """The newest document of that name."""
        return max(
            (
                document_id
                for document_id, each in self.documents.items()
                if (each.collection, each.filename) == (collection, filename)
            ),
            default=None,
        )

    def _replaced(self, submission: Submission, canary: str, content: str) -> None:
        former = self.documents[submission.document_id]
        assert submission.version == former.version + 1
        self.documents[submission.document_id] = replace(
            former,
            canary=canary,
            content=content,
            version=submission.version,
            formerly=former.formerly | {former.content},
        )
        self._lost(former)

    def _lost(self, former: Document) -> None:
        """What a document held is gone from its collection, unless another there holds the same."""
        if all(
            (each.collection, each.canary) != (former.collection, former.canary)
            for each in self.documents.values()
        ):
            self.gone.add((former.collection, former.canary))

    @rule()
    def flush(self) -> None:
        """Views are written to disk."""
        self.store.flush()

    @rule()
    def reopen(self) -> None:
        """A clean restart."""
        self._close()
        self._open(self.store.folder)

    @rule()
    def kill(self) -> None:
        """A restart from what is on disk at this moment: nothing is flushed or closed before."""
        self.opened += 1
        copy = self.root / str(self.opened)
        with self.store.database.write():
            # Files are copied one after the other; a real kill stops them all at once.
            copy_of_the_moment(self.store.folder, copy)
        self._close()
        self._open(copy)

    @rule(name=st.sampled_from(["dense", "lexical"]), collection=st.sampled_from(COLLECTIONS))
    def lose_a_view(self, name: str, collection: str) -> None:
        """A restart after which one view's files are gone."""
        folder = self.store.folder
        known = {record.name: record.id for record in self.store.catalog.collections()}
        self._close()
        if collection in known:
            (folder / "views" / str(known[collection]) / f"{name}.json").unlink(missing_ok=True)
        self._open(folder)

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        """Every document of the model, and no other, is ready with its newest text, and is found by it."""
        if not hasattr(self, "store"):
            return
        for document_id in self.documents:
            settled(self.store, document_id)
        records = {record.id: record for record in self.store.catalog.documents(None, None, None, 1000)}
        assert set(records) == set(self.documents)
        for document_id, known in self.documents.items():
            record = records[document_id]
            assert (record.status, record.live_version) == (Status.READY, known.version)
            assert self.store.catalog.text(document_id).text == known.content
        for collection in {record.name for record in self.store.catalog.collections()}:
            held = {each.canary: each for each in self.documents.values() if each.collection == collection}
            texts = found_texts(self.store, " ".join(["sings", *sorted(held)]), collection, limit=1000)
            assert all(any(canary in text for text in texts) for canary in held)
            gone = {canary for where, canary in self.gone if where == collection} - set(held)
            assert not any(canary in text for canary in gone for text in texts)
        report = examine(self.store, repair=False)
        assert report.clean, report.findings
        assert report.documents == len(self.documents)

    def teardown(self) -> None:
        """Nothing stays behind."""
        if hasattr(self, "store"):
            self._close()
        shutil.rmtree(self.root)

    def _open(self, folder: Path) -> None:
        self.store = Store(folder, ViewConfig(exact_up_to=self.exact_up_to))
        self.runner = JobRunner(self.store, self.pipeline, JobConfig(workers=1))
        self.runner.start()

    def _close(self) -> None:
        self.runner.stop()
        self.store.close()


@pytest.mark.parametrize("exact_up_to", [1000, 3])
def test_any_sequence_of_steps(pipeline: Pipeline, exact_up_to: int) -> None:
    """Whatever is done in whatever order, the store is as the model at every step; also where views change form."""

    class Machine(StoreMachine):
        """With the session's pipeline."""

    Machine.pipeline, Machine.exact_up_to = pipeline, exact_up_to
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
