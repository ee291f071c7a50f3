"""Takes the pictures in docs/images anew: ``python -m tests.browser.pictures``. Needs a browser and half a minute."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import httpx
from PIL import Image
from pydantic import SecretStr

from api.settings import Settings
from tests.api.server import serving, wait_until_ready
from tests.api.tenants import ADMIN, bearer
from tests.browser.chromium import Chromium, find_browser
from tests.browser.helpers import WIDGET, Site, by

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
HANDBOOK = ("membership.md", "lending-rules.html", "annual-report.pdf", "safety-manual.docx")
QUESTION = "How many loans did the library make in 2025?"
# Few colours are in the pictures, so a palette loses nothing that is seen.
COLOURS = 256


def main() -> None:
    """Take all of them.

    Raises:
        RuntimeError: There is no browser.
    """
    program = find_browser()
    if program is None:
        raise RuntimeError("No browser was found: install chromium, or name one in FOOTNOTE_BROWSER.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data=Path(folder), admin_key=SecretStr(ADMIN))  # type: ignore[call-arg]
        with (
            serving(settings) as url,
            httpx.Client(base_url=url, timeout=120, headers=bearer(ADMIN)) as client,
        ):
            wait_until_ready(client)
            for name in HANDBOOK:
                file = (name, (ROOT / "docs" / "handbook" / name).read_bytes())
                client.post("/v1/documents", files={"file": file}, data={"wait": "true"}).raise_for_status()
            with Chromium(program) as browser:
                _page(browser, url)
                _widget(browser, url, client)


def _page(browser: Chromium, url: str) -> None:
    browser.prefer(still=True)
    browser.viewport(1280, 800)
    browser.open(f"{url}/web/icon.svg")
    browser.run(f"sessionStorage.setItem('footnote-key', '{ADMIN}')")
    browser.open(f"{url}/")
    browser.wait_for("document.querySelectorAll('[data-testid=document]').length === 4")
    browser.run(f"{by('question')}.focus()")
    browser.write(QUESTION)
    browser.press("Enter")
    browser.wait_for(by("facts"))
    browser.run(f"{by('footnote')}.click()")
    browser.wait_for(f"{by('page-image')} && {by('quote')}")
    _take(browser, "page")
    browser.run(f"{by('trace-button')}.click()")
    browser.wait_for(by("trace-timings"))
    _take(browser, "trace")
    browser.press("Escape")
    browser.prefer(dark=True, still=True)
    browser.viewport(360, 740, phone=True)
    _take(browser, "phone")


def _widget(browser: Chromium, url: str, client: httpx.Client) -> None:
    site = Site(url)
    body = {"name": "pictures", "scopes": ["publishable:default"], "origins": [site.address]}
    token = client.post("/v1/keys", json=body).raise_for_status().json()["token"]
    style = "body { margin: 3rem; max-width: 34rem; font: 1.1rem/1.6 Georgia, serif; color: #333 } a { color: inherit }"
    browser.prefer(still=True)
    browser.viewport(900, 720)
    browser.open(site.show(policy=False, style=style, collection="default", key=token, mode="extractive"))
    browser.wait_for("document.querySelector('footnote-chat')?.shadowRoot?.querySelector('[data-testid]')")
    browser.run(f"{by('widget-launcher', WIDGET)}.click()")
    browser.write(QUESTION)
    browser.press("Enter")
    browser.wait_for(f"{by('widget-turn', WIDGET)}?.dataset.state === 'done'")
    _take(browser, "widget")
    site.shutdown()
    site.server_close()


def _take(browser: Chromium, name: str) -> None:
    # What is focused and what moves comes to rest first.
    time.sleep(0.5)
    path = IMAGES / f"{name}.png"
    browser.screenshot(path)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
