"""Mail: what a person reads of a message, whatever a program made of it."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from ingest.config import ParseConfig
from ingest.errors import CorruptFile, EncryptedContent
from ingest.parse import parse_bytes
from ingest.parsers import eml
from ingest.types import BlockKind, heading_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.parse import Parser
    from ingest.types import Parsed

    Store = Callable[[bytes], Path]


def read(data: bytes, filename: str = "x.eml") -> Parsed:
    """A message with its attachments, as the service reads it."""
    return parse_bytes(data, filename, ParseConfig())[1]


def message(subject: str = "The roof", body: str = "It leaks.\n") -> EmailMessage:
    """A message with the usual headers."""
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = "Anna Müller <anna@example.org>"
    made["To"] = "bo@example.org"
    made["Date"] = "Tue, 01 Oct 2024 12:34:56 -0500"
    made["Received"] = "from a by b"
    made.set_content(body)
    return made


def headings(parsed: Parsed) -> list[tuple[int, str]]:
    """Levels and words of the headings."""
    return [(b.number, heading_text(parsed.text, b)) for b in parsed.blocks if b.kind is BlockKind.HEADING]


def test_subject_headers_and_body() -> None:
    """The subject is title and heading; headers for machines are left out; encoded words are words."""
    parsed = read(bytes(message("Größe: " + "sehr lang " * 12, "Erste Zeile\n\nZweite, mit =20 und ß.\n")))

    subject = ("Größe: " + "sehr lang " * 12).strip()
    assert parsed.title == subject
    assert headings(parsed) == [(1, subject)]
    assert parsed.text == (
        f"{subject}\n\nFrom: Anna Müller <anna@example.org>\nTo: bo@example.org\n"
        "Date: Tue, 01 Oct 2024 12:34:56 -0500\n\nErste Zeile\n\nZweite, mit =20 und ß."
    )


def test_the_plain_form_is_taken_unless_it_is_a_stub() -> None:
    """Of two forms of one text, one is read; pictures that the page shows are not listed."""
    full = message()
    full.add_alternative("<p>It <b>leaks</b> in HTML.</p>", subtype="html")
    assert "It leaks.\n" not in read(bytes(full)).text
    assert "HTML" not in read(bytes(full)).text

    stub = message(body="Please use an HTML viewer.")
    stub.add_alternative(f"<h2>Offer</h2><p>{'The whole text. ' * 20}</p>", subtype="html")
    html_part = stub.get_payload()[1]
    html_part.add_related(b"\x89PNG", "image", "png", cid="<logo>")
    parsed = read(bytes(stub))
    assert "viewer" not in parsed.text
    assert headings(parsed) == [(1, "The roof"), (3, "Offer")]
    assert "Attachments" not in parsed.text


def test_attachments_are_named_and_read() -> None:
    """What can be read follows under its name, with its blocks; what cannot is only named."""
    mail = message()
    mail.add_attachment(b"Town,Area\nRye,5\n", "text", "csv", filename="Übersicht.csv")
    mail.add_attachment(b"\x89PNG\r\n\x1a\n", "image", "png", filename="../../photo.png")
    mail.add_attachment(b"# Notes\ntext", "application", "octet-stream", filename="notes.md")

    parsed = read(bytes(mail))

    assert "Attachments: Übersicht.csv, ../../photo.png, notes.md\n" in parsed.text
    assert headings(parsed) == [
        (1, "The roof"),
        (2, "Attachment: Übersicht.csv"),
        (2, "Attachment: notes.md"),
        (3, "Notes"),
    ]
    (table,) = [b for b in parsed.blocks if b.kind is BlockKind.TABLE]
    assert parsed.text[table.start : table.end] == "Town,Area\nRye,5"


def test_messages_inside() -> None:
    """A forwarded message is a section under its own subject; depth is bounded."""
    mail = message("Fwd")
    mail.add_attachment(message("Inner", "Original words.\n"))
    parsed = read(bytes(mail))
    assert headings(parsed) == [(1, "Fwd"), (2, "Inner")]
    assert parsed.text.endswith("Original words.")

    for _ in range(40):
        outer = message("again")
        outer.add_attachment(mail)
        mail = outer
    assert 5 < len(headings(read(bytes(mail)))) < 30


def test_attached_files_of_messages_are_followed_two_deep() -> None:
    """A message saved as a file and attached, and so on, ends somewhere."""
    inner = message("level 0")
    for level in range(1, 5):
        outer = message(f"level {level}")
        outer.add_attachment(bytes(inner), "application", "octet-stream", filename=f"{level}.eml")
        inner = outer

    text = read(bytes(inner)).text

    assert "level 2" in text
    assert "level 1" not in text
    assert "Attachments: 2.eml" in text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: =?utf-8?q?caf=C3=A9?= =?utf-8?q?_noir?=\n\nx", "café noir\n\nx"),
        (b"Subject: =?no-such?q?x?= \xfcber\n\nx", "x über\n\nx"),
        (b"Subject: =?utf-8?b?!!!?=\n\nbody", None),
        (b"Subject: a\n b\n\tc\n\nx", "a b c\n\nx"),
        (
            b"Subject: s\nContent-Type: text/plain; charset=nonsense\n\nk\xf6nnen Sie das lesen",
            "s\n\nkönnen Sie das lesen",
        ),
        (
            b'Subject: s\nContent-Type: text/plain; charset = "UTF-8"Content-Transfer-Encoding: 8bit\n\nx',
            "s\n\nx",
        ),
        (b"Subject: s\nContent-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQ\n???", None),
        (b"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\npart one", "s\n\npart one"),
        (b"Subject: s\nContent-Type: multipart/mixed\n\nno boundary", None),
        (b"\xef\xbb\xbfSubject: s\r\n\r\nx\r\ny", "s\n\nx\ny"),
        (b"no header at all\n\ntext", None),
        (b"Subject: s\nContent-Type: text/plain\n\n" + bytes(range(256)) * 4, None),
    ],
)
def test_broken_messages_are_still_read(raw: bytes, expected: str | None) -> None:
    """Encoded words of all kinds, unknown character sets, missing ends: text, and no exception."""
    text = read(raw).text

    assert text.strip()
    if expected is not None:
        assert text == expected


def test_flowed_text_has_whole_paragraphs() -> None:
    """Soft line ends of RFC 3676 are no line ends; quotes and signatures keep theirs."""
    header = b"Subject: s\nContent-Type: text/plain; format=flowed\n\n"
    raw = header + b"One long \nparagraph.\n> quoted \n> text\n-- \nAnna\n"

    assert read(raw).text == "s\n\nOne long paragraph.\n> quoted \n> text\n--\nAnna"


def test_utf16_message() -> None:
    """Some programs save mail in the encoding of their screens."""
    raw = "MIME-Version: 1.0\nSubject: Größe\nContent-Type: text/plain; charset=utf-8\n\nfünf\n"

    assert read(raw.encode("utf-16")).text == "Größe\n\nfünf"


def test_an_encrypted_message_says_so() -> None:
    """Without its text a message is not a document."""
    raw = (
        b'Subject: s\nContent-Type: multipart/encrypted; boundary="b"\n\n'
        b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
        b"--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n--b--\n"
    )
    with pytest.raises(EncryptedContent, match="encrypted"):
        read(raw)


def test_mbox_holds_many_messages() -> None:
    """Each is a section; a quoted From line is none, and a locked message does not lock the others."""
    locked = b"Subject: Locked\nContent-Type: application/pkcs7-mime\n\nMIIB\n"
    parts = [bytes(message("One", "a\n\n>From here on\n")), locked, bytes(message("Two"))]
    raw = b"\n".join(b"From a@example.org Mon Jan  1 10:00:00 2024\n" + part for part in parts)

    media_type, parsed = parse_bytes(raw, "inbox.mbox", ParseConfig())

    assert media_type == "application/mbox"
    assert headings(parsed) == [(1, "One"), (1, "Locked"), (1, "Two")]
    assert "\nFrom here on" in parsed.text


def test_a_web_archive_is_a_page() -> None:
    """Browsers save pages as MIME; the page is read, its pictures and styles are not."""
    raw = (
        b"From: <Saved by a browser>\nSubject: Page\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/related; boundary="b"\n\n'
        b"--b\nContent-Type: text/html; charset=utf-8\nContent-Location: http://x/\n\n<h1>Page</h1><p>text</p>\n"
        b"--b\nContent-Type: text/css\nContent-Location: http://x/a.css\n\np {}\n--b--\n"
    )

    text = read(raw, "page.mht").text

    assert "text" in text
    assert "p {}" not in text


def test_without_a_reader_attachments_are_named() -> None:
    """The parser alone opens nothing."""
    mail = message()
    mail.add_attachment(b"secret words", "text", "plain", filename="a.txt")

    assert "secret" not in eml.parse(bytes(mail)).text


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize("data", [OLE, OLE + b"\xff" * 4096, OLE + bytes(4096)])
def test_a_damaged_outlook_message(parser: Parser, store: Store, data: bytes) -> None:
    """A container that cannot be opened is a corrupt file."""
    with pytest.raises(CorruptFile):
        parser.parse(store(data + "__properties_version1.0".encode("utf-16-le")), "x.msg")
