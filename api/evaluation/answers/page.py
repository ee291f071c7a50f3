"""The report on answers as one HTML file."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from api.evaluation.answers import words
from api.evaluation.html import figure, table, whole
from api.evaluation.parts import compared_with, problem_tables, settings_table
from api.evaluation.words import difference, effect, p_value
from rag.evaluation.answers import said
from rag.evaluation.figures import FIGURES
from rag.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from api.evaluation.answers.report import AnswerReport, MeasuredAnswers
    from rag.evaluation.answers import AnswerOutcome, Asked
    from rag.evaluation.statistics import Estimate

_DRAWINGS = {
    "reliability.svg": "Share of right answers over their confidence",
    "risk.svg": "Share of wrong answers over the share of questions answered",
    "kinds.svg": "Results by document kind",
    "groups.svg": "Results by group of questions",
}
# Questions in a list, and letters of an answer in it.
_LISTED = 15
_LETTERS = 400


def page(report: AnswerReport, drawings: Mapping[str, str]) -> str:
    """The page. Everything that comes from documents, questions and answers is escaped."""
    about = (
        f"{report.questions.name} · {report.first.documents} documents · {report.created} · "
        "95 % intervals in brackets"
    )
    parts = [
        "<h1>Answers</h1>",
        f'<p class="soft">{escape(about)}</p>',
        f'<p class="verdict">{escape(words.verdict(report))}</p>',
        *(f"<p>{escape(line)}</p>" for line in words.summary(report)),
        *_requirements(report),
        "<h2>Figures</h2>",
        _figures(report),
        *_comparison(report),
        "<h2>Confidence</h2>" if "reliability.svg" in drawings else "",
        *_drawing(drawings, "reliability.svg"),
        *_drawing(drawings, "risk.svg"),
        *_parts(report, drawings, "document kind", [each.kinds for each in report.configurations]),
        *_parts(report, drawings, "group", [each.groups for each in report.configurations]),
        *_lists(report),
        *_problems(report),
        *_settings(report),
    ]
    return whole(f"Answers: {report.questions.name}", parts)


def _requirements(report: AnswerReport) -> Iterable[str]:
    if not report.requirements:
        return
    yield "<h2>Requirements</h2>"
    yield from (f'<p class="verdict">{escape(sentence)}</p>' for sentence in report.shortfalls)
    kept = len(report.requirements) - len(report.shortfalls)
    listed = ", ".join(str(each) for each in report.requirements)
    yield f"<p>{kept} of {len(report.requirements)} kept: {escape(listed)}.</p>"


def _figures(report: AnswerReport) -> str:
    # Beside a second configuration there is no room for it; docs/evaluation.md says the same.
    alone = len(report.configurations) == 1
    rows = [
        (
            each.label,
            each.key,
            *((each.over,) if alone else ()),
            *(words.value(each, measured.figures.get(each.key)) for measured in report.configurations),
        )
        for each in FIGURES
        if any(each.key in measured.figures for measured in report.configurations)
    ]
    names = [each.name for each in report.configurations]
    return table(("figure", "name", *(("over",) if alone else ()), *names), rows, report.primary.label)


def _comparison(report: AnswerReport) -> Iterable[str]:
    if not report.comparisons:
        return
    first, second = report.configurations
    yield from compared_with(first, second, report.primary.label, "figures")
    rows = []
    for each in FIGURES:
        if (found := report.comparisons.get(each.key)) is None:
            continue
        counts = found.wins, found.losses, found.ties
        shown = map(str, counts) if any(counts) else ("–",) * 3
        rows.append((each.label, difference(found), p_value(found), effect(found), *shown))
    header = ("figure", "difference", "p", "effect", "better", "worse", "same")
    yield table(header, rows, report.primary.label)


def _parts(
    report: AnswerReport,
    drawings: Mapping[str, str],
    title: str,
    parts: Sequence[Mapping[str, Mapping[str, Estimate]]],
) -> Iterable[str]:
    """The figures of each part, of the first configuration; both configurations are drawn."""
    if not parts[0]:
        return
    yield f"<h2>By {title}</h2>"
    yield from _drawing(drawings, "kinds.svg" if title == "document kind" else "groups.svg")
    shown = [each for each in FIGURES if any(each.key in figures for figures in parts[0].values())]
    rows = [
        (each.label, *(words.value(each, figures.get(each.key)) for figures in parts[0].values()))
        for each in shown
    ]
    yield table(("figure", *parts[0]), rows, report.primary.label)


def _lists(report: AnswerReport) -> Iterable[str]:
    first = report.first
    if report.differences:
        yield "<h2>Questions on which they differ most</h2>"
        texts = {asked.question.id: asked.question for asked in first.asked}
        rows = [
            (
                f"{texts[each.question_id].text} [{each.question_id}]",
                f"{each.first:.3f}",
                f"{each.second:.3f}",
            )
            for each in report.differences
        ]
        yield table(("question", *(each.name for each in report.configurations)), rows)
    wrong = [(asked, outcome) for asked, outcome in first.rows if outcome.given and outcome.right is False]
    yield from _answers(first, "Wrong answers, the most confident first", wrong)
    held = [(asked, outcome) for asked, outcome in first.rows if not outcome.given and outcome.right]
    yield from _answers(first, "Answers withheld although they are right", held)
    claims = [
        (asked.question.text, claim.text, claim.verdict.value)
        for asked, outcome in first.rows
        if outcome.response.answer is not None
        for claim in outcome.response.answer.claims
        if claim.verdict is not Verdict.SUPPORTED
    ]
    if claims:
        yield "<h2>Claims without full support</h2>"
        yield table(("question", "claim", "verdict"), claims[:_LISTED])
    misquotes = [
        (asked.question.text, first.filenames.get(each.document_id, each.document_id), each.quote)
        for asked, outcome in first.rows
        for each in outcome.misquotes
    ]
    if misquotes:
        yield "<h2>Quotes that are not the stored text</h2>"
        yield table(("question", "document", "quote"), misquotes[:_LISTED])


def _answers(
    measured: MeasuredAnswers, title: str, found: Sequence[tuple[Asked, AnswerOutcome]]
) -> Iterable[str]:
    if not found:
        return
    yield f"<h2>{escape(title)}</h2>"
    ranked = sorted(found, key=lambda each: -(each[1].confidence or 0.0))[:_LISTED]
    rows = []
    for asked, outcome in ranked:
        made = outcome.response.made
        text = textwrap.shorten(said(made), _LETTERS, placeholder=" …") if made else ""
        wanted = " | ".join(asked.question.answers) or _places(asked, measured)
        confidence = "–" if outcome.confidence is None else f"{outcome.confidence:.2f}"
        rows.append((f"{asked.question.text} [{asked.question.id}]", text, wanted, confidence))
    yield table(("question", "answer", "wanted", "confidence"), rows)


def _places(asked: Asked, measured: MeasuredAnswers) -> str:
    if asked.target is None:
        return "no answer"
    return ", ".join(
        f"{measured.filenames[place.document]} {place.start}–{place.end}" for place, _ in asked.target.places
    )


def _problems(report: AnswerReport) -> Iterable[str]:
    for each in report.configurations:
        of = f" with {each.name}" if len(report.configurations) > 1 else ""
        yield from problem_tables(each, report.first, of)
        errors = [
            (asked.question.text, outcome.response.error)
            for asked, outcome in each.rows
            if outcome.response.error
        ]
        if errors:
            yield f"<h2>Questions that ended in an error{escape(of)}</h2>"
            yield table(("question", "error"), errors[:_LISTED])


def _settings(report: AnswerReport) -> Iterable[str]:
    more = [{"confidence by": ", ".join(each.calibrations)} for each in report.configurations]
    return settings_table(report.configurations, more)


def _drawing(drawings: Mapping[str, str], name: str) -> Iterable[str]:
    return figure(drawings, name, _DRAWINGS[name])
