"""Outcomes of a set -> means, comparisons and aims, as they go into the result file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.retrieval.aims import judge
from benchmarks.retrieval.systems import SERVICE
from rag.evaluation.statistics import compare, estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.retrieval.run import Outcome, Rows
    from benchmarks.retrieval.types import TestSet

Json = dict[str, Any]


def summarise(test: TestSet, outcome: Outcome) -> Json:
    """Figures over questions; none of a single question."""
    ours = outcome.systems[SERVICE]
    groups = sorted(set(outcome.groups))
    ablated = {name: [values[at] for at in outcome.ablated] for name, values in ours.items()}
    return {
        "title": test.title,
        "documents": outcome.documents,
        "questions": len(outcome.groups),
        "ingest_s": round(outcome.ingest_s, 1),
        "search_s": round(outcome.search_s, 1),
        "systems": {
            system: {measure: _rounded(asdict(estimate(row))) for measure, row in rows.items()}
            for system, rows in outcome.systems.items()
        },
        "footnote_against": {
            system: _comparisons(rows, ours) for system, rows in outcome.systems.items() if system != SERVICE
        },
        "groups": {
            group: {system: means(rows, outcome.groups, group) for system, rows in outcome.systems.items()}
            for group in (groups if len(groups) > 1 else ())
        },
        "aims": [asdict(each) for each in _judged(test, outcome)],
        "ablated_questions": len(outcome.ablated),
        "gained_by": {idea: _comparisons(rows, ablated) for idea, rows in outcome.without.items()},
        "curve": {
            system: [
                [budget, round(value, 4)]
                for budget, value in zip(test.curve, means(rows, outcome.groups).values(), strict=True)
            ]
            for system, rows in outcome.curves.items()
        },
    }


def means(rows: Rows, groups: Sequence[str], group: str = "all") -> dict[str, float]:
    """Mean of each measure over the questions of a group, each counting the same."""
    chosen = [at for at, each in enumerate(groups) if group in {"all", each}]
    return {
        measure: round(sum(values[at] for at in chosen) / len(chosen), 4) for measure, values in rows.items()
    }


def _comparisons(first: Rows, second: Rows) -> Json:
    """The second against the first, by measure."""
    found = {}
    for measure, values in first.items():
        compared = compare(values, second[measure])
        found[measure] = _rounded(
            {
                "difference": compared.difference.mean,
                "low": compared.difference.low,
                "high": compared.difference.high,
                "p": compared.p,
                "wins": compared.wins,
                "losses": compared.losses,
                "ties": compared.ties,
            }
        )
    return found


def _judged(test: TestSet, outcome: Outcome) -> list[Any]:
    judged = []
    for aim in test.aims:
        if aim.group not in {"all", *outcome.groups}:
            continue
        figures = {
            system: means(rows, outcome.groups, aim.group)[aim.measure]
            for system, rows in outcome.systems.items()
        }
        judged.append(judge(aim, figures[SERVICE], figures))
    return judged


def _rounded(values: Json) -> Json:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
