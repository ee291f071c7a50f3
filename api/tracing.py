"""OpenTelemetry, where the extra is installed and a collector is named; else nothing.

Names follow the conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/) and for generative
models (https://opentelemetry.io/docs/specs/semconv/gen-ai/). Questions, passages and answers are in no span: there is
no setting for it either, because whoever reads traces is seldom who may read the documents.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rag.errors import RagError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.metrics import Histogram
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Attributes = dict[str, Any]
_SERVICE = "footnote"
_MISSING = (
    "FOOTNOTE_OTLP_ENDPOINT is set, and OpenTelemetry is not installed. Install it with: "
    "pip install 'footnote[tracing]'"
)
# Seconds that sending the last spans may take at the end.
_FLUSH_MS = 2_000
_FIRST_SERVER_ERROR = 500


class TracingUnavailable(RagError):
    """Traces are asked for, and OpenTelemetry is not installed."""

    code = "tracing_unavailable"


class Tracing:
    """Spans and measures for one service. Without providers every method does nothing.

    Args:
        spans: Where spans go.
        measures: Where measures go.
    """

    def __init__(self, spans: TracerProvider | None = None, measures: MeterProvider | None = None) -> None:
        self._spans = spans
        self._measures = measures
        self._tracer = spans.get_tracer(_SERVICE) if spans else None
        self._duration: Histogram | None = None
        self._tokens: Histogram | None = None
        if measures is not None:
            meter = measures.get_meter(_SERVICE)
            self._duration = meter.create_histogram("gen_ai.client.operation.duration", "s")
            self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}")

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Span | None]:
        """A span of a request, continuing its caller's trace where it names one."""
        if self._tracer is None:
            return nullcontext()
        return self._request(method, headers)

    @contextmanager
    def _request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span]:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 -- the extra is there.
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        if self._tracer is None:
            raise RuntimeError("A span was begun without a tracer.")
        caller = TraceContextTextMapPropagator().extract({"traceparent": headers.get("traceparent", "")})
        # What an exception says may be a document's.
        with self._tracer.start_as_current_span(
            method,
            caller,
            SpanKind.SERVER,
            {"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def trace_id(self, span: Span | None) -> str | None:
        """The trace's number as 32 hexadecimal digits, None without a span."""
        return None if span is None else f"{span.get_span_context().trace_id:032x}"

    def responded(self, span: Span | None, method: str, route: str, status: int) -> None:
        """Name a request's span after its route, and say how it ended."""
        if span is not None:
            span.update_name(f"{method} {route}")
            span.set_attributes({"http.route": route, "http.response.status_code": status})
            if status >= _FIRST_SERVER_ERROR:
                span.set_attribute("error.type", str(status))
                _mark_failed(span)

    def record(
        self, name: str, started: float, ended: float, attributes: Attributes, *, client: bool
    ) -> None:
        """Add a span that is over already.

        Args:
            name: Its name.
            started: Seconds since 1970.
            ended: Likewise.
            attributes: Words and numbers, no content.
            client: Whether it was a request to another service.
        """
        if self._tracer is None:
            return
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 -- the extra is there.

        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        span = self._tracer.start_span(name, None, kind, attributes, start_time=round(started * 1e9))
        if attributes.get("error.type"):
            _mark_failed(span)
        span.end(round(ended * 1e9))

    def measure(self, seconds: float, tokens: Mapping[str, int], attributes: Attributes) -> None:
        """Note how long a request to the gateway took and what it used.

        Args:
            seconds: From its beginning to its end.
            tokens: By ``input`` and ``output``.
            attributes: As of its span.
        """
        if self._duration is None or self._tokens is None:
            return
        self._duration.record(seconds, attributes)
        for kind, count in tokens.items():
            self._tokens.record(count, {**attributes, "gen_ai.token.type": kind})

    def close(self) -> None:
        """Send what is left."""
        if self._spans is not None:
            self._spans.force_flush(_FLUSH_MS)
            self._spans.shutdown()
        if self._measures is not None:
            self._measures.shutdown(timeout_millis=_FLUSH_MS)


def _mark_failed(span: Span) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 -- the extra is there.

    span.set_status(StatusCode.ERROR)


def open_tracing(endpoint: str | None) -> Tracing:
    """Tracing to a collector, or none.

    Args:
        endpoint: Address of a collector that speaks OTLP over HTTP, as in http://localhost:4318; None for none.

    Raises:
        TracingUnavailable: The extra is not installed.
    """
    if endpoint is None:
        return Tracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise TracingUnavailable(_MISSING) from error
    root = endpoint.rstrip("/")
    # Without looking at the environment: its variables would add what nobody here has chosen.
    resource = Resource({"service.name": _SERVICE})
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{root}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{root}/v1/metrics"))
    return Tracing(spans, MeterProvider([reader], resource))
