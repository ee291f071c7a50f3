"""Outlook messages (.msg): properties in an OLE container, by olefile.

The property numbers are those of [MS-OXPROPS], the layout is that of [MS-OXMSG]
(https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxmsg).
"""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.utils import format_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import olefile

from ingest.errors import CorruptFile, EncryptedContent
from ingest.parsers import html
from ingest.parsers.builder import TextBuilder
from ingest.parsers.compressed_rtf import decompressed
from ingest.parsers.mail import Attachment, Message, better_body, one_line, plain_body, render
from ingest.parsers.text import decode

if TYPE_CHECKING:
    from ingest.parsers.mail import ReadPart
    from ingest.types import Parsed

    Path = tuple[str, ...]

_SUBJECT, _BODY, _PAGE, _RICH, _TRANSPORT_HEADERS = "0037", "1000", "1013", "1009", "007D"
_SENDER_NAME, _SENDER_SMTP, _SENDER_ADDRESS = "0C1A", "5D01", "0C1F"
_NAME, _SMTP, _ADDRESS, _RECIPIENT_TYPE = "3001", "39FE", "3003", 0x0C15
_LONG_FILENAME, _FILENAME, _CONTENT_ID, _DATA = "3707", "3704", "3712", "3701"
_DISPLAY = {"To": "0E04", "Cc": "0E03"}
_RECIPIENTS = {1: "To", 2: "Cc"}
_SUBMITTED, _DELIVERED, _CODE_PAGE, _INTERNET_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE
_UTF8_PAGE = 65001
# The header of a property stream: of the message itself, of one inside it, of recipients and attachments.
_HEADER_BYTES = {"root": 32, "embedded": 24, "part": 8}
_PROPERTY = struct.Struct("<HHI8s")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_PGP = b"-----BEGIN PGP MESSAGE-----"
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emz", ".wmz", ".svg")
_MAX_DEPTH = 8


def parse(data: bytes, read: ReadPart | None = None) -> Parsed:
    """Read an Outlook message.

    Args:
        data: The file.
        read: Reads attachments; without it they are only named.

    Returns:
        The same text as of a message in the internet's format; see ``eml``.

    Raises:
        CorruptFile: The container is damaged.
        EncryptedContent: The message can only be read by its recipient.
    """
    try:
        container = olefile.OleFileIO(io.BytesIO(data))
    except OSError as error:
        raise CorruptFile(f"The Outlook message is damaged: {error}. Save it again and upload it.") from error
    with container:
        reader = _Reader(container)
        message = reader.message((), "root")
        if not any(part.text for part in message.body) and reader.is_locked(message):
            raise EncryptedContent(
                "The message is encrypted for its recipient. Open it in Outlook, save it unencrypted and upload "
                "the result."
            )
    out = TextBuilder()
    render(out, message, read)
    return out.parsed(message.subject, f"msg/olefile-{version('olefile')}")


class _Reader:
    """Reads properties out of the container by the path of their storage."""

    def __init__(self, container: olefile.OleFileIO) -> None:
        self._container = container
        self._streams: dict[Path, Path] = {}
        self._storages: dict[Path, list[str]] = {}
        for path in map(tuple, container.listdir()):
            self._streams[tuple(part.upper() for part in path)] = path
            for depth in range(1, len(path)):
                names = self._storages.setdefault(path[: depth - 1], [])
                if path[depth - 1] not in names[-1:]:
                    names.append(path[depth - 1])

    def message(self, at: Path, kind: str, depth: int = 0) -> Message:
        """The message in a storage."""
        fixed = self._fixed(at, kind)
        page_number = _number(fixed.get(_INTERNET_CODE_PAGE)) or _number(fixed.get(_CODE_PAGE))
        charset = "utf-8" if page_number == _UTF8_PAGE else f"cp{page_number}" if page_number else None
        message = Message(subject=one_line(self._string(at, _SUBJECT, charset)))
        self._headers(message, at, fixed, charset)
        plain, page = plain_body(self._string(at, _BODY, charset)), self._page(at, charset)
        message.body.append(better_body(plain, page) if page else plain)
        if not any(part.text for part in message.body) and (rich := self._stream(at, _RICH, "0102")):
            message.rich = decompressed(rich)
        for name in self._inside(at, "__attach_version1.0_"):
            self._attach(message, (*at, name), charset, depth)
        return message

    def is_locked(self, message: Message) -> bool:
        """Whether a message without a body has it in an encrypted attachment."""
        kind = self._string((), "001A", None).lower()
        locked = any(_PGP in each.data[:1000] for each in message.attachments)
        return locked or kind in {"ipm.note.smime", "ipm.note.secure"}

    def _headers(self, message: Message, at: Path, fixed: dict[int, bytes], charset: str | None) -> None:
        sent = message_from_string(self._string(at, _TRANSPORT_HEADERS, charset))
        name = self._string(at, _SENDER_NAME, charset)
        address = self._string(at, _SENDER_SMTP, charset) or self._string(at, _SENDER_ADDRESS, charset)
        message.header("From", _mailbox(name, address) or str(sent.get("From", "")))
        people: dict[str, list[str]] = {"To": [], "Cc": []}
        for each in self._inside(at, "__recip_version1.0_"):
            path = (*at, each)
            role = _RECIPIENTS.get(_number(self._fixed(path, "part").get(_RECIPIENT_TYPE)))
            address = self._string(path, _SMTP, charset) or self._string(path, _ADDRESS, charset)
            if role and (person := _mailbox(self._string(path, _NAME, charset), address)):
                people[role].append(person)
        for role, found in people.items():
            message.header(role, ", ".join(found) or self._string(at, _DISPLAY[role], charset))
        date = _date(fixed.get(_SUBMITTED)) or _date(fixed.get(_DELIVERED))
        message.header("Date", str(sent.get("Date", "")) or date)

    def _page(self, at: Path, charset: str | None) -> Parsed | None:
        content = self._stream(at, _PAGE, "0102")
        if content:
            return html.parse_text(decode(content, charset)) if charset else html.parse(content)
        text = self._string(at, _PAGE, charset)
        return html.parse_text(text) if text else None

    def _attach(self, message: Message, at: Path, charset: str | None, depth: int) -> None:
        name = self._string(at, _LONG_FILENAME, charset) or self._string(at, _FILENAME, charset)
        inner = (*at, f"__substg1.0_{_DATA}000D")
        if self._stream_path((*inner, "__properties_version1.0")) and depth < _MAX_DEPTH:
            message.forwarded.append(self.message(inner, "embedded", depth + 1))
            return
        name = name or self._string(at, _NAME, charset) or f"attachment-{len(message.attachments) + 1}"
        shown = bool(self._string(at, _CONTENT_ID, charset)) and name.lower().endswith(_PICTURES)
        data = self._stream(at, _DATA, "0102")
        message.attachments.append(Attachment(one_line(name), data, shown=shown))

    def _inside(self, at: Path, prefix: str) -> list[str]:
        """Names of the storages in a storage."""
        return sorted({name for name in self._storages.get(at, []) if name.startswith(prefix)})

    def _string(self, at: Path, number: str, charset: str | None) -> str:
        wide = self._stream(at, number, "001F")
        if wide:
            return wide.decode("utf-16-le", "replace").strip("\x00")
        narrow = self._stream(at, number, "001E")
        return decode(narrow.rstrip(b"\x00"), charset) if narrow else ""

    def _stream(self, at: Path, number: str, kind: str) -> bytes:
        path = self._stream_path((*at, f"__substg1.0_{number}{kind}"))
        return self._container.openstream(list(path)).read() if path else b""

    def _stream_path(self, path: Path) -> Path | None:
        """The path as the container spells it: names count without regard to capitals."""
        return self._streams.get(tuple(part.upper() for part in path))

    def _fixed(self, at: Path, kind: str) -> dict[int, bytes]:
        """Properties of fixed size, by number."""
        path = self._stream_path((*at, "__properties_version1.0"))
        content = self._container.openstream(list(path)).read() if path else b""
        start = _HEADER_BYTES[kind]
        whole = content[start : start + (len(content) - start) // _PROPERTY.size * _PROPERTY.size]
        return {number: value for _, number, _, value in _PROPERTY.iter_unpack(whole)}


def _number(value: bytes | None) -> int:
    return int.from_bytes(value[:4], "little") if value else 0


def _date(value: bytes | None) -> str:
    """A Windows time, counted in tenths of a microsecond, as mail writes dates; empty for one out of range."""
    ticks = int.from_bytes(value, "little") if value else 0
    try:
        return format_datetime(_EPOCH + timedelta(microseconds=ticks // 10)) if ticks else ""
    except OverflowError:
        return ""


def _mailbox(name: str, address: str) -> str:
    """Name and address; an address of Exchange's own form says nothing to a person."""
    if "@" not in address:
        return name
    return f"{name} <{address}>" if name and name.strip("'\"") != address else address
