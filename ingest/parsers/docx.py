"""Word (.docx): the main text in reading order, with headings, lists and tables.

The parts are read straight from the archive by lxml. python-docx stands on the same library, but its
paragraphs leave out inserted text, content controls and text boxes, it unpacks every image, and one
dangling relation fails the whole file. Elements are told by their local names, so that the strict and
the transitional dialect (ECMA-376) read alike. No relation to anything outside is ever followed.

Left out: headers, footers, comments, deleted and moved-away text, hidden text, field codes. A foot- or
endnote follows the paragraph that refers to it; so does a text box the paragraph that anchors it.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

from ingest.errors import CorruptFile, EncryptedFile, TooLarge
from ingest.parsers.builder import TextBuilder
from ingest.parsers.titles import meant_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.types import Parsed

# One part, unpacked. A thousand pages of text make about 30 MiB of XML.
MAX_PART_BYTES = 100 * 1024 * 1024
_HEADING_NAME = re.compile(r"heading (\d)$", re.IGNORECASE)
# Longer ones are body text in a heading's style.
_MAX_HEADING = 400
# A cell longer than this belongs to a table that lays out a page.
_MAX_CELL = 1000
_FALSE = {"0", "false", "off"}
_SKIPPED = {"del", "moveFrom", "delText", "instrText", "delInstrText", "rPr", "pPr", "Fallback", "rt"}
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_BODY_LEVEL = 9


def parse(data: bytes) -> Parsed:
    """Read a Word document.

    Args:
        data: The file.

    Returns:
        Its text: paragraphs parted by an empty line, a table's rows by a line feed, their cells by a bar.
        The title is that of a paragraph in the Title style, else of the properties.

    Raises:
        CorruptFile: The archive or its XML is damaged, or its compression is none that Word uses.
        EncryptedFile: The archive has a password.
        TooLarge: A part unpacks to more than 100 MiB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, etree.XMLSyntaxError, NotImplementedError) as error:
        raise CorruptFile(
            f"The Word document is damaged ({error}). Open and save it again in Word, or upload it again."
        ) from error


def _read(archive: zipfile.ZipFile) -> Parsed:
    main = _main_part(archive)
    document = _xml(archive, main)
    body = None if document is None else _child(document, "body")
    if body is None:
        raise CorruptFile("The Word document has no main text part. Save it again in Word.")
    folder = posixpath.dirname(main)
    reader = _Reader(_xml(archive, f"{folder}/styles.xml"))
    for kind in ("footnote", "endnote"):
        reader.add_notes(kind, _xml(archive, f"{folder}/{kind}s.xml"))
    reader.flow(body)
    core = _xml(archive, "docProps/core.xml")
    stated = None if core is None else _child(core, "title")
    title = reader.title or meant_title(None if stated is None else stated.text)
    return reader.out.parsed(title, f"docx/lxml-{etree.__version__}")


def _main_part(archive: zipfile.ZipFile) -> str:
    relations = _xml(archive, "_rels/.rels")
    for relation in [] if relations is None else relations:
        if str(relation.get("Type", "")).endswith("/officeDocument"):
            return str(relation.get("Target", "")).lstrip("/")
    return "word/document.xml"


def _xml(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """One part, parsed; None when the archive has no part of that name."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        return None
    if entry.flag_bits & 1:
        raise EncryptedFile("The Word document needs a password. Remove the password and upload it again.")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise CorruptFile("The Word document is packed in a way that Word does not use; it was not opened.")
    with archive.open(entry) as part:
        content = part.read(MAX_PART_BYTES + 1)
    if len(content) > MAX_PART_BYTES:
        raise TooLarge(
            f"The Word document's part {name} unpacks to more than {MAX_PART_BYTES // 2**20} MiB. Split it."
        )
    # Entities stay unresolved, and nothing is loaded from anywhere.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(content, parser)


class _Reader:
    """Walks the body and fills a builder. Nesting is bounded by libxml2's limit of 256 levels."""

    def __init__(self, styles: etree._Element | None) -> None:
        self.out = TextBuilder()
        self.title = ""
        self._styles = (
            {} if styles is None else {_value(s, "styleId"): s for s in styles if _name(s) == "style"}
        )
        self._notes: dict[tuple[str, str], str] = {}

    def add_notes(self, kind: str, part: etree._Element | None) -> None:
        """Remember the texts of the foot- or endnotes; the part also holds separators, which have a type."""
        for note in [] if part is None else part:
            if _name(note) == kind and _value(note, "type") in {"", "normal"}:
                self._notes[kind, _value(note, "id")] = self._plain(note, [])

    def flow(self, container: etree._Element) -> None:
        """Add a container's paragraphs and tables."""
        for node in container:
            name = _name(node)
            if name == "p":
                self._paragraph(node)
            elif name == "tbl":
                self._table(node)
            elif name in {"sdt", "sdtContent", "customXml", "ins", "moveTo", "AlternateContent", "Choice"}:
                self.flow(node)

    def _paragraph(self, node: etree._Element) -> None:
        after: list[etree._Element] = []
        text = "".join(self._inline(node, after)).strip()
        properties = _child(node, "pPr")
        level = self._level(properties)
        style_name = self._style_name(properties)
        if style_name == "title" and text and not self.title:
            self.title = " ".join(text.split())
        if level and len(text) <= _MAX_HEADING:
            self.out.heading(text, level)
        elif self._is_item(properties):
            self.out.item(text)
        elif text:
            self.out.paragraph(text)
        self._anchored(after)

    def _anchored(self, nodes: list[etree._Element]) -> None:
        """Add the notes and text boxes that the text before them refers to."""
        for node in nodes:
            if _name(node) == "txbxContent":
                self.flow(node)
            else:
                kind = _name(node).removesuffix("Reference")
                self.out.paragraph(self._notes.get((kind, _value(node, "id")), ""))

    def _inline(self, node: etree._Element, after: list[etree._Element]) -> Iterator[str]:
        for child in node:
            name = _name(child)
            if name in _SKIPPED or (name == "r" and _is_hidden(child)):
                continue
            if name == "t":
                yield child.text or ""
            elif name in _CHARACTERS:
                yield _CHARACTERS[name]
            elif name in {"txbxContent", "footnoteReference", "endnoteReference"}:
                after.append(child)
            else:
                yield from self._inline(child, after)

    def _plain(self, container: etree._Element, after: list[etree._Element]) -> str:
        """A container's text on one line: what stands in a table's cell or a note."""
        parts: list[str] = []
        for node in container:
            name = _name(node)
            if name == "p":
                parts.append(" ".join("".join(self._inline(node, after)).split()))
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
            for row in _descend(table, "tr"):
                for cell in _descend(row, "tc"):
                    self.flow(cell)
            return
        self.out.table(rows)
        self._anchored(after)

    def _rows(self, table: etree._Element, after: list[etree._Element]) -> Iterator[list[str]]:
        for row in _descend(table, "tr"):
            properties = _child(row, "trPr")
            if properties is not None and _child(properties, "del") is not None:
                continue
            yield [self._plain(cell, after) for cell in _descend(row, "tc") if not _is_continued(cell)]

    def _style(self, properties: etree._Element | None) -> Iterator[etree._Element]:
        """The paragraph's style and those that it is based on."""
        named = None if properties is None else _child(properties, "pStyle")
        seen: set[str] = set()
        while named is not None and (style_id := _value(named, "val")) not in seen:
            seen.add(style_id)
            style = self._styles.get(style_id)
            if style is None:
                return
            yield style
            named = _child(style, "basedOn")

    def _style_name(self, properties: etree._Element | None) -> str:
        """Built-in styles have English names in every language; only their ids are translated."""
        style = next(self._style(properties), None)
        name = None if style is None else _child(style, "name")
        return "" if name is None else _value(name, "val").lower()

    def _level(self, properties: etree._Element | None) -> int:
        """Heading level from 1, or 0 for body text."""
        level = _outline_level(properties)
        if level is not None:
            return level
        for style in self._style(properties):
            level = _outline_level(_child(style, "pPr"))
            if level is not None:
                return level
            name = _child(style, "name")
            value = "" if name is None else _value(name, "val")
            if match := _HEADING_NAME.match(value):
                return int(match[1])
            if value.lower() == "title":
                return 1
        return 0

    def _is_item(self, properties: etree._Element | None) -> bool:
        """Whether the paragraph, or the nearest style that says so, is numbered or has a bullet."""
        for holder in (properties, *(_child(style, "pPr") for style in self._style(properties))):
            numbering = None if holder is None else _child(holder, "numPr")
            number = None if numbering is None else _child(numbering, "numId")
            if number is not None:
                return _value(number, "val") != "0"
        return False


def _name(node: etree._Element) -> str:
    # Comments and processing instructions have a function for a tag.
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _child(node: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in node if _name(child) == name), None)


def _value(node: etree._Element, attribute: str) -> str:
    """An attribute by its local name; an empty string when it is missing."""
    return next((str(v) for k, v in node.attrib.items() if str(k).rpartition("}")[2] == attribute), "")


def _descend(node: etree._Element, name: str) -> Iterator[etree._Element]:
    """Rows of a table or cells of a row, also those inside content controls and tracked insertions."""
    for child in node:
        if _name(child) == name:
            yield child
        elif _name(child) in {"sdt", "sdtContent", "customXml", "ins"}:
            yield from _descend(child, name)


def _outline_level(properties: etree._Element | None) -> int | None:
    node = None if properties is None else _child(properties, "outlineLvl")
    if node is None or not _value(node, "val").isdigit():
        return None
    level = int(_value(node, "val"))
    return 0 if level >= _BODY_LEVEL else level + 1


def _is_hidden(run: etree._Element) -> bool:
    properties = _child(run, "rPr")
    vanish = None if properties is None else _child(properties, "vanish")
    return vanish is not None and _value(vanish, "val") not in _FALSE


def _is_continued(cell: etree._Element) -> bool:
    """Whether the cell only continues a merged one, whose text stands in its first cell."""
    properties = _child(cell, "tcPr")
    for name in ("vMerge", "hMerge"):
        merge = None if properties is None else _child(properties, name)
        if merge is not None and _value(merge, "val") != "restart":
            return True
    return False
