"""What a reader of one passage alone would have to know: the document's title, the headings above, the column names.

It is read by the embedder before the passage and indexed beside it, and never cited.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from ingest.types import BlockKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.types import Chunk, Document

# Characters of the title with the headings, and of a table's first row: together about half of what the bundled
# model reads beside a full passage.
MAX_HEADINGS = 200
MAX_ROW = 160
SEPARATOR = " > "


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
            table = tables[at]
            row = document.text[table.start : table.end].partition("\n")[0]
            lines.append(row.strip()[:MAX_ROW])
        found.append("\n".join(filter(None, lines)))
    return tuple(found)


def headings(document: Document, passage: Chunk) -> str:
    """Title and headings, the outermost first; when they are too long the title and the nearest ones are kept."""
    title = document.title
    if title == document.filename:
        title = PurePath(document.filename).stem.replace("_", " ")
    path = [title, *(each for each in passage.headings if each != title)]
    while len(path) > 2 and len(SEPARATOR.join(path)) > MAX_HEADINGS:  # noqa: PLR2004 - title and the nearest.
        del path[1]
    return SEPARATOR.join(path)[:MAX_HEADINGS]
