"""What a reader of one passage alone would have to know: the document's title, the headings above, the column names.

It is read by the embedder before the passage and indexed beside it, and never cited.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from ingest.types import BlockKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.chunk import CountTokens
    from ingest.types import Chunk, Document

# Characters of the title with the headings, and of a table's first row: together about half of what the bundled
# model reads beside a full passage.
MAX_HEADINGS = 200
MAX_ROW = 160
SEPARATOR = " > "
# Characters of the file's name beside a title.
MAX_NAME = 60
_SEPARATORS = re.compile(r"[\s_.\-]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
# Names that programs give: a hash or an id.
_CODE = re.compile(r"(?i)\b(?=\w*\d\w*[a-f])[0-9a-f]{16,}\b|\b[0-9a-f]{8} [0-9a-f]{4} [0-9a-f]{4}\b")


def contexts(document: Document, passages: Sequence[Chunk]) -> tuple[str, ...]:
    """For each passage, in order: title and headings, then the first row of the table that it continues."""
    tables = [block for block in document.blocks if block.kind is BlockKind.TABLE]
    found: list[str] = []
    at = 0
    for passage in passages:
        lines = [headings(document, passage)]
        while at < len(tables) and tables[at].end <= passage.start:
            at += 1
        if at < len(tables) and tables[at].start < passage.start:
            # The row alone is cut out: the table may be millions of characters, and is come to for each passage.
            first, last = tables[at].start, tables[at].end
            row_end = document.text.find("\n", first, last)
            lines.append(document.text[first : last if row_end < 0 else row_end].strip()[:MAX_ROW])
        found.append("\n".join(filter(None, lines)))
    return tuple(found)


def fitting(contexts: Sequence[str], room: int, count_tokens: CountTokens) -> list[str]:
    """Contexts without what a model cannot read of them; in some scripts each character is a token.

    Args:
        contexts: Of the passages of one document.
        room: Tokens that the model reads beside the longest passage.
        count_tokens: The embedder's word pieces in each text.
    """
    short = dict(zip(contexts, contexts, strict=True))
    todo = list(short)
    while todo:
        counted = zip(todo, count_tokens([short[each] for each in todo]), strict=True)
        over = {each: count for each, count in counted if count > room}
        short |= {
            each: short[each][: len(short[each]) * room // count].rstrip() for each, count in over.items()
        }
        todo = list(over)
    return [short[each] for each in contexts]


def headings(document: Document, passage: Chunk) -> str:
    """Title and headings, the outermost first; when they are too long the title and the nearest ones are kept."""
    title = _named(document)
    path = [title, *(each for each in passage.headings if each != document.title)]
    while len(path) > 2 and len(SEPARATOR.join(path)) > MAX_HEADINGS:  # noqa: PLR2004 - title and the nearest.
        del path[1]
    return SEPARATOR.join(path)[:MAX_HEADINGS]


def _named(document: Document) -> str:
    """The title, after the file's name where that has words which the title lacks: people put there what a file is."""
    name = _SEPARATORS.sub(" ", PurePath(document.filename).stem).strip()
    if document.title == document.filename:
        return name or document.title
    known = document.title.casefold()
    adds = any(word.casefold() not in known for word in _WORD.findall(name))
    return f"{name[:MAX_NAME]}: {document.title}" if adds and not _CODE.search(name) else document.title
