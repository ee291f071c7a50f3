"""reStructuredText and Org: the decoded file unchanged, with blocks by lines."""

from __future__ import annotations

import time

import pytest

from ingest.parsers import org, rst
from ingest.types import BlockKind, Parsed, heading_text

RST = """\
=========
The guide
=========

Intro::

    literal text

First part
----------

- one
- two
  goes on

* another list

.. code-block:: python
   :linenos:

   print("x")

Deeper
^^^^^^
+------+-----+
| Name | Age |
+======+=====+
| Ann  | 41  |
+------+-----+

Second part
-----------

====  ===
Town  Pop
====  ===
Rye   9
====  ===

.. csv-table::
   :header-rows: 1

   a,b
   1,2
"""

ORG = """\
#+TITLE: The  guide
* TODO First
Text with * a star.
** Deeper
| Name | Age |
|------+-----|
| Ann  | 41  |

- one
- two
  goes on
#+begin_src sh
ls
* no heading
#+end_src
#+BEGIN_EXAMPLE
never closed
* Last
"""


def blocks(parsed: Parsed, kind: BlockKind) -> list[str]:
    """What the blocks of a kind cover."""
    return [parsed.text[block.start : block.end] for block in parsed.blocks if block.kind is kind]


def headings(parsed: Parsed) -> list[tuple[int, str]]:
    """Levels and words of the headings."""
    return [(b.number, heading_text(parsed.text, b)) for b in parsed.blocks if b.kind is BlockKind.HEADING]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_rst_headings_by_order_of_appearance(line_end: str) -> None:
    """Each new kind of line below, or above and below, is one level further down."""
    parsed = rst.parse(RST.replace("\n", line_end).encode())

    assert parsed.text == RST.replace("\n", line_end)
    assert headings(parsed) == [(1, "The guide"), (2, "First part"), (3, "Deeper"), (2, "Second part")]


def test_rst_tables_begin_at_their_header_row() -> None:
    """Grid, simple and CSV tables: the first line of the block is the first row, not the border."""
    grid, simple, comma = blocks(rst.parse(RST.encode()), BlockKind.TABLE)

    assert grid.splitlines()[0] == "| Name | Age |"
    assert simple.splitlines() == ["Town  Pop", "====  ===", "Rye   9"]
    assert comma == "   a,b\n   1,2"


def test_rst_code_and_lists() -> None:
    """Code directives without their options, literal blocks, and lists with what is indented below an item."""
    parsed = rst.parse(RST.encode())

    assert [code.strip() for code in blocks(parsed, BlockKind.CODE)] == ["literal text", 'print("x")']
    assert blocks(parsed, BlockKind.LIST) == ["- one\n- two\n  goes on\n\n* another list"]


def test_org_blocks() -> None:
    """Headings by their stars, tables from the first row, lists, and code whose content is no heading."""
    parsed = org.parse(ORG.encode())

    assert parsed.text == ORG
    assert parsed.title == "The guide"
    assert headings(parsed) == [(1, "TODO First"), (2, "Deeper"), (1, "Last")]
    assert blocks(parsed, BlockKind.TABLE) == ["| Name | Age |\n|------+-----|\n| Ann  | 41  |"]
    assert blocks(parsed, BlockKind.LIST) == ["- one\n- two\n  goes on"]
    assert blocks(parsed, BlockKind.CODE) == ["ls\n* no heading"]


@pytest.mark.parametrize(
    "line", ["#+begin_src x", "=== ===", "::", "- a", "+---+", ".. code::", ".. csv-table::", "|-"]
)
def test_time_grows_with_the_length_only(line: str) -> None:
    """Blocks that never end are not looked through again from each of their lines."""
    content = f"{line}\n".encode() * 20_000
    started = time.perf_counter()

    org.parse(content)
    rst.parse(content)

    assert time.perf_counter() - started < 10
