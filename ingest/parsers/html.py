"""HTML: what a reader sees of a page, by selectolax (the lexbor engine)."""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser

from ingest.parsers.builder import TextBuilder
from ingest.parsers.html_hidden import unseen
from ingest.parsers.text import decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from ingest.types import Parsed

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
# Never text for a reader.
_DROPPED = {
    "script", "style", "noscript", "template", "head", "svg", "iframe", "object", "embed", "canvas", "audio",
    "video", "select", "button", "input", "textarea", "datalist", "dialog", "rp", "rt", "noembed", "noframes",
}  # fmt: skip
# What surrounds the text on every page of a site; dropped where the page marks its main part.
_SURROUNDINGS = {"nav", "footer", "aside", "header"}
_MAIN = {"main", "article"}
_LISTS = {"ul", "ol", "dl"}
# Elements that do not end a paragraph. All others do, as unknown ones are mostly containers.
_INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "img", "ins", "kbd", "label", "mark", "meter", "nobr", "output", "q", "ruby", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "picture", "source", "map",
    "area",
}  # fmt: skip
# A comment that says something: not a browser's switch, nor a mark of the program that wrote the page.
_SAYING = re.compile(r"(?!\s*\[(?:if|endif))(?:[^<>]*?[^\W\d_]{2,}\W+){3}", re.IGNORECASE)
_CHARSET = re.compile(
    rb"<(?:meta|\?xml)\b[^>]{0,300}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE
)
# The HTML standard looks for the encoding in the first kilobyte; some pages name it later.
_CHARSET_BYTES = 4096
# A cell longer than this belongs to a table that lays out the page.
_MAX_CELL = 1000
# Tables in tables beyond this are not looked into for rows: each look reads all that is inside.
_MAX_TABLES = 20
# White space as HTML has it: a no-break space is none.
_SPACE = re.compile(r"[ \t\n\r\f]+")
_SPACES = re.compile(r" {2,}")
_BREAK = re.compile(r" *\n *")


def parse(data: bytes) -> Parsed:
    """Read a web page.

    Args:
        data: The file.

    Returns:
        Its visible text: paragraphs parted by an empty line, a table's rows by a line feed, their cells by
        a bar. The title is that of the title element.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    return parse_text(_decoded(data))


def parse_text(page: str) -> Parsed:
    """Read a web page, or a piece of one, that is decoded already."""
    out = TextBuilder()
    title = _fill(page, out)
    return out.parsed(title, f"html/selectolax-{version('selectolax')}")


def read_page(data: bytes, out: TextBuilder) -> str:
    """Add a page's visible text to a builder and give the words of its title element.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    return _fill(_decoded(data), out)


def _decoded(data: bytes) -> str:
    declared = _CHARSET.search(data[:_CHARSET_BYTES])
    return decode(data, declared[1].decode() if declared else None)


def _fill(page: str, out: TextBuilder) -> str:
    tree = LexborHTMLParser(page)
    title = tree.css_first("title")
    if tree.body is not None:
        hidden = unseen(tree, page)
        saying = sum(each.tag not in _DROPPED and bool(each.text(strip=True)) for each in hidden)
        out.leave_out("hidden_text", saying)
        has_main = tree.css_first("main, article") is not None
        _Walker(out, {each.mem_id for each in hidden}, has_main=has_main).walk(tree.body)
    return title.text() if title else ""


class _Walker:
    """Follows the tree without recursion (pages nest as deep as they like) and fills a builder."""

    def __init__(self, out: TextBuilder, hidden: set[int], *, has_main: bool) -> None:
        self.out = out
        self._hidden = hidden
        self._has_main = has_main
        self._inline: list[str] = []
        self._depth: Counter[str] = Counter()

    def walk(self, root: LexborNode) -> None:
        """Add everything below a node."""
        parents: list[LexborNode] = []
        node = root.child
        while node is not None or parents:
            if node is None:
                parent = parents.pop()
                self._leave(parent.tag or "")
                node = parent.next
            elif self._enter(node):
                parents.append(node)
                node = node.child
            else:
                node = node.next
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Take in a node; True when its children are to be walked and then left."""
        tag = node.tag or ""
        if not node.is_element_node:
            self._leaf(node)
            return False
        if self._is_dropped(node) or self._is_surrounding(tag):
            return False
        if tag == "br":
            self._inline.append("\n")
            return False
        if tag not in _INLINE:
            self._flush()
        if tag in _HEADINGS:
            self.out.heading(self._inner_text(node), _HEADINGS[tag])
        elif tag == "pre":
            self.out.code(self._inner_text(node, preserve=True))
        elif tag == "table" and self._depth["table"] < _MAX_TABLES and not self._is_layout(node):
            caption = node.css_first("caption")
            self.out.paragraph(self._inner_text(caption) if caption else "")
            self.out.table(self._rows(node))
        else:
            self._depth[tag] += 1
            return True
        return False

    def _leaf(self, node: LexborNode) -> None:
        if node.is_text_node:
            self._inline.append(_SPACE.sub(" ", node.text_content or ""))
        elif node.is_comment_node and _SAYING.match(node.comment_content or ""):
            self.out.leave_out("comments")

    def _leave(self, tag: str) -> None:
        if tag not in _INLINE:
            self._flush()
        self._depth[tag] -= 1
        if tag in _LISTS and not self._in(_LISTS):
            self.out.end_list()

    def _is_surrounding(self, tag: str) -> bool:
        """Whether an element is what every page of the site has around its text."""
        if not self._has_main or tag not in _SURROUNDINGS:
            return False
        return tag == "nav" or not self._in(_MAIN)

    def _in(self, tags: set[str]) -> bool:
        return any(self._depth[tag] for tag in tags)

    def _flush(self) -> None:
        """End the paragraph or list item that has been collected."""
        text = _BREAK.sub("\n", _SPACES.sub(" ", "".join(self._inline))).strip(" \n")
        self._inline.clear()
        if text and self._in(_LISTS):
            self.out.item(text)
        elif text:
            self.out.paragraph(text)

    def _is_dropped(self, node: LexborNode) -> bool:
        """Whether an element is none that a reader sees."""
        return node.tag in _DROPPED or node.mem_id in self._hidden

    def _is_layout(self, table: LexborNode) -> bool:
        """Whether a table only arranges the page: one column, or with tables, headings or long text inside."""
        if table.attributes.get("role") == "presentation":
            return True
        if any(inner.mem_id != table.mem_id for inner in table.css("table, h1, h2, h3, h4, h5, h6")):
            return True
        rows = self._rows(table)
        return max(map(len, rows), default=0) <= 1 or any(
            len(cell) > _MAX_CELL for row in rows for cell in row
        )

    def _rows(self, table: LexborNode) -> list[list[str]]:
        rows = []
        for row in table.css("tr"):
            if any(each is not None and self._is_dropped(each) for each in (row, row.parent)):
                continue
            cells = [cell for cell in row.iter() if cell.tag in {"td", "th"} and not self._is_dropped(cell)]
            rows.append([self._inner_text(cell) for cell in cells])
        return rows

    def _inner_text(self, root: LexborNode, *, preserve: bool = False) -> str:
        """Visible text below a node in one piece, its white space collapsed unless it is to be preserved."""
        parts: list[str] = []
        waiting = [root.child]
        while waiting:
            node = waiting.pop()
            if node is None:
                continue
            waiting.append(node.next)
            if node.is_text_node:
                parts.append(node.text_content or "")
            elif node.is_element_node and not self._is_dropped(node):
                if node.tag == "br":
                    parts.append("\n")
                elif node.tag not in _INLINE and not preserve:
                    parts.append(" ")
                waiting.append(node.child)
        text = "".join(parts)
        return text if preserve else _SPACE.sub(" ", text).strip()
