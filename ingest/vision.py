"""Pages without text and large figures, put into words by a model that somebody else asks.

What it writes becomes canonical text at the end of its page, in a block of its own: it can be found and cited like any
text, and told from the file's own words wherever it is shown. See docs/decisions/0040-vision.md.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ingest.errors import NoText, ParseError, VisionRefused, VisionUnavailable
from ingest.hidden import counted, disclosures, without_hidden
from ingest.parsers.text import clean
from ingest.types import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ingest.sentences import Span
    from ingest.types import Parsed, Picture

# Codes of disclosures, which the interface shows with words of its own.
PAGES = "transcribed_pages"
FIGURES = "described_figures"
UNREAD = "unread_pictures"
OVER = "pictures_over_limit"

_GAP = "\n\n"
_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\Z", re.DOTALL)
_LINE_ENDS = re.compile(r"[ \t]*(?:\r\n|[\r\n\v\f\x85\u2028\u2029])")
_BLANK_LINES = re.compile(r"\n{3,}")
# What a paragraph ends with, where its page's text could go on behind a figure.
_BROKEN_OFF = re.compile(r"[^.!?:…。！？\"”»)\]|]\Z")


class Reader(Protocol):
    """Asks for the words of one picture after another, on behalf of one document."""

    def __call__(self, image: bytes, *, whole: bool, still_wanted: Callable[[], None]) -> str:
        """What a picture says; nothing when there is nothing to say.

        Args:
            image: PNG.
            whole: Whether it is a page to be read, or a figure to be described.
            still_wanted: Called while the answer is waited for; what it raises ends the wait.

        Raises:
            VisionRefused: What may be spent on this document does not allow it.
            VisionUnavailable: There was no usable answer.
        """


class Vision(Protocol):
    """Who reads pictures."""

    @property
    def name(self) -> str:
        """The model and everything else that its words depend on."""

    def reading(self, document_id: str, pictures: int) -> AbstractContextManager[Reader]:
        """Reads at most so many pictures of a document, for as long as it is open."""


class Readings(Protocol):
    """Keeps what was read of a document in work, so that the next try need not ask again."""

    def load_text(self, part: str) -> str | None:
        """What was saved under a name, or None."""

    def save_text(self, part: str, text: str) -> None:
        """Keep a text under a name that says all that it depends on."""


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """What reading the pictures of one document may take."""

    # Pictures that are looked at: pages first, for they say nothing otherwise.
    max_pictures: int = 50
    # Code points kept of one picture: far more than a page holds.
    max_chars: int = 20_000
    # Pictures in a row that may fail before no more are tried: a gateway that hangs would take an hour.
    max_failures: int = 3


def with_pictures(
    parsed: Parsed,
    document_id: str,
    vision: Vision,
    draw: Callable[[Picture], bytes],
    config: VisionConfig,
    progress: Callable[[float], None],
    kept: Readings | None = None,
) -> Parsed:
    """Ask for the words of what the parser listed, and put them where they belong.

    A picture that cannot be read leaves its place empty, and is counted among the disclosures.

    Args:
        parsed: With pictures.
        document_id: Whose they are.
        vision: Who reads them.
        draw: Gives a picture's image.
        config: Ceilings.
        progress: Called with the share that is done; what it raises ends the work.
        kept: What a former try has read.

    Raises:
        VisionUnavailable: There is no text at all without what could not be read.
        NoText: All was looked at, and there is no text.
    """
    wanted = sorted(parsed.pictures, key=lambda each: not each.whole)
    looking = _Looking(vision, draw, config, kept)
    with vision.reading(document_id, min(len(wanted), config.max_pictures)) as read:
        for done, picture in enumerate(wanted):
            share = done / len(wanted)
            progress(share)
            looking.look(read, picture, lambda share=share: progress(share))  # type: ignore[misc]
    found = with_words(parsed, looking.words)
    if not found.text.strip():
        if looking.reason:
            raise VisionUnavailable(
                f"The PDF has no text, and the vision model read none of its {len(wanted)} pages and figures: "
                f"{looking.reason} Upload the file again to retry."
            )
        raise NoText("The PDF has no text, and the vision model found none in its pictures.")
    said = Counter(PAGES if picture.whole else FIGURES for picture in looking.words)
    told = (*disclosures(said, kept=True), *disclosures(looking.counts))
    name = f"{found.parser}+vision:{vision.name}" if looking.words else found.parser
    return replace(found, parser=name, disclosures=(*found.disclosures, *told), pictures=())


class _Looking:
    """What was read so far of one document.

    Attributes:
        words: By picture; those that say nothing are left out.
        counts: Disclosures that are not about words.
        reason: Why the last picture that was not read was not; empty when all were.
    """

    def __init__(
        self, vision: Vision, draw: Callable[[Picture], bytes], config: VisionConfig, kept: Readings | None
    ) -> None:
        self.words: dict[Picture, str] = {}
        self.counts: Counter[str] = Counter()
        self.reason = ""
        self._vision = vision
        self._draw = draw
        self._config = config
        self._kept = kept
        self._known: dict[str, str] = {}
        self._looked = 0
        self._failures = 0
        # The disclosure of all that follows, once no more is asked.
        self._ended = ""

    def look(self, read: Reader, picture: Picture, still_wanted: Callable[[], None]) -> None:
        """Read one picture, or note why not."""
        if not self._ended and self._looked >= self._config.max_pictures:
            self._ended = OVER
            self.reason = f"FOOTNOTE_VISION_PAGES allows {self._config.max_pictures}."
        if self._ended:
            self.counts[self._ended] += 1
            return
        self._looked += 1
        try:
            text = self._text(read, picture, still_wanted)
        except VisionRefused as error:
            self._ended, self.reason = OVER, str(error)
            self.counts[OVER] += 1
        except (VisionUnavailable, ParseError) as error:
            self.reason = str(error)
            self.counts[UNREAD] += 1
            self._failures += 1
            if self._failures >= self._config.max_failures:
                self._ended = UNREAD
        else:
            self._failures = 0
            if text:
                self.words[picture] = text

    def _text(self, read: Reader, picture: Picture, still_wanted: Callable[[], None]) -> str:
        image = self._draw(picture)
        name = hashlib.sha256(f"{self._vision.name} {picture.whole} ".encode() + image).hexdigest()
        if name in self._known:
            # A logo is told of once; the same page twice is twice the same text.
            return self._known[name] if picture.whole else ""
        raw = self._kept.load_text(name) if self._kept else None
        if raw is None:
            raw = read(image, whole=picture.whole, still_wanted=still_wanted)[: 2 * self._config.max_chars]
            if self._kept:
                self._kept.save_text(name, clean(raw))
        self.counts += counted(raw)
        self._known[name] = text = tidy(raw, self._config.max_chars)
        return text


def tidy(text: str, max_chars: int) -> str:
    """A model's words as canonical text: without a fence around them, and without what nobody sees.

    Args:
        text: As it came.
        max_chars: Code points that are kept.
    """
    plain = _LINE_ENDS.sub("\n", without_hidden(clean(text))).strip()
    if fenced := _FENCE.match(plain):
        plain = fenced[1].strip()
    plain = _BLANK_LINES.sub(_GAP, plain)
    if len(plain) > max_chars:
        cut = max(plain.rfind(" ", 0, max_chars), plain.rfind("\n", 0, max_chars))
        plain = plain[: cut if cut > 0 else max_chars].rstrip()
    return plain


def with_words(parsed: Parsed, words: Mapping[Picture, str]) -> Parsed:
    """The text with words of pictures at the ends of their pages, as paragraphs and blocks of their own."""
    pages = {block.number: block for block in parsed.blocks if block.kind is BlockKind.PAGE}
    places: dict[int, list[Picture]] = defaultdict(list)
    for picture in sorted(words, key=lambda each: (each.page, each.box[1], each.box[0])):
        if page := pages.get(picture.page):
            places[page.end if picture.whole else _end_of_paragraph(parsed, page)].append(picture)
    text = ""
    written: list[Block] = []
    # Of each place, what stands there now, and how much longer the text has become.
    spans: dict[int, Span] = {}
    grown: list[tuple[int, int]] = []
    at = 0
    for place in sorted(places):
        text += parsed.text[at:place]
        at, before = place, len(text)
        for picture in places[place]:
            text += _to_paragraph(text) if text.strip() else ""
            start = len(text)
            text += words[picture]
            spans[place] = (spans.get(place, (start, 0))[0], len(text))
            written.append(Block(BlockKind.PICTURE, start, len(text), picture.page, picture.box))
        rest = parsed.text[place:]
        if rest.strip():
            text += "\n" * (len(_GAP) - min(len(_GAP), len(rest) - len(rest.lstrip("\n"))))
        grown.append((place, len(text) - before))
    text += parsed.text[at:]
    moved = [_moved(block, grown, spans) for block in parsed.blocks]
    ordered = sorted([*moved, *written], key=lambda b: (b.start, -b.end, b.kind is not BlockKind.PAGE))
    return replace(parsed, text=text, blocks=tuple(ordered))


def _end_of_paragraph(parsed: Parsed, page: Block) -> int:
    """Where a figure's words stand on a page: at its end, unless a sentence may go on on the next one."""
    text = parsed.text
    own = text[page.start : page.end].rstrip()
    if text[page.end : page.end + 2] == _GAP or page.end == len(text) or not _BROKEN_OFF.search(own):
        return page.end
    inner = [
        (block.start, block.end)
        for block in parsed.blocks
        if block.kind is not BlockKind.PAGE and block.start < page.end and page.start < block.end
    ]
    place = text.rfind(_GAP, page.start, page.start + len(own))
    while place > page.start:
        if not any(start < place < end for start, end in inner):
            return place
        place = text.rfind(_GAP, page.start, place)
    return page.end


def _to_paragraph(before: str) -> str:
    """What has to follow a text so that a paragraph begins."""
    return "\n" * (len(_GAP) - min(len(_GAP), len(before) - len(before.rstrip("\n"))))


def _moved(block: Block, grown: Sequence[tuple[int, int]], spans: Mapping[int, Span]) -> Block:
    """A block where it stands now. A page takes in the words that were written at its end; nothing else does."""
    shift = sum(by for place, by in grown if place < block.start)
    start = block.start + shift
    end = block.end + sum(by for place, by in grown if place < block.end)
    if block.kind is BlockKind.PAGE and block.end in spans:
        first, end = spans[block.end]
        if block.start == block.end:
            start = first
    return replace(block, start=start, end=end)
