"""PowerPoint (.pptx): every slide as a page, its title as a heading, then its shapes and its notes.

Read straight from the archive by lxml. python-pptx unpacks every picture, fails on one dangling relation,
and does not see diagrams, text in alternative content or a chart's figures.

Shapes come in the order of the file, which is what PowerPoint's reading order pane shows and a screen
reader reads; the title comes first. Hidden slides are read and counted: whoever opens the file sees them,
and PowerPoint prints them unless told otherwise. Left out: dates, footers and slide numbers, hidden shapes,
shapes beside the slide, comments, and whatever stands on layouts and masters only.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ingest.errors import CorruptFile
from ingest.parsers.archive import opened
from ingest.parsers.builder import TextBuilder
from ingest.parsers.charts import add_chart
from ingest.parsers.docx_numbering import written
from ingest.parsers.sheets import trimmed
from ingest.parsers.titles import meant_title
from ingest.parsers.xmltree import LIBRARY, below, child_of, children_of, link_of, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.parsers.archive import Archive, Relation
    from ingest.types import Parsed

_SHAPES = {"sp", "graphicFrame", "cxnSp"}
_TITLES = {"title", "ctrTitle"}
_SURROUNDINGS = {"dt", "ftr", "hdr", "sldNum", "sldImg"}
# Placeholders whose paragraphs have bullets unless they say otherwise; without a type one holds anything.
_BULLETED = {"", "body", "obj"}
_BULLETS = {"buChar", "buAutoNum", "buBlip"}
# The first line of a slide without a title, if it is no longer than this, stands in for it.
_MAX_STAND_IN = 80
# In hundredths of a point: letters of one point are specks.
_TINY = 100
_MAX_SIZE_DIGITS = 6
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_AUTO_NUMBER = re.compile(r"(arabic|alphaLc|alphaUc|romanLc|romanUc)(Period|ParenR|ParenBoth|Plain)")
_FORMS = {
    "arabic": "decimal",
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
}
_MARKS = {"Period": "{}. ", "ParenR": "{}) ", "ParenBoth": "({}) ", "Plain": "{} "}


def parse(data: bytes) -> Parsed:
    """Read a presentation.

    Args:
        data: The file.

    Returns:
        A page block for each slide, numbered as PowerPoint does. The title is that of the properties.

    Raises:
        CorruptFile: The archive or its XML is damaged, or a slide is missing.
        EncryptedFile: The archive has a password.
        TooLarge: A part unpacks to more than 100 MiB.
    """
    with opened(data, "PowerPoint presentation", "PowerPoint") as archive:
        main = archive.main_part("ppt/presentation.xml")
        presentation = archive.xml(main)
        if presentation is None:
            raise CorruptFile(
                "The PowerPoint presentation has no list of its slides. Save it again in PowerPoint."
            )
        relations = archive.relations(main)
        size = _numbers(child_of(presentation, "sldSz"), "cx", "cy")
        out = TextBuilder()
        for number, node in enumerate(children_of(child_of(presentation, "sldIdLst"), "sldId"), start=1):
            relation = relations.get(link_of(node))
            slide = archive.xml(relation.target) if relation else None
            if relation is None or slide is None:
                raise CorruptFile(
                    f"The PowerPoint presentation's slide {number} is missing from the file. "
                    "Open and save it again in PowerPoint."
                )
            out.page(number)
            if value_of(slide, "show") in {"0", "false"}:
                out.keep("hidden_slides")
            _Slide(out, archive, archive.relations(relation.target), size).add(slide)
        return out.parsed(meant_title(archive.stated_title()), f"pptx/{LIBRARY}")


class _Slide:
    """Adds one slide. Nesting is bounded by libxml2's limit of 256 levels."""

    def __init__(
        self,
        out: TextBuilder,
        archive: Archive,
        relations: dict[str, Relation],
        size: tuple[int, int] | None,
    ) -> None:
        self._out = out
        self._size = size
        self._archive = archive
        self._relations = relations
        self._titled = False

    def add(self, slide: etree._Element) -> None:
        """Add the title, the other shapes and the notes."""
        tree = child_of(slide, "cSld", "spTree")
        drawn = list(_shapes(tree))
        away = {shape for shape in drawn if shape.getparent() is tree and _is_away(shape, self._size)}
        shapes = [shape for shape in drawn if shape not in away]
        self._out.leave_out("off_page_text", sum(map(_says_something, away)))
        unseen = (run for shape in shapes for run in below(shape, "r") if _is_unseen(child_of(run, "rPr")))
        self._out.leave_out("hidden_text", sum(map(_says_something, (*_hidden_shapes(tree), *unseen))))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        self._out.cut()
        for shape in titles:
            text = " ".join(text for text, _ in _paragraphs(shape))
            self._out.heading(text, 1)
            self._titled = self._titled or bool(text)
        for shape in shapes:
            if _placeholder(shape) not in _TITLES:
                self._shape(shape)
        for relation in self._relations.values():
            if relation.kind == "notesSlide":
                self._notes(self._archive.xml(relation.target))

    def _shape(self, shape: etree._Element) -> None:
        if name_of(shape) == "graphicFrame":
            self._graphic(shape)
            return
        paragraphs = list(_paragraphs(shape))
        bulleted = _placeholder(shape) in _BULLETED and len(paragraphs) > 1
        counters: Counter[int] = Counter()
        for text, properties in paragraphs:
            marks = {name_of(node) for node in ([] if properties is None else properties)}
            label = _label(properties, counters)
            if not self._titled and len(text) <= _MAX_STAND_IN:
                self._out.heading(label + text, 1)
            elif marks & _BULLETS or (bulleted and "buNone" not in marks):
                self._out.item(label + text)
            else:
                self._out.paragraph(text)
            self._titled = True
        self._out.end_list()

    def _graphic(self, frame: etree._Element) -> None:
        """Add a table, a chart's figures or a diagram's words."""
        data = child_of(frame, "graphic", "graphicData")
        for table in children_of(data, "tbl"):
            self._table(table)
        for chart in children_of(data, "chart"):
            relation = self._relations.get(link_of(chart))
            add_chart(self._out, self._archive.xml(relation.target) if relation else None)
        for diagram in children_of(data, "relIds"):
            relation = self._relations.get(link_of(diagram, "dm"))
            model = self._archive.xml(relation.target) if relation else None
            for point in below(model, "pt"):
                if value_of(point, "type") in {"", "node", "asst"}:
                    self._out.item(" ".join(text for text, _ in _paragraphs(point)))
            self._out.end_list()
        self._titled = True

    def _table(self, table: etree._Element) -> None:
        rows = []
        for row in children_of(table, "tr"):
            # The cells that a merged one covers stay, empty, so that the columns stay in line.
            cells = [" ".join(text for text, _ in _paragraphs(cell)) for cell in children_of(row, "tc")]
            rows.append(trimmed(cells))
        if len(rows) == 1:
            for cell in rows[0]:
                self._out.paragraph(cell)
        else:
            self._out.table(rows)

    def _notes(self, notes: etree._Element | None) -> None:
        """Add what the speaker has written below the slide, marked as such."""
        mark = "Notes: "
        for shape in _shapes(child_of(notes, "cSld", "spTree")):
            if _placeholder(shape) == "body":
                for text, _ in _paragraphs(shape):
                    self._out.paragraph(mark + text)
                    mark = ""
        if not mark:
            self._out.keep("speaker_notes")


def _shapes(tree: etree._Element | None) -> Iterator[etree._Element]:
    """Shapes that are shown, those in groups too, in the file's order."""
    for node in () if tree is None else tree:
        name = name_of(node)
        if name == "AlternateContent":
            # The same content twice, for newer and for older programs.
            choices = (list(_shapes(choice)) for choice in node)
            yield from next((shapes for shapes in choices if shapes), ())
        elif name == "grpSp" and not _is_hidden(node):
            yield from _shapes(node)
        elif name in _SHAPES and not _is_hidden(node) and _placeholder(node) not in _SURROUNDINGS:
            yield node


def _hidden_shapes(tree: etree._Element | None) -> Iterator[etree._Element]:
    """Shapes and groups that are not shown."""
    for node in () if tree is None else tree:
        if name_of(node) in {*_SHAPES, "grpSp"} and _is_hidden(node):
            yield node
        elif name_of(node) == "grpSp":
            yield from _hidden_shapes(node)


def _is_away(shape: etree._Element, size: tuple[int, int] | None) -> bool:
    """Whether a shape stands beside the slide, where a show does not reach."""
    place = child_of(shape, "spPr", "xfrm")
    at, extent = _numbers(child_of(place, "off"), "x", "y"), _numbers(child_of(place, "ext"), "cx", "cy")
    if size is None or at is None or extent is None:
        return False
    return any(at[side] >= size[side] or at[side] + extent[side] <= 0 for side in (0, 1))


def _numbers(node: etree._Element | None, first: str, second: str) -> tuple[int, int] | None:
    found = [value_of(node, first), value_of(node, second)]
    return (int(found[0]), int(found[1])) if all(map(_WHOLE.fullmatch, found)) else None


def _says_something(shape: etree._Element) -> bool:
    return any((text.text or "").strip() for text in below(shape, "t"))


def _is_hidden(shape: etree._Element) -> bool:
    return value_of(child_of(next(iter(shape), None), "cNvPr"), "hidden") in {"1", "true"}


def _placeholder(shape: etree._Element) -> str | None:
    """What the shape holds a place for; an empty string for anything, None when it is none."""
    mark = child_of(next(iter(shape), None), "nvPr", "ph")
    return None if mark is None else value_of(mark, "type")


def _paragraphs(shape: etree._Element) -> Iterator[tuple[str, etree._Element | None]]:
    """Texts of the paragraphs that have one, with their properties."""
    body = child_of(shape, "txBody")
    for node in children_of(child_of(shape, "t") if body is None else body, "p"):
        text = "".join(_inline(node)).strip()
        if text:
            yield text, child_of(node, "pPr")


def _inline(node: etree._Element) -> Iterator[str]:
    for child in node:
        name = name_of(child)
        if name == "r" and _is_unseen(child_of(child, "rPr")):
            continue
        if name == "t":
            yield child.text or ""
        elif name == "br":
            yield "\n"
        elif name == "tab":
            yield "\t"
        elif name not in {"pPr", "rPr", "endParaRPr", "Fallback"} and value_of(child, "type") != "slidenum":
            yield from _inline(child)


def _is_unseen(properties: etree._Element | None) -> bool:
    """Whether a run is drawn without a fill, through and through transparent, or in specks.

    White letters stay: what is behind them may stand on the layout, the master or another shape.
    """
    size = value_of(properties, "sz")
    alpha = next(below(child_of(properties, "solidFill"), "alpha"), None)
    return (
        (child_of(properties, "noFill") is not None and child_of(properties, "ln") is None)
        or (alpha is not None and value_of(alpha, "val") in {"0", "0%"})
        or (size.isdecimal() and len(size) <= _MAX_SIZE_DIGITS and int(size) <= _TINY)
    )


def _label(properties: etree._Element | None, counters: Counter[int]) -> str:
    """The number that PowerPoint shows before a paragraph; counts it, and others that end the count."""
    stated = value_of(properties, "lvl")
    level = int(stated) if stated in set("12345678") else 0
    numbered = child_of(properties, "buAutoNum")
    for deeper in [at for at in counters if at > level or (at == level and numbered is None)]:
        del counters[deeper]
    form = _AUTO_NUMBER.match(value_of(numbered, "type"))
    if form is None:
        return ""
    start = value_of(numbered, "startAt")
    first = int(start) if start.isdecimal() and len(start) < 6 else 1  # noqa: PLR2004 -- the standard's ceiling
    number = first + counters[level]
    counters[level] += 1
    return _MARKS[form[2]].format(written(number, _FORMS[form[1]]))
