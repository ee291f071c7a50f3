"""Is a quote printed where its citation says, and does an answer keep its own promises?

Pages are read with pdfium from the original file: a second reader, independent of the stored text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pypdfium2
import sentencex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# What a line end inside a word leaves behind: hyphens, the soft hyphen, and pdfium's marks for it.
HYPHENS = re.compile("[-\u00ad\u2010\u2011\u2012\u2013\u2014\u2212\ufffe\u0002]")
MARKER = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")
SHINGLE = 8
FUZZY = 0.8

Kind = Literal["exact", "fuzzy", "wide", "wrong"]


@dataclass(frozen=True, slots=True)
class PageMatch:
    """How a quote was found on the pages that its citation names.

    Attributes:
        kind: ``exact``: printed there to the letter but for spaces and hyphens; ``fuzzy``: at least
            ``FUZZY`` of its shingles are, as when two readers order table cells differently; ``wide``: a
            page is named that the quote does not need; ``wrong``: it is not there.
        share: Share of the quote's shingles on those pages, 0..1.
        better: Other pages that hold the quote to the letter.
    """

    kind: Kind
    share: float
    better: tuple[int, ...] = ()


def squeeze(text: str) -> str:
    """NFKC without spaces, hyphens and control characters: what two PDF readers can agree on."""
    folded = HYPHENS.sub("", unicodedata.normalize("NFKC", text))
    return "".join(
        c for c in folded if not c.isspace() and unicodedata.category(c) not in {"Cc", "Cf", "Co", "Cn"}
    )


def shingles(squeezed: str, size: int = SHINGLE) -> set[str]:
    """Every run of ``size`` characters; the whole text when it is shorter."""
    if len(squeezed) <= size:
        return {squeezed} if squeezed else set()
    return {squeezed[at : at + size] for at in range(len(squeezed) - size + 1)}


def pdf_pages(path: Path) -> list[str]:
    """Squeezed text of every page, the first page first."""
    document = pypdfium2.PdfDocument(path)
    try:
        return [squeeze(page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()


def match_pages(quote: str, pages: Sequence[str], first: int, last: int) -> PageMatch:
    """Looks for a quote on pages ``first`` to ``last`` (from 1) of the squeezed ``pages``."""
    needle = squeeze(quote)
    if not needle or not 1 <= first <= last <= len(pages):
        return PageMatch("wrong", 0.0)
    whole = "".join(pages[first - 1 : last])
    better = tuple(n for n, page in enumerate(pages, 1) if not first <= n <= last and needle in page)
    if needle in whole:
        without_first, without_last = "".join(pages[first:last]), "".join(pages[first - 1 : last - 1])
        spare = needle in without_first or needle in without_last
        # A line that is printed on each of the pages, such as a header, may name them all.
        repeated = all(needle in page for page in pages[first - 1 : last])
        return PageMatch("wide" if spare and not repeated else "exact", 1.0, better)
    wanted = shingles(needle)
    share = len(wanted & shingles(whole)) / len(wanted)
    if share < FUZZY or better:
        return PageMatch("wrong", share, better)
    if first < last:
        # A page whose own shingles add nothing to the others' is not one where the quote is printed.
        for dropped in (first, last):
            rest = "".join(page for n, page in enumerate(pages, 1) if first <= n <= last and n != dropped)
            if len(wanted & shingles(rest)) / len(wanted) >= share:
                return PageMatch("wide", share, better)
    return PageMatch("fuzzy", share, better)


def page_span(pages: object) -> tuple[int, int] | None:
    """First and last page from any of the shapes a list of pages may have; None when there are none."""
    if isinstance(pages, int):
        return (pages, pages)
    if isinstance(pages, list) and pages and all(isinstance(page, int) for page in pages):
        return (min(pages), max(pages))
    return None


def markers(answer: str) -> list[tuple[int, int, tuple[int, ...]]]:
    """Footnote markers as (start, end, numbers), in order."""
    found = []
    for match in MARKER.finditer(answer):
        numbers = tuple(int(number) for number in match.group(1).split(","))
        found.append((match.start(), match.end(), numbers))
    return found


def bare_sentences(answer: str) -> Iterator[tuple[str, list[int]]]:
    """Sentences of the answer without its markers, each with the answer's offset of every character."""
    kept: list[int] = []
    at = 0
    for start, end, _ in markers(answer):
        kept.extend(range(at, start))
        at = end
    kept.extend(range(at, len(answer)))
    bare = "".join(answer[offset] for offset in kept)
    for boundary in sentencex.get_sentence_boundaries("en", bare):
        start, end = boundary["start_index"], boundary["end_index"]
        yield bare[start:end], kept[start:end]


def uncovered_sentences(answer: str, claims: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences of which a letter or digit lies in no claim."""
    inside = bytearray(len(answer))
    for claim in claims:
        start, end = max(0, claim["start"]), min(len(answer), claim["end"])
        inside[start:end] = b"\x01" * max(0, end - start)
    return [
        sentence.strip()
        for sentence, offsets in bare_sentences(answer)
        if any(answer[offset].isalnum() and not inside[offset] for offset in offsets)
    ]
