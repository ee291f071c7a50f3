"""What becomes of a generated sentence that no source carries: a source found, the model asked again, or a policy.

Close to RARR (Gao et al.: "Researching and Revising What Language Models Say, Using Language Models",
https://arxiv.org/abs/2210.08726), which searches for each sentence and edits what disagrees. Here an edit passes the
same check as every sentence, and what does not pass is not shown.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from index.analyze import terms
from ingest.hidden import without_hidden
from rag.errors import BudgetExceeded, GatewayError
from rag.gateway.judge import in_thread
from rag.judge import ALTERED, CARRIED, ENDED, Checked, is_refusal, judge
from rag.markers import MarkedTextParser
from rag.prompt import messages_again
from rag.types import OnUnsupported, Repair, Support, Verdict
from rag.words import content_terms, coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from rag.config import RepairConfig
    from rag.gateway.spending import SpendingGateway
    from rag.judge import Draft, Judged
    from rag.markers import MarkedSentence
    from rag.prompt import Mark
    from rag.redaction import RedactingGateway
    from rag.types import Evidence, Question
    from rag.verify import Verifier

# Pieces of evidence that a sentence is asked again with.
_PIECES = 5
# Share of the sentence's words that its evidence must have before the model is asked again, and that a new wording
# must keep to be one of the same thing.
_NEAR, _SAME_THING = 0.35, 0.35
# A sentence may become so many.
_MOST_SENTENCES = 2


@dataclass(slots=True)
class Repairer:
    """Repairs the sentences of one answer.

    Attributes:
        policy: What becomes of a sentence that cannot be repaired.
        deadline: On the event loop's clock; nothing is begun that could not end before.
        evidence: What the model read.
        verifier: Over the same, its sentences embedded already.
        search: Finds evidence for a sentence in the same collection under the same filter. Its keys are its own.
        verifier_of: A verifier over other evidence.
        draft: Where what was done is written down.
        threads: Where sentences are checked; None takes the event loop's own.
    """

    policy: OnUnsupported
    config: RepairConfig
    question: Question
    deadline: float
    evidence: Sequence[Evidence]
    verifier: Verifier
    gateway: SpendingGateway | RedactingGateway
    mark: Mark
    search: Callable[[str], Sequence[Evidence]]
    verifier_of: Callable[[Sequence[Evidence]], Verifier]
    draft: Draft
    threads: Executor | None = None
    _stopped: str = ""
    _searched: int = 0
    _asked: int = 0
    _said: set[str] = field(default_factory=set)
    # Keys of what was last found for a sentence, with its verifier.
    _fresh: tuple[frozenset[str], Verifier] | None = None

    def seconds_left(self) -> float:
        """Until the deadline."""
        return self.deadline - asyncio.get_running_loop().time()

    def stop(self, reason: str) -> None:
        """Begin nothing more that takes time."""
        self._stopped = reason

    def shown(self, text: str) -> None:
        """Remember a sentence of the answer, so that none is repaired into its repetition."""
        self._said.add(_folded(text))

    async def repair(self, judged: Judged) -> Sequence[Checked]:
        """What is to be shown in the place of a sentence: one or two sentences, or none."""
        if judged.unchecked:
            # What is written or found anew could not be checked either.
            return self._by_policy(judged, judged.fault)
        pieces: Sequence[Evidence] = ()
        self._fresh = None
        notes = [judged.fault]
        if judged.fault == ALTERED:
            self.draft.altered_quotes += 1
        if reason := self._cannot_begin(self._searched, self.config.searches, "searches"):
            notes.append(f"not searched again: {reason}")
        else:
            self._searched += 1
            pieces, supports = await in_thread(self.threads, self._look, judged)
            if supports:
                self._note(judged, "found", "a further search found its source")
                return (replace(judged.checked, supports=supports),)
        near = self._nearest(judged, pieces)
        if not near:
            notes.append("not asked again: the documents have nothing like it")
        elif reason := self._cannot_begin(self._asked, self.config.calls, "calls"):
            notes.append(f"not asked again: {reason}")
        else:
            written, note = await self._ask(judged, near)
            if written:
                self._note(judged, "rewritten", judged.fault, " ".join(each.text for each in written))
                return written
            notes.append(note)
        return self._by_policy(judged, "; ".join(notes))

    def _cannot_begin(self, done: int, limit: int, what: str) -> str:
        """Why nothing may be begun that takes time; empty when it may."""
        if self._stopped:
            return self._stopped
        if done >= limit:
            return f"{limit} {what} were made for this answer"
        if self.seconds_left() < self.config.least_s:
            return "the deadline is near"
        return ""

    def _look(self, judged: Judged) -> tuple[Sequence[Evidence], tuple[Support, ...]]:
        """Search once more for this sentence: what was found, and what of it carries the sentence."""
        found = self.search(judged.checked.text)
        fresh = [piece for piece in found if not any(_inside(piece, known) for known in self.evidence)]
        if not fresh or judged.fault == ALTERED:
            return found, ()
        self._fresh = frozenset(piece.key for piece in fresh), self.verifier_of(fresh)
        support = self._fresh[1].check(judged.checked.text, context=judged.context)
        # What one source says otherwise is not settled by half a support from another.
        opposed = any(each.verdict is Verdict.CONTRADICTED for each in judged.checked.supports)
        enough = (Verdict.SUPPORTED,) if opposed else CARRIED
        return found, (support,) if support.verdict in enough else ()

    def _nearest(self, judged: Judged, found: Sequence[Evidence]) -> list[Evidence]:
        """The pieces that share most of a sentence's words, its model's own first; none when they share little."""
        wanted = content_terms(judged.checked.text)
        known = {piece.key: piece for piece in self.evidence}
        named = [known[key] for key in judged.keys if key in known]
        opposed = [each.evidence for each in judged.checked.supports if each.evidence is not None]
        distinct: list[Evidence] = []
        for piece in [*opposed, *named, *found, *self.evidence]:
            if not any(_inside(piece, other) for other in distinct):
                distinct.append(piece)
        shares = [coverage(wanted, set(terms(piece.text)), {}) for piece in distinct]
        order = sorted(range(len(distinct)), key=lambda at: -shares[at])[:_PIECES]
        return [distinct[at] for at in order] if order and shares[order[0]] >= _NEAR else []

    async def _ask(self, judged: Judged, pieces: Sequence[Evidence]) -> tuple[list[Checked], str]:
        """Ask the model for the sentence again: what may be shown of that, or why nothing may."""
        sent = messages_again(self.question, judged.checked.text, pieces, self.mark)
        seconds = min(self.seconds_left(), self.config.call_s)
        try:
            # One layer more than the gateway's own deadline, so that nothing outlasts the answer's.
            async with asyncio.timeout(seconds):
                reply = await self.gateway.complete(sent, model=self.question.model, deadline_s=seconds)
        except BudgetExceeded:
            return [], "not asked again: max_cost_usd does not allow it"
        except (GatewayError, TimeoutError) as error:
            self._asked += 1
            return [], f"asked again in vain: {getattr(error, 'code', 'gateway_timeout')}"
        self._asked += 1
        parser = MarkedTextParser([piece.key for piece in pieces], pieces)
        sentences = parser.feed(reply.text)
        if reply.finish_reason in ENDED:
            # Of a reply that was cut off the last sentence is probably half a sentence.
            sentences += parser.finish()
        written = await in_thread(self.threads, self._acceptable, judged, sentences)
        return written, "asked again, and no source carries the new wording either"

    def _acceptable(self, judged: Judged, sentences: Sequence[MarkedSentence]) -> list[Checked]:
        """New wordings of a sentence that a source carries in full and that were not given before."""
        wanted = content_terms(judged.checked.text)
        kept: list[Checked] = []
        for sentence in sentences:
            text = without_hidden(self.mark.taken_out(sentence.text))
            folded = _folded(text)
            about = coverage(wanted, set(terms(text)), {}) >= _SAME_THING
            if not folded or is_refusal(text) or folded in self._said or not about:
                continue
            # Most often the source is one that the model read before, whose sentences are embedded.
            found_again = self._fresh is not None and not self._fresh[0].isdisjoint(sentence.keys)
            verifier = self._fresh[1] if self._fresh is not None and found_again else self.verifier
            found = judge(replace(sentence, text=text), verifier, judged.context)
            best = found.checked.supports[0] if found.checked.supports else None
            if found.fault or best is None or best.verdict is not Verdict.SUPPORTED:
                continue
            self._said.add(folded)
            separator = " " if kept else judged.checked.separator
            kept.append(replace(found.checked, separator=separator))
            if len(kept) == _MOST_SENTENCES:
                break
        return kept

    def _by_policy(self, judged: Judged, reason: str) -> Sequence[Checked]:
        text = judged.checked.text
        if self.policy is OnUnsupported.FLAG and judged.fault != ALTERED:
            self._note(judged, "flagged", reason)
            return (judged.checked,)
        # A quotation that no source has is a false statement about a source: no policy shows it.
        self.draft.withheld.append((text, judged.fault))
        self.draft.abstained = self.policy is OnUnsupported.ABSTAIN
        self._note(judged, "abstained" if self.draft.abstained else "dropped", reason)
        return ()

    def _note(self, judged: Judged, action: str, reason: str, became: str | None = None) -> None:
        self.draft.repairs.append(Repair(judged.checked.text, action, reason, became))


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _inside(piece: Evidence, other: Evidence) -> bool:
    return (
        (piece.document_id, piece.version) == (other.document_id, other.version)
        and other.start <= piece.start
        and piece.end <= other.end
    )
