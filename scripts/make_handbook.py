"""Writes the two binary files of the sample handbook from the text in ``scripts/handbook/``.

    python scripts/make_handbook.py [--out docs/handbook]

The source is a small part of Markdown: ``#`` headings, paragraphs of one line, ``-`` and ``1.`` lists, pipe
tables, and ``---`` for a page break. Dates and names inside the files are fixed, so the same source and the
same versions of fpdf2 and python-docx give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from docx import Document
from docx.shared import Cm
from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "scripts" / "handbook"
LIBRARY = "Harbour Street Tool Library"
REPORT_DATE = datetime(2026, 2, 17, 12, tzinfo=UTC)
MANUAL_DATE = datetime(2025, 8, 1, 12, tzinfo=UTC)
BLUE = (24, 70, 104)
PALE = (232, 240, 245)
GREY = (110, 110, 110)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading. ``level`` 1 is the title of the document."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list, numbered from 1 or bulleted."""

    texts: tuple[str, ...]
    numbered: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length; the first is the header."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows starts on a new page."""


Element = Heading | Paragraph | Items | Table | PageBreak


def read_source(text: str) -> list[Element]:
    """Splits a source file at its blank lines and returns what each part is, in reading order."""
    return [read_element(part.splitlines()) for part in re.split(r"\n\s*\n", text.strip())]


def read_element(lines: list[str]) -> Element:
    """Returns the element that a group of adjacent lines forms.

    Raises:
        ValueError: A table whose rows differ in length.
    """
    first = lines[0]
    if first == "---":
        return PageBreak()
    if first.startswith("#"):
        marks, _, title = first.partition(" ")
        return Heading(len(marks), title)
    if first.startswith("- "):
        return Items(tuple(line.removeprefix("- ") for line in lines), numbered=False)
    if first.startswith("1. "):
        return Items(tuple(re.sub(r"^\d+\. ", "", line) for line in lines), numbered=True)
    if first.startswith("|"):
        rows = tuple(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
        if len({len(row) for row in rows}) > 1:
            raise ValueError(
                f"The table that starts with {first!r} has rows of different length: even them out."
            )
        # The second row only separates the header from the body.
        return Table((rows[0], *rows[2:]))
    return Paragraph(" ".join(lines))


class ReportPages(FPDF):
    """A4 pages with a running title above and the page number below."""

    def header(self) -> None:
        """Draws the running title on every page but the first, which has the large one."""
        if self.page_no() > 1:
            self.set_font("Helvetica", size=8.5)
            self.set_text_color(*GREY)
            self.cell(0, 5, f"{LIBRARY}: {self.title}", align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(4)

    def footer(self) -> None:
        """Draws the page number at the foot of the page."""
        self.set_y(-14)
        self.set_font("Helvetica", size=8.5)
        self.set_text_color(*GREY)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align=Align.C)


def write_pdf(elements: list[Element], created: datetime) -> bytes:
    """Sets the elements as a PDF of A4 pages that states ``created`` as its date, and returns its bytes."""
    pdf = ReportPages(format="A4")
    pdf.set_margins(22, 18)
    pdf.set_auto_page_break(auto=True, margin=20)
    pdf.set_creation_date(created)
    pdf.set_title(next(element.text for element in elements if isinstance(element, Heading)))
    pdf.set_author(LIBRARY)
    pdf.set_lang("en-GB")
    pdf.add_page()
    for element in elements:
        pdf.set_text_color(30, 30, 30)
        match element:
            case Heading():
                add_pdf_heading(pdf, element)
            case Paragraph(text):
                pdf.set_font("Helvetica", size=10.5)
                pdf.multi_cell(0, 5.4, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
                pdf.ln(2.6)
            case Items():
                add_pdf_items(pdf, element)
            case Table():
                add_pdf_table(pdf, element)
            case PageBreak():
                pdf.add_page()
    return bytes(pdf.output() or b"")


def add_pdf_heading(pdf: FPDF, heading: Heading) -> None:
    """Sets a heading and enters it in the outline that a viewer shows beside the pages."""
    size = {1: 24, 2: 15, 3: 11.5}[heading.level]
    # A heading must not stand alone at the foot of a page.
    if pdf.will_page_break(32):
        pdf.add_page()
    if heading.level > 1:
        pdf.ln(2)
    pdf.set_font("Helvetica", "B", size)
    pdf.start_section(heading.text, level=heading.level - 1)
    pdf.set_text_color(*BLUE)
    pdf.multi_cell(0, size * 0.48, heading.text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if heading.level == 1:
        pdf.set_draw_color(*BLUE)
        pdf.set_line_width(0.6)
        pdf.line(pdf.l_margin, pdf.y + 2, pdf.w - pdf.r_margin, pdf.y + 2)
        pdf.ln(5)
    pdf.ln(1.8)


def add_pdf_items(pdf: FPDF, items: Items) -> None:
    """Sets a list with a hanging indent."""
    pdf.set_font("Helvetica", size=10.5)
    for number, text in enumerate(items.texts, start=1):
        # An item and its bullet stay on one page.
        if pdf.will_page_break(12):
            pdf.add_page()
        if not items.numbered:
            with pdf.local_context(fill_color=BLUE):
                pdf.circle(pdf.x + 2.5, pdf.y + 2.7, 0.65, style="F")
        pdf.cell(6, 5.4, f"{number}." if items.numbered else "")
        pdf.multi_cell(0, 5.4, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(0.8)
    pdf.ln(2)


def add_pdf_table(pdf: FPDF, table: Table) -> None:
    """Sets a table: figures to the right, words to the left, columns as wide as their longest cell."""
    columns = list(zip(*table.rows, strict=True))
    figures = [all(re.match(r"£?\d", cell) for cell in column[1:]) for column in columns]
    pdf.set_font("Helvetica", size=9.5)
    pdf.set_draw_color(*GREY)
    pdf.set_line_width(0.2)
    with pdf.table(
        table.rows,
        align=Align.L,
        width=min(pdf.epw, 20 + sum(max(map(len, column)) for column in columns) * 2.6),
        col_widths=[max(map(len, column)) + 3 for column in columns],
        text_align=[Align.R if right else Align.L for right in figures],
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", color=BLUE, fill_color=PALE),
        line_height=5.2,
        padding=0.9,
    ):
        pass
    pdf.ln(4)


def write_docx(elements: list[Element], created: datetime) -> bytes:
    """Returns the bytes of a Word file that uses Word's own heading, list and table styles.

    Raises:
        ValueError: The source has a page break.
    """
    document = Document()
    page = document.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    properties = document.core_properties
    properties.title = next(element.text for element in elements if isinstance(element, Heading))
    properties.author = properties.last_modified_by = LIBRARY
    properties.comments = ""
    properties.created = properties.modified = created.replace(tzinfo=None)
    for element in elements:
        match element:
            case Heading(level, text):
                document.add_heading(text, level - 1)
            case Paragraph(text):
                document.add_paragraph(text)
            case Items():
                add_docx_items(document, element)
            case Table():
                add_docx_table(document, element)
            case PageBreak():
                # The source of the manual has none: Word breaks its pages itself.
                raise ValueError("A page break cannot stand in a Word file's source: delete the line '---'.")
    buffer = io.BytesIO()
    document.save(buffer)
    return with_fixed_times(buffer.getvalue(), created)


def add_docx_items(document: WordDocument, items: Items) -> None:
    """Adds a list. Each numbered one starts at 1, where Word alone would count on from the last."""
    if not items.numbered:
        for text in items.texts:
            document.add_paragraph(text, "List Bullet")
        return
    numbering = document.part.numbering_part.element
    style = document.styles["List Number"].element
    own = numbering.add_num(numbering.num_having_numId(style.pPr.numPr.numId.val).abstractNumId.val)
    own.add_lvlOverride(ilvl=0).add_startOverride(1)
    for text in items.texts:
        paragraph = document.add_paragraph(text, "List Number").paragraph_format.element
        paragraph.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = own.numId


def add_docx_table(document: WordDocument, table: Table) -> None:
    """Adds a table in one of Word's own styles, and an empty line below it."""
    grid = document.add_table(len(table.rows), len(table.rows[0]), "Light Grid Accent 1")
    for row, texts in zip(grid.rows, table.rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_paragraph()


def with_fixed_times(data: bytes, created: datetime) -> bytes:
    """Packs a ZIP file again with one date on every entry; python-docx writes the time of the run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, created.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return buffer.getvalue()


def main() -> None:
    """Writes both files into the folder given."""
    parser = argparse.ArgumentParser(description="Write the binary files of the sample handbook.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "handbook", help="the folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    report = read_source((SOURCES / "annual-report.md").read_text(encoding="utf-8"))
    manual = read_source((SOURCES / "safety-manual.md").read_text(encoding="utf-8"))
    (out / "annual-report.pdf").write_bytes(write_pdf(report, REPORT_DATE))
    (out / "safety-manual.docx").write_bytes(write_docx(manual, MANUAL_DATE))


if __name__ == "__main__":
    main()
