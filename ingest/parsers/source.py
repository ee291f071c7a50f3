"""Source code and settings files: the decoded file unchanged, code as a whole, headings where it defines things."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, String

from ingest.parsers.definitions import definition_pattern
from ingest.parsers.lines import lines_of
from ingest.parsers.text import decode
from ingest.types import Block, BlockKind, Parsed

if TYPE_CHECKING:
    from collections.abc import Iterator


# Longer files are written by programs. Their definitions are found without a look at comments.
_MAX_LEXED_CHARS = 1_000_000
# Seconds that a lexer gets; patterns of some take time that grows with the square of a line.
_MAX_LEXED_S = 5.0
# A definition is named at the start of its line.
_MAX_LINE = 400
_MAX_LEVEL = 6
_TAB = 4


def parse(data: bytes, language: str, filename: str) -> Parsed:
    """Read a file of source code.

    Args:
        data: The file.
        language: The name that Pygments has for it.
        filename: As uploaded; it is the title.

    Returns:
        The decoded text. Headings are the first lines of classes, functions and the like, from the line's
        start to the name that is defined, their level by what they stand inside.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    text = decode(data)
    blocks = [Block(BlockKind.CODE, 0, len(text)), *_headings(text, language)]
    return Parsed(text, tuple(blocks), filename, f"source/pygments-{version('pygments')}")


def _headings(text: str, language: str) -> Iterator[Block]:
    pattern = definition_pattern(language)
    if pattern is None:
        return
    found = [
        (line, line.start + match.end())
        for line in lines_of(text)
        if (match := pattern.match(line.text[:_MAX_LINE], line.indent))
    ]
    hidden = _Hidden(text, language) if found and len(text) <= _MAX_LEXED_CHARS else None
    outer: list[int] = []
    for line, end in found:
        if hidden and hidden.covers(line.start + line.indent):
            continue
        width = len(text[line.start : line.start + line.indent].expandtabs(_TAB))
        while outer and outer[-1] >= width:
            outer.pop()
        outer.append(width)
        yield Block(BlockKind.HEADING, line.start, end, min(len(outer), _MAX_LEVEL))


class _Hidden:
    """Tells which offsets are inside comments and strings; asked in rising order."""

    def __init__(self, text: str, language: str) -> None:
        # Lexers know one line end only. As long as these, so that offsets hold.
        plain = text.replace("\r\n", " \n").replace("\r", "\n")
        self._tokens = get_lexer_by_name(language).get_tokens_unprocessed(plain)
        self._deadline = time.monotonic() + _MAX_LEXED_S
        self._end = 0
        self._inside = False

    def covers(self, offset: int) -> bool:
        """Whether this code point is part of a comment or string. After the deadline nothing is."""
        while self._end <= offset:
            token = next(self._tokens, None)
            if token is None or time.monotonic() > self._deadline:
                self._inside = False
                return False
            start, kind, value = token
            self._end = start + len(value)
            self._inside = kind in Comment or kind in String
        return self._inside
