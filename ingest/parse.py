"""File -> canonical text with blocks, in a sandboxed child process."""

from __future__ import annotations

import queue
import re
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from ingest import kinds, media
from ingest.child import Child
from ingest.config import MEBIBYTE, ParseConfig
from ingest.confine import Confinement
from ingest.errors import (
    CorruptFile,
    IngestError,
    LimitExceeded,
    NoText,
    ParserUnavailable,
    ProgramNeeded,
    TooLarge,
)
from ingest.sandbox import as_parse_error
from ingest.types import Block, BlockKind, Box, Disclosure, Parsed, Picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from ingest.sandbox import Json

# Modules by name: the child imports a format's libraries when it meets the first file of that format.
PARSERS = {
    media.PDF: "ingest.parsers.pdf",
    media.DOCX: "ingest.parsers.docx",
    media.PPTX: "ingest.parsers.pptx",
    media.XLSX: "ingest.parsers.xlsx",
    media.XLS: "ingest.parsers.xls",
    media.XLSB: "ingest.parsers.xls",
    media.ODT: "ingest.parsers.odf",
    media.ODP: "ingest.parsers.odf",
    media.ODS: "ingest.parsers.ods",
    media.EPUB: "ingest.parsers.epub",
    media.RTF: "ingest.parsers.rtf",
    media.HTML: "ingest.parsers.html",
    media.MARKDOWN: "ingest.parsers.markdown",
    media.TEXT: "ingest.parsers.text",
    kinds.EML: "ingest.parsers.eml",
    kinds.MBOX: "ingest.parsers.eml",
    kinds.MSG: "ingest.parsers.msg",
    kinds.CSV: "ingest.parsers.delimited",
    kinds.TSV: "ingest.parsers.delimited",
    kinds.JSON: "ingest.parsers.jsontext",
    kinds.JSON_LINES: "ingest.parsers.jsontext",
    kinds.NOTEBOOK: "ingest.parsers.notebook",
    kinds.RST: "ingest.parsers.rst",
    kinds.ORG: "ingest.parsers.org",
    kinds.XML: "ingest.parsers.xmltext",
    **dict.fromkeys(sorted(kinds.SOURCE_TYPES), "ingest.parsers.source"),
}

# A parser's function where one module reads two formats.
_ENTRIES = {kinds.MBOX: "parse_mbox", kinds.JSON_LINES: "parse_lines"}
# Attachments of messages that are attached to a message attached to a message are only named.
_MAX_DEPTH = 2
_MAX_DISCLOSURES = 100
_CODE = re.compile(r"[a-z_]{1,40}")
# Characters of a title, or of a parser's name.
_MAX_WORD = 100_000
_PNG = b"\x89PNG\r\n\x1a\n"
# Three bytes for each pixel of the largest figure are 3 MiB, and nothing is packed to more than a little above.
_MAX_DRAWN_BYTES = 8 * MEBIBYTE
_CLOSED = "The parser was closed before the file was read. Read it again with an open one."


class Parser:
    """Reads files of every supported format, each call in a warm child process.

    Thread-safe: with ``workers`` children as many calls run at a time, the others wait. Close it at the
    end, or use it as a context manager.

    Args:
        config: Ceilings for one file.
        workers: Child processes, started as they are needed.
    """

    def __init__(self, config: ParseConfig | None = None, workers: int = 1) -> None:
        self._config = config or ParseConfig()
        self._children = [Child(replace(self._config, programs=False)) for _ in range(workers)]
        # The last one used is the warm one.
        self._idle: queue.LifoQueue[Child] = queue.LifoQueue()
        for child in list(self._children):
            self._idle.put(child)
        # Children are started from the pool's threads, which live as long as it does; see ``Child``.
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="parser")

    def parse(self, path: Path, filename: str) -> tuple[str, Parsed]:
        """Read a file.

        Args:
            path: Where its bytes are.
            filename: As uploaded; it helps to tell Markdown from plain text.

        Returns:
            The media type, by content, and what the parser made of the file.

        Raises:
            ParseError: The file cannot become text; see ``ingest.errors``.
            ParserUnavailable: The child cannot run, or the parser was closed; true of all methods.
            OSError: There is no readable file at ``path``.
        """
        _check_size(path, self._config)
        reply, payload = self._call("parse", path, filename=filename)
        try:
            return _believed(reply, payload)
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptFile("The parser's reply is not of its form: the file has taken it over.") from error

    def locate(self, path: Path, page: int, quote: str, occurrence: int = 0) -> tuple[Box, ...]:
        """Find the rectangles of a quote on a page of a PDF, one for each line.

        Args:
            path: Where the PDF's bytes are.
            page: Counts from 1.
            quote: Canonical text; white space, hyphens and ligatures do not matter.
            occurrence: Which of the quote's occurrences on the page, from 0; the last one when there
                are fewer.

        Returns:
            The boxes, or nothing when the page does not hold the quote.

        Raises:
            PageNotFound: The PDF has no such page.
            ParseError: The PDF cannot be opened.
            OSError: There is no readable file at ``path``.
        """
        _check_size(path, self._config)
        reply, _ = self._call("locate", path, page=page, quote=quote, occurrence=occurrence)
        return tuple(Box(page, *map(float, box)) for box in reply["boxes"])

    def render(self, path: Path, page: int, boxes: Sequence[Box] = (), width: int = 1000) -> bytes:
        """Draw a page of a PDF, with boxes marked as if by a yellow pen.

        Args:
            path: Where the PDF's bytes are.
            page: Counts from 1.
            boxes: What to mark; those of other pages are left out.
            width: Of the image, in pixels; less where the page is so high that the image would be huge.

        Returns:
            A PNG image.

        Raises:
            PageNotFound: The PDF has no such page.
            ParseError: The PDF cannot be opened.
            OSError: There is no readable file at ``path``.
        """
        _check_size(path, self._config)
        marks = [list(asdict(box).values())[1:] for box in boxes if box.page == page]
        _, image = self._call("render", path, page=page, boxes=marks, width=width)
        return image

    def draw(self, path: Path, picture: Picture) -> bytes:
        """Draw a picture of a PDF for a model to look at.

        Args:
            path: Where the PDF's bytes are.
            picture: As ``parse`` lists them.

        Returns:
            A PNG image, grey for a page as a whole.

        Raises:
            PageNotFound: The PDF has no such page.
            ParseError: The PDF cannot be opened.
            OSError: There is no readable file at ``path``.
        """
        _check_size(path, self._config)
        _, image = self._call("draw", path, page=picture.page, box=list(picture.box), whole=picture.whole)
        if not image.startswith(_PNG) or len(image) > _MAX_DRAWN_BYTES:
            raise CorruptFile(f"What was drawn of page {picture.page} is no picture of the usual size.")
        return image

    def confinement(self) -> Confinement:
        """What the operating system keeps the children from, asked of one of them.

        Raises:
            ParserUnavailable: None can run; the message says why.
        """
        reply, _ = self._call("confinement", None)
        return Confinement(**reply)

    def close(self) -> None:
        """End the children; calls that run or wait end with ``ParserUnavailable``."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for child in list(self._children):
            child.interrupt()
        self._pool.shutdown()
        for child in list(self._children):
            child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, operation: str, path: Path | None, **arguments: Any) -> tuple[Json, bytes]:
        if self._closed.is_set():
            raise ParserUnavailable(_CLOSED)
        try:
            return self._pool.submit(self._run, operation, path, arguments).result()
        except (IngestError, CancelledError) as error:
            if self._closed.is_set():
                raise ParserUnavailable(_CLOSED) from error
            raise

    def _run(self, operation: str, path: Path | None, arguments: Json) -> tuple[Json, bytes]:
        child = self._idle.get()
        started = time.monotonic()
        try:
            if self._closed.is_set():
                raise ParserUnavailable(_CLOSED)
            return child.call(operation, path, **arguments)
        except ProgramNeeded:
            # A scan. The child that reads it may start tesseract, and is gone with the file.
            child.close()
            left = max(1.0, self._config.timeout_s - (time.monotonic() - started))
            return self._with_programs(operation, path, arguments, left)
        finally:
            self._idle.put(child)

    def _with_programs(
        self, operation: str, path: Path | None, arguments: Json, seconds: float
    ) -> tuple[Json, bytes]:
        with Child(replace(self._config, programs=True, timeout_s=seconds)) as child:
            self._children.append(child)
            try:
                if self._closed.is_set():
                    raise ParserUnavailable(_CLOSED)
                return child.call(operation, path, **arguments)
            finally:
                self._children.remove(child)


def _believed(reply: Json, payload: bytes) -> tuple[str, Parsed]:
    """A child's reply, after checking that it is of the form that an unharmed one gives.

    Raises:
        KeyError, TypeError, ValueError: It is not.
    """
    text = payload.decode()
    blocks = tuple(
        Block(BlockKind(kind), int(start), int(end), int(number))
        for kind, start, end, number in reply["blocks"]
    )
    words = [reply["media_type"], reply["title"], reply["parser"]]
    if any(block.kind is BlockKind.PICTURE for block in blocks):
        raise ValueError("a model's words, and none was asked")
    if any(not 0 <= block.start <= block.end <= len(text) for block in blocks):
        raise ValueError("blocks outside the text")
    if any(not isinstance(word, str) or len(word) > _MAX_WORD for word in words):
        raise ValueError("no text where text belongs")
    if words[0] not in PARSERS:
        raise ValueError("an unknown media type")
    told = tuple(Disclosure(code, int(count), kept=bool(kept)) for code, count, kept in reply["disclosures"])
    if len(told) > _MAX_DISCLOSURES or any(not _CODE.fullmatch(each.code) or each.count < 0 for each in told):
        raise ValueError("disclosures of another form")
    for word in words:
        word.encode()
    return words[0], Parsed(text, blocks, words[1], words[2], told, _believed_pictures(reply["pictures"]))


def _believed_pictures(reply: Any) -> tuple[Picture, ...]:
    found = tuple(
        Picture(int(page), (float(left), float(top), float(right), float(bottom)), whole=bool(whole))
        for page, left, top, right, bottom, whole in reply
    )
    for each in found:
        left, top, right, bottom = each.box
        # Written so that no sign that is not a number passes.
        if each.page < 1 or not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError("pictures beside the page")
    return found


def parse_bytes(data: bytes, filename: str, config: ParseConfig, depth: int = 0) -> tuple[str, Parsed]:
    """Detect a file's kind and read it, in this process and without any protection.

    Args:
        data: The whole file.
        filename: As uploaded.
        config: Ceilings on pages and text.
        depth: How many messages the file is attached to, one inside the other.

    Returns:
        The media type and what the parser made of the file.

    Raises:
        ParseError: The file cannot become text. Libraries may raise anything else.
    """
    if not data:
        raise NoText("The file is empty: it has no bytes.")
    media_type = media.detect(data, filename)
    parser = import_module(PARSERS[media_type])
    parse = getattr(parser, _ENTRIES.get(media_type, "parse"))
    parsed: Parsed = parse(data, **_options(media_type, filename, config, depth))
    if not parsed.text.strip() and not parsed.pictures:
        raise NoText("The file can be read but holds no text.")
    if len(parsed.text) > config.max_chars:
        raise TooLarge(
            f"The file has {len(parsed.text)} characters of text, more than the ceiling of "
            f"{config.max_chars}. Split it."
        )
    return media_type, parsed


def _options(media_type: str, filename: str, config: ParseConfig, depth: int) -> dict[str, Any]:
    """What a parser is told beside the file's bytes."""
    if media_type == media.PDF:
        # Most of the time is for text recognition; the rest of the work needs little of it.
        return {
            "max_pages": config.max_pages,
            "ocr_languages": config.ocr_languages,
            "seconds": config.timeout_s * 0.6,
            "programs": config.programs,
            "figure_share": config.figure_share if config.pictures else None,
        }
    if media_type in kinds.SOURCE_TYPES:
        return {"language": media_type.removeprefix(kinds.SOURCE_PREFIX), "filename": filename}
    if media_type in {kinds.EML, kinds.MBOX, kinds.MSG} and depth < _MAX_DEPTH:
        # Half of the time that the file has, so that its own text is ready before the deadline.
        return {"read": _PartReader(config, depth + 1, time.monotonic() + config.timeout_s / 2)}
    return {}


@dataclass(frozen=True, slots=True)
class _PartReader:
    """Reads a message's attachments as files of their own, until the deadline."""

    config: ParseConfig
    depth: int
    deadline: float

    def __call__(self, data: bytes, filename: str) -> Parsed:
        """Read one.

        Raises:
            ParseError: It cannot be read, or the time for attachments is over.
        """
        if time.monotonic() > self.deadline:
            raise LimitExceeded("There is no time left to read this attachment.")
        try:
            # Pictures are numbered by the pages of the file itself, which a part of it has not.
            return parse_bytes(data, filename, replace(self.config, pictures=False), self.depth)[1]
        except (MemoryError, ProgramNeeded):
            # Nothing else in this process can be relied on after the one; the other is for the parent.
            raise
        except Exception as error:
            raise as_parse_error(error) from error


def serve_parse(config: ParseConfig, data: bytes, filename: str) -> tuple[Json, bytes]:
    """The child's side of ``Parser.parse``."""
    media_type, parsed = parse_bytes(data, filename, config)
    if len(parsed.blocks) > config.max_blocks:
        raise TooLarge(
            f"The file has {len(parsed.blocks):,} headings, tables and other marks, more than the ceiling of "
            f"{config.max_blocks:,}. Split it."
        )
    # Nothing that comes from a file has a box: those of pictures are told apart.
    blocks = [(str(block.kind), block.start, block.end, block.number) for block in parsed.blocks]
    header = {
        "media_type": media_type,
        "title": parsed.title,
        "parser": parsed.parser,
        "blocks": blocks,
        "disclosures": [(each.code, each.count, each.kept) for each in parsed.disclosures],
        "pictures": [(each.page, *each.box, each.whole) for each in parsed.pictures],
    }
    return header, parsed.text.encode()


def _check_size(path: Path, config: ParseConfig) -> None:
    size = path.stat().st_size
    if size > config.max_bytes:
        raise TooLarge(f"The file has {size} bytes, more than the ceiling of {config.max_bytes}. Split it.")
