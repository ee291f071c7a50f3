"""The parent's handle on a sandboxed child: start it, ask it, end it at the deadline, replace it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

from ingest import errors
from ingest.sandbox import Json, receive, send

if TYPE_CHECKING:
    from types import TracebackType

    from ingest.config import ParseConfig

_ERRORS = {
    error.code: error
    for error in (
        errors.EncryptedFile,
        errors.EncryptedContent,
        errors.CorruptFile,
        errors.NoText,
        errors.TooLarge,
        errors.LimitExceeded,
        errors.UnsupportedType,
        errors.PageNotFound,
        errors.ProgramNeeded,
        errors.ParserUnavailable,
    )
}
# Signals by which an allocator ends a process that may have no more memory. The rest are wild accesses.
_OUT_OF_MEMORY = {"SIGKILL", "SIGABRT", "SIGTRAP", "SIGILL"}
# Characters of an error's message that are believed to be one.
_MAX_MESSAGE = 2_000
# The child needs these to start; keys and passwords of the service are none of its business.
_ENVIRONMENT = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")


class Child:
    """One child process, started at the first call and again after it was lost.

    Not thread-safe: one call at a time. On Linux the thread that calls first has to outlive the calls,
    because the kernel ends the child with the thread that started it.

    Args:
        config: The child's ceilings.
    """

    def __init__(self, config: ParseConfig) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the running child, or None."""
        return self._process.pid if self._process else None

    def call(self, operation: str, file: Path | None = None, **arguments: Any) -> tuple[Json, bytes]:
        """Run one operation in the child.

        Args:
            operation: A key of the table of operations.
            file: Its bytes are sent along: the child opens no files.
            arguments: JSON values, handed to it by name.

        Returns:
            Its reply: a JSON object and raw bytes.

        Raises:
            ParseError: What the operation raised, or LimitExceeded or CorruptFile when the child was
                killed at its deadline or died.
            ParserUnavailable: The child could not start; not the file's fault.
            OSError: There is no readable file of that name.
        """
        if file is None:
            return self._call(operation, arguments, io.BytesIO(), 0)
        with file.open("rb") as opened:
            return self._call(operation, arguments, opened, os.fstat(opened.fileno()).st_size)

    def _call(self, operation: str, arguments: Json, file: IO[bytes], size: int) -> tuple[Json, bytes]:
        if self._process and self._process.poll() is not None:
            # It died while idle, which is not this file's doing.
            self.close()
        process = self._process = self._process or self._start()
        timed_out = threading.Event()

        def expire() -> None:
            timed_out.set()
            _kill(process)

        timer = threading.Timer(self._config.timeout_s, expire)
        timer.start()
        reply, reason = None, None
        try:
            request = {"operation": operation, "arguments": arguments}
            send(cast("IO[bytes]", process.stdin), request, file, size)
            reply = receive(cast("IO[bytes]", process.stdout), self._max_payload)
        except (OSError, ValueError, RecursionError) as error:
            # A broken pipe, or a header that no honest child sends.
            reason = error
        finally:
            timer.cancel()
            timer.join()
        if timed_out.is_set() or reply is None:
            code = self.close(grace_s=0 if timed_out.is_set() else 1)
            raise self._death(code, timed_out=timed_out.is_set()) from reason
        header, payload = reply
        # Memory that a file has left behind would be missing for the next one.
        exhausted = header.get("error") == errors.LimitExceeded.code
        held, result, failed = header.get("rss"), header.get("result"), header.get("error")
        if exhausted or not isinstance(held, int) or held > self._config.memory_bytes // 4:
            self.close()
        if failed is not None:
            raise _ERRORS.get(str(failed), errors.ParseError)(str(header.get("message"))[:_MAX_MESSAGE])
        if not isinstance(result, dict):
            self.close()
            raise errors.CorruptFile("The parser's reply is not of its form: the file has taken it over.")
        return result, payload

    def interrupt(self) -> None:
        """Kill the child at once, from any thread; a call that runs ends with an error."""
        if process := self._process:
            _kill(process)

    def close(self, grace_s: float = 0) -> int:
        """End the child, if there is one.

        Args:
            grace_s: Seconds to wait for its own end before it is killed. A child whose pipe has closed is
                dying, and its own exit status says of what.

        Returns:
            The exit status; negative: the signal.
        """
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            code = process.wait(grace_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    # Unsent bytes of a request whose reader is gone.
                    continue
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _max_payload(self) -> int:
        return max(4 * self._config.max_chars, 64 * 1024 * 1024)

    def _start(self) -> subprocess.Popen[bytes]:
        root = str(Path(__file__).resolve().parents[1])
        paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        return subprocess.Popen(  # noqa: S603 -- every argument is our own
            # -P: the working directory is no place to import from.
            [
                sys.executable,
                "-P",
                "-m",
                "ingest.sandbox",
                json.dumps(asdict(self._config)),
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def _death(self, code: int, *, timed_out: bool) -> errors.IngestError:
        if timed_out:
            return errors.LimitExceeded(
                f"Reading the file took longer than {self._config.timeout_s:g} seconds and was stopped. "
                "Split the file, or raise the parser's time limit."
            )
        if code >= 0:
            return errors.ParserUnavailable(
                f"The parser's process could not run (exit status {code}). Its standard error says why; a "
                f"memory ceiling below what Python needs is one reason ({self._config.memory_bytes} bytes)."
            )
        name = _signal_name(-code)
        if name == "SIGXCPU":
            return errors.LimitExceeded(
                f"Reading the file used more than {self._config.cpu_s:g} seconds of processor time and was stopped. "
                "Split the file, or raise the parser's time limit."
            )
        if name == "SIGSYS":
            return errors.CorruptFile(
                "The parser asked the system for something that reading a file does not need, and was stopped: the "
                "file has taken it over."
            )
        if name in _OUT_OF_MEMORY:
            return errors.LimitExceeded(
                f"The parser was ended by {name}, most likely for want of memory (its ceiling is "
                f"{self._config.memory_bytes // 2**20} MiB). Split the file, or raise the ceiling."
            )
        return errors.CorruptFile(
            f"The parser crashed on the file ({name}): it is damaged or was made to do that. Open it in its "
            "own program, save it anew and upload the result."
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child with everything that it may have started."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            # It has just ended by itself.
            return
    else:
        process.kill()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
