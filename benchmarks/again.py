"""What costs nothing twice: a corpus that is uploaded again, and a long document of which a paragraph was edited.

    python -m benchmarks.again DATA [--kb 2000] [--rounds 3]

Over HTTP, with the model warm. The clock runs from the first upload to the last document that is ready. The long
document is made of contracts laid end to end, 3,000 characters a page; in each round another paragraph of it is edited.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.client import Client, Json, Upload
from benchmarks.ingestion import some
from benchmarks.report import Checks, add_result_argument, data_folder, print_table, progress, write_result
from benchmarks.server import DEFAULT_COMMAND, ROOT, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES, PAGE_CHARS = 300, 3_000
SAME, EDITED = "the same corpus again is 200 times as fast", "an edited paragraph takes 3 % of the first time"
LEAST_TIMES, MOST_SHARE = 200.0, 0.03
PARAGRAPH = (
    "This paragraph was written anew. It says, as version {number} does, what the parties owe each other."
)
_POLL_S = 0.01
# Files in one request.
_TOGETHER = 10


def edited(text: str, number: int) -> str:
    """A text with one of its paragraphs in other words, each number another paragraph."""
    paragraphs = text.split("\n\n")
    at = len(paragraphs) * (2 * number + 1) // 11 % len(paragraphs)
    return "\n\n".join([*paragraphs[:at], PARAGRAPH.format(number=number), *paragraphs[at + 1 :]])


def seconds(client: Client, files: Sequence[Upload], collection: str) -> float:
    """From the first upload to the last document that is ready.

    Raises:
        SystemExit: One is not.
    """
    waiting: list[str] = []
    began = time.perf_counter()
    for at in range(0, len(files), _TOGETHER):
        # What is ready at once is said to be so in the answer.
        documents = client.upload(files[at : at + _TOGETHER], collection)
        waiting += [each["id"] for each in documents if each["status"] != "ready"]
    for each in waiting:
        state = client.wait_final([each], timeout_s=3600, interval_s=_POLL_S)[each]
        if state["status"] != "ready":
            raise SystemExit(f"Not ready: {state}")
    return time.perf_counter() - began


def measure(client: Client, corpus: Sequence[Upload], text: str, rounds: int) -> Json:
    """Both, the later times as medians over rounds."""
    seconds(client, [Upload("warm.txt", b"A warm word. " * 200)], "warm")
    progress(f"a corpus of {len(corpus)} documents")
    first = seconds(client, corpus, "corpus")
    again = [seconds(client, corpus, "corpus") for _ in range(rounds)]
    progress(f"a document of {PAGES} pages")
    whole = seconds(client, [Upload("long.txt", text.encode())], "long")
    parts = []
    for number in range(rounds):
        progress(f"edit {number + 1} of {rounds}")
        parts.append(seconds(client, [Upload("long.txt", edited(text, number).encode())], "long"))
    document = client.documents("long")[0]
    return {
        "corpus_kb": round(sum(len(each.data) for each in corpus) / 1000),
        "first_s": round(first, 3),
        "again_s": round(statistics.median(again), 4),
        "times": round(first / statistics.median(again), 1),
        "document_kb": round(len(text.encode()) / 1000),
        "document_passages": document["passages"],
        "document_first_s": round(whole, 3),
        "edited_s": round(statistics.median(parts), 3),
        "edited_share": round(statistics.median(parts) / whole, 4),
    }


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--kb", type=int, default=2000, help="of the corpus; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    add_result_argument(parser, "again")
    options = parser.parse_args()
    contracts = sorted((options.data / "cuad" / "txt").glob("*.txt"))
    if not contracts:
        raise SystemExit(f"{options.data} lacks cuad/txt: give the folder of the evaluation data.")
    corpus = [Upload(path.name, path.read_bytes()) for path in some(contracts, options.kb * 1000)]
    # Not those of the corpus.
    rest = "\n\n".join(path.read_text(encoding="utf-8") for path in contracts[::-1])
    text = rest[: PAGES * PAGE_CHARS]
    with (
        tempfile.TemporaryDirectory() as scratch,
        Server(DEFAULT_COMMAND, Path(scratch) / "data") as server,
        Client(server.url) as client,
    ):
        found = measure(client, corpus, text, options.rounds)
    checks = Checks()
    checks.see(SAME, found["times"] >= LEAST_TIMES, f"{found['times']} times")
    checks.see(EDITED, found["edited_share"] < MOST_SHARE, f"{found['edited_share']:.1%}")
    print_table(["figure", "value"], [[name, value] for name, value in found.items()])
    checks.show()
    body = {"passed": checks.passed, "figures": found, "checks": checks.as_json()}
    write_result(options.out, "again", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())
