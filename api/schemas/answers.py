"""Searches, questions and answers, as the contract has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from api.schemas.base import ActingAs, Body, CollectionName, Dollars, Out, QuestionText

if TYPE_CHECKING:
    from rag.ground import Grounded
    from rag.types import Answer, Citation, Found


# Of one earlier turn of a conversation, how many there may be, and of all of them together.
MAX_TURN_CHARS = 20_000
MAX_TURNS = 50
MAX_HISTORY_CHARS = 200_000
# Of all sources of a check together: every sentence is embedded for this one request, about two seconds at this length.
MAX_SOURCE_CHARS = 200_000
MAX_TEXT_CHARS = 20_000
# Bounds of a filter that the schema can state. Conditions, values and nesting have bounds too: see index/filters.py.
Filter = Annotated[dict[str, Any], Field(max_length=500)]


class SearchIn(Body):
    """A search."""

    query: QuestionText
    collection: CollectionName = "default"
    top_k: int = Field(10, ge=1, le=200)
    max_chars: int | None = Field(None, ge=1, le=1_000_000)
    per_document: int | None = Field(None, ge=1, le=200)
    filter: Filter | None = None
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    principals: ActingAs = None


class PassageOut(BaseModel):
    """A passage that was found."""

    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    text: str
    pages: tuple[int, int] | None
    headings: list[str]
    score: float
    rank: int
    found_by: list[str]
    also_in: list[str]
    # What of the text no reader of the file sees, as spans in the document.
    hidden: list[tuple[int, int]]
    # What of it a vision model wrote of a picture in the file, likewise.
    transcribed: list[tuple[int, int]]

    @classmethod
    def of(cls, found: Found) -> Self:
        """From a retrieved passage."""
        shown = {
            name: getattr(found.passage, name) for name in cls.model_fields if hasattr(found.passage, name)
        }
        return cls(
            **shown,
            score=found.score,
            rank=found.rank,
            found_by=sorted(found.ranks),
            also_in=list(found.also_in),
        )


class SearchOut(BaseModel):
    """Passages, best first."""

    passages: list[PassageOut]
    timings: dict[str, float]


class Turn(Body):
    """An earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    content: str = Field(max_length=MAX_TURN_CHARS)


class AskIn(Body):
    """A question."""

    question: QuestionText
    collection: CollectionName = "default"
    conversation_id: str | None = Field(
        None,
        max_length=100,
        description="Of a conversation to go on with. Written out as null, or as `new`, it begins one, whose id the "
        "answer has. Left out, nothing is kept.",
    )
    history: list[Turn] = Field(
        [], max_length=MAX_TURNS, description=f"At most {MAX_HISTORY_CHARS:,} characters together."
    )
    mode: Literal["auto", "extractive", "generative"] = "auto"
    model: str | None = Field(None, max_length=200)
    filter: Filter | None = None
    top_k: int = Field(10, ge=1, le=50)
    max_cost_usd: Dollars | None = None
    target_error: float | None = Field(None, gt=0, lt=1)
    on_unsupported: Literal["flag", "drop", "abstain"] | None = None
    stream: bool = False
    explain: bool = False
    cache: bool = Field(
        True, description="Whether an answer to the same question may be given again while it holds."
    )
    follow_ups: int | None = Field(
        None, ge=0, le=5, description="Questions to suggest; 3 in a conversation, else none, unless said."
    )
    principals: ActingAs = None

    @field_validator("history")
    @classmethod
    def _within(cls, history: list[Turn]) -> list[Turn]:
        """Turns are bounded each and all together."""
        if sum(len(turn.content) for turn in history) > MAX_HISTORY_CHARS:
            raise ValueError(f"all turns together have at most {MAX_HISTORY_CHARS:,} characters")
        return history


class ClaimOut(Out):
    """A sentence of the answer with the numbers of its footnotes.

    ``needs_source`` is false for what states nothing, such as a greeting; it has no footnote and lowers nothing.
    """

    start: int
    end: int
    text: str
    verdict: str
    support: float
    citations: list[int]
    needs_source: bool = True


class BoxOut(Out):
    """A rectangle on a page as fractions of its size, from the upper left corner."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class CitationOut(BaseModel):
    """A checked footnote: ``quote`` is the stored text from ``start`` to ``end``.

    ``transcribed`` are the parts of it, as spans in the document, that a vision model wrote of a picture in the file.
    """

    number: int
    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    quote: str
    pages: tuple[int, int] | None
    boxes: list[BoxOut]
    headings: list[str]
    support: float
    url: str
    transcribed: list[tuple[int, int]] = []

    @classmethod
    def of(cls, citation: Citation) -> Self:
        """From a citation; its address shows the page with the quote marked, or the text."""
        root = f"/v1/documents/{citation.document_id}"
        if citation.pages and citation.boxes:
            mark = f"{citation.version}:{citation.start}-{citation.end}"
            url = f"{root}/pages/{citation.boxes[0].page}.png?citation={mark}"
        else:
            url = f"{root}/text?version={citation.version}&start={citation.start}&end={citation.end}"
        boxes = [BoxOut.of(box) for box in citation.boxes]
        return cls(**asdict(citation) | {"boxes": boxes, "url": url})


class ConfidenceOut(Out):
    """The probability that the answer is right, what it was computed from and by which calibration, and why."""

    value: float
    level: str
    signals: dict[str, float]
    calibration: str
    explanation: list[str] = Field(default_factory=list)


class ShortAnswerOut(Out):
    """The few words that answer: the stored text from ``start`` to ``end``."""

    text: str
    start: int
    end: int
    document_id: str
    version: int


class PassageShown(Out):
    """A stretch of a stored text that is no footnote: ``quote`` is that text from ``start`` to ``end``."""

    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    quote: str


class DisagreementOut(Out):
    """Another source that says otherwise than a footnote, or of which one supersedes the other."""

    citation: int
    other: PassageShown
    kind: str
    explanation: str


class UsageOut(Out):
    """Tokens that the gateway counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerOut(BaseModel):
    """A finished answer."""

    id: str
    answer: str
    abstained: bool
    finish_reason: str
    claims: list[ClaimOut]
    citations: list[CitationOut]
    confidence: ConfidenceOut
    disagreements: list[DisagreementOut] = []
    follow_ups: list[str]
    model: str | None
    mode: str
    usage: UsageOut
    cost_usd: float | None
    timings: dict[str, float]
    trace_id: str
    conversation_id: str | None
    trace: dict[str, Any] | None = None
    short_answer: ShortAnswerOut | None = None
    cached: bool = False

    @classmethod
    def of(cls, answer: Answer, *, trace_id: str, conversation_id: str | None, explain: bool) -> Self:
        """From the orchestrator's answer."""
        return cls(
            **{name: getattr(answer, name) for name in ("id", "abstained", "finish_reason", "model", "mode")},
            answer=answer.text,
            claims=[ClaimOut.of(claim) for claim in answer.claims],
            citations=[CitationOut.of(citation) for citation in answer.citations],
            confidence=ConfidenceOut.of(answer.confidence),
            disagreements=[DisagreementOut.of(each) for each in answer.disagreements],
            follow_ups=list(answer.follow_ups),
            usage=UsageOut.of(answer.usage),
            cost_usd=answer.cost_usd,
            timings=answer.timings,
            trace_id=trace_id,
            conversation_id=conversation_id,
            trace=answer.trace if explain else None,
            short_answer=ShortAnswerOut.of(answer.short_answer) if answer.short_answer else None,
            cached=answer.cached,
        )


class SourceIn(Body):
    """A source given with the request."""

    id: str = Field(min_length=1, max_length=200)
    title: str = Field("", max_length=500)
    text: str = Field(max_length=MAX_SOURCE_CHARS)


class GroundIn(Body):
    """A text to check, against a collection or against the sources given."""

    text: str = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    collection: CollectionName | None = None
    sources: list[SourceIn] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description=f"At most {MAX_SOURCE_CHARS:,} characters together.",
    )
    question: str | None = Field(None, max_length=8_000)
    max_cost_usd: Dollars | None = None
    principals: ActingAs = None


class BestEvidence(PassageShown):
    """What comes closest to a claim. Only when ``cited`` does it carry or contradict the claim, as its footnote."""

    cited: bool


class GroundedOut(ClaimOut):
    """A claim of a text, with what carries it, what comes closest to it and what says otherwise."""

    faults: list[str]
    best_evidence: BestEvidence | None
    contradicting: PassageShown | None

    @classmethod
    def of_grounded(cls, found: Grounded) -> Self:
        """From a checked claim."""
        nearest, against = found.nearest, found.contradicting
        best = BestEvidence(**asdict(nearest), cited=bool(found.claim.citations)) if nearest else None
        return cls(
            **ClaimOut.of(found.claim).model_dump(),
            faults=list(found.faults),
            best_evidence=best,
            contradicting=PassageShown.of(against) if against else None,
        )


class GroundOut(BaseModel):
    """The text's claims, each with what carries it. Tokens and cost are those of a judge at the gateway."""

    claims: list[GroundedOut]
    citations: list[CitationOut]
    support: float
    confidence: ConfidenceOut
    usage: UsageOut
    cost_usd: float | None


def _not_true(given: object) -> object:
    """True is a rating of 1 to Python, and none to whoever sends it."""
    if isinstance(given, bool):
        raise ValueError("Input should be -1 or 1")  # noqa: TRY004 - pydantic reports only this one.
    return given


class FeedbackIn(Body):
    """What somebody thought of an answer."""

    rating: Annotated[Literal[-1, 1], BeforeValidator(_not_true)]
    comment: str | None = Field(None, max_length=5_000)
    correct: bool | None = None
