"""The page and the service agree on the names that they share."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.errors import IngestError
from rag.confidence import load_calibration, retrieval_signals, sufficiency_signals

WEB = Path(__file__).resolve().parents[2] / "api" / "web"


def test_the_page_has_words_for_every_signal() -> None:
    """A confidence is explained in words: each signal that the service computes has some on the page."""
    computed = {
        *retrieval_signals([]),
        *sufficiency_signals("Why?", [], "", [], {}),
        *load_calibration().signals,
        *("support", "unsupported_share", "invented_keys", "altered_quotes"),
        *("dropped_share", "rewritten_share", "disagreements"),
    }
    source = (WEB / "text.js").read_text()
    table = source.split("const SIGNALS = {", 1)[1].split("};", 1)[0]

    assert set(re.findall(r"^\s*(\w+):", table, re.MULTILINE)) == computed


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """No file of the page refers to another origin; what stands in comments is for people."""
    loading = re.compile(r"(?:src|href|action|url\(|fetch\(|from|import|@import)[\s=(\"'`]*https?://")

    assert loading.search('<script src="https://example.org/x.js">')
    for path in _scripts(""):
        assert not loading.search(path.read_text()), path.name


def test_data_never_becomes_markup() -> None:
    """No script of page or widget takes one of the ways from a text to elements or to code."""
    making = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    )
    running = re.compile(r"\beval\(|new Function|setTimeout\(\s*[\"'`]|\.srcdoc|javascript:")

    assert making.search("node.innerHTML = title")
    scripts = _scripts(".js")
    assert len(scripts) > 30
    for path in scripts:
        assert not making.search(path.read_text()), path.name
        assert not running.search(path.read_text()), path.name


def test_the_page_says_what_to_do_about_every_failure() -> None:
    """Each code that a document can fail with has words and advice."""
    table = (WEB / "text.js").read_text().split("const FAILURES = {", 1)[1].split("\n};", 1)[0]
    told = set(re.findall(r"^  (\w+): \{", table, re.MULTILINE))
    codes = {each.code for each in _all_subclasses(IngestError)} - {"page_not_found", "parse_error"}

    assert told == codes


def test_the_table_of_the_widgets_theme_is_the_widgets() -> None:
    """docs/widget.md lists every attribute and every custom property that the widget reads, and no other."""
    page = (WEB.parents[1] / "docs" / "widget.md").read_text()
    properties = set(re.findall(r"var\((--footnote-[\w-]+)", (WEB / "widget" / "look.js").read_text()))
    attributes = {
        "data-" + re.sub("[A-Z]", lambda found: "-" + found[0].lower(), name)
        for name in re.findall(r"dataset\.(\w+)", (WEB / "widget" / "config.js").read_text())
    }

    assert set(re.findall(r"^\| `(--footnote-[\w-]+)`", page, re.MULTILINE)) == properties
    assert set(re.findall(r"^\| `(data-[\w-]+)`", page, re.MULTILINE)) == attributes


def _scripts(suffix: str) -> list[Path]:
    return [path for path in WEB.rglob(f"*{suffix}") if path.is_file()]


def _all_subclasses(base: type[IngestError]) -> list[type[IngestError]]:
    return [each for sub in base.__subclasses__() for each in (sub, *_all_subclasses(sub))]
