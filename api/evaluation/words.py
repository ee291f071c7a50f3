"""Figures and findings in words, the same in the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.evaluation.report import Report
    from rag.evaluation.statistics import Comparison, Estimate

# What a reader calls a media type; others are shown as they are.
KINDS = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/epub+zip": "e-book",
    "message/rfc822": "e-mail",
    "text/csv": "CSV",
    "text/html": "HTML",
    "text/markdown": "Markdown",
    "text/plain": "plain text",
}
# Below this a difference is called significant, as is the custom.
_SIGNIFICANT = 0.05
_LEAST_P = 0.001


def estimate(value: Estimate | None) -> str:
    """A mean with its interval, as in ``0.806 (0.77 to 0.84)``."""
    if value is None:
        return "–"
    interval = "" if value.low is None else f" ({value.low:.2f} to {value.high:.2f})"
    return f"{value.mean:.3f}{interval}"


def difference(value: Comparison) -> str:
    """A difference with its interval and sign."""
    found = value.difference
    interval = "" if found.low is None else f" ({found.low:+.3f} to {found.high:+.3f})"
    return f"{found.mean:+.3f}{interval}"


def p_value(value: Comparison) -> str:
    """Three decimals, or that it is smaller."""
    if value.p is None:
        return "–"
    return f"< {_LEAST_P}" if value.p < _LEAST_P else f"{value.p:.3f}"


def is_significant(value: Comparison) -> bool:
    """Whether the test shows a difference, by the customary bound."""
    return value.p is not None and value.p < _SIGNIFICANT


def effect(value: Comparison) -> str:
    """Cohen's d_z with its sign."""
    return "–" if value.effect is None else f"{value.effect:+.2f}"


def verdict(report: Report) -> str:
    """The result in a sentence or two."""
    label, key = report.primary.label, report.primary.key
    first = report.first
    if key not in report.comparisons:
        return f"{capital(label)}: {estimate(first.means[key])}, {first.means[key].count} questions."
    found = report.comparisons[key]
    second = report.configurations[1]
    counts = f"better on {found.wins} questions, worse on {found.losses}, the same on {found.ties}"
    if not is_significant(found):
        outcome = "These questions do not show a difference"
    else:
        outcome = f"{second.name} is {'better' if found.difference.mean > 0 else 'worse'}"
    return (
        f"{outcome}. {capital(label)}: {second.means[key].mean:.3f} with {second.name} against "
        f"{first.means[key].mean:.3f} with {first.name}, {difference(found)}, p = {p_value(found)}; {counts}."
    ).replace("p = <", "p <")


def counts(report: Report) -> str:
    """How many questions were measured, and why not the others."""
    located = report.first.located
    measured, placed = len(located.targets), sum(bool(target.places) for target in located.targets)
    left = report.total - measured - len(located.unanswerable)
    parts = [f"{measured} of {report.total} questions measured, {placed} of them in characters"]
    if located.unanswerable:
        parts.append(f"{len(located.unanswerable)} with nothing relevant")
    if left:
        parts.append(f"{left} left out")
    return "; ".join(parts) + "."


def shortfalls(report: Report) -> list[str]:
    """Where retrieval ended before a budget was full, so that a larger ``--top-k`` would find more."""
    found = []
    largest = report.plan.budgets[-1]
    for each in report.configurations:
        short = sum(
            outcome.characters < largest and len(outcome.found) >= report.plan.top_k
            for outcome in each.outcomes
        )
        if short:
            found.append(
                f"{each.name}: for {short} questions {report.plan.top_k} passages hold fewer than {largest:,} "
                "characters. Raise --top-k for the recall in that budget."
            )
    return found


def milliseconds(report: Report, at: int) -> str:
    """Median and 95th percentile of the time of a search in a configuration."""
    seconds = sorted(outcome.seconds for outcome in report.configurations[at].outcomes)
    middle, late = seconds[len(seconds) // 2], seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))]
    return f"{middle * 1000:.0f} ms ({late * 1000:.0f} ms)"


def capital(text: str) -> str:
    """With a large first letter."""
    return text[:1].upper() + text[1:]
