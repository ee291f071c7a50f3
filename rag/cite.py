"""Builds an answer sentence by sentence: its text with markers, its claims, and checked footnotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.errors import NotFound
from index.sight import EVERYTHING
from ingest.chunk import PageFinder
from ingest.errors import IngestError
from ingest.hidden import blanked
from ingest.types import BlockKind, Box, transcribed
from rag.types import Citation, Claim, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from index.blobs import Blobs
    from index.reading import CatalogReader
    from index.sight import Sight
    from index.types import StoredText
    from ingest.parse import Parser
    from ingest.sentences import Span
    from rag.types import Evidence, Support

PDF = "application/pdf"


class Sources:
    """The stored texts that footnotes of one answer are taken from, each read once."""

    def __init__(
        self, catalog: CatalogReader, blobs: Blobs, parser: Parser, sight: Sight = EVERYTHING
    ) -> None:
        self._catalog = catalog
        self._sight = sight
        self._blobs = blobs
        self._parser = parser
        self._texts: dict[tuple[str, int], StoredText] = {}

    def citation(self, number: int, evidence: Evidence, span: Span, support: float) -> Citation | None:
        """A footnote on a span of a document, read from what is stored now.

        Returns:
            None when the document was deleted meanwhile: then there is nothing to cite.
        """
        stored = self.text(evidence)
        if stored is None:
            return None
        start, end = span
        pages = PageFinder(stored.blocks).of(start, end)
        return Citation(
            number=number,
            document_id=evidence.document_id,
            version=evidence.version,
            title=stored.title,
            filename=stored.filename,
            start=start,
            end=end,
            quote=stored.text[start:end],
            pages=pages,
            boxes=self._boxes(stored, start, end, pages),
            headings=evidence.headings,
            support=support,
            transcribed=tuple(
                (max(first, start), min(last, end))
                for first, last in transcribed(stored.blocks)
                if first < end and start < last
            ),
        )

    def text(self, evidence: Evidence) -> StoredText | None:
        """What is stored of the version that the evidence is of; None when it was deleted meanwhile."""
        key = (evidence.document_id, evidence.version)
        if key not in self._texts:
            try:
                self._texts[key] = self._catalog.text(*key, self._sight)
            except NotFound:
                return None
        return self._texts[key]

    def _boxes(self, stored: StoredText, start: int, end: int, pages: Span | None) -> tuple[Box, ...]:
        if pages is None or stored.media_type != PDF:
            return ()
        try:
            return quote_boxes(self._parser, self._blobs.path(stored.sha256), stored, (start, end))
        except (IngestError, OSError):
            # A page that cannot be drawn, or whose original is lost, is still cited by its text and number.
            return ()


def quote_boxes(
    parser: Parser, original: Path, stored: StoredText, span: Span, only: int | None = None
) -> tuple[Box, ...]:
    """Rectangles of a span of a PDF's text, on every page that it touches or on one of them.

    What a model wrote of a picture is found where the picture is.
    """
    found: list[Box] = []
    pictures = [block for block in stored.blocks if block.kind is BlockKind.PICTURE]
    own = blanked(stored.text, ((block.start, block.end) for block in pictures)) if pictures else stored.text
    for page in stored.blocks:
        start, end = max(span[0], page.start), min(span[1], page.end)
        if page.kind is not BlockKind.PAGE or start >= end or only not in (None, page.number):
            continue
        shown = (block.box for block in pictures if block.start < end and start < block.end)
        found += [Box(page.number, *box) for box in shown if box]
        quote = own[start:end]
        if pictures and not quote.strip():
            continue
        before = _letters(own[page.start : start])
        found += parser.locate(
            original, page.number, quote, before.count(_letters(quote)) if _letters(quote) else 0
        )
    return tuple(found)


def _letters(text: str) -> str:
    return "".join(text.split())


def rendered(claim: Claim) -> str:
    """A claim as the answer shows it: the sentence and its markers."""
    markers = "".join(f"[{number}]" for number in claim.citations)
    return f"{claim.text} {markers}" if markers else claim.text


class AnswerBuilder:
    """The answer so far. Footnotes are numbered in the order in which they are first used."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.text = ""
        self.claims: list[Claim] = []
        self.citations: list[Citation] = []
        self._numbers: dict[tuple[str, int, int, int], int] = {}

    def add(
        self, sentence: str, supports: Sequence[Support], separator: str = " ", *, needs_source: bool = True
    ) -> list[Citation]:
        """Append a sentence with the footnotes that its supports give it.

        Args:
            sentence: As the reader sees it, without markers.
            supports: What carries it; those without a span give no footnote.
            separator: What stands between it and the sentence before.
            needs_source: False for what states nothing, such as a greeting: it counts as supported, by nothing.

        Returns:
            Footnotes that were not used before. The claim itself is the last of ``claims``.
        """
        fresh: list[Citation] = []
        numbered = [(number, each) for each in supports if (number := self.number(each, fresh)) is not None]
        # What can no longer be cited, because it was deleted meanwhile, supports nothing either.
        best = max((each for _, each in numbered), key=lambda support: support.score, default=None)
        separator = separator if self.text else ""
        start = len(self.text) + len(separator)
        claim = Claim(
            start=start,
            end=start + len(sentence),
            text=sentence,
            verdict=best.verdict if best else Verdict.UNSUPPORTED if needs_source else Verdict.SUPPORTED,
            support=best.score if best else 0.0 if needs_source else 1.0,
            citations=tuple(dict.fromkeys(number for number, _ in numbered)),
            needs_source=needs_source,
        )
        self.claims.append(claim)
        self.text += separator + rendered(claim)
        return fresh

    def cite_only(self, evidence: Evidence, span: Span) -> Citation | None:
        """A footnote that no sentence uses: a nearest passage of an answer that abstains."""
        citation = self._sources.citation(len(self.citations) + 1, evidence, span, 0.0)
        if citation is not None:
            self.citations.append(citation)
        return citation

    def number(self, support: Support, fresh: list[Citation]) -> int | None:
        """Number of the footnote on a support, which is appended to ``fresh`` when it is new."""
        if support.evidence is None or support.span is None:
            return None
        key = (support.evidence.document_id, support.evidence.version, *support.span)
        if key not in self._numbers:
            number = len(self.citations) + 1
            citation = self._sources.citation(number, support.evidence, support.span, support.score)
            if citation is None:
                return None
            self.citations.append(citation)
            fresh.append(citation)
            self._numbers[key] = number
        return self._numbers[key]
