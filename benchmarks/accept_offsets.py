"""Do offsets mean what they say? Reference spans of chunking_chroma through ``/text``, to the letter.

python -m benchmarks.accept_offsets DATA
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.client import Client, ServiceError, Upload
from benchmarks.questions import read_rows
from benchmarks.report import (
    Checks,
    add_result_argument,
    data_folder,
    percentile,
    print_table,
    progress,
    require,
    write_result,
)
from benchmarks.server import add_server_arguments, session

if TYPE_CHECKING:
    from pathlib import Path

COLLECTION = "offsets"
WHOLE = "the whole text is the file, unchanged"
REFERENCE = "/text?start&end returns the reference"
BEYOND = "a range beyond the text is refused or cut, never padded"


def upload_corpora(client: Client, folder: Path, timeout_s: float) -> dict[str, str]:
    """Uploads every corpus; returns the document id by corpus name.

    Raises:
        SystemExit: A corpus could not be ingested.
    """
    files = sorted(folder.glob("*.md"))
    ids: dict[str, str] = {}
    for file in files:
        upload = Upload(file.name, file.read_bytes(), "text/markdown")
        ids[file.stem] = client.upload([upload], COLLECTION)[0]["id"]
    states = client.wait_final(ids.values(), timeout_s=timeout_s, progress=show_ingestion)
    for document_id, state in states.items():
        if state["status"] != "ready":
            raise SystemExit(
                f"{state['filename']} ({document_id}) ended as {state['status']}: {state['error']}"
            )
    return ids


def show_ingestion(done: int, total: int) -> None:
    """Progress of the upload."""
    progress(f"ingested {done} of {total}")


def run(client: Client, data: Path, timeout_s: float, checks: Checks) -> list[float]:
    """Checks every reference; returns the seconds of each request."""
    corpora = data / "chunking_chroma" / "corpora"
    ids = upload_corpora(client, corpora, timeout_s)
    texts = {name: (corpora / f"{name}.md").read_bytes().decode("utf-8") for name in ids}
    for name, document_id in ids.items():
        checks.see(WHOLE, client.text(document_id) == texts[name], name)
        past_end = len(texts[name]) + 10
        try:
            got = client.text(document_id, start=past_end - 20, end=past_end)
            checks.see(BEYOND, got == texts[name][-10:], f"{name}: {got!r}")
        except ServiceError as error:
            checks.see(BEYOND, error.status in {400, 422}, f"{name}: {error}")

    seconds: list[float] = []
    rows = read_rows(data / "chunking_chroma" / "questions.jsonl")
    for number, row in enumerate(rows, start=1):
        for reference in row["references"]:
            start, end = reference["start_index"], reference["end_index"]
            began = time.perf_counter()
            got = client.text(ids[row["corpus_id"]], start=start, end=end)
            seconds.append(time.perf_counter() - began)
            why = f"{row['corpus_id']}[{start}:{end}] is {got!r}, not {reference['content']!r}"
            checks.see(REFERENCE, got == reference["content"], why)
        if number % 25 == 0 or number == len(rows):
            progress(f"checked {number} of {len(rows)} questions")
    return seconds


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    add_server_arguments(parser)
    add_result_argument(parser, "accept_offsets")
    arguments = parser.parse_args()
    require(arguments.data, "chunking_chroma/questions.jsonl", "chunking_chroma/corpora")

    checks = Checks()
    checks.expect(WHOLE, REFERENCE, BEYOND)
    with session(arguments) as client:
        seconds = run(client, arguments.data, arguments.timeout, checks)
    p50, p95 = percentile(seconds, 0.5) * 1000, percentile(seconds, 0.95) * 1000
    print_table(["requests", "p50 ms", "p95 ms"], [[len(seconds), p50, p95]])
    checks.show()
    body = {
        "passed": checks.passed,
        "checks": checks.as_json(),
        "requests": len(seconds),
        "p50_ms": p50,
        "p95_ms": p95,
    }
    write_result(arguments.out, "accept_offsets", arguments.server_cwd, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())
