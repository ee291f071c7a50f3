"""What OpenDocument texts, presentations and spreadsheets have in common (ODF 1.3, part 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.errors import EncryptedFile
from ingest.parsers.titles import meant_title
from ingest.parsers.xmltree import below, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.parsers.archive import Archive

WHAT, PROGRAM = "OpenDocument file", "LibreOffice"
# Elements inside a paragraph or around paragraphs that hold no text of the document.
SKIPPED = {
    "tracked-changes", "annotation", "annotation-end", "note-citation", "ruby-text", "hidden-text", "number",
    "hidden-paragraph", "event-listeners", "title", "desc", "forms", "sequence-decls", "glue-point",
}  # fmt: skip
_ANCHORED = {
    "note", "frame", "custom-shape", "rect", "ellipse", "g", "text-box", "caption", "path", "polygon",
}  # fmt: skip
# White space as ODF has it: runs of it are one space, what is meant to stay is an element.
_SPACE = re.compile(r"[ \t\n\r]+")
_MAX_SPACES = 100
_MAX_DIGITS = 8


def check_password(archive: Archive) -> None:
    """Raises EncryptedFile if the manifest names parts that need a password."""
    if next(below(archive.xml("META-INF/manifest.xml"), "encryption-data"), None) is not None:
        raise EncryptedFile(
            f"The {WHAT} needs a password to be opened. Remove the password and upload it again."
        )


def stated_title(archive: Archive) -> str:
    """The title in the properties, if somebody meant it."""
    return meant_title(next((node.text for node in below(archive.xml("meta.xml"), "title")), None))


def inline_text(node: etree._Element) -> str:
    """A paragraph's own text, without what is anchored in it."""
    return "".join(inline(node, [], set()))


def inline(node: etree._Element, after: list[etree._Element], hidden: set[str]) -> Iterator[str]:
    """A paragraph's text in pieces.

    Args:
        node: The paragraph, or an element in it.
        after: Takes the notes and frames that are anchored in it.
        hidden: Styles whose text is not shown.
    """
    yield _SPACE.sub(" ", node.text or "")
    for child in node:
        name = name_of(child)
        if name == "s":
            yield " " * min(times(child, "c"), _MAX_SPACES)
        elif name == "tab":
            yield "\t"
        elif name == "line-break":
            yield "\n"
        elif name in _ANCHORED:
            after.append(child)
        elif name and name not in SKIPPED and value_of(child, "style-name") not in hidden:
            yield from inline(child, after, hidden)
        yield _SPACE.sub(" ", child.tail or "")


def times(node: etree._Element, attribute: str) -> int:
    """How many times an element stands for itself, or how many places it spans."""
    stated = value_of(node, attribute)
    # Eight digits are more than any sheet has places.
    return int(stated) if stated.isdecimal() and 0 < len(stated) <= _MAX_DIGITS else 1


def rows_of(table: etree._Element) -> Iterator[etree._Element]:
    """A table's rows, those in groups too."""
    for node in table:
        if name_of(node) == "table-row":
            yield node
        elif name_of(node) in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from rows_of(node)
