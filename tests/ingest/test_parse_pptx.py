"""PowerPoint: slides as pages, reading order, what is kept and what is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.chunk import build_tree
from ingest.config import ChunkConfig
from ingest.errors import CorruptFile
from ingest.parsers import pptx
from ingest.types import BlockKind, Document, Parsed

Pack = Callable[[dict[str, str | bytes]], bytes]

A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
SPACES = f'xmlns:a="{A}" xmlns:p="{P}" xmlns:r="{R}" xmlns:c="{C}" xmlns:dgm="urn:dgm"'


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph of one run."""
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def shape(*paragraphs: str, holds: str | None = None, hidden: bool = False) -> str:
    """A shape; ``holds`` is its kind of placeholder."""
    place = "" if holds is None else f'<p:ph type="{holds}"/>' if holds else '<p:ph idx="1"/>'
    flag = ' hidden="1"' if hidden else ""
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"{flag}/><p:nvPr>{place}</p:nvPr></p:nvSpPr>'
        f"<p:txBody>{''.join(paragraphs)}</p:txBody></p:sp>"
    )


def tree(*shapes: str, root: str = "sld", more: str = "") -> str:
    """A slide, or its notes."""
    group = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/></p:nvGrpSpPr>'
    return (
        f"<p:{root} {SPACES}{more}><p:cSld><p:spTree>{group}{''.join(shapes)}</p:spTree></p:cSld></p:{root}>"
    )


def relations(**links: tuple[str, str]) -> str:
    """The links of a part: identifier -> kind and target."""
    listed = "".join(
        f'<Relationship Id="{name}" Type="{R}/{kind}" Target="{target}"/>'
        for name, (kind, target) in links.items()
    )
    return f'<Relationships xmlns="urn:rels">{listed}</Relationships>'


def deck(*slides: str, **parts: str) -> dict[str, str | bytes]:
    """A presentation's parts; slides are numbered from 1."""
    numbers = range(1, len(slides) + 1)
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in numbers)
    return {
        "[Content_Types].xml": "<Types/>",
        "ppt/presentation.xml": f"<p:presentation {SPACES}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"r{n}": ("slide", f"slides/s{n}.xml") for n in numbers}
        ),
        **{f"ppt/slides/s{n}.xml": slide for n, slide in zip(numbers, slides, strict=True)},
        **{f"ppt/{name.replace('__', '/')}.xml": part for name, part in parts.items()},
    }


def kinds(parsed: Parsed) -> list[tuple[BlockKind, int, str]]:
    """Each block with the text that it covers."""
    return [(block.kind, block.number, parsed.text[block.start : block.end]) for block in parsed.blocks]


def frame(content: str) -> str:
    """A table, chart or diagram on a slide."""
    return (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="t"/></p:nvGraphicFramePr><a:graphic>'
        f"<a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"
    )


def test_slides_titles_bullets_and_notes(pack: Pack) -> None:
    """A slide is a page, its title a heading wherever it stands, body text a list; notes follow, marked."""
    first = tree(
        shape(paragraph("sold well"), paragraph("costs fell"), holds=""),
        shape(paragraph("Results"), holds="title"),
        shape(paragraph("14"), holds="sldNum"),
    )
    second = tree(
        shape(paragraph("Outlook"), holds="ctrTitle"), shape(paragraph("Subtitle"), holds="subTitle")
    )
    parts = deck(first, second)
    parts["ppt/slides/_rels/s1.xml.rels"] = relations(n=("notesSlide", "../notesSlides/n1.xml"))
    parts["ppt/notesSlides/n1.xml"] = tree(
        shape(paragraph("Pause here."), paragraph("Then go on."), holds="body"),
        shape(paragraph("1"), holds="sldNum"),
        root="notes",
    )

    parsed = pptx.parse(pack(parts))

    assert parsed.text == (
        "Results\n\nsold well\ncosts fell\n\nNotes: Pause here.\n\nThen go on.\n\nOutlook\n\nSubtitle"
    )
    assert kinds(parsed) == [
        (BlockKind.PAGE, 1, "Results\n\nsold well\ncosts fell\n\nNotes: Pause here.\n\nThen go on."),
        (BlockKind.HEADING, 1, "Results"),
        (BlockKind.LIST, 0, "sold well\ncosts fell"),
        (BlockKind.PAGE, 2, "Outlook\n\nSubtitle"),
        (BlockKind.HEADING, 1, "Outlook"),
    ]


def test_tables_keep_their_columns(pack: Pack) -> None:
    """The cells that a merged one covers are empty; the first line is the first row."""
    rows = (
        "<a:tr><a:tc gridSpan='2'><a:txBody><a:p><a:r><a:t>Year</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc hMerge='1'/><a:tc><a:txBody><a:p><a:r><a:t>Sum</a:t></a:r></a:p></a:txBody></a:tc></a:tr>"
        "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc><a:txBody><a:p><a:r><a:t>3</a:t></a:r><a:br/><a:r><a:t>EUR</a:t></a:r></a:p></a:txBody></a:tc></a:tr>"
    )
    parsed = pptx.parse(pack(deck(tree(frame(f"<a:tbl>{rows}</a:tbl>")))))

    assert kinds(parsed)[1:] == [(BlockKind.TABLE, 0, "Year |  | Sum\n1 | 2 | 3 EUR")]


def test_charts_and_diagrams(pack: Pack) -> None:
    """A chart gives its figures as it shows them, a diagram its words."""

    def cache(tag: str, *values: str, code: str = "") -> str:
        points = "".join(f'<c:pt idx="{i}"><c:v>{v}</c:v></c:pt>' for i, v in enumerate(values))
        return f"<c:{tag}><c:ref><c:cache><c:formatCode>{code}</c:formatCode>{points}</c:cache></c:ref></c:{tag}>"

    chart = (
        f"<c:chartSpace {SPACES}><c:chart><c:title><a:t>Share</a:t></c:title><c:plotArea><c:barChart><c:ser>"
        f"{cache('tx', 'North')}{cache('cat', '2022', '2023')}{cache('val', '0.25', '0.5', code='0%')}"
        f"</c:ser><c:ser>{cache('tx', 'South')}{cache('cat', '2022', '2023')}{cache('val', '3')}</c:ser>"
        "</c:barChart></c:plotArea></c:chart></c:chartSpace>"
    )
    points = "".join(
        f"<dgm:pt{kind}><dgm:t>{paragraph(text)}</dgm:t></dgm:pt>"
        for kind, text in (("", "Plan"), ("", "Build"), (' type="parTrans"', "arrow"))
    )
    parts = deck(
        tree(
            frame('<c:chart r:id="c"/>'),
            frame('<dgm:relIds r:dm="d" r:lo="x"/>'),
            frame('<c:chart r:id="no"/>'),
        ),
        charts__c=chart,
        diagrams__d=f"<dgm:dataModel {SPACES}><dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>",
    )
    parts["ppt/slides/_rels/s1.xml.rels"] = relations(
        c=("chart", "../charts/c.xml"), d=("diagramData", "../diagrams/d.xml")
    )

    parsed = pptx.parse(pack(parts))

    assert parsed.text == "Share\n\n | North | South\n2022 | 25% | 3\n2023 | 50%\n\nPlan\nBuild"


def test_groups_alternatives_and_hidden_shapes(pack: Pack) -> None:
    """Text in groups is read in its place, alternative content once, hidden shapes not at all."""
    group = f"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='1' name=''/></p:nvGrpSpPr>{shape(paragraph('inner' * 20))}</p:grpSp>"
    both = (
        f"<AlternateContent><Choice>{shape(paragraph('new'))}</Choice>"
        f"<Fallback>{shape(paragraph('old'))}</Fallback></AlternateContent>"
    )
    empty = f"<AlternateContent><Choice/><Fallback>{shape(paragraph('fall'))}</Fallback></AlternateContent>"
    slide = tree(
        group, both, empty, shape(paragraph("secret"), hidden=True), group.replace("name=''", "hidden='1'")
    )

    assert pptx.parse(pack(deck(slide))).text == "inner" * 20 + "\n\nnew\n\nfall"


def test_automatic_numbers_and_bullets_of_text_boxes(pack: Pack) -> None:
    """Numbers are read as they are shown; a paragraph in between ends the count."""
    number = '<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>'
    letter = '<a:pPr lvl="1"><a:buAutoNum type="alphaLcParenR" startAt="2"/></a:pPr>'
    box = shape(
        paragraph("Steps:"), paragraph("open", number), paragraph("look", letter), paragraph("see", letter),
        paragraph("close", number), paragraph("x" * 90), paragraph("again", number),
    )  # fmt: skip

    lines = pptx.parse(pack(deck(tree(box)))).text.split("\n")

    assert [line for line in lines if line] == [
        "Steps:", "1. open", "b) look", "c) see", "2. close", "x" * 90, "1. again",
    ]  # fmt: skip


def test_a_slide_without_a_title_stands_under_no_other(pack: Pack) -> None:
    """A short first line stands in for the title; else an empty heading ends the section of the slide before."""
    named = tree(shape(paragraph("Agenda"), holds="title"), shape(paragraph("Talks."), holds=""))
    long = tree(shape(paragraph("This goes on. " * 10)))
    short = tree(shape(paragraph("In short"), paragraph("yes")), more=' show="0"')

    parsed = pptx.parse(pack(deck(named, long, tree(), short)))

    headings = [
        (b.number, parsed.text[b.start : b.end]) for b in parsed.blocks if b.kind is BlockKind.HEADING
    ]
    assert headings == [(1, "Agenda"), (1, ""), (1, "In short")]
    pages = [(b.number, parsed.text[b.start : b.end]) for b in parsed.blocks if b.kind is BlockKind.PAGE]
    assert pages == [
        (1, "Agenda\n\nTalks."),
        (2, ("This goes on. " * 10).strip()),
        (3, ""),
        (4, "In short\n\nyes"),
    ]
    document = Document("d", 1, "", "x", "", "", parsed.text, parsed.blocks, parsed.parser)
    chunks = build_tree(document, lambda texts: [len(text.split()) for text in texts], ChunkConfig())
    assert [section.headings for section in chunks.sections] == [("Agenda",), (), ("In short",)]


def test_the_title_of_the_properties(pack: Pack) -> None:
    """A title that somebody meant is kept, what the program filled in is not."""
    core = "<x xmlns:dc='urn:dc'><dc:title>{}</dc:title></x>"
    parts = deck(tree(shape(paragraph("x"))))

    assert pptx.parse(pack({**parts, "docProps/core.xml": core.format("Plan 2030")})).title == "Plan 2030"
    assert (
        pptx.parse(pack({**parts, "docProps/core.xml": core.format("PowerPoint Presentation")})).title == ""
    )


def test_a_missing_slide_is_damage(pack: Pack) -> None:
    """Part of a presentation must not pass for the whole."""
    parts = deck(tree(), tree())
    del parts["ppt/slides/s2.xml"]

    with pytest.raises(CorruptFile, match="slide 2 is missing"):
        pptx.parse(pack(parts))
    with pytest.raises(CorruptFile, match="no list of its slides"):
        pptx.parse(pack({"ppt/x": ""}))


def test_entities_and_links_to_elsewhere_are_not_followed(pack: Pack) -> None:
    """A slide cannot bring in a file of this machine."""
    slide = tree(shape("<a:p><a:r><a:t>x&amp;e;</a:t></a:r></a:p>".replace("&amp;", "&")))
    declared = '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + slide

    assert pptx.parse(pack(deck(declared))).text == "x"
