"""Text of a Word document that its readers do not see: hidden, tiny, or white on a white page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.parsers.xmltree import child_of, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

_FALSE = {"0", "false", "off"}
# Half points: letters of one point are specks.
_TINY = 2
_LIGHTEST = 0xF8
_HEX = 6
_MOST_DIGITS = 6
# What may lie below white letters: a table's cells and styles, a text box, a page's colour, a marker's.
_MAY_BE_DARK = {"tc", "txbxContent", "tbl"}
_SHADES = ("shd", "highlight")


def looks_hidden(properties: etree._Element | None) -> bool:
    """Whether run properties hide the run, or make it smaller than anybody reads."""
    vanish = child_of(properties, "vanish")
    if vanish is not None and value_of(vanish, "val") not in _FALSE:
        return True
    size = value_of(child_of(properties, "sz"), "val")
    return size.isdecimal() and len(size) < _MOST_DIGITS and int(size) <= _TINY


def white_on_white(run: etree._Element, is_shaded: Callable[[etree._Element], bool]) -> bool:
    """Whether a run is white and nothing that this file says could be dark behind it.

    Args:
        run: The run.
        is_shaded: Whether a paragraph, or a style of it, has a shade.
    """
    properties = child_of(run, "rPr")
    if not _is_white(value_of(child_of(properties, "color"), "val")):
        return False
    if any(child_of(properties, name) is not None for name in _SHADES):
        return False
    for around in run.iterancestors():
        name = name_of(around)
        if name in _MAY_BE_DARK or (name == "document" and child_of(around, "background") is not None):
            return False
        if name == "p" and is_shaded(around):
            return False
    return True


def _is_white(colour: str) -> bool:
    try:
        return len(colour) == _HEX and all(int(colour[at : at + 2], 16) >= _LIGHTEST for at in (0, 2, 4))
    except ValueError:
        # "auto" and the like.
        return False
