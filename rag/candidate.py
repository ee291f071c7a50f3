"""A sentence that might answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.sentences import Span
    from rag.types import Evidence


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that might answer.

    Attributes:
        evidence: Where it stands.
        index: Which of the evidence's sentences it is.
        span: Its span in the document, without white space at the ends.
        cosine: Similarity of its vector with the question's.
        score: What it is chosen by; the odds of two sentences are the exponential of their scores' difference.
        at: The row of the ranking that it was chosen for.
    """

    evidence: Evidence
    index: int
    span: Span
    cosine: float
    score: float
    at: int

    @property
    def text(self) -> str:
        """The sentence as it stands in the document."""
        return self.evidence.slice(self.span)
