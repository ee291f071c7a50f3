"""Puts a canonical text together from the paragraphs of a structured format, and keeps their offsets."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from ingest.hidden import counted, disclosures, hidden_characters, without_hidden
from ingest.parsers.text import clean
from ingest.types import Block, BlockKind, Parsed

CELL_SEPARATOR = " | "


class TextBuilder:
    """Collects paragraphs in reading order.

    Paragraphs are parted by an empty line, items of a list and rows of a table by a line feed.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._list_start: int | None = None
        # Number and first code point of the page that is being filled; none yet while it is empty.
        self._page: tuple[int, int | None] | None = None
        self._cut = False
        # What no reader of the file sees, by code: left out of the text, or kept in a part of it.
        self._left_out: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    def leave_out(self, code: str, count: int = 1) -> None:
        """Disclose something that no reader of the file sees and that is not in the text."""
        self._left_out[code] += count

    def keep(self, code: str, count: int = 1) -> None:
        """Disclose something that readers do not see at first and that is in the text all the same."""
        self._kept[code] += count

    def page(self, number: int) -> None:
        """Begin a page or slide; ``number`` counts from 1. It goes on to the next one or the end."""
        self._end_page()
        self._page = (number, None)

    def cut(self) -> None:
        """Let what comes next stand under no heading, unless it is one itself.

        The mark is a heading without words: it ends the section before it.
        """
        self._cut = any(block.kind is BlockKind.HEADING for block in self._blocks)

    def paragraph(self, text: str) -> None:
        """Add running text; nothing when it is empty."""
        self.end_list()
        self._add(text.strip(), "\n\n")

    def heading(self, text: str, level: int) -> None:
        """Add a heading; ``level`` counts from 1."""
        self.end_list()
        # Pages mark their headings with a link of no width.
        line = " ".join(text.replace("\u200b", "").split())
        self._cut = self._cut and not line
        self._block(BlockKind.HEADING, line, level)

    def code(self, text: str) -> None:
        """Add a stretch whose white space matters."""
        self.end_list()
        self._block(BlockKind.CODE, text.strip("\n").rstrip())

    def table(self, rows: list[list[str]]) -> None:
        """Add a table: one row a line, cells parted by a bar."""
        self.end_list()
        lines = [CELL_SEPARATOR.join(" ".join(cell.split()) for cell in row) for row in rows]
        self._block(BlockKind.TABLE, "\n".join(line for line in lines if line.strip(" |")))

    def item(self, text: str) -> None:
        """Add an item of a list; items that follow one another form one block."""
        separator = "\n\n" if self._list_start is None else "\n"
        start = self._add(text.strip(), separator)
        if self._list_start is None and start is not None:
            self._list_start = start

    def append(self, part: Parsed, deeper: int = 0) -> None:
        """Add what a parser made of a part of the file, its headings ``deeper`` levels further down.

        Its pages are left out: the file as a whole has none of these numbers.
        """
        self.end_list()
        for each in part.disclosures:
            (self._kept if each.kept else self._left_out)[each.code] += each.count
        gone = [at for _, span in hidden_characters(part.text) for at in range(*span)]
        start = self._add(part.text, "\n\n")
        if start is None:
            return
        for block in part.blocks:
            if block.kind is BlockKind.PAGE:
                continue
            number = block.number + deeper if block.kind is BlockKind.HEADING else block.number
            # A text file may keep characters that nobody sees; they have gone from here.
            first, last = (start + at - bisect_left(gone, at) for at in (block.start, block.end))
            self._blocks.append(Block(block.kind, first, last, number))

    def parsed(self, title: str, parser: str) -> Parsed:
        """The text so far."""
        self._end_page()
        blocks = sorted(
            self._blocks, key=lambda block: (block.start, -block.end, block.kind is not BlockKind.PAGE)
        )
        stated = " ".join(without_hidden(clean(title)).split())
        disclosed = (*disclosures(self._left_out), *disclosures(self._kept, kept=True))
        return Parsed("".join(self._parts), tuple(blocks), stated, parser, disclosed)

    def _block(self, kind: BlockKind, text: str, number: int = 0) -> None:
        start = self._add(text, "\n\n")
        if start is not None:
            self._blocks.append(Block(kind, start, self._length, number))

    def _add(self, text: str, separator: str) -> int | None:
        """Append text and give its start; None when there was nothing to append."""
        text = clean(text)
        self._left_out += counted(text)
        text = without_hidden(text)
        if not text:
            return None
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        if self._page and self._page[1] is None:
            self._page = (self._page[0], start)
        if self._cut:
            self._blocks.append(Block(BlockKind.HEADING, start, start, 1))
            self._cut = False
        return start

    def end_list(self) -> None:
        """Let the next item begin another list."""
        if self._list_start is not None:
            self._blocks.append(Block(BlockKind.LIST, self._list_start, self._length))
            self._list_start = None

    def _end_page(self) -> None:
        self.end_list()
        if self._page:
            number, start = self._page
            self._blocks.append(
                Block(BlockKind.PAGE, self._length if start is None else start, self._length, number)
            )
            self._page = None
