"""Does every file end within its bounds, however it was made?

    python -m benchmarks.bombs [DATA] [--short] [--seed 7] [--uploads 1000]

Makes archives, PDFs and texts that loop, inflate, nest and lie, uploads them one by one to a server of its own, with a
harmless file beside each, and then those of DATA/doc_pile where DATA is given. Each must end as ready or with one of
the codes that it may end with, in time; meanwhile /livez is asked every 20 ms. Then it replaces twenty documents again
and again and looks whether the service's memory grows. ``--short`` makes the bombs smaller where size is not the point,
and lowers the parser's time limit.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.bombs import archives, pdfs, texts
from benchmarks.bombs.kinds import READY, REFUSED
from benchmarks.bombs.watch import Watch, resident_mib
from benchmarks.report import (
    Checks,
    add_result_argument,
    data_folder,
    percentile,
    print_table,
    progress,
    write_result,
)
from benchmarks.server import DEFAULT_COMMAND, ROOT, Server, fresh_data_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bombs.kinds import Bomb

OUTCOME = "ends ready, or with a code that it may end with"
IN_TIME = "ends in time"
BESIDE = "a harmless file beside it is ready"
UNREAD = "nothing of the machine is in the text"
ALIVE = "p99 of /livez is under 100 ms"
FLAT = "memory is flat over many uploads"
COLLECTION = "bombs"
# Seconds for chunking and embedding what was read, after the parser's own limit.
ALLOWANCE_S = 240.0
LIVEZ_MS = 100.0
# Documents that are replaced again and again, and how much the service may grow over all replacements.
KEPT, GROWTH_SHARE, GROWTH_MIB = 20, 0.05, 30.0


def main() -> int:
    """Runs everything; 1 when a check failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "data", nargs="?", type=data_folder, help="folder with doc_pile, for real difficult files"
    )
    parser.add_argument("--short", action="store_true", help="minutes instead of most of an hour")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--uploads", type=int, help="default: 1000, or 120 with --short")
    parser.add_argument("--only", default="", help="crafted files whose name holds this")
    parser.add_argument("--server", default=DEFAULT_COMMAND, metavar="CMD", help="default: %(default)s")
    parser.add_argument("--data-dir", type=Path)
    add_result_argument(parser, "bombs")
    arguments = parser.parse_args()
    timeout_s = 20.0 if arguments.short else 120.0
    # The server inherits these.
    os.environ |= {"FOOTNOTE_PARSE_TIMEOUT_S": str(timeout_s), "FOOTNOTE_PARSE_CPU_S": str(timeout_s)}
    os.environ |= {"FOOTNOTE_EMBED_TIMEOUT_S": str(ALLOWANCE_S / 2)}
    os.environ |= {"FOOTNOTE_MAX_QUEUED": "100000", "FOOTNOTE_LOG_LEVEL": "warning"}
    size = 1 if arguments.short else 3
    uploads = arguments.uploads if arguments.uploads is not None else 120 if arguments.short else 1000
    bombs = [b for b in (*archives.BOMBS, *pdfs.BOMBS, *texts.BOMBS) if arguments.only in b.name]

    checks, chance = Checks(), random.Random(arguments.seed)
    checks.expect(OUTCOME, IN_TIME, BESIDE, ALIVE)
    with fresh_data_dir(arguments.data_dir) as data:
        server = Server(arguments.server, data, cwd=ROOT)
        with server, httpx.Client(base_url=server.url, timeout=300, trust_env=False) as client:
            confined = client.get("/readyz").json()["parts"].get("parser", "unknown")
            quiet = _quiet(server)
            rows = [_crafted(client, server, bomb, chance, size, timeout_s, checks) for bomb in bombs]
            if arguments.data is not None:
                rows.append(_pile(client, server, arguments.data / "doc_pile", timeout_s, checks))
            memory = _memory(client, server, uploads, chance, checks) if uploads else {}
        stopped = server.stop()
    print_table(
        ["file", "bytes", "ended as", "s", "livez p99 ms", "max", "MiB"],
        [
            [r["name"], r["bytes"], r["ended"], r["seconds"], r["livez_p99_ms"], r["livez_max_ms"], r["mib"]]
            for r in rows
        ],
    )
    alive = [ms for row in rows for ms in row.pop("livez_ms")]
    p99 = percentile(alive, 0.99)
    checks.see(
        ALIVE, p99 < LIVEZ_MS, f"{p99:.0f} ms over {len(alive)} answers; {quiet:.0f} ms with nothing to do"
    )
    print(f"\n/livez: p99 {p99:.1f} ms of {len(alive)} answers, {quiet:.1f} ms before; parser {confined}")
    if memory:
        print(f"memory: {memory['first_mib']:.0f} MiB, and {memory['last_mib']:.0f} after {uploads} uploads")
    checks.show()
    found = {
        "parser": confined,
        "seed": arguments.seed,
        "short": arguments.short,
        "livez_quiet_p99_ms": quiet,
    }
    found |= {
        "livez_p99_ms": p99,
        "memory": memory,
        "exit_status": stopped,
        "files": rows,
        "checks": checks.as_json(),
    }
    write_result(arguments.out, "bombs", ROOT, found)
    return 0 if checks.passed else 1


def _quiet(server: Server) -> float:
    """What /livez takes when the service has nothing to do."""
    with Watch(server) as watch:
        time.sleep(3)
    return percentile(watch.livez_ms, 0.99)


def _crafted(
    client: httpx.Client,
    server: Server,
    bomb: Bomb,
    chance: random.Random,
    size: int,
    timeout_s: float,
    checks: Checks,
) -> dict[str, Any]:
    content = bomb.make(chance, size)
    with Watch(server) as watch:
        started = time.monotonic()
        documents = _upload(client, bomb.filename, content)
        beside = _upload(
            client, f"beside {bomb.filename}.md", f"# Beside\n\nHarmless beside {bomb.name}.".encode()
        )
        ended = [_final(client, each["id"], timeout_s + ALLOWANCE_S) for each in documents]
        seconds = time.monotonic() - started
        harmless = _final(client, beside[0]["id"], timeout_s + ALLOWANCE_S)
    codes = sorted({_code(each) for each in ended})
    checks.see(
        OUTCOME,
        bool(codes) and set(codes) <= bomb.outcomes,
        f"{bomb.name}: {codes}, not {sorted(bomb.outcomes)}",
    )
    checks.see(IN_TIME, seconds < timeout_s + ALLOWANCE_S, f"{bomb.name}: {seconds:.0f} s")
    checks.see(BESIDE, _code(harmless) == READY, f"{bomb.name}: {_code(harmless)}")
    if bomb.forbidden:
        stored = "".join(
            client.get(f"/v1/documents/{each['id']}/text").text for each in ended if _code(each) == READY
        )
        checks.see(UNREAD, bomb.forbidden not in stored, f"{bomb.name}: {bomb.forbidden!r} is in the text")
    _forget(client, [*documents, *beside])
    return _row(bomb.name, len(content), ", ".join(codes), seconds, watch)


def _pile(
    client: httpx.Client, server: Server, folder: Path, timeout_s: float, checks: Checks
) -> dict[str, Any]:
    """Real files: damaged, encrypted, textless and unreadable ones among them."""
    files = sorted(each for each in folder.rglob("*") if each.is_file() and each.name != "MANIFEST.jsonl")
    counts: dict[str, int] = {}
    total = 0
    with Watch(server) as watch:
        started = time.monotonic()
        documents = []
        for path in files:
            content = path.read_bytes()
            total += len(content)
            documents += _upload(client, path.name, content)
        for document in documents:
            code = _code(_final(client, document["id"], timeout_s * 10 + ALLOWANCE_S))
            counts[code] = counts.get(code, 0) + 1
            checks.see(OUTCOME, code in {READY, *REFUSED}, f"{document['filename']}: {code}")
        seconds = time.monotonic() - started
    _forget(client, documents)
    ended = ", ".join(f"{code} {count}" for code, count in sorted(counts.items(), key=lambda each: -each[1]))
    return _row(f"doc_pile, {len(files)} files", total, ended, seconds, watch)


def _memory(
    client: httpx.Client, server: Server, uploads: int, chance: random.Random, checks: Checks
) -> dict[str, Any]:
    """Twenty documents replaced again and again, every tenth by a file that cannot be read."""
    held: list[float] = []
    for number in range(uploads):
        name = f"kept {number % KEPT}.md"
        words = " ".join(f"word{chance.randrange(5000)}" for _ in range(200))
        content = f"# Number {number}\n\n{words}.".encode()
        if number % 10 == 9:
            name, content = "broken.pdf", b"%PDF-1.7 broken " + str(number).encode()
        (document,) = _upload(client, name, content)
        _final(client, document["id"], 120)
        held.append(resident_mib(server.pid))
        if number % 50 == 0:
            progress(f"upload {number}: {held[-1]:.0f} MiB")
    quarter = max(1, uploads // 4)
    # The first quarter warms caches and pools up.
    first, last = percentile(held[quarter : 2 * quarter], 0.5), percentile(held[-quarter:], 0.5)
    most = max(first * GROWTH_SHARE, GROWTH_MIB)
    checks.see(FLAT, last - first <= most, f"{first:.0f} -> {last:.0f} MiB over {uploads} uploads")
    return {"uploads": uploads, "first_mib": first, "last_mib": last, "every_tenth_mib": held[::10]}


def _upload(client: httpx.Client, filename: str, content: bytes) -> list[dict[str, Any]]:
    response = client.post(
        "/v1/documents", files={"file": (filename, content)}, data={"collection": COLLECTION}
    )
    if response.status_code != httpx.codes.ACCEPTED:
        return [{"id": "", "filename": filename, "status": f"HTTP {response.status_code}", "error": None}]
    found: list[dict[str, Any]] = response.json()["documents"]
    return found


def _final(client: httpx.Client, document_id: str, patience_s: float) -> dict[str, Any]:
    until = time.monotonic() + patience_s
    while True:
        response = client.get(f"/v1/documents/{document_id}") if document_id else None
        if response is None or response.status_code != httpx.codes.OK:
            status = "refused" if response is None else f"HTTP {response.status_code}"
            return {"id": document_id, "status": status, "error": None}
        document: dict[str, Any] = response.json()
        if document["status"] in ("ready", "failed") or time.monotonic() > until:
            return document
        time.sleep(0.1)


def _code(document: dict[str, Any]) -> str:
    return str(document["error"]["code"] if document["error"] else document["status"])


def _forget(client: httpx.Client, documents: Sequence[dict[str, Any]]) -> None:
    for each in documents:
        if each["id"]:
            client.delete(f"/v1/documents/{each['id']}")


def _row(name: str, size: int, ended: str, seconds: float, watch: Watch) -> dict[str, Any]:
    progress(f"{name}: {ended} in {seconds:.1f} s")
    return {
        "name": name,
        "bytes": size,
        "ended": ended,
        "seconds": round(seconds, 1),
        "livez_p99_ms": round(percentile(watch.livez_ms, 0.99), 1),
        "livez_max_ms": round(max(watch.livez_ms, default=0.0), 1),
        "mib": round(watch.most_mib),
        "livez_ms": watch.livez_ms,
    }


if __name__ == "__main__":
    sys.exit(main())
