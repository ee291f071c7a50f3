"""Charts in Office documents -> the table of their figures, which the file keeps beside the drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.parsers.number_formats import shown
from ingest.parsers.sheets import trimmed
from ingest.parsers.xmltree import below, child_of, name_of, value_of

if TYPE_CHECKING:
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.parsers.builder import TextBuilder

_MAX_SERIES = 100


def add_chart(out: TextBuilder, part: etree._Element | None) -> None:
    """Add a chart's title as a paragraph and its figures as a table: a row a category, a column a series."""
    chart = child_of(part, "chart")
    out.paragraph("".join(node.text or "" for node in below(child_of(chart, "title"), "t")))
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in list(below(child_of(chart, "plotArea"), "ser"))[:_MAX_SERIES]:
        names.append(" ".join(_points(child_of(series, "tx")).values()))
        categories |= _points(child_of(series, "cat")) or _points(child_of(series, "xVal"))
        columns.append(_points(child_of(series, "val")) or _points(child_of(series, "yVal")))
    rows = sorted(set(categories).union(*columns))
    if rows:
        table = [["", *names]]
        table += [[categories.get(row, ""), *(column.get(row, "") for column in columns)] for row in rows]
        out.table([trimmed(row) for row in table])


def _points(data: etree._Element | None) -> dict[int, str]:
    """Cached values by their index, as the chart shows them."""
    if data is None:
        return {}
    code = next((node.text or "" for node in below(data, "formatCode")), "")
    found = {}
    for node in data.iter("{*}pt", "{*}v"):
        if name_of(node) == "v" and name_of(node.getparent()) == "pt":
            continue
        value = node if name_of(node) == "v" else child_of(node, "v")
        index = value_of(node, "idx")
        if value is not None and value.text and len(index) < 8:  # noqa: PLR2004 -- no chart has more points
            found[int(index) if index.isdecimal() else 0] = _shown(value.text, code)
    return found


def _shown(value: str, code: str) -> str:
    try:
        return shown(float(value), code) if code else value
    except (ValueError, OverflowError):
        return value
