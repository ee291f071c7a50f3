"""The answer by a language model: its text -> sentences, each with what it cites, checked."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.markers import MarkedTextParser, quotations
from rag.prompt import NOT_ANSWERED, messages
from rag.types import Support, Usage, Verdict
from rag.verify import PARTIAL_AT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from ingest.sentences import Span
    from rag.gateway import Gateway
    from rag.markers import MarkedSentence
    from rag.types import Evidence, Question
    from rag.verify import Verifier

# Finish reasons of an answer that its model ended by itself.
_ENDED = ("stop", "end_turn", "eos")
_CARRIED = (Verdict.SUPPORTED, Verdict.PARTIAL)
# A sentence of which a source carries the words in quotation marks and nothing else.
_ONLY_QUOTED = Support(PARTIAL_AT, Verdict.PARTIAL, None, None)


@dataclass(slots=True)
class Draft:
    """What a language model did, counted while its answer streams.

    Attributes:
        raw: Its text as it came.
        invented_keys: Citation keys that were never issued.
        altered_quotes: Quotations that stand in no source.
        unmarked: Sentences that it left without a key.
        withheld: Sentences that readers do not get, with the reason.
        refused: Whether it said that the documents do not answer.
        finish_reason: The gateway's word for why it ended.
    """

    raw: str = ""
    invented_keys: int = 0
    altered_quotes: int = 0
    unmarked: int = 0
    withheld: list[tuple[str, str]] = field(default_factory=list)
    refused: bool = False
    finish_reason: str = ""
    model: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence that may be shown, with what carries it, best first, and what separates it from the last."""

    text: str
    supports: tuple[Support, ...]
    separator: str


async def generate(
    question: Question, evidence: Sequence[Evidence], *, gateway: Gateway, verifier: Verifier, draft: Draft
) -> AsyncGenerator[Checked, None]:
    """Ask the model and check each sentence as soon as it is finished.

    Args:
        question: What is asked.
        evidence: At least one piece.
        gateway: Where the model is.
        verifier: Over the same evidence.
        draft: Filled in on the way.

    Raises:
        IncompleteAnswer: The stream broke; what was yielded before is not an answer.
        GatewayError: The gateway gave none.
    """
    parser = MarkedTextParser([piece.key for piece in evidence])
    async with aclosing(gateway.stream(messages(question, evidence), model=question.model)) as deltas:
        async for delta in deltas:
            draft.raw += delta.text
            draft.model = delta.model or draft.model
            if delta.finish_reason:
                # Gateways have several words for an answer that came to its own end.
                draft.finish_reason = "stop" if delta.finish_reason in _ENDED else delta.finish_reason
            if delta.usage:
                draft.usage = Usage(delta.usage.prompt_tokens, delta.usage.completion_tokens)
            for sentence in parser.feed(delta.text):
                checked = await asyncio.to_thread(_check, sentence, verifier, draft)
                if checked:
                    yield checked
    last = parser.finish()
    if draft.finish_reason != "stop" and last:
        # The model was cut off, so its last sentence is probably half a sentence.
        draft.withheld.append((last.pop().text, "cut off"))
    for sentence in last:
        checked = await asyncio.to_thread(_check, sentence, verifier, draft)
        if checked:
            yield checked


def _check(sentence: MarkedSentence, verifier: Verifier, draft: Draft) -> Checked | None:
    """Find what carries one sentence; None when readers must not get it."""
    draft.invented_keys += len(sentence.invented)
    if sentence.text.strip() == NOT_ANSWERED:
        draft.refused = True
        return None
    if not sentence.text.strip():
        return None
    quotes = [sentence.text[start:end] for start, end in quotations(sentence.text)]
    places = [verifier.find(quote) for quote in quotes]
    altered = places.count(None)
    if altered:
        # A quotation that no source contains is a false statement about the source: no reader gets it.
        draft.altered_quotes += altered
        draft.withheld.append((sentence.text, "altered quotation"))
        return None
    supports = [verifier.check(sentence.text, [key]) for key in sentence.keys]
    if not sentence.keys:
        draft.unmarked += 1
    if not any(each.verdict in _CARRIED for each in supports):
        # The model gave no key or a wrong one: look for the source that does carry the sentence.
        supports.append(verifier.check(sentence.text))
    # A source that has little to do with the sentence is no footnote to it, whoever named it.
    supports = [each for each in supports if each.verdict in _CARRIED] or [
        each for each in supports if each.verdict is Verdict.CONTRADICTED
    ]
    best = max(supports, key=lambda each: each.score, default=_ONLY_QUOTED)
    supports += [
        Support(best.score, best.verdict, evidence, span, quoted=True)
        for evidence, span in filter(None, places)
        if not any(_within(evidence, span, each) for each in supports)
    ]
    ranked = sorted(supports, key=lambda each: -each.score)
    separator = "\n\n" if sentence.paragraph_break else "\n" if sentence.line_break else " "
    return Checked(sentence.text, tuple(ranked), separator)


def _within(evidence: Evidence, span: Span, support: Support) -> bool:
    return (
        support.span is not None
        and support.evidence is evidence
        and support.span[0] <= span[0]
        and span[1] <= support.span[1]
    )
