"""Archives, and the office files that are archives inside."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from benchmarks.bombs.kinds import READY, REFUSED, Bomb

if TYPE_CHECKING:
    from random import Random

MEBIBYTE = 1024 * 1024
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)
_ROOT = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zeros(size: int, method: int = zipfile.ZIP_DEFLATED, name: str = "zeros.txt") -> bytes:
    """An archive of one file of zeros, of so many bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive, archive.open(name, "w", force_zip64=True) as member:
        for _ in range(size // MEBIBYTE):
            member.write(bytes(MEBIBYTE))
    return target.getvalue()


def packed(parts: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of some parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def word(body: bytes | str, method: int = zipfile.ZIP_DEFLATED, **more: str) -> bytes:
    """A Word document with a given main part."""
    parts: dict[str, bytes | str] = {"[Content_Types].xml": _TYPES, "_rels/.rels": _ROOT}
    return packed(parts | {"word/document.xml": body} | more, method)


def lying(data: bytes, claimed: int = 100) -> bytes:
    """The same archive, each of its members said to have a hundred bytes."""
    out = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = out.find(signature)
        while at >= 0:
            struct.pack_into("<L", out, at + offset, claimed)
            at = out.find(signature, at + 4)
    return bytes(out)


def overlapping(members: int) -> bytes:
    """Many members that share one stretch of packed bytes, after https://www.bamsoftware.com/hacks/zipbomb/."""
    content = zlib.compress(bytes(100 * MEBIBYTE), 9)[2:-4]
    check = zlib.crc32(bytes(100 * MEBIBYTE))
    sizes = struct.pack("<3L", check, len(content), 100 * MEBIBYTE)
    local = b"PK\x03\x04" + struct.pack("<5H", 20, 0, 8, 0, 0) + sizes + struct.pack("<2H", 1, 0) + b"a"
    directory = b"".join(
        b"PK\x01\x02"
        + struct.pack("<6H", 20, 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<5H2L", len(name), 0, 0, 0, 0, 0, 0)
        + name
        for name in (f"{number}.txt".encode() for number in range(members))
    )
    start = len(local) + len(content)
    end = b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, members, members, len(directory), start, 0)
    return local + content + directory + end


def nested(depth: int, width: int) -> bytes:
    """Archives in archives."""
    inner = zeros(20 * MEBIBYTE)
    for _ in range(depth):
        inner = packed({f"{number}.zip": inner for number in range(width)})
    return inner


def _paragraph(text: str) -> str:
    return f'<w:document xmlns:w="{_W}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>'


def laughs(name: str = "lol") -> str:
    """A declaration of entities, the last of which is a billion times the first."""
    entities = [f'<!ENTITY {name}0 "ha ha ha ha ">']
    entities += [f'<!ENTITY {name}{n} "{f"&{name}{n - 1};" * 10}">' for n in range(1, 10)]
    return f'<?xml version="1.0"?><!DOCTYPE x [{"".join(entities)}]>'


def laughing_word(_: Random, __: int) -> bytes:
    """Row 3 in an office file."""
    return word(laughs() + _paragraph("&lol9;"))


def entity_word(_: Random, __: int) -> bytes:
    """Row 13: an entity that is a file of the machine."""
    return word('<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _paragraph("Read: &x; here."))


def linked_word(_: Random, __: int) -> bytes:
    """Row 12: an image, and a template, that are files of the machine."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{kind}/image" Target="file:///etc/passwd" TargetMode="External"/>'
        f'<Relationship Id="r2" Type="{kind}/attachedTemplate" Target="../../../etc/passwd"/></Relationships>'
    )
    return word(_paragraph("A picture of a boiler is linked."), **{"word/_rels/document.xml.rels": links})


def long_word(_: Random, size: int) -> bytes:
    """A document that is nothing but one paragraph."""
    return word(_paragraph("word " * 30_000 * size))


def traversing(_: Random, __: int) -> bytes:
    """A member whose name leads out of the archive."""
    return packed({"../../../tmp/footnote-bomb.txt": "The traversing file."})


def _zeros(_: Random, size: int) -> bytes:
    return zeros(300 * size * MEBIBYTE)


def _bzip2(_: Random, size: int) -> bytes:
    return zeros(20 * size * MEBIBYTE, zipfile.ZIP_BZIP2)


def _lzma(_: Random, __: int) -> bytes:
    return packed({"a.txt": "a" * 100_000}, zipfile.ZIP_LZMA)


def _lying_zip(_: Random, size: int) -> bytes:
    return lying(zeros(300 * size * MEBIBYTE))


def _lying_word(_: Random, size: int) -> bytes:
    return lying(word(bytes(300 * size * MEBIBYTE)))


def _huge_word(_: Random, size: int) -> bytes:
    return word(bytes(300 * size * MEBIBYTE))


def _bzip2_word(_: Random, __: int) -> bytes:
    return word(_paragraph("x"), zipfile.ZIP_BZIP2)


_OPEN = frozenset((READY, *REFUSED))
_LARGE, _CORRUPT, _UNKNOWN = (
    frozenset((code,)) for code in ("too_large", "corrupt_file", "unsupported_type")
)
BOMBS = (
    Bomb("zip of one huge file", "zeros.zip", _zeros, _LARGE),
    Bomb("8 zip renamed .doc", "zeros.doc", _zeros),
    Bomb("8 zip renamed .txt", "zeros.txt", _zeros),
    Bomb("nested zip", "nested.zip", lambda _, size: nested(1 + size, 4), _UNKNOWN | _LARGE),
    Bomb("zip whose members share bytes", "shared.zip", lambda _, size: overlapping(1000 * size), _LARGE),
    Bomb("zip that lies about sizes", "lying.zip", _lying_zip, _CORRUPT),
    Bomb("6 docx that lies about sizes", "lying.docx", _lying_word, REFUSED),
    Bomb("6 docx with a huge part", "huge.docx", _huge_word, REFUSED),
    Bomb("7 zip entry packed by BZIP2", "bzip2.zip", _bzip2, _UNKNOWN),
    Bomb("7 zip entry packed by LZMA", "lzma.zip", _lzma, _UNKNOWN),
    Bomb("7 docx packed by BZIP2", "bzip2.docx", _bzip2_word, _CORRUPT | _UNKNOWN),
    Bomb("3 billion laughs in a docx", "laughs.docx", laughing_word, _OPEN),
    Bomb("13 external entity in a docx", "entity.docx", entity_word, _OPEN, "root:"),
    Bomb("12 docx image linked to a file", "linked.docx", linked_word, frozenset((READY,)), "root:"),
    Bomb("docx of one long paragraph", "long.docx", long_word, _OPEN),
    Bomb("9 zip of traversing names", "names.zip", traversing, frozenset((READY,))),
)
