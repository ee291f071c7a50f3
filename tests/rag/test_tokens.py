"""Tokens are counted without any download, and never too few."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiktoken import Encoding

from rag.tokens import token_counter

if TYPE_CHECKING:
    from pathlib import Path

# Where tiktoken looks for the vocabulary of o200k_base, by the address that it comes from.
ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
CACHED = hashlib.sha1(ADDRESS.encode()).hexdigest()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TIKTOKEN_CACHE_DIR with nothing in it."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return tmp_path


def byte_pairs() -> Encoding:
    """A byte-level BPE with a few merges: what every vocabulary of tiktoken is, only smaller."""
    ranks = {bytes([value]): value for value in range(256)}
    ranks |= {
        pair: 256 + number for number, pair in enumerate((b"th", b"the", b" the", b"in", b"ing", b"\xc3\xa4"))
    }
    return Encoding("tiny", pat_str=r"\s?\S+|\s+", mergeable_ranks=ranks, special_tokens={})


def test_without_a_vocabulary_bytes_are_counted_and_it_says_so(empty_cache: Path) -> None:
    """The service starts, counts, and tells its operator how."""
    counter = token_counter()

    assert "UTF-8 bytes" in counter.source
    assert counter.count("Höhe 😀") == 10
    assert counter.count("") == 0


@given(st.text(max_size=60))
def test_bytes_are_never_too_few(text: str) -> None:
    """No byte-level vocabulary splits a text into more tokens than it has bytes."""
    assert len(byte_pairs().encode(text, disallowed_special=())) <= len(text.encode())


def test_a_vocabulary_that_is_not_the_published_one_is_left_alone(empty_cache: Path) -> None:
    """A damaged file in the cache is neither used nor deleted nor downloaded again."""
    lines = [base64.b64encode(bytes([value])) + b" %d" % value for value in range(256)]
    damaged = empty_cache / CACHED
    damaged.write_bytes(b"\n".join(lines))

    counter = token_counter()

    assert "UTF-8 bytes" in counter.source
    assert damaged.read_bytes() == b"\n".join(lines)


def test_a_folder_of_that_name_is_no_vocabulary(empty_cache: Path) -> None:
    """What stands in the cache and is no file does not stop the service."""
    (empty_cache / CACHED).mkdir()

    assert "UTF-8 bytes" in token_counter().source
