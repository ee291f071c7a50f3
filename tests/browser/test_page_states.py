"""The page when things are not as they should be: refused keys, odd answers, long conversations, the way back."""

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
from tests.browser.helpers import FACT, QUESTION, by, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AFTER = "Tickets are sold at the door."


@pytest.fixture(scope="module")
def service(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that has keys and one short document in the collection ``museum``."""
    assert program
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, data=tmp_path_factory.mktemp("states"), admin_key=SecretStr(ADMIN)
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(ADMIN)) as client:
        wait_until_ready(client)
        body = {
            "text": f"# Visits\n\n{FACT} {AFTER}",
            "title": "Visits",
            "collection": "museum",
            "wait": True,
        }
        client.post("/v1/documents", json=body).raise_for_status()
        yield url


@pytest.fixture
def browser(program: str, service: str) -> Iterator[Chromium]:
    """A browser whose tab holds the admin key."""
    with Chromium(program) as opened:
        opened.viewport(360, 640, phone=True)
        opened.prefer(still=True)
        opened.open(f"{service}/web/icon.svg")
        use_key(opened, ADMIN)
        yield opened


def use_key(browser: Chromium, key: str) -> None:
    """Put a key into the tab."""
    browser.run(f"sessionStorage.setItem('footnote-key', {json.dumps(key)})")


def show(browser: Chromium, service: str, collection: str = "museum", view: str = "") -> None:
    """Open the page and wait until it has settled."""
    browser.open("about:blank")
    browser.open(f"{service}/?collection={collection}{view}")
    browser.wait_for(f"document.querySelector('#app')?.dataset.view && !{by('document-list')}.dataset.state")


def ask(browser: Chromium, turn: int = 1) -> None:
    """Ask, and wait for the end of this turn."""
    browser.run(f"{by('question')}.focus()")
    browser.write(QUESTION)
    browser.press("Enter")
    turns = "[...document.querySelectorAll('[data-testid=turn]')]"
    browser.wait_for(f"{turns}.length === {turn} && {turns}.at(-1).dataset.state !== 'asking'")


def shown(browser: Chromium) -> str:
    """The view that is shown, and the part of it for administrators."""
    part = (
        "document.querySelector('#manage').hidden ? '' : document.querySelector('#manage-body').dataset.part"
    )
    return str(browser.run(f"document.querySelector('#app').dataset.view + ' ' + ({part})")).strip()


def test_a_long_conversation_scrolls_in_its_place(browser: Chromium, service: str) -> None:
    """However much is asked, the page is as high as its window: the top and the question box stay where they are."""
    show(browser, service)
    for turn in (1, 2, 3):
        ask(browser, turn)

    top = "document.querySelector('.top').getBoundingClientRect().top"
    bottom = f"{by('ask-form')}.getBoundingClientRect().bottom"
    assert browser.run("document.documentElement.scrollHeight - innerHeight") == 0
    assert browser.run(top) == 0
    assert browser.run(bottom) == 640


def test_a_quote_at_the_end_of_a_document_is_shown_in_its_place(browser: Chromium, service: str) -> None:
    """Where the text ends soon after the quote, what stands before and behind is shown as everywhere."""
    show(browser, service)
    ask(browser)
    browser.run(f"{by('footnote')}.click()")
    browser.wait_for(by("quote"))

    assert text_of(browser, "quote") == FACT
    assert "Visits" in text_of(browser, "source-text")
    assert text_of(browser, "source-text").endswith(AFTER)


def test_the_way_back(browser: Chromium, service: str) -> None:
    """The back button goes from view to view and from collection to collection, and an address opens its view."""
    show(browser, service)
    for step in ("tab-search", "tab-manage", "tab-keys"):
        browser.run(f"{by(step)}.click()")
        browser.wait_for("!document.querySelector('#manage-body .loading')")
    for view in ("manage usage", "search", "ask"):
        browser.run("history.back()")
        browser.wait_for("true")
        time.sleep(0.2)
        assert shown(browser) == view
    browser.run("location.hash = '#manage/audit'")
    browser.wait_for(by("audit"))
    browser.run(f"{by('collection-select')}.value = 'default'")
    browser.run(f"{by('collection-select')}.dispatchEvent(new Event('change'))")
    browser.wait_for(f"!{by('document')}")
    browser.run("history.back()")
    browser.wait_for(by("document"))

    assert browser.run(f"{by('collection-select')}.value") == "museum"
    assert shown(browser) == "manage audit"


def test_a_key_that_is_refused(browser: Chromium, service: str) -> None:
    """An expired key is told apart from none, signs that no key has are not sent, and another key is taken."""
    body = {"name": "short", "scopes": ["admin"], "expires_at": time.time() + 1}
    token = httpx.post(f"{service}/v1/keys", json=body, headers=bearer(ADMIN)).json()["token"]
    time.sleep(1.2)
    use_key(browser, token)
    show(browser, service)
    browser.wait_for(f"!{by('key-form')}.hidden")
    assert "expired" in text_of(browser, "key-words")
    axe = find_axe()
    if axe is None:
        pytest.skip(MISSING)
    assert audit(browser, axe) == []

    browser.run(f"{by('key-input')}.value = 'fn_schl\u00fcssel', {by('key-submit')}.click()")
    assert not browser.run(f"{by('key-form')}.hidden")
    browser.run(f"{by('key-input')}.value = ' {ADMIN} ', {by('key-submit')}.click()")
    browser.wait_for(by("document"))
    assert browser.run(f"{by('key-form')}.hidden")


def test_a_key_can_be_changed(browser: Chromium, service: str) -> None:
    """Where the tab's key does not suffice, another one can be given."""
    body = {"name": "reader", "scopes": ["read:museum"]}
    use_key(browser, httpx.post(f"{service}/v1/keys", json=body, headers=bearer(ADMIN)).json()["token"])
    show(browser, service, view="#manage/audit")
    browser.wait_for(by("another-key"))
    browser.run(f"{by('another-key')}.click()")
    browser.run(f"{by('key-input')}.value = '{ADMIN}', {by('key-submit')}.click()")
    browser.wait_for(by("audit"))


def test_what_is_no_answer_of_the_service(browser: Chromium, service: str) -> None:
    """A sign-in page that something in between answers with ends the turn in words, with a way to ask again."""
    show(browser, service)
    page = "new Response('<h1>Sign in</h1>', {headers: {'Content-Type': 'text/html'}})"
    browser.run(f"window.fetch = async () => {page}")
    ask(browser)

    assert "cannot be read" in text_of(browser, "error-message")
    assert browser.run(f"{by('turn')}.dataset.state") == "error"


def test_a_collection_without_documents(browser: Chromium, service: str) -> None:
    """A question to nothing is told that there is nothing yet, not that an address is wrong."""
    show(browser, service, collection="nothing")
    ask(browser)

    assert "nothing in this collection" in text_of(browser, "error-message")
    assert "Add documents" in text_of(browser, "error-hint")
