"""Sets whose questions name a page or a table: FinanceBench and TAT-QA."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.questions import read_rows
from benchmarks.retrieval.measures import page_in, place_in
from benchmarks.retrieval.types import Aim, Corpus, Document, Question, TestSet
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_financebench(data: Path) -> list[Corpus]:
    """All filings in one store, read by the service; the set counts pages from zero."""
    folder = data / "financebench"
    documents = tuple(
        Document(file.stem, file.name, file.read_bytes(), verbatim=False)
        for file in sorted((folder / "pdfs").glob("*.pdf"))
    )
    questions = tuple(
        Question(
            row["question"],
            "",
            pages=tuple((each["doc_name"], each["evidence_page_num"] + 1) for each in row["evidence"]),
        )
        for row in read_rows(folder / "questions.jsonl")
    )
    return [Corpus("financebench", documents, questions)]


def read_tatqa(data: Path, *, markdown: bool = True) -> list[Corpus]:
    """Each page a document, its table above its paragraphs; questions whose answer needs the table.

    Args:
        data: Folder of the evaluation data.
        markdown: Whether the table is a Markdown table, as converters write them, or plain lines.
    """
    documents, questions, tables = [], [], []
    pages = json.loads((data / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    for number, page in enumerate(pages, start=1):
        table = table_text(page["table"]["table"], markdown=markdown)
        paragraphs = sorted(page["paragraphs"], key=lambda each: int(each["order"]))
        text = "\n\n".join([table, *(each["text"] for each in paragraphs)]) + "\n"
        name = f"page-{number:03}"
        documents.append(Document(name, f"{name}{'.md' if markdown else '.txt'}", text.encode("utf-8")))
        tables.append(Range(name, 0, len(table)))
        questions += [
            Question(each["question"], each["answer_from"], (tables[-1],))
            for each in page["questions"]
            if "table" in each["answer_from"]
        ]
    return [Corpus("tatqa", tuple(documents), tuple(questions), tuple(tables))]


def table_text(rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    """A table as Markdown or as lines of cells; both have the cells of a row in one line."""
    lines = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not markdown:
        return "\n".join(" | ".join(row) for row in lines)
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in lines]
    escaped.insert(1, ["---"] * len(escaped[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


FINANCEBENCH = TestSet(
    "financebench",
    "FinanceBench: 14 filings (PDF) in one store",
    ("financebench/questions.jsonl", "financebench/pdfs"),
    read_financebench,
    (page_in(5), page_in(10)),
    ("page in 5",),
    (Aim("page in 5", "times", 2.0, ("BM25 pages",)),),
    unit="page",
)
TATQA = TestSet(
    "tatqa",
    "TAT-QA: 278 pages with a table and text in one store",
    ("tatqa/tatqa_dataset_dev.json",),
    read_tatqa,
    (place_in(5, "table"),),
    ("table in 5",),
    (Aim("table in 5", "times", 2.0, ("BM25 tables",)),),
    unit="table",
)
