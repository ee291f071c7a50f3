"""Measures what the service does, around the parts that do it: reading files, asking the gateway, answering."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingest.errors import IngestError
from ingest.parse import PARSERS, Parser
from rag.errors import RagError
from rag.gateway import Gateway
from rag.gateway.routes import endpoints_of, resolve
from rag.types import Done, Mode, Retrieved

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from pathlib import Path

    from api.metrics import Metrics
    from api.tracing import Tracing
    from ingest.config import ParseConfig
    from ingest.types import Parsed
    from rag.answer import Answerer
    from rag.config import GatewayConfig
    from rag.cost import Purse
    from rag.gateway import Delta, Usage
    from rag.gateway.client import Attempt
    from rag.gateway.wire import Message
    from rag.types import Event, Question

_OPERATION = "chat"


@dataclass(frozen=True, slots=True)
class Observed:
    """Where measures go."""

    metrics: Metrics
    tracing: Tracing

    async def answering(
        self,
        answerer: Answerer,
        question: Question,
        purse: Purse | None = None,
        known: Callable[[Retrieved], Awaitable[bool]] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """The events of an answer, counted and timed on their way.

        Args:
            answerer: Who answers.
            question: What.
            purse: What may be spent.
            known: Says, once passages were found, that the answer is known already; then nothing more is done.
        """
        mode = question.mode or (Mode.GENERATIVE if answerer.gateway else Mode.EXTRACTIVE)
        started = time.time()
        outcome = "left"
        try:
            async with aclosing(answerer.answer(question, purse)) as events:
                async for event in events:
                    if isinstance(event, Retrieved):
                        self._retrieved(started, len(event.passages))
                        if known is not None and await known(event):
                            outcome = "cached"
                            yield event
                            return
                    elif isinstance(event, Done):
                        outcome = "done"
                        self.metrics.answered(event.answer)
                    yield event
        except Exception as error:
            outcome = code_of(error)
            raise
        finally:
            if outcome != "done":
                self.metrics.answers.labels(str(mode), outcome).inc()

    def _retrieved(self, started: float, passages: int) -> None:
        attributes = {"gen_ai.operation.name": "retrieval", "footnote.passages": passages}
        self.tracing.record("retrieval", started, time.time(), attributes, client=False)


class ObservedParser(Parser):
    """A parser whose results are counted by format and outcome."""

    def __init__(self, config: ParseConfig, workers: int, metrics: Metrics) -> None:
        super().__init__(config, workers)
        self._metrics = metrics

    def parse(self, path: Path, filename: str) -> tuple[str, Parsed]:
        """As of ``Parser``."""
        started = time.perf_counter()
        # What a file that cannot be read is, is not known for certain.
        kind, outcome = "unread", "ready"
        try:
            found = super().parse(path, filename)
            kind = PARSERS[found[0]].rpartition(".")[2]
        except Exception as error:
            outcome = code_of(error)
            raise
        else:
            return found
        finally:
            self._metrics.parsed.labels(kind, outcome).inc()
            self._metrics.parse_seconds.labels(kind).observe(time.perf_counter() - started)


class ObservedGateway(Gateway):
    """A gateway whose requests are timed and whose tokens are counted."""

    def __init__(self, config: GatewayConfig, observed: Observed) -> None:
        super().__init__(config)
        # Callers may name any model, and each would be a series of its own for ever.
        self._own_models = {config.model, *config.chains}
        self._own_models |= {each.model for each in resolve(config, None).targets}
        self._own_models |= {each.model for chain in config.chains.values() for each in chain.targets}
        self._own_model = config.model
        first = endpoints_of(config)[0]
        self._host = urlsplit(first.url or "").hostname or ""
        self._observed = observed

    def attempted(self, attempt: Attempt) -> None:
        """As of ``Gateway``."""
        model = attempt.target.model if attempt.target.model in self._own_models else "other"
        metrics, endpoint = self._observed.metrics, attempt.target.endpoint
        metrics.gateway_attempts.labels(endpoint, model, attempt.outcome).inc()
        if attempt.first_byte_s is not None:
            metrics.gateway_first_byte.labels(endpoint, model).observe(attempt.first_byte_s)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        deadline_s: float | None = None,
        purse: Purse | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """As of ``Gateway``."""
        started = time.time()
        usage: Usage | None = None
        finish_reason, answered_by, problem = "", "", "cancelled"
        try:
            stream = super().stream(messages, model=model, deadline_s=deadline_s, purse=purse)
            async with aclosing(stream) as deltas:
                async for delta in deltas:
                    usage = delta.usage or usage
                    finish_reason = delta.finish_reason or finish_reason
                    answered_by = delta.model or answered_by
                    yield delta
            problem = ""
        except Exception as error:
            problem = code_of(error)
            raise
        finally:
            if finish_reason and problem == "cancelled":
                # Whoever had the finish reason needed no more.
                problem = ""
            self._note(started, model or self._own_model, answered_by, finish_reason, usage, problem)

    def _note(
        self,
        started: float,
        model: str,
        answered_by: str,
        finish_reason: str,
        usage: Usage | None,
        problem: str,
    ) -> None:
        ended = time.time()
        tokens = {"input": usage.prompt_tokens, "output": usage.completion_tokens} if usage else {}
        shown = model if model in self._own_models else "other"
        metrics = self._observed.metrics
        metrics.gateway_seconds.labels(_OPERATION, shown, problem).observe(ended - started)
        for kind, count in tokens.items():
            metrics.gateway_tokens.labels(_OPERATION, shown, kind).observe(count)
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": _OPERATION,
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": shown,
            "server.address": self._host,
        }
        if problem:
            attributes["error.type"] = problem
        self._observed.tracing.measure(ended - started, tokens, attributes)
        if answered_by:
            attributes["gen_ai.response.model"] = answered_by
        if finish_reason:
            attributes["gen_ai.response.finish_reasons"] = (finish_reason,)
        for kind, count in tokens.items():
            attributes[f"gen_ai.usage.{kind}_tokens"] = count
        self._observed.tracing.record(f"{_OPERATION} {shown}", started, ended, attributes, client=True)


def code_of(error: Exception) -> str:
    """One of the few words by which errors are known; of a foreign one its class."""
    return error.code if isinstance(error, IngestError | RagError) else type(error).__name__
