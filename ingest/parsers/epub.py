"""E-books (.epub): the chapters in reading order, each read as a web page.

Left out: the navigation page and the printed table of contents, whose words are the headings of the
chapters, and parts that the book marks as no part of its reading order.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser

from ingest.errors import CorruptFile, EncryptedFile
from ingest.parsers.archive import opened, resolved
from ingest.parsers.builder import TextBuilder
from ingest.parsers.html import read_page
from ingest.parsers.text import decode
from ingest.parsers.titles import meant_title
from ingest.parsers.xmltree import below, child_of, children_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.types import Parsed

_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
# In XHTML an element may end at once, where HTML would go on with it: <title/> would swallow the book.
_ENDED = re.compile(
    rb"<(?!(?:br|hr|img|input|link|meta|area|base|col|wbr)\b)([a-zA-Z][\w:-]*)((?:\s[^<>]*)?)/>"
)
# Fonts may be scrambled by their publishers; the text can be read without them.
_FONT = re.compile(r"\.(otf|ttf|ttc|woff2?|eot)$|/fonts?/", re.IGNORECASE)


def parse(data: bytes) -> Parsed:
    """Read an e-book.

    Args:
        data: The file.

    Returns:
        The text of its chapters one after another. The title is that of the package file.

    Raises:
        CorruptFile: The archive or its XML is damaged, or a chapter is missing.
        EncryptedFile: The chapters are encrypted.
        TooLarge: A part unpacks to more than 100 MiB.
    """
    with opened(data, "e-book", "the program that made it") as archive:
        container = archive.xml("META-INF/container.xml")
        main = next((value_of(node, "full-path") for node in below(container, "rootfile")), "")
        package = archive.xml(main)
        if package is None:
            raise CorruptFile(
                "The e-book does not say where its chapters are. Make it again, or upload a PDF."
            )
        locked = {
            resolved("", value_of(node, "URI"))
            for node in below(archive.xml("META-INF/encryption.xml"), "CipherReference")
        }
        contents = {
            resolved(main, value_of(node, "href"))
            for node in below(child_of(package, "guide"), "reference")
            if value_of(node, "type").lower() == "toc"
        }
        out = TextBuilder()
        for item in _chapters(package):
            name = resolved(main, value_of(item, "href"))
            if "nav" in value_of(item, "properties").split():
                contents.add(name)
            if name in locked and not _FONT.search(name):
                raise EncryptedFile(
                    "The e-book is protected against copying. Upload a copy without protection."
                )
            page = archive.read(name)
            if page is None:
                raise CorruptFile(
                    f"The e-book's part {name[:100]} is missing from the file. Upload it again."
                )
            page = _ENDED.sub(rb"<\1\2></\1>", page)
            if name not in contents or not _is_contents(page):
                read_page(page, out)
        title = next((node.text for node in below(child_of(package, "metadata"), "title")), None)
        return out.parsed(meant_title(title), f"epub/selectolax-{version('selectolax')}")


def _chapters(package: etree._Element) -> Iterator[etree._Element]:
    """The manifest's entries of the parts to read, in reading order."""
    parts = {value_of(node, "id"): node for node in children_of(child_of(package, "manifest"), "item")}
    for place in children_of(child_of(package, "spine"), "itemref"):
        item = parts.pop(value_of(place, "idref"), None)
        if value_of(item, "media-type") in _PAGES and value_of(place, "linear") != "no":
            yield item


def _is_contents(page: bytes) -> bool:
    """Whether a page is links for the most part. What is marked as contents may hold a chapter too."""
    body = LexborHTMLParser(decode(page)).body
    if body is None:
        return True
    linked = sum(len("".join(link.text().split())) for link in body.css("a"))
    return 2 * linked >= len("".join(body.text().split()))
