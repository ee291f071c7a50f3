"""Parts that the reports of all evaluations have, on the page and in the terminal."""

from __future__ import annotations

from html import escape as escape_html
from typing import TYPE_CHECKING, Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from api.evaluation.html import table
from api.evaluation.report import versions
from api.evaluation.words import difference, p_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import Console

    from rag.evaluation.locate import Located
    from rag.evaluation.statistics import Comparison, Estimate

# Lines shown of a list whose rest stands in the report.
_MOST_LINES = 5


class Configured(Protocol):
    """One configuration that was measured."""

    @property
    def name(self) -> str:
        """What tells it from the other one."""

    @property
    def settings(self) -> dict[str, Any]:
        """By name."""

    @property
    def failed(self) -> dict[str, str]:
        """File names and reasons."""

    @property
    def located(self) -> Located:
        """What of the question file is in the corpus."""

    @property
    def embedder(self) -> str:
        """Fingerprint of the model."""

    @property
    def passages(self) -> int:
        """How many there are."""


def compared_with(first: Configured, second: Configured, decides: str, others: str) -> Iterable[str]:
    """What stands before the table of a comparison."""
    yield f"<h2>{escape_html(second.name)} against {escape_html(first.name)}</h2>"
    yield (
        "<p>Two-sided paired randomisation test over questions; effect is the mean difference in standard "
        f"deviations of the differences. <b>{escape_html(decides)}</b> decides; the other {others} are "
        "not corrected for looking at several.</p>"
    )


def problem_tables(each: Configured, first: Configured, of: str) -> Iterable[str]:
    """Documents that could not be ingested, and lines of the question file that could not be used as meant."""
    if each.failed:
        yield f"<h2>Documents that could not be ingested{escape_html(of)}</h2>"
        yield table(("document", "reason"), list(each.failed.items()))
    problems = each.located.problems
    if problems and (each is first or problems != first.located.problems):
        yield f"<h2>In the question file{escape_html(of)}</h2>"
        rows = [(str(problem.line), problem.message, problem.effect) for problem in problems]
        yield table(("line", "what is the matter", "effect"), rows)


def settings_table(configurations: Sequence[Configured], more: Sequence[Mapping[str, str]]) -> Iterable[str]:
    """Settings of the configurations side by side, and the versions that figures depend on.

    Args:
        configurations: One or two.
        more: Further rows of each of them.
    """
    yield "<h2>Settings</h2>"
    columns = [
        {
            **{name: str(value) for name, value in each.settings.items()},
            "embedder": each.embedder,
            "passages": f"{each.passages:,}",
            **own,
        }
        for each, own in zip(configurations, more, strict=True)
    ]
    rows = [(name, *(column.get(name, "") for column in columns)) for name in columns[0]]
    yield table(("setting", *(each.name for each in configurations)), rows)
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    yield f'<p class="soft">{escape_html(found)}</p>'


def show_labels(
    console: Console,
    title: str,
    measure: tuple[str, str],
    parts: Sequence[tuple[str, Mapping[str, Mapping[str, Estimate]]]],
    value: Callable[[Estimate | None], str],
) -> None:
    """Print one measure for each label, where there are several.

    Args:
        console: Where to.
        title: What the labels are.
        measure: Key and label of what is shown.
        parts: For each configuration its name and its figures by label.
        value: Puts a figure in words.
    """
    key, label = measure
    labels = parts[0][1]
    if len(labels) < 2:  # noqa: PLR2004 - one label is all questions, and stands above.
        return
    shown = titled(f"{label}, by {title}")
    shown.add_column(title)
    shown.add_column("questions", justify="right")
    for name, _ in parts:
        shown.add_column(escape(name), justify="right")
    for each in labels:
        found = [part.get(each, {}).get(key) for _, part in parts]
        count = "0" if found[0] is None else str(found[0].count)
        shown.add_row(escape(each), count, *map(value, found))
    console.print(shown)


def comparison_table(
    title: str, what: str, rows: Iterable[tuple[str, Comparison | None]], decides: str
) -> Table:
    """Differences with their intervals; the measure that decides stands out, what was not compared is left out."""
    shown = titled(title)
    for name in (what, "difference (95 % interval)", "p", "+/-/="):
        shown.add_column(name, justify="left" if name == what else "right", no_wrap=True)
    for label, found in rows:
        if found is None:
            continue
        counts = found.wins, found.losses, found.ties
        shown.add_row(
            label,
            difference(found),
            p_value(found),
            "/".join(map(str, counts)) if any(counts) else "–",
            style="bold" if label == decides else None,
        )
    return shown


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
