"""Documents made from a seed: text, Markdown, HTML and PDF of varied size, each with words of its own.

Every document holds one sentence "The code word CANARY stands for the depot SECRET." Nothing else in the
corpus holds these two words, so a search for the canary must find this document alone, and the secret,
which no question names, shows whether a route still gives away the text of a deleted document.
"""

from __future__ import annotations

import html
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.client import Upload

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("txt", "md", "txt", "html", "md", "pdf")
MEDIA = {"txt": "text/plain", "md": "text/markdown", "html": "text/html", "pdf": "application/pdf"}
SMALLEST, LARGEST = 300, 60_000

OPENERS = (
    "The harbour office|A survey team|The county archive|Each night crew|The weaving mill|One rail depot"
)
VERBS = "recorded|repaired|counted|moved|sold|inspected|painted|measured|closed|described"
THINGS = "wooden crates|signal lamps|copper pipes|tide tables|grain sacks|old ledgers|bell towers|loom frames"
PLACES = "near the canal|at the northern gate|behind the customs house|on the lower quay|in the old chapel"
REASONS = (
    "because the winter was long|after the spring flood|before the fair opened|while the bridge was shut"
)


@dataclass(frozen=True, slots=True)
class Made:
    """A generated document.

    Attributes:
        upload: What is sent.
        kind: txt, md, html or pdf.
        canary: A word that stands in this document alone.
        secret: A second such word, which no question names.
        text: What the file says; for txt and md the file itself.
    """

    upload: Upload
    kind: str
    canary: str
    secret: str
    text: str

    @property
    def question(self) -> str:
        """A question that the document answers with its secret."""
        return f"What does the code word {self.canary} stand for?"

    @property
    def verbatim(self) -> bool:
        """Whether the canonical text must be the file's decoded text."""
        return self.kind in {"txt", "md"}


def make_corpus(count: int, seed: int) -> list[Made]:
    """``count`` documents, the same for the same seed, sizes log-uniform between the two bounds."""
    source = random.Random(seed)
    coined: set[str] = set()
    made = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        size = int(math.exp(source.uniform(math.log(SMALLEST), math.log(LARGEST))))
        canary, secret = _coin(source, coined), _coin(source, coined)
        paragraphs = _paragraphs(source, size)
        paragraphs.insert(len(paragraphs) // 2, f"The code word {canary} stands for the depot {secret}.")
        title = f"Report {number + 1}"
        text = _as_text(kind, title, paragraphs)
        data = _as_pdf(title, paragraphs) if kind == "pdf" else text.encode("utf-8")
        made.append(
            Made(Upload(f"report-{number + 1:03}.{kind}", data, MEDIA[kind]), kind, canary, secret, text)
        )
    return made


def _coin(source: random.Random, coined: set[str]) -> str:
    """A word of twelve letters that was not coined before and is in no dictionary."""
    while True:
        pairs = [source.choice("bdfgklmnprtvz") + source.choice("aeiou") for _ in range(5)]
        word = "qx" + "".join(pairs)
        if word not in coined:
            coined.add(word)
            return word


def _paragraphs(source: random.Random, size: int) -> list[str]:
    paragraphs: list[str] = []
    written = 0
    while written < size or len(paragraphs) < 2:
        sentences = [_sentence(source) for _ in range(source.randint(2, 7))]
        paragraphs.append(" ".join(sentences))
        written += len(paragraphs[-1])
    return paragraphs


def _sentence(source: random.Random) -> str:
    parts = [source.choice(choices.split("|")) for choices in (OPENERS, VERBS, THINGS, PLACES, REASONS)]
    number = source.randint(2, 9999)
    return f"{parts[0]} {parts[1]} {number} {parts[2]} {parts[3]} {parts[4]}."


def _as_text(kind: str, title: str, paragraphs: Sequence[str]) -> str:
    if kind == "html":
        body = "\n".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
        head = f"<head><meta charset='utf-8'><title>{title}</title></head>"
        return f"<!doctype html><html>{head}<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    if kind == "md":
        sections = [f"## Part {n}\n\n{paragraph}" for n, paragraph in enumerate(paragraphs, start=1)]
        return f"# {title}\n\n" + "\n\n".join(sections) + "\n"
    return f"{title}\n\n" + "\n\n".join(paragraphs) + "\n"


def _as_pdf(title: str, paragraphs: Sequence[str]) -> bytes:
    # Imported here: fpdf2 is a development dependency, and only this format needs it.
    from fpdf import FPDF  # noqa: PLC0415

    pdf = FPDF()
    pdf.set_creation_date(datetime(2024, 1, 1, tzinfo=UTC))
    pdf.set_title(title)
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    for paragraph in (title, *paragraphs):
        pdf.multi_cell(0, 6, paragraph, new_x="LMARGIN", new_y="NEXT")
        pdf.ln(3)
    return bytes(pdf.output())
