"""Originals on disk: whole or not there, under the hash of their bytes and under no other name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from index.blobs import Blobs
from index.errors import NotFound
from tests.index.helpers import upload

if TYPE_CHECKING:
    from pathlib import Path

    from index.store import Store


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty folder of originals."""
    return Blobs(tmp_path / "originals")


def keep(blobs: Blobs, *parts: bytes) -> str:
    """Store an original that arrives in parts."""
    writer = blobs.writer()
    for part in parts:
        writer.write(part)
    sha256 = writer.seal()
    writer.keep(blobs.path(sha256))
    return sha256


@pytest.mark.parametrize("parts", [(b"",), (b"one",), (b"one", b"", b"two\x00"), (b"x" * 3_000_000, b"y")])
def test_bytes_come_back_as_they_arrived(blobs: Blobs, parts: tuple[bytes, ...]) -> None:
    """In any number of parts, with their hash for a name."""
    content = b"".join(parts)

    sha256 = keep(blobs, *parts)

    assert sha256 == hashlib.sha256(content).hexdigest()
    assert blobs.path(sha256).read_bytes() == content
    assert blobs.is_intact(sha256)
    assert blobs.stored() == {sha256}


def test_the_size_is_counted_as_it_arrives(blobs: Blobs) -> None:
    """So that an upload can be stopped at the ceiling."""
    writer = blobs.writer()
    writer.write(b"12345")
    writer.write(b"678")

    assert writer.size == 8
    writer.discard()


def test_what_is_not_kept_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    """Discarded before or after it was sealed, and twice."""
    for seal in (True, False):
        writer = blobs.writer()
        writer.write(b"data")
        if seal:
            writer.seal()
        writer.discard()
        writer.discard()

    assert list((tmp_path / "originals").iterdir()) == []


def test_keeping_the_same_bytes_twice_keeps_them_once(blobs: Blobs, tmp_path: Path) -> None:
    """One file, and no left-over of the second."""
    assert keep(blobs, b"same") == keep(blobs, b"same")
    assert len(blobs.stored()) == 1
    assert sum(path.is_file() for path in (tmp_path / "originals").rglob("*")) == 1


def test_an_upload_that_a_crash_cut_off_is_cleared_away(blobs: Blobs, tmp_path: Path) -> None:
    """Opening the folder removes half-written uploads and nothing else."""
    sha256 = keep(blobs, b"whole")
    cut_off = blobs.writer()
    cut_off.write(b"half")

    again = Blobs(tmp_path / "originals")
    cut_off.discard()

    assert again.is_intact(sha256)
    assert [path.name for path in (tmp_path / "originals").iterdir()] == [sha256[:2]]


def test_removing(blobs: Blobs) -> None:
    """Removed is removed; what is not there is no error; others stay."""
    one, two = keep(blobs, b"one"), keep(blobs, b"two")

    blobs.remove([one, "0" * 64, one])

    assert blobs.stored() == {two}
    assert not blobs.is_intact(one)


def test_changed_bytes_are_noticed(blobs: Blobs) -> None:
    """An original that is shorter, longer or different is not intact."""
    sha256 = keep(blobs, b"content")
    for content in (b"", b"conten", b"content ", b"c0ntent"):
        blobs.path(sha256).write_bytes(content)
        assert not blobs.is_intact(sha256)


def test_names_from_outside_are_never_paths(store: Store) -> None:
    """A file name that climbs out of the folder is only remembered."""
    name = "../../../../etc/passwd\n\x7f<b>"

    document_id = upload(store, name, "text").document_id

    assert store.catalog.document(document_id).filename == name
    files = {path.name for path in store.folder.rglob("*") if path.is_file() and path.parent.name != "data"}
    assert files == {hashlib.sha256(b"text").hexdigest()}


def test_an_upload_for_an_unknown_document_leaves_nothing(store: Store) -> None:
    """Bytes that nothing will refer to are not kept; those that something refers to stay."""
    with pytest.raises(NotFound):
        upload(store, "a.txt", "text", document_id="doc_unknown")
    assert store.blobs.stored() == set()

    document_id = upload(store, "a.txt", "text").document_id
    with pytest.raises(NotFound):
        upload(store, "a.txt", "text", document_id="doc_unknown")

    assert store.original(document_id).read_bytes() == b"text"


def test_uploading_again_heals_a_damaged_original(store: Store) -> None:
    """The same bytes again make the original whole, and are still no new version."""
    first = upload(store, "a.txt", "text")
    store.original(first.document_id).write_bytes(b"damaged")

    again = upload(store, "a.txt", "text")

    assert (again.document_id, again.version, again.is_new) == (first.document_id, 1, False)
    assert store.original(first.document_id).read_bytes() == b"text"
