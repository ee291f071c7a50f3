"""Text of a Word document that its readers do not see: hidden, tiny, or white on a white page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.parsers.xmltree import child_of, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

_FALSE = {"0", "false", "off"}
# Half points: letters of one point are specks.
_TINY = 2
_LIGHTEST = 0xF0
# Colours of the theme that are the page's own.
_PAGE_COLOURS = {"background1", "light1"}
_HEX = 6
_MOST_DIGITS = 6
# What may lie below white letters: a table's cells and styles, a text box, a page's colour, a marker's.
_MAY_BE_DARK = {"tc", "txbxContent", "tbl"}
_SHADES = ("shd", "highlight")


def looks_hidden(holders: Sequence[etree._Element | None]) -> bool:
    """Whether a run is hidden, or smaller than anybody reads.

    Args:
        holders: Its own properties and those of its styles. The nearest that speaks of something decides: a style may
            show again what the one that it is based on hides.
    """
    for name in ("vanish", "specVanish"):
        if next((said for each in holders if (said := states(each, name)) is not None), False):
            return True
    sized = (child_of(each, "sz") for each in holders)
    size = value_of(next((each for each in sized if each is not None), None), "val")
    return size.isdecimal() and len(size) < _MOST_DIGITS and int(size) <= _TINY


def states(properties: etree._Element | None, name: str) -> bool | None:
    """What properties say of something that is on or off; None when they say nothing."""
    found = child_of(properties, name)
    return None if found is None else value_of(found, "val") not in _FALSE


def white_on_white(
    run: etree._Element, holders: Sequence[etree._Element | None], is_shaded: Callable[[etree._Element], bool]
) -> bool:
    """Whether a run is white and nothing that this file says could be dark behind it.

    Args:
        run: The run.
        holders: Its own properties and those of its styles, the nearest first.
        is_shaded: Whether a paragraph, or a style of it, has a shade.
    """
    coloured = (child_of(each, "color") for each in holders)
    if not _is_white(next((each for each in coloured if each is not None), None)):
        return False
    if any(child_of(each, name) is not None for each in holders for name in _SHADES):
        return False
    for around in run.iterancestors():
        name = name_of(around)
        if name in _MAY_BE_DARK or (name == "document" and child_of(around, "background") is not None):
            return False
        if name == "p" and is_shaded(around):
            return False
    return True


def _is_white(node: etree._Element | None) -> bool:
    if value_of(node, "themeColor") in _PAGE_COLOURS and not value_of(node, "themeShade"):
        return True
    colour = value_of(node, "val")
    try:
        return len(colour) == _HEX and all(int(colour[at : at + 2], 16) >= _LIGHTEST for at in (0, 2, 4))
    except ValueError:
        # "auto" and the like.
        return False
