"""How much the streams of a PDF unpack to, all together, found out before any of them is read.

The readers bound each stream on its own, and a file may have a hundred thousand of them. Images are left out: they are
drawn one at a time and only where a page is a scan, and a white page of ten megabytes packs into a few kilobytes.
"""

from __future__ import annotations

import re
import zlib

from ingest.config import MEBIBYTE
from ingest.errors import LimitExceeded

# A book of ten thousand pages unpacks to about 100 MiB.
MAX_INFLATED_BYTES = 1024 * MEBIBYTE
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_DEFLATED = re.compile(rb"/(?:FlateDecode|Fl)\b")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
# Where a stream's dictionary is looked for, before the stream.
_DICTIONARY_BYTES = 2048
_PIECE = 64 * 1024


def check_inflation(data: bytes, limit: int = MAX_INFLATED_BYTES) -> None:
    """Unpack every packed stream that is no image, keeping nothing.

    Args:
        data: A PDF.
        limit: Bytes that they may have together.

    Raises:
        LimitExceeded: They have more.
    """
    left = limit
    for found in _STREAM.finditer(data):
        described = data[max(0, found.start() - _DICTIONARY_BYTES) : found.start()].rpartition(b" obj")[2]
        if _DEFLATED.search(described) and not _IMAGE.search(described):
            left -= _inflated(data, found.end(), left)
        if left <= 0:
            raise LimitExceeded(
                f"The PDF's streams unpack to more than {limit // MEBIBYTE} MiB together. Split the file."
            )


def _inflated(data: bytes, start: int, limit: int) -> int:
    """Bytes that the stream at a place unpacks to, at most a little over the limit; 0 where it is none."""
    unpacker, total, at = zlib.decompressobj(), 0, start
    rest = b""
    while total <= limit and not unpacker.eof:
        piece = rest or data[at : at + _PIECE]
        if not rest:
            at += len(piece)
        if not piece:
            break
        try:
            total += len(unpacker.decompress(piece, MEBIBYTE))
        except zlib.error:
            # Damaged, or not packed this way; the readers say more of it.
            break
        rest = unpacker.unconsumed_tail
    return total
