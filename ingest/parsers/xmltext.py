"""XML: the text of its elements, as paragraphs, headings, lists and tables where their names say so.

Known are the common names of DocBook, TEI, JATS, FictionBook, RSS and Atom. Elements of other vocabularies are
shown by their structure: values that stand side by side as lines of name and value, all else as paragraphs.
No entity is resolved and nothing outside the file is read.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

from ingest.errors import CorruptFile
from ingest.parsers import html
from ingest.parsers.builder import TextBuilder
from ingest.parsers.text import decode

if TYPE_CHECKING:
    from ingest.types import Parsed

_HEADINGS = {"title", "head", "article-title", "bridgehead", "h1", "h2", "h3", "h4", "h5", "h6"}
_PARAGRAPHS = {"p", "para", "simpara", "formalpara", "ab", "abstract", "summary", "text"}
# Lines of verse and speech: short, side by side, and not called anything by a reader.
_VERSES = {"l", "line", "v"}
_CODE = {"programlisting", "screen", "code-block", "codeblock", "literallayout", "pre", "eg"}
_LISTS = {"itemizedlist", "orderedlist", "simplelist", "variablelist", "list", "listbibl", "ul", "ol", "dl"}
_ITEMS = {"listitem", "item", "member", "varlistentry", "list-item", "label", "li", "dt", "dd", "bibl"}
_NOTES = {"note", "footnote", "fn"}
_TABLES = {"table", "informaltable", "table-wrap", "tgroup"}
_ROWS = {"row", "tr", "strow"}
_CELLS = {"entry", "td", "th", "cell", "stentry"}
_CAPTIONS = {"title", "head", "caption", "label"}
_DROPPED = {"script", "style", "binary", "binarydata", "stylesheet"}
_STRUCTURE = _HEADINGS | _PARAGRAPHS | _CODE | _LISTS | _TABLES
# A vocabulary is one for documents, whose attributes are for programs, when it has one of these.
_DOCUMENT = _PARAGRAPHS | _HEADINGS
# These have a title as documents do, and all else in attributes.
_OUTLINES = {"opml"}
# A longer value is text and speaks for itself.
_MAX_VALUE = 300
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]{0,300}?encoding\s*=\s*[\"']\s*([\w:.-]+)")
# References other than XML's own, and ampersands that are none; CDATA sections are passed over.
_ENTITY = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)"
    r"|&(?!(?:amp|lt|gt|quot|apos|#\d{1,8}|#x[0-9A-Fa-f]{1,6});)(?:[A-Za-z_][\w.-]{0,100};)?",
    re.DOTALL,
)
_MARKUP = re.compile(
    r"</?(?:p|br|div|a|b|i|em|strong|ul|ol|li|h[1-6]|img|span|table)\b[^<>]*>", re.IGNORECASE
)
# What libxml2 says of a file that ends too early, or that goes beyond its limits.
_FATAL = {
    "ERR_DOCUMENT_EMPTY", "ERR_TAG_NOT_FINISHED", "ERR_GT_REQUIRED", "ERR_CDATA_NOT_FINISHED",
    "ERR_COMMENT_NOT_FINISHED", "ERR_ENTITY_LOOP", "ERR_RESOURCE_LIMIT", "ERR_NO_MEMORY", "ERR_INTERNAL_ERROR",
}  # fmt: skip


def parse(data: bytes) -> Parsed:
    """Read an XML document.

    Args:
        data: The file.

    Returns:
        Its text. Undefined entities are shown as they are written. The first heading is left to be the title.

    Raises:
        CorruptFile: The document breaks off, or is no XML.
        UnsupportedType: The bytes are not text.
    """
    root = _root(data)
    names = {_name(element) for element in root.iter(etree.Element)}
    reader = _Reader(shows_attributes=not names & _DOCUMENT or _name(root) in _OUTLINES)
    reader.walk(root, 0)
    return reader.out.parsed("", f"xml/lxml-{etree.__version__}")


def _root(data: bytes) -> etree._Element:
    declared = _DECLARED.match(data[:400])
    text = _DECLARATION.sub("", decode(data, declared[1].decode() if declared else None)).strip()
    content = _ENTITY.sub(_as_text, text).encode()
    try:
        return etree.fromstring(content, _parser(recover=False))
    except etree.XMLSyntaxError as error:
        reason = str(error)
    # Small errors, as a tag that is not closed, cost no text.
    lenient = _parser(recover=True)
    try:
        recovered: etree._Element | None = etree.fromstring(content, lenient)
    except etree.XMLSyntaxError:
        # There is no element in it at all.
        recovered = None
    if recovered is None or any(entry.type_name in _FATAL for entry in lenient.error_log):
        raise CorruptFile(
            f"The XML document is damaged or cut off ({reason}). Export it again and upload it."
        )
    return recovered


def _as_text(found: re.Match[str]) -> str:
    """A reference to an entity as text: the letter that HTML has by that name, or as it is written."""
    return found[0] if found[0].startswith("<") else escape(unescape(found[0]))


def _parser(*, recover: bool) -> etree.XMLParser[etree._Element]:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=recover,
        remove_comments=True,
        remove_pis=True,
    )


class _Reader:
    """Walks the tree and fills a builder. Nesting is bounded by libxml2's limit of 256 levels."""

    def __init__(self, *, shows_attributes: bool) -> None:
        self.out = TextBuilder()
        self._shows_attributes = shows_attributes

    def walk(self, element: etree._Element, level: int) -> None:
        """Add an element with all that is inside it; ``level`` counts the sections around it."""
        name = _name(element)
        if name in _DROPPED:
            return
        if name in _HEADINGS:
            self.out.heading(_inner_text(element), max(level, 1))
        elif name in _CODE:
            self.out.code("".join(element.itertext()))
        elif name in _TABLES and (rows := _rows(element)):
            for caption in element:
                if _name(caption) in _CAPTIONS:
                    self.out.paragraph(_inner_text(caption))
            self.out.table(rows)
        elif name in _LISTS:
            self._list(element)
        elif len(element) == 0:
            self._text(element.text or "", level)
        elif _is_mixed(element):
            self._mixed(element, level)
        else:
            self._children(element, level)

    def _children(self, element: etree._Element, level: int) -> None:
        """Elements side by side: short values as lines of name and value, where the names tell them apart."""
        if any(_name(child) in _HEADINGS for child in element):
            level += 1
        named = self._shows_attributes or len({_name(child) for child in element if _is_leaf(child)}) > 1
        lines = [self._attributes(element)] if self._shows_attributes and element.attrib else []
        for child in element:
            value = " ".join((child.text or "").split())
            if _is_leaf(child) and len(value) <= _MAX_VALUE and not _MARKUP.search(value):
                lines.append(self._line(child, value, named=named))
                continue
            self._flush(lines)
            self.walk(child, level)
        self._flush(lines)

    def _line(self, leaf: etree._Element, value: str, *, named: bool) -> str:
        if not value:
            return self._attributes(leaf) if self._shows_attributes and leaf.attrib else ""
        name = _written_name(leaf)
        if inside := _attribute_text(leaf) if self._shows_attributes else "":
            return f"{name} ({inside}): {value}"
        return f"{name}: {value}" if named and name.lower() not in _VERSES else value

    def _attributes(self, element: etree._Element) -> str:
        inside = _attribute_text(element)
        return f"{_written_name(element)}: {inside}" if inside else ""

    def _flush(self, lines: list[str]) -> None:
        self.out.paragraph("\n".join(line for line in lines if line))
        lines.clear()

    def _mixed(self, element: etree._Element, level: int) -> None:
        """Running text with elements in it; lists, tables and the like end the paragraph around them."""
        parts = [element.text or ""]
        for child in element:
            if _name(child) in _STRUCTURE:
                self._text("".join(parts), level)
                parts.clear()
                self.walk(child, level)
            else:
                _collect_child(child, parts, apart=_name(child) in _ITEMS | _NOTES)
            parts.append(child.tail or "")
        self._text("".join(parts), level)

    def _text(self, text: str, level: int) -> None:
        """A paragraph; in feeds it may be a page of HTML in itself."""
        if _MARKUP.search(text):
            self.out.append(html.parse_text(text), level)
        else:
            self.out.paragraph(" ".join(text.split()))

    def _list(self, element: etree._Element) -> None:
        for child in element:
            if _name(child) in _HEADINGS:
                self.out.paragraph(_inner_text(child))
            elif _name(child) not in _DROPPED:
                self.out.item(_inner_text(child))
        self.out.end_list()


def _name(element: etree._Element) -> str:
    """The local name in small letters."""
    return _written_name(element).lower()


def _written_name(element: etree._Element) -> str:
    """The name without namespace; broken files have names that etree.QName refuses."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def _is_mixed(element: etree._Element) -> bool:
    """Whether text stands beside the element's children."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _is_leaf(element: etree._Element) -> bool:
    return len(element) == 0 and _name(element) not in _STRUCTURE | _DROPPED


def _inner_text(element: etree._Element) -> str:
    """All text inside an element, on one line."""
    parts: list[str] = []
    _collect(element, parts)
    return " ".join("".join(parts).split())


def _collect(element: etree._Element, parts: list[str]) -> None:
    """Append the text inside an element, elements that stand for themselves apart from one another."""
    parts.append(element.text or "")
    all_apart = not _is_mixed(element)
    for child in element:
        _collect_child(child, parts, apart=all_apart or _name(child) in _STRUCTURE | _ITEMS | _NOTES)
        parts.append(child.tail or "")


def _collect_child(child: etree._Element, parts: list[str], *, apart: bool) -> None:
    space = " " if apart else ""
    parts.append(space)
    if _name(child) not in _DROPPED:
        _collect(child, parts)
    parts.append(space)


def _rows(table: etree._Element) -> list[list[str]]:
    rows = [row for row in table.iter(etree.Element) if _name(row) in _ROWS]
    return [[_inner_text(cell) for cell in row if _name(cell) in _CELLS] for row in rows]


def _attribute_text(element: etree._Element) -> str:
    """Attributes that belong to no namespace: those that do are for programs."""
    shown = {
        str(k): " ".join(str(v).split()) for k, v in element.attrib.items() if not str(k).startswith("{")
    }
    return ", ".join(f"{name}={value}" for name, value in shown.items() if value and len(value) <= _MAX_VALUE)
