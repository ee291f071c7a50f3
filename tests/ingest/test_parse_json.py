"""JSON, JSON lines and notebooks."""

from __future__ import annotations

import json

import pytest

from ingest.errors import CorruptFile
from ingest.parsers import jsontext, notebook
from ingest.types import BlockKind, heading_text


def test_readable_json_stays_as_it_is() -> None:
    """Offsets hold in the file that the user has."""
    content = '{\r\n  "price": 1.10,\n "a": [1,2, 3], "a": "twice\\n"}\n'

    parsed = jsontext.parse(content.encode())

    assert parsed.text == content
    assert [block.kind for block in parsed.blocks] == [BlockKind.CODE]


def test_a_long_line_is_laid_out_without_touching_a_value() -> None:
    """Numbers, doubled names and brackets inside strings stay; the same data comes out."""
    data = {"rows": [{"id": n, "name": f'x {{[,:]}} "{n}" \\', "empty": [], "none": {}} for n in range(50)]}
    content = json.dumps(data, separators=(",", ":"))

    text = jsontext.parse(content.encode()).text

    assert json.loads(text) == data
    assert '      "id": 7,\n' in text
    assert '"empty": [],' in text
    assert "1.10" in jsontext.parse(('{"p":1.10,"q":"' + "x" * 1000 + '"}').encode()).text


def test_escaped_letters_can_be_read_and_found() -> None:
    """A program wrote its letters as numbers; the text has the letters, and line ends as such."""
    text = jsontext.parse(b'{"t": "Stra\\u00dfe \\ud83d\\ude00\\nnext \\u0000 \\\\u00df \\"q\\""}').text

    assert text == '{\n  "t": "Straße 😀\nnext \\u0000 \\\\u00df \\"q\\""\n}\n'


@pytest.mark.parametrize(
    "broken", ['{"a": [1, 2' + " " * 2000, "]" * 3000, "[" * 3000, '"' + "x" * 3000, '"\\']
)
def test_broken_json_is_still_text(broken: str) -> None:
    """An export that was cut off can be read to its end."""
    text = jsontext.parse(broken.encode()).text

    assert [c for c in text if not c.isspace()] == [c for c in broken if not c.isspace()]


def test_json_lines() -> None:
    """Short records stay one a line; long ones are laid out, parted by an empty line."""
    short = '{"a": 1}\n{"a": 2}\n'
    assert jsontext.parse_lines(short.encode()).text == short

    long = json.dumps({"text": "One.\nTwo. " + "word " * 300}) + '\n{"a": 2}\n'
    text = jsontext.parse_lines(long.encode()).text
    assert "One.\nTwo." in text
    assert text.endswith('\n}\n\n{\n  "a": 2\n}\n')


def test_a_notebook_in_order() -> None:
    """Markdown with its headings, code, outputs cut to a length; no picture, no colour codes."""
    picture = "iVBORw0KGgo" * 100
    cells = [
        {
            "cell_type": "markdown",
            "source": ["# Study\n", f"![plot](data:image/png;base64,{picture})\n", "text"],
        },
        {
            "cell_type": "code",
            "source": "run()",
            "outputs": [
                {"output_type": "stream", "text": ["line\n"] * 2000},
                {
                    "output_type": "display_data",
                    "data": {"image/png": picture, "text/html": "<b>42</b> rows"},
                },
                {"output_type": "error", "ename": "KeyError", "evalue": "\x1b[31mx\x1b[0m"},
            ],
        },
        {"cell_type": "raw", "source": "raw text"},
        {"cell_type": "heading", "level": 2, "source": "Old heading"},
        "no cell",
    ]
    found = notebook.parse(json.dumps({"cells": cells, "metadata": {"title": "T"}}).encode())

    assert found.title == "T"
    assert found.text.startswith("# Study\n![plot](data:)\ntext\n\nrun()\n\nline\nline\n")
    assert found.text.endswith("[...]\n\n42 rows\n\nKeyError: x\n\nraw text\n\nOld heading")
    assert len(found.text) < 6000
    headings = [b for b in found.blocks if b.kind is BlockKind.HEADING]
    assert [(b.number, heading_text(found.text, b)) for b in headings] == [(1, "Study"), (2, "Old heading")]


def test_notebooks_of_version_3_and_damaged_ones() -> None:
    """Worksheets are looked into; what is no notebook is refused."""
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1", "outputs": []}]}]}
    assert notebook.parse(json.dumps(old).encode()).text == "x = 1"

    for broken in (b"{", b"[1]"):
        with pytest.raises(CorruptFile):
            notebook.parse(broken)
