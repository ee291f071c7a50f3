"""Pieces of evidence that say the same in nearly the same words, counted once.

A page that was copied with a word changed is no second witness. Many such copies are the cheapest way to make a model
believe something (PoisonedRAG, https://arxiv.org/abs/2402.07867), and they take the place of other sources.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.words import names, quantities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.types import Evidence

# Share of runs of three words in common, by Jaccard, from which two texts are one text (Broder: "On the resemblance
# and containment of documents", 1997, https://doi.org/10.1109/SEQUEN.1997.666900).
_RESEMBLANCE = 0.6
_RUN = 3
_WORD = re.compile(r"\w+")
_NEGATION = re.compile(r"\b(?:no|not|never|none|neither|nor|without|cannot)\b|n['’]t\b", re.IGNORECASE)


def merge_alike(evidence: Sequence[Evidence]) -> tuple[list[Evidence], dict[str, str]]:
    """Leave out what another document says as well.

    Pieces that differ in a number, a name or a "not" are never merged: what contradicts must be seen.

    Args:
        evidence: Best first.

    Returns:
        The pieces kept, best first, and for the key of each piece left out that of the piece kept for it.
    """
    kept: list[tuple[Evidence, frozenset[tuple[str, ...]], tuple[object, ...]]] = []
    merged: dict[str, str] = {}
    for piece in evidence:
        runs, values = _runs(piece.text), _values(piece.text)
        for other, its_runs, its_values in kept:
            if (
                other.document_id != piece.document_id
                and values == its_values
                and _resemblance(runs, its_runs) >= _RESEMBLANCE
            ):
                merged[piece.key] = other.key
                break
        else:
            kept.append((piece, runs, values))
    return [piece for piece, _, _ in kept], merged


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(text)]
    return frozenset(tuple(words[at : at + _RUN]) for at in range(max(1, len(words) - _RUN + 1)))


def _values(text: str) -> tuple[object, ...]:
    return frozenset(quantities(text)), frozenset(names(text)), len(_NEGATION.findall(text))


def _resemblance(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0
