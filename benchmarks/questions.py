"""The questions of the citation check, each with what its gold answer points to."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Row = dict[str, Any]

DOCX = "markitdown/packages/markitdown/tests/test_files/test_with_comment.docx"
HTML = "unstructured/example-docs/ideas-page.html"

CLAUSES = {
    "Governing Law": "What is the governing law of the {name} between {first} and {second}?",
    "Expiration Date": "When does the {name} between {first} and {second} expire, or how long is its term?",
    "Agreement Date": "On what date was the {name} between {first} and {second} made?",
    "Anti-Assignment": "May the {name} between {first} and {second} be assigned to somebody else?",
    "Renewal Term": "How is the {name} between {first} and {second} renewed?",
    "Insurance": "What insurance does the {name} between {first} and {second} require?",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its evidence stands.

    Attributes:
        text: What is asked.
        source: The set it comes from.
        filename: The document that holds the evidence.
        pages: Gold pages, from 1; empty when the set has none.
        spans: Gold ranges of code points of the file's text; empty when the set has none.
        clause: Gold text; empty when the set has none.
    """

    text: str
    source: str
    filename: str
    pages: tuple[int, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    clause: str = ""


def read_rows(path: Path) -> list[Row]:
    """One object for each line of a JSON lines file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def financebench(data: Path) -> list[Question]:
    """All questions; their evidence pages count from zero in the set."""
    questions = []
    for row in read_rows(data / "financebench" / "questions.jsonl"):
        pages = {e["evidence_page_num"] + 1 for e in row["evidence"] if e["doc_name"] == row["doc_name"]}
        name = f"{row['doc_name']}.pdf"
        questions.append(Question(row["question"], "financebench", name, tuple(sorted(pages))))
    return questions


def chroma(data: Path, count: int, seed: int) -> list[Question]:
    """``count`` questions of chunking_chroma, dealt over its corpora in turn."""
    piles: dict[str, list[Question]] = {}
    for row in read_rows(data / "chunking_chroma" / "questions.jsonl"):
        spans = tuple((r["start_index"], r["end_index"]) for r in row["references"])
        name = f"{row['corpus_id']}.md"
        piles.setdefault(name, []).append(Question(row["question"], "chunking_chroma", name, (), spans))
    return deal([piles[name] for name in sorted(piles)], count, seed)


def cuad(data: Path, count: int, seed: int) -> list[Question]:
    """``count`` questions made from clauses, dealt over the categories, each about another contract."""
    rows = read_rows(data / "cuad" / "clause_spans.jsonl")
    pdfs = {path.stem: path.name for path in (data / "cuad" / "pdf").iterdir()}
    return clause_questions(rows, pdfs, count, seed)


def clause_questions(rows: Sequence[Row], pdfs: dict[str, str], count: int, seed: int) -> list[Question]:
    """Questions about contracts of which the name, two parties and the clause are known.

    Args:
        rows: The set's clauses: file, category, spans, clause.
        pdfs: File name of the PDF by its stem.
        count: How many questions at most.
        seed: Of the shuffle.
    """
    contracts: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        contracts.setdefault(row["file"], {}).setdefault(row["category"], []).append(row["clause"])
    piles: list[list[Question]] = []
    for category, template in CLAUSES.items():
        pile = []
        for file, clauses in contracts.items():
            stem = file.removesuffix(".txt")
            parties = company_names(clauses.get("Parties", []))
            if (
                category not in clauses
                or len(parties) < 2
                or stem not in pdfs
                or "Document Name" not in clauses
            ):
                continue
            name = " ".join(clauses["Document Name"][0].split()).title()
            text = template.format(name=name, first=parties[0], second=parties[1])
            pile.append(Question(text, "cuad", pdfs[stem], (), (), clauses[category][0]))
        piles.append(pile)
    return deal(piles, count, seed)


def company_names(clauses: Iterable[str]) -> list[str]:
    """Clauses that read as names of companies, longest first, none within another."""
    names: list[str] = []
    for clause in sorted({" ".join(clause.split()) for clause in clauses}, key=lambda c: (-len(c), c)):
        several_words = len(re.findall(r"\b[A-Z][\w&.'-]*", clause)) >= 2
        plain = len(clause) <= 60 and not re.search(r"[()\"“”;]|collectively|referred", clause)
        if several_words and plain and not any(clause.lower() in name.lower() for name in names):
            names.append(clause)
    return names


def deal(piles: Sequence[Sequence[Question]], count: int, seed: int) -> list[Question]:
    """Takes from the shuffled piles in turn, a file a second time only when all of its pile were taken."""
    source = random.Random(seed)
    shuffled = [source.sample(list(pile), len(pile)) for pile in piles]
    taken: list[Question] = []
    used: set[str] = set()
    while len(taken) < count and any(shuffled):
        for pile in shuffled:
            if not pile or len(taken) == count:
                continue
            fresh = [question for question in pile if question.filename not in used]
            chosen = (fresh or pile)[0]
            pile.remove(chosen)
            used.add(chosen.filename)
            taken.append(chosen)
    return taken


def office() -> list[Question]:
    """One question each for the DOCX and the HTML file."""
    return [
        Question(
            "What two critical questions must be addressed to build the multi-agent conversation framework?",
            "docx",
            DOCX.rpartition("/")[2],
            clause="how can we design individual agents that are capable, reusable, customizable",
        ),
        Question(
            "According to the essay, what is the way to get new ideas?",
            "html",
            HTML.rpartition("/")[2],
            clause="The way to get new ideas is to notice anomalies",
        ),
    ]
