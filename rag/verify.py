"""Does the cited text support the claim?

Fails closed: what cannot be checked counts as unsupported. Numbers, units, dates, names, negation and quantifiers are
compared as such (``rag.verification``); what is left is a probability from a small fitted model. A larger judge may be
put in its place, and the facts are still compared.
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ingest.sentences import trimmed
from rag.claims import split_claims
from rag.quotes import find_quote, has_ellipsis
from rag.types import Support, Verdict
from rag.verification.features import Source, Text, compare
from rag.verification.model import load_models
from rag.verification.text import words_of
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from ingest.sentences import Span
    from rag.types import Evidence
    from rag.verification.faults import Fault
    from rag.verification.features import Comparison
    from rag.verification.judge import Judge
    from rag.verification.model import Models

_log = logging.getLogger(__name__)

# Probabilities of being carried, and from which probability of a wrong fact on a claim counts as unsupported. The last
# two were chosen on two fifths of the mutated pairs, see docs/verification.md.
SUPPORTED_AT, PARTIAL_AT, WRONG_AT = 0.5, 0.2, 0.72
# Share of the claim's words that the sentences must have before a difference is a contradiction.
_SAME_SUBJECT = 0.55
# Share of its words from which a claim repeats its source, and the probability of a wrong fact that then holds.
_SAME_WORDS, _CERTAINLY = 0.85, 0.9
# Probability of the opposite from which a claim with a wrong fact is called contradicted.
_OPPOSED_AT = 0.7
# What may stand before a sentence and is no part of it: marks, a bullet, the number of a list item. Signs that change
# what is said, as in "-20" and "A+", are not among them.
_OPENING = r"[\s*_>#|•·\"“”'‘’(\[]*"
_LABEL = re.compile(
    rf"{_OPENING}(?:[-–]\s+{_OPENING})?(?:(?:\d{{1,3}}(?:\.\d{{1,3}})*|[a-zA-Z])[.)]\s+{_OPENING})?"
)
_ENDING = re.compile(r"[\s\"”’')\]*_|.!;:。！]*")
_NO_LETTER = re.compile(r"\W+")
# Sentences looked at closely for one claim; of more, those that are most similar and share most terms.
_LOOKED_AT = 80
# Sentences whose words are embedded together, before the first claim is checked.
_READ_AT_ONCE = 400
# Stretches that a judge reads for one claim.
_JUDGED = 3
_UNCHECKED = Support(0.0, Verdict.UNSUPPORTED, None, None)


@dataclass(frozen=True, slots=True)
class _Sentence:
    evidence: Evidence
    span: Span
    text: str


class Verifier:
    """Checks claims against the evidence of one answer, whose sentences are read once.

    Args:
        evidence: What may be cited.
        embedder: For the vectors of words.
        rarity: How rare index terms are, by term; what it does not know weighs 1.
        judge: A larger model that decides instead of the fitted one; numbers, names and the like are compared anyway.
        models: Instead of those that are shipped for the embedder.
    """

    def __init__(
        self,
        evidence: Sequence[Evidence],
        embedder: Embedder,
        rarity: Callable[[Sequence[str]], Mapping[str, float]],
        judge: Judge | None = None,
        models: Models | None = None,
    ) -> None:
        self._embedder = embedder
        self._rarity = rarity
        self._evidence = evidence
        self._judge = judge
        self._models = models
        self._sentences = [
            _Sentence(piece, span, piece.slice(span))
            for piece in evidence
            for span in (trimmed(piece.text, a - piece.start, b - piece.start) for a, b in piece.sentences)
            for span in ((piece.start + span[0], piece.start + span[1]),)
            if span[0] < span[1] and words_of(piece.slice(span)).spans
        ]
        self._texts: dict[int, Text] = {}
        self._wholes: NDArray[np.float32] | None = None
        # Several claims may wait for their judge at the same time; sentences are read for one at a time.
        self._reading = threading.Lock()

    def check(self, claim: str, keys: Sequence[str] | None = None, *, context: str = "") -> Support:
        """Find the sentences that carry a claim best.

        Args:
            claim: One sentence or clause, without markers.
            keys: Only evidence of these keys, or all of it.
            context: The text before the claim, which says what its pronouns stand for.

        Returns:
            Unsupported, with the reason among the faults, when the check itself failed.
        """
        try:
            return self._check(claim, keys, context)
        except Exception as error:
            # Anything may be wrong here, a model's file or its memory; no reader may take it for support.
            _log.exception("a claim could not be checked and counts as unsupported")
            return replace(_UNCHECKED, faults=(f"the check could not be run: {error}",))

    def find(self, quotation: str, keys: Sequence[str] | None = None) -> tuple[Evidence, Span] | None:
        """Where a quotation stands in the evidence, to the letter."""
        for piece in self._among(keys):
            place = find_quote(piece.text, quotation)
            if place is not None:
                return piece, (piece.start + place[0], piece.start + place[1])
        return None

    def compare(self, claim: str, keys: Sequence[str] | None = None) -> tuple[list[int], Comparison] | None:
        """What a check rests on: the sentences looked at, by number, and how the claim compares with them.

        Returns:
            None when the claim or the evidence has no content.
        """
        words = words_of(claim)
        usable = [i for i, each in enumerate(self._sentences) if keys is None or each.evidence.key in keys]
        if not usable or not any(words.content):
            return None
        text = self._read([claim])[0]
        near = self._nearest(text, usable)
        weights = self._rarity(list(dict.fromkeys(words.stems)))
        found = compare(text, self._source(near), np.array([weights.get(stem, 1.0) for stem in words.stems]))
        return near, found

    def _check(self, claim: str, keys: Sequence[str] | None, context: str) -> Support:
        named = _standalone(claim, context)
        # A pronoun of the claim need not stand for what it stands for in the source.
        quoted = self._quoted(claim, keys) if named == claim else None
        if quoted is not None:
            return quoted
        with self._reading:
            compared = self.compare(named, keys) if content_terms(claim) else None
        if compared is None:
            return _UNCHECKED
        near, found = compared
        if self._judge is not None:
            return self._judged(self._judge, named, near, found)
        return self._support(self._model.carried.probability(found.features), near, found)

    def _support(self, score: float, near: Sequence[int], found: Comparison) -> Support:
        first, last = self._sentences[near[found.first]], self._sentences[near[found.last - 1]]
        span = (first.span[0], last.span[1])
        wrong = self._model.wrong.probability(found.features)
        against = self._model.opposed.probability(found.features)
        score, verdict = agreed(score, wrong, against, found.faults, found.features["near_exact"])
        opposed = verdict is Verdict.CONTRADICTED or any(not fault.missing for fault in found.faults)
        same_subject = found.features["near_exact"] >= _SAME_SUBJECT
        return Support(
            score,
            verdict,
            first.evidence,
            span,
            faults=tuple(dict.fromkeys(fault.told for fault in found.faults)),
            against=(first.evidence, span) if opposed and same_subject and score < SUPPORTED_AT else None,
        )

    def _judged(self, judge: Judge, claim: str, near: Sequence[int], found: Comparison) -> Support:
        """What a judge says of the stretches that carry most; the best of its judgements counts."""
        stretches = [(found.first, found.last)]
        stretches += [
            (i, i + 1) for i in np.argsort(-found.carried)[:_JUDGED] if not found.first <= i < found.last
        ]
        stretches = stretches[:_JUDGED]
        texts = [
            " ".join(self._sentences[near[i]].text for i in range(first, last)) for first, last in stretches
        ]
        judgements = judge.judge(claim, texts)
        best = max(range(len(stretches)), key=lambda at: judgements[at].carries)
        chosen = replace(found, first=int(stretches[best][0]), last=int(stretches[best][1]))
        support = self._support(judgements[best].carries, near, chosen if best else found)
        against = max(range(len(stretches)), key=lambda at: judgements[at].contradicts)
        if judgements[against].contradicts > max(0.5, judgements[best].carries):
            first, last = (
                self._sentences[near[i]] for i in (stretches[against][0], stretches[against][1] - 1)
            )
            span = (first.span[0], last.span[1])
            return replace(
                support,
                score=min(support.score, PARTIAL_AT / 2),
                verdict=Verdict.CONTRADICTED,
                against=(first.evidence, span),
            )
        return support

    def _quoted(self, claim: str, keys: Sequence[str] | None) -> Support | None:
        """The claim as a source's own whole sentence.

        Words out of a sentence are not enough: "open the valve" also stands in "never open the valve".
        """
        if has_ellipsis(claim):
            return None
        letters = _letters(claim)
        for piece in self._among(keys):
            for first, last in piece.sentences:
                text = piece.text[first - piece.start : last - piece.start]
                if letters not in _letters(text):
                    continue
                place = find_quote(text, claim)
                if place and _LABEL.fullmatch(text, 0, place[0]) and _ENDING.fullmatch(text, place[1]):
                    span = (first + place[0], first + place[1])
                    return Support(1.0, Verdict.SUPPORTED, piece, span, quoted=True)
        return None

    @property
    def _model(self) -> Models:
        """Loaded at the first check: the embedder may not be in memory before."""
        if self._models is None:
            self._models = _models_for(self._embedder)
        return self._models

    def _among(self, keys: Sequence[str] | None) -> list[Evidence]:
        return [piece for piece in self._evidence if keys is None or piece.key in keys]

    def _read(self, texts: Sequence[str]) -> list[Text]:
        """Texts with the vectors of their words; texts without a word are not among them."""
        words = [words_of(text) for text in texts]
        if not self._model.embedder:
            return [
                Text(each, np.zeros((len(each), 0), np.float32), np.zeros(0, np.float32)) for each in words
            ]
        wholes, vectors = self._embedder.embed_words(list(texts), [each.spans for each in words])
        ends = np.cumsum([len(each) for each in words])
        return [
            Text(each, vectors[end - len(each) : end], whole)
            for each, end, whole in zip(words, ends, wholes, strict=True)
        ]

    def _nearest(self, claim: Text, usable: Sequence[int]) -> list[int]:
        """Sentences worth a closer look, in their order, with the words of each read.

        Without this, checking a long text against long sources would take the product of their lengths.
        """
        near = list(usable)
        if len(usable) > _LOOKED_AT:
            cosines = self._similar(claim, usable)
            asked = {
                stem for stem, content in zip(claim.words.stems, claim.words.content, strict=True) if content
            }
            shared = np.array(
                [len(asked.intersection(words_of(self._sentences[i].text).stems)) for i in usable]
            )
            half = _LOOKED_AT // 4
            best = {
                *np.argsort(-cosines)[:half].tolist(),
                *np.argsort(-shared, kind="stable")[:half].tolist(),
            }
            # With those next to them: what they carry together, and what stands around them.
            wide = {at + step for at in best for step in (-1, 0, 1) if 0 <= at + step < len(usable)}
            near = [usable[at] for at in sorted(wide)]
        wanted = near
        if not self._texts and len(self._sentences) <= _READ_AT_ONCE:
            wanted = list(range(len(self._sentences)))
        unread = [i for i in wanted if i not in self._texts]
        if unread:
            self._texts |= dict(
                zip(unread, self._read([self._sentences[i].text for i in unread]), strict=True)
            )
        return near

    def _similar(self, claim: Text, usable: Sequence[int]) -> NDArray[np.float32]:
        if not self._model.embedder:
            return np.zeros(len(usable), np.float32)
        if self._wholes is None:
            self._wholes = self._embedder.embed_sentences([each.text for each in self._sentences])
        return np.asarray(self._wholes[list(usable)] @ claim.whole)

    def _source(self, near: Sequence[int]) -> Source:
        """Sentences that do not follow one another in their piece count as different pieces."""
        pieces: list[int] = []
        around: list[str] = []
        for at, i in enumerate(near):
            here = self._sentences[i].evidence
            if at == 0 or near[at - 1] != i - 1 or self._sentences[i - 1].evidence is not here:
                around.append(". ".join((here.title, *here.headings)))
            pieces.append(len(around) - 1)
        return Source([self._texts[i] for i in near], np.array(pieces), around)


def _letters(text: str) -> str:
    """Letters and digits alone: a text that lacks those of a quotation does not hold it, and this is seen fast."""
    return _NO_LETTER.sub("", text).casefold()


def _standalone(claim: str, context: str) -> str:
    """The claim with its subject named by the text before it; all of it, also where it has several clauses."""
    if not context.strip():
        return claim
    start = len(context) + 2
    found = [each for each in split_claims(f"{context}\n\n{claim}") if each.start >= start]
    # Only a claim that begins where it was put is whole.
    return " and ".join(each.standalone for each in found) if found and found[0].start == start else claim


def agreed(
    carried: float, wrong: float, opposed: float, faults: Sequence[Fault], share: float
) -> tuple[float, Verdict]:
    """Put the three probabilities together.

    Args:
        carried: That the source carries the claim, leaving single facts aside.
        wrong: That a number, a name, a negation or another fact of the claim is not the source's.
        opposed: That the source says the opposite.
        faults: What was found otherwise.
        share: Of the claim's words that the sentences have.

    Returns:
        The score, which a wrong fact keeps below ``PARTIAL_AT`` however similar the rest is, and the verdict.
    """
    # Where nearly every word of the claim is the source's own, what the source has otherwise is no paraphrase. The
    # fitted model has seen too few negations that were left out to be sure of that.
    if share >= _SAME_WORDS and any(not each.missing for each in faults):
        wrong = max(wrong, _CERTAINLY)
    if wrong > WRONG_AT:
        denied = any(each.kind in ("negation", "opposite") for each in faults)
        contradicted = share >= _SAME_SUBJECT and (denied or (opposed > _OPPOSED_AT and bool(faults)))
        return min(carried, PARTIAL_AT * (1.0 - wrong)), (
            Verdict.CONTRADICTED if contradicted else Verdict.UNSUPPORTED
        )
    if carried >= SUPPORTED_AT:
        return carried, Verdict.SUPPORTED
    return carried, Verdict.PARTIAL if carried >= PARTIAL_AT else Verdict.UNSUPPORTED


def _models_for(embedder: Embedder) -> Models:
    """The models fitted for this embedder's vectors, or those that need none."""
    shipped = load_models()
    return next((each for each in shipped if embedder.fingerprint.startswith(each.embedder)), shipped[-1])
