"""What the answering stages emit. Offsets are code points, end exclusive; times are milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from index.sight import EVERYTHING

if TYPE_CHECKING:
    from index.sight import Sight
    from index.types import StoredPassage
    from ingest.sentences import Span
    from ingest.types import Box


class Verdict(StrEnum):
    """Whether what a claim cites carries it."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"


class Mode(StrEnum):
    """How an answer is made: by quotation, or by a language model that cites."""

    EXTRACTIVE = "extractive"
    GENERATIVE = "generative"


class OnUnsupported(StrEnum):
    """What becomes of a generated sentence that no source carries and that could not be repaired.

    ``flag``: it is shown with its verdict and without a footnote. ``drop``: no reader gets it. ``abstain``: the whole
    answer is withheld.
    """

    FLAG = "flag"
    DROP = "drop"
    ABSTAIN = "abstain"


class Marking(StrEnum):
    """Where the text of sources is marked as data in what a language model reads."""

    OFF = "off"
    SENTENCES = "sentences"
    WORDS = "words"


class Discord(StrEnum):
    """How another source disagrees with a footnote."""

    CONTRADICTS = "contradicts"
    SUPERSEDES = "supersedes"


@dataclass(frozen=True, slots=True)
class Found:
    """A passage found for a question.

    Attributes:
        passage: What is stored.
        score: Fused score; compares within one search only.
        rank: From 1.
        scores: Score in each view that found it, by view name.
        ranks: Rank in each view that found it, by view name.
        sentences: Score of each of its sentences; empty where they were not weighed.
        also_in: Documents that have this passage too, in nearly the same words.
    """

    passage: StoredPassage
    score: float
    rank: int
    scores: dict[str, float]
    ranks: dict[str, int]
    sentences: tuple[float, ...] = ()
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stretch of one document that an answer may cite: passages that follow one another, joined.

    Attributes:
        key: What the model calls it. Issued for this request alone, so that no document can name it.
        sentences: Spans in the document that tile ``[start, end)``.
    """

    key: str
    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    sentences: tuple[Span, ...]
    score: float

    def slice(self, span: Span) -> str:
        """The text of a span of the document that lies inside."""
        return self.text[span[0] - self.start : span[1] - self.start]


@dataclass(frozen=True, slots=True)
class Support:
    """How much of a claim the evidence carries, and where.

    Attributes:
        score: 0 to 1.
        verdict: The score in words.
        evidence: The piece that carries most, or None when there is none.
        span: The sentences of it that carry the claim, in the document.
        quoted: Whether the claim is the evidence's own words.
        faults: What the source has otherwise, to be read: "the source says 12, not 15".
        against: The evidence and the span in the document that contradict the claim, or None.
    """

    score: float
    verdict: Verdict
    evidence: Evidence | None
    span: Span | None
    quoted: bool = False
    faults: tuple[str, ...] = ()
    against: tuple[Evidence, Span] | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A checked footnote: ``quote`` is the text of that version from ``start`` to ``end``, to the letter.

    ``transcribed`` are spans in the document: those parts of the quote that a model wrote of a picture.
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
    boxes: tuple[Box, ...]
    headings: tuple[str, ...]
    support: float
    transcribed: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer. ``citations`` are numbers of footnotes; offsets refer to the answer.

    Attributes:
        needs_source: False for a greeting and the like: it states nothing that a source could carry, and counts
            neither for nor against the answer.
    """

    start: int
    end: int
    text: str
    verdict: Verdict
    support: float
    citations: tuple[int, ...]
    needs_source: bool = True


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a stored text that is shown and is no footnote; ``quote`` is that text, to the letter."""

    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Another source says otherwise than a footnote, or takes its place.

    Attributes:
        citation: Number of the footnote.
        other: What the other source says.
        kind: Whether it contradicts the footnote, or one of the two supersedes the other.
        explanation: What differs, in words.
    """

    citation: int
    other: Passage
    kind: Discord
    explanation: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What the server did about a sentence of a model.

    Attributes:
        text: The sentence as the model wrote it, without markers.
        action: ``attributed`` (it had no marker, a source was found among those shown), ``moved`` (the source named
            does not carry it, another one shown does), ``found`` (a further search found its source), ``rewritten``
            (the model was asked again), ``dropped``, ``flagged`` or ``abstained``.
        reason: Why.
        became: What stands in its place, where it was rewritten.
    """

    text: str
    action: str
    reason: str
    became: str | None = None


@dataclass(frozen=True, slots=True)
class Confidence:
    """The probability that the answer is right, what it was computed from, and why in words."""

    value: float
    level: str
    signals: dict[str, float]
    calibration: str
    explanation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the gateway counted; ``cached_tokens`` are part of the prompt's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


class Length(StrEnum):
    """How long an answer is wanted."""

    BRIEF = "brief"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How somebody wants an answer; None is as usual. ``language`` is its English name or its code."""

    length: Length | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class CitedSpan:
    """What an earlier answer of the conversation quoted."""

    document_id: str
    version: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which collection, and how.

    Attributes:
        history: Earlier turns as (role, text), oldest first.
        mode: None picks generative when a gateway is configured.
        model: None is the configured one.
        wanted: A metadata filter.
        top_k: How many passages to read.
        max_cost_usd: Refuse to spend more than that on this answer.
        target_error: Share of answers by quotation that may be wrong; None is the configured one.
        on_unsupported: None is the configured policy.
        sight: Who asks: what they may not see is not searched, read or cited.
        plain: The question without what it says of how the answer is wanted; None where it says nothing of that.
        wishes: How the answer is wanted.
        cited: What the answer before quoted; it is read again when the question leans on it.
        searched: What to search for, where a model has written it; None leaves it to ``rag.conversation``.
        follow_ups: How many questions to suggest.
    """

    text: str
    collection: str
    history: tuple[tuple[str, str], ...] = ()
    mode: Mode | None = None
    model: str | None = None
    wanted: dict[str, Any] | None = None
    top_k: int = 10
    max_cost_usd: float | None = None
    conversation_id: str | None = None
    target_error: float | None = None
    on_unsupported: OnUnsupported | None = None
    sight: Sight = EVERYTHING
    plain: str | None = None
    wishes: Wishes = Wishes()
    cited: tuple[CitedSpan, ...] = ()
    searched: str | None = None
    follow_ups: int = 0


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """The few words of a quoted sentence that answer: the text of that version from ``start`` to ``end``."""

    text: str
    start: int
    end: int
    document_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer.

    Attributes:
        text: With markers such as ``[1]`` after the sentence that they support.
        finish_reason: ``stop``; ``length`` or ``content_filter`` when the model was cut off.
        trace: What was searched, sent and decided; shown on request.
        short_answer: For an answer by quotation to a question that wants a name, a date or a number.
        disagreements: Where other passages found say otherwise than the footnotes.
        cached: Whether it was made for the same question before, and nothing that it rests on has changed since.
        keep: Under what it may be kept to be given again; for whoever stores it.
        follow_ups: Questions that the corpus answers too; the trace names the documents that they come from.
    """

    id: str
    text: str
    abstained: bool
    finish_reason: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    confidence: Confidence
    mode: Mode
    model: str | None
    usage: Usage
    cost_usd: float | None
    timings: dict[str, float]
    trace: dict[str, Any] = field(default_factory=dict)
    short_answer: ShortAnswer | None = None
    disagreements: tuple[Disagreement, ...] = ()
    cached: bool = False
    keep: object | None = field(default=None, repr=False, compare=False)
    follow_ups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Event: passages were found."""

    passages: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Cited:
    """Event: a footnote was checked."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Claimed:
    """Event: a sentence is finished and verified. ``separator`` stands between it and the one before."""

    claim: Claim
    separator: str


@dataclass(frozen=True, slots=True)
class Done:
    """Event: the answer is finished. Always the last one."""

    answer: Answer


Event = Retrieved | Cited | Claimed | Done
