"""Measures over rankings: nDCG, recall and reciprocal rank, of documents and of relevant places.

They are computed by ir-measures (https://ir-measur.es) as trec_eval defines them; nDCG after Järvelin and
Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002,
https://doi.org/10.1145/582415.582418, with the grade itself as gain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.evaluation.measures import common

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rag.evaluation.measures import Range

MEASURES = ("nDCG@10", "R@5", "R@10", "RR")
# The share of a place, or of the passage where that is the shorter, that must be in common to have found the place.
_ENOUGH = 0.5


def ranked_documents(ranked: Sequence[Range]) -> list[str]:
    """Documents in the order in which a first passage of each was found."""
    return list(dict.fromkeys(each.document for each in ranked))


def ranked_places(
    places: Mapping[str, Range], grades: Mapping[str, int], ranked: Sequence[Range]
) -> list[str]:
    """A ranking in which a passage is replaced by the relevant places that it is the first to find.

    A passage finds a place when they share at least half of the shorter of the two. A passage that finds nothing
    new keeps its rank under a name of its own. One that finds several places is replaced by all of them, the
    better grade first, so that no measure exceeds 1.

    Args:
        places: Relevant ranges by name.
        grades: By the same names.
        ranked: Passages, best first.
    """
    left = dict(places)
    names: list[str] = []
    for rank, passage in enumerate(ranked, start=1):
        found = [name for name, place in left.items() if finds(passage, place)]
        names += sorted(found, key=lambda name: -grades[name]) or [f"passage {rank}"]
        for name in found:
            del left[name]
    return names


def evaluate(
    grades: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """``MEASURES`` of each question.

    Args:
        grades: By question and name; 0 is judged and not relevant.
        rankings: Names by question, best first. A question without one, or with an empty one, scores 0.

    Returns:
        Value in 0..1 by question and measure. Questions of which no grade is above 0 are left out.
    """
    import ir_measures  # noqa: PLC0415 - An extra that only evaluation needs.

    judged = {key: dict(names) for key, names in grades.items() if any(grade > 0 for grade in names.values())}
    run = {key: _falling_scores(rankings.get(key, ())) for key in judged}
    values: dict[str, dict[str, float]] = {key: dict.fromkeys(MEASURES, 0.0) for key in judged}
    for metric in ir_measures.iter_calc([ir_measures.parse_measure(name) for name in MEASURES], judged, run):
        values[metric.query_id][str(metric.measure)] = float(metric.value)
    return values


def finds(passage: Range, place: Range) -> bool:
    """Whether they share at least half of the shorter of the two."""
    shorter = min(passage.end - passage.start, place.end - place.start)
    return common([passage], [place]) >= max(1.0, _ENOUGH * shorter)


def _falling_scores(names: Sequence[str]) -> dict[str, float]:
    return {name: 1.0 / rank for rank, name in enumerate(names, start=1)}
