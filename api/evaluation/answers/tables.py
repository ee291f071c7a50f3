"""The report in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from api.evaluation.answers import words
from api.evaluation.parts import comparison_table, problems_of, show_labels, titled
from rag.evaluation.figures import FIGURES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from api.evaluation.answers.report import AnswerReport


def show(report: AnswerReport, console: Console) -> None:
    """Print what a person wants to know first; the rest stands in the files."""
    console.print()
    console.print(_figures(report))
    if report.comparisons:
        console.print(_comparison(report))
    measure = report.primary.key, report.primary.label
    for title, parts in (
        ("document kind", [(each.name, each.kinds) for each in report.configurations]),
        ("group", [(each.name, each.groups) for each in report.configurations]),
    ):
        show_labels(console, title, measure, parts, lambda each: words.value(report.primary, each))
    console.print(f"[bold]{escape(words.verdict(report))}[/bold]")
    for line in words.summary(report):
        console.print(escape(line))
    problems_of([each.located for each in report.configurations], console)


def show_requirements(report: AnswerReport, console: Console) -> None:
    """Print whether the thresholds are kept, last, where a person and a job's log end."""
    for sentence in report.shortfalls:
        console.print(f"[red]{escape(sentence)}[/red]")
    kept = len(report.requirements) - len(report.shortfalls)
    if report.requirements:
        console.print(f"{kept} of {len(report.requirements)} requirements kept.")


def _figures(report: AnswerReport) -> Table:
    first = report.first
    table = titled(f"Answers, {first.documents} documents (95 % interval)")
    table.add_column("figure")
    table.add_column("name for --require")
    for each in report.configurations:
        table.add_column(escape(each.name), justify="right")
    about = ""
    for figure in FIGURES:
        if not any(figure.key in each.figures for each in report.configurations):
            continue
        if about and about != figure.about:
            table.add_section()
        about = figure.about
        found = [words.value(figure, each.figures.get(figure.key)) for each in report.configurations]
        style = "bold" if figure == report.primary else None
        table.add_row(figure.label, figure.key, *found, style=style)
    return table


def _comparison(report: AnswerReport) -> Table:
    first, second = report.configurations
    rows = [(each.label, report.comparisons.get(each.key)) for each in FIGURES]
    return comparison_table(f"{second.name} against {first.name}", "figure", rows, report.primary.label)
