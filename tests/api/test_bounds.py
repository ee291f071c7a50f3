"""Requests that are too many, too large, too slow, or that nobody waits for any more."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pypdf
import pytest
from pypdf.generic import ArrayObject, DecodedStreamObject, NameObject

from api.settings import Settings
from index.blobs import BlobWriter
from tests.api.server import error_of, events, serving, upload, wait_until_ready
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import PdfMaker

DEADLINE_S = 3.0
ASK = {"question": "Where is the kiln?", "collection": "tight", "mode": "generative"}


@pytest.fixture(scope="module")
def slow_gateway() -> Iterator[ScriptedGateway]:
    """A gateway that takes every question and never answers."""
    with ScriptedGateway([Scene.hang()]) as server:
        yield server


@pytest.fixture(scope="module")
def tight(slow_gateway: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that answers one question at a time, lets one wait, and ends each after three seconds."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("tight"),
        gateway_url=slow_gateway.url,
        gateway_deadline_s=60,
        max_questions=1,
        max_waiting=1,
        max_queued=2,
        request_deadline_s=DEADLINE_S,
        transfer_deadline_s=20,
        body_wait_s=2,
        parse_timeout_s=6,
        max_upload_mib=64,
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        upload(client, "The kiln is at the quay.", collection="tight")
        yield client


@contextmanager
def connected(client: httpx.Client, head: str) -> Iterator[socket.socket]:
    """A connection on which a request has begun."""
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        yield connection


def answer_to(client: httpx.Client, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and everything that comes back for bytes that no client library would send."""
    with connected(client, head) as connection:
        # The service may close as soon as it has heard enough; what it said can be read all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(body)
        said = b""
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                said += piece
    return int(said.split(b" ", 2)[1]) if said else 0, said


def waiting_at(gateway: ScriptedGateway, count: int) -> None:
    """Return when the gateway has had so many questions."""
    deadline = time.monotonic() + 20
    while len(gateway.requests) < count:
        assert time.monotonic() < deadline, "the question never came to the gateway"
        time.sleep(0.02)


def in_background(work: Any, *arguments: Any, **named: Any) -> tuple[threading.Thread, list[Any]]:
    """Run something in a thread, with the list that its result comes into."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work(*arguments, **named)))
    thread.start()
    return thread, found


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [False, True])
def test_work_ends_when_the_client_leaves(
    tight: httpx.Client, slow_gateway: ScriptedGateway, path: str, *, stream: bool
) -> None:
    """Whoever hangs up has the gateway's request closed, streamed or not: it costs nothing any more."""
    before = len(slow_gateway.requests)
    body: dict[str, Any] = {**ASK, "stream": stream}
    if path != "/v1/ask":
        question = {"role": "user", "content": ASK["question"]}
        body = {"model": "tight", "messages": [question], "stream": stream}
    with httpx.Client(base_url=tight.base_url, timeout=httpx.Timeout(30, read=1.5)) as impatient:
        with pytest.raises(httpx.ReadTimeout), impatient.stream("POST", path, json=body) as response:
            response.read()
        waiting_at(slow_gateway, before + 1)

    assert slow_gateway.requests[-1].disconnected.wait(2)
    # And there is room for the next one at once.
    assert tight.post("/v1/search", json={"query": "kiln", "collection": "tight"}).status_code == 200


def test_a_request_ends_at_its_deadline(tight: httpx.Client) -> None:
    """504 in the contract's form, and of a stream a last event that calls it incomplete; never an answer."""
    started = time.perf_counter()
    error = error_of(tight.post("/v1/ask", json=ASK), 504, "deadline_exceeded")
    assert error["retryable"]
    assert DEADLINE_S - 0.2 < time.perf_counter() - started < DEADLINE_S + 10

    last = events(tight.post("/v1/ask", json={**ASK, "stream": True}))[-1]
    assert last.name == "error"
    assert (last.data["error"]["code"], last.data["finish_reason"]) == ("deadline_exceeded", "incomplete")


def test_questions_beyond_those_that_wait_are_turned_away(
    tight: httpx.Client, slow_gateway: ScriptedGateway
) -> None:
    """One is answered, one waits, the third is told at once when to come again; nobody else is held up."""
    before = len(slow_gateway.requests)
    first, _ = in_background(tight.post, "/v1/ask", json=ASK)
    waiting_at(slow_gateway, before + 1)
    second, _ = in_background(tight.post, "/v1/ask", json=ASK)
    time.sleep(0.5)

    started = time.perf_counter()
    refused = tight.post("/v1/ask", json=ASK)
    assert error_of(refused, 503, "overloaded")["retryable"]
    assert int(refused.headers["retry-after"]) > 0
    assert tight.get("/livez").status_code == 200
    assert tight.get("/v1/documents", params={"collection": "tight"}).status_code == 200
    assert time.perf_counter() - started < 10
    metrics = tight.get("/metrics").text
    assert 'footnote_requests_running{kind="questions"} 1.0' in metrics
    assert 'footnote_requests_waiting{kind="questions"} 1.0' in metrics
    assert 'footnote_requests_refused{kind="questions"} 0.0' not in metrics
    first.join()
    second.join()


def slow_pdf(make_pdf: PdfMaker, salt: str) -> bytes:
    """A small PDF that keeps a reader busy until it is stopped: its pages draw one long stream again and again."""
    writer, target = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(salt))), io.BytesIO()
    content = DecodedStreamObject()
    content.set_data(b"BT /F1 9 Tf " + b"(a) Tj 0 1 Td " * 100_000 + b"ET")
    writer.pages[0][NameObject("/Contents")] = ArrayObject([writer._add_object(content.flate_encode())])
    for _ in range(999):
        writer.add_page(writer.pages[0])
    writer.write(target)
    return target.getvalue()


def test_a_full_queue_refuses_uploads_into_its_collection(tight: httpx.Client, make_pdf: PdfMaker) -> None:
    """429 with Retry-After, for that collection alone; a looping file does not keep the others from being ready."""
    for salt in ("one", "two"):
        files = {"file": (f"{salt}.pdf", slow_pdf(make_pdf, salt))}
        assert tight.post("/v1/documents", files=files, data={"collection": "full"}).status_code == 202

    refused = tight.post("/v1/documents", json={"text": "A third one.", "collection": "full"})
    error_of(refused, 429, "queue_full")
    assert int(refused.headers["retry-after"]) > 0

    ready = upload(tight, "Elsewhere there is room.", collection="elsewhere")
    assert ready["status"] == "ready"
    (document, _) = tight.get("/v1/documents", params={"collection": "full"}).json()["documents"]
    while document["status"] not in ("failed", "ready"):
        time.sleep(0.2)
        document = tight.get(f"/v1/documents/{document['id']}").json()
    assert document["error"]["code"] == "limit_exceeded"


def test_waiting_for_a_document_ends_when_the_client_leaves(tight: httpx.Client, make_pdf: PdfMaker) -> None:
    """Whoever asks to wait and hangs up is not waited for; what was stored is ingested all the same."""
    body = {
        "files": {"file": ("left.pdf", slow_pdf(make_pdf, "left"))},
        "data": {"wait": "true", "collection": "left"},
    }
    impatient = httpx.Client(base_url=tight.base_url, timeout=httpx.Timeout(30, read=2))
    with impatient, pytest.raises(httpx.ReadTimeout):
        impatient.post("/v1/documents", **body)
    counted = 'footnote_requests_total{method="POST",route="/v1/documents",status="499"}'
    until = time.monotonic() + 3
    while counted not in tight.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.1)

    (document,) = tight.get("/v1/documents", params={"collection": "left"}).json()["documents"]
    assert document["status"] in ("queued", "parsing", "failed")


MULTIPART = (
    "POST /v1/documents HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data; boundary=b\n"
    "Content-Length: {length}\nConnection: close\n\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"\r\n" * 8_000_000 + b"--b--\r\n", {400, 422}, id="preamble of empty lines"),
        pytest.param(b"x" * 16_000_000 + b"\r\n--b--\r\n", {400}, id="preamble of bytes"),
        pytest.param(b"-" * 16_000_000, {400}, id="a boundary that never is one"),
        pytest.param(PART + b"X: y\r\n" * 1_000_000 + b"\r\nz\r\n--b--\r\n", {400}, id="headers without end"),
        pytest.param(PART + b"X: " + b"y" * 8_000_000, {400}, id="one header without end"),
        pytest.param(
            b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + b"t" * 8_000_000,
            {400},
            id="a field without end",
        ),
        pytest.param((PART + b"\r\nz\r\n") * 2_000 + b"--b--\r\n", {400}, id="too many files"),
        pytest.param(
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n' * 2_000 + b"--b--\r\n",
            {400},
            id="too many fields",
        ),
        pytest.param(PART, {400, 422}, id="a part without end"),
    ],
)  # fmt: skip
def test_multipart_floods(tight: httpx.Client, body: bytes, status: set[int]) -> None:
    """CVE-2026-40347, CVE-2026-42561, CVE-2024-47874: refused in bounded time, while the service is alive."""
    started = time.perf_counter()
    thread, found = in_background(answer_to, tight, MULTIPART.format(length=len(body)), body)
    slowest = 0.0
    while thread.is_alive():
        asked = time.perf_counter()
        assert tight.get("/livez").status_code == 200
        slowest = max(slowest, time.perf_counter() - asked)
        time.sleep(0.02)

    assert found[0][0] in status, found[0][1][:500]
    assert b'"error"' in found[0][1]
    assert time.perf_counter() - started < 60
    assert slowest < 5


QUESTION = "POST /v1/search HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: 99\n\n"


@pytest.mark.parametrize(
    ("head", "places"), [(QUESTION, 1), (MULTIPART.format(length=99), 8)], ids=["question", "upload"]
)
def test_a_body_that_drips_in_gives_its_place_back(tight: httpx.Client, head: str, places: int) -> None:
    """408 after the stated time, however steadily it drips; what came after it has waited no longer than that."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(tight, head)) for _ in range(places)]
        time.sleep(0.5)
        started = time.perf_counter()
        if head == QUESTION:
            question = {"query": "kiln", "collection": "tight"}
            behind, got = in_background(tight.post, "/v1/search", json=question)
        else:
            behind, got = in_background(upload, tight, "The mill is behind the kiln.", collection="drip")
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(40):
                slow[0].sendall(b"\r\n")
                time.sleep(0.1)
        behind.join()
        assert time.perf_counter() - started < 15
        said = slow[0].recv(65536)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"body_too_slow"' in said
    assert got[0]["status"] == "ready" if isinstance(got[0], dict) else got[0].status_code == 200


@pytest.mark.parametrize(
    ("length", "status"),
    [("-1", 400), ("+5", 400), ("5, 6", 400), ("9" * 40, 400), (str(10**12), 413), ("0x10", 400)],
)
def test_lengths_that_are_none(tight: httpx.Client, length: str, status: int) -> None:
    """GHSA-v9pg-7xvm-68hf: a negative or absurd Content-Length is refused before anything is read."""
    found, said = answer_to(tight, MULTIPART.format(length=length))

    assert found == status, said[:300]


def test_bodies_without_files_are_small(tight: httpx.Client) -> None:
    """A question may not bring the body of an upload: 413 before it is buffered, announced or not."""
    head = "POST /v1/ask HTTP/1.1\nHost: localhost\nContent-Type: application/json\nConnection: close\n"
    status, said = answer_to(tight, f"{head}Content-Length: 5000000\n\n")
    assert (status, b"body_too_large" in said) == (413, True)

    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    status, said = answer_to(tight, f"{head}Transfer-Encoding: chunked\n\n", piece * 100)
    assert (status, b"body_too_large" in said) == (413, True)


def test_deep_and_long_json_is_a_bad_request(tight: httpx.Client) -> None:
    """Nesting without end and lists of millions are 4xx; a filter and a history have their ceilings."""
    deep = b'{"question": ' + b"[" * 1_000_000 + b"}"
    assert tight.post("/v1/ask", content=deep, headers={"content-type": "application/json"}).status_code in (
        400,
        422,
    )
    nested: dict[str, Any] = {"a": 1}
    for _ in range(20):
        nested = {"$and": [nested]}
    turns = [{"role": "user", "content": "x" * 19_000}] * 20
    for wrong in (
        {"filter": nested},
        {"filter": {str(number): 1 for number in range(600)}},
        {"filter": {"a": {"$in": list(range(20_000))}}},
        {"history": turns},
        {"question": "x" * 9_000},
    ):
        response = tight.post("/v1/ask", json={**ASK, "mode": "extractive", **wrong})
        assert response.status_code == 422, (wrong.keys(), response.text[:200])
    sources = [{"id": str(number), "text": "x" * 50_000} for number in range(5)]
    error_of(tight.post("/v1/ground", json={"text": "A claim.", "sources": sources}), 422, "invalid_field")


def test_a_large_upload_does_not_block_the_loop(tight: httpx.Client) -> None:
    """CVE-2025-54121: while 48 MB are spooled and stored, the service answers others."""
    body = b"A line of text that is long enough.\n" * 1_300_000
    thread, found = in_background(
        tight.post,
        "/v1/documents",
        files={"file": ("large.bin", b"\x00\x01" + body)},
        data={"collection": "large"},
    )
    times = []
    while thread.is_alive():
        asked = time.perf_counter()
        tight.get("/livez")
        times.append(time.perf_counter() - asked)
        time.sleep(0.01)

    assert found[0].status_code == 202
    assert sorted(times)[int(len(times) * 0.9)] < 1


@pytest.mark.parametrize(
    ("kind", "method"),
    [(tempfile.SpooledTemporaryFile, "rollover"), (BlobWriter, "write")],
    ids=["spooling", "storing"],
)
def test_a_slow_disk_does_not_block_the_loop(
    tight: httpx.Client, monkeypatch: pytest.MonkeyPatch, kind: type, method: str
) -> None:
    """CVE-2025-54121: while the disk takes seconds for a piece of an upload, the service answers others at once."""
    real, stands_still = getattr(kind, method), threading.Event()

    def slow(*given: Any) -> Any:
        if not stands_still.is_set():
            stands_still.set()
            time.sleep(4)
        return real(*given)

    monkeypatch.setattr(kind, method, slow)
    thread, found = in_background(
        tight.post,
        "/v1/documents",
        files={"file": (f"{method}.bin", b"\x7fELF" + f"{method} ".encode() * 400_000)},
        data={"collection": "slow"},
    )
    assert stands_still.wait(20)
    asked = time.perf_counter()
    assert tight.get("/livez").status_code == 200
    assert time.perf_counter() - asked < 2
    thread.join()

    assert found[0].status_code == 202


def test_an_upload_that_breaks_off_leaves_nothing(tight: httpx.Client) -> None:
    """Half a body makes no document, and the place among the uploads is free again."""
    for _ in range(12):
        with connected(tight, MULTIPART.format(length=1_000_000)) as connection:
            connection.sendall(PART + b"\r\n" + b"half " * 1000)

    # The service hears of the broken connections one after the other.
    deadline = time.monotonic() + 20
    form = {"files": {"file": ("a.txt", b"Half.")}, "data": {"collection": "soon"}}
    while tight.post("/v1/documents", **form).status_code == 503:
        assert time.monotonic() < deadline, "the places are not free again"
        time.sleep(0.05)
    assert upload(tight, "Whole.", collection="whole")["status"] == "ready"
    names = [each["collection"] for each in tight.get("/v1/documents").json()["documents"]]
    assert "default" not in names


def test_crafted_range_headers(tight: httpx.Client) -> None:
    """CVE-2025-62727: a header of thousands of ranges costs nothing; one range still works."""
    document = upload(tight, "0123456789" * 100, "range.txt", collection="range")
    address = f"/v1/documents/{document['id']}/original"
    for crafted, status in (
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(3000)), 200),
        ("bytes=" + ",".join("0-" for _ in range(10_000)), 200),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2)), 206),
        ("bytes=" + "-" * 30_000, 400),
        ("bytes=5-2", 400),
        ("bytes=99999999999999999999999999-", 416),
        ("lines=1-2", 400),
    ):
        started = time.perf_counter()
        response = tight.get(address, headers={"Range": crafted})
        assert response.status_code == status
        assert len(response.content) < 300_000
        assert time.perf_counter() - started < 10
        if status >= 400:
            assert "Range" in error_of(response, status)["message"]
        if status == 416:
            assert response.headers["content-range"] == "bytes */1000"
    assert tight.get(address, headers={"Range": "bytes=0-3"}).text == "0123"


@pytest.mark.parametrize("head", ["", "GET /livez HTTP/1.1\n", "GET /livez HTTP/1.1\nHost: localhost\n\n"])
def test_a_connection_without_a_request_is_closed(tight: httpx.Client, head: str) -> None:
    """None at all, one that never ends, or no second one: each would hold one of the process's open files."""
    began = time.monotonic()
    with connected(tight, head) as connection:
        said = b"".join(iter(lambda: connection.recv(4096), b""))

    assert 1.5 < time.monotonic() - began < 20
    assert (b"200 OK" in said) == head.endswith("\n\n")
