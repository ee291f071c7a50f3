"""JSON and JSON lines: the decoded file, laid out anew only where a person could not read it.

A file with long lines, or one that spells its letters as numbers, is laid out: line ends and indentation are
put between its parts, and in its strings escapes of letters, line ends and tabs become these. No value is read
and written again, so that 1.10 stays 1.10, a name that occurs twice stays twice, and a file with an error can
still be read.
"""

from __future__ import annotations

import re

from ingest.parsers.text import clean, decode
from ingest.types import Block, BlockKind, Parsed

_PARSER = "json/layout-1"
# Longer lines are written by programs for programs.
_MAX_LINE = 1_000
# Deeper nesting stays on the line: its indentation would grow without bound.
_DEEP = 30
_LINE_ENDS = (*("\n" + "  " * depth for depth in range(_DEEP)), " ")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_EMPTY = re.compile(r"\s*([}\]])")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT_ESCAPES = {"n": "\n", "r": "", "t": "\t", "/": "/"}
_WIDE_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")


def parse(data: bytes) -> Parsed:
    """Read a JSON file.

    Args:
        data: The file.

    Returns:
        Its text, see above, which is code as a whole.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    text = _readable(decode(data))
    return Parsed(text, (Block(BlockKind.CODE, 0, len(text)),), "", _PARSER)


def parse_lines(data: bytes) -> Parsed:
    """Read a file of JSON values, one a line.

    Args:
        data: The file.

    Returns:
        Its text, see above. Values that stay on one line each are a list, those laid out are parted by an
        empty line.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    decoded = decode(data)
    text = _readable(decoded)
    blocks = (Block(BlockKind.LIST, 0, len(text)),) if text == decoded else ()
    return Parsed(text, blocks, "", _PARSER)


def _readable(text: str) -> str:
    if _WIDE_ESCAPE.search(text) or any(len(line) > _MAX_LINE for line in text.splitlines()):
        return clean(_laid_out(text))
    return text


def _laid_out(text: str) -> str:
    """One member or element a line."""
    parts: list[str] = []
    depth = 0
    at = 0
    while token := _TOKEN.search(text, at):
        at = token.end()
        mark = token[0]
        if mark in {"{", "["}:
            if empty := _EMPTY.match(text, at):
                parts += (mark, empty[1])
                at = empty.end()
            else:
                depth += 1
                parts += (mark, _LINE_ENDS[min(depth, _DEEP)])
        elif mark in {"}", "]"}:
            depth = max(0, depth - 1)
            parts += (_LINE_ENDS[min(depth, _DEEP)], mark, "" if depth else "\n\n")
        elif mark == ",":
            parts += (",", _LINE_ENDS[min(depth, _DEEP)])
        else:
            parts.append(": " if mark == ":" else _visible(mark))
    return "".join(parts).strip() + "\n"


def _visible(token: str) -> str:
    """A string with its escaped letters, line ends and tabs as these; all else stays escaped."""
    if not token.startswith('"') or "\\" not in token:
        return token

    def letter(found: re.Match[str]) -> str:
        if found[1] is None:
            return _SHORT_ESCAPES.get(found[2], found[0])
        # The characters below are controls, and those of ASCII that somebody had a reason to escape.
        return chr(int(found[1], 16)) if int(found[1], 16) >= 0xA0 else found[0]  # noqa: PLR2004

    return _ESCAPE.sub(letter, token)
