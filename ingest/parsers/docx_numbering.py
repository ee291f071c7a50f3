"""Word's automatic numbers: the "4.2" and "(b)" that a reader sees and no paragraph holds.

People cite clauses by them. The rules are those of ECMA-376, part 1, section 17.9. Bullets give no text:
that a paragraph is an item is said by its block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.parsers.xmltree import child_of, children_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

_PLACE = re.compile(r"%([1-9])")
_FALSE = {"0", "false", "off"}
# Definitions that point to one another through styles end somewhere too.
_MAX_LINKS = 5
# Beyond these a number is written in digits: labels get as long as the numbers are large.
_MAX_ROMAN = 4000
_MAX_LETTERS = 26 * 30
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшщыэюя"
_CHINESE = "〇一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class NumberedBy:
    """What says that a paragraph is numbered.

    Attributes:
        number: The numbering instance (``numId``).
        level: From 0, or None when only a style names the instance.
        style: Id of that style, or an empty string.
    """

    number: str
    level: int | None
    style: str


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    form: str
    text: str
    separator: str
    restart: int
    legal: bool
    hidden: bool
    style: str


@dataclass(slots=True)
class _Counters:
    """Of one list; several instances may continue it."""

    at: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts paragraphs in the order in which it is asked about them.

    Args:
        part: The numbering part, or None.
        number_of_style: The instance that a numbering style names, or an empty string.
    """

    def __init__(self, part: etree._Element | None, number_of_style: Callable[[str], str]) -> None:
        self._number_of_style = number_of_style
        self._lists = {value_of(node, "abstractNumId"): node for node in children_of(part, "abstractNum")}
        self._numbers = {value_of(node, "numId"): node for node in children_of(part, "num")}
        self._levels: dict[str, tuple[str, dict[int, _Level]]] = {}
        self._counters: dict[str, _Counters] = {}
        self._started: set[tuple[str, int]] = set()

    def label(self, by: NumberedBy) -> str:
        """Count a paragraph and give its number with the space after it; nothing for a bullet."""
        list_id, levels = self._definition(by.number)
        at = next((i for i, level in levels.items() if by.style and level.style == by.style), by.level or 0)
        level = levels.get(at)
        if level is None:
            return ""
        counters = self._counters.setdefault(list_id, _Counters()).at
        override = self._start_override(by.number, at)
        if override is not None and (by.number, at) not in self._started:
            counters[at] = override
        else:
            counters[at] = counters.get(at, level.start - 1) + 1
        self._started.add((by.number, at))
        for deeper in [i for i in counters if i > at]:
            if deeper in levels and at < levels[deeper].restart:
                del counters[deeper]
        if level.hidden or level.form == "bullet":
            return ""

        def number(place: re.Match[str]) -> str:
            wanted = int(place[1]) - 1
            of = levels.get(wanted)
            if of is None:
                return ""
            form = "decimal" if level.legal else of.form
            return written(counters.get(wanted, of.start), form)

        shown = _PLACE.sub(number, level.text).strip()
        return shown + level.separator if shown else ""

    def _definition(self, number: str) -> tuple[str, dict[int, _Level]]:
        """The list that an instance counts in, and its levels with what the instance changes of them."""
        if number not in self._levels:
            node = self._numbers.get(number)
            list_id = value_of(child_of(node, "abstractNumId"), "val")
            for _ in range(_MAX_LINKS):
                link = value_of(child_of(self._lists.get(list_id), "numStyleLink"), "val")
                if not link:
                    break
                instance = self._numbers.get(self._number_of_style(link))
                list_id = value_of(child_of(instance, "abstractNumId"), "val")
            levels = [*children_of(self._lists.get(list_id), "lvl")]
            levels += [
                lvl for change in children_of(node, "lvlOverride") for lvl in children_of(change, "lvl")
            ]
            self._levels[number] = (
                list_id,
                {_integer(value_of(lvl, "ilvl"), 0): _level(lvl) for lvl in levels},
            )
        return self._levels[number]

    def _start_override(self, number: str, level: int) -> int | None:
        for change in children_of(self._numbers.get(number), "lvlOverride"):
            start = child_of(change, "startOverride")
            if start is not None and _integer(value_of(change, "ilvl"), 0) == level:
                return _integer(value_of(start, "val"), 1)
        return None


def _level(node: etree._Element) -> _Level:
    level = _integer(value_of(node, "ilvl"), 0)
    suffix = value_of(child_of(node, "suff"), "val")
    legal, hidden = child_of(node, "isLgl"), child_of(node, "rPr", "vanish")
    return _Level(
        start=_integer(value_of(child_of(node, "start"), "val"), 0),
        form=value_of(child_of(node, "numFmt"), "val") or "decimal",
        text=value_of(child_of(node, "lvlText"), "val"),
        separator="" if suffix == "nothing" else " ",
        # A level starts anew after any one above it, unless the list says after which.
        restart=_integer(value_of(child_of(node, "lvlRestart"), "val"), level),
        legal=legal is not None and value_of(legal, "val") not in _FALSE,
        hidden=hidden is not None and value_of(hidden, "val") not in _FALSE,
        style=value_of(child_of(node, "pStyle"), "val"),
    )


def _integer(value: str, default: int) -> int:
    # More digits than any list has would take ever longer to count on from.
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else default


def written(number: int, form: str) -> str:
    """A number in one of the standard's formats (17.18.59); nothing for those that are not known here."""
    if form in {"lowerRoman", "upperRoman"}:
        text = _roman(number)
    elif form in {"lowerLetter", "upperLetter"}:
        text = _letters(number, _LATIN)
    elif form in {"russianLower", "russianUpper"}:
        text = _letters(number, _CYRILLIC)
    elif form.startswith(("chineseCounting", "taiwaneseCounting", "japaneseCounting", "ideographDigital")):
        text = _chinese(number)
    elif form == "ordinal":
        last = number % 10 if number % 100 not in {11, 12, 13} else 0
        text = f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
    else:
        text = {"decimal": f"{number}", "decimalZero": f"{number:02d}", "numberInDash": f"- {number} -"}.get(
            form, ""
        )
    return text.upper() if "upper" in form.lower() else text


def _roman(number: int) -> str:
    if not 0 < number < _MAX_ROMAN:
        return str(number)
    text = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        text += sign * count
    return text


def _letters(number: int, alphabet: str) -> str:
    """One letter up to the last, then two the same, and so on, as Word goes on."""
    if not 0 < number <= _MAX_LETTERS:
        return str(number)
    times, index = divmod(number - 1, len(alphabet))
    return alphabet[index] * (times + 1)


def _chinese(number: int) -> str:
    """Up to 99; beyond that in digits."""
    if not 0 < number < 100:  # noqa: PLR2004 -- two places
        return str(number)
    tens, ones = divmod(number, 10)
    text = ("" if tens < 2 else _CHINESE[tens]) + ("十" if tens else "")  # noqa: PLR2004 -- eleven is ten-one
    return text + (_CHINESE[ones] if ones else "")
