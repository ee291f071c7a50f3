"""The paragraphs, cells and rows of a Rich Text document, collected until they are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.parsers.builder import TextBuilder

# Longer ones are body text in a heading's style.
_MAX_HEADING = 400
# A cell longer than this belongs to a table that lays out a page.
_MAX_CELL = 1000


class Flow:
    """Fills a builder. A table ends with the first paragraph that stands in none of its cells."""

    def __init__(self, out: TextBuilder) -> None:
        self._out = out
        self._text: list[str] = []
        self._label: list[str] = []
        self._is_item = False
        self._note: list[str] = []
        self._after: list[str] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self._rows: list[list[str]] = []

    def add(self, text: str) -> None:
        """Add to the paragraph."""
        self._text.append(text)

    def add_label(self, text: str) -> None:
        """Add to the number or bullet before the paragraph."""
        self._label.append(text)
        self._is_item = True

    def add_note(self, text: str) -> None:
        """Add to the note that the paragraph refers to."""
        self._note.append(text)

    def end_note(self) -> None:
        """The note is whole; it follows the paragraph."""
        self._after.append(" ".join("".join(self._note).split()))
        self._note.clear()

    def end_cell_paragraph(self) -> None:
        """A paragraph inside a cell is whole."""
        if text := self._taken():
            self._cell.append(" ".join(text.split()))

    def end_cell(self) -> None:
        """A cell is whole."""
        self.end_cell_paragraph()
        self._row.append(" ".join(self._cell))
        self._cell.clear()

    def end_row(self) -> None:
        """A row is whole."""
        self._rows.append(self._row)
        self._row = []

    def end_paragraph(self, level: int | None) -> None:
        """A paragraph outside of tables is whole; ``level`` is that of a heading, from 1, or None."""
        is_item = self._is_item
        text = self._taken()
        if not text:
            return
        self._end_table()
        if level is not None and len(text) <= _MAX_HEADING:
            self._out.heading(text, level)
        elif is_item:
            self._out.item(text)
        else:
            self._out.paragraph(text)
        self._end_notes()

    def finish(self) -> None:
        """The document is whole; its last paragraph or row may have lost its mark."""
        if self._row or self._cell:
            self.end_cell()
            self.end_row()
        self.end_paragraph(None)
        self._end_table()

    def _end_table(self) -> None:
        if self._row or self._cell:
            # The last row lost its mark.
            self._row.append(" ".join(self._cell))
            self._cell.clear()
            self.end_row()
        rows, self._rows = self._rows, []
        cells = [cell for row in rows for cell in row]
        if not cells:
            return
        if len(cells) == 1 or max(map(len, cells)) > _MAX_CELL:
            for cell in cells:
                self._out.paragraph(cell)
        else:
            self._out.table(rows)
        self._end_notes()

    def _end_notes(self) -> None:
        for note in self._after:
            self._out.paragraph(note)
        self._after.clear()

    def _taken(self) -> str:
        """The collected paragraph, with the number that stands before it; a bullet is no number."""
        label, text = "".join(self._label).strip(), "".join(self._text).strip()
        self._label.clear()
        self._text.clear()
        self._is_item = False
        return f"{label} {text}" if text and any(map(str.isalnum, label)) else text
