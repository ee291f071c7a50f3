"""Lines with their offsets, and the lists among them, for markup that is kept as the file has it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.types import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# str.splitlines knows several more line ends, which are white space inside a line here.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text.

    Attributes:
        text: Without its line end and white space before it.
        start: Offset of its first code point.
        indent: White space before its first visible character, in code points.
    """

    text: str
    start: int
    indent: int

    @property
    def end(self) -> int:
        """One past the last visible code point."""
        return self.start + len(self.text)


def lines_of(text: str) -> list[Line]:
    """Cut a text at its line ends."""
    lines = []
    for match in _LINE.finditer(text):
        if match.start() == match.end():
            continue
        visible = match[0].rstrip()
        lines.append(Line(visible, match.start(), len(visible) - len(visible.lstrip())))
    return lines


def block_of(kind: BlockKind, lines: Sequence[Line], number: int = 0) -> Block:
    """The block from the first of some lines to the last one that is not empty."""
    last = next((line for line in reversed(lines) if line.text), lines[-1])
    return Block(kind, lines[0].start, last.end, number)


def with_comments(blocks: Sequence[Block], comments: Iterable[Block]) -> tuple[Sequence[Block], int]:
    """Blocks and comments in order, and how many comments these are; those inside of code are shown there."""
    code = [block for block in blocks if block.kind is BlockKind.CODE]
    ends = [block.end for block in code]
    kept = []
    for each in comments:
        at = bisect_right(ends, each.start)
        if at == len(code) or each.start < code[at].start:
            kept.append(each)
    return sorted([*blocks, *kept], key=lambda block: block.start), len(kept)


def indented_end(lines: Sequence[Line], first: int, indent: int) -> int:
    """Index after the lines from ``first`` on that are empty or stand further in than ``indent``."""
    at = first
    while at < len(lines) and (not lines[at].text or lines[at].indent > indent):
        at += 1
    return at


def list_end(lines: Sequence[Line], first: int, item: re.Pattern[str]) -> int:
    """Index after the list that begins at ``first``: items, what is indented below them, lines left empty."""
    indent = lines[first].indent
    at = first + 1
    while at < len(lines):
        line = lines[at]
        follows = line.indent > indent or (line.indent == indent and item.match(line.text))
        if line.text and not follows:
            break
        at += 1
    while not lines[at - 1].text:
        at -= 1
    return at
