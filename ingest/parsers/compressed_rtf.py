"""Rich Text as Outlook compresses it ([MS-OXRTFCP]): an LZ77 with a dictionary that is filled at the start.

https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxrtfcp
"""

from __future__ import annotations

import struct

from ingest.errors import CorruptFile, TooLarge

_HEADER = struct.Struct("<LL4sL")
_COMPRESSED, _STORED = b"LZFu", b"MELA"
_FIRST = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4096
_MAX_BYTES = 50 * 1024 * 1024


def decompressed(data: bytes) -> bytes:
    """The Rich Text inside.

    Args:
        data: A message's property 0x1009.

    Raises:
        CorruptFile: It is compressed by no method that is known.
        TooLarge: It has more than 50 MiB.
    """
    if len(data) < _HEADER.size:
        raise CorruptFile("The message's Rich Text is cut off. Save the message again and upload it.")
    _, size, method, _ = _HEADER.unpack_from(data)
    content = data[_HEADER.size :]
    if method == _STORED:
        return content[:size]
    if method != _COMPRESSED:
        raise CorruptFile("The message's Rich Text is packed in an unknown way. Save the message again.")
    if size > _MAX_BYTES:
        raise TooLarge(f"The message's Rich Text has {size:,} bytes, more than {_MAX_BYTES:,}.")
    return _expanded(content, size)


def _expanded(content: bytes, size: int) -> bytes:
    """Runs of eight items, each a letter or a place in the last 4,096 letters, told apart by the bits before them."""
    out = bytearray(_FIRST)
    end = len(_FIRST) + size
    at = 0
    while at < len(content) and len(out) < end:
        kinds = content[at]
        at += 1
        for bit in range(8):
            if not kinds >> bit & 1:
                out += content[at : at + 1]
                at += 1
                continue
            if at + 1 >= len(content):
                return bytes(out[len(_FIRST) :])
            place = int.from_bytes(content[at : at + 2], "big")
            at += 2
            # Where the place is where the next letter will be written, the text ends.
            back = (len(out) - (place >> 4)) % _WINDOW
            if back == 0:
                return bytes(out[len(_FIRST) :])
            for _ in range((place & 0xF) + 2):
                out.append(out[-back] if back <= len(out) else 0x20)
    return bytes(out[len(_FIRST) : end])
