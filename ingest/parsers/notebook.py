"""Jupyter notebooks: cells in order, with the text that they put out.

The format is that of https://nbformat.readthedocs.io/en/latest/format_description.html, versions 3 and 4.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ingest.errors import CorruptFile
from ingest.parsers import html, markdown
from ingest.parsers.builder import TextBuilder
from ingest.parsers.text import clean, decode

if TYPE_CHECKING:
    from ingest.types import Parsed

# Of one output. Training logs and printed tables run to megabytes that nobody reads.
_MAX_OUTPUT = 4_000
_CUT_OFF = "\n[...]"
_DATA_ADDRESS = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.-]+)*;base64,[A-Za-z0-9+/=\s]{16,}")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HEADING_CELL_LEVELS = range(1, 7)


def parse(data: bytes) -> Parsed:
    """Read a notebook.

    Args:
        data: The file.

    Returns:
        Markdown cells with their headings, code cells and their outputs as code. Images are left out, long
        outputs are cut off and say so.

    Raises:
        CorruptFile: It is no notebook.
        UnsupportedType: The bytes are not text.
    """
    try:
        notebook = json.loads(decode(data))
    except ValueError as error:
        raise CorruptFile(
            f"The notebook is not valid JSON ({error}). Save it again and upload it."
        ) from error
    out = TextBuilder()
    cells = _cells(notebook)
    if not cells and not isinstance(notebook, dict):
        raise CorruptFile("The file is called .ipynb but holds no notebook.")
    for cell in cells:
        _add_cell(out, cell)
    metadata = notebook.get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else ""
    return out.parsed(title if isinstance(title, str) else "", "notebook/nbformat-4")


def _cells(notebook: Any) -> list[dict[str, Any]]:
    """The cells, also of version 3, which has worksheets around them."""
    if not isinstance(notebook, dict):
        return []
    sheets = notebook.get("worksheets")
    holders = [notebook, *(sheets if isinstance(sheets, list) else [])]
    found: list[dict[str, Any]] = []
    for holder in holders:
        cells = holder.get("cells") if isinstance(holder, dict) else None
        found += [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []
    return found


def _add_cell(out: TextBuilder, cell: dict[str, Any]) -> None:
    source = _joined(cell.get("source", cell.get("input", "")))
    kind = cell.get("cell_type")
    if kind == "heading" and cell.get("level") in _HEADING_CELL_LEVELS:
        out.heading(source, cell["level"])
    elif kind == "markdown":
        source = _DATA_ADDRESS.sub("data:", source)
        out.append(markdown.parse(source.strip().encode("utf-8", "surrogatepass")))
    elif kind == "code":
        out.code(source)
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            if isinstance(output, dict):
                _add_output(out, output)
    else:
        out.paragraph(source)


def _add_output(out: TextBuilder, output: dict[str, Any]) -> None:
    """The most readable form of one output: text, or what a page shows where there is no text."""
    shown = output.get("data")
    forms = shown if isinstance(shown, dict) else output
    text = _joined(forms.get("text/plain", forms.get("text", "")))
    if output.get("output_type") in {"error", "pyerr"}:
        text = f"{_joined(output.get('ename', ''))}: {_joined(output.get('evalue', ''))}"
    page = _joined(forms.get("text/html", forms.get("html", "")))
    if page and not text.strip():
        text = html.parse_text(clean(page)).text
    text = _DATA_ADDRESS.sub("data:", _TERMINAL.sub("", text))
    out.code(text if len(text) <= _MAX_OUTPUT else text[:_MAX_OUTPUT].rstrip() + _CUT_OFF)


def _joined(source: Any) -> str:
    """Text that the format stores whole or as a list of lines."""
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""
