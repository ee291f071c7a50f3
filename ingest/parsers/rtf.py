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
from ingest.parsers.rtf_words import BREAKS, CHARACTERS, CHARSETS, DROPPED, KEPT
from ingest.parsers.titles import meant_title

if TYPE_CHECKING:
    from ingest.types import Parsed

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([\r\n]+)|([^\\{}\r\n]+)|\\",
    re.DOTALL,
)
_HEADING_STYLE = re.compile(r"heading (\d)$", re.IGNORECASE)
_OPENING = {"title", "shptxt", "ud"}
_MAX_DEPTH = 10_000
_MAX_HEADING = 400
_MAX_CELL = 1000
_LEVELS = 9
_NO_LEVEL = -1
_SYMBOL_CHARSET = 2


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it."""

    # Where text goes: body, note, label, title, styles, fonts, or nowhere.
    target: str = "body"
    font: int = -1
    hidden: bool = False
    # Characters after a \u that stand in for it in programs without Unicode.
    stand_ins: int = 1
    style: int = 0
    level: int = _NO_LEVEL
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
        self._state = _State()
        self._stack: list[_State] = []
        self._encoding = "cp1252"
        self._default_font = -1
        self._fonts: dict[int, str | None] = {}
        self._style_levels: dict[int, int] = {}
        self._style_name = ""
        # Undecoded bytes: the two of one Asian character may come in different ways.
        self._bytes = bytearray()
        self._text: list[str] = []
        self._label: list[str] = []
        self._is_item = False
        self._note: list[str] = []
        self._after: list[str] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self._skip = 0

    def read(self, data: bytes) -> None:
        """Take in the whole file."""
        position, star = 0, False
        while position < len(data):
            token = _TOKEN.match(data, position)
            if token is None:
                break
            position = token.end()
            word, number, code, symbol, brace, line_end, text = token.groups()
            if text:
                if self._state.target and self._skip < len(text):
                    self._bytes += text[self._skip :]
                self._skip = max(0, self._skip - len(text))
            elif code:
                self._byte(int(code, 16))
            elif word:
                name = word.decode()
                if name == "bin":
                    position += max(0, int(number or 0))
                elif self._skip and name != "u":
                    self._skip -= 1
                else:
                    self._word(name, int(number) if number else None, star=star)
                star = False
            elif symbol == b"*":
                star = True
            elif symbol:
                self._symbol(symbol)
            elif brace == b"{":
                self._open()
            elif brace:
                self._close()
                if not self._stack:
                    break
        if self._stack:
            raise CorruptFile("The Rich Text document ends in the middle. Upload the whole file.")
        self._end_paragraph()
        self._end_table()

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
            self._after.append(" ".join("".join(self._note).split()))
            self._note.clear()
        elif left.target == "styles" and self._style_name:
            self._define_style(left)

    def _byte(self, value: int) -> None:
        if self._skip:
            self._skip -= 1
        elif self._state.target:
            self._bytes.append(value)

    def _symbol(self, symbol: bytes) -> None:
        if self._skip:
            self._skip -= 1
        elif symbol in b"\\{}":
            self._byte(symbol[0])
        elif symbol in b"\r\n":
            self._word("par", None, star=False)
        elif symbol in b"~_":
            self._add("\N{NO-BREAK SPACE}" if symbol == b"~" else "-")

    def _word(self, name: str, number: int | None, *, star: bool) -> None:
        state = self._state
        if name in DROPPED or (star and name not in KEPT):
            self._flush()
            state.target = ""
        elif name in KEPT:
            self._flush()
            # What is left out stays so, whatever stands in it, but for a few groups that are read for this.
            state.target = KEPT[name] or state.target if state.target or name in _OPENING else ""
            self._is_item = self._is_item or state.target == "label"
        elif name in CHARACTERS:
            self._add(CHARACTERS[name])
        elif name == "u":
            self._add(chr((number or 0) % 65536))
            self._skip = state.stand_ins
        elif name in BREAKS:
            self._break(name)
        else:
            self._property(name, number)

    def _property(self, name: str, number: int | None) -> None:
        state = self._state
        if name == "f" and number is not None:
            self._flush()
            state.font = number
        elif name == "fcharset" and state.target == "fonts":
            self._fonts[state.font] = "symbol" if number == _SYMBOL_CHARSET else CHARSETS.get(number or 0)
        elif name == "cpg" and state.target == "fonts":
            self._fonts[state.font] = _known(f"cp{number}")
        elif name in {"v", "deleted"}:
            self._flush()
            state.hidden = number != 0
        elif name == "plain":
            self._flush()
            state.hidden, state.font = False, self._default_font
        elif name == "pard":
            state.style, state.level, state.in_table = 0, _NO_LEVEL, False
        elif name == "s" and number is not None:
            state.style = number
        elif name == "outlinelevel" and number is not None:
            state.level = number
        elif name == "intbl":
            state.in_table = number != 0
        elif name == "uc":
            state.stand_ins = min(max(number or 0, 0), 8)
        elif name == "deff":
            self._default_font = state.font = number or 0
        elif name in {"ansicpg", "mac", "pc", "pca"}:
            named = {"mac": "mac-roman", "pc": "cp437", "pca": "cp850"}.get(name, f"cp{number}")
            self._encoding = _known(named) or self._encoding

    def _break(self, name: str) -> None:
        """The end of a paragraph, a cell or a row."""
        self._flush()
        if self._state.target == "note":
            self._note.append(" ")
        elif self._state.target != "body":
            return
        elif name in {"cell", "nestcell"}:
            self._end_cell_paragraph()
            if name == "cell":
                self._row.append(" ".join(self._cell))
                self._cell.clear()
        elif name == "row":
            self._rows.append(self._row)
            self._row = []
        elif self._state.in_table:
            self._end_cell_paragraph()
        else:
            self._end_paragraph()

    def _end_cell_paragraph(self) -> None:
        text = self._taken()
        if text:
            self._cell.append(" ".join(text.split()))

    def _end_paragraph(self) -> None:
        level = self._state.level
        if level == _NO_LEVEL:
            level = self._style_levels.get(self._state.style, _NO_LEVEL)
        is_item = self._is_item
        text = self._taken()
        if not text:
            return
        self._end_table()
        if 0 <= level < _LEVELS and len(text) <= _MAX_HEADING:
            self.out.heading(text, level + 1)
        elif is_item:
            self.out.item(text)
        else:
            self.out.paragraph(text)
        self._end_notes()

    def _taken(self) -> str:
        """The collected paragraph, with the number that stands before it; a bullet is no number."""
        label, text = "".join(self._label).strip(), "".join(self._text).strip()
        self._label.clear()
        self._text.clear()
        self._is_item = False
        return f"{label} {text}" if text and any(map(str.isalnum, label)) else text

    def _end_table(self) -> None:
        if self._row or self._cell:
            # The last row lost its mark.
            self._rows.append([*self._row, " ".join(self._cell)])
            self._row, self._cell = [], []
        rows, self._rows = self._rows, []
        cells = [cell for row in rows for cell in row]
        if not cells:
            return
        if len(cells) == 1 or max(map(len, cells)) > _MAX_CELL:
            for cell in cells:
                self.out.paragraph(cell)
        else:
            self.out.table(rows)
        self._end_notes()

    def _end_notes(self) -> None:
        for note in self._after:
            self.out.paragraph(note)
        self._after.clear()

    def _define_style(self, state: _State) -> None:
        match = _HEADING_STYLE.match(self._style_name.strip(" ;"))
        if state.level != _NO_LEVEL or match:
            self._style_levels[state.style] = int(match[1]) - 1 if match else state.level
        self._style_name = ""

    def _flush(self) -> None:
        if self._bytes:
            encoding = self._fonts.get(self._state.font) or self._encoding
            if encoding == "symbol":
                text = "•" if self._bytes.strip() == b"\xb7" else self._bytes.decode("cp1252", "replace")
            else:
                text = self._bytes.decode(encoding, "replace")
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        self._flush()
        target = self._state.target
        if self._state.hidden and target in {"body", "note", "label"}:
            return
        if target == "body":
            self._text.append(text)
        elif target == "note":
            self._note.append(text)
        elif target == "label":
            self._label.append(text)
        elif target == "title":
            self.title += text
        elif target == "styles":
            self._style_name += text


def _known(encoding: str) -> str | None:
    """An encoding that there is a decoder for; UTF-8 is none that a single byte could be in."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return None
