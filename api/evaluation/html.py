"""The HTML that every report is made of: one file that needs nothing else, no script, no network, drawings inside."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STYLE = """
:root { color-scheme: light; --ink: #2b2f36; --soft: #626b78; --line: #dfe3e8; --tint: #f5f7fa; --mark: #1f5fa8 }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; color: var(--ink); background: #fff;
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
h1 { margin: 0 0 .25rem; font-size: 1.7rem; line-height: 1.25 }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem }
p { margin: .5rem 0; max-width: 46rem }
.soft { color: var(--soft); font-size: .9rem }
.verdict { border-left: 4px solid var(--mark); background: var(--tint); padding: .75rem 1rem; margin: 1.25rem 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .4rem .75rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { border-bottom: 2px solid #aab2bd; white-space: nowrap }
td.n, th.n { text-align: right; white-space: nowrap }
tr.first td { font-weight: 600; background: var(--tint) }
figure { margin: 1rem 0 }
figure img { max-width: 100%; height: auto }
code { font-size: .85em }
@media print { body { max-width: none; padding: 0 } h2 { break-after: avoid } tr, figure { break-inside: avoid } }
"""


def whole(title: str, parts: Iterable[str]) -> str:
    """A page of parts that are HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def figure(drawings: Mapping[str, str], name: str, says: str) -> Iterable[str]:
    """A drawing, if there is one of that name, with what it shows for who cannot see it."""
    if name in drawings:
        data = base64.b64encode(drawings[name].encode("utf-8")).decode("ascii")
        yield f'<figure><img src="data:image/svg+xml;base64,{data}" alt="{escape(says)}"></figure>'


def table(header: Sequence[str], rows: Sequence[Sequence[str]], marked: str = "") -> str:
    """A table; columns of figures stand at the right, and the row that begins with ``marked`` stands out."""
    figures = {
        column
        for column in range(1, len(header))
        if rows and all(row[column][:1] in "0123456789+-–<" for row in rows)
    }
    body = [f"<tr{_mark(row[0], marked)}>{_line('td', row, figures)}</tr>" for row in rows]
    return (
        f'<div class="wide"><table><thead><tr>{_line("th", header, figures)}</tr></thead><tbody>\n'
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def _line(tag: str, cells: Sequence[str], figures: set[int]) -> str:
    return "".join(
        f"<{tag}{' class=n' if column in figures else ''}>{escape(cell)}</{tag}>"
        for column, cell in enumerate(cells)
    )


def _mark(name: str, marked: str) -> str:
    return " class=first" if marked and name == marked else ""
