"""OpenDocument text and presentations (.odt, .odp): reading order, headings, lists, tables, notes.

Read straight from ``content.xml`` by lxml (ODF 1.3, part 3). Left out: tracked deletions, annotations,
hidden and tiny text, hidden sections, tables of contents and indexes, headers and footers. Notes and text boxes follow
the paragraph that refers to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.errors import CorruptFile
from ingest.parsers.archive import opened
from ingest.parsers.builder import TextBuilder
from ingest.parsers.odf_common import (
    PROGRAM,
    SKIPPED,
    WHAT,
    check_password,
    hidden_stretches,
    hiding_styles,
    inline,
    is_hidden,
    rows_of,
    stated_title,
    times,
)
from ingest.parsers.odf_numbering import Numbering
from ingest.parsers.sheets import trimmed
from ingest.parsers.xmltree import LIBRARY, below, child_of, children_of, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.types import Parsed

# Containers of other things, walked through.
_TRANSPARENT = {
    "section", "numbered-paragraph", "bibliography", "index-body", "list-header", "g", "a", "text-box",
    "custom-shape", "rect", "ellipse", "circle", "polygon", "path", "caption", "regular-polygon",
}  # fmt: skip
_SURROUNDINGS = {"header", "footer", "date-time", "page-number"}
# Longer ones are body text in a heading's style.
_MAX_HEADING = 400
# A cell longer than this belongs to a table that lays out a page.
_MAX_CELL = 1000
_MAX_REPEATS = 200
_MAX_STYLES = 20


def parse(data: bytes) -> Parsed:
    """Read a text or a presentation.

    Args:
        data: The file.

    Returns:
        Its text; a presentation's slides are pages. The title is that of a paragraph in the Title style,
        else of the properties.

    Raises:
        CorruptFile: The archive or its XML is damaged.
        EncryptedFile: The document has a password.
        TooLarge: A part unpacks to more than 100 MiB.
    """
    with opened(data, WHAT, PROGRAM) as archive:
        check_password(archive)
        content = archive.xml("content.xml")
        body = child_of(content, "body")
        if content is None or body is None:
            raise CorruptFile(f"The {WHAT} has no content part. Save it again in {PROGRAM}.")
        reader = _Reader(content, archive.xml("styles.xml"))
        for part in body:
            if name_of(part) == "presentation":
                reader.slides(part)
            else:
                reader.flow(part)
        return reader.out.parsed(reader.title or stated_title(archive), f"odf/{LIBRARY}")


class _Reader:
    """Walks a body and fills a builder. Nesting is bounded by libxml2's limit of 256 levels."""

    def __init__(self, content: etree._Element, styles: etree._Element | None) -> None:
        self.out = TextBuilder()
        self.title = ""
        named = [node for part in (styles, content) for node in below(part, "style")]
        self._parents = {value_of(node, "name"): value_of(node, "parent-style-name") for node in named}
        self._lists = {value_of(node, "name"): value_of(node, "list-style-name") for node in named}
        self._hidden = hiding_styles(styles, content)
        self._unshown = {
            value_of(node, "name")
            for node in named
            if value_of(child_of(node, "drawing-page-properties"), "visibility") == "hidden"
        }
        self.out.leave_out("hidden_text", hidden_stretches(content, self._hidden))
        self._numbering = Numbering(styles, content)

    def slides(self, presentation: etree._Element) -> None:
        """Add slides as pages: title, other frames in the file's order, notes."""
        for number, page in enumerate(children_of(presentation, "page"), start=1):
            self.out.page(number)
            self.out.cut()
            if value_of(page, "style-name") in self._unshown:
                self.out.keep("hidden_slides")
            frames = [(value_of(node, "class"), node) for node in page if name_of(node) != "notes"]
            for kind, frame in frames:
                if kind == "title":
                    self.out.heading(self.plain(frame, []), 1)
            for kind, frame in frames:
                if kind not in {"title", *_SURROUNDINGS}:
                    self._flow_node(frame)
                    self.out.end_list()
            for frame in children_of(child_of(page, "notes"), "frame"):
                if value_of(frame, "class") == "notes" and (text := self.plain(frame, [])):
                    self.out.paragraph(f"Notes: {text}")

    def flow(self, container: etree._Element) -> None:
        """Add a container's paragraphs, lists and tables."""
        for node in container:
            self._flow_node(node)

    def _flow_node(self, node: etree._Element) -> None:
        name = name_of(node)
        if is_hidden(node, self._hidden):
            return
        if name == "h":
            self._heading(node)
        elif name == "p":
            self._paragraph(node)
        elif name == "list":
            self._list(node)
            self.out.end_list()
        elif name == "table":
            self._table(node)
        elif name == "frame":
            # Its first child is the content, the others are stand-ins for it.
            first = [child for child in node if name_of(child) in {"text-box", "table"}][:1]
            for child in first:
                self._flow_node(child)
        elif name in _TRANSPARENT:
            self.flow(node)

    def _heading(self, node: etree._Element) -> None:
        after: list[etree._Element] = []
        text = "".join(self._inline(node, after)).strip()
        level = _level(node)
        # Without words it is an empty line, and not counted.
        text = self._numbering.of_heading(level, node) + text if text else ""
        if len(text) <= _MAX_HEADING:
            self.out.heading(text, level)
        else:
            self.out.paragraph(text)
        self._anchored(after)

    def _paragraph(self, node: etree._Element) -> None:
        after: list[etree._Element] = []
        text = "".join(self._inline(node, after)).strip()
        if text and not self.title and "Title" in self._styles(value_of(node, "style-name")):
            self.title = " ".join(text.split())
            self.out.heading(text, 1)
        else:
            self.out.paragraph(text)
        self._anchored(after)

    def _list(self, node: etree._Element, level: int = 0, outer: str = "") -> None:
        """Add a list's items, those of lists in it too; each number counts once."""
        style = value_of(node, "style-name") or outer
        self._numbering.begin(style, level, node)
        for item in node:
            label = self._numbering.of_item(style, level, item) if name_of(item) == "list-item" else ""
            for child in item:
                name = name_of(child)
                if name == "list":
                    self._list(child, level + 1, style)
                elif name == "p" and not is_hidden(child, self._hidden):
                    after: list[etree._Element] = []
                    text = "".join(self._inline(child, after)).strip()
                    self.out.item(label + text if text else "")
                    label = "" if text else label
                    self._anchored(after)
                elif is_hidden(child, self._hidden):
                    continue
                elif name == "h" and not label:
                    self._heading(child)
                elif name == "h":
                    self.out.heading(label + self.plain(child, []), _level(child))
                else:
                    self._flow_node(child)

    def _anchored(self, nodes: list[etree._Element]) -> None:
        """Add the notes and frames that the text before them refers to."""
        for node in nodes:
            if name_of(node) == "note":
                self.out.paragraph(self.plain(child_of(node, "note-body"), []))
            else:
                self._flow_node(node)

    def _inline(self, node: etree._Element, after: list[etree._Element]) -> Iterator[str]:
        return inline(node, after, self._hidden)

    def plain(self, container: etree._Element | None, after: list[etree._Element]) -> str:
        """A container's text on one line: what stands in a table's cell or a note."""
        parts: list[str] = []
        for node in () if container is None else container:
            name = name_of(node)
            if is_hidden(node, self._hidden):
                continue
            if name in {"p", "h"}:
                parts.append(" ".join("".join(self._inline(node, after)).split()))
            elif name == "table":
                parts.append("; ".join(", ".join(filter(None, row)) for row in self._rows(node, after)))
            elif name not in SKIPPED:
                parts.append(self.plain(node, after))
        return " ".join(filter(None, parts))

    def _table(self, table: etree._Element) -> None:
        after: list[etree._Element] = []
        rows = list(self._rows(table, after))
        cells = [cell for row in rows for cell in row]
        if len(cells) <= 1 or max(map(len, cells)) > _MAX_CELL:
            for row in rows_of(table):
                for cell in children_of(row, "table-cell"):
                    self.flow(cell)
            return
        self.out.table(rows)
        self._anchored(after)

    def _rows(self, table: etree._Element, after: list[etree._Element]) -> Iterator[list[str]]:
        """A table's cells; those that a merged one covers stay, empty, so that the columns stay in line."""
        for row in rows_of(table):
            cells: list[str] = []
            for cell in row:
                name = name_of(cell)
                if name in {"table-cell", "covered-table-cell"}:
                    text = self.plain(cell, after) if name == "table-cell" else ""
                    cells += [text] * min(times(cell, "number-columns-repeated"), _MAX_REPEATS)
            yield trimmed(cells)

    def _styles(self, style: str) -> set[str]:
        """A style's name and those of the ones that it is based on."""
        found: set[str] = set()
        while style and style not in found and len(found) < _MAX_STYLES:
            found.add(style)
            style = self._parents.get(style, "")
        return found


def _level(heading: etree._Element) -> int:
    stated = value_of(heading, "outline-level")
    return int(stated) if stated in set("123456789") else 1
