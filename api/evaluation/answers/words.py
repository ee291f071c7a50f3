"""What an evaluation of answers found, in words, the same in the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.evaluation.words import capital, difference, is_significant, p_value
from api.evaluation.words import estimate as share

if TYPE_CHECKING:
    from api.evaluation.answers.report import AnswerReport, MeasuredAnswers
    from rag.evaluation.figures import Figure
    from rag.evaluation.statistics import Estimate

# Fewer judged answers leave a calibration error that is mostly chance.
_FEW = 100


def value(figure: Figure, found: Estimate | None) -> str:
    """A figure with its interval, in its unit."""
    if found is None or not figure.key.startswith(("latency", "cost")):
        return share(found)
    if figure.key.startswith("latency"):
        return f"{found.mean:,.0f}"
    interval = "" if found.low is None else f" ({found.low:.5f} to {found.high:.5f})"
    return f"{found.mean:.5f}{interval}"


def verdict(report: AnswerReport) -> str:
    """The result in a sentence or two."""
    key, label = report.primary.key, capital(report.primary.label)
    first = report.first
    if key not in report.comparisons:
        found = first.figures.get(key)
        if found is None:
            return "No answer could be judged."
        return f"{label}: {share(found)}, {found.count} questions."
    compared, second = report.comparisons[key], report.configurations[1]
    if not is_significant(compared):
        outcome = "These questions do not show a difference"
    else:
        better = compared.difference.mean > 0
        outcome = f"{second.name} is {'better' if better else 'worse'}"
    return (
        f"{outcome}. {label}: {second.figures[key].mean:.3f} with {second.name} against "
        f"{first.figures[key].mean:.3f} with {first.name}, {difference(compared)}, p = {p_value(compared)}; better "
        f"on {compared.wins} questions, worse on {compared.losses}, the same on {compared.ties}."
    ).replace("p = <", "p <")


def summary(report: AnswerReport) -> list[str]:
    """What a reader wants to know in whole numbers, of the first configuration."""
    first = report.first
    rows = first.rows
    answerable = [outcome for asked, outcome in rows if asked.answerable]
    unanswerable = [outcome for asked, outcome in rows if asked.answerable is False]
    lines = []
    if answerable:
        right = sum(outcome.given and outcome.right is True for outcome in answerable)
        given = sum(outcome.given for outcome in answerable)
        lines.append(f"{given} of {len(answerable)} answerable questions answered, {right} of them right.")
    if unanswerable:
        refused = sum(not outcome.given and outcome.response.answer is not None for outcome in unanswerable)
        lines.append(f"{refused} of {len(unanswerable)} unanswerable questions not answered, as they should.")
    if unjudged := sum(asked.answerable is None for asked, _ in rows):
        lines.append(
            f"{unjudged} questions asked of which the file does not say whether they can be answered."
        )
    if left := report.total - len(rows):
        lines.append(f"{left} questions left out, because what they name is not in the corpus.")
    lines.append(_quotes(first))
    lines += _calibration(first)
    if failed := [outcome for outcome in first.outcomes if outcome.response.error]:
        lines.append(f"{len(failed)} questions ended in an error. The first: {failed[0].response.error}")
    if (cost := sum(outcome.values.get("cost_usd", 0.0) for outcome in first.outcomes)) > 0:
        lines.append(f"All answers together cost {cost:.4f} US dollars.")
    return lines


def _quotes(measured: MeasuredAnswers) -> str:
    total = sum(outcome.quotes for outcome in measured.outcomes)
    wrong = sum(len(outcome.misquotes) for outcome in measured.outcomes)
    if not wrong:
        return f"All {total} quotes are the stored text, to the letter." if total else "Nothing was quoted."
    return f"{wrong} of {total} quotes are not the stored text."


def _calibration(measured: MeasuredAnswers) -> list[str]:
    found = measured.figures.get("ece")
    if found is None or measured.chance is None:
        return []
    perfect = f"a perfect confidence would show {measured.chance:.3f} on so many, by chance"
    lines = [f"Calibration error {found.mean:.3f} on {found.count} judged answers; {perfect}."]
    if found.count < _FEW:
        lines.append(f"Fewer than {_FEW} judged answers say little about calibration. Ask more questions.")
    return lines
