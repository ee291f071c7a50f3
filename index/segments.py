"""Whether tantivy's files are whole. Tantivy itself finds damage only where a search happens to read it.

Each file ends in a footer with the checksum of what stands before it
(https://github.com/quickwit-oss/tantivy/blob/main/src/directory/footer.rs).
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Postings, positions, terms, stored fields, columns, lengths.
_PARTS = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_MAGIC = 1337


def is_intact(folder: Path) -> bool:
    """Check every file that the index in a folder consists of, which reads them all.

    Args:
        folder: Where ``meta.json`` lies.
    """
    try:
        segments = json.loads((folder / "meta.json").read_bytes())["segments"]
        names = [name for segment in segments for name in _files(segment)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return all(_is_whole(folder / name) for name in names)


def remove_strays(folder: Path) -> None:
    """Remove what a commit that did not come to its end has left. The same commit made again stumbles over it.

    Tantivy numbers its lists of deleted documents from the last commit, and refuses to write one that is there.

    Args:
        folder: Where ``meta.json`` lies. Nobody writes to it meanwhile.

    Raises:
        OSError: The folder cannot be read, or a file not removed.
        ValueError: ``meta.json`` is damaged.
    """
    segments = json.loads((folder / "meta.json").read_bytes())["segments"]
    used = {name for segment in segments for name in _files(segment)}
    for path in folder.iterdir():
        of_commit = path.suffix.removeprefix(".") in (*_PARTS, "del") or path.name.startswith(".tmp")
        if of_commit and path.name not in used:
            path.unlink(missing_ok=True)


def _files(segment: dict[str, object]) -> list[str]:
    name = str(segment["segment_id"]).replace("-", "")
    found = [f"{name}.{part}" for part in _PARTS]
    deletes = segment["deletes"]
    if isinstance(deletes, dict):
        found.append(f"{name}.{deletes['opstamp']}.del")
    return found


def _is_whole(path: Path) -> bool:
    try:
        content = path.read_bytes()
        length, magic = struct.unpack("<II", content[-8:])
        body = memoryview(content)[: -8 - length]
        footer = json.loads(content[-8 - length : -8])
        return bool(magic == _MAGIC and footer["crc"] == zlib.crc32(body))
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return False
