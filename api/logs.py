"""Logs on standard error: our own as one JSON object a line, or readable in a terminal; libraries' as they are."""

from __future__ import annotations

import logging
import sys
import threading

import structlog


class _Lines:
    """Writes lines to standard error, and never fails: that may be a file on the very disk that is full."""

    _lock = threading.Lock()
    _dropped = 0

    def __init__(self, *_: object) -> None:
        pass

    def msg(self, line: str) -> None:
        """Write a line, or count it until one can be written again."""
        with _Lines._lock:
            lost = f'{{"event": "log_lines_lost", "count": {_Lines._dropped}}}\n' if _Lines._dropped else ""
            try:
                sys.stderr.write(f"{lost}{line}\n")
                sys.stderr.flush()
                _Lines._dropped = 0
            except (OSError, ValueError):
                # ValueError: standard error was closed.
                _Lines._dropped += 1

    log = debug = info = warn = warning = error = critical = exception = fatal = failure = err = msg


def configure(level: str) -> None:
    """Set up logging for this process."""
    number = logging.getLevelNamesMapping()[level.upper()]
    terminal = sys.stderr.isatty()
    # Plain tracebacks: the default ones print every local variable, keys and texts of documents included.
    pretty = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = pretty if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        logger_factory=_Lines,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s")
