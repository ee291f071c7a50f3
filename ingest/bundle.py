"""A ZIP archive as a set of files: each member becomes a document of its own.

The archive comes from a stranger and is opened in the process that takes uploads, so nothing in it is believed:
its directory is read only up to a size, members are inflated piece by piece up to a size each and all together,
and their names are shown and never used as paths. A member that cannot be had as a file is handed on as an
archive of that member alone, its bytes as they were; reading it as a document then fails with the reason.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Self, cast

from ingest.config import MEBIBYTE
from ingest.errors import CorruptFile, NoText, ParseError, TooLarge
from ingest.zipmember import LOCAL_HEADER, alone, members_of, refuse_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.zipmember import Member

    # Takes the bytes of one member as they are inflated.
    Write = Callable[[bytes], object]

_PIECE = 1 * MEBIBYTE
_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
# What an archive's name may end in: another suffix promises another kind of file that is a zip inside.
_SUFFIXES = {".zip", ""}
# Members by which a zip is one document, or a program, and no set of files.
PACKAGE = re.compile(
    r"\[Content_Types\]\.xml|mimetype|META-INF/(?:container\.xml|manifest\.xml|MANIFEST\.MF)|AndroidManifest\.xml"
)


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """Ceilings for one archive."""

    # Files in one archive, those that are skipped not counted.
    max_members: int = 5_000
    # Bytes of one file, inflated.
    max_member_bytes: int = 200 * MEBIBYTE
    # Bytes of all files together, inflated.
    max_total_bytes: int = 2048 * MEBIBYTE
    # Bytes of the archive's directory: about 300 for a file.
    max_directory_bytes: int = 4 * MEBIBYTE


class Bundle:
    """An archive, opened. Use it as a context manager.

    Args:
        file: The archive; read and sought in, never closed.
        filename: As uploaded.
        config: Ceilings.

    Raises:
        ParseError: It cannot be taken apart; stored as it is, it fails as a document for the same reason.
    """

    def __init__(self, file: IO[bytes], filename: str, config: BundleConfig | None = None) -> None:
        self._config = config or BundleConfig()
        self._file = file
        try:
            self._archive = zipfile.ZipFile(_guarded(file, self._config.max_directory_bytes))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
            raise CorruptFile(f"The archive is damaged: {error}. Pack it again.") from error
        self.members = members_of(self._archive.infolist(), filename)
        if not self.members:
            raise NoText("The archive holds no files.")
        if len(self.members) > self._config.max_members:
            raise TooLarge(
                f"The archive has {len(self.members)} files, more than the ceiling of {self._config.max_members}. "
                "Split it."
            )
        # What is declared is what is inflated at most, see below; a lie costs the member that tells it.
        total = sum(member.info.file_size for member in self.members)
        if total > self._config.max_total_bytes:
            raise TooLarge(
                f"The files of the archive have {total:,} bytes together, more than the ceiling of "
                f"{self._config.max_total_bytes:,}. Split it."
            )
        self._left = self._config.max_total_bytes

    def copy(self, member: Member, write: Write) -> ParseError | None:
        """Inflate a member, or say why not.

        Args:
            member: One of ``members``.
            write: Called with each piece. What it has got is worth nothing when an error is returned.

        Returns:
            None, or the reason for which the member is no file to be read. ``wrapped`` then gives it as it is.
        """
        try:
            self._inflate(member.info, write)
        except ParseError as error:
            return error
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            ValueError,
            struct.error,
            NotImplementedError,
        ) as error:
            return CorruptFile(f"The file is damaged inside its archive: {error}. Pack it again.")
        return None

    def wrapped(self, member: Member) -> Iterator[bytes]:
        """An archive of this member alone, its stored bytes unchanged."""
        info = member.info
        self._file.seek(0, io.SEEK_END)
        end = self._file.tell()
        self._file.seek(max(0, info.header_offset))
        header = self._file.read(LOCAL_HEADER.size)
        start = max(0, info.header_offset) + LOCAL_HEADER.size
        if len(header) == LOCAL_HEADER.size and header.startswith(_SIGNATURES[0]):
            start += sum(LOCAL_HEADER.unpack(header)[-2:])
        stored = max(0, min(info.compress_size, end - start))
        if stored > self._left:
            # Members may share their bytes; copied out, these would fill the disk. The reason stands in the headers.
            stored = 0
        self._left -= stored
        self._file.seek(start)
        return alone(info, self._file, stored)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def _inflate(self, info: zipfile.ZipInfo, write: Write) -> None:
        if info.header_offset < 0:
            raise CorruptFile("The file is said to stand before the archive's start. Pack it again.")
        refuse_member(info, self._config.max_member_bytes)
        with self._archive.open(info) as source:
            # Never more than was declared: the reader stops there, and the checksum tells that it was a lie.
            while piece := source.read(_PIECE):
                write(piece)


def is_bundle(file: IO[bytes], filename: str, config: BundleConfig | None = None) -> bool:
    """Whether a file is a plain archive: not an Office file, an e-book or a program, which are zips as well.

    Args:
        file: Left at its start.
        filename: As uploaded.
        config: Ceilings.
    """
    if PurePosixPath(filename.lower()).suffix not in _SUFFIXES:
        return False
    file.seek(0)
    try:
        if not file.read(4).startswith(_SIGNATURES):
            return False
        with zipfile.ZipFile(_guarded(file, (config or BundleConfig()).max_directory_bytes)) as archive:
            return not any(PACKAGE.fullmatch(name) for name in archive.namelist())
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        EOFError,
        struct.error,
        CorruptFile,
        TooLarge,
    ):
        # Damaged or too large: one document, that fails with the reason.
        return False
    finally:
        file.seek(0)


def explain(data: bytes, config: BundleConfig | None = None) -> None:
    """Say why an archive, or the one member in it, was not taken apart.

    Args:
        data: A plain archive.
        config: Ceilings, those of the upload.

    Raises:
        ParseError: The reason. Without one nothing is raised: the archive was inside another.
    """
    with Bundle(io.BytesIO(data), "", config) as bundle:
        if len(bundle.members) == 1 and (reason := bundle.copy(bundle.members[0], len)):
            raise reason


def _guarded(file: IO[bytes], limit: int) -> IO[bytes]:
    # zipfile asks for no more of a file than this class has.
    return cast("IO[bytes]", _Guarded(file, limit))


class _Guarded:
    """A file that gives no more than a limit at once: the directory is read in one piece of a declared size."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self.seek = file.seek
        self.tell = file.tell

    def seekable(self) -> bool:
        """Always: an upload is in memory or on disk."""
        return True

    def read(self, size: int = -1) -> bytes:
        """As of a file.

        Raises:
            TooLarge: The directory has more bytes than allowed.
        """
        found = self._file.read(min(size, self._limit + 1) if size >= 0 else self._limit + 1)
        if len(found) > self._limit:
            raise TooLarge(f"The archive's directory has more than {self._limit:,} bytes. Split the archive.")
        return found
