"""PDFs that loop, inflate, or are merely enormous."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from benchmarks.bombs.kinds import READY, REFUSED, Bomb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_LIMITS = frozenset(("limit_exceeded", "too_large", "corrupt_file", "no_text"))
_OPEN = frozenset((READY, *REFUSED))


def pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A file of some objects, the first of which is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, start)
    return bytes(out)


def stream(content: bytes, entries: bytes = b"/Filter/FlateDecode") -> bytes:
    """A stream object, its bytes as they are."""
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(content), content)


def pages(contents: Sequence[bytes], catalog: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """A document with a page for each content stream."""
    count = len(contents)
    first = 4
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids),
        _FONT,
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % (first + 2 * number + 1)
        )
        objects.append(content)
    return pdf([*objects, *more])


def text(words: bytes) -> bytes:
    """A content stream that shows some words."""
    return stream(zlib.compress(b"BT /F1 12 Tf 72 720 Td (" + words + b") Tj ET"))


def previous_loop(_: Random, __: int) -> bytes:
    """Row 1: a cross-reference table whose predecessor is itself."""
    data = pages([text(b"Around and around.")])
    at = data.rindex(b"xref\n0")
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % at)


def outline_loop(_: Random, __: int) -> bytes:
    """Row 1: an outline whose entries follow one another for ever."""
    entries = [
        b"<</Type/Outlines/First 7 0 R/Last 8 0 R/Count 2>>",
        b"<</Title(a)/Parent 6 0 R/Next 8 0 R/First 8 0 R>>",
        b"<</Title(b)/Parent 7 0 R/Next 7 0 R/First 7 0 R>>",
    ]
    return pages([text(b"An outline that loops.")], b"/Outlines 6 0 R", entries)


def tree_loop(_: Random, __: int) -> bytes:
    """Row 1: a page tree that holds itself."""
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R 2 0 R]>>"])


def one_stream(_: Random, size: int) -> bytes:
    """Row 2: a page whose content unpacks to two gigabytes."""
    piece, count = b"(a) Tj " * 150_000, 2_000 * size
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    # A block that refers to nothing before it can be repeated as it is.
    block = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _number in range(count):
        check = zlib.adler32(piece, check)
    return pages([stream(b"\x78\xda" + block * count + b"\x03\x00" + check.to_bytes(4, "big"))])


def twice_packed(_: Random, size: int) -> bytes:
    """Row 2: a stream in a stream."""
    inner = zlib.compress(b"(a) Tj " * 20_000_000 * size, 9)
    return pages([stream(zlib.compress(inner, 9), b"/Filter[/FlateDecode/FlateDecode]")])


def run_lengths(_: Random, size: int) -> bytes:
    """Row 2: RunLength, 64 to 1."""
    return pages([stream(b"\x81 " * 5_000_000 * size + b"\x80", b"/Filter/RunLengthDecode")])


def many_streams(_: Random, size: int) -> bytes:
    """Row 5: thousands of pages, each of whose streams is under every limit of its own."""
    packed = zlib.compress(b"BT /F1 9 Tf " + b"(a) Tj " * 100_000 + b"ET", 9)
    return pages([stream(packed)] * (5_000 * size))


def shared_stream(_: Random, size: int) -> bytes:
    """One long stream that a thousand pages draw."""
    packed = zlib.compress(b"BT /F1 9 Tf " + b"(a) Tj 0 1 Td " * 100_000 + b"ET", 9)
    data = pages([stream(packed)])
    kids = b" ".join([b"4 0 R"] * 1_000 * size)
    return data.replace(b"/Count 1/Kids[4 0 R]", b"/Count %d/Kids[%s]" % (1_000 * size, kids))


def laughing_metadata(_: Random, __: int) -> bytes:
    """Row 3: billion laughs in the XMP metadata."""
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    xmp = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">' + entities + b"]><x>&l9;</x>"
    return pages(
        [text(b"Laughing in the metadata.")], b"/Metadata 6 0 R", [stream(xmp, b"/Type/Metadata/Subtype/XML")]
    )


def huge_table(_: Random, __: int) -> bytes:
    """Row 4: a cross-reference table that claims two billion objects."""
    data = pages([text(b"Two billion objects.")])
    return data.replace(b"/Size 6", b"/Size 2147483647").replace(b"xref\n0 6", b"xref\n0 2147483647")


def huge_mapping(_: Random, size: int) -> bytes:
    """Row 4: a font whose ToUnicode map and widths name every code many times."""
    ranges = b"".join(b"<0000> <FFFF> <0020>\n" for _ in range(2_000 * size))
    mapping = stream(zlib.compress(b"begincmap\n100 beginbfrange\n" + ranges + b"endbfrange endcmap", 9))
    widths = b"[" + b"0 65535 500 " * 20_000 * size + b"]"
    font = (
        b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[7 0 R]/ToUnicode 6 0 R>>"
    )
    child = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<<>>/W %s>>" % widths
    return pages([text(b"AAAA")], b"", [mapping, child]).replace(_FONT, font)


def form_script(_: Random, __: int) -> bytes:
    """Row 13: an XFA form with an external entity."""
    xfa = b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><x:x xmlns:x="http://ns.adobe.com/xdp/">&x;</x:x>'
    return pages([text(b"A form.")], b"/AcroForm<</XFA 6 0 R/Fields[]>>", [stream(xfa, b"")])


def long_book(random: Random, _: int) -> bytes:
    """Ten thousand honest pages."""
    return pages(
        [
            text(b"Page %d of the log names %d." % (number, random.randrange(10**6)))
            for number in range(10_000)
        ]
    )


BOMBS = (
    Bomb("1 cross-reference loop", "previous.pdf", previous_loop, _OPEN),
    Bomb("1 outline loop", "outline.pdf", outline_loop, _OPEN),
    Bomb("1 page tree loop", "tree.pdf", tree_loop, REFUSED),
    Bomb("2 stream of gigabytes", "inflate.pdf", one_stream, _LIMITS),
    Bomb("2 stream packed twice", "twice.pdf", twice_packed, _LIMITS),
    Bomb("2 RunLength stream", "runs.pdf", run_lengths, _LIMITS),
    Bomb("5 thousands of streams", "many.pdf", many_streams, frozenset(("limit_exceeded",))),
    Bomb("one stream on a thousand pages", "shared.pdf", shared_stream, frozenset(("limit_exceeded",))),
    Bomb("3 billion laughs in XMP", "xmp.pdf", laughing_metadata, _OPEN),
    Bomb("4 huge cross-reference table", "xref.pdf", huge_table, _OPEN),
    Bomb("4 huge ToUnicode and widths", "unicode.pdf", huge_mapping, _OPEN),
    Bomb("13 XFA with an external entity", "xfa.pdf", form_script, _OPEN, "root:"),
    Bomb("10,000 pages", "book.pdf", long_book, frozenset((READY, "limit_exceeded"))),
)
