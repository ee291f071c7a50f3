"""Every ceiling of the service as a table, read from the code that holds it."""

# ruff: noqa: E501 -- the rows of a table read best as rows.

from __future__ import annotations

from python_multipart.multipart import DEFAULT_MAX_HEADER_COUNT, DEFAULT_MAX_HEADER_SIZE
from starlette.responses import FileResponse

from api import app, bounds, lifetime, middleware, uploads
from api.deps import VIEW_S
from api.faces import openai
from api.routes import ground
from api.schemas import answers, batches
from api.schemas.base import MAX_QUESTION_CHARS
from api.settings import Settings
from index.config import JobConfig
from index.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES
from index.talks import MOST_OF_ONE, MOST_TURNS
from ingest.bundle import BundleConfig
from ingest.config import MEBIBYTE, ChunkConfig, ParseConfig
from ingest.parsers import archive
from ingest.parsers.pdf.inflation import MAX_INFLATED_BYTES
from ingest.vision import VisionConfig
from rag.config import GatewayConfig, RepairConfig
from rag.suggest import MOST_ASKED, MOST_S


def ceilings_table() -> str:
    """Markdown: what is bounded, by how much, what happens beyond, and the setting that changes it."""
    rows = ["| what | ceiling | beyond it | setting |", "| --- | --- | --- | --- |"]
    rows += [f"| {what} | {much} | {beyond} | {setting} |" for what, much, beyond, setting in _rows()]
    return "\n".join(rows)


def _rows() -> list[tuple[str, str, str, str]]:
    return [*_requests(), *_files(), *_answers()]


def _of(name: str) -> str:
    """A setting's default."""
    return f"{Settings.model_fields[name].default:,}"


def _variable(name: str) -> str:
    return f"`FOOTNOTE_{name.upper()}`"


def _set(what: str, name: str, unit: str, beyond: str) -> tuple[str, str, str, str]:
    return what, f"{_of(name)} {unit}".strip(), beyond, _variable(name)


def _mib(count: int) -> str:
    return f"{count / MEBIBYTE:,g} MiB"


def _requests() -> list[tuple[str, str, str, str]]:
    return [
        _set("questions, searches and checks at once", "max_questions", "", "they wait"),
        _set("uploads received at once", "max_uploads", "", "they wait"),
        _set("requests of either kind that wait", "max_waiting", "", "503 `overloaded`, Retry-After"),
        _set("documents of a collection to be ingested", "max_queued", "", "429 `queue_full`, Retry-After"),
        _set("documents ingested at once", "ingest_workers", "", "they wait"),
        ("page images at once, and waiting", f"{bounds.PAGES}, {bounds.PAGES_WAITING}", "503 `overloaded`", ""),
        ("streams of progress at once", f"{bounds.WATCHERS}", "503 `overloaded`", ""),
        ("threads that work for requests", f"{app.THREADS}", "they wait", ""),
        _set("an answer, a search, any short request", "request_deadline_s", "s", "504 `deadline_exceeded`; streams end `incomplete`"),
        _set("an upload with its wait, a download", "transfer_deadline_s", "s", "504 `deadline_exceeded`"),
        ("a stream of progress", f"{bounds.WATCH_S:,.0f} s", "it ends; open the next", ""),
        _set("one file", "max_upload_mib", "MiB", "413 `body_too_large`, or `too_large`"),
        ("a body with files", f"{_of('max_upload_mib')} MiB and {_mib(app.FORM_ALLOWANCE)}", "413 before it is buffered", _variable("max_upload_mib")),
        ("any other body", _mib(middleware.MAX_JSON_BYTES), "413 before it is buffered", ""),
        _set("waiting for the headers of a request", "body_wait_s", "s", "the connection is closed"),
        _set("waiting for a body", "body_wait_s", f"s, and 1 s for each {lifetime.BODY_BYTES_PER_S:,} bytes of it", "408 `body_too_slow`"),
        ("files, other fields of one upload", f"{uploads.MAX_FILES:,}, {uploads.MAX_FIELDS}", "400", ""),
        ("one field that is no file", f"{uploads.MAX_METADATA_CHARS:,} bytes", "400", ""),
        ("metadata of one document", f"{uploads.MAX_METADATA_CHARS:,} characters, {uploads.MAX_METADATA_DEPTH} levels", "422", ""),
        ("headers of one part, one of their lines", f"{DEFAULT_MAX_HEADER_COUNT}, {DEFAULT_MAX_HEADER_SIZE:,} bytes", "400", ""),
        ("ranges of one download", f"{FileResponse.max_ranges}", "the whole file is sent", ""),
    ]  # fmt: skip


def _files() -> list[tuple[str, str, str, str]]:
    parse, bundle, chunk, jobs = ParseConfig(), BundleConfig(), ChunkConfig(), JobConfig()
    vision = VisionConfig()
    return [
        _set("reading one file, wall clock", "parse_timeout_s", "s", "`limit_exceeded`"),
        _set("reading one file, processor time", "parse_cpu_s", "s", "`limit_exceeded`"),
        _set("reading one file, address space", "parse_memory_mib", "MiB", "`limit_exceeded`"),
        ("text recognition in one file", "60 % of its time", "`limit_exceeded`, or those pages stay without", _variable("parse_timeout_s")),
        ("files the reader may hold open", f"{parse.max_open_files}", "`corrupt_file`", ""),
        ("bytes the reader may write", "0", "`limit_exceeded`", ""),
        ("pages", f"{parse.max_pages:,}", "`too_large`", ""),
        ("text of one file", f"{parse.max_chars:,} code points", "`too_large`", ""),
        ("headings, tables and other marks", f"{parse.max_blocks:,}", "`too_large`", ""),
        _set("pages and figures that a model looks at, of one document", "vision_pages", "", "they stay unread, with a warning"),
        _set("what that may cost, of one document", "vision_usd", "US dollars", "the same"),
        ("what a model may write of one picture", f"{vision.max_chars:,} code points", "cut", ""),
        ("pictures in a row that may fail", f"{vision.max_failures}", "no more are tried", ""),
        _set("embedding one file", "embed_timeout_s", "s", "`limit_exceeded`"),
        ("passages of one document", f"{chunk.max_passages:,}", "`too_large`", ""),
        ("all streams of a PDF, unpacked", _mib(MAX_INFLATED_BYTES), "`limit_exceeded`", ""),
        ("one stream of a PDF, unpacked", "75,000,000 bytes", "`limit_exceeded`, or that page is left out", ""),
        ("one part of an office file, unpacked", _mib(archive.MAX_PART_BYTES), "`too_large`", ""),
        ("all parts of an office file, unpacked", _mib(archive.MAX_TOTAL_BYTES), "`too_large`", ""),
        ("parts of an office file", f"{archive.MAX_ENTRIES:,}", "`too_large`", ""),
        ("files of an archive", f"{bundle.max_members:,}", "`too_large`", ""),
        ("one file of an archive, unpacked", _mib(bundle.max_member_bytes), "`too_large`", ""),
        ("all files of an archive, unpacked", _mib(bundle.max_total_bytes), "`too_large`", ""),
        ("an archive's directory", _mib(bundle.max_directory_bytes), "`too_large`", ""),
        ("archives in archives", "not opened", "`unsupported_type`", ""),
        ("drawing a page", f"{VIEW_S:g} s", "422 `limit_exceeded`", ""),
        ("beginnings of one job", f"{jobs.max_attempts}", "`limit_exceeded`", ""),
    ]  # fmt: skip


def _answers() -> list[tuple[str, str, str, str]]:
    gateway, repair = GatewayConfig(None), RepairConfig()
    return [
        ("questions of a batch", f"{batches.MAX_QUESTIONS:,}", "422", ""),
        _set("questions in bulk answered at once", "batch_workers", "", "they wait"),
        ("a question or query", f"{MAX_QUESTION_CHARS:,} characters", "422", ""),
        ("an earlier turn, all of them, their number", f"{answers.MAX_TURN_CHARS:,}, {answers.MAX_HISTORY_CHARS:,} characters, {answers.MAX_TURNS}", "422", ""),
        ("turns of a conversation, conversations of an owner", f"{MOST_TURNS}, {MOST_OF_ONE:,}", "the oldest go", ""),
        _set("keeping a conversation after its last turn", "conversation_days", "days", "it is gone"),
        ("questions suggested, and tried for that", f"5, {MOST_ASKED} in {MOST_S:g} s", "422; fewer are shown", ""),
        ("messages of a chat completion", f"{openai.MAX_MESSAGES}, each as a turn", "422", ""),
        ("sources of a check, all of them", f"100, {answers.MAX_SOURCE_CHARS:,} characters", "422", ""),
        ("the text of a check", f"{answers.MAX_TEXT_CHARS:,} characters", "422", ""),
        ("claims of a check", f"{ground.MAX_CLAIMS}", "422", ""),
        ("a filter's conditions, values, nesting", f"{MAX_CONDITIONS}, {MAX_VALUES:,}, {MAX_DEPTH}", "422 `invalid_filter`", ""),
        ("passages of a search, of an answer", "200, 50", "422", ""),
        _set("evidence shown to a model", "evidence_tokens", "tokens", "the rest is left out"),
        _set("the gateway's answer, with every retry", "gateway_deadline_s", "s", "504 `gateway_timeout`"),
        ("what a model may write", f"{gateway.max_output_tokens:,} tokens", "`finish_reason: length`", ""),
        ("a gateway's answer on the wire", _mib(gateway.max_wire_bytes), "502 `gateway_protocol`", ""),
        ("requests to each model of a chain for one answer", f"{gateway.max_attempts}, and {repair.calls} to repair", "502", ""),
    ]  # fmt: skip
