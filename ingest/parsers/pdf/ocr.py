"""Text recognition for scanned pages, by the tesseract program where it is installed.

It is started from inside the parser's child process, so that it has the child's ceilings on memory, files and
environment, writes nothing to the disk (the image goes in and the words come out through pipes) and is killed
with the child at the deadline. Its arguments are fixed but for the languages, which the service's owner sets.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from ingest.errors import LimitExceeded, NoText, ProgramNeeded
from ingest.parsers.pdf.characters import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.parsers.pdf.readers import Pdfium

# Tesseract's own advice: https://tesseract-ocr.github.io/tessdoc/ImproveQuality.html
_DOTS_PER_INCH = 300
_MAX_PIXELS = 24_000_000
_LANGUAGES = re.compile(r"[A-Za-z_]+(?:/[A-Za-z_]+)?(?:\+[A-Za-z_]+(?:/[A-Za-z_]+)?)*")
# Words that tesseract is less sure of than this, in per cent, are mostly specks and lines.
_MIN_CONFIDENCE = 20
# Columns of its table of words: https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html
_COLUMNS = 12
_WORD_LEVEL = "5"
# What a program needs to start, and no more of the service's environment.
_ENVIRONMENT = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
_ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}
_WIDE_GAP = 1.5
# Letters' height as a share of the font's, as ``Segment.size`` measures it.
_SHARE_OF_FONT = 0.75
# Images inside forms inside forms: scanners' programs do not nest deeper.
_MAX_DEPTH = 3


@dataclass(slots=True)
class Recogniser:
    """Reads scanned pages until its time is over.

    Attributes:
        languages: As tesseract names them, joined by ``+``; empty to leave scanned pages alone.
        seconds: Wall clock for all pages of the document.
        programs: Whether a program may be started here.
        program: Path of tesseract; None when it is not to be used or not installed.
        used: Whether any text came from here.
    """

    languages: str
    seconds: float
    programs: bool = True
    program: str | None = field(init=False)
    used: bool = field(init=False, default=False)
    _ends: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        # The clock runs from the file's beginning: pages are also laid out before, and put together after.
        self._ends = time.monotonic() + self.seconds
        self.program = shutil.which("tesseract") if self.languages else None

    def advice(self) -> str:
        """What the owner of a scanned file can do."""
        if self.program:
            return (
                f"Text recognition (OCR) in the languages {self.languages} found none: scan it again at 300 dots "
                "per inch, or set the document's language."
            )
        return (
            "They are probably scanned images. Run text recognition (OCR) on it and upload the result, or install "
            "the program tesseract where the service runs and turn its text recognition on."
        )

    def read(self, document: Pdfium, numbers: Sequence[int], *, whole: bool) -> dict[int, list[Segment]]:
        """Segments of pages without text, as far as they are images.

        Args:
            document: The PDF.
            numbers: Which pages to look at, from 0.
            whole: Whether they are all of the document. A scan is read whole or refused; of other documents what
                the time allows is read.

        Returns:
            By page; pages without an image are left out, and all when there is no program.

        Raises:
            LimitExceeded: There is not enough time for a scan.
            ProgramNeeded: There is a page to recognise, and no program may be started here.
            NoText: Tesseract cannot be run as it is set.
        """
        found: dict[int, list[Segment]] = {}
        if self.program is None:
            return found
        ends = self._ends
        for done, number in enumerate(numbers, start=1):
            page = document.page(number)
            if page is None:
                continue
            start = time.monotonic()
            try:
                found[number] = self._page(page, ends - start)
            except (subprocess.TimeoutExpired, NoText) as error:
                if not whole:
                    break
                if isinstance(error, NoText):
                    raise
                raise self._too_long(number) from error
            finally:
                page.close()
            took = time.monotonic() - start
            if whole and took * (len(numbers) - done) > ends - time.monotonic():
                raise self._too_long(number)
        self.used = any(found.values())
        return found

    def _page(self, page: Any, seconds: float) -> list[Segment]:
        if not _has_image(page):
            return []
        if not self.programs:
            raise ProgramNeeded("A page of the PDF is a scan.")
        width, height = max(page.get_width(), 1.0), max(page.get_height(), 1.0)
        scale = min(_DOTS_PER_INCH / 72, (_MAX_PIXELS / (width * height)) ** 0.5)
        return _segments(self._run(_grey_image(page, scale), seconds), scale)

    def _run(self, image: bytes, seconds: float) -> str:
        if not _LANGUAGES.fullmatch(self.languages):
            raise NoText(
                f"The languages of text recognition are set to {self.languages!r}; write eng or deu+fra."
            )
        done = subprocess.run(  # noqa: S603 -- the program is the installed one, the arguments are our own
            [str(self.program), "stdin", "stdout", "-l", self.languages, "--dpi", str(_DOTS_PER_INCH), "tsv"],
            input=image,
            capture_output=True,
            timeout=max(seconds, 0.1),
            check=False,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _ONE_THREAD,
        )
        if done.returncode:
            reason = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise NoText(
                f"The PDF is scanned, and text recognition in the languages {self.languages} failed "
                f"({reason or f'exit status {done.returncode}'}). Install the language's data, or set another."
            )
        return done.stdout.decode("utf-8", "replace")

    def _too_long(self, number: int) -> LimitExceeded:
        return LimitExceeded(
            f"The PDF is scanned, and recognising its text would take longer than {self.seconds:.0f} seconds (stopped "
            f"after page {number + 1}). Split the file, or raise the parser's time limit."
        )


def _has_image(page: Any) -> bool:
    return any(
        each.type == pdfium.FPDF_PAGEOBJ_IMAGE
        for each in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_MAX_DEPTH)
    )


def _grey_image(page: Any, scale: float) -> bytes:
    """The page as a portable graymap (https://netpbm.sourceforge.net/doc/pgm.html)."""
    bitmap = page.render(scale=scale, grayscale=True)
    columns, rows, stride = bitmap.width, bitmap.height, bitmap.stride
    view = memoryview(bitmap.buffer)
    lines = b"".join(bytes(view[row * stride : row * stride + columns]) for row in range(rows))
    bitmap.close()
    return b"P5\n%d %d\n255\n" % (columns, rows) + lines


def _segments(table: str, scale: float) -> list[Segment]:
    """Tesseract's words as segments, in its order; all letters count as of one size, which it measures badly."""
    words = []
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) != _COLUMNS or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        if float(cells[10]) < _MIN_CONFIDENCE:
            continue
        left, top, width, height = (int(cell) / scale for cell in cells[6:10])
        words.append((tuple(cells[1:5]), cells[11].strip(), left, left + width, top + height, height))
    if not words:
        return []
    size = median(height for *_, height in words) / _SHARE_OF_FONT
    bases = _baselines(words)
    found: list[Segment] = []
    last_line: tuple[str, ...] = ()
    for index, (line, text, x0, x1, _, _) in enumerate(words):
        if found and line == last_line and -size < x0 - found[-1].x1 < _WIDE_GAP * size:
            found[-1].text += " " + text
            found[-1].x1, found[-1].last = x1, index
        else:
            found.append(Segment(text, x0, x1, bases[line], size, 0, 0, index, index))
        last_line = line
    return found


def _baselines(
    words: list[tuple[tuple[str, ...], str, float, float, float, float]],
) -> dict[tuple[str, ...], float]:
    """Each line's baseline: the middle one of its words' lower edges, which letters below the line lower for some."""
    edges: dict[tuple[str, ...], list[float]] = {}
    for line, _, _, _, bottom, _ in words:
        edges.setdefault(line, []).append(bottom)
    return {line: median(bottoms) for line, bottoms in edges.items()}
