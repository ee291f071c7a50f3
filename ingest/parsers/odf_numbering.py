"""The automatic numbers of OpenDocument texts: headings by the outline, items by their list's style."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.parsers.docx_numbering import written
from ingest.parsers.xmltree import below, child_of, name_of, value_of

if TYPE_CHECKING:
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_OUTLINE = ""


class Numbering:
    """Counts headings and items in the order in which it is asked about them.

    Args:
        styles: The part of common styles, or None.
        content: The part with the text and its automatic styles.
    """

    def __init__(self, styles: etree._Element | None, content: etree._Element) -> None:
        self._levels: dict[str, dict[int, etree._Element]] = {}
        for part in (styles, content):
            for style in below(part, "list-style"):
                self._levels[value_of(style, "name")] = _levels(style)
            for style in below(part, "outline-style"):
                self._levels[_OUTLINE] = _levels(style)
        self._counts: dict[str, dict[int, int]] = {}

    def of_heading(self, level: int, node: etree._Element) -> str:
        """Count a heading of a level from 1 and give its number with a space; nothing without one."""
        if value_of(node, "is-list-header") == "true":
            return ""
        return self._next(_OUTLINE, level - 1, node)

    def begin(self, style: str, level: int, node: etree._Element) -> None:
        """A list begins: its own level starts anew, unless it goes on with an earlier one."""
        goes_on = value_of(node, "continue-numbering") == "true" or value_of(node, "continue-list")
        if not goes_on:
            counts = self._counts.setdefault(style, {})
            for deeper in [at for at in counts if at >= level]:
                del counts[deeper]

    def of_item(self, style: str, level: int, item: etree._Element) -> str:
        """Count an item of a level from 0 and give its number with a space; nothing for a bullet."""
        stated = child_of(item, "number")
        number = self._next(style, level, item)
        return f"{stated.text.strip()} " if stated is not None and stated.text else number

    def _next(self, style: str, level: int, node: etree._Element) -> str:
        levels = self._levels.get(style, {})
        definition = levels.get(level)
        if definition is None or "bullet" in name_of(definition) or "image" in name_of(definition):
            return ""
        counts = self._counts.setdefault(style, {})
        start = _integer(value_of(node, "start-value"))
        counts[level] = start if start is not None else counts.get(level, _start(definition) - 1) + 1
        for deeper in [at for at in counts if at > level]:
            del counts[deeper]
        if not value_of(definition, "num-format"):
            return ""
        shown = _integer(value_of(definition, "display-levels")) or 1
        parts = []
        for at in range(max(0, level - shown + 1), level + 1):
            of = levels.get(at)
            form = _FORMS.get(value_of(of, "num-format"))
            if of is not None and form:
                parts.append(written(counts.get(at, _start(of)), form))
        text = value_of(definition, "num-prefix") + ".".join(parts) + value_of(definition, "num-suffix")
        return f"{text.strip()} " if parts else ""


def _levels(style: etree._Element) -> dict[int, etree._Element]:
    return {(_integer(value_of(node, "level")) or 1) - 1: node for node in style}


def _start(definition: etree._Element) -> int:
    start = _integer(value_of(definition, "start-value"))
    return 1 if start is None else start


def _integer(value: str) -> int | None:
    return int(value) if value.isdecimal() and len(value) < 9 else None  # noqa: PLR2004 -- no list is longer
