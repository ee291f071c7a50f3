"""The report in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from api.evaluation import words
from api.evaluation.parts import comparison_table, problems_of, show_labels, titled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from api.evaluation.report import Report


def show(report: Report, console: Console) -> None:
    """Print what a person wants to know first; the rest stands in the files."""
    console.print()
    console.print(_summary(report))
    if report.comparisons:
        console.print(_comparison(report))
    measure = report.primary.key, report.primary.label
    for title, parts in (
        ("document kind", [(each.name, each.kinds) for each in report.configurations]),
        ("group", [(each.name, each.groups) for each in report.configurations]),
    ):
        show_labels(console, title, measure, parts, words.estimate)
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
    rows = [(each.label, report.comparisons.get(each.key)) for each in report.measures]
    return comparison_table(f"{second.name} against {first.name}", "measure", rows, report.primary.label)
