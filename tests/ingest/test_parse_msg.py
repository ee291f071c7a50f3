"""Outlook messages: the same text as of mail in the internet's format."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from ingest import kinds
from ingest.config import ParseConfig
from ingest.errors import CorruptFile, EncryptedContent
from ingest.parse import parse_bytes
from ingest.parsers import msg
from ingest.parsers.compressed_rtf import decompressed
from ingest.types import BlockKind, Parsed, heading_text
from tests.ingest.ole import container

if TYPE_CHECKING:
    from tests.ingest.ole import Tree

# 2024-10-01 12:34:56 UTC, in tenths of a microsecond since 1601.
SENT = 133722596960000000


def stream(number: str, text: str) -> dict[str, bytes]:
    """A property that is a string."""
    return {f"__substg1.0_{number}001F": text.encode("utf-16-le")}


def properties(header: int, **numbers: int) -> dict[str, bytes]:
    """Properties of fixed size; names are x and the number."""
    packed = b"".join(
        struct.pack("<HHIQ", 0x40 if value > 2**32 else 3, int(name[1:], 16), 6, value)
        for name, value in numbers.items()
    )
    return {"__properties_version1.0": bytes(header) + packed}


def attachment(name: str, data: bytes, **more: bytes) -> Tree:
    """A file that came with the message."""
    return {**properties(8), **stream("3707", name), "__substg1.0_37010102": data, **more}


def recipient(role: int, name: str, address: str) -> Tree:
    """A person: 1 to, 2 cc, 3 bcc."""
    return {**properties(8, x0C15=role), **stream("3001", name), **stream("39FE", address)}


def message(header: int = 32, **more: bytes | Tree) -> Tree:
    """A message with the usual properties."""
    return {
        **properties(header, x0039=SENT),
        **stream("0037", "The roof"),
        **stream("0C1A", "Anna Müller"),
        **stream("5D01", "anna@example.org"),
        **stream("1000", "It leaks.\r\n\r\nBadly.\r\n"),
        "__recip_version1.0_#00000000": recipient(1, "Bo", "bo@example.org"),
        "__recip_version1.0_#00000001": recipient(3, "Secret", "secret@example.org"),
        "__recip_version1.0_#00000002": recipient(2, "cy@example.org", "cy@example.org"),
        **more,
    }


def read(tree: Tree) -> Parsed:
    """The message as the service reads it."""
    media_type, parsed = parse_bytes(container(tree), "x.msg", ParseConfig())
    assert media_type == kinds.MSG
    return parsed


def headings(parsed: Parsed) -> list[tuple[int, str]]:
    """Levels and words of the headings."""
    return [(b.number, heading_text(parsed.text, b)) for b in parsed.blocks if b.kind is BlockKind.HEADING]


def test_subject_people_date_and_body() -> None:
    """Who got a blind copy is not shown."""
    parsed = read(message())

    assert parsed.title == "The roof"
    assert parsed.text == (
        "The roof\n\nFrom: Anna Müller <anna@example.org>\nTo: Bo <bo@example.org>\nCc: cy@example.org\n"
        "Date: Tue, 01 Oct 2024 12:34:56 +0000\n\nIt leaks.\n\nBadly."
    )


def test_attachments_and_messages_inside() -> None:
    """Files are read under their names, pictures of the page are not listed, a message inside is a section."""
    inner = {**properties(8), "__substg1.0_3701000D": message(24)}
    parsed = read(
        message(
            **{
                "__attach_version1.0_#00000000": attachment("fees.csv", b"Tool,Fee\nSaw,3\n"),
                "__attach_version1.0_#00000001": attachment("logo.png", b"\x89PNG", **stream("3712", "logo")),
                "__attach_version1.0_#00000002": inner,
            }
        )
    )

    assert "Attachments: fees.csv\n" in parsed.text
    assert headings(parsed) == [(1, "The roof"), (2, "The roof"), (2, "Attachment: fees.csv")]
    assert parsed.text.endswith("Tool,Fee\nSaw,3\n")


def test_a_page_where_there_is_no_plain_text() -> None:
    """HTML is stored as bytes in the message's code page, strings of old messages too."""
    page = "<p>Größe</p><ul><li>eins</li></ul>".encode("cp1252")
    tree = {**properties(32, x3FDE=1252), "__substg1.0_10130102": page, "__substg1.0_0037001E": b"\xdcber\0"}

    assert read(tree).text == "Über\n\nGröße\n\neins"


def test_an_encrypted_message_says_so() -> None:
    """The body is an attachment that only the recipient can open."""
    locked = attachment("x.asc", b"\n-----BEGIN PGP MESSAGE-----\n")
    tree = message(**stream("1000", ""), **{"__attach_version1.0_#00000000": locked})

    with pytest.raises(EncryptedContent, match="encrypted"):
        read(tree)


def test_a_message_that_carries_a_word_file_is_a_message() -> None:
    """Its bytes contain those of the file."""
    word = "WordDocument".encode("utf-16-le")
    parsed = read(message(**{"__attach_version1.0_#00000000": attachment("old.doc", bytes(600) + word)}))

    assert "Attachments: old.doc" in parsed.text


# The examples of [MS-OXRTFCP], 4.1.1 and 4.1.2.
SIMPLE = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
CROSSING = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (SIMPLE, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"),
        (CROSSING, b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
        (b"\x10\0\0\0\x04\0\0\0MELA\0\0\0\0{\\rt", b"{\\rt"),
    ],
)
def test_compressed_rich_text(packed: bytes, text: bytes) -> None:
    """As the specification's examples say."""
    assert decompressed(packed) == text


def test_a_body_of_rich_text_is_read_as_such_a_file() -> None:
    """Only where there is no other body."""

    def show(data: bytes, filename: str) -> Parsed:
        return Parsed(f"{filename}: {data.decode()}", (), "", "")

    only = container(message(**stream("1000", ""), **{"__substg1.0_10090102": SIMPLE}))
    both = container(message(**{"__substg1.0_10090102": SIMPLE}))

    assert (
        msg.parse(only, show).text.strip().endswith("body.rtf: {\\rtf1\\ansi\\ansicpg1252\\pard hello world}")
    )
    assert "rtf" not in msg.parse(both, show).text


@pytest.mark.parametrize("packed", [b"", SIMPLE.replace(b"LZFu", b"????")])
def test_rich_text_of_unknown_form(packed: bytes) -> None:
    """It is refused."""
    with pytest.raises(CorruptFile, match="Rich Text"):
        decompressed(packed)


def test_damaged_rich_text_ends() -> None:
    """In what can be had; never in a loop, never with more than was declared."""
    assert len(decompressed(SIMPLE[:16] + b"\xff" * 99)) <= 43
    assert decompressed(SIMPLE[:30]).startswith(b"{\\rtf1\\ansi")
