"""PDF: text, headings and tables, told from where pdfium finds each character on the page.

pypdf opens the file and gives the outline, the notes, the form fields and the title, and the text of pages on
which pdfium finds none or that are read from right to left. Pages are joined so that words never fuse and a
sentence may run over the page's end.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pypdf
import pypdfium2
from pypdf import apply_configuration
from pypdf.errors import LimitReachedError

from ingest.errors import CorruptFile, LimitExceeded, NoText, ParseError, TooLarge
from ingest.hidden import disclosures
from ingest.parsers.pdf import forms, headings, margins, paragraphs
from ingest.parsers.pdf.characters import Segment, mapped, plain_text, segments
from ingest.parsers.pdf.compose import compose
from ingest.parsers.pdf.inflation import check_inflation
from ingest.parsers.pdf.ocr import Recogniser
from ingest.parsers.pdf.outline import merged, outline_headings
from ingest.parsers.pdf.page import Page, lay_out
from ingest.parsers.pdf.pictures import pictures_on
from ingest.parsers.pdf.readers import Pdfium, open_pdf
from ingest.parsers.pdf.unseen import LAYER, Unseen
from ingest.parsers.titles import meant_title
from ingest.types import BlockKind, Parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.types import Picture

# Pages are laid out at 60 to 100 a second and half as many on a busy machine; pypdf reads 17 to 36. As many
# end well before the deadline. Longer documents are text without layout, 600 pages a second.
_MAX_LAID_OUT = 2_500
_MAX_PYPDF_PAGES = 1_000
# More letters that are read from right to left than this make a page whose order is left to the readers.
_RIGHT_TO_LEFT = 0.2


def parse(
    data: bytes,
    max_pages: int = 20_000,
    ocr_languages: str = "",
    seconds: float = math.inf,
    *,
    programs: bool = True,
    figure_share: float | None = None,
) -> Parsed:
    """Read a PDF's text and structure.

    Args:
        data: The file.
        max_pages: Ceiling on its pages.
        ocr_languages: Languages of scanned pages, see ``Recogniser``; empty to leave them alone.
        seconds: Wall clock for text recognition.
        programs: Whether a program may be started for it; if not, a scan ends in ProgramNeeded.
        figure_share: Share of its page from which a picture is listed as a figure, beside pages that are pictures; None
            to list neither.

    Returns:
        The pages' texts with blocks for pages, headings, tables and running lines.

    Raises:
        EncryptedFile: A password is needed.
        CorruptFile: Neither reader can open the file.
        NoText: No page has text, and none is listed as a picture.
        TooLarge: It has more than ``max_pages`` pages.
        LimitExceeded: A stream in the file unpacks to more than pypdf's ceilings, or text recognition would
            take too long.
    """
    check_inflation(data)
    recogniser = Recogniser(ocr_languages, seconds, programs)
    # Text needs no images; pypdf must not start a program for those in JBIG2.
    with apply_configuration(jbig2dec_binary=None):
        second = Pdfium(data)
        reader = open_pdf(data, second)
        count = len(reader.pages) if reader else second.count()
        if count > max_pages:
            raise TooLarge(f"The PDF has {count} pages, more than the ceiling of {max_pages}. Split it.")
        unseen, in_text = Counter[str](), Counter[str]()
        listed = figure_share is not None
        pages, used, first_error = _read(reader, second, recogniser, count, unseen, in_text, partly=listed)
        pictures = [] if figure_share is None else _pictures(second, pages, figure_share)
        if not pictures and not any(page.lines or page.plain.strip() or page.typed for page in pages):
            if first_error:
                raise first_error
            raise NoText(f"The PDF has no text on its {count} pages. {recogniser.advice()}")
        paragraphs.join_hyphens(pages)
        steps = paragraphs.usual_steps(pages)
        starts = [paragraphs.breaks(page.lines, step) for page, step in zip(pages, steps, strict=True)]
        text, blocks = compose(pages, starts, headings.find(pages, starts))
        if reader:
            stated = outline_headings(reader, text, [b for b in blocks if b.kind is BlockKind.PAGE])
            seen = [block for block in blocks if block.kind is BlockKind.HEADING]
            others = [block for block in blocks if block.kind is not BlockKind.HEADING]
            blocks = sorted([*others, *merged(stated, seen)], key=lambda block: (block.start, -block.end))
        name = f"pdf/pypdf-{pypdf.__version__}" + "+pdfium" * used + "+tesseract" * recogniser.used
        return Parsed(
            text=text,
            blocks=tuple(blocks),
            title=_title(reader) if reader else "",
            parser=name,
            disclosures=(*disclosures(unseen), *disclosures(in_text, kept=True)),
            pictures=tuple(pictures),
        )


def _pictures(second: Pdfium, pages: Sequence[Page], figure_share: float) -> list[Picture]:
    """What of the pages a model could say more of."""
    found: list[Picture] = []
    for index, page in enumerate(pages):
        opened = second.page(index)
        if opened is None:
            continue
        try:
            words = (*(line.text for line in page.lines), *page.top, *page.bottom, page.plain, *page.typed)
            letters = sum(map(str.isalnum, "".join(words)))
            found += pictures_on(opened, index + 1, letters, figure_share)
        finally:
            opened.close()
    return found


def _read(
    reader: pypdf.PdfReader | None,
    second: Pdfium,
    recogniser: Recogniser,
    count: int,
    unseen: Counter[str],
    in_text: Counter[str],
    *,
    partly: bool,
) -> tuple[list[Page], bool, ParseError | None]:
    """All pages, whether pdfium's text is in them, and the first error of a page that could not be read.

    A page that fails does not lose the others. Characters that nobody sees are counted: those that were left out, and
    those that are in the text because it is the one below a scan, or the other reader's, who cannot tell them.
    ``partly``: whether of a scan what the time allows will do, because something else reads the rest.
    """
    found: list[list[Segment]] = []
    plain: list[str] = []
    errors: dict[int, ParseError] = {}
    for index in range(count):
        here, text, mapped, hidden = _pdfium_page(second, index, laid_out=count <= _MAX_LAID_OUT)
        other = ""
        empty = not (here or text)
        if reader and count <= _MAX_PYPDF_PAGES and (empty or not mapped) and not (empty and hidden):
            other, error = _pypdf_text(reader, index)
            if error and not here:
                errors[index] = error
            if other.strip():
                here, text = [], other
        in_text[LAYER] += hidden.pop(LAYER, 0)
        (in_text if text else unseen).update(hidden)
        found.append(here)
        plain.append(text)
    used = any(found)
    bare = [index for index in range(count) if not (found[index] or plain[index].strip() or index in errors)]
    for index, recognised in recogniser.read(second, bare, whole=not partly and len(bare) == count).items():
        found[index] = recognised
    pages = [lay_out(here, *edges) for here, edges in zip(found, margins.split(found), strict=True)]
    for index, (page, text) in enumerate(zip(pages, plain, strict=True)):
        # Fonts with two bytes per letter leave NULs between the letters; they are no part of the words.
        page.plain = text.replace("\x00", "")
        if reader and count <= _MAX_PYPDF_PAGES and index not in errors:
            page.typed = forms.typed(reader, index)
    return pages, used, next(iter(errors.values()), None)


def _pdfium_page(
    second: Pdfium, index: int, *, laid_out: bool
) -> tuple[list[Segment], str, bool, Counter[str]]:
    """A page's segments, or its text where its layout is not told, and whether its letters are known.

    Nothing when pdfium cannot read the page. What nobody sees is counted, and is not in the segments.
    """
    page = second.page(index)
    none: Counter[str] = Counter()
    if page is None:
        return [], "", True, none
    try:
        text_page = page.get_textpage()
        unseen = Unseen(page, text_page)
        found = segments(text_page, unseen) if laid_out else []
        if laid_out and not _right_to_left(found):
            return found, "", mapped(text_page), unseen.counts
        return [], plain_text(text_page), not laid_out, unseen.counts
    except pypdfium2.PdfiumError:
        return [], "", True, none
    finally:
        page.close()


def _right_to_left(found: Sequence[Segment]) -> bool:
    letters = [letter for segment in found for letter in segment.text if letter.isalpha()]
    turned = sum(
        1 for letter in letters if letter > "\u0590" and unicodedata.bidirectional(letter) in {"R", "AL"}
    )
    return turned > _RIGHT_TO_LEFT * len(letters)


def _pypdf_text(reader: pypdf.PdfReader, index: int) -> tuple[str, ParseError | None]:
    """Pypdf's text of a page, or why there is none."""
    try:
        return reader.pages[index].extract_text(), None
    except MemoryError:
        raise
    except (LimitReachedError, RecursionError) as error:
        return "", LimitExceeded(f"Page {index + 1} of the PDF is too complex: {error}")
    except Exception as error:
        return "", CorruptFile(f"Page {index + 1} of the PDF cannot be read: {error}")


def _title(reader: pypdf.PdfReader) -> str:
    """The metadata's title, unless it is what a program filled in."""
    try:
        title = reader.metadata.title if reader.metadata else None
    except MemoryError:
        raise
    except Exception:
        # Damaged metadata costs the title, never the text.
        return ""
    return meant_title(str(title or ""))
