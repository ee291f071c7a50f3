"""A browser where there is one, and a loud word where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api import logs
from tests.browser.chromium import find_browser

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

MISSING = (
    "No browser here: install chromium (apt-get install chromium), or name one in FOOTNOTE_BROWSER. What the page does "
    "with hostile content was NOT checked."
)


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Only what went wrong is logged, as the command line would set it up."""
    logs.configure("error")


@pytest.fixture(scope="session")
def program() -> str:
    """Path of the browser."""
    found = find_browser()
    if found is None:
        pytest.skip(MISSING)
    return found


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say at the end, where it is read, that these tests did not run."""
    if find_browser() is None:
        terminalreporter.section("browser tests skipped", sep="!", red=True, bold=True)
        terminalreporter.line(MISSING)
