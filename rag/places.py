"""Passages found -> those that are read for an answer by quotation, and every sentence of them as the search saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.analyze import terms
from ingest.sentences import trimmed
from rag.sentence_features import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector
    from rag.asked import Asked
    from rag.types import Evidence, Found


def passages_to_read(asked: Asked, found: Sequence[Found], count: int, more: int) -> list[Found]:
    """The best passages, and those further down that hold the question's rarest word.

    Args:
        asked: The question.
        found: Best first.
        count: How many of the best.
        more: At most so many further ones.
    """
    rest = [each for each in found[count:] if asked.rarest and asked.rarest in terms(each.passage.seen)]
    return [*found[:count], *rest[:more]]


def places_of(
    evidence: Sequence[Evidence],
    found: Sequence[Found],
    query_vector: FloatVector,
    vectors: Mapping[int, FloatMatrix],
    keep: Callable[[str], bool],
) -> list[Place]:
    """The sentences of some evidence that could say something.

    Args:
        evidence: Best first.
        found: The passages that it was made from, as the search gave them; others count as not ranked.
        query_vector: Of the question.
        vectors: Of the sentences by passage id, as stored.
        keep: Whether a sentence could say something.
    """
    known: dict[tuple[str, int, int], tuple[int, float | None, float | None, bool]] = {}
    for each in found:
        passage = each.passage
        rows = vectors.get(passage.id)
        cosines = None if rows is None else rows @ query_vector
        for at, (start, _) in enumerate(passage.sentences):
            weighed = each.sentences[at] if at < len(each.sentences) else None
            in_context = None if cosines is None else float(cosines[at])
            known[passage.document_id, passage.version, start] = (each.rank, weighed, in_context, at == 0)
    places = []
    for piece in evidence:
        for index, span in enumerate(piece.sentences):
            start, end = _within(piece, span)
            if not keep(piece.slice((start, end))):
                continue
            rank, weighed, in_context, first = known.get(
                (piece.document_id, piece.version, span[0]), (len(found) + 1, None, None, index == 0)
            )
            places.append(Place(piece, index, (start, end), in_context, weighed, rank, first))
    return places


def _within(piece: Evidence, span: Span) -> Span:
    start, end = trimmed(piece.text, span[0] - piece.start, span[1] - piece.start)
    return piece.start + start, piece.start + end
