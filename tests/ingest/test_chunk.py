"""The chunk tree: lossless, inside the embedder's limit, under the right headings, on the right pages."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import build_tree
from ingest.config import ChunkConfig, ParseConfig
from ingest.parse import parse_bytes
from ingest.types import Block, BlockKind, Chunk, ChunkTree, Document
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.embed import SentenceTransformerEmbedder

EMBEDDER = HashingEmbedder()
LINES = st.one_of(
    st.sampled_from(
        [
            "# One",
            "## Two",
            "###### Six",
            "Under\n=====",
            "Lined\n---",
            "- item one",
            "1. first",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "",
            "   ",
            "```\ncode # no heading\n```",
            "你好。再见。" * 6,
            "😀 👩‍👩‍👧 e\u0301.",
            "J A\u00a0.",
            "x" * 300,
            "word " * 60,
            "A sentence. Another one! A third?",
            "Amounts 1,200 1,300 ",
            "مرحبا بالعالم.",
            "a\u2028bc",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60),
)
TEXTS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\n\n"])), max_size=14).map(
    lambda lines: "".join(line + end for line, end in lines)
)


def document(text: str, blocks: Sequence[Block] = ()) -> Document:
    """A document of that text."""
    return Document("doc", 1, "0" * 64, "a.md", "A", "text/markdown", text, tuple(blocks), "test")


def tree_of(text: str, blocks: Sequence[Block] = (), max_tokens: int = 16) -> ChunkTree:
    """The chunk tree, counted by words."""
    return build_tree(document(text, blocks), EMBEDDER.count_tokens, ChunkConfig(max_tokens))


def markdown(text: str) -> Document:
    """A document as the Markdown parser makes it."""
    _, parsed = parse_bytes(text.encode(), "a.md", ParseConfig())
    return document(parsed.text, parsed.blocks)


@st.composite
def blocks_for(draw: st.DrawFn, text: str) -> list[Block]:
    """Headings, of which none is empty, and pages at any places: the tree must be lossless for all of them."""
    places = draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    headings = [
        Block(BlockKind.HEADING, start, min(start + draw(st.integers(1, 9)), end), draw(st.integers(1, 6)))
        for start, end in pairwise([*places, len(text)])
        if start < end
    ]
    edges = [0, *draw(st.lists(st.integers(0, len(text)), max_size=4).map(sorted)), len(text)]
    pages = [Block(BlockKind.PAGE, start, end, n) for n, (start, end) in enumerate(pairwise(edges), 1)]
    return headings + (pages if draw(st.booleans()) else [])


def expected_pages(blocks: Sequence[Block], chunk: Chunk) -> tuple[int, int] | None:
    """Pages of a chunk's first and last character, by looking at each page."""
    pages = [block for block in blocks if block.kind is BlockKind.PAGE]
    first = [page.number for page in pages if page.start <= chunk.start < page.end]
    last = [page.number for page in pages if page.start < chunk.end <= page.end]
    return (first[0], last[0]) if pages else None


def check_tree(document: Document, tree: ChunkTree, max_tokens: int) -> None:
    """Everything that must hold for every tree."""
    for level in (tree.sections, tree.passages, tree.sentences):
        assert "".join(document.text[chunk.start : chunk.end] for chunk in level) == document.text
        assert [chunk.ordinal for chunk in level] == list(range(len(level)))
        assert all(chunk.start < chunk.end for chunk in level)
        assert all(before.end == after.start for before, after in pairwise(level))
    for children, parents in ((tree.passages, tree.sections), (tree.sentences, tree.passages)):
        for chunk in children:
            assert chunk.parent is not None
            parent = parents[chunk.parent]
            assert parent.start <= chunk.start
            assert chunk.end <= parent.end
            assert chunk.headings == parent.headings
    assert all(section.parent is None for section in tree.sections)
    for passage in tree.passages:
        text = document.text[passage.start : passage.end]
        assert len(text) == 1 or EMBEDDER.count_tokens([text])[0] <= max_tokens
        assert passage.pages == expected_pages(document.blocks, passage)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 30))
def test_each_level_tiles_any_text(data: st.DataObject, max_tokens: int) -> None:
    """Sections, passages and sentences each give back the text, nested, inside the limit, on their pages."""
    text = data.draw(TEXTS)
    made = document(text, data.draw(blocks_for(text)))

    check_tree(made, build_tree(made, EMBEDDER.count_tokens, ChunkConfig(max_tokens)), max_tokens)


@settings(max_examples=80, deadline=None)
@given(TEXTS.filter(str.strip))
def test_each_level_tiles_parsed_markdown(text: str) -> None:
    """The same for documents whose headings, lists and tables the Markdown parser has found."""
    made = markdown(text)

    check_tree(made, build_tree(made, EMBEDDER.count_tokens, ChunkConfig(16)), 16)


def test_passages_fit_the_bundled_model(bundled: SentenceTransformerEmbedder) -> None:
    """Counted with the real tokenizer no passage is over the limit, also where words have to be cut."""
    text = (
        "Short one. "
        + "donaudampfschifffahrtsgesellschaft" * 40
        + " 你好再见" * 80
        + " 😀" * 90
        + ". The end."
    )

    tree = build_tree(document(text), bundled.count_tokens, ChunkConfig(32))

    texts = [text[chunk.start : chunk.end] for chunk in tree.passages]
    assert "".join(texts) == text
    assert max(bundled.count_tokens(texts)) <= 32


def test_heading_paths() -> None:
    """A chunk knows the headings above it, outermost first, and a deeper level ends with a higher one."""
    tree = build_tree(
        markdown("intro\n\n# A\n\none\n\n## B\n\ntwo\n\n### C\n\nthree\n\n## D\n\nfour\n\n# E\n\nfive\n"),
        EMBEDDER.count_tokens,
        ChunkConfig(),
    )

    assert [section.headings for section in tree.sections] == [
        (),
        ("A",),
        ("A", "B"),
        ("A", "B", "C"),
        ("A", "D"),
        ("E",),
    ]


def test_a_skipped_heading_level_keeps_its_parent() -> None:
    """A level 3 heading directly under a level 1 heading stands below it, and two of them side by side."""
    made = markdown("# A\n\none\n\n### B\n\ntwo\n\n### C\n\nthree\n")
    tree = build_tree(made, EMBEDDER.count_tokens, ChunkConfig())

    assert [section.headings for section in tree.sections] == [("A",), ("A", "B"), ("A", "C")]


def test_headings_without_text_between_them_open_one_section() -> None:
    """A title directly followed by a chapter heading is no section of its own."""
    made = markdown("# Title\n\n## Chapter\n\ntext\n")
    tree = build_tree(made, EMBEDDER.count_tokens, ChunkConfig())

    assert [(section.start, section.headings) for section in tree.sections] == [(0, ("Title", "Chapter"))]


def test_passages_do_not_cross_sections() -> None:
    """Two short sections stay two passages, although one would hold both."""
    made = markdown("# A\n\none.\n\n# B\n\ntwo.\n")
    tree = build_tree(made, EMBEDDER.count_tokens, ChunkConfig())

    assert [made.text[chunk.start : chunk.end] for chunk in tree.passages] == [
        "# A\n\none.\n\n",
        "# B\n\ntwo.\n",
    ]


def test_passages_are_of_similar_size() -> None:
    """A section a little over the limit becomes two halves, not a full passage and a stub."""
    text = "".join(f"Sentence number {number} here. " for number in range(10))

    sizes = EMBEDDER.count_tokens([text[c.start : c.end] for c in tree_of(text, max_tokens=32).passages])

    assert sizes == [20, 20]


def test_pages_of_passages() -> None:
    """A passage names the pages on which it begins and ends; an empty page takes no text away."""
    pages = ["Page one. ", "Page two. ", "", "Page four. "]
    text = "".join(pages)
    ends = [len("".join(pages[: n + 1])) for n in range(4)]
    blocks = [
        Block(BlockKind.PAGE, e - len(p), e, n) for n, (p, e) in enumerate(zip(pages, ends, strict=True), 1)
    ]

    def on(chunks: tuple[Chunk, ...]) -> list[tuple[int, int] | None]:
        return [chunk.pages for chunk in chunks]

    assert on(tree_of(text, blocks, max_tokens=2).passages) == [(1, 1), (2, 2), (4, 4)]
    assert on(tree_of(text, blocks, max_tokens=100).passages) == [(1, 4)]


def test_an_empty_text_has_an_empty_tree() -> None:
    """Nothing gives nothing, and no chunk of length zero."""
    assert tree_of("") == ChunkTree((), (), ())


def test_a_word_over_the_limit_is_cut_between_characters() -> None:
    """A word that alone is too long is cut, losslessly, into parts that fit."""
    tree = tree_of("x" * 1000, max_tokens=3)

    assert max(chunk.end - chunk.start for chunk in tree.passages) <= 36
    assert len(tree.passages) < 60


@dataclass(slots=True)
class Counted:
    """Counts words, and how many characters it was asked about."""

    characters: int = field(default=0)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As ``Embedder``."""
        self.characters += sum(map(len, texts))
        return EMBEDDER.count_tokens(texts)


@pytest.mark.parametrize("text", ["word " * 40_000, "x" * 200_000], ids=["words", "one word"])
def test_a_huge_sentence_is_cut_without_reading_it_again_and_again(text: str) -> None:
    """A line of 200,000 characters without punctuation is tokenized some twenty times over, not a thousand."""
    counted, begun = Counted(), time.process_time()

    build_tree(document(text), counted.count_tokens, ChunkConfig(16))

    assert counted.characters < 25 * len(text)
    assert time.process_time() - begun < 10


def test_many_sentences_without_a_token_are_packed_in_linear_time() -> None:
    """Lines of invisible characters, of which a tokenizer makes nothing, become passages like others."""
    text = "\u200b\n" * 30_000
    begun = time.process_time()

    tree = build_tree(document(text), lambda texts: [0] * len(texts), ChunkConfig(16))

    assert tree.sentences[-1].end == len(text)
    assert max(chunk.end - chunk.start for chunk in tree.passages) < 100
    assert time.process_time() - begun < 10


def test_a_huge_heading_is_read_in_linear_time() -> None:
    """A heading line with 200,000 spaces or marks in it does not occupy the service."""
    for filling in (" ", "#", " #", "\n"):
        text = "# a" + filling * 200_000 + "b\n\ntext"
        begun = time.process_time()

        tree = tree_of(text, [Block(BlockKind.HEADING, 0, len(text) - 6, 1)])

        assert tree.sections[0].headings[0].startswith("a")
        assert time.process_time() - begun < 10


CODE = "def total(rows):\n    # Sum. Of all. Rows.\n    kept = [r for r in rows]\n\n    return sum(kept)\n"


def test_lines_of_code_are_sentences() -> None:
    """Whatever full stops stand in them; text around them is cut as text."""
    before, after = "Call it. It adds.\n\n", "\nThat is all. Nothing more."
    text = before + CODE + after
    block = Block(BlockKind.CODE, len(before), len(before) + len(CODE))

    tree = build_tree(document(text, [block]), EMBEDDER.count_tokens, ChunkConfig(max_tokens=100))

    found = [text[each.start : each.end] for each in tree.sentences]
    assert "".join(found) == text
    assert [each.strip("\n") for each in found] == [
        "Call it. ",
        "It adds.",
        "def total(rows):",
        "    # Sum. Of all. Rows.",
        "    kept = [r for r in rows]",
        "    return sum(kept)",
        "That is all. ",
        "Nothing more.",
    ]


@pytest.mark.parametrize("line", ["f(a);" * 40_000, "[ " * 100_000], ids=["no space", "spaces"])
def test_a_line_of_code_as_long_as_its_file_is_counted_in_pieces(line: str) -> None:
    """A count of word pieces takes far more memory than its text; the pieces still tile the line."""
    longest = 0

    def counted(texts: Sequence[str]) -> list[int]:
        nonlocal longest
        longest = max([longest, *map(len, texts)])
        return EMBEDDER.count_tokens(texts)

    code = [Block(BlockKind.CODE, 0, len(line))]
    tree = build_tree(document(line, code), counted, ChunkConfig())

    assert longest <= 2_000
    assert "".join(line[each.start : each.end] for each in tree.sentences) == line


def test_code_under_several_headings() -> None:
    """Each section sees its own blocks, wherever they begin and end in it."""
    parts = [
        "# One\n\n",
        CODE,
        "\n# Two\n\nText here. More text.\n\n# Three\n\n",
        CODE,
        CODE,
        "\n# Four\n\nEnd.\n",
    ]
    text = "".join(parts)
    starts = [sum(map(len, parts[:n])) for n in range(len(parts))]
    blocks = [Block(BlockKind.CODE, starts[n], starts[n] + len(CODE)) for n in (1, 3, 4)]
    at = -1
    for name in ("One", "Two", "Three", "Four"):
        at = text.index(f"# {name}", at + 1)
        blocks.append(Block(BlockKind.HEADING, at, at + len(name) + 3, 1))

    tree = build_tree(
        document(text, sorted(blocks, key=lambda each: each.start)), EMBEDDER.count_tokens, ChunkConfig()
    )

    assert "".join(text[each.start : each.end] for each in tree.sentences) == text
    for block in (each for each in blocks if each.kind is BlockKind.CODE):
        inside = [each for each in tree.sentences if block.start <= each.start < block.end]
        assert [text[each.start : each.end].strip() for each in inside] == [
            line.strip() for line in CODE.splitlines() if line
        ]
    assert [text[each.start : each.end].strip() for each in tree.sentences if each.headings == ("Two",)] == [
        "# Two",
        "Text here.",
        "More text.",
    ]


def test_many_blocks_of_code_are_cut_in_linear_time() -> None:
    """A page of short examples takes no longer than as much text."""
    text = "Call it.\n\nx = 1\ny = 2\n\n" * 8_000
    step = len("Call it.\n\nx = 1\ny = 2\n\n")
    blocks = [Block(BlockKind.CODE, at + 10, at + 22) for at in range(0, len(text), step)]
    plain, coded = document(text), document(text, blocks)

    times = []
    for each in (plain, coded):
        started = time.perf_counter()
        tree = build_tree(each, EMBEDDER.count_tokens, ChunkConfig(max_tokens=24))
        times.append(time.perf_counter() - started)
        assert len(tree.sentences) >= 8_000

    assert times[1] < 3 * times[0] + 1
