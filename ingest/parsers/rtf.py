"""Rich Text Format (.rtf): text, headings, lists, tables and notes, by a reader of its own.

The one maintained library, striprtf, gives the same words but none of the structure: headings, notes and
the cells of tables come out as lines like all others. The rules are those of the RTF specification 1.9.1.
Left out: headers, footers, comments, deleted and hidden text, pictures, field codes.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.errors import CorruptFile, LimitExceeded
from ingest.parsers.builder import TextBuilder
from ingest.parsers.rtf_flow import Flow
from ingest.parsers.rtf_words import BREAKS, CHARACTERS, CHARSETS, DROPPED, KEPT
from ingest.parsers.titles import meant_title

if TYPE_CHECKING:
    from ingest.types import Parsed

# A control word with its number; a byte in hexadecimal; a control sign; a brace; text. Line ends are nothing.
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
_HEADING_STYLE = re.compile(r"heading (\d)$", re.IGNORECASE)
# Groups that are read inside of others that are not.
_OPENING = {"title", "shptxt", "ud"}
_MAX_DEPTH = 10_000
_LEVELS = 9
_SYMBOL_CHARSET = 2
_MAX_STAND_INS = 8
# In half points.
_TINY = 2


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it."""

    # Where text goes: body, note, label, title, styles, fonts, or nowhere.
    target: str = "body"
    font: int = -1
    hidden: bool = False
    # Letters of one point or less are specks.
    tiny: bool = False
    # Characters after a \u that stand in for it in programs without Unicode.
    stand_ins: int = 1
    style: int = 0
    # Of the outline, from 0; None for body text.
    level: int | None = None
    in_table: bool = False


def parse(data: bytes) -> Parsed:
    """Read a Rich Text document.

    Args:
        data: The file.

    Returns:
        Its text: paragraphs parted by an empty line, a table's rows by a line feed, their cells by a bar.
        The title is that of the properties.

    Raises:
        CorruptFile: The file ends in the middle.
        LimitExceeded: It is nested deeper than any document.
    """
    reader = _Reader()
    reader.read(data)
    return reader.out.parsed(meant_title(reader.title), "rtf/1")


class _Reader:
    def __init__(self) -> None:
        self.out = TextBuilder()
        self.title = ""
        self._flow = Flow(self.out)
        self._state = _State()
        self._stack: list[_State] = []
        # The group says that programs may leave it out if they do not know it.
        self._star = False
        self._encoding = "cp1252"
        self._default_font = -1
        self._fonts: dict[int, str | None] = {}
        self._style_levels: dict[int, int | None] = {}
        self._style_name = ""
        # Undecoded: the two bytes of one Asian character may come in different ways.
        self._bytes = bytearray()
        # Characters to pass over, because a \u before them says the same.
        self._skip = 0

    def read(self, data: bytes) -> None:
        """Take in the whole file."""
        position = 0
        while position < len(data) and (token := _TOKEN.match(data, position)):
            position = token.end()
            word, number, code, symbol, brace, text = token.groups()
            if text or code:
                self._read_bytes(text or bytes((int(code, 16),)))
            elif word == b"bin":
                # Raw bytes, of a picture mostly.
                position += max(0, int(number or 0))
            elif word:
                self._read_word(word.decode(), int(number) if number else None)
            elif symbol:
                self._read_symbol(symbol)
            elif brace == b"{":
                self._open()
            elif brace:
                self._close()
                if not self._stack:
                    break
        if self._stack:
            raise CorruptFile("The Rich Text document ends in the middle. Upload the whole file.")
        self._flow.finish()

    def _open(self) -> None:
        self._flush()
        self._skip = 0
        if len(self._stack) >= _MAX_DEPTH:
            raise LimitExceeded("The file is nested deeper than any document needs; it was not read.")
        self._stack.append(self._state)
        self._state = replace(self._state)

    def _close(self) -> None:
        self._flush()
        self._skip = 0
        left, self._state = self._state, self._stack.pop() if self._stack else _State()
        if left.target == "note" and self._state.target != "note":
            self._flow.end_note()
        elif left.target == "styles" and self._style_name:
            match = _HEADING_STYLE.match(self._style_name.strip(" ;"))
            self._style_levels[left.style] = int(match[1]) - 1 if match else left.level
            self._style_name = ""

    def _read_bytes(self, text: bytes) -> None:
        if self._state.target:
            self._bytes += text[self._skip :]
        self._skip = max(0, self._skip - len(text))

    def _read_symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._star = True
        elif self._skip:
            self._skip -= 1
        elif symbol in b"\\{}":
            self._read_bytes(symbol)
        elif symbol in b"\r\n":
            self._break("par")
        elif symbol in b"~_":
            self._add("\N{NO-BREAK SPACE}" if symbol == b"~" else "-")

    def _read_word(self, name: str, number: int | None) -> None:
        state, star = self._state, self._star
        self._star = False
        if self._skip and name != "u":
            self._skip -= 1
        elif name in DROPPED or (star and name not in KEPT):
            self._flush()
            state.target = ""
        elif name in KEPT:
            self._flush()
            # What is left out stays so, whatever stands in it, but for a few groups.
            state.target = KEPT[name] or state.target if state.target or name in _OPENING else ""
        elif name in CHARACTERS:
            self._add(CHARACTERS[name])
        elif name == "u":
            self._add(chr((number or 0) % 65536))
            self._skip = state.stand_ins
        elif name in BREAKS:
            self._break(name)
        elif number is None or number >= 0:
            self._set(name, number)

    def _set(self, name: str, number: int | None) -> None:
        """A property of the text or paragraph. One that hides text is switched off by a zero."""
        state = self._state
        match name:
            case "f" | "fcharset" | "cpg" | "deff" | "ansicpg" | "mac" | "pc" | "pca":
                self._set_encoding(name, number or 0)
            case "v" | "deleted":
                self._flush()
                state.hidden = number != 0
            case "fs":
                self._flush()
                state.tiny = number is not None and number <= _TINY
            case "plain":
                self._flush()
                state.hidden, state.tiny, state.font = False, False, self._default_font
            case "pard":
                state.style, state.level, state.in_table = 0, None, False
            case "s":
                state.style = number or 0
            case "outlinelevel":
                state.level = number if number is not None and number < _LEVELS else None
            case "intbl":
                state.in_table = number != 0
            case "uc":
                state.stand_ins = min(number or 0, _MAX_STAND_INS)

    def _set_encoding(self, name: str, number: int) -> None:
        self._flush()
        state = self._state
        if name == "f":
            state.font = number
        elif name == "deff":
            self._default_font = state.font = number
        elif name == "fcharset" and state.target == "fonts":
            self._fonts[state.font] = "symbol" if number == _SYMBOL_CHARSET else CHARSETS.get(number)
        elif name == "cpg" and state.target == "fonts":
            self._fonts[state.font] = _known(f"cp{number}")
        elif name in {"ansicpg", "mac", "pc", "pca"}:
            named = {"mac": "mac-roman", "pc": "cp437", "pca": "cp850"}.get(name, f"cp{number}")
            self._encoding = _known(named) or self._encoding

    def _break(self, name: str) -> None:
        """The end of a paragraph, a cell or a row."""
        self._flush()
        if self._state.target == "note":
            self._flow.add_note(" ")
        elif self._state.target != "body":
            return
        elif name == "cell":
            self._flow.end_cell()
        elif name == "row":
            self._flow.end_row()
        elif name == "nestcell" or self._state.in_table:
            self._flow.end_cell_paragraph()
        else:
            level = self._state.level
            if level is None:
                level = self._style_levels.get(self._state.style)
            self._flow.end_paragraph(None if level is None else level + 1)

    def _flush(self) -> None:
        if not self._bytes:
            return
        encoding = self._fonts.get(self._state.font) or self._encoding
        if encoding == "symbol":
            # Letters of a font of signs; one that is used for bullets is known.
            text = self._bytes.replace(b"\xb7", b"\x95").decode("cp1252", "replace")
        else:
            text = self._bytes.decode(encoding, "replace")
        self._bytes.clear()
        self._add(text)

    def _add(self, text: str) -> None:
        self._flush()
        target = self._state.target
        if target == "title":
            self.title += text
        elif target == "styles":
            self._style_name += text
        elif self._state.hidden or self._state.tiny:
            if text.strip():
                self.out.leave_out("hidden_text")
        elif target == "body":
            self._flow.add(text)
        elif target == "note":
            self._flow.add_note(text)
        elif target == "label":
            self._flow.add_label(text)


def _known(encoding: str) -> str | None:
    """An encoding that there is a decoder for, or None."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return None
