"""Checks a text that somebody else wrote, sentence by sentence. Needs no language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.sentences import sentence_spans, trimmed
from rag.cite import AnswerBuilder, Sources
from rag.confidence import confidence_of_support
from rag.passages import evidence_of
from rag.retrieve import retrieve
from rag.types import Citation, Claim, Evidence, Support, Verdict
from rag.verify import PARTIAL_AT, Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rag.answer import Answerer
    from rag.types import Confidence

# Passages read for each claim.
_PASSAGES = 5


@dataclass(frozen=True, slots=True)
class Source:
    """A text given with the request, cited by its id."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """A checked text. Offsets of claims refer to it as it was given."""

    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    support: float
    confidence: Confidence


def ground_in_collection(
    text: str, collection: str, service: Answerer, question: str | None = None
) -> Grounding:
    """Check a text against a collection.

    Raises:
        NotFound: There is no such collection.
    """
    opened = service.store.collection(collection)
    builder = AnswerBuilder(Sources(service.store.catalog, service.store.blobs, service.parser))

    def check(claim: str) -> Support:
        found = retrieve(
            f"{question} {claim}" if question else claim,
            collection=opened,
            catalog=service.store.catalog,
            embedder=service.embedder,
            config=service.retrieve_config,
            limit=_PASSAGES,
        )
        evidence = [evidence_of(each, key=str(each.rank)) for each in found]
        return Verifier(evidence, service.embedder, opened.rarity).check(claim)

    return _ground(text, check, lambda support: _numbers(builder, support), builder.citations)


def ground_in_sources(text: str, sources: Sequence[Source], service: Answerer) -> Grounding:
    """Check a text against sources given with it."""
    evidence = [_evidence(source) for source in sources]
    verifier = Verifier(evidence, service.embedder, _even)
    citations: list[Citation] = []

    def cite(support: Support) -> tuple[int, ...]:
        piece, span = support.evidence, support.span
        if piece is None or span is None:
            return ()
        for known in citations:
            if (known.document_id, known.start, known.end) == (piece.document_id, *span):
                return (known.number,)
        citations.append(
            Citation(
                number=len(citations) + 1,
                document_id=piece.document_id,
                version=piece.version,
                title=piece.title,
                filename="",
                start=span[0],
                end=span[1],
                quote=piece.slice(span),
                pages=None,
                boxes=(),
                headings=(),
                support=support.score,
            )
        )
        return (len(citations),)

    return _ground(text, verifier.check, cite, citations)


def _ground(
    text: str,
    check: Callable[[str], Support],
    cite: Callable[[Support], tuple[int, ...]],
    citations: list[Citation],
) -> Grounding:
    claims = []
    for first, last in sentence_spans(text):
        start, end = trimmed(text, first, last)
        if start == end:
            continue
        sentence = text[start:end]
        support = check(sentence)
        # Below that, the nearest sentence has little to do with the claim, and naming it would mislead.
        useful = support.score >= PARTIAL_AT or support.verdict is Verdict.CONTRADICTED
        numbers = cite(support) if useful else ()
        claims.append(Claim(start, end, sentence, support.verdict, support.score, numbers))
    checked = [claim.support for claim in claims]
    mean = sum(checked) / len(checked) if checked else 0.0
    return Grounding(tuple(claims), tuple(citations), mean, confidence_of_support(checked))


def _numbers(builder: AnswerBuilder, support: Support) -> tuple[int, ...]:
    number = builder.number(support, [])
    return () if number is None else (number,)


def _evidence(source: Source) -> Evidence:
    return Evidence(
        key=source.id,
        document_id=source.id,
        version=1,
        title=source.title,
        filename="",
        start=0,
        end=len(source.text),
        text=source.text,
        headings=(),
        sentences=tuple(sentence_spans(source.text)),
        score=1.0,
    )


def _even(words: Sequence[str]) -> Mapping[str, float]:
    """Without a corpus every word counts the same."""
    return dict.fromkeys(words, 1.0)
