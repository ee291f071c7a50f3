"""Tables of the figures, for a terminal and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.report import print_table
from benchmarks.retrieval.systems import SERVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


def show_set(found: Json) -> None:
    """Means, differences with their 95 % intervals, groups and aims of one set."""
    print(f"\n## {found['title']}: {found['questions']} questions, {found['documents']} documents")
    measures = list(found["systems"][SERVICE])
    print_table(
        ["system", *measures],
        [[name, *(part[each]["mean"] for each in measures)] for name, part in found["systems"].items()],
    )
    for group, systems in found["groups"].items():
        print_table(
            [group, *measures], [[name, *(part[m] for m in measures)] for name, part in systems.items()]
        )
    print_table(
        ["footnote against", "measure", "difference", "95 %", "p", "better", "worse", "same"],
        [
            [name, measure, *_difference(each), each["wins"], each["losses"], each["ties"]]
            for name, part in found["footnote_against"].items()
            for measure, each in part.items()
        ],
    )
    if found["aims"]:
        print_table(
            ["aim", "value", "reached"],
            [[each["text"], each["value"], _reached(each)] for each in found["aims"]],
        )


def show_ablations(sets: Mapping[str, Json]) -> None:
    """What each idea gained in each set: the service less the service without it; * where the 95 % exclude 0."""
    columns = [
        (name, measure)
        for name, found in sets.items()
        for measure in next(iter(found["gained_by"].values()), {})
    ]
    ideas = list(dict.fromkeys(idea for found in sets.values() for idea in found["gained_by"]))
    if not ideas:
        return
    print("\n## What each idea gained")
    rows = [[idea, *(_gain(sets[name], idea, measure) for name, measure in columns)] for idea in ideas]
    print_table(["idea", *(f"{name}: {measure}" for name, measure in columns)], rows)


def _gain(found: Json, idea: str, measure: str) -> str:
    each = found["gained_by"].get(idea, {}).get(measure)
    if each is None:
        return ""
    sure = each["low"] is not None and (each["low"] > 0 or each["high"] < 0)
    return f"{each['difference']:+.3f}{'*' if sure else ''}"


def _difference(each: Json) -> list[str]:
    if each["low"] is None:
        return [f"{each['difference']:+.3f}", "", ""]
    return [f"{each['difference']:+.3f}", f"{each['low']:+.3f} to {each['high']:+.3f}", f"{each['p']:.4f}"]


def _reached(each: Json) -> str:
    if each["reached"]:
        return "yes"
    return "no" if each["possible"] else "no system can"
