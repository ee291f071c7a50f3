"""What the tests of page and widget share: finding elements, using the keyboard, and pages of other sites."""

from __future__ import annotations

import html
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from fpdf import FPDF

if TYPE_CHECKING:
    from tests.browser.chromium import Chromium

FACT = "The museum opens at ten o'clock on Sundays."
QUESTION = "When does the museum open on Sundays?"
# The widget's shadow root.
WIDGET = "document.querySelector('footnote-chat').shadowRoot"


def by(name: str, root: str = "document") -> str:
    """A script for the first element of that test id."""
    return f"{root}.querySelector('[data-testid=\"{name}\"]')"


def text_of(browser: Chromium, name: str, root: str = "document") -> str:
    """The words of an element."""
    return str(browser.run(f"{by(name, root)}.textContent"))


def focused(browser: Chromium) -> str:
    """The test id, the id or the tag of what has the focus, inside a shadow root too."""
    return str(
        browser.run(
            "(() => { let at = document.activeElement; while (at?.shadowRoot?.activeElement) at = "
            "at.shadowRoot.activeElement; return at?.dataset?.testid || at?.id || at?.tagName || ''; })()"
        )
    )


def tab_to(browser: Chromium, name: str, most: int = 60) -> None:
    """Press Tab until something of that test id or id has the focus.

    Raises:
        AssertionError: It never gets it.
    """
    seen = []
    for _ in range(most):
        browser.press("Tab")
        seen.append(focused(browser))
        if seen[-1] == name:
            return
    raise AssertionError(f"{name} cannot be reached with the Tab key; the focus went to {seen}")


def foreign(browser: Chromium, *origins: str) -> list[str]:
    """Requests to anywhere but these origins."""
    inside = (*(f"{each}/" for each in origins), "data:", "blob:", "about:")
    return [url for url in browser.requests() if not f"{url}/".startswith(inside)]


def faults(browser: Chromium) -> list[str]:
    """What scripts threw, and what a content policy refused."""
    thrown = [
        each["params"]["exceptionDetails"].get("exception", {}).get("description", "?")
        for each in browser.events
        if each["method"] == "Runtime.exceptionThrown"
    ]
    logged = [each["params"]["entry"] for each in browser.events if each["method"] == "Log.entryAdded"]
    return thrown + [each["text"] for each in logged if each["source"] == "security"]


def overflow(browser: Chromium) -> int:
    """CSS pixels by which the page is wider than its window."""
    return int(browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def pdf_of(*pages: str) -> bytes:
    """A PDF with these pages."""
    pdf = FPDF(format="A4")
    pdf.set_font("helvetica", size=12)
    for page in pages:
        pdf.add_page()
        pdf.multi_cell(0, text=page)
    return bytes(pdf.output())


class Site(ThreadingHTTPServer):
    """A page of another site that carries the widget, under a policy that allows it the service and nothing else.

    Attributes:
        address: Its origin.
        page: What the next visitor gets.
    """

    daemon_threads = True

    def __init__(self, service: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.page = ""
        self.policy = ""
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def show(
        self, *, language: str = "en", policy: bool = True, nonce: str = "", style: str = "", **data: str
    ) -> str:
        """Put the widget's script tag with these data- attributes into the page; gives its address."""
        given = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in data.items())
        scripts = f"'nonce-{nonce}'" if nonce else self.service
        self.policy = (
            f"default-src 'none'; script-src {scripts}; connect-src {self.service}; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
            if policy
            else ""
        )
        self.page = (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Museum</title>'
            f"{f'<style>{style}</style>' if style else ''}</head><body><main><h1>The museum</h1>"
            '<p>We show ships.</p><div id="place"></div><a href="#end">Directions</a></main>'
            f'<script src="{self.service}/widget.js" nonce="{nonce}" {given}></script></body></html>'
        )
        return f"{self.address}/"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        body = self.server.page.encode() if self.path == "/" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.server.policy:
            self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""
