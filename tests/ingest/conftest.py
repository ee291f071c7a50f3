"""Small files of every kind, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from fpdf import FPDF

from ingest.config import ParseConfig
from ingest.parse import Parser

if TYPE_CHECKING:
    from pathlib import Path

PdfMaker = Callable[..., bytes]
Pack = Callable[[dict[str, str | bytes]], bytes]


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    """A parser with the default ceilings, shared because its child is warm."""
    with Parser(ParseConfig(timeout_s=30)) as shared:
        yield shared


@pytest.fixture
def make_pdf() -> PdfMaker:
    """A function that turns pages of text into a PDF."""

    def make(*pages: str, title: str = "", outline: tuple[str, ...] = ()) -> bytes:
        pdf = FPDF(format="A4")
        pdf.set_title(title)
        pdf.set_font("helvetica", size=12)
        for page in pages:
            pdf.add_page()
            for line in page.split("\n"):
                if line in outline:
                    pdf.start_section(line)
                if line:
                    pdf.cell(text=line, new_x="LMARGIN", new_y="NEXT")
        return bytes(pdf.output())

    return make


@pytest.fixture
def store(tmp_path: Path) -> Callable[[bytes], Path]:
    """A function that writes bytes to a file without a telling name."""

    def write(data: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.blob"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture(scope="session")
def pack() -> Pack:
    """A function that packs parts by name into a compressed archive."""

    def write(parts: dict[str, str | bytes]) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return target.getvalue()

    return write
