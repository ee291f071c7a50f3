"""The best of what was found within a number of characters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.sentences import trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.types import Found


def within_characters(found: Sequence[Found], limit: int) -> list[Found]:
    """The best of the passages whose texts together have at most ``limit`` characters.

    Where the sentences of the passages were weighed, the best sentences are taken and those that touch are joined: a
    passage may come back in part or in several parts. The others follow whole; the last may be cut after a sentence.

    Args:
        found: Passages, best first.
        limit: Code points.
    """
    weighed = [each for each in found if each.sentences]
    kept, left = _best_sentences(weighed, limit)
    for each in found:
        if each.sentences:
            continue
        if len(each.passage.text) <= left:
            kept.append(each)
            left -= len(each.passage.text)
            continue
        ends = [end for _, end in each.passage.sentences if end - each.passage.start <= left]
        short = _part(each, each.passage.start, max(ends), left) if ends else None
        kept += [short] if short else []
        break
    return [replace(each, rank=rank) for rank, each in enumerate(kept, 1)]


def _best_sentences(found: Sequence[Found], limit: int) -> tuple[list[Found], int]:
    """Stretches of the best sentences, best first, and how many characters are left."""
    order = sorted(
        ((score, -at, -row) for at, each in enumerate(found) for row, score in enumerate(each.sentences)),
        reverse=True,
    )
    left, whole = limit, True
    taken: dict[int, list[int]] = {}
    for _, at, row in order:
        start, end = found[-at].passage.sentences[-row]
        if end - start <= left:
            taken.setdefault(-at, []).append(-row)
            left -= end - start
        else:
            whole = False
            break
    kept: list[Found] = []
    for at, rows in taken.items():
        each = found[at]
        spans = each.passage.sentences
        for run in _runs(sorted(rows)):
            score = max(each.sentences[row] for row in run)
            part = _part(each, spans[run[0]][0], spans[run[-1]][1], limit)
            if part:
                kept.append(replace(part, score=score))
    kept.sort(key=lambda each: -each.score)
    # What was not reached stays out, so that the best comes first and nothing worse follows in its place.
    return kept, left if whole else 0


def _runs(rows: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for row in rows:
        if runs and runs[-1][-1] == row - 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _part(found: Found, start: int, end: int, limit: int) -> Found | None:
    """The stretch of a passage without white space at its ends; None when nothing is left."""
    passage = found.passage
    text = passage.text[start - passage.start : end - passage.start]
    first, last = trimmed(text, 0, len(text))
    if last <= first or last - first > limit:
        return None
    inside = [row for row, (a, b) in enumerate(passage.sentences) if a < start + last and b > start + first]
    spans = tuple(
        (max(a, start + first), min(b, start + last)) for a, b in (passage.sentences[row] for row in inside)
    )
    short = replace(passage, start=start + first, end=start + last, text=text[first:last], sentences=spans)
    scores = tuple(found.sentences[row] for row in inside) if found.sentences else ()
    return replace(found, passage=short, sentences=scores)
