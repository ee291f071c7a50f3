"""Plain text and Markdown: the decoded file, unchanged."""

from __future__ import annotations

import pytest

from ingest.errors import UnsupportedType
from ingest.parsers import markdown, text
from ingest.types import Block, BlockKind, heading_text

GERMAN = "Die Prüfung der Verträge erfolgt jährlich; Änderungen gelten ab dem Übergang. " * 3
RUSSIAN = "Договор вступает в силу с момента его подписания обеими сторонами и действует год. " * 3
CHINESE = "本合同自双方签字之日起生效，有效期为一年。任何修改均须以书面形式作出。" * 3


def headings(document: str) -> list[tuple[int, str]]:
    """Levels and words of a Markdown document's headings."""
    parsed = markdown.parse(document.encode())
    return [
        (block.number, heading_text(parsed.text, block))
        for block in parsed.blocks
        if block.kind is BlockKind.HEADING
    ]


def test_line_ends_and_white_space_stay() -> None:
    """The canonical text is the file's, to the letter."""
    content = "one\r\ntwo\rthree\n\n  four\t\u2028five\x0c six \n"

    assert text.parse(content.encode()).text == content
    assert markdown.parse(content.encode()).text == content


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_are_recognised(encoding: str) -> None:
    """A byte order mark is dropped and obeyed; UTF-16 is known without one by its NULs."""
    content = "Größe: 10 €, naïve café\n"

    assert text.decode(content.encode(encoding)) == content


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (CHINESE, "gb18030"), ("Preis: 20 €", "cp1252")],
)
def test_legacy_encodings_are_detected(content: str, encoding: str) -> None:
    """Files from before UTF-8 become the text that was written."""
    assert text.decode(content.encode(encoding)) == content


def test_a_broken_sequence_does_not_turn_utf8_into_another_encoding() -> None:
    """A file that was cut in the middle of a character keeps all the others."""
    cut = GERMAN.encode() + "ß".encode()[:1]

    assert text.decode(cut) == GERMAN + "\ufffd"


def test_nul_is_replaced_and_offsets_hold() -> None:
    """A stray NUL becomes one replacement character, so what follows stays in its place."""
    content = "a line of a log file " * 20 + "\x00 end"

    decoded = text.decode(content.encode())

    assert "\x00" not in decoded
    assert decoded.index("end") == content.index("end")


def test_surrogates_are_joined_or_replaced() -> None:
    """Two halves of a character become it; half a character becomes a replacement character."""
    assert text.clean("a\ud83d\ude00b") == "a\U0001f600b"
    assert text.clean("a\ud83db") == "a\ufffdb"


def test_binary_data_is_no_text() -> None:
    """Bytes without a known kind that are no text are refused."""
    with pytest.raises(UnsupportedType, match="binary data"):
        text.parse(bytes(range(256)) * 8)


def test_markdown_headings() -> None:
    """ATX and underlined headings count; those in code, quotes and lists do not."""
    document = (
        "# One #\n\ntext\n\nTwo\n===\n\n```\n# no heading\n```\n\n    # indented code\n\n> # quoted\n\n"
        "- # in a list\n\n## C# and #tags\n\nThree\nlines\n---\n\n#no space\n\n = Wiki = \n"
    )

    assert headings(document) == [(1, "One"), (1, "Two"), (2, "C# and #tags"), (2, "Three lines")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_markdown_blocks_have_the_right_offsets(line_end: str) -> None:
    """Blocks cover the lines they stand on, whatever ends a line, and behind front matter too."""
    source = """---
title: "My title"
---

# Häd

| a | b |
|---|---|
| 1 | 2 |

- x
- y

~~~
code
~~~
"""
    document = source.replace("\n", line_end)

    parsed = markdown.parse(document.encode())

    assert parsed.text == document
    assert parsed.title == "My title"
    assert [
        (block.kind, parsed.text[block.start : block.end].split(line_end)) for block in parsed.blocks
    ] == [
        (BlockKind.HEADING, ["# Häd"]),
        (BlockKind.TABLE, ["| a | b |", "|---|---|", "| 1 | 2 |"]),
        (BlockKind.LIST, ["- x", "- y"]),
        (BlockKind.CODE, ["~~~", "code", "~~~"]),
    ]


def test_a_paragraph_above_a_rule_is_no_heading() -> None:
    """CommonMark would call it one; nobody means a heading of several hundred letters."""
    assert headings("A long paragraph. " * 20 + "\n---\n") == []


@pytest.mark.parametrize("raw", ["## Title ##", "Title\n---", "  Title ", "Ti\ntle"])
def test_heading_text_is_one_clean_line(raw: str) -> None:
    """What is shown of a heading has no marks and no line ends."""
    shown = heading_text(f"before {raw}", Block(BlockKind.HEADING, 7, 7 + len(raw), 2))

    assert shown.replace(" ", "") == "Title"


def test_a_replacement_character_of_the_file_itself_stays() -> None:
    """Valid UTF-8 is taken as it is, also when an earlier program has left U+FFFD in it."""
    content = "Copyright \N{REPLACEMENT CHARACTER} 1996, a society for microbes.\n"

    assert text.decode(content.encode()) == content
