"""The page and the service agree on the names that they share."""

from __future__ import annotations

import re
from pathlib import Path

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
    for path in WEB.iterdir():
        assert not loading.search(path.read_text()), path.name
