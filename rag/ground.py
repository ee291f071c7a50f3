"""Checks a text that somebody else wrote, claim by claim. Needs no language model."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.sight import EVERYTHING
from ingest.sentences import sentence_spans
from rag.cite import AnswerBuilder, Sources
from rag.claims import ClaimSpan, split_claims, states
from rag.confidence import confidence_of_support
from rag.marker_syntax import blanked
from rag.passages import evidence_of
from rag.retrieve import retrieve
from rag.types import Citation, Claim, Evidence, Passage, Support, Verdict
from rag.verify import LATE, PARTIAL_AT, Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from index.sight import Sight
    from ingest.sentences import Span
    from rag.answer import Answerer
    from rag.gateway.judge import GatewayJudge
    from rag.types import Confidence

# Passages read for each claim.
_PASSAGES = 5
# "[^1]: Lease, page 3", at the foot of a text.
_NOTE = re.compile(r"^[ \t]*\[\^?\d{1,3}\]:?[ \t]+(?=\S).*$", re.MULTILINE)
_GAP = re.compile(r"\s+(?=[.,;:!?)])|(?<=\s)\s+")


@dataclass(frozen=True, slots=True)
class Source:
    """A text given with the request, cited by its id."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Grounded:
    """A checked claim.

    Attributes:
        claim: Its place in the text, verdict and footnotes.
        faults: What the sources have otherwise, in words.
        nearest: What comes closest to it, whether or not that carries it; None when nothing does.
        contradicting: What says otherwise.
    """

    claim: Claim
    faults: tuple[str, ...] = ()
    nearest: Passage | None = None
    contradicting: Passage | None = None


@dataclass(frozen=True, slots=True)
class Grounding:
    """A checked text. Offsets of claims refer to it as it was given."""

    claims: tuple[Grounded, ...]
    citations: tuple[Citation, ...]
    support: float
    confidence: Confidence


def claims_of(text: str) -> list[ClaimSpan]:
    """The claims of a text that has footnotes of its own: these are no words of the claims.

    A note at the foot that only names a place needs no source.
    """
    notes = [match.span() for match in _NOTE.finditer(text)]
    body = blanked(text)
    for start, end in notes:
        body = f"{body[:start]}{' ' * (end - start)}{body[end:]}"
    found = [_foreign(text, each, 0) for each in split_claims(body)]
    for start, end in notes:
        note = blanked(text[start:end]).replace(":", " ", 1)
        found += [_foreign(text, each, start) for each in split_claims(note) if states(note)] or [
            ClaimSpan(start, end, text[start:end], text[start:end], needs_source=False)
        ]
    return sorted(found, key=lambda each: each.start)


def _foreign(text: str, claim: ClaimSpan, offset: int) -> ClaimSpan:
    start, end = claim.start + offset, claim.end + offset
    return replace(
        claim, start=start, end=end, text=text[start:end], standalone=_GAP.sub("", claim.standalone)
    )


def ground_in_collection(
    claims: Sequence[ClaimSpan],
    collection: str,
    service: Answerer,
    question: str | None = None,
    judge: GatewayJudge | None = None,
    sight: Sight = EVERYTHING,
) -> Grounding:
    """Check claims against a collection, for as long as an answer may take.

    What is not checked by then counts as unsupported and says so among its faults.

    Args:
        claims: Of one text.
        collection: Its name.
        service: For the store and the embedder.
        question: What the text answers; searched for together with each claim.
        judge: Of this request, instead of the service's.
        sight: Who asks.

    Raises:
        NotFound: There is no such collection, or it is somebody else's.
    """
    deadline = time.monotonic() + service.gateway_config.deadline_s
    opened = service.store.collection(collection, sight)
    sources = Sources(service.store.catalog, service.store.blobs, service.parser, sight)
    builder = AnswerBuilder(sources)
    pieces: dict[str, Evidence] = {}
    read: dict[ClaimSpan, list[str]] = {}
    for claim in claims:
        if not claim.needs_source or time.monotonic() >= deadline:
            continue
        found = retrieve(
            f"{question} {claim.standalone}" if question else claim.standalone,
            collection=opened,
            catalog=service.store.catalog,
            embedder=service.embedder,
            config=service.retrieve_config,
            limit=_PASSAGES,
            sight=sight,
        )
        read[claim] = [str(each.passage.id) for each in found]
        pieces.update((str(each.passage.id), evidence_of(each, str(each.passage.id))) for each in found)
    # One verifier for all, so that a passage found for several claims is embedded once.
    verifier = Verifier(
        list(pieces.values()),
        service.embedder,
        opened.rarity,
        judge=judge or service.judge,
        deadline=deadline,
    )

    def cite(support: Support) -> tuple[int, ...]:
        number = builder.number(support, [])
        return () if number is None else (number,)

    def show(piece: Evidence, span: Span) -> Passage | None:
        stored = sources.text(piece)
        return None if stored is None else _passage(piece, span, stored.text[span[0] : span[1]])

    def check(claim: ClaimSpan) -> Support:
        if claim not in read:
            return LATE
        return verifier.check(claim.standalone, read[claim], context=question or "")

    return _ground(claims, check, cite, show, builder.citations, judge)


def ground_in_sources(
    claims: Sequence[ClaimSpan],
    sources: Sequence[Source],
    service: Answerer,
    question: str | None = None,
    judge: GatewayJudge | None = None,
) -> Grounding:
    """Check claims against sources given with them, for as long as an answer may take."""
    deadline = time.monotonic() + service.gateway_config.deadline_s
    evidence = [_evidence(source) for source in sources]
    verifier = Verifier(evidence, service.embedder, _even, judge=judge or service.judge, deadline=deadline)
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

    def show(piece: Evidence, span: Span) -> Passage:
        return _passage(piece, span, piece.slice(span))

    def check(claim: ClaimSpan) -> Support:
        return verifier.check(claim.standalone, context=question or "")

    return _ground(claims, check, cite, show, citations, judge)


def _ground(
    claims: Sequence[ClaimSpan],
    check: Callable[[ClaimSpan], Support],
    cite: Callable[[Support], tuple[int, ...]],
    show: Callable[[Evidence, Span], Passage | None],
    citations: list[Citation],
    judge: GatewayJudge | None,
) -> Grounding:
    if judge is not None:
        # These checks wait for a model elsewhere, so several are made at the same time.
        stating = [claim for claim in claims if claim.needs_source]
        check = dict(zip(stating, judge.ahead(check, stating), strict=True)).__getitem__
    found = [_grounded(claim, check, cite, show) for claim in claims]
    checked = [each.claim.support for each in found if each.claim.needs_source]
    # A text that states nothing has nothing without support.
    mean = sum(checked) / len(checked) if checked else float(bool(found))
    return Grounding(tuple(found), tuple(citations), mean, confidence_of_support(checked or [mean]))


def _grounded(
    claim: ClaimSpan,
    check: Callable[[ClaimSpan], Support],
    cite: Callable[[Support], tuple[int, ...]],
    show: Callable[[Evidence, Span], Passage | None],
) -> Grounded:
    place = (claim.start, claim.end, claim.text)
    if not claim.needs_source:
        return Grounded(Claim(*place, Verdict.SUPPORTED, 1.0, (), needs_source=False))
    support = check(claim)
    # Below that, the nearest sentence has little to do with the claim, and citing it would mislead.
    useful = support.score >= PARTIAL_AT or support.verdict is Verdict.CONTRADICTED
    numbers = cite(support) if useful else ()
    nearest = contradicting = None
    if support.evidence is not None and support.span is not None:
        nearest = show(support.evidence, support.span)
        if support.verdict is Verdict.CONTRADICTED:
            contradicting = nearest
    if support.against is not None:
        contradicting = show(*support.against)
    done = Claim(*place, support.verdict, support.score, numbers)
    return Grounded(done, support.faults, nearest, contradicting)


def _passage(piece: Evidence, span: Span, quote: str) -> Passage:
    return Passage(piece.document_id, piece.version, piece.title, piece.filename, span[0], span[1], quote)


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
