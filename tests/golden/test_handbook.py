"""The sample handbook: its questions match its text, and its binary files match their source."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from docx import Document
from docx.table import Table
from pypdf import PdfReader
from selectolax.lexbor import LexborHTMLParser

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "docs" / "handbook"
FILES = ("membership.md", "lending-rules.html", "annual-report.pdf", "safety-manual.docx")


@dataclass(frozen=True, slots=True)
class Question:
    """One line of ``questions.jsonl``."""

    question: str
    answer: str | None
    file: str | None
    quote: str | None
    kind: str
    unanswerable: bool = False


QUESTIONS = [
    Question(**json.loads(line))
    for line in (HANDBOOK / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question.kind != "unanswerable"]


def collapse(text: str) -> str:
    """Returns the text with every run of white space as one space."""
    return " ".join(text.split())


def plain_text(path: Path) -> str:
    """Returns the readable text of one handbook file, white space collapsed.

    Read here by the libraries themselves, not by ``ingest``, so that the questions do not depend on the
    parsers that they are used to try.

    Raises:
        ValueError: A kind of file that the handbook does not have.
    """
    match path.suffix:
        case ".md":
            return collapse(path.read_text(encoding="utf-8"))
        case ".html":
            body = LexborHTMLParser(path.read_text(encoding="utf-8")).body
            return collapse(body.text(separator=" ")) if body else ""
        case ".pdf":
            return collapse(" ".join(page.extract_text() for page in PdfReader(path).pages))
        case ".docx":
            return collapse(" ".join(docx_parts(path)))
        case suffix:
            raise ValueError(f"The handbook has no {suffix!r} files: add a reader here.")


def docx_parts(path: Path) -> list[str]:
    """Returns each paragraph and each table cell of a Word file, in reading order."""
    parts: list[str] = []
    for part in Document(str(path)).iter_inner_content():
        if isinstance(part, Table):
            parts.extend(cell.text for row in part.rows for cell in row.cells)
        else:
            parts.append(part.text)
    return parts


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binary files as the committed script makes them now."""
    out = tmp_path_factory.mktemp("handbook")
    script = ROOT / "scripts" / "make_handbook.py"
    subprocess.run([sys.executable, str(script), "--out", str(out)], check=True, timeout=120)
    return out


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question.question)
def test_the_answer_stands_in_the_file(question: Question) -> None:
    """The expected string of an answerable question is in the text of the file that it names."""
    assert question.file is not None
    assert question.answer is not None

    assert question.answer in plain_text(HANDBOOK / question.file)


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question.question)
def test_the_quote_stands_once_in_the_file(question: Question) -> None:
    """The place that answers a question is named by words that stand in its file once, and nowhere else."""
    assert question.file is not None
    assert question.quote is not None

    assert plain_text(HANDBOOK / question.file).count(collapse(question.quote)) == 1


def test_unanswerable_questions_have_no_answer() -> None:
    """A question has no answer, file and quote exactly when its kind is unanswerable."""
    for question in QUESTIONS:
        empty = (question.answer is None, question.file is None, question.quote is None)

        assert empty == (question.kind == "unanswerable",) * 3, question.question


def test_the_questions_cover_every_file_and_kind() -> None:
    """Eighteen answerable questions spread over four files, six unanswerable ones, none twice."""
    per_file = Counter(question.file for question in ANSWERABLE)

    assert len(ANSWERABLE) == 18
    assert len(QUESTIONS) == len({question.question for question in QUESTIONS}) == 24
    assert set(per_file) == set(FILES)
    assert min(per_file.values()) >= 4
    assert {question.kind for question in QUESTIONS} == {
        "fact",
        "number",
        "list",
        "explanation",
        "unanswerable",
    }


@pytest.mark.parametrize("name", ["annual-report.pdf", "safety-manual.docx"])
def test_the_script_reproduces_the_committed_text(name: str, rebuilt: Path) -> None:
    """Running the script again gives the text of the committed file, so neither is edited alone."""
    assert plain_text(HANDBOOK / name) == plain_text(rebuilt / name)


def test_the_report_numbers_its_pages() -> None:
    """Each page of the report carries its own number, which is what a citation shows."""
    pages = PdfReader(HANDBOOK / "annual-report.pdf").pages

    assert len(pages) >= 4
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page.extract_text()


def test_the_manual_uses_word_headings() -> None:
    """The manual's headings are Word styles, which is where a parser finds them."""
    names = Counter(
        paragraph.style.name
        for paragraph in Document(str(HANDBOOK / "safety-manual.docx")).paragraphs
        if paragraph.style is not None
    )

    assert names["Title"] == 1
    assert names["Heading 1"] == 7
    assert names["Heading 2"] == 5
    assert names["List Number"] == 9
