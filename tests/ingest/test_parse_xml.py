"""XML: what a person reads in it."""

from __future__ import annotations

import pytest

from ingest.errors import CorruptFile
from ingest.parsers import xmltext
from ingest.types import BlockKind, heading_text


def read(content: str) -> str:
    """The text of a document."""
    return xmltext.parse(content.encode()).text


def test_records_are_names_and_values() -> None:
    """Values side by side keep their names; attributes of such files are data too."""
    content = (
        "<?xml version='1.0'?><stock><tool id='7'><name>Saw</name><price cur='GBP'>3</price></tool>"
        "<tool><name>Plane &amp; iron</name><price>5</price></tool><note by='Ann'/></stock>"
    )

    assert read(content) == (
        "tool: id=7\nname: Saw\nprice (cur=GBP): 3\n\nname: Plane & iron\nprice: 5\n\nnote: by=Ann"
    )


def test_values_in_attributes() -> None:
    """Outlines and tables of strings keep what stands in attributes there."""
    outline = "<outline text='News'><outline text='A b'/></outline>"
    assert (
        read(f"<opml><head><title>T</title></head><body>{outline}</body></opml>")
        == "T\n\noutline: text=News\noutline: text=A b"
    )
    assert read("<r><string name='ok'>Yes</string><string name='no'>No</string></r>") == (
        "string (name=ok): Yes\nstring (name=no): No"
    )


def test_a_document_has_its_structure() -> None:
    """DocBook: headings by depth, paragraphs whole, lists, tables and code."""
    content = """<book xmlns="http://docbook.org/ns/docbook" version="5"><title>Guide</title>
    <chapter xml:id="c"><title>Start</title><para>Take the <emphasis>red</emphasis> one,
    <itemizedlist><listitem><para>first</para><para>part</para></listitem><listitem>two</listitem></itemizedlist>
    then go.</para><informaltable><tgroup><thead><row><entry>A</entry><entry>B</entry></row></thead>
    <tbody><row><entry>1</entry><entry>2</entry></row></tbody></tgroup></informaltable>
    <programlisting>a
      b</programlisting></chapter></book>"""

    parsed = xmltext.parse(content.encode())

    assert parsed.text == (
        "Guide\n\nStart\n\nTake the red one,\n\nfirst part\ntwo\n\nthen go.\n\nA | B\n1 | 2\n\na\n      b"
    )
    assert [
        (b.kind, b.number, heading_text(parsed.text, b) if b.kind is BlockKind.HEADING else "")
        for b in parsed.blocks
    ] == [
        (BlockKind.HEADING, 1, "Guide"),
        (BlockKind.HEADING, 2, "Start"),
        (BlockKind.LIST, 0, ""),
        (BlockKind.TABLE, 0, ""),
        (BlockKind.CODE, 0, ""),
    ]


def test_verse_and_notes() -> None:
    """Lines stay together without their element's name; a note is not glued to the word before it."""
    content = (
        "<TEI><body><head>One</head><sp><speaker>ANN</speaker><l>Line a</l><l>Line b</l></sp>"
        "<p>Prose <hi>he</hi>re<note>a note</note> goes.</p></body></TEI>"
    )

    assert read(content) == "One\n\nspeaker: ANN\nLine a\nLine b\n\nProse here a note goes."


def test_a_feed_holds_pages() -> None:
    """Descriptions of RSS items are HTML inside a string."""
    content = (
        "<rss><channel><title>News</title><item><title>Open day</title><pubDate>Mon</pubDate><link>http://x</link>"
        "<description>&lt;p&gt;Come&lt;br/&gt;all&lt;/p&gt;&lt;script&gt;x&lt;/script&gt;</description></item>"
        "</channel></rss>"
    )

    assert read(content) == "News\n\nOpen day\n\npubDate: Mon\nlink: http://x\n\nCome\nall"


def test_no_entity_is_resolved() -> None:
    """Neither files nor expansions; a letter by its name in HTML is that letter."""
    external = '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a><b>x &f; y</b></a>'
    assert read(external) == "b: x &f; y"

    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "ha">{levels}]><a>&l9;</a>'
    assert read(bomb) == "&l9;"

    assert read("<a><b>caf&eacute; &lt;x&gt; <![CDATA[&eacute;]]> A&B</b></a>") == "b: café <x> &eacute; A&B"


@pytest.mark.parametrize("content", ["<a><b>text that breaks off", "<a", "no xml", "<a><![CDATA[x"])
def test_a_part_is_not_passed_off_as_the_whole(content: str) -> None:
    """A file that was cut off is refused."""
    with pytest.raises(CorruptFile):
        read(content)


def test_encodings() -> None:
    """A byte order mark counts more than the declaration, the declaration more than a guess."""
    content = "<?xml version='1.0' encoding='{}'?><a>Größe</a>"

    assert xmltext.parse(content.format("UTF-8").encode("utf-16")).text == "Größe"
    assert xmltext.parse(content.format("ISO-8859-1").encode("latin-1")).text == "Größe"


def test_deep_nesting_is_refused() -> None:
    """The library's own limit keeps the walk shallow."""
    with pytest.raises(CorruptFile):
        read("<a>" * 5000 + "</a>" * 5000)
    assert read("<a>" * 200 + "x" + "</a>" * 200) == "a: x"
