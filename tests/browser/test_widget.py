"""The chat widget in a page of another site, in a real browser: strict policy, keyboard, phone, refusals."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

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
    WIDGET,
    Site,
    by,
    faults,
    focused,
    foreign,
    overflow,
    tab_to,
    text_of,
)
from tests.browser.test_hostile_rendering import PAYLOADS
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = bearer(ADMIN)


@pytest.fixture(scope="module")
def gateway() -> Iterator[ScriptedGateway]:
    """A model; each test that asks it says what it plays."""
    with ScriptedGateway([Scene.answer("Nothing.")]) as server:
        yield server


@pytest.fixture(scope="module")
def service(
    program: str, gateway: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service with keys, a harmless collection and a hostile one."""
    assert program
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("widget"),
        admin_key=SecretStr(ADMIN),
        gateway_url=gateway.url,
        mark_sources="off",
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60, headers=HEADER) as client:
        wait_until_ready(client)
        for collection, title, text in (
            ("help", "Visits", f"# Visits\n\n{FACT} Tickets are sold at the door and cost 12 euros."),
            ("hostile", PAYLOADS[0], f"{FACT} {PAYLOADS[1]} {PAYLOADS[5]}"),
        ):
            body = {"text": text, "title": title, "collection": collection, "wait": True}
            made = client.post("/v1/documents", json=body)
            assert made.status_code == 201, made.text
        yield url


@pytest.fixture(scope="module")
def site(service: str) -> Iterator[Site]:
    """The other site."""
    server = Site(service)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(program: str) -> Iterator[Chromium]:
    """A browser that knows no name but this machine's."""
    with Chromium(program, ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]) as opened:
        opened.viewport(1280, 800)
        opened.prefer(still=True)
        yield opened


def key_for(service: str, *origins: str, collection: str = "help", **more: Any) -> dict[str, Any]:
    """A publishable key."""
    body = {"name": "widget", "scopes": [f"publishable:{collection}"], "origins": list(origins), **more}
    made = httpx.post(f"{service}/v1/keys", json=body, headers=HEADER)
    assert made.status_code == 201, made.text
    return dict(made.json())


@pytest.fixture(scope="module")
def key(service: str, site: Site) -> str:
    """A key for the other site."""
    return str(key_for(service, site.address)["token"])


def visit(browser: Chromium, address: str) -> None:
    """Open the page and wait for the widget."""
    browser.open(address)
    browser.wait_for("document.querySelector('footnote-chat')?.shadowRoot?.querySelector('[data-testid]')")


def ask(browser: Chromium, question: str = QUESTION) -> None:
    """Open the widget, ask, and wait until the answer has come to its end."""
    browser.run(f"{by('widget-launcher', WIDGET)}?.click()")
    browser.run(f"{by('widget-question', WIDGET)}.focus()")
    browser.write(question)
    browser.press("Enter")
    browser.wait_for(f"{by('widget-turn', WIDGET)} && {by('widget-turn', WIDGET)}.dataset.state !== 'asking'")


def state(browser: Chromium) -> str:
    """How the first question ended."""
    return str(browser.run(f"{by('widget-turn', WIDGET)}.dataset.state"))


@pytest.mark.parametrize("nonce", ["", "c2hpcHM"])
def test_an_answer_under_a_strict_policy(
    browser: Chromium, service: str, site: Site, key: str, nonce: str
) -> None:
    """With no inline style, no other origin and no trusted type: sentences, footnotes and quotes, and no violation."""
    visit(browser, site.show(collection="help", key=key, mode="extractive", nonce=nonce))
    ask(browser)

    assert state(browser) == "done"
    assert FACT in text_of(browser, "widget-answer", WIDGET)
    assert "checked" in text_of(browser, "widget-assurance", WIDGET).lower()
    browser.run(f"{by('widget-footnote', WIDGET)}.click()")
    assert FACT in text_of(browser, "widget-quote", WIDGET)
    assert "Visits" in text_of(browser, "widget-sheet", WIDGET)
    assert faults(browser) == []
    assert foreign(browser, service, site.address) == []
    sent = [
        each["params"]["request"] for each in browser.events if each["method"] == "Network.requestWillBeSent"
    ]
    assert all(key not in each["url"] for each in sent)
    asked = [each for each in sent if each["url"].startswith(f"{service}/v1")]
    assert {each["referrerPolicy"] for each in asked} == {"no-referrer"}


def test_nothing_of_the_page_leaks_in_or_out(browser: Chromium, site: Site, key: str) -> None:
    """A page's heavy-handed styles do not reach the widget, and the widget leaves no name in the page."""
    style = (
        "* { letter-spacing: 9px; font: 40px fantasy } html { font-size: 10px } "
        "button { background: red !important; display: none } body { font: 40px fantasy }"
    )
    visit(browser, site.show(policy=False, style=style, collection="help", key=key, mode="extractive"))

    looks = f"getComputedStyle({by('widget-launcher', WIDGET)})"
    assert browser.run(f"{looks}.display") == "flex"
    assert browser.run(f"{looks}.fontSize") == "15px"
    assert browser.run(f"{looks}.letterSpacing") == "normal"
    assert browser.run(f"{looks}.backgroundColor") == "rgb(29, 74, 128)"
    assert browser.run("Object.keys(window).filter(name => /footnote/i.test(name))") == []
    browser.run(f"{by('widget-launcher', WIDGET)}.click()")
    panel = f"getComputedStyle({by('widget-panel', WIDGET)})"
    assert browser.run(f"{panel}.letterSpacing") == "normal"
    assert browser.run(f"{panel}.width") == "400px"


def test_a_long_conversation_scrolls_in_its_place(browser: Chromium, site: Site, key: str) -> None:
    """The head of the panel stays where it is, however much is said; a target that is no selector is none."""
    visit(browser, site.show(collection="help", key=key, mode="extractive", target="[[nothing"))
    browser.viewport(600, 420)
    turns = f"[...{WIDGET}.querySelectorAll('[data-testid=widget-turn]')]"
    for turn in (1, 2, 3):
        ask(browser)
        browser.wait_for(f"{turns}.length === {turn} && {turns}.at(-1).dataset.state === 'done'")

    assert browser.run(f"{by('widget-panel', WIDGET)}.scrollTop") == 0


def test_the_keyboard_is_enough(browser: Chromium, site: Site, key: str) -> None:
    """Open, ask, open a footnote, close it, rate, close: each with a key, and the focus is never lost."""
    visit(browser, site.show(collection="help", key=key, mode="extractive"))
    tab_to(browser, "widget-launcher")
    browser.press("Enter")
    assert focused(browser) == "widget-question"
    browser.write(QUESTION)
    browser.press("Enter")
    browser.wait_for(f"{by('widget-turn', WIDGET)}?.dataset.state === 'done'")
    assert focused(browser) == "widget-question"

    tab_to(browser, "widget-footnote")
    browser.press("Enter")
    assert focused(browser) == "widget-back"
    assert browser.run(f"{by('widget-question', WIDGET)}.closest('form').inert") is True
    browser.press("Escape")
    assert focused(browser) == "widget-footnote"
    tab_to(browser, "widget-no")
    browser.press("Space")
    browser.wait_for(f"{by('widget-comment-send', WIDGET)}")
    assert focused(browser) == "TEXTAREA"
    browser.write("The opening hours of Mondays are missing.")
    tab_to(browser, "widget-comment-send")
    browser.press("Enter")
    browser.wait_for(f"{by('widget-rating', WIDGET)}.textContent === 'Thank you.'")
    browser.press("Escape")
    browser.wait_for(f"{WIDGET}.activeElement === {by('widget-launcher', WIDGET)}", 5)
    assert browser.run(f"{by('widget-panel', WIDGET)}.open") is False


def test_what_is_said_to_a_screen_reader(browser: Chromium, site: Site, key: str) -> None:
    """The search, each sentence and the end are told, in a region that is there from the start."""
    visit(browser, site.show(collection="help", key=key, mode="extractive"))
    assert browser.run(f"{by('widget-said', WIDGET)}.getAttribute('aria-live')") == "polite"
    ask(browser)

    said = text_of(browser, "widget-said", WIDGET)
    assert "Searching the sources" in said
    assert FACT in said
    assert "complete, with" in said


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone(browser: Chromium, site: Site, key: str, dark: bool) -> None:
    """360 pixels wide the panel covers the page, which then takes no focus; nothing is wider than the screen."""
    browser.viewport(360, 740, phone=True)
    browser.prefer(dark=dark, still=True)
    visit(browser, site.show(collection="help", key=key, mode="extractive"))
    ask(browser)

    box = json.loads(browser.run(f"JSON.stringify({by('widget-panel', WIDGET)}.getBoundingClientRect())"))
    assert (box["left"], box["top"], box["width"], box["height"]) == (0, 0, 360, 740)
    assert browser.run(f"{by('widget-panel', WIDGET)}.matches(':modal')") is True
    assert overflow(browser) == 0
    inside = f"[...{WIDGET}.querySelectorAll('*')].filter(each => each.getBoundingClientRect().right > 361)"
    assert browser.run(f"{inside}.map(each => each.className)") == []
    paper = browser.run(f"getComputedStyle({by('widget-panel', WIDGET)}).backgroundColor")
    assert paper == ("rgb(24, 28, 32)" if dark else "rgb(255, 255, 255)")
    small = (
        f"[...{WIDGET}.querySelectorAll('button')].filter(each => each.checkVisibility()).map(each => "
        "each.getBoundingClientRect()).filter(each => Math.min(each.width, each.height) < 24).length"
    )
    assert browser.run(small) == 0


def test_in_german(browser: Chromium, site: Site, key: str) -> None:
    """On a German page the widget speaks German, whatever the region; data-lang goes before it."""
    visit(browser, site.show(language="de-AT", collection="help", key=key, mode="extractive"))
    assert text_of(browser, "widget-launcher", WIDGET) == "Frage stellen"
    ask(browser)
    assert "Quellen geprüft" in text_of(browser, "widget-assurance", WIDGET).replace(
        "Quelle geprüft", "Quellen geprüft"
    )
    assert browser.run(f"{by('widget-panel', WIDGET)}.lang") == "de"

    visit(browser, site.show(language="de", lang="en", collection="help", key=key))
    assert text_of(browser, "widget-launcher", WIDGET) == "Ask a question"


def test_every_language_says_everything(browser: Chromium, service: str) -> None:
    """No language lacks a word that another has."""
    browser.open(f"{service}/")
    names = (
        "import('/web/widget/words.js').then(({wordsFor}) => ['en', 'de'].map(tag => { const names = (each, at) => "
        "Object.entries(each).flatMap(([name, value]) => typeof value === 'object' ? names(value, `${at}${name}.`) : "
        "`${at}${name}`); return names(wordsFor(tag).words, '').sort().join(); }))"
    )
    english, german = browser.run(names)

    assert english == german
    assert "troubles.unreachable" in english


def test_themes(browser: Chromium, site: Site, key: str) -> None:
    """Attributes and custom properties change the look; a dark theme holds on a light screen."""
    style = (
        "footnote-chat { --footnote-accent: rgb(120, 20, 60); --footnote-radius: 3px; --footnote-size: 18px }"
    )
    visit(
        browser, site.show(policy=False, style=style, collection="help", key=key, theme="dark", side="left")
    )
    browser.run(f"{by('widget-launcher', WIDGET)}.click()")

    panel = f"getComputedStyle({by('widget-panel', WIDGET)})"
    assert browser.run(f"{panel}.backgroundColor") == "rgb(24, 28, 32)"
    assert browser.run(f"{panel}.borderRadius") == "3px"
    assert browser.run(f"{panel}.fontSize") == "18px"
    assert browser.run(f"{by('widget-panel', WIDGET)}.getBoundingClientRect().left") == 20
    assert browser.run(f"getComputedStyle({by('widget-send', WIDGET)}).backgroundColor") == "rgb(120, 20, 60)"

    visit(
        browser,
        site.show(collection="help", key=key, target="#place", title="The museum's guide", accent="#084"),
    )
    assert browser.run(f"{by('widget-launcher', WIDGET)}") is None
    assert browser.run("document.querySelector('#place footnote-chat') !== null") is True
    assert "The museum's guide" in text_of(browser, "widget-panel", WIDGET)
    assert browser.run(f"getComputedStyle({by('widget-send', WIDGET)}).backgroundColor") == "rgb(0, 136, 68)"


def test_refused_humanely(browser: Chromium, service: str, site: Site) -> None:
    """Another origin, a revoked key, another collection, too many questions: a sentence for people, no code, no key."""
    elsewhere = key_for(service, "https://elsewhere.example")["token"]
    revoked = key_for(service, site.address)
    httpx.delete(f"{service}/v1/keys/{revoked['id']}", headers=HEADER).raise_for_status()
    key_for(service, site.address)
    narrow = key_for(service, site.address, limits={"requests_per_minute": 1})["token"]
    for token, collection, kind, words in (
        (elsewhere, "help", "refused|unreachable", "not available on this page|cannot be reached"),
        (revoked["token"], "help", "refused|unreachable", "not available on this page|cannot be reached"),
        (narrow, "hostile", "unknown", "nothing to read yet"),
        (narrow, "help", "tooMany", r"Too many questions at once\. Please try again in \d+ seconds"),
    ):
        visit(browser, site.show(collection=collection, key=token, mode="extractive"))
        ask(browser)

        assert state(browser) == "broken"
        assert re.fullmatch(kind, browser.run(f"{by('widget-fault', WIDGET)}.dataset.kind"))
        assert re.search(words, text_of(browser, "widget-fault", WIDGET))
        assert token not in browser.shown()


def test_an_answer_that_breaks_is_no_answer(
    browser: Chromium, site: Site, key: str, gateway: ScriptedGateway
) -> None:
    """What came stays, marked as unfinished; trying again gives the whole."""

    def says(sent: dict[str, Any]) -> str:
        cited = re.search(r'<source key="(\w+)"', sent["messages"][0]["content"])
        assert cited
        return f"{FACT} [{cited[1]}] Tickets are sold at the door. [{cited[1]}] And there is more"

    gateway.play(Scene.answer(says, ending="cut"))
    visit(browser, site.show(collection="help", key=key, mode="generative"))
    ask(browser)

    assert state(browser) == "broken"
    assert browser.run(f"{by('widget-fault', WIDGET)}.getAttribute('role')") == "alert"
    assert browser.run(f"{by('widget-assurance', WIDGET)}") is None
    assert browser.run(f"{by('widget-rating', WIDGET)}") is None
    gateway.play(Scene.answer(lambda sent: says(sent).removesuffix(" And there is more")))
    browser.run(f"{by('widget-retry', WIDGET)}.click()")
    browser.wait_for(f"{by('widget-turn', WIDGET)}.dataset.state === 'done'")
    assert FACT in text_of(browser, "widget-answer", WIDGET)


def test_a_follow_up_brings_what_was_said(browser: Chromium, site: Site, key: str) -> None:
    """The second question carries the first turn, or the conversation that the service keeps of it."""
    visit(browser, site.show(collection="help", key=key, mode="extractive"))
    ask(browser)
    browser.write("And what do tickets cost?")
    browser.press("Enter")
    browser.wait_for(f"{WIDGET}.querySelectorAll('[data-state=done], [data-state=abstained]').length === 2")

    asked = [
        json.loads(each["params"]["request"]["postData"])
        for each in browser.events
        if each["method"] == "Network.requestWillBeSent" and each["params"]["request"]["method"] == "POST"
    ]
    first, second = (each for each in asked if "question" in each)
    assert first["history"] == []
    assert second.get("conversation_id") or [each["role"] for each in second["history"]] == [
        "user",
        "assistant",
    ]
    if "history" in second:
        assert not re.search(r"\[\d+\]", second["history"][1]["content"])


def test_hostile_documents_stay_text(browser: Chromium, service: str, site: Site) -> None:
    """Markup in a title and in a quote is shown as its letters: no element, no request, no script."""
    token = key_for(service, site.address, collection="hostile")["token"]
    visit(browser, site.show(policy=False, collection="hostile", key=token, mode="extractive"))
    ask(browser)
    browser.run(f"({by('widget-footnote', WIDGET)} ?? {by('widget-source', WIDGET)}).click()")
    time.sleep(0.3)

    assert "<img src=http://attacker.example/img" in text_of(browser, "widget-sheet", WIDGET)
    made = f"{WIDGET}.querySelectorAll('img,script,iframe,object,embed,video,a,link,style,base').length"
    assert browser.run(made) == 0
    assert browser.run("typeof window.pwned") == "undefined"
    assert foreign(browser, service, site.address) == []


@pytest.mark.parametrize("dark", [False, True])
def test_audit_of_accessibility(browser: Chromium, site: Site, key: str, dark: bool) -> None:
    """Closed, open, with an answer, with a quote, refused: axe finds nothing wrong."""
    axe = find_axe()
    if axe is None:
        pytest.skip(MISSING)
    browser.prefer(dark=dark, still=True)
    found = {}
    visit(
        browser, site.show(collection="help", key=key, mode="extractive", suggestions="What do tickets cost?")
    )
    found["closed"] = audit(browser, axe)
    browser.run(f"{by('widget-launcher', WIDGET)}.click()")
    found["open"] = audit(browser, axe)
    ask(browser)
    found["answered"] = audit(browser, axe)
    browser.run(f"{by('widget-no', WIDGET)}.click()")
    browser.wait_for(by("widget-comment-send", WIDGET))
    found["rated"] = audit(browser, axe)
    browser.run(f"{by('widget-footnote', WIDGET)}.click()")
    found["quote"] = audit(browser, axe)
    browser.viewport(360, 740, phone=True)
    found["phone"] = audit(browser, axe)
    visit(browser, site.show(collection="other", key=key))
    ask(browser)
    found["refused"] = audit(browser, axe)

    # The page around it has no landmarks of ours to answer for: a floating widget stands outside of its main part.
    assert [each for each in found.items() if any(one.rule != "region" for one in each[1])] == []
