"""One original through parse, chunk and embed. A failure concerns that document alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.chunk import build_tree, heading_text
from ingest.errors import TooLarge
from ingest.types import BlockKind, ChunkTree, Document, EmbeddedChunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.config import ChunkConfig, ParseConfig
    from ingest.embed import Embedder
    from ingest.parse import Parser
    from ingest.types import Parsed

    # Called with "parsing" or "embedding" and the share of that stage that is done, 0 to 1.
    Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Original:
    """An uploaded file and the identity that the catalog gave it."""

    path: Path
    document_id: str
    version: int
    sha256: str
    filename: str
    title: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ingested:
    """Everything that the catalog stores of one document version."""

    document: Document
    tree: ChunkTree
    embedded: EmbeddedChunks


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The three steps with what they need."""

    parser: Parser
    embedder: Embedder
    parse_config: ParseConfig
    chunk_config: ChunkConfig

    def run(self, original: Original, progress: Progress) -> Ingested:
        """Ingest one original.

        Raises:
            IngestError: With the code that the document's status shows.
        """
        progress("parsing", 0.0)
        if original.path.stat().st_size > self.parse_config.max_bytes:
            raise TooLarge(f"The file is larger than {self.parse_config.max_bytes:,} bytes. Split it.")
        media_type, parsed = self.parser.parse(original.path, original.filename)
        document = _document(original, media_type, parsed)
        progress("embedding", 0.0)
        tree = build_tree(document, self.embedder.count_tokens, self.chunk_config)
        texts = [document.text[chunk.start : chunk.end] for chunk in tree.passages]
        vectors = self.embedder.embed_passages(texts, lambda done: progress("embedding", done / len(texts)))
        return Ingested(document, tree, EmbeddedChunks(tree.passages, vectors, self.embedder.fingerprint))


def _document(original: Original, media_type: str, parsed: Parsed) -> Document:
    """Join what the catalog knows with what the parser found."""
    headings = (heading_text(parsed.text, b) for b in parsed.blocks if b.kind is BlockKind.HEADING)
    title = original.title or parsed.title or next(headings, "") or original.filename
    return Document(
        id=original.document_id,
        version=original.version,
        sha256=original.sha256,
        filename=original.filename,
        title=title,
        media_type=media_type,
        text=parsed.text,
        blocks=parsed.blocks,
        parser=parsed.parser,
    )
