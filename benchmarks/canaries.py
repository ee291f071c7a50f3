"""Deletes documents by the hundred and looks for their words everywhere: at once, after a restart, after a restore.

    python -m benchmarks.canaries --documents 1000 --seed 1

Each document holds a word of its own in its text, its title, its file name and its metadata. Each is uploaded with
an Idempotency-Key, searched, asked about, its answer and a backup kept; then all but a few are deleted. Looked at are
every GET route of the OpenAPI document with every id that was ever known, searches in all modes, answers and chat
completions, the answers kept before, the requests sent again with their keys, and the files of the data folder.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import deletion
from benchmarks.client import Client
from benchmarks.light import COMMAND
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import ROOT, Server, fresh_data_dir
from index.backup import back_up
from index.restore import restore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLLECTION = "canaries"
SHOWN = "before the deletion the word is found, so that the later looks can fail"
RECEIPT = "every deletion is answered with a receipt"
SEARCH = "no search returns a word of a deleted document"
ASK = "no answer shows one"
ROUTE = "no GET route of the OpenAPI document shows one"
REPLAY = "no request sent again with its key shows one, or brings the document back"
DISK = "no file of the data folder holds one, once the service has been idle"
OTHERS = "documents that were not deleted are still found"
EXPECTED = (SHOWN, RECEIPT, SEARCH, ASK, ROUTE, REPLAY, DISK, OTHERS)


@dataclass(slots=True)
class Canary:
    """A document, its word, and what refers to it."""

    number: int
    word: str
    id: str = ""
    answer: str = ""

    @property
    def filename(self) -> str:
        """Its file name, which holds the word too."""
        return f"{self.word}.md"

    @property
    def text(self) -> str:
        """Its text; the first heading becomes its title."""
        return (
            f"# Depot {self.word}\n\nThe crane at depot {self.word} was repaired {self.number} times.\n\n"
            f"Nobody but {self.word} knows where the key of gate {self.number} lies.\n"
        )

    def upload(self, client: Client) -> Any:
        """Send it, with its key: the first time and again."""
        return client.http.post(
            "/v1/documents",
            files={"file": (self.filename, self.text.encode())},
            data={"collection": COLLECTION, "metadata": f'{{"depot": "{self.word}"}}'},
            headers={"Idempotency-Key": f"canary-{self.number}"},
        )


def words_in(text: str, words: frozenset[str]) -> set[str]:
    """Which of the words a text holds, also in parts of longer ones."""
    return set(re.findall(r"qx[a-z]+qz", text)) & words


def prepare(client: Client, canaries: Sequence[Canary], checks: Checks, asked: int) -> None:
    """Upload all, wait, and see that each can be found; ask about some."""
    for canary in canaries:
        canary.id = canary.upload(client).raise_for_status().json()["documents"][0]["id"]
        progress(f"uploaded {canary.number + 1} of {len(canaries)}")
    client.wait_final([canaries[-1].id], timeout_s=1800)
    client.wait_final([canary.id for canary in canaries], timeout_s=1800)
    for canary in canaries:
        found = client.search(canary.word, COLLECTION, mode="lexical", top_k=5)
        shown = any(each["document_id"] == canary.id and canary.word in each["text"] for each in found)
        checks.see(SHOWN, shown, canary.word)
    for canary in canaries[:asked]:
        answer = client.ask(
            f"How often was the crane at depot {canary.word} repaired?", COLLECTION, mode="extractive"
        )
        canary.answer = answer["id"]
        checks.see(SHOWN, canary.word in str(answer), canary.word)


def look(
    client: Client, gone: Sequence[Canary], left: Sequence[Canary], checks: Checks, when: str, asked: int
) -> None:
    """Look for the words of deleted documents in every place that HTTP reaches."""
    words = frozenset(canary.word for canary in gone)
    paths = client.http.get("/openapi.json").json()["paths"]
    for canary in gone:
        for mode in ("lexical",) if canary.number % 10 else ("lexical", "dense", "hybrid"):
            passages = client.search(f"depot {canary.word}", COLLECTION, mode=mode, top_k=20)
            checks.see(SEARCH, not words_in(str(passages), words), f"{when}: {mode} {canary.word}")
        for path in routes(paths, canary):
            body = deletion.read_some(client, path)
            checks.see(ROUTE, not words_in(body, words), f"{when}: {path} {words_in(body, words)}")
        again = canary.upload(client)
        state = again.json()["documents"][0] if again.status_code == 202 else {}
        silent = state.get("status") == "deleted" and not words_in(again.text, words)
        checks.see(REPLAY, silent, f"{when}: {again.status_code} {again.text[:300]}")
        progress(f"{when}: looked for {canary.number + 1} of {len(gone)}")
    for canary in gone[:asked]:
        question = "How often was the crane repaired, and where does the key lie?"
        answer = client.ask(f"{question} Gate {canary.number}.", COLLECTION, mode="extractive")
        checks.see(ASK, not words_in(str(answer), words), f"{when}: {canary.word}")
        chat = client.http.post(
            "/v1/chat/completions",
            json={"model": COLLECTION, "messages": [{"role": "user", "content": f"Gate {canary.number}?"}]},
        )
        checks.see(ASK, not words_in(chat.text, words), f"{when}: chat, {canary.word}")
    for path in routes(paths, None):
        checks.see(ROUTE, not words_in(deletion.read_some(client, path), words), f"{when}: {path}")
    for canary in left:
        found = client.search(canary.word, COLLECTION, mode="lexical", top_k=5)
        held = any(each["document_id"] == canary.id for each in found)
        checks.see(OTHERS, held, f"{when}: {canary.word}")


def wait_until_cleared(data: Path, words: set[str], patience_s: float = 120.0) -> float:
    """Seconds until no file holds a word; the service makes its index by words anew when it is idle."""
    began = time.monotonic()
    while deletion.words_on_disk(data, words) and time.monotonic() - began < patience_s:
        time.sleep(1)
    return round(time.monotonic() - began, 1)


def routes(paths: dict[str, Any], canary: Canary | None) -> Iterator[str]:
    """Every GET route: those without an id, or those with one, filled with the canary's ids."""
    for path, operations in paths.items():
        names = re.findall(r"{(\w+)(?::\w+)?}", path)
        if "get" not in operations or bool(names) == (canary is None) or "name" in names:
            continue
        if canary is None:
            yield path
            yield f"{path}?collection={COLLECTION}&limit=1000"
            continue
        ids = [canary.id, canary.answer or "x"]
        choices = [["1"] if name in ("page", "n", "number") else ids for name in names]
        for values in itertools.product(*choices):
            yield re.sub(r"{\w+(?::\w+)?}", "{}", path).format(*values)


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1000, help="to delete; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the words; default: %(default)s")
    add_result_argument(parser, "canaries")
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    coined: set[str] = set()
    while len(coined) < arguments.documents + 5:
        coined.add(f"qx{''.join(source.choice('bdfgklmnprtv') + source.choice('aeiou') for _ in range(5))}qz")
    ordered = sorted(coined)
    source.shuffle(ordered)
    canaries = [Canary(number, word) for number, word in enumerate(ordered)]
    gone, left = canaries[: arguments.documents], canaries[arguments.documents :]
    words = {canary.word for canary in gone}
    asked = min(50, len(gone))
    checks = Checks()
    checks.expect(*EXPECTED)
    began = time.monotonic()
    with fresh_data_dir(None) as data, tempfile.TemporaryDirectory(prefix="footnote-") as temporary:
        server = Server(COMMAND, data)
        with server:
            with Client(server.url) as client:
                prepare(client, canaries, checks, asked)
                older = back_up(data, Path(temporary) / "backups")
                for canary in gone:
                    receipt = client.delete(canary.id)
                    checks.see(RECEIPT, receipt["deleted"] and receipt["removed"]["original"], str(receipt))
                    progress(f"deleted {canary.number + 1} of {len(gone)}")
                look(client, gone, left, checks, "at once", asked)
            server.kill()
            server.start()
            with Client(server.url) as client:
                look(client, gone, left, checks, "after a restart", asked)
            # The newer backup carries the list of what was deleted since the older one.
            back_up(data, Path(temporary) / "backups")
            cleared_s = wait_until_cleared(data, words)
            server.stop()
        on_disk = deletion.words_on_disk(data, words)
        restored = Path(temporary) / "restored" / "data"
        restore(older.folder, restored)
        again = Server(COMMAND, restored)
        with again, Client(again.url) as client:
            look(client, gone, left, checks, "after a restore of the older backup", asked)
        on_disk += [f"restored/{each}" for each in deletion.words_on_disk(restored, words)]
        checks.see(DISK, not on_disk, str(on_disk[:5]))
    figures = {
        "documents": len(gone),
        "seed": arguments.seed,
        "found": sum(len(each["failures"]) for each in checks.as_json() if each["name"] != SHOWN),
        "seconds_until_no_file_held_one": cleared_s,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
    checks.show()
    body = {"passed": checks.passed, "figures": figures, "files": on_disk, "checks": checks.as_json()}
    write_result(arguments.out, "canaries", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())
