"""Every crafted file of ``make bombs``, read by a parser with small ceilings: it ends, in time, with a known code."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from benchmarks.bombs import archives, pdfs, texts
from benchmarks.bombs.kinds import READY, REFUSED
from ingest.config import MEBIBYTE, ParseConfig
from ingest.errors import LimitExceeded, ParseError
from ingest.parse import Parser
from ingest.parsers.pdf.inflation import check_inflation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.bombs.kinds import Bomb

    Store = Callable[[bytes], Path]

TIMEOUT_S = 8.0
BOMBS = (*archives.BOMBS, *pdfs.BOMBS, *texts.BOMBS)


@pytest.fixture(scope="module")
def small() -> Iterator[Parser]:
    """A parser with eight seconds and 800 MiB for a file."""
    with Parser(ParseConfig(timeout_s=TIMEOUT_S, cpu_s=TIMEOUT_S, memory_bytes=800 * MEBIBYTE)) as parser:
        yield parser


@pytest.mark.parametrize("bomb", BOMBS, ids=[each.name for each in BOMBS])
def test_bomb(small: Parser, store: Store, bomb: Bomb) -> None:
    """Hostile rows 1 to 8, 12 and 13: it ends in time, as ready or with a code; the next file is read."""
    path = store(bomb.make(random.Random(7), 1))
    started = time.perf_counter()
    try:
        _, parsed = small.parse(path, bomb.filename)
        outcome = READY
        assert not bomb.forbidden or bomb.forbidden not in parsed.text
    except ParseError as error:
        outcome = error.code
    # Here an archive of files is one file, which is refused as that.
    assert outcome in bomb.outcomes | REFUSED
    assert time.perf_counter() - started < TIMEOUT_S + 5
    assert small.parse(store(b"harmless"), "x.txt")[1].text == "harmless"


def test_streams_are_counted_together() -> None:
    """CVE-2026-28351 and its like: streams below every limit of their own are over the one that they share."""
    few = pdfs.pages([pdfs.text(b"a" * 1000)] * 3)
    many = pdfs.pages([pdfs.text(b"a" * 1_000_000)] * 30)

    check_inflation(few, 10 * MEBIBYTE)
    with pytest.raises(LimitExceeded, match="together"):
        check_inflation(many, 10 * MEBIBYTE)


def test_what_is_no_stream_is_not_counted() -> None:
    """Damaged streams, images, and the word in a text are passed over."""
    check_inflation(b"%PDF-1.7\nstream\nendstream stream\r\n" * 1000, 100)
    image = pdfs.stream(b"x" * 1000, b"/Subtype/Image/Filter/FlateDecode")
    check_inflation(pdfs.pages([image]), 100)
    check_inflation(pdfs.pages([pdfs.stream(b"not deflated at all")]), 100)
