"""Archives made by strangers: sizes that lie, parts without end, passwords, links to elsewhere."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from ingest.errors import CorruptFile, EncryptedFile, TooLarge
from ingest.parsers import archive as packed
from ingest.parsers.archive import Relation, opened, resolved

Pack = Callable[[dict[str, str | bytes]], bytes]
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'


def test_parts_by_name_without_case(pack: Pack) -> None:
    """Programs disagree about case, separators and a leading slash."""
    with opened(pack({"XL\\Workbook.xml": b"x", "a/b": b""}), "workbook", "Excel") as archive:
        assert archive.read("/xl/workbook.xml") == b"x"
        assert archive.read("a/c") is None
        assert archive.xml("a/b") is None
        assert archive.names == ["xl/workbook.xml", "a/b"]


def test_the_first_of_two_parts_of_a_name_wins() -> None:
    """Two parts of one name cannot make two readers see two documents."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as written:
        written.writestr("a.xml", "first")
        written.writestr("A.xml", "second")

    with opened(target.getvalue(), "workbook", "Excel") as archive:
        assert archive.read("a.xml") == b"first"


def test_relations_outside_the_archive_are_none(pack: Pack) -> None:
    """External links are left out; a path that climbs out of the archive finds no part."""
    relations = (
        f'<Relationships {PACKAGE}><Relationship Id="r1" Type="x/slide" Target="slides/a%20b.xml"/>'
        '<Relationship Id="r2" Type="x/image" Target="http://127.0.0.1/" TargetMode="External"/>'
        '<Relationship Id="r3" Type="x/image" Target="../../../etc/passwd"/></Relationships>'
    )
    data = pack({"ppt/_rels/main.xml.rels": relations})

    with opened(data, "presentation", "PowerPoint") as archive:
        assert archive.relations("ppt/main.xml") == {
            "r1": Relation("slide", "ppt/slides/a b.xml"),
            "r3": Relation("image", "etc/passwd"),
        }
        assert archive.read("etc/passwd") is None


@pytest.mark.parametrize(
    ("part", "target", "expected"),
    [
        ("a/b.xml", "c.xml#top", "a/c.xml"),
        ("a/b.xml", "/c.xml", "c.xml"),
        ("a/b.xml", "..\\d\\c.xml", "d/c.xml"),
        ("b.xml", "../../c.xml", "c.xml"),
    ],
)
def test_resolved(part: str, target: str, expected: str) -> None:
    """Links are relative to the part that they stand in."""
    assert resolved(part, target) == expected


def test_unpacking_stops_at_the_ceilings(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part, and all parts that were read together, have a ceiling each."""
    monkeypatch.setattr(packed, "MAX_PART_BYTES", 3000)
    monkeypatch.setattr(packed, "MAX_TOTAL_BYTES", 5000)
    data = pack({"a": b" " * 3000, "b": b" " * 3000, "c": b" " * 3001})

    with opened(data, "workbook", "Excel") as archive:
        assert archive.read("a") == b" " * 3000
        with pytest.raises(TooLarge, match="parts unpack to more"):
            archive.read("b")
    with opened(data, "workbook", "Excel") as archive, pytest.raises(TooLarge, match="part c unpacks"):
        archive.read("c")


def test_too_many_entries(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of more files than any document has is refused before any is read."""
    monkeypatch.setattr(packed, "MAX_ENTRIES", 2)

    with (
        pytest.raises(TooLarge, match="archive of 3 files"),
        opened(pack({"a": b"", "b": b"", "c": b""}), "workbook", "Excel"),
    ):
        pass


def test_passwords_damage_and_odd_compression(pack: Pack) -> None:
    """Each ends in the error that says so."""
    data = bytearray(pack({"a.xml": b"<a/>"}))
    locked = bytearray(data)
    # Bit 0 of the flags, in the entry's own header and in the directory.
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(header) + offset] |= 1
    with (
        opened(bytes(locked), "workbook", "Excel") as archive,
        pytest.raises(EncryptedFile, match="password"),
    ):
        archive.read("a.xml")
    with pytest.raises(CorruptFile, match="workbook is damaged"), opened(b"PK", "workbook", "Excel"):
        pass
    with (
        pytest.raises(CorruptFile, match="workbook is damaged"),
        opened(pack({"a.xml": b"<a>"}), "workbook", "Excel") as archive,
    ):
        archive.xml("a.xml")
    # The directory says that the entry begins before the file does.
    data[data.index(b"PK\x05\x06") + 16] += 1
    with (
        pytest.raises(CorruptFile, match="workbook is damaged"),
        opened(bytes(data), "workbook", "Excel") as archive,
    ):
        archive.read("a.xml")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as written:
        written.writestr("a.xml", "<a/>")
    with (
        opened(target.getvalue(), "workbook", "Excel") as archive,
        pytest.raises(CorruptFile, match="packed"),
    ):
        archive.read("a.xml")
