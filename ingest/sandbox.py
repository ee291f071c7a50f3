"""The inside of the child process in which hostile files are read, and the protocol with it.

Parsers of PDF and Office files loop, exhaust memory and crash on files made for it. They run in a child
that has a memory ceiling, writes no files, holds none of the parent's environment and is killed at its
deadline. What comes back is data: numbers and text over a pipe, no pickle.

A message is a header of two lengths, a JSON object and a stretch of raw bytes (the text, an image).
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import signal
import struct
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ingest import errors
from ingest.config import ParseConfig

Json = dict[str, Any]

_HEADER = struct.Struct(">QQ")
_MAX_JSON = 256 * 1024 * 1024
# What a request may name: the function that serves it. Imported at the first use, so that a child that
# reads plain text never loads the PDF libraries.
_OPERATIONS = {
    "parse": ("ingest.parse", "serve_parse"),
    "locate": ("ingest.pages", "serve_locate"),
    "render": ("ingest.pages", "serve_render"),
}
_PR_SET_PDEATHSIG = 1


def as_parse_error(error: BaseException) -> errors.ParseError:
    """The one place where what a parser's library raised becomes an error of this package."""
    if isinstance(error, errors.ParseError):
        return error
    if isinstance(error, MemoryError):
        return errors.LimitExceeded("Reading the file needs more memory than the parser's ceiling. Split it.")
    if isinstance(error, RecursionError):
        return errors.LimitExceeded("The file is nested deeper than any document needs; it was not read.")
    return errors.CorruptFile(
        f"The file could not be read ({type(error).__name__}: {str(error)[:300]}). Open it in its own "
        "program, save it anew and upload the result."
    )


def main() -> None:
    """The child: set the ceilings, then answer requests until the parent closes the pipe."""
    config = ParseConfig(**json.loads(sys.argv[1]))
    requests, replies = _take_over_pipes()
    faulthandler.enable()
    # Both would only repeat, for each hostile file, what the error says.
    logging.disable()
    warnings.simplefilter("ignore")
    _limit(config)
    _die_with(int(sys.argv[2]))
    while request := receive(requests, 0):
        # Should the parent be gone, the deadline still holds.
        if hasattr(signal, "alarm"):
            signal.alarm(int(config.timeout_s) + 5)
        header, payload = _serve(request[0], config)
        header["rss"] = _resident_bytes()
        send(replies, header, payload)
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _serve(request: Json, config: ParseConfig) -> tuple[Json, bytes]:
    try:
        module, function = _OPERATIONS[request["operation"]]
        result, payload = getattr(import_module(module), function)(config, **request["arguments"])
    except ImportError:
        # An incomplete installation is not the file's fault: end, and let the parent say so.
        raise
    except BaseException as error:
        mapped = as_parse_error(error)
        return {"error": mapped.code, "message": str(mapped).encode("utf-8", "replace").decode()}, b""
    return {"result": result}, payload


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the pipes private: whatever a library prints goes to the standard error instead."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, replies


def _limit(config: ParseConfig) -> None:
    """Lower this process's own limits, as far as the system has them."""
    try:
        import resource  # noqa: PLC0415 -- not on Windows
    except ImportError:
        return
    limits = {
        "RLIMIT_AS": config.memory_bytes,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 64,
    }
    for name, value in limits.items():
        if not hasattr(resource, name):
            continue
        limit = getattr(resource, name)
        hard = resource.getrlimit(limit)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(limit, (lowered, lowered))
        except (ValueError, OSError):
            # macOS knows RLIMIT_AS and refuses to set it; the deadline still holds.
            if sys.platform == "linux":
                raise


def _die_with(parent: int) -> None:
    """Ask Linux for a kill at the parent's death. Elsewhere the closed pipe and the alarm end this."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the request to the kernel.
        sys.exit(1)


def _resident_bytes() -> int:
    """Memory that this process holds now, in bytes; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def send(pipe: IO[bytes], header: Json, payload: bytes = b"") -> None:
    """Write one message."""
    encoded = json.dumps(header).encode()
    pipe.write(_HEADER.pack(len(encoded), len(payload)))
    pipe.write(encoded)
    pipe.write(payload)
    pipe.flush()


def receive(pipe: IO[bytes], max_payload: int) -> tuple[Json, bytes] | None:
    """One message, or None at the end of the pipe.

    Raises:
        ValueError: The message is longer than allowed or not as described.
    """
    start = pipe.read(_HEADER.size)
    if len(start) < _HEADER.size:
        return None
    json_length, payload_length = _HEADER.unpack(start)
    if json_length > _MAX_JSON or payload_length > max_payload:
        raise ValueError(f"a message of {json_length} + {payload_length} bytes is longer than allowed")
    body = pipe.read(json_length + payload_length)
    if len(body) < json_length + payload_length:
        return None
    header = json.loads(body[:json_length])
    if not isinstance(header, dict):
        raise ValueError("a message's first part is not a JSON object")  # noqa: TRY004
    return header, body[json_length:]


if __name__ == "__main__":
    main()
