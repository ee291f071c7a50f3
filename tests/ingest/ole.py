"""A writer for small OLE containers ([MS-CFB], version 3), as Outlook keeps its messages in."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

Tree = Mapping[str, "bytes | Tree"]

_SECTOR, _MINI_SECTOR, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_HEADER = struct.Struct("<8s16x5H6x9L")
_ENTRY = struct.Struct("<64sHBB3L16xL16xLL4x")


@dataclass
class _Entry:
    name: str
    kind: int
    next: int = _FREE
    child: int = _FREE
    start: int = _END
    size: int = 0

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le")
        return _ENTRY.pack(
            name, len(name) + 2, self.kind, 1, _FREE, self.next, self.child, 0, self.start, self.size
        )


@dataclass
class _Sectors:
    size: int
    data: bytearray = field(default_factory=bytearray)
    chain: list[int] = field(default_factory=list)

    def store(self, content: bytes) -> int:
        """Append content as one chain and give its first sector."""
        if not content:
            return _END
        first, count = len(self.chain), -(-len(content) // self.size)
        self.data += content.ljust(count * self.size, b"\0")
        self.chain += [*range(first + 1, first + count), _END]
        return first


def container(tree: Tree) -> bytes:
    """A container with these storages and streams; all streams are shorter than 4,096 bytes."""
    entries: list[_Entry] = []
    big, mini = _Sectors(_SECTOR), _Sectors(_MINI_SECTOR)

    def add(name: str, node: bytes | Tree) -> int:
        index = len(entries)
        entries.append(_Entry(name, 1))
        if isinstance(node, bytes):
            assert len(node) < _CUTOFF
            entries[index] = _Entry(name, 2, start=mini.store(node), size=len(node))
            return index
        children = [add(inner, value) for inner, value in node.items()]
        for left, right in pairwise(children):
            entries[left].next = right
        if children:
            entries[index].child = children[0]
        return index

    add("Root Entry", tree)
    entries[0].kind, entries[0].size = 5, len(mini.data)
    entries[0].start = big.store(bytes(mini.data))
    mini_fat = big.store(_table(mini.chain))
    mini_count = -(-len(mini.chain) * 4 // _SECTOR)
    directory = big.store(b"".join(entry.packed() for entry in entries))
    fat_count = 1
    while (len(big.chain) + fat_count) * 4 > fat_count * _SECTOR:
        fat_count += 1
    first = len(big.chain)
    header = _HEADER.pack(
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6),
        *(0, fat_count, directory, 0, _CUTOFF, mini_fat, mini_count, _END, 0),
    )
    places = [*range(first, first + fat_count), *[_FREE] * (109 - fat_count)]
    fat = _table([*big.chain, *[_FAT] * fat_count])
    return header + struct.pack("<109L", *places) + bytes(big.data) + fat


def _table(chain: list[int]) -> bytes:
    packed = struct.pack(f"<{len(chain)}L", *chain)
    return packed + b"\xff" * (-len(packed) % _SECTOR)
