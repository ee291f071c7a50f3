"""Logs on standard error: one JSON object a line, or readable in a terminal; the libraries' lines in the same form.

What a log may say: what happened, where in the program, under which trace id. What it may not: questions, texts,
names that users give, keys. Messages of exceptions quote all of these, so an exception is shown by its class, its
code and its way through the program; only ``FOOTNOTE_LOG_LEVEL=debug`` adds the messages.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, Processor

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

# Last resort, should a key get into a message all the same.
_SECRETS = re.compile(r"(?i)(bearer\s+)[^\s\"',;]+|\b(?:sk|fn|pk)[_-][A-Za-z0-9_.-]{8,}")
_MAX_CAUSES = 5


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
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Exceptions(messages=number <= logging.DEBUG),
        _without_secrets,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[*shared, renderer],
        logger_factory=_Lines,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for former in [
        each for each in root.handlers if isinstance(each.formatter, structlog.stdlib.ProcessorFormatter)
    ]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))


class _Exceptions:
    """Turns an exception into its classes, codes and frames.

    Args:
        messages: Whether to add what the exceptions say.
    """

    def __init__(self, *, messages: bool) -> None:
        self._messages = messages

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        """A structlog processor."""
        given = event.pop("exc_info", None)
        if not given:
            return event
        error = given if isinstance(given, BaseException) else _current(given)
        if error is not None:
            event["exception"] = self._shown(error)
        return event

    def _shown(self, error: BaseException) -> str:
        parts: list[str] = []
        seen: BaseException | None = error
        while seen is not None and len(parts) < _MAX_CAUSES:
            code = getattr(seen, "code", None)
            name = f"{type(seen).__name__} ({code})" if isinstance(code, str) else type(seen).__name__
            frames = traceback.format_tb(seen.__traceback__)
            parts.append("".join(frames) + name + (f": {seen}" if self._messages else ""))
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
        return "\ncaused by\n".join(parts)


def _current(given: ExcInfo | bool) -> BaseException | None:
    return given[1] if isinstance(given, tuple) else sys.exc_info()[1]


def _without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _SECRETS.sub(lambda found: (found[1] or "") + "***", value)
    return event
