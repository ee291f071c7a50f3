"""One original through parse, chunk and embed. A failure concerns that document alone."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ingest.chunk import build_tree
from ingest.context import contexts, fitting
from ingest.errors import LimitExceeded, TooLarge
from ingest.hidden import apart, blanked, disclosures, hidden_characters, without_hidden
from ingest.media import PDF
from ingest.memory import give_back
from ingest.types import BlockKind, ChunkTree, Document, EmbeddedChunks, heading_text
from ingest.vision import Readings, VisionConfig, with_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ingest.config import ChunkConfig, ParseConfig
    from ingest.embed import Embedder
    from ingest.parse import Parser
    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector, Parsed
    from ingest.vision import Vision

    # Called with "parsing" or "embedding" and the share of that stage that is done, 0 to 1.
    Progress = Callable[[str, float], None]


# Word pieces left for a passage's context, of what the model reads of one text. Longer contexts are cut.
CONTEXT_TOKENS = 64


# Passages embedded at a time and kept before the next ones: some seconds of work, which is what a kill costs.
PART_PASSAGES = 512


class Drafts(Readings, Protocol):
    """Vectors that need not be computed again: of a document in work for its next try, and of what is ready."""

    def held(self, contents: Sequence[str]) -> dict[str, tuple[FloatVector, FloatMatrix]]:
        """Vectors of passages, and of their sentences, that the document's collection holds already, by their content.

        Args:
            contents: What ``EmbeddedChunks.contents`` says of passages.
        """

    def load(self, part: str) -> tuple[FloatMatrix, FloatMatrix] | None:
        """What was saved under a name, of passages and of sentences, or None."""

    def save(self, part: str, vectors: FloatMatrix, sentence_vectors: FloatMatrix) -> None:
        """Keep vectors under a name that says all that they depend on."""


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
    part_passages: int = PART_PASSAGES
    # Reads pages that are pictures, and figures; None leaves them.
    vision: Vision | None = None
    vision_config: VisionConfig = field(default_factory=VisionConfig)

    def run(self, original: Original, progress: Progress, drafts: Drafts | None = None) -> Ingested:
        """Ingest one original.

        Args:
            original: The file and its identity.
            progress: Called with each step and the share of it that is done.
            drafts: Where parts of the work are kept that a later try of the same version finds again.

        Raises:
            IngestError: With the code that the document's status shows.
        """
        # What the last document took.
        give_back()
        progress("parsing", 0.0)
        if original.path.stat().st_size > self.parse_config.max_bytes:
            raise TooLarge(f"The file is larger than {self.parse_config.max_bytes:,} bytes. Split it.")
        media_type, parsed = self.parser.parse(original.path, original.filename)
        if self.vision is not None and parsed.pictures:
            parsed = with_pictures(
                parsed,
                original.document_id,
                self.vision,
                lambda picture: self.parser.draw(original.path, picture),
                self.vision_config,
                lambda share: progress("parsing", share),
                drafts,
            )
        document = _document(original, media_type, parsed)
        progress("embedding", 0.0)
        # A model that reads less than a passage and its context would not see the passage's end.
        most = min(
            self.chunk_config.max_tokens,
            max(self.embedder.max_tokens - CONTEXT_TOKENS, self.embedder.max_tokens // 2),
        )

        def count_tokens(texts: Sequence[str]) -> list[int]:
            # Cutting a long file takes minutes, in which it must be heard of and can be told to end.
            progress("embedding", 0.0)
            return self.embedder.count_tokens(texts)

        tree = build_tree(document, count_tokens, replace(self.chunk_config, max_tokens=most))
        if len(tree.passages) > self.chunk_config.max_passages:
            raise TooLarge(
                f"The file has {len(tree.passages):,} passages, more than the ceiling of "
                f"{self.chunk_config.max_passages:,}. Split it."
            )
        room = self.embedder.max_tokens - most
        return Ingested(document, tree, self._embed(document, tree, room, progress, drafts))

    def _embed(
        self, document: Document, tree: ChunkTree, room: int, progress: Progress, drafts: Drafts | None
    ) -> EmbeddedChunks:
        above = contexts(document, tree.passages)
        texts, shifts = [], []
        # As long as the text itself, so that sentences keep their places.
        shown = blanked(document.text, document.hidden)
        read = fitting(above, room, self.embedder.count_tokens)
        for context, chunk in zip(read, tree.passages, strict=True):
            before = f"{context}\n" if context else ""
            texts.append(before + shown[chunk.start : chunk.end])
            shifts.append(len(before) - chunk.start)
        parts: list[list[Span]] = [[] for _ in texts]
        for sentence in tree.sentences:
            if sentence.parent is not None:
                shift = shifts[sentence.parent]
                parts[sentence.parent].append((sentence.start + shift, sentence.end + shift))
        deadline = time.monotonic() + self.chunk_config.embed_timeout_s

        def in_time(stage: str, share: float) -> None:
            if time.monotonic() > deadline:
                raise LimitExceeded(
                    f"Embedding the file's {len(texts):,} passages took longer than "
                    f"{self.chunk_config.embed_timeout_s:g} seconds and was stopped. Split it, or raise the limit."
                )
            progress(stage, share)

        contents = [self._content(text, spans) for text, spans in zip(texts, parts, strict=True)]
        # What stands twice in a document is embedded once.
        places = dict(zip(contents, range(len(contents)), strict=True))
        vectors = drafts.held(list(places)) if drafts else {}
        every = list(places.items())
        left: list[tuple[str, int]] = []

        def embed(part: Sequence[tuple[str, int]], before: int, keep: Drafts | None) -> None:
            asked = [parts[at] for _, at in part]
            read = [texts[at] for _, at in part]
            whole, inner = self._part(read, asked, before, len(every), in_time, keep)
            ends = np.cumsum([len(each) for each in asked])[:-1]
            made = zip(whole, np.split(inner, ends), strict=True)
            vectors.update(zip((name for name, _ in part), made, strict=True))

        for start in range(0, len(every), self.part_passages):
            end = min(start + self.part_passages, len(every))
            # Parts begin where they did in a former try, whatever has come to be held since.
            part = [(name, at) for name, at in every[start:end] if name not in vectors]
            if 2 * len(part) <= self.part_passages:
                # What is little costs less anew than it costs to keep.
                left += part
                continue
            # The last part is followed by the end of the job, and need not be kept.
            keep = drafts if end < len(every) or left else None
            embed(part, start, keep)
        for start in range(0, len(left), self.part_passages):
            part = left[start : start + self.part_passages]
            embed(part, len(every) - len(left) + start, None)
        none = np.empty((0, self.embedder.dimensions), np.float32)
        return EmbeddedChunks(
            tree.passages,
            np.concatenate([none, *(vectors[each][0][None, :] for each in contents)]),
            np.concatenate([none, *(vectors[each][1] for each in contents)]),
            above,
            self.embedder.fingerprint,
            tuple(contents),
        )

    def _content(self, text: str, spans: list[Span]) -> str:
        """See ``EmbeddedChunks.contents``."""
        asked = json.dumps([self.embedder.fingerprint, text, spans]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(asked).hexdigest()

    def _part(
        self,
        texts: list[str],
        parts: list[list[Span]],
        before: int,
        total: int,
        progress: Progress,
        drafts: Drafts | None,
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """Vectors of some passages and of their sentences, computed or found from a former try."""
        if drafts is not None:
            asked = json.dumps([self.embedder.fingerprint, texts, parts]).encode("utf-8", "surrogatepass")
            name = hashlib.sha256(asked).hexdigest()
            kept = drafts.load(name)
            if kept is not None:
                progress("embedding", (before + len(texts)) / total)
                return kept
        made = self.embedder.embed_passages(
            texts, parts, lambda done: progress("embedding", (before + done) / total)
        )
        if drafts is not None:
            drafts.save(name, *made)
        return made


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
