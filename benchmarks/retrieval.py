"""How much of the right text does ``/v1/search`` find, and does it beat a plain hybrid of the same run?

    python -m benchmarks.retrieval DATA [--sets chroma,scifact]

chroma: recall of reference characters within 2,000, 4,000 and 8,000 characters, and recall, precision
and IoU of the best five passages (definitions in ranges.py). scifact: nDCG@10 and R@100 over documents.
The baseline is in baseline.py; its figures come from the same questions in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks import scifact
from benchmarks.accept_offsets import show_ingestion
from benchmarks.baseline import Baseline
from benchmarks.client import Client, Upload
from benchmarks.questions import read_rows
from benchmarks.ranges import Range, cut, overlap
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
    from collections.abc import Mapping, Sequence
    from pathlib import Path

BUDGETS = (2000, 4000, 8000)
MODES = ("hybrid", "dense", "lexical")
TOP = 5
COLLECTION = "chroma"
BUDGET = "passages stay within max_chars"
LETTER = "passage text is the stored text, to the letter"
COLUMNS = [*(f"recall in {budget:,}" for budget in BUDGETS), "recall@5", "precision@5", "IoU@5"]

Ask = dict[str, Any]
Figures = dict[str, list[float]]


def references(row: Ask) -> list[Range]:
    """The reference ranges of a question."""
    return [(row["corpus_id"], span["start_index"], span["end_index"]) for span in row["references"]]


def measures(
    reference: Sequence[Range], budgets: Sequence[Sequence[Range]], top: Sequence[Range]
) -> list[float]:
    """One question's row of ``COLUMNS``."""
    best = overlap(reference, top)
    return [*(overlap(reference, found).recall for found in budgets), best.recall, best.precision, best.iou]


class Service:
    """The service's passages as ranges over the corpora, checked on the way."""

    def __init__(self, client: Client, texts: Mapping[str, str], checks: Checks, timeout_s: float) -> None:
        self.seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
        self._client = client
        self._checks = checks
        self._texts = texts
        self._corpus: dict[str, str] = {}
        for name, text in texts.items():
            upload = Upload(f"{name}.md", text.encode("utf-8"), "text/markdown")
            self._corpus[client.upload([upload], COLLECTION)[0]["id"]] = name
        began = time.monotonic()
        states = client.wait_final(self._corpus, timeout_s=timeout_s, progress=show_ingestion)
        self.ingest_s = time.monotonic() - began
        for state in states.values():
            if state["status"] != "ready":
                raise SystemExit(f"{state['filename']} ended as {state['status']}: {state['error']}")

    def row(self, question: Ask, mode: str) -> list[float]:
        """Asks once for each budget and once for the best five."""
        budgets = [
            self._search(question, mode, budget=budget, max_chars=budget, top_k=50) for budget in BUDGETS
        ]
        return measures(references(question), budgets, self._search(question, mode, top_k=TOP))

    def _search(self, question: Ask, mode: str, *, budget: int | None = None, **fields: int) -> list[Range]:
        began = time.perf_counter()
        passages = self._client.search(question["question"], COLLECTION, mode=mode, **fields)
        self.seconds[mode].append(time.perf_counter() - began)
        found: list[Range] = []
        for passage in passages:
            name, start, end = self._corpus[passage["document_id"]], passage["start"], passage["end"]
            holds = self._texts[name][start:end] == passage["text"]
            self._checks.see(LETTER, holds, f"{name}[{start}:{end}] for {question['question'][:60]!r}")
            found.append((name, start, end))
        if budget is not None:
            total = sum(len(passage["text"]) for passage in passages)
            self._checks.see(BUDGET, total <= budget, f"{total} for {budget}: {question['question'][:60]!r}")
        return found


def baseline_row(baseline: Baseline, question: Ask, mode: str) -> list[float]:
    """The same row from the baseline; its last passage is cut where the budget ends."""
    ranked = [(piece.document, piece.start, piece.end) for piece in baseline.rank(question["question"], mode)]
    budgets = [cut(ranked, budget) for budget in BUDGETS]
    return measures(references(question), budgets, ranked[:TOP])


def chroma(client: Client, data: Path, timeout_s: float, checks: Checks, limit: int | None) -> dict[str, Any]:
    """Measures chunking_chroma and prints its tables."""
    folder = data / "chunking_chroma"
    texts = {
        file.stem: file.read_bytes().decode("utf-8") for file in sorted((folder / "corpora").glob("*.md"))
    }
    asked = read_rows(folder / "questions.jsonl")
    asked = asked[:: max(1, len(asked) // limit)][:limit] if limit else asked
    service = Service(client, texts, checks, timeout_s)
    figures: dict[str, Figures] = {}
    for mode in MODES:
        rows = []
        for number, question in enumerate(asked, start=1):
            rows.append((question["corpus_id"], service.row(question, mode)))
            if number % 25 == 0 or number == len(asked):
                progress(f"footnote {mode}: {number} of {len(asked)}")
        figures[f"footnote {mode}"] = by_corpus(rows)
    progress("embedding the baseline")
    baseline = Baseline(texts)
    for mode in MODES:
        rows = [(question["corpus_id"], baseline_row(baseline, question, mode)) for question in asked]
        figures[f"baseline {mode}"] = by_corpus(rows)
    for corpus in figures["baseline hybrid"]:
        print(f"\n## {corpus}")
        print_table(["system", *COLUMNS], [[name, *part[corpus]] for name, part in figures.items()])
    latency = {
        mode: {"p50_ms": percentile(seconds, 0.5) * 1000, "p95_ms": percentile(seconds, 0.95) * 1000}
        for mode, seconds in service.seconds.items()
    }
    print_table(["mode", "p50 ms", "p95 ms"], [[mode, *values.values()] for mode, values in latency.items()])
    return {
        "questions": len(asked),
        "columns": COLUMNS,
        "figures": figures,
        "latency": latency,
        "ingest_s": service.ingest_s,
        "baseline_pieces": len(baseline.pieces),
    }


def by_corpus(rows: Sequence[tuple[str, list[float]]]) -> Figures:
    """Means of the rows for each corpus and for all."""
    names = [*sorted({name for name, _ in rows}), "all"]
    return {
        name: [sum(column) / len(column) for column in zip(*_of(rows, name), strict=True)] for name in names
    }


def _of(rows: Sequence[tuple[str, list[float]]], name: str) -> list[list[float]]:
    return [row for corpus, row in rows if name in {"all", corpus}]


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--sets", default="chroma", help="chroma, scifact or both with a comma")
    parser.add_argument("--limit", type=int, help="ask only so many questions of each set")
    add_server_arguments(parser)
    add_result_argument(parser, "retrieval")
    arguments = parser.parse_args()
    sets = arguments.sets.split(",")
    if not set(sets) <= {"chroma", "scifact"}:
        parser.error(f"--sets {arguments.sets}: choose from chroma, scifact")

    checks = Checks()
    result: dict[str, Any] = {}
    with session(arguments) as client:
        if "chroma" in sets:
            require(arguments.data, "chunking_chroma/questions.jsonl", "chunking_chroma/corpora")
            checks.expect(BUDGET, LETTER)
            result["chroma"] = chroma(client, arguments.data, arguments.timeout, checks, arguments.limit)
            hybrid, plain = (
                result["chroma"]["figures"][name]["all"] for name in ("footnote hybrid", "baseline hybrid")
            )
            for at, budget in enumerate(BUDGETS):
                why = f"{hybrid[at]:.3f} against {plain[at]:.3f}"
                checks.see(
                    f"hybrid is not below the baseline within {budget:,}", hybrid[at] >= plain[at], why
                )
        if "scifact" in sets:
            require(
                arguments.data,
                "scifact/corpus.jsonl",
                "scifact/claims_train.jsonl",
                "scifact/qrels_train.tsv",
            )
            result["scifact"] = scifact.measure(client, arguments.data, arguments.timeout, arguments.limit)
    checks.show()
    body = {"passed": checks.passed, "checks": checks.as_json(), **result}
    write_result(arguments.out, "retrieval", arguments.server_cwd, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())
