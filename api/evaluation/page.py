"""The report as one HTML file that needs nothing else: no script, no network, drawings inside."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from api.evaluation import words
from api.evaluation.html import figure, table, whole
from api.evaluation.parts import compared_with, problem_tables, settings_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from api.evaluation.report import Measured, Report
    from rag.evaluation.locate import Target
    from rag.evaluation.statistics import Estimate

_DRAWINGS = {
    "recall.svg": "Mean recall of relevant characters over the budget of retrieved characters",
    "kinds.svg": "Results by document kind",
    "groups.svg": "Results by group of questions",
}

Cells = tuple[str, ...]


def page(report: Report, drawings: Mapping[str, str]) -> str:
    """The page. Everything that comes from documents and questions is escaped."""
    about = (
        f"{report.questions.name} · {report.first.documents} documents · {report.created} · "
        "95 % intervals in brackets"
    )
    parts = [
        "<h1>Retrieval</h1>",
        f'<p class="soft">{escape(about)}</p>',
        f'<p class="verdict">{escape(words.verdict(report))}</p>',
        f"<p>{escape(words.counts(report))}</p>",
        *(f"<p>{escape(line)}</p>" for line in words.shortfalls(report)),
        *_drawing(drawings, "recall.svg"),
        "<h2>Measures</h2>",
        _means(report),
        *_comparison(report),
        *_parts(report, drawings, "document kind", [each.kinds for each in report.configurations]),
        *_parts(report, drawings, "group", [each.groups for each in report.configurations]),
        *_questions(report),
        *_problems(report),
        *_settings(report),
    ]
    return whole(f"Retrieval: {report.questions.name}", parts)


def _means(report: Report) -> str:
    rows = [
        (measure.label, *(words.estimate(each.means.get(measure.key)) for each in report.configurations))
        for measure in report.measures
        if measure.key in report.first.means
    ]
    rows.append(
        (
            "search time, median (95th percentile)",
            *(words.milliseconds(report, at) for at, _ in enumerate(report.configurations)),
        )
    )
    return table(("measure", *(each.name for each in report.configurations)), rows, report.primary.label)


def _comparison(report: Report) -> Iterable[str]:
    if not report.comparisons:
        return
    first, second = report.configurations
    yield from compared_with(first, second, report.primary.label, "measures")
    header = ("measure", "difference", "p", "effect", "better", "worse", "same")
    rows = [
        (
            measure.label,
            words.difference(found),
            words.p_value(found),
            words.effect(found),
            *map(str, (found.wins, found.losses, found.ties)),
        )
        for measure in report.measures
        if (found := report.comparisons.get(measure.key)) is not None
    ]
    yield table(header, rows, report.primary.label)


def _parts(
    report: Report,
    drawings: Mapping[str, str],
    title: str,
    parts: Sequence[Mapping[str, Mapping[str, Estimate]]],
) -> Iterable[str]:
    if not parts[0]:
        return
    key = report.primary.key
    yield f"<h2>By {title}</h2>"
    yield from _drawing(drawings, "kinds.svg" if title == "document kind" else "groups.svg")
    rows = []
    for label in parts[0]:
        found = [part.get(label, {}).get(key) for part in parts]
        count = "0" if found[0] is None else str(found[0].count)
        rows.append((label, count, *map(words.estimate, found)))
    yield f"<p>{escape(report.primary.label)}; all measures are in report.json.</p>"
    yield table((title, "questions", *(each.name for each in report.configurations)), rows)


def _questions(report: Report) -> Iterable[str]:
    targets, label = report.first.targets, report.primary.label
    if report.differences:
        yield "<h2>Questions on which they differ most</h2>"
        rows = [
            (*_question(targets[each.question_id], report.first), f"{each.first:.3f}", f"{each.second:.3f}")
            for each in report.differences
        ]
        yield table(("question", "relevant", *(each.name for each in report.configurations)), rows)
    if report.lowest:
        yield f"<h2>Questions with the lowest {escape(label)}</h2>"
        rows = [
            (*_question(targets[each.question_id], report.first), f"{each.values[report.primary.key]:.3f}")
            for each in report.lowest
        ]
        yield table(("question", "relevant", report.first.name), rows)


def _question(target: Target, measured: Measured) -> Cells:
    names = sorted({measured.filenames[name] for name, grade in target.documents.items() if grade > 0})
    return f"{target.question.text} [{target.question.id}]", ", ".join(names)


def _problems(report: Report) -> Iterable[str]:
    for each in report.configurations:
        of = f" with {each.name}" if len(report.configurations) > 1 else ""
        yield from problem_tables(each, report.first, of)


def _settings(report: Report) -> Iterable[str]:
    more = [{"top_k": str(report.plan.top_k)} for _ in report.configurations]
    return settings_table(report.configurations, more)


def _drawing(drawings: Mapping[str, str], name: str) -> Iterable[str]:
    return figure(drawings, name, _DRAWINGS[name])
