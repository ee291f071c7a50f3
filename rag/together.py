"""A sentence that rests on several sources: which of them carry it together, each for the part that it states.

A sentence is cut into its clauses as ``rag.claims`` cuts a text, and every clause must be carried by one of the
sources. Attribution to a set of sources is judged so in AIS (Rashkin et al.: "Measuring Attribution in Natural Language
Generation Models", https://arxiv.org/abs/2112.12870): all of them taken together must say what the sentence says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.claims import clauses
from rag.types import Verdict
from rag.verify import PARTIAL_AT, SUPPORTED_AT
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.types import Support
    from rag.verify import Verifier

_CARRIED = (Verdict.SUPPORTED, Verdict.PARTIAL)


def carried_together(
    text: str,
    verifier: Verifier,
    keys: Sequence[str] | None,
    alone: Sequence[Support] = (),
    context: str = "",
) -> list[Support]:
    """The sources that carry a sentence together.

    Args:
        text: One sentence without markers.
        verifier: Over the sources.
        keys: Of the sources that may carry it, or None for all of them.
        alone: What each of the sources that the sentence names said to the whole of it.
        context: The text before the sentence.

    Returns:
        Those of ``alone`` that carry the whole, and a support for each place that adds something, with the score of
        the clause that is carried least; empty when a clause is carried by none.
    """
    parts = [verifier.check(clause, keys, context=context) for clause in clauses(text)]
    if not parts or any(each.verdict not in _CARRIED for each in parts):
        return []
    weakest = min(parts, key=lambda each: each.score)
    chosen = [each for each in alone if each.verdict is Verdict.SUPPORTED]
    wanted = set(content_terms(text))
    have = {term for each in chosen for term in _terms(each)}
    # A clause may itself need two sources: one that the sentence names stays where it has words that no other has.
    rest = sorted(alone, key=lambda each: -len(wanted & _terms(each) - have))
    for each in (*parts, *rest):
        if not chosen or wanted & _terms(each) - have:
            chosen.append(
                replace(each, score=weakest.score, verdict=weakest.verdict, faults=(), against=None)
            )
            have |= _terms(each)
    return chosen


def in_part(supports: Sequence[Support]) -> list[Support]:
    """What seems to carry the whole of a sentence of which no source carries one clause: only a part, at most."""
    most = (PARTIAL_AT + SUPPORTED_AT) / 2
    return [
        replace(each, score=min(each.score, most), verdict=Verdict.PARTIAL)
        if each.verdict is Verdict.SUPPORTED and not each.quoted
        else each
        for each in supports
    ]


def _terms(support: Support) -> set[str]:
    """What a source says in its sentences, and in the title and headings over them."""
    piece, span = support.evidence, support.span
    if piece is None or span is None:
        return set()
    return set(terms(" ".join((piece.slice(span), piece.title, *piece.headings))))
