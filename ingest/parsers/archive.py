"""The zip archives that office documents and e-books are: parts by name, each unpacked under a ceiling.

What an archive says of its own sizes is never believed: reading stops at the ceiling. No relation to
anything outside the archive is followed, and only the parts that a parser asks for are unpacked.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote

from ingest.errors import CorruptFile, EncryptedFile, TooLarge
from ingest.parsers.xmltree import SyntaxProblem, children_of, name_of, parse_xml, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

# One part, unpacked. A thousand pages of text make about 30 MiB of XML.
MAX_PART_BYTES = 100 * 1024 * 1024
# All parts that are read, together: a document of many parts each under the ceiling is a bomb too.
MAX_TOTAL_BYTES = 400 * 1024 * 1024
# A presentation of a thousand slides with pictures has about five thousand.
MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Relation:
    """A link from one part to another.

    Attributes:
        kind: The last word of its type, such as ``slide`` or ``notesSlide``.
        target: The other part's name.
    """

    kind: str
    target: str


@contextmanager
def opened(data: bytes, what: str, program: str) -> Iterator[Archive]:
    """An archive for the length of a ``with`` block; what its libraries raise there becomes CorruptFile.

    Args:
        data: The file.
        what: What a person calls it, for the messages: ``Word document``.
        program: What made it, for the messages: ``Word``.

    Raises:
        CorruptFile: The archive or its XML is damaged.
        TooLarge: It has more entries than any document.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            yield Archive(zipped, what, program)
    except (zipfile.BadZipFile, zlib.error, EOFError, SyntaxProblem, NotImplementedError) as error:
        raise CorruptFile(
            f"The {what} is damaged ({error}). Open and save it again in {program}, or upload it again."
        ) from error


class Archive:
    """Reads parts. Names are compared without case, as the packaging standard says (ECMA-376, part 2)."""

    def __init__(self, zipped: zipfile.ZipFile, what: str, program: str) -> None:
        self.what = what
        self.program = program
        self._zipped = zipped
        self._left = MAX_TOTAL_BYTES
        entries = zipped.infolist()
        if len(entries) > MAX_ENTRIES:
            raise TooLarge(f"The {what} is an archive of {len(entries)} files, more than any {what} has.")
        # The first of a name wins. Some programs write the separators of Windows.
        self._entries = {_key(entry.filename): entry for entry in reversed(entries)}

    @property
    def names(self) -> list[str]:
        """All parts, in the archive's order, their names in lower case."""
        return list(reversed(self._entries))

    def read(self, name: str) -> bytes | None:
        """One part, unpacked; None when the archive has none of that name.

        Raises:
            EncryptedFile: The part has a password.
            CorruptFile: Its compression is one that documents do not use and that has no bound on memory.
            TooLarge: It unpacks to more than the ceiling, or all parts so far do.
        """
        part = self.open(name)
        if part is None:
            return None
        with part:
            return part.read()

    def open(self, name: str) -> IO[bytes] | None:
        """A part as a file that ends in TooLarge at the ceiling; else as ``read``."""
        entry = self._entries.get(_key(name))
        if entry is None:
            return None
        if entry.flag_bits & 1:
            raise EncryptedFile(f"The {self.what} needs a password. Remove the password and upload it again.")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise CorruptFile(
                f"The {self.what} is packed in a way that {self.program} does not use; it was not opened."
            )
        try:
            part = self._zipped.open(entry)
        except ValueError as error:
            # A place before the file's beginning.
            raise zipfile.BadZipFile(str(error)) from error
        return io.BufferedReader(_Bounded(self, part, name), 1024 * 1024)

    def xml(self, name: str) -> etree._Element | None:
        """One part, parsed; None when the archive has none of that name, or an empty one."""
        content = self.read(name)
        return parse_xml(content) if content else None

    def relations(self, part: str) -> dict[str, Relation]:
        """What a part links to inside the archive, by the identifiers that it uses."""
        folder, name = posixpath.split(part)
        listed = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        found = {}
        for node in children_of(listed, "Relationship"):
            if value_of(node, "TargetMode").lower() != "external":
                kind = value_of(node, "Type").rpartition("/")[2]
                found[value_of(node, "Id")] = Relation(kind, resolved(part, value_of(node, "Target")))
        return found

    def main_part(self, default: str) -> str:
        """The part that holds the document itself."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument":
                return relation.target
        return default

    def stated_title(self) -> str | None:
        """The title in the properties, which programs fill in too."""
        core = self.xml("docProps/core.xml")
        found = [] if core is None else [node.text for node in core if name_of(node) == "title"]
        return found[0] if found else None

    def spend(self, count: int, name: str, so_far: int) -> None:
        """Count unpacked bytes.

        Raises:
            TooLarge: They are too many.
        """
        self._left -= count
        if so_far > MAX_PART_BYTES:
            raise TooLarge(
                f"The {self.what}'s part {name} unpacks to more than {MAX_PART_BYTES // 2**20} MiB. Split it."
            )
        if self._left < 0:
            raise TooLarge(
                f"The {self.what}'s parts unpack to more than {MAX_TOTAL_BYTES // 2**20} MiB. Split it."
            )


class _Bounded(io.RawIOBase):
    """A part that is counted while it unpacks."""

    def __init__(self, archive: Archive, part: IO[bytes], name: str) -> None:
        self._archive, self._part, self._name = archive, part, name
        self._so_far = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._part.read(len(buffer))
        self._so_far += len(chunk)
        self._archive.spend(len(chunk), self._name, self._so_far)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._part.close()
        super().close()


def resolved(part: str, target: str) -> str:
    """The name of the part that a link in another part means. A link out of the archive finds no part."""
    path = unquote(target.partition("#")[0]).replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), path)).lstrip("/")


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
