"""Metrics, traces and logs: what they tell, and that they tell no secrets and no content."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from api import logs
from api.checkup import Checkup
from api.deps import build
from api.metrics import Metrics
from api.observe import Observed
from api.settings import Settings
from api.tracing import Tracing
from tests.api.server import error_of, upload, wait_until_ready
from tests.api.server import serving as _serving
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from index.jobs import JobRunner
    from index.store import Store

ADMIN = "fn_canary-admin-key-0123456789"
METRICS_KEY = "fn_canary-metrics-key-0123456789"
GATEWAY = "sk-canary-gateway-key-0123456789"
QUESTION = "Where does Zanzibarius keep the purple umbrella?"
DOCUMENT = "Zanzibarius keeps the purple umbrella behind the boiler."
FILENAME = "zanzibarius-secret.md"
CANARIES = ("canary", "anzibar", "umbrella")


class Sinks:
    """Everything that leaves the service beside its answers."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.measures = InMemoryMetricReader()

    def tracing(self) -> Tracing:
        """Traces and measures into memory."""
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        return Tracing(provider, MeterProvider([self.measures]))


@pytest.fixture(scope="module")
def sinks() -> Sinks:
    """Where the guarded service's traces go."""
    return Sinks()


@pytest.fixture(scope="module")
def scripted() -> Iterator[ScriptedGateway]:
    """The gateway; each test says what it plays."""
    with ScriptedGateway([Scene.answer("I cannot tell.")]) as server:
        yield server


@pytest.fixture(scope="module")
def watched(
    sinks: Sinks, scripted: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A client with the admin key of a service whose traces are kept."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("watched"),
        admin_key=SecretStr(ADMIN),
        metrics_key=SecretStr(METRICS_KEY),
        gateway_url=scripted.url,
        answer_cache_hours=0,
        gateway_key=SecretStr(GATEWAY),
        gateway_deadline_s=5,
    )
    service = build(settings)
    observed = Observed(service.observed.metrics, sinks.tracing())
    service.observed = observed
    assert service.gateway is not None
    service.gateway._observed = observed  # type: ignore[attr-defined]
    with _serving(settings, service) as url:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        with httpx.Client(base_url=url, timeout=60, headers=headers) as client:
            wait_until_ready(client)
            upload(client, DOCUMENT, FILENAME, collection="zanzibar")
            yield client


def stumble() -> None:
    """A fault whose message quotes what it stumbled over."""
    raise RuntimeError(DOCUMENT) from ValueError(QUESTION)


def ask(client: httpx.Client, mode: str = "generative") -> httpx.Response:
    """The question that nobody may read about elsewhere."""
    return client.post("/v1/ask", json={"question": QUESTION, "collection": "zanzibar", "mode": mode})


def test_metrics_need_a_key_where_there_is_one(watched: httpx.Client) -> None:
    """Hostile row 34: a monitor's own key opens the metrics and nothing else; no key opens nothing."""
    for key, status in ((None, 401), ("fn_wrong", 401), (METRICS_KEY, 200), (ADMIN, 200)):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(base_url=watched.base_url, headers=headers) as client:
            assert client.get("/metrics").status_code == status, key
    with httpx.Client(
        base_url=watched.base_url, headers={"Authorization": f"Bearer {METRICS_KEY}"}
    ) as client:
        error_of(client.get("/v1/documents"), 401, "unauthorized")


def test_metrics_tell_of_every_part(watched: httpx.Client, scripted: ScriptedGateway) -> None:
    """Requests, stages, files, jobs, gateway, views, the parser's sandbox: each is there with its figure."""
    scripted.play(Scene.answer("The umbrella is behind the boiler."))
    ask(watched)
    ask(watched, "extractive")
    files = {"file": ("broken.pdf", b"%PDF-1.7 broken")}
    watched.post("/v1/documents", files=files, data={"collection": "zanzibar", "wait": "true"})

    text = watched.get("/metrics").text

    for line in (
        r'footnote_requests_total{method="POST",route="/v1/ask",status="200"} [1-9]',
        r'footnote_request_seconds_bucket{le="0.1",method="POST",route="/v1/ask"}',
        r'footnote_stage_seconds_count{stage="retrieval"} [1-9]',
        r'footnote_answers_total{mode="extractive",outcome="\w+"} 1.0',
        r'footnote_parsed_total{format="markdown",outcome="ready"} 1.0',
        r'footnote_parsed_total{format="unread",outcome="corrupt_file"} 1.0',
        r'footnote_documents{status="failed"} 1.0',
        r'footnote_jobs{state="waiting"} 0.0',
        r"footnote_job_oldest_seconds 0.0",
        r'footnote_view_lag_changes{view="dense"} 0.0',
        r'footnote_parser_confined{layer="calls"} [01].0',
        r"footnote_ready 1.0",
        r'gen_ai_client_operation_duration_seconds_count{error_type="",.*gen_ai_request_model="gpt-4.1-mini"} [1-9]',
        r'gen_ai_client_token_usage_count{.*gen_ai_token_type="output"} [1-9]',
        r"process_resident_memory_bytes",
    ):
        assert re.search(line, text), line


def test_labels_are_bounded(watched: httpx.Client, scripted: ScriptedGateway) -> None:
    """Names that callers choose make no series: methods, paths, collections, models."""
    scripted.play(Scene.answer("No."))
    before = len(watched.get("/metrics").text.splitlines())
    for number in range(20):
        watched.request(f"METHOD{number}", f"/v1/nowhere/{number}")
        watched.get(f"/v1/documents/doc_{number}")
        body = {"question": "x", "collection": "zanzibar", "mode": "generative", "model": f"model-{number}"}
        watched.post("/v1/ask", json=body)
        watched.post("/v1/collections", json={"name": f"made-{number}"})
    after = len(watched.get("/metrics").text.splitlines())

    assert after - before < 150
    assert "model-7" not in watched.get("/metrics").text


def test_traces_follow_the_conventions(
    watched: httpx.Client, scripted: ScriptedGateway, sinks: Sinks
) -> None:
    """A request's span continues its caller's trace, with a retrieval and a client span in it, and their measures."""
    scripted.play(Scene.answer("The umbrella is behind the boiler."))
    sinks.spans.clear()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    watched.post(
        "/v1/ask",
        json={"question": QUESTION, "collection": "zanzibar", "mode": "generative"},
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    )

    # The request's span ends after its answer has arrived here.
    until = time.monotonic() + 10
    while "POST /v1/ask" not in {span.name for span in sinks.spans.get_finished_spans()}:
        assert time.monotonic() < until
        time.sleep(0.01)
    spans = {span.name: span for span in sinks.spans.get_finished_spans()}
    request, retrieval, chat = spans["POST /v1/ask"], spans["retrieval"], spans["chat gpt-4.1-mini"]
    assert {f"{span.context.trace_id:032x}" for span in (request, retrieval, chat)} == {trace}
    assert request.attributes is not None
    assert (request.attributes["http.route"], request.attributes["http.response.status_code"]) == (
        "/v1/ask",
        200,
    )
    assert chat.attributes is not None
    assert chat.attributes["gen_ai.operation.name"] == "chat"
    assert int(str(chat.attributes["gen_ai.usage.output_tokens"])) > 0
    assert chat.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    found = sinks.measures.get_metrics_data()
    assert found is not None
    names = {
        metric.name
        for resource in found.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert names == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}


def test_a_refused_request_is_marked_in_its_trace(
    watched: httpx.Client, scripted: ScriptedGateway, sinks: Sinks
) -> None:
    """Both the span of the gateway's refusal and that of the request are failures, by the error's word alone."""
    scripted.play(Scene.refusal(401, f"refused: {QUESTION}"))
    sinks.spans.clear()

    assert ask(watched).status_code == 502

    until = time.monotonic() + 10
    while "POST /v1/ask" not in {span.name for span in sinks.spans.get_finished_spans()}:
        assert time.monotonic() < until
        time.sleep(0.01)
    spans = {span.name: span for span in sinks.spans.get_finished_spans()}
    for name, word in (("POST /v1/ask", "502"), ("chat gpt-4.1-mini", "gateway_auth")):
        attributes = spans[name].attributes
        assert attributes is not None
        assert (spans[name].status.is_ok, spans[name].status.description) == (False, None)
        assert attributes["error.type"] == word


def test_no_secret_and_no_content_in_any_sink(
    watched: httpx.Client, scripted: ScriptedGateway, sinks: Sinks, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys, questions, texts and names are in no log, metric or trace, and keys in no error, whatever goes wrong."""
    logs.configure("info")
    said: list[str] = []
    echo = f"refused: {QUESTION} with {GATEWAY}"
    try:
        for scene in (
            Scene.answer(DOCUMENT),
            Scene.refusal(401, echo),
            Scene.refusal(400, echo),
            Scene.refusal(500, echo),
            Scene.rate_limited("0"),
            Scene.garbage(),
            Scene.broken(DOCUMENT, "reset"),
            Scene.stream_error(DOCUMENT, {"message": echo}),
        ):
            scripted.play(scene)
            said += [ask(watched).text]
        for wrong in (
            {"question": QUESTION, "top_k": QUESTION},
            {"question": QUESTION, "filter": {"$x": QUESTION}},
        ):
            said += [watched.post("/v1/ask", json=wrong).text]
        said.append(watched.get(f"/v1/documents/{QUESTION}").text)
        said.append(
            watched.post("/v1/documents", files={"file": (FILENAME, b"%PDF-1.7 " + DOCUMENT.encode())}).text
        )
        said.append(
            watched.post("/v1/search", content=QUESTION, headers={"content-type": "application/json"}).text
        )
        # A fault of our own, whose message quotes what it stumbled over.
        structlog.get_logger("canary").error("failed", exc_info=ValueError(f"{QUESTION} {GATEWAY}"))
        logging.getLogger("library").error("sent Authorization: Bearer %s", GATEWAY)
        try:
            stumble()
        except RuntimeError:
            logging.getLogger("library").exception("broken")
    finally:
        logged = capsys.readouterr().err
        with capsys.disabled():
            logs.configure("error")
    metrics = watched.get("/metrics").text
    traces = " ".join(span.to_json() for span in sinks.spans.get_finished_spans())
    measures = str(sinks.measures.get_metrics_data())

    assert '"event": "request"' in logged
    assert '"event": "broken"' in logged
    assert "RuntimeError" in logged
    assert "caused by" in logged
    for name, sink in (("log", logged), ("metrics", metrics), ("traces", traces), ("measures", measures)):
        for canary in CANARIES:
            assert canary not in sink, (name, sink[max(0, sink.find(canary) - 300) : sink.find(canary) + 100])
    for body in said:
        assert GATEWAY not in body
        assert ADMIN not in body


def test_logs_are_json_lines_for_machines_and_lines_for_people() -> None:
    """Not on a terminal every line is an object with time, level and event, the libraries' lines too."""
    program = (
        "import json, logging, structlog\nfrom api import logs\nlogs.configure('info')\n"
        "structlog.contextvars.bind_contextvars(trace_id='t1')\n"
        "structlog.get_logger().info('ours', ms=1)\nlogging.getLogger('theirs').warning('hello %s', 'you')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    ours, theirs = (httpx.Response(200, text=line).json() for line in done.stderr.splitlines())

    assert (ours["event"], ours["ms"], ours["trace_id"], ours["level"]) == ("ours", 1, "t1", "info")
    assert (theirs["event"], theirs["logger"], theirs["trace_id"]) == ("hello you", "theirs", "t1")


def test_the_doctor_is_heard_by_the_monitor(store: Store, runner: JobRunner) -> None:
    """Damage that appears while the service runs is a figure of its metrics, and health is one too."""
    metrics = Metrics()
    checkup = Checkup(store, metrics, 3600)
    blob = store.blobs.writer()
    blob.write(b"The kiln is at the quay.")
    stored = store.add(blob, collection="c", filename="kiln.txt")
    runner.notify()
    runner.drain()

    assert checkup.look() == ()
    assert metrics.registry.get_sample_value("footnote_doctor_findings", {"check": "original"}) == 0

    store.original(stored.document_id).write_bytes(b"Somebody wrote into it.")
    assert [each.check for each in checkup.look()] == ["original"]
    assert metrics.registry.get_sample_value("footnote_doctor_findings", {"check": "original"}) == 1
