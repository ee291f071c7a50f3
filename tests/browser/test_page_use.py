"""The page in a real browser: from an upload to a footnote, by keyboard alone, on a phone, in the dark, and audited."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from api.settings import Settings
from tests.api.server import serving, wait_until_ready
from tests.api.tenants import ADMIN, bearer
from tests.browser.axe import MISSING, audit, find_axe
from tests.browser.chromium import Chromium
from tests.browser.helpers import (
    FACT,
    QUESTION,
    by,
    faults,
    focused,
    foreign,
    overflow,
    pdf_of,
    tab_to,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "sk-a-gateway-key-that-nobody-may-see"


@pytest.fixture(scope="module")
def service(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that has keys and one document in the collection ``museum``."""
    assert program
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("page"),
        admin_key=SecretStr(ADMIN),
        gateway_key=SecretStr(SECRET),
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(ADMIN)) as client:
        wait_until_ready(client)
        pdf = pdf_of(
            f"Visits. {FACT} Tickets are sold at the door.",
            "Ships. The oldest ship is the Swan, built in 1750.",
        )
        data = {
            "wait": "true",
            "collection": "museum",
            "metadata": json.dumps({"year": 2026, "part": "visits"}),
        }
        made = client.post("/v1/documents", files={"file": ("visits.pdf", pdf)}, data=data)
        assert made.status_code == 201, made.text
        yield url


@pytest.fixture
def browser(program: str, service: str) -> Iterator[Chromium]:
    """A browser that knows no name but this machine's, and whose tab holds the admin key."""
    with Chromium(program, ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]) as opened:
        opened.viewport(1280, 800)
        opened.prefer(still=True)
        opened.open(f"{service}/web/icon.svg")
        opened.run(f"sessionStorage.setItem('footnote-key', {json.dumps(ADMIN)})")
        yield opened


def show(browser: Chromium, service: str, view: str = "", collection: str = "museum") -> None:
    """Open the page and wait for its documents."""
    browser.open("about:blank")
    browser.open(f"{service}/?collection={collection}{view}")
    # The view is chosen by the script, in the same moment in which it begins to load the list.
    browser.wait_for(f"document.querySelector('#app')?.dataset.view && !{by('document-list')}.dataset.state")


def ask(browser: Chromium, question: str = QUESTION) -> None:
    """Ask, and wait for the end of the answer."""
    browser.run(f"{by('question')}.focus()")
    browser.write(question)
    browser.press("Enter")
    browser.wait_for(f"{by('facts')} || {by('error')}")


def asked_today(service: str) -> int:
    """Questions that the audit log has of today."""
    found = httpx.get(f"{service}/v1/activity", headers=bearer(ADMIN)).json()
    return int(found["days"][-1]["questions"])


def test_from_upload_to_footnote(browser: Chromium, service: str, tmp_path: Path) -> None:
    """Files are dropped, one fails with what to do; a question is asked; its footnote opens the marked page."""
    good, bad = tmp_path / "leaflet.pdf", tmp_path / "broken.pdf"
    good.write_bytes(pdf_of(f"Leaflet. {FACT}"))
    bad.write_bytes(b"%PDF-1.7 and then nothing of a PDF")
    show(browser, service, collection="dropped")
    assert "Add documents" in text_of(browser, "empty-state")
    browser.drop_files(640, 400, good, bad)
    settled = (
        "[...document.querySelectorAll('[data-testid=document-status]')].map(each => each.dataset.status)"
    )
    browser.wait_for(f"{settled}.filter(each => ['ready', 'failed'].includes(each)).length === 2")

    assert sorted(browser.run(settled)) == ["failed", "ready"]
    assert "damaged" in text_of(browser, "document-error")
    assert "corrupt_file" in text_of(browser, "document-error")
    assert "save it again" in text_of(browser, "document-todo")
    ask(browser)
    assert FACT in text_of(browser, "answer")
    browser.run(f"{by('footnote')}.click()")
    browser.wait_for(f"{by('page-image')} && {by('quote')}")
    assert FACT in text_of(browser, "quote")
    assert browser.run(f"{by('quote-match')}.dataset.match") == "true"
    marked = (
        f"(() => {{ const page = {by('page-image')}; const data = page.getContext('2d').getImageData(0, 0, page.width, "
        "page.height).data; let yellow = 0; for (let at = 0; at < data.length; at += 4) if (data[at] > 200 && "
        "data[at + 2] < 160) yellow += 1; return yellow; })()"
    )
    assert browser.run(marked) > 500
    assert foreign(browser, service) == []
    assert faults(browser) == []


def test_the_keyboard_is_enough(browser: Chromium, service: str) -> None:
    """Ask, read a footnote, see how the answer was made, rate it, search, look into a document: with keys alone."""
    show(browser, service)
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    browser.press("Enter")
    tab_to(browser, "question")
    browser.write(QUESTION)
    browser.press("Enter")
    browser.wait_for(by("facts"))
    browser.run(f"{by('turn')}.querySelector('h2').tabIndex = -1, {by('turn')}.querySelector('h2').focus()")
    tab_to(browser, "footnote")
    browser.press("Enter")
    browser.wait_for(by("quote"))
    assert focused(browser) == "source-close"
    browser.press("Escape")
    assert focused(browser) == "footnote"
    button = browser.run(f"{by('trace-button')}.id")
    browser.run(f"{by('facts')}.tabIndex = -1, {by('facts')}.focus()")
    browser.press("Tab")
    assert browser.run("document.activeElement.id") == button
    browser.press("Enter")
    browser.wait_for(by("trace-timings"))
    browser.press("Escape")
    assert browser.run("document.activeElement.id") == button
    tab_to(browser, "feedback-no")
    browser.press("Enter")
    browser.wait_for(by("feedback-comment"))
    assert focused(browser) == "feedback-comment"
    browser.write("Mondays are missing.")
    tab_to(browser, "feedback-send")
    browser.press("Enter")
    browser.wait_for(by("feedback-done"))
    browser.run(f"{by('tab-ask')}.focus()")
    browser.press("ArrowRight")
    assert focused(browser) == "tab-search"
    tab_to(browser, "search-query")
    browser.write("oldest ship")
    browser.press("Enter")
    browser.wait_for(by("search-result"))
    browser.run(f"{by('file-input')}.focus()")
    tab_to(browser, "document-open")
    browser.press("Enter")
    browser.wait_for(by("chunk"))
    browser.press("Escape")
    assert focused(browser) == "document-open"
    tab_to(browser, "document-delete")
    browser.press("Enter")
    assert focused(browser) == "dialog-cancel"
    browser.press("Escape")
    assert focused(browser) == "document-delete"


def test_the_way_of_an_answer(browser: Chromium, service: str) -> None:
    """What each view found, what was shown and checked, and how long it took; asked again, that it is given again."""
    question = "At what hour does the museum open on Sundays?"
    show(browser, service)
    ask(browser, question)
    browser.run(f"{by('trace-button')}.click()")
    browser.wait_for(by("trace-timings"))

    words = text_of(browser, "trace")
    for step in (
        "Asked",
        "Found",
        "Read",
        "Checked",
        "Confidence",
        "Time",
        question,
        "By meaning",
        "By words",
        "shown",
    ):
        assert step in words, step
    assert "footnote 1" in text_of(browser, "trace-passage")
    browser.run(f"{by('trace-open')}.open = true")
    browser.wait_for(f"{by('trace-open')}.textContent.includes({json.dumps(FACT)})")
    show(browser, service)
    ask(browser, question)
    assert "given again" in text_of(browser, "facts")
    browser.run(f"{by('trace-button')}.click()")
    browser.wait_for(by("trace-timings"))
    assert "Given again" in text_of(browser, "trace")
    assert "nothing that the answer rests on has changed" in text_of(browser, "trace-timings")


def test_the_parts_of_a_document(browser: Chromium, service: str) -> None:
    """Passages with their sentences, whose words together are the stored text; what readers do not see is marked."""
    with httpx.Client(base_url=service, headers=bearer(ADMIN), timeout=60) as client:
        text = "# Log\n\nThe keeper sleeps. \U000e0049\U000e0067\U000e006eThe lamp burns.\n\n## Weather\n\nIt rains."
        body = {"text": text, "title": "Log", "filename": "log.md", "collection": "hidden", "wait": True}
        made = client.post("/v1/documents", json=body)
        assert made.status_code == 201, made.text
    show(browser, service, collection="hidden")
    browser.run(f"{by('document-open')}.click()")
    browser.wait_for(by("chunk"))

    assert "The lamp burns." in text_of(browser, "chunks")
    assert browser.run("document.querySelectorAll('.cut').length") > 2
    assert browser.run("document.querySelector('.unseen').title") == "Not seen by readers"
    assert "never shown" in browser.run("document.querySelector('.source-body .item-warnings').textContent")


def test_a_long_list_is_filtered(browser: Chromium, service: str) -> None:
    """By words of the name and by state; the field is not there for a short list."""
    show(browser, service)
    assert browser.run(f"{by('documents-filter')}.hidden") is True
    with httpx.Client(base_url=service, headers=bearer(ADMIN), timeout=60) as client:
        for number in range(8):
            body = {"text": f"Note {number}.", "title": f"Note {number}", "collection": "many", "wait": True}
            client.post("/v1/documents", json=body).raise_for_status()
    show(browser, service, collection="many")
    browser.run(f"{by('documents-words')}.focus()")
    browser.write("note 3")

    assert text_of(browser, "documents-count") == "1 of 8"
    browser.run(f"{by('documents-status')}.value = 'failed'")
    browser.run(f"{by('documents-status')}.dispatchEvent(new Event('change'))")
    assert text_of(browser, "documents-count") == "0 of 8"
    assert browser.run(f"{by('documents-none')}.hidden") is False


def test_a_search_with_a_filter(browser: Chromium, service: str) -> None:
    """Conditions over metadata narrow the search, numbers as numbers."""
    show(browser, service, "#search")
    browser.run(f"{by('search-query')}.value = 'ship'")
    browser.run(f"{by('conditions-summary')}.click(), {by('conditions-add')}.click()")
    browser.write("year")
    browser.run(f"{by('condition-operator')}.value = 'gte'")
    browser.run(f"{by('condition-value')}.focus()")
    browser.write("2027")
    browser.press("Enter")
    browser.wait_for(f"{by('search-empty')}")
    browser.run(f"{by('condition-value')}.value = '2026'")
    browser.press("Enter")
    browser.wait_for(f"{by('search-result')}")

    assert "Swan" in browser.run(f"{by('search-results')}.textContent")
    assert "ms" in text_of(browser, "search-count-found")


def test_keys_are_made_shown_once_and_revoked(browser: Chromium, service: str) -> None:
    """A key for a web page comes with its script tag; read again, nothing of it is there; revoked, it is dead."""
    show(browser, service, "#manage/keys")
    browser.wait_for(by("key-new"))
    browser.run(f"{by('key-new')}.click()")
    browser.write("Website")
    browser.run(f"{by('key-kind-page')}.click()")
    browser.run(f"{by('key-page-collection')}.value = 'museum'")
    browser.run(f"{by('key-origins')}.value = 'https://Museum.example/'")
    browser.run(f"{by('dialog-confirm')}.click()")
    browser.wait_for(by("key-made"))

    token = browser.run(f"{by('key-token')}.value")
    assert token.startswith("fn_")
    assert f'data-collection="museum" data-key="{token}"' in browser.run(f"{by('key-snippet')}.value")
    kept = httpx.get(f"{service}/v1/keys", headers=bearer(ADMIN)).json()["keys"]
    assert [each["origins"] for each in kept if each["name"] == "Website"] == [["https://museum.example"]]
    browser.run(f"{by('tab-usage')}.click()")
    browser.wait_for(by("usage-tiles"))
    browser.run(f"{by('tab-keys')}.click()")
    browser.wait_for(by("keys"))
    assert token not in browser.run("document.documentElement.outerHTML")
    assert browser.run(f"{by('key-made')}") is None
    browser.run(f"{by('key-revoke')}.click()")
    browser.run(f"{by('dialog-confirm')}.click()")
    browser.wait_for(f"{by('key')}?.dataset.live === 'false'")
    assert "Revoked on" in text_of(browser, "key")


def test_what_was_done_is_seen(browser: Chromium, service: str) -> None:
    """Usage counts the questions, the audit log shows the newest first, settings show no secret."""
    show(browser, service)
    before = asked_today(service)
    ask(browser)
    # What is no change is noted a moment after it was answered.
    end = time.monotonic() + 30
    while asked_today(service) == before and time.monotonic() < end:
        time.sleep(0.05)
    browser.run(f"{by('tab-manage')}.click()")
    browser.wait_for(by("usage-tiles"))
    assert "Questions" in text_of(browser, "usage-tiles")
    # Charts are drawn once their width is known.
    browser.wait_for("document.querySelector('[data-testid=chart-questions] rect.chart-bar')")
    told = f"{by('chart-questions')}.querySelector('[role=img]').getAttribute('aria-label')"
    assert browser.run(told).startswith("Questions and searches by day: Questions ")
    browser.run(f"{by('tab-audit')}.click()")
    browser.wait_for(by("audit-entry"))
    assert "key.list" in text_of(browser, "audit-entry")
    assert "ask" in text_of(browser, "audit")
    browser.run(f"{by('tab-settings')}.click()")
    browser.wait_for(by("settings"))
    shown = browser.run("document.documentElement.outerHTML")
    assert SECRET not in shown
    assert ADMIN not in shown
    key = browser.run("document.querySelector('[data-name=FOOTNOTE_GATEWAY_KEY]').textContent")
    assert "set, not shown" in key


def test_without_the_scope_the_page_says_so(browser: Chromium, service: str) -> None:
    """A key that may only read and ask works, and is told what it lacks."""
    body = {"name": "reader", "scopes": ["read:museum", "ask:museum"]}
    token = httpx.post(f"{service}/v1/keys", json=body, headers=bearer(ADMIN)).json()["token"]
    browser.run(f"sessionStorage.setItem('footnote-key', {json.dumps(token)})")
    show(browser, service, "#manage")
    browser.wait_for(by("manage-forbidden"))

    assert "This needs an admin key" in text_of(browser, "manage-forbidden")


def test_a_conversation_goes_on(browser: Chromium, service: str) -> None:
    """The second question carries the first turn, without its markers, or the conversation that the service keeps."""
    show(browser, service)
    ask(browser)
    browser.write("And where are tickets sold?")
    browser.press("Enter")
    browser.wait_for("document.querySelectorAll('[data-testid=facts]').length === 2")

    sent = [
        json.loads(each["params"]["request"]["postData"])
        for each in browser.events
        if each["method"] == "Network.requestWillBeSent"
        and each["params"]["request"]["url"].endswith("/v1/ask")
    ]
    assert sent[0]["history"] == []
    if not sent[1].get("conversation_id"):
        assert [each["role"] for each in sent[1]["history"]] == ["user", "assistant"]
        assert "[1]" not in sent[1]["history"][1]["content"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_audit_of_accessibility(browser: Chromium, service: str, width: int, dark: bool) -> None:
    """Every view, as wide as a desk and as a phone, light and dark: axe finds nothing, and nothing is too wide."""
    axe = find_axe()
    if axe is None:
        pytest.skip(MISSING)
    browser.prefer(dark=dark, still=True)
    browser.viewport(width, 740, phone=width < 500)
    found: dict[str, list[object]] = {}

    def look(name: str) -> None:
        browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
        found[name] = [
            *audit(browser, axe),
            *([f"{overflow(browser)} px too wide"] if overflow(browser) else []),
        ]

    show(browser, service, collection="nothing")
    look("empty")
    show(browser, service)
    ask(browser)
    look("answer")
    browser.run(f"{by('footnote')}.click()")
    browser.wait_for(f"{by('page-image')} && {by('quote')}")
    look("footnote")
    browser.press("Escape")
    browser.run(f"{by('trace-button')}.click()")
    browser.wait_for(by("trace-timings"))
    look("trace")
    browser.press("Escape")
    if width < 500:
        browser.run(f"{by('tab-documents')}.click()")
        look("documents")
    browser.run(f"{by('document-open')}.click()")
    browser.wait_for(by("chunk"))
    look("passages")
    browser.press("Escape")
    browser.run(f"{by('document-delete')}.click()")
    look("deleting")
    browser.press("Escape")
    browser.run(f"{by('tab-search')}.click(), {by('search-query')}.focus()")
    browser.write("ship")
    browser.press("Enter")
    browser.wait_for(by("search-result"))
    browser.run(f"{by('conditions-add')}.click()")
    look("search")
    browser.run(f"{by('tab-manage')}.click()")
    for name, sign in (
        ("usage", "usage-tiles"),
        ("audit", "audit-entry"),
        ("settings", "settings"),
        ("keys", "key-new"),
    ):
        browser.run(f"{by(f'tab-{name}')}.click()")
        browser.wait_for(by(sign))
        look(name)
    browser.run(f"{by('key-new')}.click()")
    look("new key")

    assert {name: each for name, each in found.items() if each} == {}
    assert foreign(browser, service) == []
    assert faults(browser) == []
