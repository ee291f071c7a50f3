"""One original through parse, chunk and embed. A failure concerns that document alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.chunk import build_tree
from ingest.context import contexts, fitting
from ingest.errors import TooLarge
from ingest.hidden import apart, blanked, disclosures, hidden_characters, without_hidden
from ingest.media import PDF
from ingest.types import BlockKind, ChunkTree, Document, EmbeddedChunks, heading_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.config import ChunkConfig, ParseConfig
    from ingest.embed import Embedder
    from ingest.parse import Parser
    from ingest.types import Parsed

    # Called with "parsing" or "embedding" and the share of that stage that is done, 0 to 1.
    Progress = Callable[[str, float], None]


# Word pieces left for a passage's context, of what the model reads of one text. Longer contexts are cut.
CONTEXT_TOKENS = 64


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
        # A model that reads less than a passage and its context would not see the passage's end.
        most = min(
            self.chunk_config.max_tokens,
            max(self.embedder.max_tokens - CONTEXT_TOKENS, self.embedder.max_tokens // 2),
        )
        tree = build_tree(document, self.embedder.count_tokens, replace(self.chunk_config, max_tokens=most))
        return Ingested(
            document, tree, self._embed(document, tree, self.embedder.max_tokens - most, progress)
        )

    def _embed(self, document: Document, tree: ChunkTree, room: int, progress: Progress) -> EmbeddedChunks:
        above = contexts(document, tree.passages)
        texts, shifts = [], []
        # As long as the text itself, so that sentences keep their places.
        shown = blanked(document.text, document.hidden)
        read = fitting(above, room, self.embedder.count_tokens)
        for context, chunk in zip(read, tree.passages, strict=True):
            before = f"{context}\n" if context else ""
            texts.append(before + shown[chunk.start : chunk.end])
            shifts.append(len(before) - chunk.start)
        parts: list[list[tuple[int, int]]] = [[] for _ in texts]
        for sentence in tree.sentences:
            if sentence.parent is not None:
                shift = shifts[sentence.parent]
                parts[sentence.parent].append((sentence.start + shift, sentence.end + shift))
        vectors, inner = self.embedder.embed_passages(
            texts, parts, lambda done: progress("embedding", done / len(texts))
        )
        return EmbeddedChunks(tree.passages, vectors, inner, above, self.embedder.fingerprint)


def _document(original: Original, media_type: str, parsed: Parsed) -> Document:
    """Join what the catalog knows with what the parser found."""
    # What a format keeps because its text is the file itself. The others have left it out by now.
    seen = [*hidden_characters(parsed.text)]
    kept = Counter[str]()
    for code, (start, end) in seen:
        kept[code] += end - start
    comments = [(b.start, b.end) for b in parsed.blocks if b.kind is BlockKind.HIDDEN]
    readable = blanked(parsed.text, comments)
    headings = (heading_text(readable, b) for b in parsed.blocks if b.kind is BlockKind.HEADING)
    # The first heading of a PDF is told by its looks, and is as often a form's name or an address as a title.
    stated = "" if media_type == PDF else next(headings, "")
    title = without_hidden(original.title or parsed.title or stated or original.filename)
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
        disclosures=(*parsed.disclosures, *disclosures(kept, kept=True)),
        hidden=apart([*comments, *(span for _, span in seen)]),
    )
