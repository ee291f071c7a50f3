"""What a passage is read under: title, headings, column names."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ingest.context import MAX_HEADINGS, MAX_NAME, MAX_ROW, contexts, fitting, headings
from ingest.types import Block, BlockKind, Chunk, Document, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.chunk import CountTokens

TABLE = "| item | weeks |\n|---|---|\n| book | 4 |\n| film | 1 |\n"


def document(text: str = "", title: str = "Rules", filename: str = "rules.md", *blocks: Block) -> Document:
    """A document with these blocks."""
    return Document("doc_1", 1, "", filename, title, "text/markdown", text, blocks, "none")


def passage(start: int = 0, end: int = 1, path: tuple[str, ...] = (), ordinal: int = 0) -> Chunk:
    """A passage under these headings."""
    return Chunk(ordinal, Level.PASSAGE, 0, start, end, path, None)


def words(texts: Sequence[str]) -> list[int]:
    """Counts as an embedder does, one token for each word."""
    return [len(text.split()) for text in texts]


def characters(texts: Sequence[str]) -> list[int]:
    """Counts as an embedder does for a script in which each character is a token."""
    return [len(text) for text in texts]


# Titles and headings


@pytest.mark.parametrize(
    ("title", "path", "expected"),
    [
        ("Rules", (), "Rules"),
        ("Rules", ("Loans", "Films"), "Rules > Loans > Films"),
        ("Rules", ("Rules", "Loans"), "Rules > Loans"),
        ("Rules", ("Rules",), "Rules"),
        ("house_rules 2024.md", ("Loans",), "house rules 2024 > Loans"),
    ],
)
def test_title_and_headings(title: str, path: tuple[str, ...], expected: str) -> None:
    """The outermost first; a title that is a heading stands once, a file's name is made readable."""
    filename = title if "." in title else "rules.md"

    assert headings(document(title=title, filename=filename), passage(path=path)) == expected


@pytest.mark.parametrize(
    ("filename", "title", "expected"),
    [
        ("ACME_2017_10K.pdf", "Annual report", "ACME 2017 10K: Annual report"),
        ("house-rules.v2.md", "Opening hours", "house rules v2: Opening hours"),
        ("hausordnung.txt", "Bücherei", "hausordnung: Bücherei"),
        ("opening_HOURS.md", "Opening hours of the library", "Opening hours of the library"),
        ("rules 2024.md", "Rules", "Rules"),
        ("a.b.md", "Rules", "Rules"),
        ("2024-03-01.md", "Rules", "Rules"),
        ("d41d8cd98f00b204e9800998ecf8427e.pdf", "Rules", "Rules"),
        ("report d41d8cd98f00b204e9800998ecf8427e.pdf", "Rules", "Rules"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301.pdf", "Rules", "Rules"),
        ("", "Rules", "Rules"),
    ],
)
def test_the_name_of_a_file_stands_before_a_title_that_lacks_its_words(
    filename: str, title: str, expected: str
) -> None:
    """People name a file by what it is; numbers, letters and the names that programs give add nothing."""
    assert headings(document(title=title, filename=filename), passage()) == expected


def test_a_long_name_is_cut_before_the_title() -> None:
    """So that it never takes the title's place."""
    found = headings(
        document(title="Opening hours", filename="word_" * 40 + ".md"), passage(path=("Summer",))
    )

    assert found == ("word " * 40)[:MAX_NAME] + ": Opening hours > Summer"


def test_a_title_that_is_a_heading_too_stands_once_beside_the_name() -> None:
    """The heading is the title's, whatever stands before it."""
    found = headings(document(title="Loans", filename="library.md"), passage(path=("Loans", "Films")))

    assert found == "library: Loans > Films"


def test_long_paths_keep_the_title_and_the_nearest_headings() -> None:
    """What stands between is left out from the outside until the rest fits."""
    path = ("A" * 90, "B" * 90, "C" * 60, "D" * 60)

    found = headings(document(), passage(path=path))

    assert found == f"Rules > {'C' * 60} > {'D' * 60}"
    assert len(f"Rules > {'B' * 90} > {'C' * 60} > {'D' * 60}") > MAX_HEADINGS


def test_a_long_title_or_heading_is_cut() -> None:
    """Nothing is longer than the ceiling, however it came about."""
    assert headings(document(title="T" * 500, filename="t.md"), passage()) == "T" * MAX_HEADINGS
    assert headings(document(title="T" * 500), passage()) == ("rules: " + "T" * 500)[:MAX_HEADINGS]
    found = headings(document(), passage(path=("H" * 500,)))
    assert found.startswith("Rules > HHH")
    assert len(found) == MAX_HEADINGS


# Tables


def test_the_later_pieces_of_a_table_are_read_under_its_first_row() -> None:
    """The piece that holds the row needs it no more, nor does what stands before or after the table."""
    text = f"Before.\n\n{TABLE}\nAfter."
    first, end = text.index("| item"), text.index("\nAfter")
    table = Block(BlockKind.TABLE, first, end)
    book, film = text.index("| book"), text.index("| film")
    cuts = [0, first, book, film, end, len(text)]
    pieces = [passage(a, b, (), n) for n, (a, b) in enumerate(pairwise(cuts))]

    found = contexts(document(text, "Rules", "rules.md", table), pieces)

    assert found == ("Rules", "Rules", "Rules\n| item | weeks |", "Rules\n| item | weeks |", "Rules")


def test_a_piece_that_begins_before_the_table_has_its_first_row() -> None:
    """So it is not given it twice."""
    text = f"Before.\n\n{TABLE}"
    table = Block(BlockKind.TABLE, 9, len(text))
    cut = text.index("| film")

    found = contexts(document(text, "Rules", "rules.md", table), [passage(0, cut), passage(cut, len(text))])

    assert found == ("Rules", "Rules\n| item | weeks |")


def test_each_table_has_its_own_first_row() -> None:
    """Also where a passage holds the end of one and the start of the next."""
    other = "| day | opens |\n|---|---|\n| Monday | 9 |\n| Friday | 10 |\n"
    text = f"{TABLE}\n{other}"
    second = len(TABLE) + 1
    blocks = (Block(BlockKind.TABLE, 0, len(TABLE)), Block(BlockKind.TABLE, second, len(text)))
    film, friday = text.index("| film"), text.index("| Friday")

    found = contexts(
        document(text, "Rules", "rules.md", *blocks),
        [passage(0, film), passage(film, friday), passage(friday, len(text))],
    )

    assert found == ("Rules", "Rules\n| item | weeks |", "Rules\n| day | opens |")


def test_a_wide_first_row_is_cut() -> None:
    """And one that is blank, or the whole table, adds what there is of it."""
    wide = "| column " * 100
    for text, row in (
        (f"{wide}\n| 1 |\n", wide[:MAX_ROW]),
        ("   \n| 1 |\n", None),
        ("| only | row |", "| only | row |"),
    ):
        table = Block(BlockKind.TABLE, 0, len(text))

        (found,) = contexts(document(text, "Rules", "rules.md", table), [passage(2, len(text))])

        assert found == ("Rules" if row is None else f"Rules\n{row}")


def test_many_pieces_of_a_large_table_take_no_time() -> None:
    """The table is not read for each of them."""
    text = "| item | weeks |\n" + "| book | 4 |\n" * 500_000
    table = Block(BlockKind.TABLE, 0, len(text))
    pieces = [passage(at, at + 300, (), n) for n, at in enumerate(range(0, len(text), 300))]

    started = time.perf_counter()
    found = contexts(document(text, "Rules", "rules.md", table), pieces)

    assert len(found) > 20_000
    assert set(found[1:]) == {"Rules\n| item | weeks |"}
    assert time.perf_counter() - started < 2


# What a model can read


def test_contexts_that_fit_are_left_alone() -> None:
    """To the last token, and however many passages share one."""
    given = ["one two three", "four", "one two three", ""]

    assert fitting(given, 3, words) == given
    assert fitting([], 3, words) == []


@pytest.mark.parametrize("count_tokens", [words, characters])
@pytest.mark.parametrize("room", [0, 1, 7, 50])
def test_contexts_are_cut_until_they_fit(count_tokens: CountTokens, room: int) -> None:
    """The beginning is kept, in each as much as fits."""
    given = ["图书馆规则" * 40, "w " * 200, "a_very_long_name_without_any_gap" * 5]

    found = fitting(given, room, count_tokens)

    assert max(count_tokens(found)) <= room
    assert all(whole.startswith(short) for whole, short in zip(given, found, strict=True))
    if room and count_tokens is characters:
        assert [len(each) for each in found] == pytest.approx([room] * 3, abs=1)
