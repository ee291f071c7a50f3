"""E-books: reading order, structure from the chapters, what is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.errors import CorruptFile, EncryptedFile
from ingest.parsers import epub
from ingest.types import BlockKind

Pack = Callable[[dict[str, str | bytes]], bytes]

CONTAINER = '<container xmlns="urn:c"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'


def book(
    chapters: dict[str, str], *, more: str = "", guide: str = "", title: str = "Winter"
) -> dict[str, str | bytes]:
    """A book's parts; ``more`` are attributes of the manifest's entries by the chapter's name."""
    items = "".join(
        f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"'
        f"{' ' + more if name == 'nav' else ''}/>"
        for name in chapters
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in reversed(chapters))
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": (
            f'<package xmlns="urn:p" xmlns:dc="urn:dc"><metadata><dc:title>{title}</dc:title></metadata>'
            f'<manifest>{items}<item id="css" href="a.css" media-type="text/css"/></manifest>'
            f'<spine><itemref idref="css"/>{spine}<itemref idref="none"/></spine><guide>{guide}</guide></package>'
        ),
        **{f"OPS/text/{name}.xhtml": page for name, page in chapters.items()},
    }


def page(body: str, head: str = "<title/>") -> str:
    """A chapter, with a head as XHTML may have it."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><html xmlns="x"><head>{head}</head><body>{body}</body></html>'
    )


def test_chapters_in_the_order_of_the_spine(pack: Pack) -> None:
    """Headings, lists and tables are those of the chapters; the title is the package's."""
    parsed = epub.parse(
        pack(
            book(
                {
                    "two": page(
                        "<h2>Two</h2><table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>"
                    ),
                    "one": page(
                        '<h1>One</h1><a id="x"/><p>It <em>snows</em>.</p><ul><li>ski</li><li>ice</li></ul>'
                    ),
                }
            )
        )
    )

    assert parsed.text == "One\n\nIt snows.\n\nski\nice\n\nTwo\n\na | b\n1 | 2"
    assert [(b.kind, b.number, parsed.text[b.start : b.end]) for b in parsed.blocks] == [
        (BlockKind.HEADING, 1, "One"),
        (BlockKind.LIST, 0, "ski\nice"),
        (BlockKind.HEADING, 2, "Two"),
        (BlockKind.TABLE, 0, "a | b\n1 | 2"),
    ]
    assert parsed.title == "Winter"


def test_contents_are_left_out_and_chapters_beside_them_kept(pack: Pack) -> None:
    """A page of links is no text, but what is marked as contents may hold a chapter too."""
    links = "<h1>Contents</h1>" + "<p><a href='one.xhtml'>A chapter with a long name</a></p>" * 5
    chapters = {"one": page("<p>Text.</p>"), "nav": page(links)}
    mixed = {"one": page(links + "<p>" + "It snowed all night. " * 30 + "</p>")}
    guide = '<reference type="toc" href="text/one.xhtml#toc"/>'

    assert epub.parse(pack(book(chapters, more='properties="nav"'))).text == "Text."
    assert "It snowed" in epub.parse(pack(book(mixed, guide=guide))).text


def test_an_element_that_ends_at_once_swallows_nothing(pack: Pack) -> None:
    """XHTML's <script/> and <div/> are empty, whatever HTML makes of them."""
    chapter = page(
        '<div class="a"/><p>first<br/>line</p><span/><p>last</p>', '<script src="x"/><title/><meta a="b"/>'
    )

    assert epub.parse(pack(book({"one": chapter}))).text == "first\nline\n\nlast"


def test_protection(pack: Pack) -> None:
    """An encrypted chapter needs another copy; scrambled fonts do not matter."""
    cipher = '<e xmlns="urn:e"><CipherReference URI="{}"/></e>'
    parts = book({"one": page("<p>Text.</p>")})

    with pytest.raises(EncryptedFile, match="protected against copying"):
        epub.parse(pack({**parts, "META-INF/encryption.xml": cipher.format("OPS/text/one.xhtml")}))
    assert (
        epub.parse(pack({**parts, "META-INF/encryption.xml": cipher.format("OPS/fonts/a.otf")})).text
        == "Text."
    )


def test_missing_parts(pack: Pack) -> None:
    """A chapter that is listed and missing is damage, and so is a book without a list."""
    parts = book({"one": page("<p>x</p>"), "two": page("<p>y</p>")})
    del parts["OPS/text/one.xhtml"]

    with pytest.raises(CorruptFile, match=r"one\.xhtml is missing"):
        epub.parse(pack(parts))
    with pytest.raises(CorruptFile, match="where its chapters are"):
        epub.parse(pack({"META-INF/container.xml": CONTAINER}))
    with pytest.raises(CorruptFile, match="where its chapters are"):
        epub.parse(pack({"mimetype": "application/epub+zip"}))


def test_links_out_of_the_book_are_not_followed(pack: Pack) -> None:
    """A chapter elsewhere, and pictures and frames in one, are not fetched."""
    outside = book({"one": page("<p>x</p>")})
    outside["OPS/book.opf"] = str(outside["OPS/book.opf"]).replace("text/one.xhtml", "file:///etc/passwd")

    with pytest.raises(CorruptFile, match="missing"):
        epub.parse(pack(outside))
    chapter = page('<p>x</p><img src="http://127.0.0.1:1/a.png"/><iframe src="file:///etc/passwd"></iframe>')
    assert epub.parse(pack(book({"one": chapter}))).text == "x"
