"""Which elements of a web page its readers do not see: by attribute, by style, and by the page's own style sheets.

Only what stands in the file counts; style sheets elsewhere are never fetched. ``aria-hidden`` hides nothing from the
eye, so such text stays. See docs/decisions/0026-hidden-text.md.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborNode

    Declarations = dict[str, str]

# Rules beyond these are not looked at: each costs a search through the page.
_MAX_RULES = 20_000
_MAX_HIDING = 500
_MAX_AROUND = 20
_MAX_SELECTOR = 200
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DECLARATION = re.compile(r"([a-z-]+)\s*:\s*([^;]*)", re.IGNORECASE)
_RULE = re.compile(r"([^{}]*)([{}])")
# Style sheets for the screen as it is, and for no other medium, width or state.
_ALWAYS = re.compile(
    r"@(?:media\s*(?:(?:all|screen)\s*(?:and\s*)?)?(?:\(\s*min-width\s*:\s*[0-3]?\d?\d(?:px)?\s*\))?"
    r"|layer\b.*|supports\b.*)\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
# A letter written by its number, and a value that is named elsewhere on the page.
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?", re.IGNORECASE)
_NAMED = re.compile(r"(?<![\w-])(--[\w-]{1,60})\s{0,9}:\s{0,9}([^;{}]{0,200})")
_USE = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)", re.IGNORECASE)
# Of the states and parts that a selector can name, those that the page alone decides.
_STRUCTURE = re.compile(
    r":(?:not|is|where|root|empty|(?:first|last|only|nth|nth-last)-(?:child|of-type))\b(?:\([^()]*\))?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(-?(?:\d+(?:\.\d*)?|\.\d+))\s*(px|pt|em|rem|%|vw|vh|cm|mm|in)?\Z")
_FAR_PX = -500.0
_EM_PX = 16.0
_RECT = re.compile(r"rect\(\s*(?:[01](?:px)?[\s,]*){4}\)")
_CLIPPED = re.compile(r"inset\(\s*(?:50|100)%\s*\)|(?:circle|ellipse)\(\s*0")
_SQUEEZED = re.compile(r"(?:scale[xy]?\(\s*0(?:\.0+)?\s*[,)]|rotate[xy]\(\s*-?90deg\s*\))", re.IGNORECASE)
_MOVED = re.compile(r"translate(?:[xy]|3d)?\(\s*([^,()]+)(?:,\s*([^,()]+))?")
_FONT_SIZE = re.compile(r"(?:^|\s)((?:\d+(?:\.\d*)?|\.\d+)(?:px|pt|em|rem|%)?)(?:\s*/|\s+\S)")
_WHITE = re.compile(
    r"white|snow|ivory|#f[a-f0-9]f[a-f0-9]f[a-f0-9]|#fff"
    r"|rgba?\(\s*(?:(?:2[45]\d|9[5-9]%|100%)[\s,]*){3}(?:[,/]\s*(?:1|1\.0|100%)\s*)?\)"
    r"|hsla?\([^%()]*[\s,]\d+%[\s,]+(?:9[5-9]|100)%\s*\)"
)
_CLEAR = re.compile(r"transparent|rgba\(.*[,/]\s*0?\.?0+%?\s*\)|#[0-9a-f]{3}0|#[0-9a-f]{6}00")
# A page with a background somewhere may have it under the white words.
_BACKGROUND = re.compile(r"background|bgcolor|stylesheet", re.IGNORECASE)


def unseen(tree: LexborHTMLParser, page: str) -> list[LexborNode]:
    """Elements that hide what is in them.

    Args:
        tree: The page.
        page: Its source.
    """
    plain = _BACKGROUND.search(page) is None
    named = {name: value.strip() for name, value in _NAMED.findall(page)} if "var(" in page else {}
    found = {node.mem_id: node for node in tree.css("[hidden], [popover]")}
    for node in tree.css("[style]"):
        style = _declarations(node.attributes.get("style") or "", named)
        if hides(style, plain=plain) or ("color" in style and style["color"] == _behind(node)):
            found[node.mem_id] = node
    for node in tree.css("font[color]"):
        colour = (node.attributes.get("color") or "").strip().lower()
        if (plain and _WHITE.fullmatch(colour)) or (colour and colour == _behind(node)):
            found[node.mem_id] = node
    return list((found | _by_style_sheet(tree, named, plain=plain)).values())


def hides(style: Declarations, *, plain: bool = False) -> bool:
    """Whether an element with these declarations cannot be seen.

    Args:
        style: Values by property, in lower case.
        plain: Whether the page has no background but the browser's white.
    """
    return (
        style.get("display") == "none"
        or style.get("visibility") in {"hidden", "collapse"}
        or style.get("content-visibility") == "hidden"
        or _is_at_most(style.get("font-size"), 1.0)
        or any(_is_at_most(size, 1.0) for size in _FONT_SIZE.findall(style.get("font", ""))[:1])
        or any(_is_at_most(style.get(name), 0.05) for name in ("opacity", "scale", "zoom"))
        or re.match(r"opacity\(\s*0?\.?0*%?\s*\)", style.get("filter", "")) is not None
        or _SQUEEZED.search(style.get("transform", "")) is not None
        or _CLIPPED.search(style.get("clip-path", "")) is not None
        or _is_away(style)
        or _is_faint(style, plain=plain)
    )


def _is_away(style: Declarations) -> bool:
    """Whether it stands off the page, or in a box without room."""
    moved = _MOVED.search(style.get("transform", ""))
    shifts = [style.get(name) for name in ("text-indent", "margin-left", "margin-top")]
    if any(_is_at_most(shift, _FAR_PX) for shift in (*shifts, *(moved.groups() if moved else ()))):
        return True
    if style.get("position") in {"absolute", "fixed"}:
        sides = [style.get(side) for side in ("left", "top", "right", "bottom")]
        if any(_is_at_most(side, _FAR_PX) for side in (*sides, *style.get("inset", "").split())):
            return True
        if _RECT.search(style.get("clip", "")):
            return True
    if "hidden" not in style.get("overflow", ""):
        return False
    if style.get("text-indent") == "100%" and style.get("white-space") == "nowrap":
        return True
    return any(_is_at_most(style.get(side), 1.0) for side in ("height", "max-height", "width", "max-width"))


def _is_faint(style: Declarations, *, plain: bool) -> bool:
    """Whether its words have the colour of what is behind them."""
    colour = style.get("-webkit-text-fill-color") or style.get("color", "")
    if not colour:
        return False
    if _CLEAR.fullmatch(colour):
        return True
    background = style.get("background-color") or style.get("background", "")
    if colour == background or (_WHITE.fullmatch(colour) and _WHITE.fullmatch(background)):
        return True
    return plain and _WHITE.fullmatch(colour) is not None


def _behind(node: LexborNode) -> str:
    """The colour that an element's own attributes, or those of what is near around it, put behind its words."""
    around: LexborNode | None = node
    for _ in range(_MAX_AROUND):
        if around is None or not around.is_element_node:
            break
        style = _declarations(around.attributes.get("style") or "")
        colour = style.get("background-color") or style.get("background") or around.attributes.get("bgcolor")
        if colour:
            return colour.lower()
        around = around.parent
    return ""


def _is_at_most(value: str | None, limit: float) -> bool:
    """Whether a length, in pixels, or a bare number is no more than a limit. What is no number is not."""
    found = _NUMBER.match(value.strip()) if value else None
    if found is None:
        return False
    number = float(found[1])
    # Points, vw and the like are near enough to pixels for what is asked here.
    return (number * _EM_PX if found[2] in {"em", "rem"} else number) <= limit


def _declarations(text: str, named: Declarations | None = None) -> Declarations:
    """Values by property; what is marked as important wins, else the last. ``named``: what ``var()`` stands for."""
    found: Declarations = {}
    important: Declarations = {}
    text = _ESCAPE.sub(_unescaped, _COMMENT.sub("", text))
    if named:
        text = _USE.sub(lambda use: named.get(use[1], use[2] or ""), text)
    for name, value in _DECLARATION.findall(text):
        plain = value.strip().lower()
        kept = plain.removesuffix("!important").rstrip() if plain.endswith("!important") else plain
        (important if kept != plain else found)[name.lower()] = kept
    return found | important


def _unescaped(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if number < sys.maxunicode else ""


def _by_style_sheet(tree: LexborHTMLParser, named: Declarations, *, plain: bool) -> dict[int, LexborNode]:
    """Elements that a rule of the page hides, and that no later or closer rule shows again."""
    nodes: dict[int, LexborNode] = {}
    hidden: dict[int, tuple[int, int]] = {}
    shown: dict[int, tuple[int, int]] = {}
    searched = 0
    for order, (selector, style) in enumerate(_rules(tree, named)):
        hiding = hides(style, plain=plain)
        showing = not hiding and (style.keys() & {"display", "visibility", "opacity", "font-size"})
        if order >= _MAX_RULES or searched >= _MAX_HIDING:
            break
        # Nothing needs to be shown that nothing hides.
        if not hiding and not (showing and hidden):
            continue
        for each in selector.split(","):
            weight = (len(re.findall(r"[.#\[]", each)), order)
            searched += 1
            for node in _matching(tree, each):
                nodes[node.mem_id] = node
                kept = hidden if hiding else shown
                kept[node.mem_id] = max(weight, kept.get(node.mem_id, weight))
    return {key: nodes[key] for key, weight in hidden.items() if weight > shown.get(key, (-1, -1))}


def _matching(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    # States (":hover") and parts ("::before") say nothing about the element's own words.
    if ":" in _STRUCTURE.sub("", selector) or not selector.strip():
        return []
    try:
        return tree.css(selector.strip())
    except (SelectolaxError, ValueError):
        return []


def _rules(tree: LexborHTMLParser, named: Declarations) -> Iterator[tuple[str, Declarations]]:
    """Selectors and declarations of the style sheets inside the page that hold on every screen."""
    for node in tree.css("style"):
        media = (node.attributes.get("media") or "all").strip().lower()
        if media not in {"all", "screen"}:
            continue
        sheet = _COMMENT.sub("", node.text() or "")
        # What opened each block that is open: whether its rules hold, and the selector of a rule.
        opened: list[tuple[bool, str]] = []
        for found in _RULE.finditer(sheet):
            text, sign = found[1].rpartition(";")[2].strip(), found[2]
            if sign == "{":
                holds = not opened or opened[-1][0]
                if text.startswith("@"):
                    opened.append((holds and _ALWAYS.match(text) is not None, ""))
                else:
                    around = next((outer for _, outer in reversed(opened) if outer), "")
                    opened.append((holds, _inside(around, text)))
            elif opened:
                holds, selector = opened.pop()
                if holds and selector:
                    yield selector, _declarations(found[1], named)


def _inside(around: str, selector: str) -> str:
    """A selector of a rule that stands inside another one's."""
    if not around:
        return selector
    if "," in around or len(around) > _MAX_SELECTOR:
        # Which element it means cannot be told by putting the two together.
        return ""
    return selector.replace("&", around) if "&" in selector else f"{around} {selector}"
