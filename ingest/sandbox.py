"""The inside of the child process in which hostile files are read, and the protocol with it.

Parsers of PDF and Office files loop, exhaust memory and crash on files made for it, and some let a file take them
over. They run in a child that has ceilings on memory and processor time, holds none of the parent's environment and is
killed at its deadline. Where the kernel can do so it opens no file but its own program, reaches no network and starts
nothing (``confine``): the file to read comes in through the pipe. What goes back is data too, and no pickle.

A message is a header of two lengths, a JSON object and a stretch of raw bytes (a file, its text, an image).
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import shutil
import signal
import site
import struct
import sys
import sysconfig
import time
import warnings
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ingest import errors
from ingest.config import MEBIBYTE, ParseConfig
from ingest.confine import Confinement, confine

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_HEADER = struct.Struct(">QQ")
# Half a million blocks take about 20 MiB; what a child that was taken over sends is decoded in the service.
_MAX_JSON = 32 * MEBIBYTE
# What a request may name: the function that serves it. Imported at the first use, so that a child that
# reads plain text never loads the PDF libraries.
_OPERATIONS = {
    "parse": ("ingest.parse", "serve_parse"),
    "locate": ("ingest.pages", "serve_locate"),
    "render": ("ingest.pages", "serve_render"),
    "draw": ("ingest.pages", "serve_draw"),
}
# Folders that programs and libraries read from, on the systems that have them.
_SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/fonts")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/proc/cpuinfo", "/sys/devices/system/cpu")
_RECOGNITION_DATA = ("/usr/share/tesseract-ocr", "/usr/share/tessdata", "/usr/local/share/tessdata")
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
    """The child: give up what it does not need, then answer requests until the parent closes the pipe."""
    config = ParseConfig(**json.loads(sys.argv[1]))
    requests, replies = _take_over_pipes()
    # Both would only repeat, for each hostile file, what the error says.
    logging.disable()
    warnings.simplefilter("ignore")
    _limit(config)
    _die_with(int(sys.argv[2]))
    # Opened now, because later it cannot be.
    statm = os.open("/proc/self/statm", os.O_RDONLY) if Path("/proc/self/statm").exists() else None
    confinement = confined(config)
    if config.sandbox == "required" and not confinement.complete:
        sys.exit(
            f"FOOTNOTE_PARSE_SANDBOX is required, and this system cannot give it: {confinement.reason}. Allow these "
            "calls to the service, or set it to auto."
        )
    _silence()
    while request := receive(requests, config.max_bytes):
        # Should the parent be gone, the deadline still holds.
        if hasattr(signal, "alarm"):
            signal.alarm(int(config.timeout_s) + 5)
        _limit_processor_time(config)
        header, payload = _serve(*request, config, confinement)
        # The file would be missing from the memory of the next one.
        del request
        header["rss"] = _resident_bytes(statm)
        send(replies, header, payload)
        del header, payload
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def confined(config: ParseConfig) -> Confinement:
    """Take this process's rights away as far as the settings and the system go."""
    if config.sandbox == "off":
        return Confinement(0, calls=False, programs=True, reason="turned off by FOOTNOTE_PARSE_SANDBOX")
    program = shutil.which("tesseract") if config.programs and config.ocr_languages else None
    started = [Path(program).resolve(), *_loaders()] if program else []
    return confine(_readable(recognising=bool(started)), started)


def _readable(*, recognising: bool) -> Iterator[Path]:
    """What this program consists of, and no folder in which somebody keeps data."""
    yield from map(Path, _SYSTEM_FOLDERS + _SYSTEM_FILES)
    if recognising:
        yield from map(Path, _RECOGNITION_DATA)
    yield Path(__file__).resolve().parent
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    if folder := sysconfig.get_config_var("LIBDIR"):
        yield Path(folder)
    yield from map(Path, [*site.getsitepackages(), site.getusersitepackages()])
    # Libraries may be installed elsewhere. A folder without any may be the one in which documents are kept.
    for entry in map(
        Path, filter(None, [*sys.path, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)])
    ):
        if any(entry.glob("*.dist-info")) or any(entry.glob("*.so*")):
            yield entry


def _loaders() -> Iterator[Path]:
    """What starts a program before its own first instruction, by the names that programs know it under."""
    for folder in ("/lib64", "/lib"):
        yield from (found.resolve() for found in Path(folder).glob("ld-*.so*"))


def _serve(request: Json, file: bytes, config: ParseConfig, confinement: Confinement) -> tuple[Json, bytes]:
    try:
        if request["operation"] == "confinement":
            return {"result": asdict(confinement)}, b""
        module, function = _OPERATIONS[request["operation"]]
        result, payload = getattr(import_module(module), function)(config, file, **request["arguments"])
    except ImportError as error:
        # An incomplete installation is not the file's fault.
        return {"error": errors.ParserUnavailable.code, "message": f"The parser is incomplete: {error}."}, b""
    except errors.ProgramNeeded as error:
        return {"error": error.code, "message": str(error)}, b""
    except BaseException as error:
        mapped = as_parse_error(error)
        return {"error": mapped.code, "message": str(mapped).encode("utf-8", "replace").decode()}, b""
    return {"result": result}, payload


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the pipes private: what is printed until the start is done goes to the service's standard error."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, replies


def _silence() -> None:
    """From now on what is printed may be a file's: it must neither fill the service's log nor pass for a line of it."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)


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
        "RLIMIT_NOFILE": config.max_open_files,
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


def _limit_processor_time(config: ParseConfig) -> None:
    """Give the next file its seconds of processor time, counted from what this process has used."""
    try:
        import resource  # noqa: PLC0415 -- not on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(time.process_time() + config.cpu_s) + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


def _die_with(parent: int) -> None:
    """Ask Linux for a kill at the parent's death. Elsewhere the closed pipe and the alarm end this."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the request to the kernel.
        sys.exit(1)


def _resident_bytes(statm: int | None) -> int:
    """Memory that this process holds now, in bytes; 0 where the system does not tell.

    Args:
        statm: The process's file of that name, open.
    """
    if statm is None:
        return 0
    return int(os.pread(statm, 200, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")


def send(pipe: IO[bytes], header: Json, payload: bytes | IO[bytes] = b"", size: int | None = None) -> None:
    """Write one message.

    Args:
        pipe: To the other process.
        header: The message.
        payload: The raw bytes, or a file that is copied from where it stands.
        size: Bytes of that file.

    Raises:
        OSError: The other process has gone, or the file has fewer bytes.
    """
    encoded = json.dumps(header).encode()
    length = len(payload) if isinstance(payload, bytes) else size or 0
    pipe.write(_HEADER.pack(len(encoded), length))
    pipe.write(encoded)
    if isinstance(payload, bytes):
        pipe.write(payload)
    else:
        left = length
        while left:
            piece = payload.read(min(left, MEBIBYTE))
            if not piece:
                raise OSError("the file has become shorter while it was read")
            pipe.write(piece)
            left -= len(piece)
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
    described, payload = pipe.read(json_length), pipe.read(payload_length)
    if len(described) < json_length or len(payload) < payload_length:
        return None
    header = json.loads(described)
    if not isinstance(header, dict):
        raise ValueError("a message's first part is not a JSON object")  # noqa: TRY004
    return header, payload


if __name__ == "__main__":
    main()
