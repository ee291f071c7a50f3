"""What OpenDocument texts, presentations and spreadsheets have in common (ODF 1.3, part 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.errors import EncryptedFile
from ingest.parsers.titles import meant_title
from ingest.parsers.xmltree import below, child_of, name_of, value_of

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
_MAX_STYLES = 20
# Letters of one point are specks.
_TINY = re.compile(r"(?:0(?:\.\d+)?|1(?:\.0+)?)(?:pt|px)")


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


def hiding_styles(*parts: etree._Element | None) -> set[str]:
    """Names of the styles whose text is not shown, or smaller than anybody reads.

    Args:
        parts: Roots of the parts that hold styles.
    """
    named = {value_of(node, "name"): node for part in parts for node in below(part, "style")}
    return {name for name in named if _hides(name, named)}


def _hides(name: str, named: dict[str, etree._Element]) -> bool:
    display = size = ""
    # The nearest style that speaks of it decides; a chain that comes back to itself ends somewhere too.
    for _ in range(_MAX_STYLES):
        properties = child_of(named.get(name), "text-properties")
        display = display or value_of(properties, "display")
        size = size or value_of(properties, "font-size")
        name = value_of(named.get(name), "parent-style-name")
        if not name:
            break
    return display == "none" or _TINY.fullmatch(size) is not None


def hidden_stretches(body: etree._Element, styles: set[str]) -> int:
    """How many stretches of text a document hides: spans, paragraphs and sections, those inside of others not."""
    count = 0
    waiting = [body]
    while waiting:
        for node in waiting.pop():
            if not is_hidden(node, styles):
                waiting.append(node)
            elif "".join(node.itertext()).strip() or value_of(node, "string-value"):
                count += 1
    return count


def is_hidden(node: etree._Element, styles: set[str]) -> bool:
    """Whether an element and all that is in it are not shown.

    Args:
        node: The element.
        styles: Names of styles that hide.
    """
    name = name_of(node)
    if name == "section":
        stated = value_of(node, "display")
        return stated == "none" or (stated == "condition" and value_of(node, "is-hidden") == "true")
    if name in {"p", "h"} and value_of(child_of(node, "hidden-paragraph"), "is-hidden") == "true":
        return True
    return name == "hidden-text" or (name in {"p", "h", "span"} and value_of(node, "style-name") in styles)


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
