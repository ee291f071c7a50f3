"""The report in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from api.evaluation import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from api.evaluation.report import Report
    from rag.evaluation.locate import Located

# Lines shown of a list whose rest stands in the report.
_MOST_LINES = 5


def show(report: Report, console: Console) -> None:
    """Print what a person wants to know first; the rest stands in the files."""
    console.print()
    console.print(_summary(report))
    if report.comparisons:
        console.print(_comparison(report))
    for title, parts in (
        ("document kind", [each.kinds for each in report.configurations]),
        ("group", [each.groups for each in report.configurations]),
    ):
        if len(parts[0]) > 1:
            table = titled(f"{report.primary.label}, by {title}")
            table.add_column(title)
            table.add_column("questions", justify="right")
            for each in report.configurations:
                table.add_column(escape(each.name), justify="right")
            for label in parts[0]:
                found = [part.get(label, {}).get(report.primary.key) for part in parts]
                count = "0" if found[0] is None else str(found[0].count)
                table.add_row(escape(label), count, *map(words.estimate, found))
            console.print(table)
    console.print(f"[bold]{escape(words.verdict(report))}[/bold]")
    console.print(escape(words.counts(report)))
    for line in words.shortfalls(report):
        console.print(f"[yellow]{escape(line)}[/yellow]")
    problems_of([each.located for each in report.configurations], console)


def _summary(report: Report) -> Table:
    first = report.first
    table = titled(f"Retrieval, {first.documents} documents, mean over questions (95 % interval)")
    table.add_column("measure")
    for each in report.configurations:
        table.add_column(escape(each.name), justify="right")
    about = ""
    for measure in report.measures:
        if measure.key not in first.means:
            continue
        if about and about != measure.about:
            table.add_section()
        about = measure.about
        found = [words.estimate(each.means.get(measure.key)) for each in report.configurations]
        table.add_row(measure.label, *found, style="bold" if measure == report.primary else None)
    table.add_section()
    table.add_row(
        "search time (95th percentile)",
        *(words.milliseconds(report, at) for at, _ in enumerate(report.configurations)),
    )
    return table


def _comparison(report: Report) -> Table:
    first, second = report.configurations
    table = titled(f"{second.name} against {first.name}")
    for name in ("measure", "difference (95 % interval)", "p", "+/-/="):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    for measure in report.measures:
        if measure.key not in report.comparisons:
            continue
        found = report.comparisons[measure.key]
        table.add_row(
            measure.label,
            words.difference(found),
            words.p_value(found),
            f"{found.wins}/{found.losses}/{found.ties}",
            style="bold" if measure == report.primary else None,
        )
    return table


def titled(title: str) -> Table:
    """An empty table in the form of all."""
    return Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)


def problems_of(located: Sequence[Located], console: Console) -> None:
    """What of the question file could not be measured as it was meant, once for each configuration that differs."""
    for each in located:
        problems = each.problems
        if each is not located[0] and problems == located[0].problems:
            continue
        for problem in problems[:_MOST_LINES]:
            console.print(
                f"[yellow]line {problem.line}:[/yellow] {escape(problem.message)} [dim]({problem.effect})[/dim]"
            )
        if len(problems) > _MOST_LINES:
            console.print(f"... and {len(problems) - _MOST_LINES} more like these in the report.")
