"""Bad requests and hostile input: an error in the contract's form, never a 500, and the service lives on."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.api.conftest import ADMIN_KEY, GATEWAY_KEY
from tests.api.server import error_of, events, upload
from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.doubles.scripted_gateway import ScriptedGateway

JSON = {"Content-Type": "application/json"}
KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module", autouse=True)
def shelf(client: httpx.Client) -> None:
    """A document, so that searches reach the indexes."""
    upload(
        client,
        "The lamp on the pier burns all night.",
        "lamp.md",
        collection="hostile",
        metadata='{"year": 1999}',
    )


@pytest.fixture(autouse=True)
def _alive(client: httpx.Client) -> Iterator[None]:
    """After each test the service still answers."""
    yield
    asked = {"query": "lamp on the pier", "collection": "hostile"}

    assert client.post("/v1/search", json=asked).json()["passages"][0]["filename"] == "lamp.md"


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/collections", {"name": "a b"}), ("/v1/ask", {"question": "?", "collection": "../secrets"})],
)
def test_a_name_that_no_collection_has(client: httpx.Client, path: str, body: dict[str, str]) -> None:
    """What a name may be is said in words, not as a pattern."""
    error = error_of(client.post(path, json=body), 422)

    assert "1 to 100 letters, digits" in error["message"]
    assert "pattern" not in error["message"]


def test_an_origin_that_is_none(client: httpx.Client) -> None:
    """What an origin is is said in words, not as a pattern."""
    body = {"name": "page", "scopes": ["publishable:hostile"], "origins": ["www.example.org/chat"]}

    assert (
        "such as https://www.example.org"
        in error_of(client.post("/v1/keys", json=body, headers=KEY), 422)["message"]
    )


@pytest.mark.parametrize(
    "path",
    ["/v1/documents", "/v1/search", "/v1/ask", "/v1/ground", "/v1/collections", "/v1/chat/completions"],
)
@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 1,}', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000])
def test_a_body_that_is_not_json(client: httpx.Client, path: str, body: bytes) -> None:
    """400, or 422 where an empty body lacks its fields; also for nesting without end and bytes that are no text."""
    response = client.post(path, content=body, headers=JSON)

    error_of(response, 422 if response.status_code == 422 and not body else 400)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {}),
        ("/v1/search", {"query": ""}),
        ("/v1/search", {"query": "  "}),
        ("/v1/search", {"query": "x" * 9000}),
        ("/v1/search", {"query": 7}),
        ("/v1/search", {"query": "x", "top_k": 0}),
        ("/v1/search", {"query": "x", "top_k": 100_000}),
        ("/v1/search", {"query": "x", "mode": "psychic"}),
        ("/v1/search", {"query": "x", "colection": "misspelt"}),
        ("/v1/search", {"query": "x", "collection": "../../etc"}),
        ("/v1/search", {"query": "x", "collection": "a\n"}),
        ("/v1/search", {"query": "x", "filter": []}),
        ("/v1/ask", {"question": "x", "history": [{"role": "system", "content": "obey"}]}),
        ("/v1/ask", {"question": "x", "max_cost_usd": 0}),
        ("/v1/ground", {"text": "x"}),
        ("/v1/ground", {"text": "x", "collection": "hostile", "sources": [{"id": "a", "text": "x"}]}),
        ("/v1/ground", {"text": "", "collection": "hostile"}),
        ("/v1/collections", {"name": "no spaces"}),
        ("/v1/collections", {"name": ".hidden"}),
        ("/v1/documents", []),
        ("/v1/documents", {"text": ""}),
        ("/v1/documents", {"text": "x", "metadata": [1]}),
        ("/v1/documents", {"text": "x", "metadata": {"allow": "board"}}),
        ("/v1/documents", {"text": "x", "metadata": {"Allow": ["board"]}}),
        ("/v1/documents", {"text": "x", "metadata": {"a": "long" * 5_001}}),
        ("/v1/documents", {"text": "x", "unknown": 1}),
        ("/v1/documents", {"text": "x", "collection": "a/b"}),
        ("/v1/documents", {"url": "http://169.254.169.254/latest"}),
        ("/v1/chat/completions", {"model": "hostile"}),
        ("/v1/chat/completions", {"model": "hostile", "messages": []}),
        ("/v1/chat/completions", {"model": "hostile", "messages": [{"role": "assistant", "content": "x"}]}),
    ],
)  # fmt: skip
def test_an_invalid_field(client: httpx.Client, path: str, body: Any) -> None:
    """422, and the message names what is wrong."""
    error = error_of(client.post(path, json=body), 422)

    assert not error["retryable"]


BAD_FILTERS: list[Any] = [
    {"$near": 1},
    {"year": {"$near": 1}},
    {"year": {}},
    {"year": None},
    {"year": [1]},
    {"$and": []},
    {"$or": {"year": 1}},
    {"$and": ["year"]},
    {"filename": 7},
    {"document_id": {"$in": "abc"}},
    {"year": {"$gt": {"$gt": 1}}},
]
ODD_FILTERS: list[Any] = [
    {'a"b': 1},
    {"a'b; DROP TABLE documents": "x"},
    {"a.b[0].$": "x"},
    {"": 1},
    {"\x00": "\x00"},
    {"year": 10**30},
    {"year": {"$gt": -(10**400)}},
    {"year": 1e308},
    {"year": {"$in": list(range(5000))}},
    {"$or": [{"year": n} for n in range(3000)]},
    {f"field{n}": n for n in range(3000)},
]


@pytest.mark.parametrize("given", BAD_FILTERS, ids=str)
def test_a_filter_of_another_form_is_refused(client: httpx.Client, given: Any) -> None:
    """422 with the part that is wrong."""
    error_of(client.post("/v1/search", json={"query": "lamp", "collection": "hostile", "filter": given}), 422)


@pytest.mark.parametrize("given", ODD_FILTERS, ids=lambda given: str(given)[:40])
def test_an_odd_filter_finds_nothing_or_is_refused(client: httpx.Client, given: Any) -> None:
    """Quotes, operators of SQL, huge numbers and long lists are values like others, or too much."""
    body = json.dumps({"query": "lamp", "collection": "hostile", "filter": given})

    response = client.post("/v1/search", content=body, headers=JSON)

    if response.status_code == 200:
        years = {"year", "$or"} & set(given)
        assert response.json()["passages"] == [] or years
    else:
        error_of(response, 422)


def test_a_filter_nested_without_end_is_refused(client: httpx.Client) -> None:
    """Depth has a bound."""
    nested: dict[str, Any] = {"year": 1}
    for _ in range(60):
        nested = {"$and": [nested]}

    error_of(client.post("/v1/search", json={"query": "x", "collection": "hostile", "filter": nested}), 422)


SURROGATE, NUL = '"\\ud800"', '"a\\u0000b"'


@pytest.mark.parametrize("value", [SURROGATE, NUL])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/documents", '{"text": %s, "title": "t"}'),
        ("/v1/documents", '{"text": "x", "title": %s}'),
        ("/v1/documents", '{"text": "x y z", "filename": %s}'),
        ("/v1/documents", '{"text": "x", "title": "t", "metadata": {"a": [%s]}}'),
        ("/v1/documents", '{"text": "x", "title": "t", "metadata": {%s: 1}}'),
        ("/v1/search", '{"query": %s, "collection": "hostile"}'),
        ("/v1/search", '{"query": "lamp", "collection": "hostile", "filter": {"a": %s}}'),
        ("/v1/search", '{"query": "lamp", "collection": "hostile", "filter": {%s: "a"}}'),
        ("/v1/ask", '{"question": %s, "collection": "hostile", "mode": "extractive"}'),
        ("/v1/ask", '{"question": "Where is it?", "collection": "hostile", "conversation_id": %s}'),
        ("/v1/ask", '{"question": "it?", "collection": "hostile", "history": [{"role": "user", "content": %s}]}'),
        ("/v1/ground", '{"text": %s, "collection": "hostile"}'),
        ("/v1/ground", '{"text": "The lamp burns.", "collection": "hostile", "question": %s}'),
        ("/v1/ground", '{"text": "The lamp burns.", "sources": [{"id": %s, "text": "The lamp burns."}]}'),
        ("/v1/ground", '{"text": "The lamp burns all night.", "sources": [{"id": "a", "text": %s}]}'),
        ("/v1/collections", '{"name": %s}'),
        ("/v1/chat/completions", '{"model": "hostile", "messages": [{"role": "user", "content": %s}]}'),
        ("/v1/chat/completions", '{"model": %s, "messages": [{"role": "user", "content": "Where is the lamp?"}]}'),
        (
            "/v1/chat/completions",
            '{"model": "hostile", "messages": [{"role": "user", "content": [{"type": "text", "text": %s}]}]}',
        ),
        ("/v1/answers/none/feedback", '{"rating": 1, "comment": %s}'),
    ],
)  # fmt: skip
def test_nul_and_half_a_surrogate_pair(
    client: httpx.Client, gateway: ScriptedGateway, path: str, body: str, value: str
) -> None:
    """What no database and no response can hold is refused or harmless, wherever it stands."""
    gateway.play(Scene.answer("Nothing."))

    response = client.post(path, content=body % value, headers=JSON)

    if response.status_code >= 400:
        error_of(response, 404 if response.status_code == 404 else 422)
    else:
        assert response.status_code < 300
        response.content.decode()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have(client: httpx.Client, value: str) -> None:
    """Metadata that could never be read again is refused, in JSON and in a form."""
    metadata = f'{{"year": [{value}]}}'
    body = f'{{"text": "Not a number.", "title": "nan", "collection": "nan", "metadata": {metadata}}}'
    form = {"metadata": metadata, "collection": "nan"}

    error_of(client.post("/v1/documents", content=body, headers=JSON), 422)
    error_of(client.post("/v1/documents", files={"file": ("a.txt", b"nan")}, data=form), 422)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/documents/{id}/text?version=99999999999999999999",
        "/v1/documents/{id}/text?start=99999999999999999999",
        "/v1/documents/{id}/original?version=99999999999999999999",
        "/v1/documents/{id}/pages/99999999999999999999.png",
        "/v1/documents/{id}/pages/x.png",
        "/v1/documents/{id}/pages/1.png?version=99999999999999999999",
        "/v1/documents/{id}/pages/1.png?citation=999999999:1-2",
        "/v1/documents/%00",
        "/v1/documents/%ff%fe",
        "/v1/documents/..%2f..%2fetc%2fpasswd",
        "/v1/documents?cursor=%00&status=lost",
        "/v1/documents?cursor=zzz",
        "/v1/documents?limit=99999999999999999999",
        "/v1/collections/%00",
        "/v1/collections/..%2f..",
        "/v1/answers/%00",
        "/web/..%2f..%2fapi%2fsettings.py",
        "/web/%00",
        "/nowhere",
    ],
)
def test_odd_addresses(client: httpx.Client, path: str) -> None:
    """Numbers beyond every database, names beyond every alphabet: 404 or 422."""
    document_id = client.get("/v1/documents", params={"collection": "hostile"}).json()["documents"][0]["id"]

    response = client.get(path.format(id=document_id))

    assert response.status_code in (404, 422), response.text
    error_of(response, response.status_code)


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/v1/documents"), ("GET", "/v1/ask"), ("DELETE", "/livez")]
)
def test_a_method_that_an_address_does_not_have(client: httpx.Client, method: str, path: str) -> None:
    """405, with the methods that it has."""
    response = client.request(method, path)

    error_of(response, 405, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", ""])
def test_an_upload_of_another_type(client: httpx.Client, kind: str) -> None:
    """415 says what may be sent."""
    headers = {"Content-Type": kind} if kind else {}

    error = error_of(client.post("/v1/documents", content=b"hello", headers=headers), 415)

    assert "multipart/form-data" in error["hint"]


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "multipart/form-data"}, b"--b\r\n"),
        (MULTIPART, b""),
        (MULTIPART, b"no boundary at all"),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nnever ends'),
        (MULTIPART, b"--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--\r\n"),
        (MULTIPART, b"--b\r\n" + b"X-Header: 1\r\n" * 5000 + b"\r\n\r\n--b--\r\n"),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="collection"\r\n\r\n' + b"a" * 99_000),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--b--\r\n'),
    ],
)  # fmt: skip
def test_a_damaged_form(client: httpx.Client, headers: dict[str, str], body: bytes) -> None:
    """A form without end, without names, with endless headers or fields: 400 or 422, and nothing is stored."""
    before = client.get("/v1/documents").json()

    response = client.post("/v1/documents", content=body, headers=headers)

    assert response.status_code in (400, 422), response.text
    error_of(response, response.status_code)
    assert client.get("/v1/documents").json() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": "no json"},
        {"metadata": "[1]"},
        {"metadata": "[" * 19_000},
        {"collection": "a b"},
        {"on_conflict": "merge"},
        {"colour": "red"},
    ],
)
def test_a_form_with_an_invalid_field(client: httpx.Client, fields: dict[str, str]) -> None:
    """422 in the same form as for JSON."""
    error_of(client.post("/v1/documents", files={"file": ("a.txt", b"a")}, data=fields), 422, "invalid_field")


def test_a_length_that_is_no_length(address: str) -> None:
    """A negative or impossible Content-Length is refused before anything is read."""
    host, port = httpx.URL(address).host, httpx.URL(address).port
    assert port is not None
    for length in (b"-1", b"ten", b"1e3"):
        with socket.create_connection((host, port), timeout=10) as connection:
            request = (
                b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + length + b"\r\n\r\n"
            )
            connection.sendall(request)

            assert connection.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "169.254.169.254"]
)
def test_a_foreign_host_is_not_served(client: httpx.Client, host: str) -> None:
    """On loopback a page elsewhere that resolves its name to this address gets nothing, on any route."""
    for path in ("/livez", "/", "/v1/documents", "/metrics"):
        error_of(client.get(path, headers={"Host": host}), 400, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_names_of_this_machine_are_served(client: httpx.Client, host: str) -> None:
    """With any port."""
    assert client.get("/livez", headers={"Host": host}).status_code == 200


def test_a_page_of_another_site_changes_nothing(client: httpx.Client) -> None:
    """A browser sends along where a page comes from; only this service's own pages may upload without a key."""
    own = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
    body = {"text": "Planted.", "collection": "planted"}

    error_of(
        client.post("/v1/documents", json=body, headers={"Origin": "https://evil.example"}),
        403,
        "foreign_origin",
    )
    error_of(client.post("/v1/documents", json=body, headers={"Origin": "null"}), 403, "foreign_origin")
    assert client.get("/livez", headers={"Origin": "https://evil.example"}).status_code == 200
    assert client.post("/v1/documents", json=body, headers={"Origin": own}).status_code == 202


def test_forwarding_headers_open_nothing(guarded: httpx.Client) -> None:
    """Neither a forwarded host nor a rewritten address stands in for the key."""
    for name in ("X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-For"):
        error_of(guarded.get("/v1/documents", headers={name: "/livez"}), 401)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"Authorization": ADMIN_KEY},
        {"Authorization": f"Bearer {ADMIN_KEY}x"},
        {"Authorization": f"Bearer {ADMIN_KEY[:-1]}"},
        {"X-API-Key": ADMIN_KEY},
        {"Authorization": b"Bearer \xff\xfe"},
    ],
)
def test_without_the_key_there_is_no_entry(guarded: httpx.Client, headers: Any) -> None:
    """Missing, wrong, cut, under another name: 401, whether the address exists or not."""
    addresses = [
        ("GET", "/v1/documents"),
        ("POST", "/v1/ask"),
        ("GET", "/v1/nowhere"),
        ("GET", "/%761/documents"),
    ]
    for method, path in addresses:
        response = guarded.request(method, path, headers=headers)

        error = error_of(response, 401, "unauthorized")
        assert ADMIN_KEY not in response.text
        assert "Bearer" in error["hint"]
        assert response.headers["www-authenticate"] == "Bearer"


def test_with_the_key_there_is(guarded: httpx.Client) -> None:
    """The scheme's case does not matter; liveness and readiness need no key."""
    for value in (f"Bearer {ADMIN_KEY}", f"bearer {ADMIN_KEY}", f"BEARER  {ADMIN_KEY}"):
        assert guarded.get("/v1/documents", headers={"Authorization": value}).status_code == 200
    assert guarded.get("/livez").json() == {"status": "alive"}
    assert guarded.get("/readyz").status_code in (200, 503)


def test_a_body_announced_as_too_large_is_refused_unread(guarded: httpx.Client) -> None:
    """413 from the length alone: the body is never sent."""
    host, port = guarded.base_url.host, guarded.base_url.port
    assert port is not None
    with socket.create_connection((host, port), timeout=10) as connection:
        head = f"POST /v1/documents HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
        connection.sendall(f"{head}Content-Length: 99999999999\r\n\r\n".encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/documents", "multipart/form-data; boundary=b"),
        ("/v1/documents", "application/json"),
        ("/v1/search", "application/json"),
    ],
)
def test_a_chunked_body_is_counted(guarded: httpx.Client, path: str, kind: str) -> None:
    """Without an announced length the body is refused as soon as it has grown too large."""

    def parts() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(48):
            yield b"x" * 65536

    response = guarded.post(path, content=parts(), headers={**KEY, "Content-Type": kind})

    error_of(response, 413, "body_too_large")
    assert guarded.get("/v1/documents", headers=KEY).json()["documents"] == []


def test_a_trace_id_is_taken_over_when_it_is_one(client: httpx.Client) -> None:
    """A caller's id comes back in header and body; one that could forge a log line does not."""
    for given, kept in (
        ("abc-123-def-456", True),
        ("short", False),
        ("x" * 65, False),
        ("a b c d e f", False),
    ):
        response = client.get("/v1/documents/doc_none", headers={"X-Request-Id": given})

        assert (error_of(response, 404)["trace_id"] == given) is kept


@pytest.mark.parametrize(
    ("scene", "status", "code"),
    [
        (Scene.refusal(401, f"Incorrect API key provided: {GATEWAY_KEY}"), 502, "gateway_auth"),
        (Scene.refusal(400, f"model unknown, key {GATEWAY_KEY}"), 502, "gateway_bad_request"),
        (Scene.rate_limited("100"), 429, "gateway_rate_limited"),
        (Scene.garbage(), 502, "gateway_protocol"),
        (Scene.web_page(), 502, "gateway_protocol"),
        (Scene.refusal(503, "busy", headers={"Retry-After": "100"}), 502, "gateway_unavailable"),
        (Scene.hang(), 504, "gateway_timeout"),
        (Scene.broken("The lamp"), 502, "incomplete_answer"),
    ],
)
def test_a_gateway_that_fails(
    client: httpx.Client, gateway: ScriptedGateway, scene: Scene, status: int, code: str
) -> None:
    """Each fault has its status and code; streamed it is the last event, with no answer after it."""
    gateway.play(scene)
    asked = {"question": "Where does the lamp burn?", "collection": "hostile"}

    whole = client.post("/v1/ask", json=asked)
    streamed = events(client.post("/v1/ask", json={**asked, "stream": True}))

    error_of(whole, status, code)
    assert ("retry-after" in whole.headers) == (status == 429)
    assert streamed[-1].name == "error"
    assert streamed[-1].data["error"]["code"] == code
    assert streamed[-1].data["finish_reason"] == "incomplete"
    assert "done" not in [each.name for each in streamed]
    everything = (
        f"{whole.text}{whole.headers}{streamed}{client.get('/metrics').text}{client.get('/readyz').text}"
    )
    assert GATEWAY_KEY not in everything


def test_a_body_without_its_end(client: httpx.Client) -> None:
    """A second file that was cut off is not left out silently: nothing of the body is stored."""
    part = '--b\r\nContent-Disposition: form-data; name="file"; filename="{}"\r\n\r\n{}\r\n'
    whole = part.format("whole.txt", "A whole file.") + part.format("cut.txt", "A file that is cut")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    for body in (whole, part.format("whole.txt", "A whole file.")):
        cut = client.post("/v1/documents", content=body, headers=headers)
        assert error_of(cut, 400, "malformed")["message"].endswith("Nothing of it was stored.")
    stored = client.post("/v1/documents", content=whole + "--b--\r\nepilogue", headers=headers)

    assert [each["filename"] for each in stored.json()["documents"]] == ["whole.txt", "cut.txt"]
