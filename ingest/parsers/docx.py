"""Word (.docx): the main text in reading order, with headings, lists and tables.

The parts are read straight from the archive by lxml. python-docx stands on the same library, but its
paragraphs leave out inserted text, content controls and text boxes, it unpacks every image, and one
dangling relation fails the whole file. Elements are told by their local names, so that the strict and
the transitional dialect (ECMA-376) read alike. No relation to anything outside is ever followed.

Left out: headers, footers, comments, deleted, moved-away and hidden text, field codes. Notes and text
boxes follow the paragraph that refers to them.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from ingest.errors import CorruptFile
from ingest.parsers.archive import opened
from ingest.parsers.builder import TextBuilder
from ingest.parsers.docx_hidden import looks_hidden, states, white_on_white
from ingest.parsers.docx_numbering import NumberedBy, Numbering
from ingest.parsers.titles import meant_title
from ingest.parsers.xmltree import LIBRARY, child_of, children_of, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.parsers.archive import Archive
    from ingest.types import Parsed

_HEADING_NAME = re.compile(r"heading (\d)$")
# Longer ones are body text in a heading's style.
_MAX_HEADING = 400
# A cell longer than this belongs to a table that lays out a page.
_MAX_CELL = 1000
_SKIPPED = {"del", "moveFrom", "delText", "instrText", "delInstrText", "rPr", "pPr", "Fallback", "rt"}
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_BODY_LEVEL = 9
_LEVELS = set("012345678")
_MAX_STYLES = 20


def parse(data: bytes) -> Parsed:
    """Read a Word document.

    Args:
        data: The file.

    Returns:
        Its text: paragraphs parted by an empty line, a table's rows by a line feed, their cells by a bar.
        Numbers that Word generates stand before their paragraphs. The title is that of a paragraph in the
        Title style, else of the properties.

    Raises:
        CorruptFile: The archive or its XML is damaged, or its compression is none that Word uses.
        EncryptedFile: The archive has a password.
        TooLarge: A part unpacks to more than 100 MiB.
    """
    with opened(data, "Word document", "Word") as archive:
        return _read(archive)


def _read(archive: Archive) -> Parsed:
    main = archive.main_part("word/document.xml")
    body = child_of(archive.xml(main), "body")
    if body is None:
        raise CorruptFile("The Word document has no main text part. Save it again in Word.")
    folder = posixpath.dirname(main)
    reader = _Reader(archive.xml(f"{folder}/styles.xml"), archive.xml(f"{folder}/numbering.xml"))
    for kind in ("footnote", "endnote"):
        reader.add_notes(kind, archive.xml(f"{folder}/{kind}s.xml"))
    reader.flow(body)
    title = reader.title or meant_title(archive.stated_title())
    return reader.out.parsed(title, f"docx/{LIBRARY}")


class _Reader:
    """Walks the body and fills a builder. Nesting is bounded by libxml2's limit of 256 levels."""

    def __init__(self, styles: etree._Element | None, numbering: etree._Element | None) -> None:
        self.out = TextBuilder()
        self.title = ""
        self._styles = {value_of(style, "styleId"): style for style in children_of(styles, "style")}
        self._numbering = Numbering(numbering, self._number_of_style)
        # A table is looked at before it is known whether it lays out a page; its paragraphs count once.
        self._labels: dict[etree._Element, str] = {}
        self._notes: dict[tuple[str, str], str] = {}
        self._unseen: set[etree._Element] = set()

    def add_notes(self, kind: str, part: etree._Element | None) -> None:
        """Remember the texts of the foot- or endnotes; the part also holds separators, which have a type."""
        for note in [] if part is None else part:
            if name_of(note) == kind and value_of(note, "type") in {"", "normal"}:
                self._notes[kind, value_of(note, "id")] = self._plain(note, [])

    def flow(self, container: etree._Element) -> None:
        """Add a container's paragraphs and tables."""
        for node in container:
            name = name_of(node)
            if name == "p":
                self._paragraph(node)
            elif name == "tbl":
                self._table(node)
            elif name in {"sdt", "sdtContent", "customXml", "ins", "moveTo", "AlternateContent", "Choice"}:
                self.flow(node)

    def _paragraph(self, node: etree._Element) -> None:
        after: list[etree._Element] = []
        text = "".join(self._inline(node, after)).strip()
        properties = child_of(node, "pPr")
        level = self._level(properties)
        numbered = self._numbered_by(properties)
        if text and not self.title and "title" in map(_style_name, self._style(properties)):
            self.title = " ".join(text.split())
        # An empty paragraph shows its number too, which is nothing to read; but it counts.
        label = self._label(node, numbered)
        text = label + text if text else ""
        if level and len(text) <= _MAX_HEADING:
            self.out.heading(text, level)
        elif numbered:
            self.out.item(text)
        elif text:
            self.out.paragraph(text)
        self._anchored(after)

    def _anchored(self, nodes: list[etree._Element]) -> None:
        """Add the notes and text boxes that the text before them refers to."""
        for node in nodes:
            if name_of(node) == "txbxContent":
                self.flow(node)
            else:
                kind = name_of(node).removesuffix("Reference")
                self.out.paragraph(self._notes.get((kind, value_of(node, "id")), ""))

    def _inline(self, node: etree._Element, after: list[etree._Element]) -> Iterator[str]:
        for child in node:
            name = name_of(child)
            if name in _SKIPPED or (name == "r" and self._is_hidden(child)):
                continue
            if name == "t":
                yield child.text or ""
            elif name in _CHARACTERS:
                yield _CHARACTERS[name]
            elif name in {"txbxContent", "footnoteReference", "endnoteReference"}:
                after.append(child)
            else:
                yield from self._inline(child, after)

    def _is_hidden(self, run: etree._Element) -> bool:
        """Whether a run's letters are hidden, smaller than anybody reads, or white on white."""
        holders = [child_of(run, "rPr"), *(child_of(style, "rPr") for style in self._styles_of_run(run))]
        hidden = looks_hidden(holders) or white_on_white(run, holders, self._is_shaded)
        if hidden:
            self._leave_out(run)
        return hidden

    def _leave_out(self, node: etree._Element) -> None:
        # What is in a table is looked at twice.
        if node not in self._unseen and "".join(node.itertext()).strip():
            self._unseen.add(node)
            self.out.leave_out("hidden_text")

    def _styles_of_run(self, run: etree._Element) -> Iterator[etree._Element]:
        """The styles of a run and of its paragraph, each before those that it is based on."""
        yield from self._based(child_of(run, "rPr", "rStyle"))
        around = next((each for each in run.iterancestors() if name_of(each) == "p"), None)
        yield from self._based(child_of(around, "pPr", "pStyle"))

    def _is_shaded(self, paragraph: etree._Element) -> bool:
        properties = child_of(paragraph, "pPr")
        holders = [properties, *(child_of(style, "pPr") for style in self._style(properties))]
        return any(child_of(holder, "shd") is not None for holder in holders)

    def _plain(self, container: etree._Element, after: list[etree._Element]) -> str:
        """A container's text on one line: what stands in a table's cell or a note."""
        parts: list[str] = []
        for node in container:
            name = name_of(node)
            if name == "p":
                text = " ".join("".join(self._inline(node, after)).split())
                parts.append((self._label(node, self._numbered_by(child_of(node, "pPr"))) + text).strip())
            elif name == "tbl":
                parts.append("; ".join(", ".join(filter(None, row)) for row in self._rows(node, after)))
            elif name not in _SKIPPED:
                parts.append(self._plain(node, after))
        return " ".join(filter(None, parts))

    def _table(self, table: etree._Element) -> None:
        after: list[etree._Element] = []
        rows = list(self._rows(table, after))
        cells = [cell for row in rows for cell in row]
        if len(cells) <= 1 or max(map(len, cells)) > _MAX_CELL:
            # A frame around text, or columns of a page: its content is text like any other.
            for row in self._shown_rows(table):
                for cell in _descend(row, "tc"):
                    self.flow(cell)
            return
        self.out.table(rows)
        self._anchored(after)

    def _rows(self, table: etree._Element, after: list[etree._Element]) -> Iterator[list[str]]:
        for row in self._shown_rows(table):
            yield [self._plain(cell, after) for cell in _descend(row, "tc") if not _is_continued(cell)]

    def _shown_rows(self, table: etree._Element) -> Iterator[etree._Element]:
        for row in _descend(table, "tr"):
            properties = child_of(row, "trPr")
            if states(properties, "hidden"):
                self._leave_out(row)
            elif child_of(properties, "del") is None:
                yield row

    def _style(self, properties: etree._Element | None) -> Iterator[etree._Element]:
        return self._based(child_of(properties, "pStyle"))

    def _based(self, named: etree._Element | None) -> Iterator[etree._Element]:
        """A style and those that it is based on."""
        # A chain that comes back to itself ends somewhere too.
        for _ in range(_MAX_STYLES):
            style = None if named is None else self._styles.get(value_of(named, "val"))
            if style is None:
                return
            yield style
            named = child_of(style, "basedOn")

    def _level(self, properties: etree._Element | None) -> int:
        """Heading level from 1, or 0 for body text."""
        if (level := _outline_level(properties)) is not None:
            return level
        for style in self._style(properties):
            if (level := _outline_level(child_of(style, "pPr"))) is not None:
                return level
            name = _style_name(style)
            if match := _HEADING_NAME.match(name):
                return int(match[1])
            if name == "title":
                return 1
        return 0

    def _label(self, node: etree._Element, numbered: NumberedBy | None) -> str:
        """The number that Word shows before a paragraph; nothing for most."""
        if numbered is None or child_of(node, "pPr", "rPr", "del") is not None:
            return ""
        if node not in self._labels:
            self._labels[node] = self._numbering.label(numbered)
        return self._labels[node]

    def _numbered_by(self, properties: etree._Element | None) -> NumberedBy | None:
        """What the paragraph, or the nearest style that says so, is numbered or has a bullet by."""
        level: int | None = None
        holders = [("", properties)]
        holders += [(value_of(style, "styleId"), child_of(style, "pPr")) for style in self._style(properties)]
        for style, holder in holders:
            numbering = child_of(holder, "numPr")
            stated = value_of(child_of(numbering, "ilvl"), "val")
            level = int(stated) if level is None and stated in _LEVELS else level
            number = child_of(numbering, "numId")
            if number is not None:
                found = value_of(number, "val")
                return None if found == "0" else NumberedBy(found, level, style)
        return None

    def _number_of_style(self, style: str) -> str:
        return value_of(child_of(self._styles.get(style), "pPr", "numPr", "numId"), "val")


def _style_name(style: etree._Element) -> str:
    """Built-in styles have English names in every language; only their ids are translated."""
    name = child_of(style, "name")
    return "" if name is None else value_of(name, "val").lower()


def _descend(node: etree._Element, name: str) -> Iterator[etree._Element]:
    """Rows of a table or cells of a row, also those inside content controls and tracked insertions."""
    for child in node:
        if name_of(child) == name:
            yield child
        elif name_of(child) in {"sdt", "sdtContent", "customXml", "ins"}:
            yield from _descend(child, name)


def _outline_level(properties: etree._Element | None) -> int | None:
    node = None if properties is None else child_of(properties, "outlineLvl")
    if node is None or not value_of(node, "val").isdecimal():
        return None
    level = int(value_of(node, "val"))
    return 0 if level >= _BODY_LEVEL else level + 1


def _is_continued(cell: etree._Element) -> bool:
    """Whether the cell only continues a merged one, whose text stands in its first cell."""
    properties = child_of(cell, "tcPr")
    for name in ("vMerge", "hMerge"):
        merge = None if properties is None else child_of(properties, name)
        if merge is not None and value_of(merge, "val") != "restart":
            return True
    return False
