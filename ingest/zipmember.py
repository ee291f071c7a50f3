"""One member of a ZIP archive: its name, what speaks against reading it, and an archive of it alone."""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ingest.config import MEBIBYTE
from ingest.errors import EncryptedContent, TooLarge, UnsupportedType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE = 1 * MEBIBYTE
_ENCRYPTED_FLAG = 0x1
_UTF8_FLAG = 0x800
# What operating systems and tools leave in archives; nobody means it as a document.
_SYSTEM = re.compile(r"__MACOSX|\..*|Thumbs\.db|desktop\.ini|~\$.*", re.IGNORECASE)
# The records of https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16.
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DEFLATE_VERSION = 20
_MAX_NAME = 255
_MAX_FIELD = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        filename: Archive and path in it, for showing, as ``rules.zip/2024/fees.txt``.
        info: Where it is.
    """

    filename: str
    info: zipfile.ZipInfo


def members_of(infos: Sequence[zipfile.ZipInfo], filename: str) -> list[Member]:
    """The files, without folders, links and what systems leave behind, under names that are safe to show."""
    found = []
    for info in infos:
        parts = _safe_parts(_name(info))
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if info.is_dir() or is_link or not parts or any(_SYSTEM.fullmatch(part) for part in parts):
            continue
        found.append(Member("/".join([filename, *parts])[-_MAX_NAME:], info))
    return found


def refuse_member(info: zipfile.ZipInfo, max_bytes: int) -> None:
    """Check what an archive says of a member.

    Raises:
        EncryptedContent: It needs a password.
        UnsupportedType: It is packed by a method other than the usual one.
        TooLarge: It has more bytes than allowed.
    """
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise EncryptedContent(
            "The file needs a password to be unpacked. Remove the password from the archive and upload it again."
        )
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise UnsupportedType(
            f"The file is packed by method {info.compress_type}, which is not read here. Pack the archive again as "
            "an ordinary zip (deflate)."
        )
    if info.file_size > max_bytes:
        raise TooLarge(
            f"The file has {info.file_size:,} bytes, more than the ceiling of {max_bytes:,}. Split it."
        )


def _name(info: zipfile.ZipInfo) -> str:
    """The name as its owner wrote it: many programs write UTF-8 without saying so."""
    if info.flag_bits & _UTF8_FLAG:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437", "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return info.orig_filename


def _safe_parts(name: str) -> list[str]:
    """A path's parts without those that lead elsewhere, and without characters that cannot be seen."""
    parts = []
    for part in re.split(r"[/\\]", re.sub(r"\A[A-Za-z]:", "", name)):
        shown = "".join(c for c in part if unicodedata.category(c) not in {"Cc", "Cs", "Cf"}).strip()
        if shown.strip("."):
            parts.append(shown)
    return parts


def alone(info: zipfile.ZipInfo, file: IO[bytes], stored: int) -> Iterator[bytes]:
    """A zip of one member, its stored bytes those that the file gives next."""
    name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_FLAG else "cp437", "replace")
    year, month, day, hour, minute, second = info.date_time
    time = hour << 11 | minute << 5 | second // 2
    date = max(0, year - 1980) << 9 | month << 5 | day
    described = (
        info.flag_bits,
        info.compress_type,
        time,
        date,
        info.CRC,
        stored,
        min(info.file_size, _MAX_FIELD),
    )
    version, lengths = _DEFLATE_VERSION, (len(name), len(info.extra))
    local = LOCAL_HEADER.pack(b"PK\x03\x04", version, *described, *lengths) + name + info.extra
    central = (
        _CENTRAL.pack(b"PK\x01\x02", version, version, *described, *lengths, 0, 0, 0, 0, 0)
        + name
        + info.extra
    )
    yield local
    left = stored
    while left and (piece := file.read(min(left, _PIECE))):
        left -= len(piece)
        yield piece
    yield central
    yield _END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local) + stored, 0)
