"""Does the cited text support the claim?

Fails closed: what cannot be checked counts as unsupported. Numbers, units, dates, names, negation and quantifiers are
compared as such (``rag.verification``); what is left is a probability from a small fitted model. A larger judge may be
put in its place, and the facts are still compared.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rag.claims import split_claims
from rag.quotes import find_quote, has_ellipsis
from rag.types import Support, Verdict
from rag.verification.faults import Fault
from rag.verification.features import Source, Text, compare, fault_features, find_faults
from rag.verification.lead_in import inside, says_no
from rag.verification.model import load_models
from rag.verification.sentences import LONGEST_LABEL, LONGEST_WORDS, letters_of, sentences_of
from rag.verification.text import words_of
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from ingest.sentences import Span
    from rag.types import Evidence
    from rag.verification.features import Comparison
    from rag.verification.judge import Judge
    from rag.verification.model import Models
    from rag.verification.sentences import Sentence
    from rag.verification.text import Words

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
# Sentences looked at closely for one claim; of more, those that are most similar and share most terms.
_LOOKED_AT = 80
# Sentences that are embedded together; of no more than these all are read ahead.
_READ_AT_ONCE = 400
# Sentences of a part of those: some milliseconds of reading.
_PART = 16
# Words whose vectors are kept for one verifier, about 1.5 kB each; of more, only those of the sentences looked at are.
_MOST_WORDS = 60_000
# Stretches that a judge reads for one claim.
_JUDGED = 3
_DENIALS = ("negation", "opposite")
_UNCHECKED = Support(0.0, Verdict.UNSUPPORTED, None, None)
LATE = replace(
    _UNCHECKED,
    faults=(
        "the check ran out of time before it came to this claim; it may be sent again, with fewer claims at once",
    ),
)
_TOO_LONG = replace(
    _UNCHECKED,
    faults=(f"a claim of more than {LONGEST_WORDS} words is not checked as one: cut it into sentences",),
)


class _LateError(Exception):
    """The deadline passed while a claim was checked."""


class Verifier:
    """Checks claims against the evidence of one answer, whose sentences are read once.

    Args:
        evidence: What may be cited.
        embedder: For the vectors of words.
        rarity: How rare index terms are, by term; what it does not know weighs 1.
        judge: A larger model that decides instead of the fitted one; numbers, names and the like are compared anyway.
        models: Instead of those that are shipped for the embedder.
        deadline: When checking ends, on the clock of ``time.monotonic``; claims that come later count as unsupported.
    """

    def __init__(
        self,
        evidence: Sequence[Evidence],
        embedder: Embedder,
        rarity: Callable[[Sequence[str]], Mapping[str, float]],
        judge: Judge | None = None,
        models: Models | None = None,
        deadline: float | None = None,
    ) -> None:
        self._embedder = embedder
        self._rarity = rarity
        self._evidence = evidence
        self._judge = judge
        self._models = models
        self._deadline = deadline
        self._places: dict[str, NDArray[np.int64]] | None = None
        self._texts: dict[int, Text] = {}
        self._wholes: NDArray[np.float32] | None = None
        # Several claims may wait for their judge at the same time; sentences are read for one at a time.
        self._reading = threading.Lock()

    @cached_property
    def _sentences(self) -> list[Sentence]:
        """Of all evidence. Cut up at first use, so that nobody waits for it who only passes the verifier on."""
        return [each for piece in self._evidence for each in sentences_of(piece)]

    @cached_property
    def _by_length(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for i, each in enumerate(self._sentences):
            found.setdefault(len(each.letters), []).append(i)
        return found

    @cached_property
    def _parts(self) -> list[range]:
        """The sentences in parts that are always read together: whole pieces, a batch or a little more."""
        found: list[range] = []
        start = 0
        for i, each in enumerate(self._sentences):
            after = self._sentences[i + 1].evidence if i + 1 < len(self._sentences) else None
            if after is not each.evidence and (i + 1 - start >= _PART or after is None):
                found.append(range(start, i + 1))
                start = i + 1
        return found

    def read_ahead(self, text: str) -> Iterator[None]:
        """Read the evidence before there is a claim, part by part, so that a claim that comes does not wait for all.

        Args:
            text: What claims will be about. Of very long evidence only what is near to it is read.

        Yields:
            After each part.
        """
        if len(self._sentences) > _READ_AT_ONCE:
            with self._reading:
                self.compare(text)
            yield
            return
        for part in self._parts if self._model.embedder else ():
            with self._reading:
                self._learn(part)
            yield

    def check(self, claim: str, keys: Sequence[str] | None = None, *, context: str = "") -> Support:
        """Find the sentences that carry a claim best.

        Args:
            claim: One sentence or clause, without markers.
            keys: Only evidence of these keys, or all of it.
            context: The text before the claim, which says what its pronouns stand for.

        Returns:
            Unsupported, with the reason among the faults, when the check itself failed or its time was over.
        """
        try:
            self._in_time()
            return self._check(claim, keys, context)
        except _LateError:
            return LATE
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
        text = self._read([claim], [words])[0]
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
        if len(words_of(named)) > LONGEST_WORDS:
            return _TOO_LONG
        with self._reading:
            compared = self.compare(named, keys) if content_terms(claim) else None
        if compared is None:
            return _UNCHECKED
        near, found = compared
        found, turned = self._under_lead_in(named, near, found)
        if self._judge is not None:
            return self._judged(self._judge, named, near, found, turned)
        return self._support(self._model.carried.probability(found.features), near, found, turned)

    def _under_lead_in(
        self, claim: str, near: Sequence[int], found: Comparison
    ) -> tuple[Comparison, tuple[Fault, ...]]:
        """What changes where words such as "Never do this:" turn round the sentence that carries most of a claim.

        Returns:
            The comparison, without negations where the claim says no as well, and the fault of one that does not.
        """
        best = max(range(found.first, found.last), key=lambda i: found.carried[i])
        sentence = self._sentences[near[best]]
        lead_in = sentence.lead_in or inside(sentence.text)
        if not lead_in:
            return found, ()
        if not says_no(claim):
            return found, (Fault("negation", f"the source says this under “{lead_in}”"),)
        faults = tuple(each for each in found.faults if each.kind not in _DENIALS)
        return replace(found, faults=faults, features=found.features | fault_features(faults)), ()

    def _support(
        self, score: float, near: Sequence[int], found: Comparison, turned: tuple[Fault, ...]
    ) -> Support:
        first, last = self._sentences[near[found.first]], self._sentences[near[found.last - 1]]
        span = (first.span[0], last.span[1])
        # What has little to do with the claim says nothing against it either.
        turned = turned if score >= PARTIAL_AT else ()
        faults = (*found.faults, *turned)
        wrong = _CERTAINLY if turned else self._model.wrong.probability(found.features)
        against = self._model.opposed.probability(found.features)
        score, verdict = agreed(score, wrong, against, faults, found.features["near_exact"])
        opposed = verdict is Verdict.CONTRADICTED or any(not fault.missing for fault in faults)
        same_subject = found.features["near_exact"] >= _SAME_SUBJECT
        return Support(
            score,
            verdict,
            first.evidence,
            span,
            faults=tuple(dict.fromkeys(fault.told for fault in faults)),
            against=(first.evidence, span) if opposed and same_subject and score < SUPPORTED_AT else None,
        )

    def _judged(
        self, judge: Judge, claim: str, near: Sequence[int], found: Comparison, turned: tuple[Fault, ...]
    ) -> Support:
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
        if best:
            found, turned = self._bound_to(claim, near, found, *map(int, stretches[best]))
        support = self._support(judgements[best].carries, near, found, turned)
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

    def _bound_to(
        self, claim: str, near: Sequence[int], found: Comparison, first: int, last: int
    ) -> tuple[Comparison, tuple[Fault, ...]]:
        """A comparison with the facts of the stretch that a judge chose: another's say nothing about it."""
        text = self._read([claim], [words_of(claim)])[0]
        faults = tuple(find_faults(text, self._source(near), first, last))
        features = found.features | fault_features(faults)
        chosen = replace(found, first=first, last=last, faults=faults, features=features)
        return self._under_lead_in(claim, near, chosen)

    def _quoted(self, claim: str, keys: Sequence[str] | None) -> Support | None:
        """The claim as a source's own whole sentence.

        Words out of a sentence are not enough: "open the valve" also stands in "never open the valve".
        """
        if has_ellipsis(claim):
            return None
        letters = letters_of(claim)
        lengths = [len(letters) + more for more in range(LONGEST_LABEL + 1)]
        for i in sorted(i for length in lengths for i in self._by_length.get(length, ())):
            each = self._sentences[i]
            if (keys is None or each.evidence.key in keys) and (span := each.quoted(claim, letters)):
                return Support(1.0, Verdict.SUPPORTED, each.evidence, span, quoted=True)
        return None

    @property
    def _model(self) -> Models:
        """Loaded at the first check: the embedder may not be in memory before."""
        if self._models is None:
            self._models = _models_for(self._embedder)
        return self._models

    def _among(self, keys: Sequence[str] | None) -> list[Evidence]:
        return [piece for piece in self._evidence if keys is None or piece.key in keys]

    def _read(self, texts: Sequence[str], words: Sequence[Words]) -> list[Text]:
        """Texts with the vectors of their words."""
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
            shared = self._shared(claim.words)[list(usable)]
            half = _LOOKED_AT // 4
            best = {
                *np.argsort(-cosines)[:half].tolist(),
                *np.argsort(-shared, kind="stable")[:half].tolist(),
            }
            # With those next to them: what they carry together, and what stands around them.
            wide = {at + step for at in best for step in (-1, 0, 1) if 0 <= at + step < len(usable)}
            near = [usable[at] for at in sorted(wide)]
        self._learn(near)
        return near

    def _learn(self, wanted: Iterable[int]) -> None:
        """Read the words of sentences that are not read yet, with those of their parts unless there are very many.

        A vector differs in its last digits with what it is computed beside. Of these sentences that is always the same,
        so that a claim's support does not depend on which claim came first; other callers' texts may stand beside them.
        """
        unread = [i for i in wanted if i not in self._texts]
        if len(self._sentences) <= _READ_AT_ONCE:
            missing = set(unread)
            parts: list[Sequence[int]] = [part for part in self._parts if not missing.isdisjoint(part)]
        else:
            parts = [unread[at : at + _READ_AT_ONCE] for at in range(0, len(unread), _READ_AT_ONCE)]
        for part in parts:
            self._in_time()
            chosen = [self._sentences[i] for i in part]
            read = self._read([each.text for each in chosen], [each.words for each in chosen])
            self._texts |= dict(zip(part, read, strict=True))

    def _in_time(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise _LateError

    def _shared(self, words: Words) -> NDArray[np.int64]:
        """How many content words of a claim each sentence has, shape (sentences,)."""
        if self._places is None:
            places: dict[str, list[int]] = {}
            for i, each in enumerate(self._sentences):
                for stem in set(each.words.stems):
                    places.setdefault(stem, []).append(i)
            self._places = {stem: np.array(found) for stem, found in places.items()}
        shared = np.zeros(len(self._sentences), np.int64)
        for stem in {stem for stem, content in zip(words.stems, words.content, strict=True) if content}:
            if stem in self._places:
                shared[self._places[stem]] += 1
        return shared

    def _similar(self, claim: Text, usable: Sequence[int]) -> NDArray[np.float32]:
        if not self._model.embedder:
            return np.zeros(len(usable), np.float32)
        if sum(len(each.words) for each in self._sentences) <= _MOST_WORDS:
            # Their words are wanted as well, and come with the same reading.
            self._learn(usable)
            return np.asarray(np.stack([self._texts[i].whole for i in usable]) @ claim.whole)
        if self._wholes is None:
            self._wholes = self._embed([each.text for each in self._sentences])
        return np.asarray((self._wholes @ claim.whole)[list(usable)])

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for start in range(0, len(texts), _READ_AT_ONCE):
            self._in_time()
            rows.append(self._embedder.embed_sentences(list(texts[start : start + _READ_AT_ONCE])))
        return np.concatenate(rows)

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
    settled = any(each.settles for each in faults)
    if settled or (share >= _SAME_WORDS and any(not each.missing for each in faults)):
        wrong = max(wrong, _CERTAINLY)
    if wrong > WRONG_AT:
        denied = any(each.kind in ("negation", "opposite") for each in faults)
        contradicted = (settled or share >= _SAME_SUBJECT) and (
            denied or (opposed > _OPPOSED_AT and bool(faults))
        )
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
