"""Does the cited text support the claim?

Fails closed: what cannot be checked counts as unsupported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.analyze import terms
from ingest.sentences import trimmed
from rag.quotes import find_quote, has_ellipsis
from rag.types import Support, Verdict
from rag.words import content_terms, coverage, names, quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from ingest.sentences import Span
    from ingest.types import FloatMatrix
    from rag.types import Evidence

SUPPORTED_AT, PARTIAL_AT = 0.6, 0.4
# What a claim can reach at most with a number that its source does not have, or the opposite of what it says.
_NUMBER_CAP, _NEGATION_CAP = 0.3, 0.25
# Cosine of all-MiniLM-L6-v2 between unrelated sentences and between paraphrases.
_COSINE_LOW, _COSINE_HIGH = 0.2, 0.8
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot|unable|fail(?:s|ed)? to|exclud\w+|prohibit\w*|forbid\w*)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
# What may stand before a sentence and is no part of it: marks, a bullet, the number of a list item.
_LABEL = re.compile(r"\W*(?:(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z])[.)]\W+)?")
# A claim may sum up so many sentences that follow one another.
_WINDOW = 3
# Sentences looked at closely for one claim, by similarity and again by shared terms.
_LOOKED_AT = 30


@dataclass(frozen=True, slots=True)
class _Sentence:
    evidence: Evidence
    span: Span
    text: str
    terms: frozenset[str]


class Verifier:
    """Checks claims against the evidence of one answer, whose sentences are embedded once."""

    def __init__(
        self,
        evidence: Sequence[Evidence],
        embedder: Embedder,
        rarity: Callable[[Sequence[str]], Mapping[str, float]],
    ) -> None:
        self._embedder = embedder
        self._rarity = rarity
        self._evidence = evidence
        self._sentences = [
            _Sentence(piece, span, piece.slice(span), frozenset(terms(piece.slice(span))))
            for piece in evidence
            for span in (trimmed(piece.text, a - piece.start, b - piece.start) for a, b in piece.sentences)
            for span in ((piece.start + span[0], piece.start + span[1]),)
            if span[0] < span[1]
        ]
        self._vectors: FloatMatrix | None = None

    def check(self, claim: str, keys: Sequence[str] | None = None) -> Support:
        """Find the sentences that carry a claim best.

        Args:
            claim: One sentence, without markers.
            keys: Only evidence of these keys, or all of it.
        """
        quoted = self._quoted(claim, keys)
        if quoted is not None:
            return quoted
        wanted = content_terms(claim)
        if not wanted:
            return Support(0.0, Verdict.UNSUPPORTED, None, None)
        weights = self._rarity(wanted)
        vector = self._embedder.embed_sentences([claim])[0]
        if self._vectors is None:
            self._vectors = self._embedder.embed_sentences([each.text for each in self._sentences])
        cosines = self._vectors @ vector
        near = self._nearest(wanted, cosines, keys)
        best = Support(0.0, Verdict.UNSUPPORTED, None, None)
        for first, last in self._windows(near):
            found = self._judge(claim, wanted, weights, float(cosines[first:last].max()), first, last)
            # Fewer sentences are the better footnote, so a longer one has to earn its length.
            if found.score > best.score + 0.02:
                best = found
        return best

    def find(self, quotation: str, keys: Sequence[str] | None = None) -> tuple[Evidence, Span] | None:
        """Where a quotation stands in the evidence, to the letter."""
        for piece in self._among(keys):
            place = find_quote(piece.text, quotation)
            if place is not None:
                return piece, (piece.start + place[0], piece.start + place[1])
        return None

    def _quoted(self, claim: str, keys: Sequence[str] | None) -> Support | None:
        """The claim as a source's own whole sentence.

        Words out of a sentence are not enough: "open the valve" also stands in "never open the valve".
        """
        if has_ellipsis(claim):
            return None
        for piece in self._among(keys):
            for first, last in piece.sentences:
                text = piece.text[first - piece.start : last - piece.start]
                place = find_quote(text, claim)
                if place and _LABEL.fullmatch(text, 0, place[0]) and not _WORD.search(text, place[1]):
                    span = (first + place[0], first + place[1])
                    return Support(1.0, Verdict.SUPPORTED, piece, span, quoted=True)
        return None

    def _among(self, keys: Sequence[str] | None) -> list[Evidence]:
        return [piece for piece in self._evidence if keys is None or piece.key in keys]

    def _nearest(
        self, wanted: Sequence[str], cosines: NDArray[np.float32], keys: Sequence[str] | None
    ) -> set[int]:
        """Sentences worth a closer look: the most similar ones, and those with most of the claim's terms.

        Without this, checking a long text against long sources would take the product of their lengths.
        """
        usable = [i for i, each in enumerate(self._sentences) if keys is None or each.evidence.key in keys]
        asked = set(wanted)
        similar = sorted(usable, key=lambda i: -cosines[i])[:_LOOKED_AT]
        sharing = sorted(usable, key=lambda i: -len(asked & self._sentences[i].terms))[:_LOOKED_AT]
        return {*similar, *sharing}

    def _windows(self, near: set[int]) -> list[tuple[int, int]]:
        """Ranges of one to three sentences of one piece around those, the short ones first."""
        return [
            (first, first + size)
            for size in range(1, _WINDOW + 1)
            for first in sorted({i - back for i in near for back in range(size)})
            if first >= 0
            and first + size <= len(self._sentences)
            and self._sentences[first].evidence is self._sentences[first + size - 1].evidence
        ]

    def _judge(
        self,
        claim: str,
        wanted: Sequence[str],
        weights: Mapping[str, float],
        cosine: float,
        first: int,
        last: int,
    ) -> Support:
        window = self._sentences[first:last]
        text = " ".join(each.text for each in window)
        piece = window[0].evidence
        around = " ".join((piece.title, *piece.headings))
        present = frozenset(terms(around)).union(*(each.terms for each in window))
        share = coverage(wanted, present, weights)
        similar = min(1.0, max(0.0, (cosine - _COSINE_LOW) / (_COSINE_HIGH - _COSINE_LOW)))
        score = 0.6 * share + 0.4 * similar
        opposed = bool(_NEGATION.search(claim)) != bool(_NEGATION.search(text))
        words = (word.casefold() for word in re.findall(r"[\w&'’-]+", f"{text} {around}"))
        present_names = {word.removesuffix("'s").removesuffix("’s") for word in words}
        missing_names = names(claim) - present_names
        score *= 1.0 - 0.3 * len(missing_names) / max(1, len(names(claim)))
        if quantities(claim) - quantities(f"{text} {around}"):
            score = min(score, _NUMBER_CAP)
        if opposed and share > PARTIAL_AT:
            score = min(score, _NEGATION_CAP)
        return Support(
            score,
            _verdict(score, opposed=opposed and share > SUPPORTED_AT),
            piece,
            (window[0].span[0], window[-1].span[1]),
        )


def _verdict(score: float, *, opposed: bool) -> Verdict:
    if opposed:
        return Verdict.CONTRADICTED
    if score >= SUPPORTED_AT:
        return Verdict.SUPPORTED
    return Verdict.PARTIAL if score >= PARTIAL_AT else Verdict.UNSUPPORTED
