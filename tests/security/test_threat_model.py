"""docs/security.md has every row, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    f"{part}{number}"
    for part, count in (("A", 15), ("B", 38), ("C", 15), ("G", 4), ("O", 5))
    for number in range(1, count + 1)
]
# Behind these words stand tests of a part that has not been merged yet.
TO_COME = "to come:"


def rows() -> dict[str, str]:
    """What stands in each row's last cell."""
    text = (ROOT / "docs" / "security.md").read_text()
    found = re.findall(r"^\| ([ABCDGO]\d+) \| [^|]+ \| (.+) \|$", text, re.MULTILINE)
    assert len(found) == len(dict(found)), "a row stands there twice"
    return dict(found)


@lru_cache
def functions(path: Path) -> set[str]:
    """Names of a file's functions."""
    module = ast.parse(path.read_text())
    return {
        node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def exists(reference: str) -> bool:
    """Whether a test, a program or a target of make is there."""
    if reference.startswith("make "):
        return re.search(rf"^{reference[5:]}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
    path, _, name = reference.partition("::")
    if not (ROOT / path).is_file():
        return False
    return not name or name.partition("[")[0] in functions(ROOT / path)


def test_no_row_is_missing() -> None:
    """Every attack and failure of the collection has a row with something in it."""
    assert [row for row in rows() if not row.startswith("D")] == ROWS
    assert all(len(cell) > 10 for cell in rows().values())


@pytest.mark.parametrize("row", rows())
def test_every_test_that_is_named_exists(row: str) -> None:
    """A row names a test that is there, or says why it cannot occur; what is to come is not there yet."""
    now, _, later = rows()[row].partition(TO_COME)
    named = re.findall(r"`((?:tests|benchmarks)/[^`]+|make [a-z-]+)`", now)
    awaited = re.findall(r"`((?:tests|benchmarks)/[^`]+|make [a-z-]+)`", later)

    assert named or awaited or len(now) > 40
    assert [each for each in named if not exists(each)] == []
    assert [each for each in awaited if exists(each)] == [], (
        f"{row}: take out {TO_COME!r}, they are there now"
    )
