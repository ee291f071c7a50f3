"""The only orchestrator: retrieve, answer by quotation or by a model, verify, cite, rate."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest.sentences import trimmed
from rag.confidence import withheld
from rag.disagree import disagreeing_passages, open_disagreements
from rag.extractive import quote, shown_short_answer
from rag.generative import repair_signals, write
from rag.passages import evidence_of
from rag.prompt import NOT_ANSWERED
from rag.rewrite_model import rewritten_by_model
from rag.run import Parts, Run
from rag.stepping import stepping, steps_up
from rag.suggest import suggestions, written_by_model
from rag.types import Answer, Done, Mode, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.cost import Purse
    from rag.types import Disagreement, Event, Found, Question

# What of a trace is in words, and is kept as the gateway had it.
_TOLD = ("search_text", "sent", "received", "withheld", "repairs")


@dataclass(frozen=True, slots=True)
class Answerer(Parts):
    """Answers questions from a store."""

    async def answer(self, question: Question, purse: Purse | None = None) -> AsyncGenerator[Event, None]:
        """Answer a question, sentence by sentence.

        Args:
            question: With everything that is wanted of the answer.
            purse: What may be spent, in the place of one of the question's own limit.

        Yields:
            Passages found, then footnotes and verified claims as they come, then the whole answer. What ends
            without the last event is not an answer.

        Raises:
            NotFound: There is no such collection.
            InvalidFilter: The filter is not of the documented form.
            BudgetExceeded: The answer could cost more than the question allows.
            GatewayError: The gateway gave no usable answer.
        """
        mode = question.mode or (Mode.GENERATIVE if self.gateway else Mode.EXTRACTIVE)
        purse = purse or self.purse(question.max_cost_usd)
        by_model = self.config.model_rewrites and mode is Mode.GENERATIVE
        deadline: float | None = None
        asked = question
        if by_model and question.history:
            deadline = asyncio.get_running_loop().time() + self.gateway_config.deadline_s
            asked = replace(question, searched=await rewritten_by_model(self, question, purse))
        run = await asyncio.to_thread(Run, self, asked, mode, purse)
        run.deadline = deadline
        await asyncio.to_thread(run.retrieve)
        made: dict[str, Run] = {}
        if mode is Mode.GENERATIVE and steps_up(run):
            events = stepping(run, lambda each: _told(each, write(each), made))
        else:
            events = _told(run, quote(run) if mode is Mode.EXTRACTIVE else write(run), made)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Done) and question.follow_ups:
                    last = made[event.answer.id]
                    written = await written_by_model(last) if by_model else []
                    yield Done(await asyncio.to_thread(_with_suggestions, last, event.answer, written))
                else:
                    yield event


def new_answer_id() -> str:
    """An id that nobody can guess: 96 random bits."""
    return f"ans_{secrets.token_hex(12)}"


async def _told(
    run: Run, events: AsyncGenerator[Event, None], made: dict[str, Run]
) -> AsyncGenerator[Event, None]:
    """Everything that a run tells, the finished answer last; ``made`` learns which run made it."""
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    finally:
        if run.judge is not None:
            run.judge.close()
    answer = await asyncio.to_thread(_finished, run)
    made[answer.id] = run
    yield Done(answer)


def _with_suggestions(run: Run, answer: Answer, written: Sequence[str]) -> Answer:
    """The answer with questions to ask next, and with what finding them took."""
    del run.timings["total"]
    suggested = suggestions(run, written)
    run.time("follow_ups")
    run.timings["total"] = run.elapsed()
    return replace(
        answer,
        follow_ups=suggested.questions,
        usage=run.purse.usage,
        cost_usd=run.purse.cost_usd,
        timings=run.timings,
        trace={
            **answer.trace,
            "calls": [each.shown for each in run.purse.calls],
            "suggested_from": list(suggested.documents),
        },
    )


def _finished(run: Run) -> Answer:
    """Rate the answer and close it."""
    builder, draft = run.builder, run.draft
    claims = builder.claims
    stated = [claim for claim in claims if claim.needs_source]
    # Under the policy that flags, readers get what no source carries, marked as such.
    flagged = any(each.action == "flagged" for each in draft.repairs)
    if not stated or (not flagged and all(claim.verdict is Verdict.UNSUPPORTED for claim in stated)):
        if not run.abstained:
            # What was rated before is not what is left to be said.
            run.confidence = run.ranking = None
        run.abstained = True
    disagreeing = [] if run.abstained else _disagreements(run)
    signals = dict(run.confidence.signals) if run.confidence else run.signals([] if draft.abstained else None)
    signals |= {**repair_signals(run), "disagreements": open_disagreements(disagreeing, builder.citations)}
    rated = run.rated(signals)
    if run.abstained:
        rated = withheld(rated, run.withheld_below)
        _show_nearest(run)
    run.timings["total"] = run.elapsed()
    generated = run.mode is Mode.GENERATIVE
    return Answer(
        id=new_answer_id(),
        text=NOT_ANSWERED if run.abstained else builder.text,
        abstained=run.abstained,
        finish_reason=draft.finish_reason or "stop",
        claims=() if run.abstained else tuple(claims),
        citations=tuple(builder.citations),
        confidence=rated,
        mode=run.mode,
        model=draft.model or run.model if generated else None,
        usage=run.purse.usage,
        cost_usd=run.purse.cost_usd,
        timings=run.timings,
        trace=_trace(run),
        short_answer=shown_short_answer(run, rated),
        disagreements=tuple(each for each, _ in disagreeing),
    )


def _disagreements(run: Run) -> list[tuple[Disagreement, bool]]:
    """Where other passages found say otherwise than the footnotes, and whether they are the ones to believe."""
    config = run.parts.config.disagreement
    if not config.shown:
        return []
    return disagreeing_passages(
        run.search_text,
        run.builder.citations,
        run.evidence,
        weights=run.weights,
        stored=run.sources.text,
        most=config.compared,
    )


def _show_nearest(run: Run) -> None:
    """Keep the nearest passages as footnotes of an answer that says nothing."""
    run.builder.citations.clear()
    for each in _nearest(run)[: run.parts.config.nearest]:
        passage = each.passage
        span = trimmed(passage.text, 0, len(passage.text))
        run.builder.cite_only(evidence_of(each), (passage.start + span[0], passage.start + span[1]))


def _nearest(run: Run) -> list[Found]:
    """Passages found, those with the best sentences first."""
    places = [(each.passage.document_id, each.passage.start, each.passage.end) for each in run.found]
    best: list[int] = []
    for candidate in run.ranking.candidates if run.ranking else ():
        document, at = candidate.evidence.document_id, candidate.span[0]
        best += [i for i, (name, start, end) in enumerate(places) if name == document and start <= at < end]
    return [run.found[i] for i in dict.fromkeys([*best, *range(len(run.found))])]


def _trace(run: Run) -> dict[str, Any]:
    """What was searched, sent and decided. Earlier turns stay out: they may quote documents not cited here."""
    draft = run.draft
    trace: dict[str, Any] = {
        "search_text": run.search_text,
        "passages": [
            {
                "document_id": each.passage.document_id,
                "version": each.passage.version,
                "start": each.passage.start,
                "end": each.passage.end,
                "rank": each.rank,
                "score": each.score,
                "scores": each.scores,
            }
            for each in run.found
        ],
        "evidence": [
            {key: value for key, value in asdict(piece).items() if key not in ("text", "sentences")}
            for piece in run.evidence
        ],
        "merged": run.merged,
        "sent": draft.sent,
        "received": draft.raw,
        "unmarked_sentences": draft.unmarked,
        "withheld": [{"text": text, "reason": reason} for text, reason in draft.withheld],
        "repairs": [asdict(each) for each in draft.repairs],
        "refused_by_model": draft.refused,
        "judge": None if run.judge is None else run.judge.trace,
        "calls": [each.shown for each in run.purse.calls],
        # Documents that suggested questions come from.
        "suggested_from": [],
    }
    if run.stepped is not None:
        trace["stepped_up"] = run.stepped
    if run.redaction is not None:
        trace |= {name: run.redaction.hidden(trace[name]) for name in _TOLD}
    return trace
