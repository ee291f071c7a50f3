"""The child process: deadlines, memory, crashes, and what it may not do."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pypdf
import pytest
from pypdf.generic import ArrayObject, DecodedStreamObject, NameObject

from ingest import errors
from ingest.config import ParseConfig
from ingest.parse import Parser
from ingest.sandbox import as_parse_error

if TYPE_CHECKING:
    from ingest.child import Child

PdfMaker = Callable[..., bytes]
Store = Callable[[bytes], Path]
MEBIBYTE = 1024 * 1024
linux = pytest.mark.skipif(sys.platform != "linux", reason="the limits and /proc are Linux's")


def one_child(parser: Parser) -> Child:
    """The child of a parser that has one worker."""
    (child,) = parser._children
    return child


@pytest.fixture
def slow_pdf(make_pdf: PdfMaker, store: Store) -> Path:
    """A PDF of a few kilobytes that keeps pypdf busy for minutes.

    Each of its thousand pages draws the same stream of two hundred thousand operators.
    """
    writer, target = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf("x"))), io.BytesIO()
    content = DecodedStreamObject()
    content.set_data(b"BT /F1 9 Tf " + b"(a) Tj 0 1 Td " * 100_000 + b"ET")
    shared = writer._add_object(content.flate_encode())
    writer.pages[0][NameObject("/Contents")] = ArrayObject([shared])
    for _ in range(999):
        writer.add_page(writer.pages[0])
    writer.write(target)
    return store(target.getvalue())


@pytest.fixture
def text_file(store: Store) -> Path:
    """A file that is read at once."""
    return store(b"harmless")


def test_a_file_that_takes_too_long_is_stopped(slow_pdf: Path, text_file: Path) -> None:
    """The child is killed at the deadline, and the next file is read by a new one."""
    with Parser(ParseConfig(timeout_s=1)) as parser:
        start = time.perf_counter()
        with pytest.raises(errors.LimitExceeded, match="longer than 1 seconds"):
            parser.parse(slow_pdf, "x.pdf")
        assert time.perf_counter() - start < 3
        assert parser.parse(text_file, "x.txt")[1].text == "harmless"


@linux
def test_a_file_that_takes_too_much_memory_is_stopped(
    make_pdf: PdfMaker, store: Store, text_file: Path
) -> None:
    """The memory ceiling ends in an error for the file; the next one is read."""
    writer, target = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf("x"))), io.BytesIO()
    bomb = DecodedStreamObject()
    bomb.set_data(b"(" + b"a" * 70_000_000 + b") Tj")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(bomb.flate_encode())
    writer.write(target)
    path = store(target.getvalue())
    assert path.stat().st_size < MEBIBYTE

    with Parser(ParseConfig(memory_bytes=150 * MEBIBYTE)) as parser:
        with pytest.raises(errors.LimitExceeded, match="memory"):
            parser.parse(path, "x.pdf")
        assert parser.parse(text_file, "x.txt")[1].text == "harmless"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (signal.SIGSEGV, errors.CorruptFile),
        (signal.SIGKILL, errors.LimitExceeded),
        (signal.SIGABRT, errors.LimitExceeded),
    ],
)
def test_a_crash_is_the_files_error(
    slow_pdf: Path, text_file: Path, sent: signal.Signals, error: type[errors.ParseError]
) -> None:
    """A child that dies while it reads gives an error that names the signal; then a new one starts."""
    with Parser(ParseConfig(timeout_s=30)) as parser:
        assert parser.parse(text_file, "x.txt")
        pid = one_child(parser).pid
        assert pid
        threading.Timer(0.5, os.kill, (pid, sent)).start()
        with pytest.raises(error, match=sent.name):
            parser.parse(slow_pdf, "x.pdf")
        assert parser.parse(text_file, "x.txt")[1].text == "harmless"
        assert one_child(parser).pid != pid


def test_a_death_between_two_files_is_nobodys_error(text_file: Path) -> None:
    """A child that was killed while idle is replaced without a word."""
    with Parser() as parser:
        parser.parse(text_file, "x.txt")
        pid = one_child(parser).pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)

        assert parser.parse(text_file, "x.txt")[1].text == "harmless"


def test_the_child_stays_warm(text_file: Path) -> None:
    """Many files are read by one process."""
    with Parser() as parser:
        parser.parse(text_file, "x.txt")
        pid = one_child(parser).pid
        for _ in range(20):
            parser.parse(text_file, "x.txt")
        assert one_child(parser).pid == pid


@linux
def test_a_child_that_has_grown_is_replaced(make_pdf: PdfMaker, store: Store, text_file: Path) -> None:
    """A child that holds more than a quarter of its ceiling after a file is ended."""
    with Parser(ParseConfig(memory_bytes=120 * MEBIBYTE)) as parser:
        parser.parse(text_file, "x.txt")
        assert one_child(parser).pid
        parser.parse(store(make_pdf("The PDF libraries alone take forty megabytes.")), "x.pdf")
        assert one_child(parser).pid is None
        assert parser.parse(text_file, "x.txt")


def test_the_child_starts_fast_and_without_the_models() -> None:
    """Reading a text loads neither PyTorch nor any library of another format."""
    program = (
        "import sys; from pathlib import Path; import ingest.sandbox; from ingest.config import ParseConfig\n"
        "from ingest.parse import serve_parse\n"
        "serve_parse(ParseConfig(), b'harmless', 'x.txt')\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    loaded = set(run.stdout.split())
    assert "charset_normalizer" in loaded
    assert loaded.isdisjoint(
        {"torch", "sentence_transformers", "numpy", "pypdf", "pypdfium2", "lxml", "selectolax", "markdown_it"}
    )


@linux
def test_the_childs_limits_and_environment(text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child has the ceilings, may write no file, and knows none of the service's secrets."""
    monkeypatch.setenv("FOOTNOTE_GATEWAY_KEY", "very-secret")
    with Parser(ParseConfig(memory_bytes=512 * MEBIBYTE)) as parser:
        parser.parse(text_file, "x.txt")
        process = Path(f"/proc/{one_child(parser).pid}")
        limits = {
            line[:26].strip(): line[26:].split()[:2] for line in (process / "limits").read_text().splitlines()
        }

        assert limits["Max address space"] == [str(512 * MEBIBYTE)] * 2
        assert limits["Max file size"] == ["0", "0"]
        assert limits["Max core file size"] == ["0", "0"]
        assert limits["Max open files"] == ["64", "64"]
        assert b"very-secret" not in (process / "environ").read_bytes()


@linux
def test_the_child_dies_with_its_parent(slow_pdf: Path, tmp_path: Path) -> None:
    """A parent that is killed leaves no process behind, even one that is busy."""
    program = (
        "import sys, threading, time; from pathlib import Path; from ingest.parse import Parser\n"
        "parser = Parser()\n"
        f"threading.Thread(target=parser.parse, args=(Path({str(slow_pdf)!r}), 'x.pdf')).start()\n"
        "while not (pid := parser._children[0].pid): time.sleep(0.01)\n"
        "print(pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    child = Path(f"/proc/{int(parent.stdout.readline())}")
    time.sleep(0.5)
    assert child.exists()

    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while (
        child.exists() and "Z" not in (child / "stat").read_text().split()[2] and time.monotonic() < deadline
    ):
        time.sleep(0.05)

    assert not child.exists() or "Z" in (child / "stat").read_text().split()[2]


def test_what_libraries_raise_becomes_an_error_of_ours() -> None:
    """Every exception has one place where it is translated, and none passes untranslated."""
    known = errors.NoText("as it is")

    assert as_parse_error(known) is known
    assert isinstance(as_parse_error(MemoryError()), errors.LimitExceeded)
    assert isinstance(as_parse_error(RecursionError()), errors.LimitExceeded)
    for foreign in (KeyError("x"), ValueError("y"), pypdf.errors.PdfReadError("z"), AssertionError()):
        assert type(as_parse_error(foreign)) is errors.CorruptFile


@linux
def test_a_child_that_cannot_run_is_not_the_files_fault(
    text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that ends at once is an error of the installation, not of the document."""
    program = shutil.which("false")
    assert program
    monkeypatch.setattr(sys, "executable", program)

    with Parser() as parser, pytest.raises(errors.ParserUnavailable, match="could not run"):
        parser.parse(text_file, "x.txt")


def test_closing_ends_a_call_that_runs(slow_pdf: Path) -> None:
    """A service that stops need not wait for a deadline, and the file can be read again later."""
    parser = Parser(ParseConfig(timeout_s=30))
    threading.Timer(0.5, parser.close).start()
    start = time.perf_counter()

    with pytest.raises(errors.ParserUnavailable, match="closed") as caught:
        parser.parse(slow_pdf, "x.pdf")
    assert caught.value.retryable
    assert time.perf_counter() - start < 5
    with pytest.raises(errors.ParserUnavailable, match="closed"):
        parser.parse(slow_pdf, "x.pdf")
