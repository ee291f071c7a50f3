"""What the ingest stages emit.

Offsets count Unicode code points into ``Document.text``, end exclusive. Pages count from 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    FloatMatrix = NDArray[np.float32]
    FloatVector = NDArray[np.float32]


# A row of one mark below a heading, or below and above it.
_UNDERLINE = re.compile(r"\s{0,3}(?:=+|-+|([^\w\s])\1{2,})")
_OVERLINE = re.compile(r"([^\w\s])\1{2,}")
_MARKS = re.compile(r"#{1,6}|\*{1,8}")


# Left, top, right and bottom of a part of a page, as fractions of its visible size.
Sides = tuple[float, float, float, float]


class BlockKind(StrEnum):
    """What a stretch of the canonical text is in the original."""

    HEADING = "heading"
    PAGE = "page"
    TABLE = "table"
    # A running header or footer of a page.
    MARGIN = "margin"
    LIST = "list"
    CODE = "code"
    # Part of the file that no reader of it sees. It stays in the text, and is neither searched nor said.
    HIDDEN = "hidden"
    # What a model wrote of a picture in the file: of a page that has no text, or of a figure.
    PICTURE = "picture"


class Level(StrEnum):
    """A level of the chunk tree, from the largest to the smallest."""

    SECTION = "section"
    PASSAGE = "passage"
    SENTENCE = "sentence"


@dataclass(frozen=True, slots=True)
class Block:
    """A structural stretch of the canonical text.

    Attributes:
        kind: What it is.
        start: First code point.
        end: One past the last code point.
        number: Heading level (1 is the highest) for headings, page number (from 1) for pages and pictures, else 0.
        box: Of a picture: left, top, right and bottom, as fractions of its page.
    """

    kind: BlockKind
    start: int
    end: int
    number: int = 0
    box: Sides | None = None


def heading_text(document_text: str, block: Block) -> str:
    """The words of a heading block, as a reader sees them.

    Args:
        document_text: The canonical text that the block points into.
        block: A heading block.

    Returns:
        One line: white space collapsed, the marks of Markdown and Org and all underlines left out.
    """
    lines = document_text[block.start : block.end].strip().splitlines()
    if len(lines) > 2 and _OVERLINE.fullmatch(lines[0]):  # noqa: PLR2004 - a line above, words, a line below.
        lines.pop(0)
    if len(lines) > 1 and _UNDERLINE.fullmatch(lines[-1]):
        lines.pop()
    words = " ".join(lines).split()
    if len(words) > 1 and _MARKS.fullmatch(words[0]):
        words = words[1:]
    if len(words) > 1 and not words[-1].strip("#"):
        words.pop()
    return " ".join(words)


def transcribed(blocks: Sequence[Block]) -> tuple[tuple[int, int], ...]:
    """Spans of a text that a model wrote of pictures, in order."""
    return tuple((block.start, block.end) for block in blocks if block.kind is BlockKind.PICTURE)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, as fractions of the page's visible size after its rotation.

    Attributes:
        page: Counts from 1.
        x0: Left edge; 0 is the left of the page.
        y0: Upper edge; 0 is the top of the page.
        x1: Right edge, at most 1.
        y1: Lower edge, at most 1.
    """

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Something in a file that its readers do not see, or see otherwise, and that its owner should know of.

    Attributes:
        code: What it is, such as ``invisible_text``.
        count: How much of it: characters, comments, sheets or stretches of text.
        kept: Whether it stands in the canonical text. Then it is neither searched nor said in answers.
    """

    code: str
    count: int
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a page that says nothing without being looked at.

    Attributes:
        page: Counts from 1.
        box: Where it is on the page.
        whole: Whether it stands for all of a page that has no text; if not, it is a figure.
    """

    page: int
    box: Sides
    whole: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser makes of one file.

    Attributes:
        text: The canonical text, the one that every later offset refers to.
        blocks: Ordered by start; pages do not overlap one another, nor do headings.
        title: The title that the file itself states, or an empty string.
        parser: Parser name and the version of the library behind it, such as ``pdf/pypdf-7.1.0``.
        disclosures: What readers of the file do not see.
        pictures: What a model could say more of, in the order of the pages; only where that was asked for. A file of
            pictures alone may then have no text.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str
    parser: str
    disclosures: tuple[Disclosure, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one document, parsed.

    Attributes:
        id: The catalog's opaque id, the same for all versions.
        version: Counts from 1.
        sha256: Of the original bytes, hexadecimal.
        filename: As uploaded.
        title: What the file states, else the first heading, else the file name.
        media_type: As detected from the content.
        text: Canonical text.
        blocks: See ``Block``.
        parser: See ``Parsed``.
        disclosures: What readers of the file do not see, see ``Parsed``.
        hidden: Spans of the text that no reader of the file sees, ordered and apart.
    """

    id: str
    version: int
    sha256: str
    filename: str
    title: str
    media_type: str
    text: str
    blocks: tuple[Block, ...]
    parser: str
    disclosures: tuple[Disclosure, ...] = ()
    hidden: tuple[tuple[int, int], ...] = ()

    @property
    def transcribed(self) -> tuple[tuple[int, int], ...]:
        """Spans of the text that a model wrote of pictures, in order."""
        return transcribed(self.blocks)

    @property
    def pages(self) -> int | None:
        """How many pages the original has, or None when it has none (a text file)."""
        numbers = [block.number for block in self.blocks if block.kind is BlockKind.PAGE]
        return max(numbers) if numbers else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A node of the chunk tree: ``document.text[start:end]``.

    Attributes:
        ordinal: Position among the chunks of this level in the document, from 0.
        level: Section, passage or sentence.
        parent: Ordinal of the chunk one level up, or None for a section.
        start: First code point.
        end: One past the last code point.
        headings: Headings above this chunk, outermost first.
        pages: First and last page, or None when the document has no pages.
    """

    ordinal: int
    level: Level
    parent: int | None
    start: int
    end: int
    headings: tuple[str, ...]
    pages: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class ChunkTree:
    """All chunks of one document. Each level covers the document's text without gap or overlap."""

    sections: tuple[Chunk, ...]
    passages: tuple[Chunk, ...]
    sentences: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedChunks:
    """Passages with their vectors.

    Attributes:
        chunks: The passages of a document, in order.
        vectors: float32, shape (len(chunks), dimensions), rows of unit length.
        sentence_vectors: The same for the sentences of all passages, in order; shape (sentences, dimensions).
        contexts: What each passage was read under, see ``ingest.context``.
        fingerprint: Names the model and everything else that the vectors depend on.
        contents: SHA-256 of all that each passage's vectors depend on; what is equal has equal vectors.
    """

    chunks: tuple[Chunk, ...]
    vectors: FloatMatrix
    sentence_vectors: FloatMatrix
    contexts: tuple[str, ...]
    fingerprint: str
    contents: tuple[str, ...]
