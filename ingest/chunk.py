"""Document -> section > passage > sentence. Pure: no model, no storage.

A section is what stands under one heading. Passages are packed from whole sentences, sized with the
embedder's own tokenizer so that none is truncated when it is embedded, and never cross a section.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from ingest.hidden import blanked, without_hidden
from ingest.sentences import Span, sentence_spans
from ingest.types import Block, BlockKind, Chunk, ChunkTree, Level, heading_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.config import ChunkConfig
    from ingest.types import Document

    CountTokens = Callable[[Sequence[str]], list[int]]


# Cost of ending a passage at the end of a line and inside one, where a paragraph's end costs nothing. An empty
# passage would cost 1.
_LINE_BREAK = 0.3
_INNER_BREAK = 0.6
# A line of code can be as long as its file, and counting word pieces takes some 400 bytes for each. What is longer than
# this is over every limit, and is cut before it is counted.
_COUNTED_CHARS = 2_000


def build_tree(document: Document, count_tokens: CountTokens, config: ChunkConfig) -> ChunkTree:
    """Cut a document into its chunk tree.

    Args:
        document: Parsed, with blocks.
        count_tokens: The embedder's word pieces in each text, special tokens not counted.
        config: Sizes.

    Returns:
        A tree whose three levels each cover the text without gap or overlap.
    """
    text = document.text
    pages = PageFinder(document.blocks)
    code = [(block.start, block.end) for block in document.blocks if block.kind is BlockKind.CODE]
    code_starts, code_ends = [first for first, _ in code], [last for _, last in code]
    sections: list[Chunk] = []
    passages: list[Chunk] = []
    sentences: list[Chunk] = []

    def node(
        level: Level, siblings: list[Chunk], parent: int | None, span: Span, path: tuple[str, ...]
    ) -> None:
        siblings.append(Chunk(len(siblings), level, parent, *span, path, pages.of(*span)))

    def cut(start: int, end: int) -> list[Span]:
        inside = code[bisect_right(code_ends, start) : bisect_left(code_starts, end)]
        return [
            piece for span in sentence_spans(text, start, end, code=inside) for piece in _pieces(text, *span)
        ]

    # A heading is what its readers see of it.
    found = _sections(without_comments(document), document.blocks)
    # All at once: a long document has hundreds of sections, and each call of a tokenizer costs as much as many words.
    pieces = [piece for span, _ in found for piece in cut(*span)]
    counted = count_tokens([text[first:last] for first, last in pieces])
    every, sizes = _split_oversized(text, pieces, counted, count_tokens, config.max_tokens)
    starts = [first for first, _ in every]
    for section, path in found:
        node(Level.SECTION, sections, None, section, path)
        inside = slice(*(bisect_left(starts, each) for each in section))
        fitting, counts = every[inside], sizes[inside]
        for group in _pack(counts, _break_costs(text, fitting), config.max_tokens):
            members = fitting[group.start : group.stop]
            node(Level.PASSAGE, passages, len(sections) - 1, (members[0][0], members[-1][1]), path)
            for span in members:
                node(Level.SENTENCE, sentences, len(passages) - 1, span, path)
    return ChunkTree(tuple(sections), tuple(passages), tuple(sentences))


def without_comments(document: Document) -> str:
    """The text with blanks for what stands in it and is no part of what its readers see."""
    hidden = ((block.start, block.end) for block in document.blocks if block.kind is BlockKind.HIDDEN)
    return blanked(document.text, hidden)


def _sections(text: str, blocks: Sequence[Block]) -> list[tuple[Span, tuple[str, ...]]]:
    """Spans under one heading each, with the path of headings above them.

    Headings with nothing but white space between them open one section together, so that no section
    consists of a heading alone unless the document ends there.
    """
    if not text:
        return []
    found: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    stack: list[tuple[int, str]] = []
    body_from = 0
    for block in sorted((b for b in blocks if b.kind is BlockKind.HEADING), key=lambda b: b.start):
        while stack and stack[-1][0] >= block.number:
            stack.pop()
        stack.append((block.number, without_hidden(heading_text(text, block))))
        path = tuple(title for _, title in stack if title)
        if text[body_from : block.start].strip():
            found.append((block.start, path))
        else:
            found[-1] = (found[-1][0], path)
        body_from = block.end
    ends = [start for start, _ in found[1:]] + [len(text)]
    return [((start, end), path) for (start, path), end in zip(found, ends, strict=True)]


def _pieces(text: str, start: int, end: int) -> list[Span]:
    """A span in pieces that can be counted, cut at white space where there is some."""
    found: list[Span] = []
    while end - start > _COUNTED_CHARS:
        cut = _gap(text, start, start + _COUNTED_CHARS)
        found.append((start, cut))
        start = cut
    return [*found, (start, end)]


def _gap(text: str, start: int, middle: int) -> int:
    """Where to cut a span at or before its middle: after white space where there is some."""
    gap = max(text.rfind(" ", start + 1, middle), text.rfind("\n", start + 1, middle)) + 1
    return gap if gap > start + 1 else max(middle, start + 1)


def _split_oversized(
    text: str, spans: list[Span], counts: list[int], count_tokens: CountTokens, limit: int
) -> tuple[list[Span], list[int]]:
    """Halve every sentence that is over the limit, at white space where there is some, until all fit."""
    parts = list(zip(spans, counts, strict=True))
    while True:
        # A single character cannot be halved.
        over = [at for at, ((a, b), count) in enumerate(parts) if count > limit and b - a > 1]
        if not over:
            return [span for span, _ in parts], [count for _, count in parts]
        halves: list[Span] = []
        for (start, end), count in (parts[at] for at in over):
            # Half of the parts that it will take, on each side: every character is counted once for each halving.
            wanted = math.ceil(count / limit)
            cut = _gap(text, start, start + (end - start) * ((wanted + 1) // 2) // wanted)
            halves += [(start, cut), (cut, end)]
        made = iter(zip(halves, count_tokens([text[a:b] for a, b in halves]), strict=True))
        halved = set(over)
        parts = [
            part
            for at, whole in enumerate(parts)
            for part in ((next(made), next(made)) if at in halved else (whole,))
        ]


def _pack(counts: Sequence[int], breaks: Sequence[float], limit: int) -> list[range]:
    """Group consecutive sentences into passages of at most ``limit`` tokens.

    The grouping of least cost, as lines are broken by Knuth and Plass (https://doi.org/10.1002/spe.4380111102):
    each passage costs the square of the share of the limit that it leaves empty, and each end costs what
    ``breaks`` says of its sentence, so that passages are of similar size and tend to end where paragraphs do.

    Args:
        counts: Tokens of each sentence. One that is over the limit is a passage of its own.
        breaks: Cost of ending a passage after each sentence.
        limit: Tokens of one passage.
    """
    cost = [0.0] + [math.inf] * len(counts)
    start_of = [0] * (len(counts) + 1)
    for end in range(1, len(counts) + 1):
        size = 0
        for start in range(end - 1, -1, -1):
            # At least 1, so that sentences of nothing visible do not make passages, and this loop, endless.
            size += max(1, counts[start])
            if size > limit and start < end - 1:
                break
            empty = max(0.0, 1.0 - size / limit)
            found = cost[start] + empty * empty + breaks[end - 1]
            if found < cost[end]:
                cost[end], start_of[end] = found, start
    groups: list[range] = []
    end = len(counts)
    while end:
        groups.append(range(start_of[end], end))
        end = start_of[end]
    return groups[::-1]


def _break_costs(text: str, spans: Sequence[Span]) -> list[float]:
    """What it costs to end a passage after each sentence: nothing at the end of a paragraph."""
    costs = []
    for start, end in spans:
        tail = text[start + len(text[start:end].rstrip()) : end]
        lines = len(tail.splitlines())
        costs.append(0.0 if lines > 1 or end == len(text) else _LINE_BREAK if lines else _INNER_BREAK)
    return costs


class PageFinder:
    """First and last page of a span, from the document's page blocks."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        pages = sorted((b for b in blocks if b.kind is BlockKind.PAGE), key=lambda b: b.start)
        self._starts = [block.start for block in pages]
        self._numbers = [block.number for block in pages]

    def of(self, start: int, end: int) -> tuple[int, int] | None:
        """Pages (from 1) on which ``[start, end)`` begins and ends, or None without pages."""
        if not self._starts:
            return None
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first, bisect_right(self._starts, max(start, end - 1)) - 1)
        return self._numbers[first], self._numbers[last]
