"""The answer by a language model: its text -> sentences, each checked, and repaired where no source carries it.

One task reads the stream while another checks and repairs, so that a sentence that is asked again does not keep the
gateway waiting. Sentences leave in the order in which they were written: later ones wait for one that is repaired.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.hidden import without_hidden
from rag.gateway.judge import in_thread
from rag.judge import ENDED, is_refusal, judge, stating_nothing
from rag.markers import MarkedTextParser
from rag.table_rows import is_row, left_open, names_columns
from rag.types import Repair

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.gateway import Delta
    from rag.gateway.spending import SpendingGateway
    from rag.judge import Checked, Draft, Judged
    from rag.markers import MarkedSentence
    from rag.prompt import Mark
    from rag.redaction import RedactingGateway
    from rag.repair import Repairer
    from rag.types import Evidence
    from rag.verify import Verifier

_log = logging.getLogger(__name__)

# All of the evidence has been read.
_READ = object()
# Sentences of the answer in which a pronoun's noun is looked for.
_BEFORE = 3


async def generate(
    sent: Sequence[dict[str, str]],
    evidence: Sequence[Evidence],
    *,
    model: str | None,
    mark: Mark,
    gateway: SpendingGateway | RedactingGateway,
    verifier: Verifier,
    repairer: Repairer,
    draft: Draft,
) -> AsyncGenerator[Checked, None]:
    """Ask the model, and check and repair each sentence as soon as it is finished.

    Args:
        sent: The messages.
        evidence: What they show; at least one piece.
        model: Instead of the configured one.
        mark: What the evidence was marked with.
        gateway: Where the model is.
        verifier: Over the same evidence.
        repairer: What to do about a sentence that no source carries; its deadline is the answer's.
        draft: Filled in on the way.

    Raises:
        IncompleteAnswer: The stream broke; what was yielded before is not an answer.
        GatewayError: The gateway gave none.
    """
    finished: asyncio.Queue[MarkedSentence | None] = asyncio.Queue()
    stream = gateway.stream(sent, model=model, deadline_s=repairer.seconds_left())
    reader = asyncio.create_task(_read(stream, evidence, finished, repairer, draft))
    # The evidence is embedded while the gateway still thinks; a sentence that comes earlier waits for its sources only.
    before: deque[str] = deque(maxlen=_BEFORE)
    in_table = False
    ready = asyncio.create_task(_read_ahead(verifier, repairer.question.text))
    try:
        while (sentence := await finished.get()) is not None:
            heads = is_row(sentence.text) and not in_table and names_columns(sentence.text)
            said = " ".join(before)
            found = await _checked(sentence, mark, verifier, repairer, draft, said, heads_table=heads)
            in_table = is_row(sentence.text)
            for checked in found:
                repairer.shown(checked.text)
                yield checked
                before.append(checked.text)
        await reader
    finally:
        ready.cancel()
        reader.cancel()
        # Whatever ended the stream was raised above, unless nobody waits for it any more.
        with suppress(asyncio.CancelledError, Exception):
            await reader


async def _read_ahead(verifier: Verifier, text: str) -> None:
    """Have the evidence read, without asking a judge anything."""
    parts = verifier.read_ahead(text)
    try:
        # In steps of their own, between which a check gets its turn.
        while await asyncio.to_thread(next, parts, _READ) is not _READ:
            pass
    except Exception:
        # Whatever it was, each check meets it too, and counts its sentence as unsupported.
        _log.warning("the evidence could not be read ahead", exc_info=True)


async def _read(
    stream: AsyncGenerator[Delta, None],
    evidence: Sequence[Evidence],
    finished: asyncio.Queue[MarkedSentence | None],
    repairer: Repairer,
    draft: Draft,
) -> None:
    """Read the stream to its end and hand on each finished sentence, and None after the last or a failure."""
    parser = MarkedTextParser([piece.key for piece in evidence], evidence)
    try:
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                _note(delta, draft)
                for sentence in parser.feed(delta.text):
                    finished.put_nowait(sentence)
        last = parser.finish()
        if draft.finish_reason != "stop" and last:
            # The model was cut off, so its last sentence is probably half a sentence.
            draft.withheld.append((last.pop().text, "cut off"))
        for sentence in last:
            finished.put_nowait(sentence)
    except BaseException:
        # An answer that breaks ends in an error: nothing of it is worth asking for again.
        repairer.stop("the answer broke off")
        raise
    finally:
        finished.put_nowait(None)


def _note(delta: Delta, draft: Draft) -> None:
    draft.raw += delta.text
    draft.model = delta.model or draft.model
    if delta.finish_reason:
        # Gateways have several words for an answer that came to its own end.
        draft.finish_reason = "stop" if delta.finish_reason in ENDED else delta.finish_reason
    draft.logprobs += delta.logprobs


async def _checked(
    sentence: MarkedSentence,
    mark: Mark,
    verifier: Verifier,
    repairer: Repairer,
    draft: Draft,
    context: str,
    *,
    heads_table: bool,
) -> Sequence[Checked]:
    """What readers get of one sentence: itself, what it was rewritten to, or nothing."""
    draft.invented_keys += len(sentence.invented)
    # A model can write what nobody sees, too: copied from elsewhere, or asked for by a document.
    text = without_hidden(mark.taken_out(sentence.text))
    sentence = replace(sentence, text=text if heads_table else left_open(text))
    if is_refusal(sentence.text):
        draft.refused = True
        return ()
    if not sentence.text.strip() or draft.abstained:
        return ()
    if heads_table:
        return (stating_nothing(sentence),)
    if repairer.seconds_left() <= 0:
        # What cannot be checked in time is not shown, and the answer does not pass for a whole one.
        draft.finish_reason = "length"
        draft.withheld.append((sentence.text, "not checked before the deadline"))
        return ()
    judged = await in_thread(repairer.threads, judge, sentence, verifier, context)
    if judged.checked.needs_source and not sentence.keys:
        draft.unmarked += 1
    if judged.attributed:
        draft.repairs.append(Repair(sentence.text, judged.attributed, _why_attributed(judged)))
    if not judged.fault:
        return (judged.checked,)
    return await repairer.repair(judged)


def _why_attributed(judged: Judged) -> str:
    if judged.attributed == "attributed":
        return "it had no marker"
    shown = {each.evidence.key for each in judged.checked.supports if each.evidence is not None}
    if shown.isdisjoint(judged.keys):
        return "the source named does not carry it"
    return "the source named carries only a part of it"
