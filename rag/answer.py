"""The only orchestrator: retrieve, answer by quotation or by a model, verify, cite, rate."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest.sentences import trimmed
from rag.alike import merge_alike
from rag.answerable import sufficiency
from rag.asked import asked
from rag.cite import AnswerBuilder, Sources
from rag.confidence import MEDIUM, confidence, load_calibration, retrieval_signals, sufficiency_signals
from rag.conversation import standalone
from rag.cost import Purse, check_budget, cost_usd
from rag.disagree import disagreeing_passages, open_disagreements
from rag.errors import GatewayNotConfigured
from rag.explain import explanation
from rag.extract import Ranking, choose, rank_sentences, readable
from rag.generate import generate
from rag.judge import Draft
from rag.markers import new_keys
from rag.passages import evidence_of, fair_share, gather, joined
from rag.places import passages_to_read
from rag.prompt import NOT_ANSWERED, messages, new_mark
from rag.redaction import RedactingGateway, Redaction
from rag.repair import Repairer
from rag.retrieve import retrieve
from rag.short_answer import short_answer
from rag.subject import subject, without_instruction
from rag.types import (
    Answer,
    Cited,
    Claimed,
    Confidence,
    Done,
    Mode,
    OnUnsupported,
    Repair,
    Retrieved,
    ShortAnswer,
    Support,
    Verdict,
)
from rag.verify import Verifier
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from index.collection import Collection
    from index.store import Store
    from ingest.embed import Embedder
    from ingest.parse import Parser
    from rag.calibration import Calibration
    from rag.candidate import Candidate
    from rag.config import AnswerConfig, ExtractConfig, GatewayConfig, RetrieveConfig
    from rag.gateway import Gateway
    from rag.judge import Checked
    from rag.prompt import Mark
    from rag.rerank import Reranker
    from rag.tokens import TokenCounter
    from rag.types import Disagreement, Event, Evidence, Found, Question
    from rag.verification.judge import Judge

# What of a trace is in words, and is kept as the gateway had it.
_TOLD = ("search_text", "sent", "received", "withheld", "repairs")
# Passages read for a sentence that is searched for once more.
_FOUND_AGAIN = 5


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers questions from a store.

    Attributes:
        parser: Finds quotes on pages; not the one that ingests, so that nobody waits for a large file.
        gateway: None when there is no language model.
    """

    store: Store
    embedder: Embedder
    parser: Parser
    gateway: Gateway | None
    gateway_config: GatewayConfig
    tokens: TokenCounter
    retrieve_config: RetrieveConfig
    reranker: Reranker | None
    judge: Judge | None
    extract_config: ExtractConfig
    config: AnswerConfig

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Answer a question, sentence by sentence.

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
        run = await asyncio.to_thread(_Run, self, question, mode)
        found = await asyncio.to_thread(run.retrieve)
        yield Retrieved(tuple(found))
        steps = run.quote() if mode is Mode.EXTRACTIVE else run.generate()
        async with aclosing(steps) as events:
            async for event in events:
                yield event
        yield Done(await asyncio.to_thread(run.finish))


class _Run:
    """One question on its way."""

    def __init__(self, service: Answerer, question: Question, mode: Mode) -> None:
        self._service = service
        self._question = question
        self._mode = mode
        self._collection: Collection = service.store.collection(question.collection)
        self._started = time.perf_counter()
        self._timings: dict[str, float] = {}
        self._search_text = standalone(question)
        self._found: list[Found] = []
        self._further: list[Found] = []
        self._first: list[Found] = []
        self._evidence: list[Evidence] = []
        self._weights: Mapping[str, float] = {}
        self._draft = Draft()
        self._sources = Sources(service.store.catalog, service.store.blobs, service.parser)
        self._builder = AnswerBuilder(self._sources)
        self._abstained = False
        self._confidence: Confidence | None = None
        self._cosines: list[float] = []
        self._ranking: Ranking | None = None
        self._short: ShortAnswer | None = None
        self._sent: list[dict[str, str]] = []
        self._merged: dict[str, str] = {}
        self._redaction: Redaction | None = None
        self._policy = question.on_unsupported or service.config.on_unsupported
        self._purse = Purse(self._model(), question.max_cost_usd)

    def retrieve(self) -> list[Found]:
        """Find passages."""
        limit, service = self._question.top_k, self._service
        # More than are read, so that other documents can come in for one that has too many.
        found = self._search(self._search_text, max(limit, service.extract_config.searched))
        self._found = fair_share(found, limit, service.config.per_document)
        kept = {each.passage.id for each in self._found}
        self._further = [each for each in found if each.passage.id not in kept]
        self._weights = self._collection.rarity(content_terms(self._search_text))
        self._time("retrieval")
        return self._found

    def _search(
        self, text: str, limit: int, wanted: dict[str, Any] | None = None, *, reranked: bool = True
    ) -> list[Found]:
        service = self._service
        return retrieve(
            text,
            collection=self._collection,
            catalog=service.store.catalog,
            embedder=service.embedder,
            config=service.retrieve_config,
            limit=limit,
            wanted=wanted or self._question.wanted,
            reranker=service.reranker if reranked else None,
        )

    async def quote(self) -> AsyncGenerator[Event, None]:
        """Answer in the documents' own sentences."""
        picked = await asyncio.to_thread(self._pick)
        for candidate in picked:
            if await asyncio.to_thread(self._sources.text, candidate.evidence) is None:
                continue  # Deleted since it was found: its words must not be said any more.
            text = readable(candidate.evidence.slice(candidate.span))
            support = Support(1.0, Verdict.SUPPORTED, candidate.evidence, candidate.span, quoted=True)
            for event in await asyncio.to_thread(self._add, text, (support,)):
                yield event
        self._time("extraction")

    async def generate(self) -> AsyncGenerator[Event, None]:
        """Answer in a model's sentences."""
        service = self._service
        if service.gateway is None:
            raise GatewayNotConfigured(
                "No language model is configured. Set FOOTNOTE_GATEWAY_URL and FOOTNOTE_GATEWAY_KEY, or "
                "ask with mode=extractive."
            )
        self._evidence = await asyncio.to_thread(self._gather, self._found, service.config.evidence_tokens)
        if not self._evidence:
            return
        if service.config.merge_alike:
            self._evidence, self._merged = merge_alike(self._evidence)
        mark = new_mark(service.config.marking, self._evidence)
        self._sent = messages(self._question, self._evidence, mark)
        gateway: Gateway | RedactingGateway = service.gateway
        if service.config.recognisers:
            self._redaction = Redaction(service.config.recognisers, mark)
            self._sent = await asyncio.to_thread(self._redaction.messages, self._sent)
            gateway = RedactingGateway(service.gateway, self._redaction)
        self._check_budget()
        verifier = self._verifier(tuple(self._evidence))
        repairer = self._repairer(gateway, mark, verifier)
        checked = generate(
            self._sent,
            tuple(self._evidence),
            model=self._question.model,
            mark=mark,
            gateway=gateway,
            verifier=verifier,
            repairer=repairer,
            draft=self._draft,
        )
        held: list[Event] = []
        async with aclosing(checked) as sentences:
            async for sentence in sentences:
                self._timings.setdefault("first_sentence", self._elapsed())
                for event in await asyncio.to_thread(self._take, sentence):
                    # Under this policy a later sentence can still take back the whole answer.
                    if self._policy is OnUnsupported.ABSTAIN:
                        held.append(event)
                    else:
                        yield event
        self._time("generation")
        if self._draft.abstained:
            self._abstained, self._confidence = True, None
            return
        for event in held:
            yield event

    def _repairer(self, gateway: Gateway | RedactingGateway, mark: Mark, verifier: Verifier) -> Repairer:
        service, question = self._service, self._question
        known = {piece.key for piece in self._evidence}

        def search(sentence: str) -> list[Evidence]:
            # A sentence that leans on the question is looked for together with it.
            text = standalone(replace(question, text=sentence, history=(("user", question.text),)))
            # Others wait for this sentence: it is searched for without the second, slower look.
            found = self._search(text, _FOUND_AGAIN, reranked=False)
            keys = (key for key in new_keys(len(found) + len(known)) if key not in known)
            pieces = [evidence_of(each, key) for each, key in zip(found, keys, strict=False)]
            known.update(piece.key for piece in pieces)
            self._evidence += pieces
            return pieces

        def may_spend(sent: Sequence[dict[str, str]]) -> bool:
            return self._purse.take(self._count(sent), service.gateway_config.max_output_tokens)

        return Repairer(
            policy=self._policy,
            config=service.config.repair,
            question=question,
            deadline=asyncio.get_running_loop().time() + service.gateway_config.deadline_s,
            evidence=tuple(self._evidence),
            verifier=verifier,
            gateway=gateway,
            mark=mark,
            search=search,
            verifier_of=self._verifier,
            may_spend=may_spend,
            draft=self._draft,
        )

    def _verifier(self, evidence: Sequence[Evidence]) -> Verifier:
        return Verifier(evidence, self._service.embedder, self._collection.rarity, judge=self._service.judge)

    def _take(self, sentence: Checked) -> list[Event]:
        """A sentence with its footnotes, unless the policy keeps it back because its source is gone by now."""
        if self._policy is not OnUnsupported.FLAG and sentence.needs_source and sentence.supports:
            sources = [each.evidence for each in sentence.supports if each.evidence is not None]
            if sources and all(self._sources.text(piece) is None for piece in sources):
                self._draft.withheld.append((sentence.text, "its source was deleted"))
                self._draft.repairs.append(Repair(sentence.text, "dropped", "its source was deleted"))
                self._draft.abstained |= self._policy is OnUnsupported.ABSTAIN
                return []
        return self._add(sentence.text, sentence.supports, sentence.separator, sentence.needs_source)

    def finish(self) -> Answer:
        """Rate the answer and close it."""
        builder, draft = self._builder, self._draft
        claims = builder.claims
        stated = [claim for claim in claims if claim.needs_source]
        if not stated or all(claim.verdict is Verdict.UNSUPPORTED for claim in stated):
            if not self._abstained:
                # What was rated before is not what is left to be said.
                self._confidence = self._ranking = None
            self._abstained = True
        disagreeing = [] if self._abstained else self._disagreements()
        signals = (
            dict(self._confidence.signals)
            if self._confidence
            else self._signals([] if draft.abstained else None)
        )
        signals |= {
            **self._repair_signals(),
            "disagreements": open_disagreements(disagreeing, builder.citations),
        }
        rated = self._rated(signals)
        if self._abstained:
            self._show_nearest()
        self._timings["total"] = self._elapsed()
        return Answer(
            id=f"ans_{secrets.token_hex(12)}",
            text=NOT_ANSWERED if self._abstained else builder.text,
            abstained=self._abstained,
            finish_reason=draft.finish_reason or "stop",
            claims=() if self._abstained else tuple(claims),
            citations=tuple(builder.citations),
            confidence=rated,
            mode=self._mode,
            model=draft.model or self._model() if self._mode is Mode.GENERATIVE else None,
            usage=draft.usage,
            cost_usd=self._cost() if self._mode is Mode.GENERATIVE else 0.0,
            timings=self._timings,
            trace=self._trace(),
            short_answer=self._short_answer(rated),
            disagreements=tuple(each for each, _ in disagreeing),
        )

    def _short_answer(self, rated: Confidence) -> ShortAnswer | None:
        """The few words that answer, if they may well be right and a footnote holds them."""
        found = self._short
        if found is None or self._abstained or rated.value < MEDIUM:
            return None
        held = any(
            (cited.document_id, cited.version) == (found.document_id, found.version)
            and cited.start <= found.start
            and found.end <= cited.end
            for cited in self._builder.citations
        )
        return found if held else None

    def _disagreements(self) -> list[tuple[Disagreement, bool]]:
        """Where other passages found say otherwise than the footnotes, and whether they are the ones to believe."""
        if not self._service.config.disagreement.shown:
            return []
        return disagreeing_passages(
            self._search_text,
            self._builder.citations,
            self._evidence,
            weights=self._weights,
            stored=self._sources.text,
            most=self._service.config.disagreement.compared,
        )

    def _repair_signals(self) -> dict[str, float]:
        """What repair did, as shares of the sentences that state something."""
        draft = self._draft
        shown = sum(claim.needs_source for claim in self._builder.claims)
        rewritten = sum(each.action == "rewritten" for each in draft.repairs)
        written = max(1, shown + len(draft.withheld))
        return {"rewritten_share": rewritten / written, "dropped_share": len(draft.withheld) / written}

    def _pick(self) -> Sequence[Candidate]:
        """Choose sentences, or none when they would probably not answer."""
        service = self._service
        ranking = self._ranking = self._rank()
        picked = choose(ranking, service.extract_config)
        calibration = self._calibration()
        # The best sentence decides; a further one can only add to it.
        best = ranking.candidates[:1]
        self._cosines = [each.cosine for each in best]
        quotes = [(each.evidence, each.text) for each in best]
        self._confidence = self._rated(self._signals(quotes))
        target = self._question.target_error
        withheld_below = service.config.abstain_below if target is None else None
        if withheld_below is None:
            withheld_below = calibration.threshold(service.config.target_error if target is None else target)
        if self._confidence.value < withheld_below:
            self._abstained = True
            return []
        self._short = short_answer(ranking, picked)
        return picked

    def _rank(self) -> Ranking:
        """Weigh the sentences of the passages found, and of those further down with the question's rarest word.

        A question that names one document is asked of that document alone, without the names.
        """
        service, config = self._service, self._service.extract_config
        text, found = without_instruction(self._search_text), [*self._found, *self._further]
        named = subject(text, found)
        if named is not None or text != self._search_text:
            text = named.rest if named else text
            within = {"document_id": named.document_id} if named else None
            wanted = {"$and": [within, self._question.wanted]} if within and self._question.wanted else within
            found = self._search(text, config.searched, wanted)
        weights = self._collection.rarity(content_terms(text))
        count = service.config.quote_passages
        read = passages_to_read(asked(text, weights), found, count, config.rarest_passages)
        evidence = joined(read, new_keys)
        if self._mode is Mode.EXTRACTIVE:
            self._evidence, self._search_text = evidence, text
            self._found = found[: self._question.top_k]
        self._weights = self._collection.rarity(content_terms(self._search_text))
        self._first = found[:count]
        return rank_sentences(
            text,
            service.embedder.embed_query(text),
            evidence,
            embedder=service.embedder,
            weights=weights,
            config=config,
            found=read,
            vectors=service.store.catalog.sentence_vectors([each.passage.id for each in read]),
        )

    def _rated(self, signals: dict[str, float]) -> Confidence:
        """A probability with its reasons."""
        rated = confidence(signals, self._calibration())
        return replace(rated, explanation=explanation(self._ranking, signals)) if self._ranking else rated

    def _calibration(self) -> Calibration:
        own = self._service.config.calibration
        return own if own is not None and own.mode == self._mode else load_calibration()

    def _gather(self, found: Sequence[Found], budget: int) -> list[Evidence]:
        service = self._service
        return gather(
            found,
            service.store.catalog,
            count_tokens=service.tokens.count,
            budget=budget,
            new_keys=new_keys,
        )

    def _add(
        self, text: str, supports: Sequence[Support], separator: str = " ", needs_source: bool = True
    ) -> list[Event]:
        fresh = self._builder.add(text, supports, separator, needs_source=needs_source)
        claim = self._builder.claims[-1]
        return [*(Cited(citation) for citation in fresh), Claimed(claim, separator if claim.start else "")]

    def _signals(self, quotes: Sequence[tuple[Evidence, str]] | None = None) -> dict[str, float]:
        """All named signals of this answer."""
        draft = self._draft
        claims = [claim for claim in self._builder.claims if claim.needs_source]
        if quotes is None:
            quotes = [
                (piece, cited.quote)
                for cited in self._builder.citations
                for piece in self._evidence
                if (piece.document_id, piece.version) == (cited.document_id, cited.version)
                and piece.start <= cited.start
                and cited.end <= piece.end
            ]
            vector = self._service.embedder.embed_query(self._search_text)
            texts = [quote for _, quote in quotes]
            self._cosines = [float(each @ vector) for each in self._service.embedder.embed_sentences(texts)]
        around = " ".join(
            " ".join((piece.title, *piece.headings, piece.text))
            for piece in {e.key: e for e, _ in quotes}.values()
        )
        if self._ranking is None and quotes:
            self._ranking = self._rank()
        searched = retrieval_signals(self._first)
        unsupported = sum(claim.verdict in (Verdict.UNSUPPORTED, Verdict.CONTRADICTED) for claim in claims)
        return {
            **searched,
            "sufficiency": sufficiency(self._ranking if quotes else None, searched),
            **sufficiency_signals(
                self._search_text, [quote for _, quote in quotes], around, self._cosines, self._weights
            ),
            "support": min((claim.support for claim in claims), default=1.0 if quotes else 0.0),
            "unsupported_share": unsupported / len(claims) if claims else 0.0,
            "invented_keys": float(draft.invented_keys),
            "altered_quotes": float(draft.altered_quotes),
        }

    def _show_nearest(self) -> None:
        """Keep the nearest passages as footnotes of an answer that says nothing."""
        self._builder.citations.clear()
        for each in self._nearest()[: self._service.config.nearest]:
            passage = each.passage
            span = trimmed(passage.text, 0, len(passage.text))
            self._builder.cite_only(evidence_of(each), (passage.start + span[0], passage.start + span[1]))

    def _nearest(self) -> list[Found]:
        """Passages found, those with the best sentences first."""
        places = [(each.passage.document_id, each.passage.start, each.passage.end) for each in self._found]
        best: list[int] = []
        for candidate in self._ranking.candidates if self._ranking else ():
            document, at = candidate.evidence.document_id, candidate.span[0]
            best += [
                i for i, (name, start, end) in enumerate(places) if name == document and start <= at < end
            ]
        return [self._found[i] for i in dict.fromkeys([*best, *range(len(self._found))])]

    def _model(self) -> str:
        return self._question.model or self._service.gateway_config.model

    def _cost(self) -> float | None:
        """Dollars; None when the gateway did not count its tokens or the model's price is not known."""
        draft = self._draft
        if not self._sent:
            return 0.0
        if draft.uncounted or not draft.answered.total_tokens:
            return None
        return cost_usd(self._model(), draft.usage)

    def _check_budget(self) -> None:
        limit = self._question.max_cost_usd
        prompt, written = self._count(self._sent), self._service.gateway_config.max_output_tokens
        if limit is not None:
            check_budget(self._model(), prompt, written, limit)
            self._purse.take(prompt, written)

    def _count(self, sent: Sequence[dict[str, str]]) -> int:
        return sum(self._service.tokens.count(message["content"]) for message in sent)

    def _trace(self) -> dict[str, Any]:
        """What was searched, sent and decided. Earlier turns stay out: they may quote documents not cited here."""
        draft = self._draft
        trace: dict[str, Any] = {
            "search_text": self._search_text,
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
                for each in self._found
            ],
            "evidence": [
                {key: value for key, value in asdict(piece).items() if key not in ("text", "sentences")}
                for piece in self._evidence
            ],
            "merged": self._merged,
            "sent": self._sent,
            "received": draft.raw,
            "unmarked_sentences": draft.unmarked,
            "withheld": [{"text": text, "reason": reason} for text, reason in draft.withheld],
            "repairs": [asdict(each) for each in draft.repairs],
            "refused_by_model": draft.refused,
        }
        if self._redaction is not None:
            trace |= {name: self._redaction.hidden(trace[name]) for name in _TOLD}
        return trace

    def _elapsed(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def _time(self, step: str) -> None:
        self._timings[step] = self._elapsed() - sum(
            value for name, value in self._timings.items() if name != "first_sentence"
        )
