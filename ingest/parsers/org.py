"""Org: the decoded file unchanged, with blocks found by the rules of https://orgmode.org/worg/org-syntax.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.parsers.lines import block_of, lines_of, list_end, with_comments
from ingest.parsers.text import decode
from ingest.types import Block, BlockKind, Disclosure, Parsed

if TYPE_CHECKING:
    from ingest.parsers.lines import Line

_HEADING = re.compile(r"(\*+)\s+\S")
_TITLE = re.compile(r"^#\+title:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_BEGIN = re.compile(r"\s*#\+begin_(src|example|export)\b", re.IGNORECASE)
_END = re.compile(r"\s*#\+end_", re.IGNORECASE)
_COMMENT = re.compile(r"\s*#(?:\s|\Z)")
_COMMENT_BEGIN, _COMMENT_END = "#+begin_comment", "#+end_comment"
_ITEM = re.compile(r"\s*(?:[-+]|\d{1,4}[.)]|[a-zA-Z][.)])\s+\S|\s+\*\s+\S")
_RULE = re.compile(r"\s*\|-[-+|]*")


def parse(data: bytes) -> Parsed:
    """Read an Org file.

    Args:
        data: The file.

    Returns:
        The decoded text. Headings keep their stars; a table begins at its first row. The title is that of
        the ``#+TITLE`` line.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    text = decode(data)
    title = _TITLE.search(text)
    lines = lines_of(text)
    blocks, unseen = with_comments(_blocks(lines), _comments(lines))
    disclosed = (Disclosure("comments", unseen, kept=True),) if unseen else ()
    return Parsed(text, tuple(blocks), " ".join(title[1].split()) if title else "", "org/lines-1", disclosed)


def _comments(lines: list[Line]) -> list[Block]:
    """Lines and blocks of comments, which are no part of what is exported."""
    last = max((at for at, line in enumerate(lines) if line.text.strip().lower() == _COMMENT_END), default=-1)
    found = []
    at = 0
    while at < len(lines):
        end = at + 1
        if lines[at].text.strip().lower() == _COMMENT_BEGIN and at < last:
            while lines[end - 1].text.strip().lower() != _COMMENT_END:
                end += 1
            found.append(block_of(BlockKind.HIDDEN, lines[at:end]))
        elif _COMMENT.match(lines[at].text):
            while end < len(lines) and _COMMENT.match(lines[end].text):
                end += 1
            found.append(block_of(BlockKind.HIDDEN, lines[at:end]))
        at = end
    return found


def _blocks(lines: list[Line]) -> list[Block]:
    blocks: list[Block] = []
    # Where the last line of each kind of end stands: behind it nothing needs to be looked for.
    last_ends = {
        line.text.strip().lower(): index for index, line in enumerate(lines) if _END.match(line.text)
    }
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if found := _HEADING.match(line.text):
            blocks.append(block_of(BlockKind.HEADING, [line], len(found[1])))
        elif found := _BEGIN.match(line.text):
            mark = f"#+end_{found[1].lower()}"
            if last_ends.get(mark, 0) > at:
                end = next(i + 1 for i in range(at, len(lines)) if lines[i].text.strip().lower() == mark)
            if end - at > 2:  # noqa: PLR2004 - the two lines of its frame and nothing between them.
                blocks.append(block_of(BlockKind.CODE, lines[at + 1 : end - 1]))
        elif line.text.lstrip().startswith("|"):
            while end < len(lines) and lines[end].text.lstrip().startswith("|"):
                end += 1
            first = at + 1 if _RULE.fullmatch(line.text) else at
            if first < end:
                blocks.append(block_of(BlockKind.TABLE, lines[first:end]))
        elif _ITEM.match(line.text):
            end = list_end(lines, at, _ITEM)
            blocks.append(block_of(BlockKind.LIST, lines[at:end]))
        at = end
    return blocks
