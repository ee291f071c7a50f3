"""Does every citation hold? Uploads real documents, asks 60 questions, and checks each footnote.

    python -m benchmarks.accept_citations DATA

A quote must be the stored text between its offsets, to the letter; its pages must be those where pdfium
reads it in the original file; every sentence of an answer must lie within a claim. How often the gold
evidence is among the citations, how long uploads and answers take and how often the service abstained
are reported and not judged.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import questions
from benchmarks.answers import EXPECTED, AnswerChecker
from benchmarks.client import FINAL_STATES, Client, Json, Upload
from benchmarks.quotes import pdf_pages, shingles, squeeze
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
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.questions import Question

COLLECTION = "acceptance"
READY = "every document ends ready"
EVENTS = "the events of a document end in its final state"
BATCH = 5


@dataclass(slots=True)
class Ingestion:
    """What the upload cost and made.

    Attributes:
        ids: Document id by file name.
        bytes: Of all originals.
        accepted_s: Seconds until the last upload was acknowledged.
        ready_s: Seconds until every document was final.
    """

    ids: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    accepted_s: float = 0.0
    ready_s: float = 0.0


def documents(data: Path) -> list[Path]:
    """The files to upload: filings, corpora, contracts, one DOCX, one HTML."""
    return [
        *sorted((data / "financebench" / "pdfs").iterdir()),
        *sorted((data / "chunking_chroma" / "corpora").glob("*.md")),
        *sorted((data / "cuad" / "pdf").iterdir()),
        data / "doc_pile" / questions.DOCX,
        data / "doc_pile" / questions.HTML,
    ]


def ingest(client: Client, files: Sequence[Path], timeout_s: float, checks: Checks) -> Ingestion:
    """Uploads in batches, follows the events of one document, and polls until all are final."""
    done = Ingestion()
    watched: list[Json] = []
    watcher: threading.Thread | None = None
    began = time.monotonic()
    for at in range(0, len(files), BATCH):
        batch = [Upload(file.name, file.read_bytes()) for file in files[at : at + BATCH]]
        done.bytes += sum(len(upload.data) for upload in batch)
        for upload, state in zip(batch, client.upload(batch, COLLECTION), strict=True):
            done.ids[upload.filename] = state["id"]
        if watcher is None:
            first = next(iter(done.ids.values()))
            watcher = threading.Thread(target=_watch, args=(client, first, timeout_s, watched), daemon=True)
            watcher.start()
        progress(f"uploaded {len(done.ids)} of {len(files)}")
    done.accepted_s = time.monotonic() - began
    states = client.wait_final(
        done.ids.values(),
        timeout_s=timeout_s,
        progress=lambda ready, total: progress(f"ingested {ready} of {total}"),
    )
    done.ready_s = time.monotonic() - began
    for state in states.values():
        checks.see(
            READY, state["status"] == "ready", f"{state['filename']}: {state['status']} {state['error']}"
        )
    if watcher is not None:
        watcher.join(30)
    last = watched[-1]["data"] if watched else None
    status = last.get("status") if isinstance(last, dict) else None
    stream = bool(watched) and watched[0]["content_type"].startswith("text/event-stream")
    checks.see(EVENTS, stream and status in FINAL_STATES, f"last of {len(watched)} events: {last!r}")
    return done


def _watch(client: Client, document_id: str, timeout_s: float, watched: list[Json]) -> None:
    try:
        watched.extend(client.events(document_id, timeout_s=timeout_s))
    except Exception as error:
        # The thread's failure becomes the check's: its last event then has no final state.
        watched.append({"event": "error", "data": repr(error), "content_type": ""})


def gold_found(question: Question, document_id: str, answer: Json) -> bool:
    """Whether a citation points to the gold evidence: its page, a character of its span, or its words."""
    for citation in answer["citations"]:
        if citation["document_id"] != document_id:
            continue
        if question.pages and isinstance(citation["pages"], list) and citation["pages"]:
            first, last = min(citation["pages"]), max(citation["pages"])
            if any(first <= page <= last for page in question.pages):
                return True
        if any(citation["start"] < end and start < citation["end"] for start, end in question.spans):
            return True
        if question.clause:
            wanted = shingles(squeeze(question.clause).lower())
            if len(wanted & shingles(squeeze(citation["quote"]).lower())) >= 0.5 * len(wanted):
                return True
    return False


def ask_all(
    client: Client, asked: Sequence[Question], done: Ingestion, checker: AnswerChecker, mode: str
) -> list[dict[str, Any]]:
    """Asks every question and checks its answer; returns a row for each."""
    rows = []
    for number, question in enumerate(asked, start=1):
        began = time.perf_counter()
        answer = client.ask(question.text, COLLECTION, mode=mode)
        seconds = time.perf_counter() - began
        checker.check(question.text, answer)
        rows.append(
            {
                **asdict(question),
                "seconds": seconds,
                "abstained": answer["abstained"],
                "gold_cited": gold_found(question, done.ids[question.filename], answer),
                "right_document": any(
                    c["document_id"] == done.ids[question.filename] for c in answer["citations"]
                ),
                "citations": len(answer["citations"]),
                "confidence": answer["confidence"]["value"],
                "answer": answer["answer"],
            }
        )
        progress(f"asked {number} of {len(asked)}")
    return rows


def show(rows: Sequence[dict[str, Any]], done: Ingestion, checker: AnswerChecker) -> dict[str, Any]:
    """Prints the figures that are not judged; returns them."""
    seconds = [row["seconds"] for row in rows]
    figures = {
        "documents": len(done.ids),
        "bytes": done.bytes,
        "accepted_s": done.accepted_s,
        "ready_s": done.ready_s,
        "kb_per_s": done.bytes / 1000 / max(done.ready_s, 1e-9),
        "ask_p50_s": percentile(seconds, 0.5),
        "ask_p95_s": percentile(seconds, 0.95),
        "pages": dict(checker.page_kinds),
        "claims": checker.claims,
        "claims_without_citation": checker.claims_without_citation,
    }
    print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
    table = []
    for source in [*dict.fromkeys(row["source"] for row in rows), "all"]:
        part = [row for row in rows if source in {"all", row["source"]}]
        count = len(part)
        shares = [
            sum(row[name] for row in part) / count for name in ("right_document", "gold_cited", "abstained")
        ]
        table.append([source, count, *shares])
    print_table(["set", "questions", "right document cited", "gold evidence cited", "abstained"], table)
    return figures


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument(
        "--seed", type=int, default=7, help="of the choice of questions; default: %(default)s"
    )
    parser.add_argument(
        "--mode", default="auto", choices=["auto", "extractive", "generative"], help="of /v1/ask"
    )
    add_server_arguments(parser)
    add_result_argument(parser, "accept_citations")
    arguments = parser.parse_args()
    data = arguments.data
    require(
        data, "financebench/questions.jsonl", "chunking_chroma/questions.jsonl", "cuad/clause_spans.jsonl"
    )
    require(data / "doc_pile", questions.DOCX, questions.HTML)

    finance = questions.financebench(data)
    asked = [*finance, *questions.chroma(data, 47 - len(finance), arguments.seed)]
    asked += [*questions.cuad(data, 11, arguments.seed), *questions.office()]
    files = documents(data)
    checks = Checks()
    checks.expect(READY, EVENTS, *EXPECTED)
    with session(arguments) as client:
        done = ingest(client, files, arguments.timeout, checks)
        by_id = {done.ids[file.name]: file for file in files if file.name in done.ids}
        pages = {i: pdf_pages(file) for i, file in by_id.items() if file.suffix.lower() == ".pdf"}
        names = {document_id: file.name for document_id, file in by_id.items()}
        checker = AnswerChecker(client, checks, names, pages)
        rows = ask_all(client, asked, done, checker, arguments.mode)
    figures = show(rows, done, checker)
    checks.show()
    body = {"passed": checks.passed, "checks": checks.as_json(), "figures": figures, "questions": rows}
    write_result(arguments.out, "accept_citations", arguments.server_cwd, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())
