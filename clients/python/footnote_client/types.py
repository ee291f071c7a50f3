"""What the service answers. Fields that a later version of it adds are left out."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Value:
    """Something read from JSON."""

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """From a JSON object."""
        return cls(**{each.name: body[each.name] for each in fields(cls) if each.name in body})


@dataclass(frozen=True, slots=True)
class Document(Value):
    """A document. ``status`` is queued, parsing, embedding, ready or failed; ``error`` says why it failed."""

    id: str
    collection: str
    title: str
    filename: str
    status: str
    version: int
    error: dict[str, str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage(Value):
    """A passage that was found: ``text`` is that of the document's version from ``start`` to ``end``."""

    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    text: str
    score: float
    rank: int
    pages: list[int] | None = None
    headings: list[str] = field(default_factory=list)
    hidden: list[list[int]] = field(default_factory=list)
    transcribed: list[list[int]] = field(default_factory=list)

    @property
    def seen(self) -> str:
        """The text as its readers see it: what is hidden in it is blanked, for it may be meant for a model."""
        letters = list(self.text)
        for start, end in self.hidden:
            letters[start - self.start : end - self.start] = " " * (end - start)
        return "".join(letters)


@dataclass(frozen=True, slots=True)
class Citation(Value):
    """A checked footnote: ``quote`` is the stored text, to the letter.

    ``transcribed`` are the parts of it, as spans in the document, that a vision model read off a picture in the file.
    """

    number: int
    document_id: str
    version: int
    title: str
    filename: str
    start: int
    end: int
    quote: str
    url: str
    support: float
    pages: list[int] | None = None
    transcribed: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Claim(Value):
    """A sentence of an answer or of a text that was checked; offsets are code points of that text."""

    start: int
    end: int
    text: str
    verdict: str
    support: float
    citations: list[int]
    needs_source: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``confidence`` is the probability that it is right."""

    id: str
    text: str
    abstained: bool
    finish_reason: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    confidence: float
    level: str
    cost_usd: float | None

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """From a JSON object."""
        return cls(
            id=body["id"],
            text=body["answer"],
            abstained=body["abstained"],
            finish_reason=body["finish_reason"],
            claims=tuple(Claim.of(each) for each in body["claims"]),
            citations=tuple(Citation.of(each) for each in body["citations"]),
            confidence=body["confidence"]["value"],
            level=body["confidence"]["level"],
            cost_usd=body["cost_usd"],
        )


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a check found: the claims of the text, and what carries or contradicts them."""

    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    support: float
    confidence: float

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """From a JSON object."""
        return cls(
            claims=tuple(Claim.of(each) for each in body["claims"]),
            citations=tuple(Citation.of(each) for each in body["citations"]),
            support=body["support"],
            confidence=body["confidence"]["value"],
        )
