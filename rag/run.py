"""One question on its way: what answers are made with, what was found, and the answer as far as it has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from index.errors import InvalidFilter
from index.filters import condition
from rag.answerable import sufficiency
from rag.asked import asked
from rag.cite import AnswerBuilder, Sources
from rag.confidence import (
    confidence,
    load_calibration,
    retrieval_signals,
    sufficiency_signals,
    token_signals,
)
from rag.conversation import understood
from rag.cost import SHIPPED, Purse
from rag.explain import explanation
from rag.extract import Ranking, rank_sentences
from rag.judge import Draft
from rag.markers import new_keys
from rag.passages import fair_share, joined, with_cited
from rag.places import passages_to_read
from rag.retrieve import retrieve
from rag.subject import Subject, subject, without_instruction
from rag.types import Cited, Claimed, Confidence, Mode, Verdict
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from index.collection import Collection
    from index.store import Store
    from index.types import StoredPassage
    from ingest.embed import Embedder
    from ingest.parse import Parser
    from ingest.types import FloatVector
    from rag.calibration import Calibration
    from rag.config import AnswerConfig, ExtractConfig, GatewayConfig, RetrieveConfig
    from rag.gateway import Gateway
    from rag.gateway.judge import GatewayJudge, GatewayJudges
    from rag.redaction import Redaction
    from rag.rerank import Reranker
    from rag.tokens import TokenCounter
    from rag.types import Event, Evidence, Found, Question, ShortAnswer, Support
    from rag.verification.judge import Judge


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers are made with.

    Attributes:
        parser: Finds quotes on pages; not the one that ingests, so that nobody waits for a large file.
        gateway: None when there is no language model.
        judge: Says whether sources carry a claim, in the place of the built-in model.
        judges: The same with a chat model, which each request asks within its own deadline and budget.
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
    judges: GatewayJudges | None = None

    def purse(self, limit: float | None) -> Purse:
        """What a request may spend, in US dollars; None for no limit."""
        return Purse(limit, self.gateway_config.prices or SHIPPED, self.tokens.count)


class Run:
    """The state of one question.

    Attributes:
        found: Passages found, best first; ``further`` are those after them.
        first: The best passages of the search that the sentences were weighed in.
        evidence: What may be cited.
        merged: For the key of each piece that was left out as a copy, that of the piece kept for it.
        draft: What a language model did; empty where none is asked.
        redaction: What stands for personal data at the gateway, if it must not see any.
        judge: The chat model that judges the claims, if there is one; known once it is needed.
        abstained: Whether the answer is withheld; ``withheld_below`` says under which probability, if that is why.
        confidence: Once the answer was rated.
        short: The few words that answer, where a quotation has some.
        purse: What it may spend.
        deadline: On the event loop's clock: when everything that is asked of a language model must be over; None
            where none is asked.
        stepped: What was asked before, and why that did not do, where this is the second try with a larger model.
    """

    def __init__(self, parts: Parts, question: Question, mode: Mode, purse: Purse | None = None) -> None:
        self.parts = parts
        self.question = question
        self.mode = mode
        self.purse = purse or parts.purse(question.max_cost_usd)
        self.deadline: float | None = None
        self.stepped: dict[str, Any] | None = None
        self._model: str | None = None
        self.collection: Collection = parts.store.collection(question.collection, question.sight)
        rewriting = understood(question)
        self.search_text = rewriting.text
        # Whether it goes on with what was spoken of, so that what was quoted then is read again.
        self.leans = rewriting.leans
        self.found: list[Found] = []
        self.further: list[Found] = []
        self.first: list[Found] = []
        self.evidence: list[Evidence] = []
        self.merged: dict[str, str] = {}
        self.weights: Mapping[str, float] = {}
        self.cosines: list[float] = []
        self.ranking: Ranking | None = None
        self.draft = Draft()
        self.judge: GatewayJudge | None = None
        self.redaction: Redaction | None = None
        self.sources = Sources(parts.store.catalog, parts.store.blobs, parts.parser, question.sight)
        self.builder = AnswerBuilder(self.sources)
        self.abstained = False
        self.withheld_below: float | None = None
        self.confidence: Confidence | None = None
        self.short: ShortAnswer | None = None
        self.timings: dict[str, float] = {}
        self._vectors: dict[str, FloatVector] = {}
        self._started = time.perf_counter()

    @property
    def model(self) -> str:
        """What the gateway is asked for."""
        return self._model or self.question.model or self.parts.gateway_config.model

    def again(self, model: str) -> Run:
        """The same question over the same passages, within the same money and time, for another model."""
        run = Run(self.parts, self.question, self.mode, self.purse)
        run._model, run.deadline = model, self.deadline
        run.found, run.further, run.weights = self.found, self.further, self.weights
        run._vectors, run._started = self._vectors, self._started
        run.timings = {"retrieval": self.timings["retrieval"], "first_model": self.elapsed()}
        return run

    def retrieve(self) -> list[Found]:
        """Find passages."""
        limit, parts = self.question.top_k, self.parts
        # More than are read, so that other documents can come in for one that has too many.
        found = self.search(self.search_text, max(limit, parts.extract_config.searched))
        self.found = fair_share(found, limit, parts.config.per_document)
        if self.leans and self.question.cited:
            self.found = with_cited(self.found, self._cited_before(), limit)
        kept = {each.passage.id for each in self.found}
        self.further = [each for each in found if each.passage.id not in kept]
        self.weights = self.collection.rarity(content_terms(self.search_text))
        self.time("retrieval")
        return self.found

    def _cited_before(self) -> list[StoredPassage]:
        """The passages that the answer before quoted, as far as they are live and to be seen, under the filter."""
        catalog, question = self.parts.store.catalog, self.question
        spans = [(each.document_id, each.version, each.start, each.end) for each in question.cited]
        passages = catalog.passages_at(spans, question.sight)
        if not question.wanted or not passages:
            return passages
        allowed = catalog.allowed(self.collection.id, question.wanted, question.sight)
        return [each for each in passages if each.document_id in allowed.document_ids]

    def search(
        self, text: str, limit: int, wanted: dict[str, Any] | None = None, *, reranked: bool = True
    ) -> list[Found]:
        """Passages for a text, under the question's filter or another one."""
        parts = self.parts
        return retrieve(
            text,
            collection=self.collection,
            catalog=parts.store.catalog,
            embedder=parts.embedder,
            config=parts.retrieve_config,
            limit=limit,
            wanted=wanted or self.question.wanted,
            reranker=parts.reranker if reranked else None,
            sight=self.question.sight,
            vector=self._vector(text),
        )

    def _vector(self, text: str) -> FloatVector:
        """A question's vector, made once: it is searched with, compared with sentences, and rated by."""
        if text not in self._vectors:
            self._vectors[text] = self.parts.embedder.embed_query(text)
        return self._vectors[text]

    def rank(self) -> Ranking:
        """Weigh the sentences of the passages found, and of those further down with the question's rarest word.

        A question that names one document is asked of that document alone, without the names.
        """
        parts, config = self.parts, self.parts.extract_config
        text, found = without_instruction(self.search_text), [*self.found, *self.further]
        named = subject(text, found)
        if named is not None or text != self.search_text:
            text = named.rest if named else text
            found = self.search(text, config.searched, self._within(named) if named else None)
        weights = self.collection.rarity(content_terms(text))
        limit = self.question.top_k
        count = min(parts.config.quote_passages, limit)
        # Fewer passages leave less room for others than the best.
        read = passages_to_read(asked(text, weights), found, count, min(config.rarest_passages, limit // 2))
        evidence = joined(read, new_keys)
        if self.mode is Mode.EXTRACTIVE:
            self.evidence, self.search_text = evidence, text
            # What may be cited is among the passages shown, also where it stands further down.
            shown = {each.passage.id for each in found[:limit]}
            self.found = [*found[:limit], *(each for each in read if each.passage.id not in shown)]
        self.weights = self.collection.rarity(content_terms(self.search_text))
        self.first = found[: parts.config.quote_passages]
        return rank_sentences(
            text,
            self._vector(text),
            evidence,
            embedder=parts.embedder,
            weights=weights,
            config=config,
            found=read,
            vectors=parts.store.catalog.sentence_vectors([each.passage.id for each in read]),
        )

    def _within(self, named: Subject) -> dict[str, Any]:
        """The question's filter, and the document that it names.

        All entries of a filter must hold, so one more needs no level of its own, of which there may be few left. The
        document came through the filter: an entry on its id that is replaced holds for it.
        """
        wanted = self.question.wanted or {}
        narrowed = {**wanted, "document_id": named.document_id}
        try:
            condition(narrowed)
        except InvalidFilter:
            # A filter that is as large as it may be leaves no room. Then all documents that it lets through are asked.
            return wanted
        return narrowed

    def signals(self, quotes: Sequence[tuple[Evidence, str]] | None = None) -> dict[str, float]:
        """All named signals of this answer."""
        draft, embedder = self.draft, self.parts.embedder
        claims = [claim for claim in self.builder.claims if claim.needs_source]
        if quotes is None:
            quotes = [
                (piece, cited.quote)
                for cited in self.builder.citations
                for piece in self.evidence
                if (piece.document_id, piece.version) == (cited.document_id, cited.version)
                and piece.start <= cited.start
                and cited.end <= piece.end
            ]
            vector = self._vector(self.search_text)
            texts = [quote for _, quote in quotes]
            self.cosines = [float(each @ vector) for each in embedder.embed_sentences(texts)]
        around = " ".join(
            " ".join((piece.title, *piece.headings, piece.text))
            for piece in {e.key: e for e, _ in quotes}.values()
        )
        if self.ranking is None and quotes:
            self.ranking = self.rank()
        searched = retrieval_signals(self.first)
        unsupported = sum(claim.verdict in (Verdict.UNSUPPORTED, Verdict.CONTRADICTED) for claim in claims)
        return {
            **searched,
            "sentence_answers": sufficiency(self.ranking if quotes else None, searched),
            **sufficiency_signals(
                self.search_text, [quote for _, quote in quotes], around, self.cosines, self.weights
            ),
            "support": min((claim.support for claim in claims), default=1.0 if quotes else 0.0),
            "unsupported_share": unsupported / len(claims) if claims else 0.0,
            "invented_keys": float(draft.invented_keys),
            "altered_quotes": float(draft.altered_quotes),
            **token_signals(draft.logprobs),
        }

    def rated(self, signals: dict[str, float]) -> Confidence:
        """A probability with its reasons."""
        rated = confidence(signals, self.calibration())
        return replace(rated, explanation=explanation(self.ranking, signals)) if self.ranking else rated

    def calibration(self) -> Calibration:
        """The one for answers of this mode."""
        config = self.parts.config
        own = (config.calibration, config.generative_calibration)
        return next((each for each in own if each is not None and each.mode == self.mode), load_calibration())

    def add(
        self, text: str, supports: Sequence[Support], separator: str = " ", needs_source: bool = True
    ) -> list[Event]:
        """Append a sentence with its footnotes, and say what is new."""
        fresh = self.builder.add(text, supports, separator, needs_source=needs_source)
        claim = self.builder.claims[-1]
        return [*(Cited(citation) for citation in fresh), Claimed(claim, separator if claim.start else "")]

    def elapsed(self) -> float:
        """Milliseconds since the question came."""
        return (time.perf_counter() - self._started) * 1000

    def time(self, step: str) -> None:
        """Note how long a step took that ends now."""
        self.timings[step] = self.elapsed() - sum(
            value for name, value in self.timings.items() if name != "first_sentence"
        )
