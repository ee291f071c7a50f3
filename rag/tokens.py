"""How many tokens of a language model a text takes, counted with tiktoken, without any download.

tiktoken fetches its vocabulary at first use. Here it is looked for in ``TIKTOKEN_CACHE_DIR`` and in packages
that carry it; without one, the count is the number of UTF-8 bytes, because each token of a byte-level BPE
(https://github.com/openai/tiktoken) stands for at least one byte: never too low.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# tiktoken names a cached vocabulary by the SHA-1 of the address it comes from.
_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
# By preference: the vocabulary of the gpt-4o and gpt-4.1 models, then their predecessors', which splits
# English text into a few per cent more tokens and so is not too low either. With each, the SHA-256 of its file:
# one that has another tiktoken would delete, and download again.
_ENCODINGS = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
# Packages known to carry vocabularies under tiktoken's own cache names: (package, folder inside it).
_CARRIERS = (
    ("litellm", "litellm_core_utils/tokenizers"),
    ("llama_index.core", "_static/tiktoken_cache"),
)


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts tokens, and says how."""

    source: str
    count: Callable[[str], int]


def token_counter() -> TokenCounter:
    """The most exact counter that needs no network."""
    for name, sha256 in _ENCODINGS.items():
        cached = hashlib.sha1(_ADDRESS.format(name).encode(), usedforsecurity=False).hexdigest()
        for folder in _folders():
            if _is_intact(folder / cached, sha256):
                return TokenCounter(f"tiktoken {name}", _tiktoken(name, folder))
    return TokenCounter("UTF-8 bytes (no tiktoken vocabulary found)", lambda text: len(text.encode()))


def _is_intact(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _folders() -> list[Path]:
    found = [Path(named) for named in (os.environ.get("TIKTOKEN_CACHE_DIR"),) if named]
    for package, folder in _CARRIERS:
        top = importlib.util.find_spec(package.split(".", maxsplit=1)[0])
        places = (top.submodule_search_locations or ()) if top else ()
        found += [Path(place, *package.split(".")[1:], folder) for place in places]
    return found


def _tiktoken(name: str, folder: Path) -> Callable[[str], int]:
    import tiktoken  # noqa: PLC0415 - only worth its time when a vocabulary is there.

    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        encoding = tiktoken.get_encoding(name)
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before
    # Markers of special tokens in a document are ordinary text.
    return lambda text: len(encoding.encode(text, disallowed_special=()))
