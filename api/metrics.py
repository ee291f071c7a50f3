"""Figures for Prometheus. Labels are words of this program: no content, no ids, no names that users give."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from index.health import FIGURES
from index.types import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.bounds import Kinds
    from api.deps import Service
    from index.doctor import Finding
    from rag.types import Answer

# Seconds. From a page that is read in milliseconds to an answer that a model takes a minute for.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_PARSE_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120)
# https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ recommends these two rows.
_GENERATION_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_COSTS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
# Figures of the data folder that are read anew at each look, under names of their own.
_SAID_ELSEWHERE = (
    "jobs_waiting",
    "jobs_in_work",
    "oldest_job_seconds",
    "documents",
    "documents_failed",
    "view_changes_behind",
)
_STAGES = frozenset(("retrieval", "extraction", "first_sentence", "generation", "total"))


class Metrics:
    """Every figure, in a registry of its own, so that two services of one process do not add up."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "footnote_requests_total", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "footnote_request_seconds",
            "Seconds until a request was answered.",
            ("method", "route"),
            registry=registry,
            buckets=_SECONDS,
        )
        self.stage_seconds = Histogram(
            "footnote_stage_seconds",
            "Seconds from a question to the end of a stage of its answer.",
            ("stage",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.answers = Counter(
            "footnote_answers_total", "Questions, by how they ended.", ("mode", "outcome"), registry=registry
        )
        self.cost = Counter("footnote_gateway_cost_usd_total", "What answers cost.", registry=registry)
        self.gateway_seconds = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Seconds of a request to the gateway.",
            ("gen_ai_operation_name", "gen_ai_request_model", "error_type"),
            registry=registry,
            buckets=_GENERATION_SECONDS,
        )
        self.gateway_tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a request to the gateway.",
            ("gen_ai_operation_name", "gen_ai_request_model", "gen_ai_token_type"),
            registry=registry,
            buckets=_TOKENS,
        )
        self.gateway_attempts = Counter(
            "footnote_gateway_attempts_total",
            "Questions sent to a model at an endpoint, each attempt, by how it ended.",
            ("endpoint", "model", "outcome"),
            registry=registry,
        )
        self.gateway_first_byte = Histogram(
            "footnote_gateway_first_byte_seconds",
            "Seconds until a model at an endpoint began to answer.",
            ("endpoint", "model"),
            registry=registry,
            buckets=_GENERATION_SECONDS,
        )
        self.answer_cost = Histogram(
            "footnote_answer_cost_usd",
            "What single answers cost, calls in vain and judging included.",
            registry=registry,
            buckets=_COSTS,
        )
        self.budget_refusals = Counter(
            "footnote_budget_refusals_total",
            "Questions refused because of money, by whose budget it was.",
            ("whose",),
            registry=registry,
        )
        self.cache = Counter(
            "footnote_answer_cache_total",
            "Questions looked up among the answers that are kept.",
            ("outcome",),
            registry=registry,
        )
        self.parsed = Counter(
            "footnote_parsed_total",
            "Files read, by how that ended.",
            ("format", "outcome"),
            registry=registry,
        )
        self.parse_seconds = Histogram(
            "footnote_parse_seconds",
            "Seconds until a file was read.",
            ("format",),
            registry=registry,
            buckets=_PARSE_SECONDS,
        )
        self.audit_dropped = Counter(
            "footnote_audit_dropped_total",
            "Entries of the audit log that could not be kept.",
            registry=registry,
        )
        self._folder = {
            name: Gauge(f"footnote_folder_{name}", FIGURES[name], registry=registry)
            for name in FIGURES
            if name not in _SAID_ELSEWHERE
        }
        self.found = Gauge(
            "footnote_doctor_findings",
            "What the last check of the data folder found.",
            ("check",),
            registry=registry,
        )
        self.checked = Gauge(
            "footnote_doctor_last_check_timestamp_seconds",
            "When the data folder was last checked.",
            registry=registry,
        )
        self._gauges = {
            name: Gauge(f"footnote_{name}", text, labels, registry=registry)
            for name, text, labels in (
                ("jobs", "Documents to ingest.", ("state",)),
                ("job_oldest_seconds", "Age of the oldest job.", ()),
                ("documents", "Newest versions of documents.", ("status",)),
                ("passages", "Live passages.", ()),
                ("view_lag_changes", "Changes that the slowest open view has not applied yet.", ("view",)),
                ("requests_running", "Requests in work.", ("kind",)),
                ("requests_waiting", "Requests waiting for their turn.", ("kind",)),
                ("requests_refused", "Requests turned away since the start.", ("kind",)),
                ("parser_confined", "Whether the operating system bounds the parser.", ("layer",)),
                ("ready", "Whether questions can be answered.", ()),
            )
        }

    def answered(self, answer: Answer) -> None:
        """Count a finished answer."""
        outcome = "abstained" if answer.abstained else "answered"
        self.answers.labels(str(answer.mode), outcome).inc()
        self.cost.inc(answer.cost_usd or 0.0)
        if answer.trace.get("calls"):
            self.answer_cost.observe(answer.cost_usd or 0.0)
        for stage, milliseconds in answer.timings.items():
            if stage in _STAGES:
                self.stage_seconds.labels(stage).observe(milliseconds / 1000)

    def examined(self, findings: Sequence[Finding]) -> None:
        """Note what a check of the data folder found."""
        for check in ("database", "original", "text", "view"):
            self.found.labels(check).set(sum(each.check == check for each in findings))
        self.checked.set(time.time())

    def measured(self, figures: Mapping[str, float]) -> None:
        """Note how the data folder stands, as ``index.health`` measures it."""
        for name, gauge in self._folder.items():
            gauge.set(figures[name])

    def exposition(self, service: Service, kinds: Kinds, *, ready: bool) -> bytes:
        """All of it in Prometheus' text format. Reads the catalog."""
        gauge = self._gauges
        figures = service.store.figures()
        gauge["jobs"].labels("running").set(figures.running)
        gauge["jobs"].labels("waiting").set(figures.waiting)
        gauge["job_oldest_seconds"].set(max(0.0, time.time() - figures.oldest) if figures.oldest else 0)
        gauge["documents"].clear()
        for status in Status:
            gauge["documents"].labels(status.value).set(figures.documents.get(status.value, 0))
        gauge["passages"].set(figures.passages)
        for view, behind in figures.lag.items():
            gauge["view_lag_changes"].labels(view).set(behind)
        for gate in kinds.gates:
            gauge["requests_running"].labels(gate.name).set(gate.running)
            gauge["requests_waiting"].labels(gate.name).set(gate.waiting)
            gauge["requests_refused"].labels(gate.name).set(gate.refused)
        confined = service.confinement
        gauge["parser_confined"].labels("files").set(bool(confined and confined.files))
        gauge["parser_confined"].labels("calls").set(bool(confined and confined.calls))
        gauge["ready"].set(ready)
        return generate_latest(self.registry)
