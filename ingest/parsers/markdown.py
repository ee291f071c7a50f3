"""Markdown: the decoded file unchanged, with blocks found by markdown-it (CommonMark and tables).

Only the block structure is parsed. Inline marks stay in the text, because every offset has to hold in
the file that the user has.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from importlib.metadata import version

from markdown_it import MarkdownIt

from ingest.parsers.text import decode
from ingest.types import Block, BlockKind, Disclosure, Parsed

_KINDS = {
    "table_open": BlockKind.TABLE,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
}
# What markdown-it counts as a line's end; str.splitlines knows several more.
_LINE_END = re.compile(r"\r\n|\n|\r")
# A block of "key: value" or "key = value" lines at the file's start, between two rows of marks.
_FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*(?:\r\n|\n|\r)(\w[\w-]*[ \t]*[:=].*?)(?:\r\n|\n|\r)\1[ \t]*(?=[\r\n]|\Z)", re.DOTALL
)
_FRONT_TITLE = re.compile(r"(?:\A|[\r\n])title[ \t]*[:=][ \t]*([^\r\n]+)", re.IGNORECASE)
# What may begin something unseen: a comment of HTML, or a link's definition that no link can name. A code span before
# it is passed over with what it holds.
_UNSEEN = re.compile(
    r"(?<!`)(?P<ticks>`{1,8})(?!`)[^`]{1,2000}(?<!`)(?P=ticks)(?!`)"
    r"|(?P<opened>^[ ]{0,3})?(?P<comment><!--)"
    r"|(?P<definition>^[ ]{0,3}\[(?://|comment|_|\#)\]:[ \t]+\S[^\r\n]*)",
    re.MULTILINE | re.IGNORECASE,
)
# A paragraph that happens to stand above a dashed line is no heading.
_MAX_UNDERLINED = 200


def parse(data: bytes) -> Parsed:
    """Read a Markdown file.

    Args:
        data: The file.

    Returns:
        The decoded text. Heading, table, code and list blocks cover whole lines, marks included; headings
        inside quotes and lists are left to their surroundings. The title is the front matter's.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    text = decode(data)
    front = _FRONT_MATTER.match(text)
    title = _FRONT_TITLE.search(front[2]) if front else None
    blocks = _blocks(text, front.end() if front else 0)
    unseen = _unseen(text, blocks)
    return Parsed(
        text=text,
        blocks=tuple(sorted([*blocks, *unseen], key=lambda block: block.start)),
        title=title[1].strip(" \t\"'") if title else "",
        parser=f"markdown/markdown-it-py-{version('markdown-it-py')}",
        disclosures=(Disclosure("comments", len(unseen), kept=True),) if unseen else (),
    )


def _unseen(text: str, blocks: list[Block]) -> list[Block]:
    """Comments, which are no part of the page that Markdown becomes; those in code are shown there."""
    code = [(block.start, block.end) for block in blocks if block.kind is BlockKind.CODE]
    code_ends = [last for _, last in code]
    found: list[Block] = []
    at = 0
    while (match := _UNSEEN.search(text, at)) is not None:
        at = match.end()
        inside = bisect_right(code_ends, match.start())
        if inside < len(code) and code[inside][0] <= match.start():
            at = code[inside][1]
        elif match["definition"]:
            found.append(Block(BlockKind.HIDDEN, match.start(), at))
        elif match["comment"]:
            last = text.find("-->", at)
            if last < 0 and match["opened"] is None:
                # Without an end it is text, unless it begins a line.
                break
            at = len(text) if last < 0 else last + len("-->")
            found.append(Block(BlockKind.HIDDEN, match.start("comment"), at))
    return found


def _blocks(text: str, offset: int) -> list[Block]:
    """Blocks of the part after the front matter, ordered by start."""
    body = text[offset:]
    starts = [0, *(match.end() for match in _LINE_END.finditer(body)), len(body)]
    reader = MarkdownIt("commonmark").enable("table")
    # Words inside a block do not matter here, and finding their marks takes most of the time.
    reader.core.ruler.enableOnly(["normalize", "block"])
    blocks: list[Block] = []
    for token in reader.parse(body):
        if token.map is None or (token.level > 0 and token.type != "fence"):
            continue
        first, last = token.map
        start = starts[min(first, len(starts) - 1)]
        end = starts[min(last, len(starts) - 1)]
        stretch = body[start:end]
        end -= len(stretch) - len(stretch.rstrip())
        if token.type == "heading_open":
            if token.markup in {"=", "-"} and end - start > _MAX_UNDERLINED:
                continue
            blocks.append(Block(BlockKind.HEADING, offset + start, offset + end, int(token.tag[1:])))
        elif token.type in _KINDS and end > start:
            blocks.append(Block(_KINDS[token.type], offset + start, offset + end))
    return blocks
