"""Archives as sets of files, and archives made to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from ingest import media
from ingest.bundle import Bundle, BundleConfig, is_bundle
from ingest.errors import CorruptFile, EncryptedContent, NoText, ParseError, TooLarge, UnsupportedType

if TYPE_CHECKING:
    from collections.abc import Mapping


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def unpacked(data: bytes, config: BundleConfig | None = None) -> dict[str, bytes | ParseError]:
    """What each member gives: its bytes, or the error that reading its wrapping ends in."""
    found: dict[str, bytes | ParseError] = {}
    with Bundle(io.BytesIO(data), "a.zip", config) as bundle:
        for member in bundle.members:
            out = io.BytesIO()
            error = bundle.copy(member, out.write)
            # Reading it as a document knows the usual ceilings only.
            if error is not None and config is None:
                with pytest.raises(type(error)) as caught:
                    media.detect(b"".join(bundle.wrapped(member)), member.filename)
                assert str(caught.value) == str(error)
            found[member.filename] = error or out.getvalue()
    return found


def with_flag(data: bytes, name: bytes, flag: int) -> bytes:
    """The archive with a flag set in both headers of a member."""
    changed = bytearray(data)
    for mark, at, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        start = changed.find(mark)
        while changed[start + name_at : start + name_at + len(name)] != name:
            start = changed.index(mark, start + 1)
        (flags,) = struct.unpack_from("<H", changed, start + at)
        struct.pack_into("<H", changed, start + at, flags | flag)
    return bytes(changed)


def test_members_are_named_after_the_archive_and_their_path() -> None:
    """Folders, hidden files and what systems leave behind are no members."""
    data = packed(
        {
            "a.txt": b"one",
            "deep/": b"",
            "deep/b.txt": b"two" * 1000,
            "__MACOSX/deep/._b.txt": b"x",
            ".git/config": b"x",
            "deep/.DS_Store": b"x",
            "Thumbs.db": b"x",
        }
    )

    assert unpacked(data) == {"a.zip/a.txt": b"one", "a.zip/deep/b.txt": b"two" * 1000}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\x.txt", "Windows/x.txt"),
        ("a/./b/../c.txt", "a/b/c.txt"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("line\nend.txt", "lineend.txt"),
    ],
)
def test_names_are_made_safe(name: str, shown: str) -> None:
    """A name is for showing: nothing in it leads out of the archive or hides."""
    assert list(unpacked(packed({name: b"x"}))) == [f"a.zip/{shown}"]


def test_names_in_utf8_without_a_flag() -> None:
    """Several programs write them so."""
    (name,) = unpacked(packed({"Gr??e.txt": b"x"}).replace(b"Gr??e", "Grüe".encode()))

    assert name == "a.zip/Grüe.txt"


def test_links_are_no_members() -> None:
    """What a link points to is not in the archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.txt", "text")

    assert list(unpacked(target.getvalue())) == ["a.zip/a.txt"]


def test_one_bad_member_does_not_block_the_others() -> None:
    """A password, a broken checksum and a strange method each cost their own file."""
    data = packed(
        {"good.txt": b"fine", "locked.docx": b"secret", "broken.txt": b"checked" * 9, "end.txt": b"end"}
    )
    data = with_flag(data, b"locked.docx", 1)
    at = data.index(b"broken.txt") + len(b"broken.txt") + 3
    data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

    found = unpacked(data)

    assert (found["a.zip/good.txt"], found["a.zip/end.txt"]) == (b"fine", b"end")
    assert isinstance(found["a.zip/locked.docx"], EncryptedContent)
    assert isinstance(found["a.zip/broken.txt"], CorruptFile)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_bounds_are_refused(method: int) -> None:
    """The standard library inflates these without a limit."""
    (error,) = unpacked(packed({"a.txt": b"x" * 1000}, method)).values()

    assert isinstance(error, UnsupportedType)


def test_a_wrapped_member_is_as_it_was() -> None:
    """Who has the password can still unpack what the service stored."""
    content = packed({"a/b.txt": b"text" * 99, "c.txt": b"other"})
    with Bundle(io.BytesIO(content), "a.zip") as bundle:
        alone = b"".join(bundle.wrapped(bundle.members[0]))

    with zipfile.ZipFile(io.BytesIO(alone)) as archive:
        assert archive.namelist() == ["a/b.txt"]
        assert archive.read("a/b.txt") == b"text" * 99


def test_ceilings() -> None:
    """Files, bytes of one and bytes of all are bounded; what is too much is said."""
    data = packed({f"{n}.txt": bytes(1000) for n in range(10)})

    with pytest.raises(TooLarge, match="10 files"):
        unpacked(data, BundleConfig(max_members=9))
    with pytest.raises(TooLarge, match="10,000 bytes together"):
        unpacked(data, BundleConfig(max_total_bytes=9_999))
    with pytest.raises(TooLarge, match="directory"):
        unpacked(data, BundleConfig(max_directory_bytes=300))
    found = unpacked(packed({"big": bytes(300), "small": b"x"}), BundleConfig(max_member_bytes=200))
    assert isinstance(found["a.zip/big"], TooLarge)
    assert found["a.zip/small"] == b"x"


def test_a_size_that_lies_stops_at_what_was_declared() -> None:
    """A member that inflates to more than it says is damaged, and no more than it says is written."""
    data = packed({"a.txt": bytes(10_000_000)})
    size = struct.pack("<L", 10_000_000)
    lying = data.replace(size, struct.pack("<L", 1000))
    assert lying.count(struct.pack("<L", 1000)) >= 2
    written: list[int] = []

    with Bundle(io.BytesIO(lying), "a.zip") as bundle:
        error = bundle.copy(bundle.members[0], lambda piece: written.append(len(piece)))

    assert isinstance(error, CorruptFile)
    assert sum(written) <= 1000


def test_members_that_share_their_bytes_do_not_multiply_them() -> None:
    """Locked members over the same stored bytes are copied out only up to the ceiling."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt", bytes(50_000))
        for n in range(99):
            info = archive.infolist()[0]
            copy = zipfile.ZipInfo(f"{n}.txt")
            for field in ("CRC", "compress_size", "file_size", "header_offset", "flag_bits", "compress_type"):
                setattr(copy, field, getattr(info, field))
            copy.flag_bits |= 1
            archive.filelist.append(copy)
    config = BundleConfig(max_total_bytes=5_000_000)

    with Bundle(io.BytesIO(target.getvalue()), "a.zip", config) as bundle:
        sizes = [len(b"".join(bundle.wrapped(member))) for member in bundle.members]

    assert len(sizes) == 100
    assert sum(sizes) < 5_100_000


@pytest.mark.parametrize(
    ("files", "filename", "expected"),
    [
        ({"a.txt": b"x"}, "files.zip", True),
        ({"a.txt": b"x"}, "FILES.ZIP", True),
        ({"a.txt": b"x"}, "files", True),
        ({"sub/[Content_Types].xml": b"x"}, "files.zip", True),
        ({"a.txt": b"x"}, "files.docx", False),
        ({"[Content_Types].xml": b"x", "word/document.xml": b"x"}, "report.zip", False),
        ({"mimetype": b"x", "content.xml": b"x"}, "text.zip", False),
        ({"META-INF/MANIFEST.MF": b"x"}, "program.zip", False),
    ],
)
def test_which_zips_are_sets_of_files(files: Mapping[str, bytes], filename: str, expected: bool) -> None:
    """Office files, e-books and programs stay what they are, whatever they are called."""
    data = io.BytesIO(packed(files))

    assert is_bundle(data, filename) is expected
    assert data.tell() == 0


@pytest.mark.parametrize("data", [b"", b"PK", b"no archive", b"PK\x03\x04" + bytes(99)])
def test_what_is_no_archive(data: bytes) -> None:
    """It is stored as it is."""
    assert not is_bundle(io.BytesIO(data), "x.zip")


def test_an_archive_of_nothing() -> None:
    """It has no text, and says so when it is read as a document."""
    with pytest.raises(NoText, match="no files"):
        unpacked(packed({"folder/": b"", ".DS_Store": b"x"}))
    with pytest.raises(NoText, match="no files"):
        media.detect(packed({"folder/": b""}), "x.zip")


def test_an_archive_inside_is_refused() -> None:
    """It is handed on as the file that it is, and fails as a document."""
    inner = packed({"a.txt": b"text", "b.txt": b"text"})

    assert unpacked(packed({"inner.zip": inner})) == {"a.zip/inner.zip": inner}
    with pytest.raises(UnsupportedType, match="Unpack it"):
        media.detect(inner, "a.zip/inner.zip")
