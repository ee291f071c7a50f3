"""What the command line does with a data folder, without HTTP."""

from __future__ import annotations

import asyncio
import json
import textwrap
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.access import LOCAL, caller_for
from api.bundles import store_bundle
from api.deps import build
from api.routes.ask import complete
from api.rules import RULES
from api.schemas.answers import AnswerOut
from api.settings import Settings
from index.types import Status
from ingest.hidden import without_hidden
from rag.types import Mode, Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from api.deps import Service
    from index.doctor import Report
    from index.erasure import Trace
    from index.types import DocumentRecord, Submission

console = Console(highlight=False)
_PART_BYTES = 1024 * 1024


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Service, asyncio.Runner]]:
    """A service on a data folder, its jobs running, closed at the end, and the one event loop that it is used in."""
    with asyncio.Runner() as loop:
        service = build(settings)
        service.runner.start()
        try:
            yield service, loop
        finally:
            loop.run(service.close())


def ingest_files(service: Service, files: Mapping[Path, str], collection: str) -> int:
    """Ingest files with a progress bar.

    Returns:
        How many failed.
    """
    if not files:
        console.print("There are no files there.")
        return 0
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    waiting: dict[str, Submission] = {}
    failed: list[DocumentRecord] = []
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("loading the embedding model", total=len(files))
        for path, name in files.items():
            for submission in _submit(service, path, name, collection):
                waiting.setdefault(submission.document_id, submission)
        total = len(waiting)
        progress.update(bar, total=total)
        service.runner.notify()
        passages = 0
        while waiting:
            for document_id in list(waiting):
                record = service.store.catalog.document(document_id)
                if not record.status.final:
                    continue
                del waiting[document_id]
                passages += record.passages
                if record.status is Status.FAILED:
                    failed.append(record)
                progress.update(bar, completed=total - len(waiting), description=escape(record.filename[:40]))
            time.sleep(0.05)
        progress.update(bar, description="ingested")
    for record in failed:
        code, message = record.error or ("", "")
        console.print(f"[red]failed[/red] {_plain(record.filename)}: {code}: {_plain(message)}")
    seconds = time.perf_counter() - started
    console.print(
        f"{total - len(failed)} documents, {passages} passages in collection {collection!r}, {seconds:.1f} s"
    )
    return len(failed)


def answer(service: Service, loop: asyncio.Runner, question: str, collection: str, mode: str) -> AnswerOut:
    """Ask one question."""
    asked = Question(text=question, collection=collection, mode=None if mode == "auto" else Mode(mode))
    found = loop.run(complete(service, asked, caller_for(LOCAL, RULES["POST /v1/ask"])))
    return AnswerOut.of(found, trace_id="", conversation_id=None, explain=False)


def show_answer(question: str, found: AnswerOut) -> None:
    """Print an answer as a person reads it."""
    console.print(f"\n[bold]{escape(question)}[/bold]\n")
    console.print(_plain(found.answer))
    label = "Nearest passages:" if found.abstained else None
    if label:
        console.print(f"\n[dim]{label}[/dim]")
    console.print()
    for citation in found.citations:
        where = [citation.title, *citation.headings[-1:]]
        if citation.pages:
            first, last = citation.pages
            where.append(f"page {first}" if first == last else f"pages {first}-{last}")
        quote = textwrap.shorten(citation.quote, 160, placeholder=" …")
        console.print(
            f"[dim]\\[{citation.number}][/dim] {_plain(', '.join(where))} ({_plain(citation.filename)})"
        )
        console.print(f"    [dim]“{_plain(quote)}”[/dim]")
    for each in found.disagreements:
        other = each.other
        quote = textwrap.shorten(other.quote, 160, placeholder=" …")
        console.print(
            f"[yellow]{each.kind}[/yellow] [dim]\\[{each.citation}][/dim] {_plain(other.title)} "
            f"({_plain(other.filename)}): {_plain(each.explanation)}"
        )
        console.print(f"    [dim]“{_plain(quote)}”[/dim]")
    rating = found.confidence
    console.print(f"\nConfidence: {rating.value:.0%} ({rating.level}, calibration {rating.calibration})")


def show_report(report: Report, *, as_json: bool) -> None:
    """Print what the doctor found."""
    if as_json:
        console.print_json(json.dumps({"clean": report.clean, **asdict(report)}))
        return
    for finding in report.findings:
        state = "repaired" if finding.repaired else "NOT repaired"
        console.print(f"{finding.check} {escape(finding.subject)}: {escape(finding.message)} {state}")
    verdict = "clean" if report.clean else f"{len(report.findings)} findings"
    console.print(
        f"{verdict}: {report.collections} collections, {report.documents} documents, {report.passages} passages"
    )


def show_traces(found: Sequence[Trace], *, as_json: bool, backups: bool) -> None:
    """Print what is left of a deleted document; ``backups``: whether they were looked at."""
    if as_json:
        console.print_json(json.dumps({"clean": not found, "traces": [asdict(each) for each in found]}))
        return
    for each in found:
        console.print(f"{escape(each.place)}: {each.count}. {escape(each.message)}")
    nothing = (
        "Nothing is left." if backups else "Nothing is left here. Backups are not looked at: see --backups."
    )
    console.print("Something is left." if found else nothing)


def settings_table() -> str:
    """Every setting as a Markdown table, made from the code."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `FOOTNOTE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def _plain(text: str) -> str:
    """Text of a document for a terminal: no markup, and no signs that would colour, move or rewrite what it shows."""
    return escape(without_hidden(text).replace("\x9b", ""))


def _submit(service: Service, path: Path, name: str, collection: str) -> list[Submission]:
    """Store a file, or the files of an archive."""
    with path.open("rb") as file:
        if found := store_bundle(service.store, file, name, collection=collection):
            return found
    blob = service.store.blobs.writer()
    try:
        with path.open("rb") as file:
            while part := file.read(_PART_BYTES):
                blob.write(part)
        return [service.store.add(blob, collection=collection, filename=name)]
    finally:
        blob.discard()
