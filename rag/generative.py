"""The answer in a model's sentences: what it is sent, what it may cost, and which of its sentences are shown."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.alike import merge_alike
from rag.conversation import standalone
from rag.errors import BudgetExceeded, GatewayNotConfigured
from rag.gateway.routes import resolve
from rag.gateway.spending import SpendingGateway
from rag.generate import generate
from rag.markers import new_keys
from rag.passages import evidence_of, gather
from rag.prompt import messages, new_mark
from rag.redaction import RedactingGateway, Redaction
from rag.repair import Repairer
from rag.types import OnUnsupported, Repair, Retrieved
from rag.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.cost import Purse
    from rag.gateway import Gateway
    from rag.judge import Checked
    from rag.prompt import Mark
    from rag.run import Parts, Run
    from rag.types import Event, Evidence

# Passages read for a sentence that is searched for once more.
_FOUND_AGAIN = 5


async def write(run: Run) -> AsyncGenerator[Event, None]:
    """Answer in a model's sentences, each checked.

    Raises:
        GatewayNotConfigured: There is no model.
        BudgetExceeded: The answer could cost more than the question allows.
        GatewayError: The gateway gave no usable answer.
    """
    parts, draft = run.parts, run.draft
    yield Retrieved(tuple(run.found))
    if parts.gateway is None:
        raise GatewayNotConfigured(
            "No language model is configured. Set FOOTNOTE_GATEWAY_URL and FOOTNOTE_GATEWAY_KEY, or "
            "ask with mode=extractive."
        )
    mark = await asyncio.to_thread(_prepare, run)
    if mark is None:
        return
    gateway = await _gateway(run, parts.gateway, mark)
    check_prices(parts, run.purse)
    if run.deadline is None:
        run.deadline = asyncio.get_running_loop().time() + parts.gateway_config.deadline_s
    deadline = run.deadline
    run.judge = parts.judges.of(run.purse, deadline) if parts.judges else None
    verifier = _verifier(run, tuple(run.evidence))
    policy = run.question.on_unsupported or parts.config.on_unsupported
    checked = generate(
        draft.sent,
        tuple(run.evidence),
        model=run.model,
        mark=mark,
        gateway=gateway,
        verifier=verifier,
        repairer=_repairer(run, policy, gateway, mark, verifier, deadline),
        draft=draft,
    )
    held: list[Event] = []
    async with aclosing(checked) as sentences:
        async for sentence in sentences:
            run.timings.setdefault("first_sentence", run.elapsed())
            for event in await asyncio.to_thread(_take, run, policy, sentence):
                # Under this policy a later sentence can still take back the whole answer.
                if policy is OnUnsupported.ABSTAIN:
                    held.append(event)
                else:
                    yield event
    run.time("generation")
    if draft.abstained:
        run.abstained, run.confidence = True, None
        return
    for event in held:
        yield event


def repair_signals(run: Run) -> dict[str, float]:
    """What repair did, as shares of the sentences that state something."""
    draft = run.draft
    shown = sum(claim.needs_source for claim in run.builder.claims)
    rewritten = sum(each.action == "rewritten" for each in draft.repairs)
    written = max(1, shown + len(draft.withheld))
    return {"rewritten_share": rewritten / written, "dropped_share": len(draft.withheld) / written}


def _prepare(run: Run) -> Mark | None:
    """Gather what the model is shown and write to it; None where nothing was found."""
    parts = run.parts
    run.evidence = gather(
        run.found,
        parts.store.catalog,
        count_tokens=parts.tokens.count,
        budget=parts.config.evidence_tokens,
        new_keys=new_keys,
    )
    if not run.evidence:
        return None
    if parts.config.merge_alike:
        run.evidence, run.merged = merge_alike(run.evidence)
    mark = new_mark(parts.config.marking, run.evidence)
    run.draft.sent = messages(run.question, run.evidence, mark)
    return mark


async def _gateway(run: Run, gateway: Gateway, mark: Mark) -> SpendingGateway | RedactingGateway:
    """The gateway as this request asks it: from its purse, and without personal data where none may leave."""
    spending = SpendingGateway(gateway, run.purse, run.model)
    if not run.parts.config.recognisers:
        return spending
    run.redaction = Redaction(run.parts.config.recognisers, mark)
    run.draft.sent = await asyncio.to_thread(run.redaction.messages, run.draft.sent)
    return RedactingGateway(spending, run.redaction)


def check_prices(parts: Parts, purse: Purse) -> None:
    """Refuse a budget that cannot be kept: a judge without a price could be asked nothing, and nothing be supported.

    Raises:
        BudgetExceeded: The price of the judge's model is not known.
    """
    judges = parts.judges
    if judges is None or not purse.is_limited:
        return
    targets = resolve(parts.gateway_config, judges.model).targets
    if all(purse.price(each.model, each.endpoint) is None for each in targets):
        raise BudgetExceeded(
            f"The price of {judges.model!r}, which judges, is not known, so max_cost_usd cannot be kept. Leave it out."
        )


def _verifier(run: Run, evidence: Sequence[Evidence]) -> Verifier:
    return Verifier(evidence, run.parts.embedder, run.collection.rarity, judge=run.judge or run.parts.judge)


def _repairer(
    run: Run,
    policy: OnUnsupported,
    gateway: SpendingGateway | RedactingGateway,
    mark: Mark,
    verifier: Verifier,
    deadline: float,
) -> Repairer:
    parts, question = run.parts, run.question
    known = {piece.key for piece in run.evidence}

    def search(sentence: str) -> list[Evidence]:
        # A sentence that leans on the question is looked for together with it.
        text = standalone(
            replace(question, text=sentence, plain=None, searched=None, history=(("user", question.text),))
        )
        # Others wait for this sentence: it is searched for without the second, slower look.
        found = run.search(text, _FOUND_AGAIN, reranked=False)
        keys = (key for key in new_keys(len(found) + len(known)) if key not in known)
        pieces = [evidence_of(each, key) for each, key in zip(found, keys, strict=False)]
        known.update(piece.key for piece in pieces)
        run.evidence += pieces
        return pieces

    return Repairer(
        policy=policy,
        config=parts.config.repair,
        question=question,
        deadline=deadline,
        evidence=tuple(run.evidence),
        verifier=verifier,
        gateway=gateway,
        mark=mark,
        search=search,
        verifier_of=lambda evidence: _verifier(run, evidence),
        draft=run.draft,
        threads=run.judge.threads if run.judge else None,
    )


def _take(run: Run, policy: OnUnsupported, sentence: Checked) -> list[Event]:
    """A sentence with its footnotes, unless the policy keeps it back because its source is gone by now."""
    if policy is not OnUnsupported.FLAG and sentence.needs_source and sentence.supports:
        sources = [each.evidence for each in sentence.supports if each.evidence is not None]
        if sources and all(run.sources.text(piece) is None for piece in sources):
            run.draft.withheld.append((sentence.text, "its source was deleted"))
            run.draft.repairs.append(Repair(sentence.text, "dropped", "its source was deleted"))
            run.draft.abstained |= policy is OnUnsupported.ABSTAIN
            return []
    return run.add(sentence.text, sentence.supports, sentence.separator, sentence.needs_source)
