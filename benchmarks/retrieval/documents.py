"""Sets whose questions name the documents that are right: SciFact, Cranfield, CISI, XQuAD, and chunks of code."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.questions import read_rows
from benchmarks.retrieval.measures import DEEP, documents_in, ndcg
from benchmarks.retrieval.types import Aim, Corpus, Document, Question, TestSet

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = ("en", "de", "zh", "ar")
# What only files of one language hold. The set gives no names of files; whoever uploads code has them.
LANGUAGE_SIGNS = (
    (".cpp", re.compile(r"^#\s*(?:include|pragma)\b", re.MULTILINE)),
    (".java", re.compile(r"^package [\w.]+;", re.MULTILINE)),
    (".rs", re.compile(r"^\s*(?:pub(?:\(\w+\))? )?(?:fn \w+|use [\w:{]+|impl\b)", re.MULTILINE)),
    (".py", re.compile(r"^(?:from [\w.]+ import |import \w|\s*def \w+\()", re.MULTILINE)),
)
SINGLE = ("BM25 documents", "dense documents", "baseline BM25", "baseline dense")


def read_scifact(data: Path) -> list[Corpus]:
    """Each abstract a text file under its title, for claims with judgements."""
    folder = data / "scifact"
    documents = tuple(
        _titled(row["_id"], row["title"], " ".join(row["sentences"]))
        for row in read_rows(folder / "corpus.jsonl")
    )
    grades = read_grades(folder / "qrels_train.tsv")
    questions = _judged(
        [(row["_id"], row["text"]) for row in read_rows(folder / "claims_train.jsonl")], grades
    )
    return [Corpus("scifact", documents, questions)]


def read_classic(name: str, data: Path) -> list[Corpus]:
    """Cranfield or CISI; every positive grade is relevant."""
    folder = data / "ir_classic" / name
    documents = tuple(
        _titled(row["_id"], row["title"], row["text"])
        for row in read_rows(folder / "corpus.jsonl")
        # Two documents of Cranfield hold nothing.
        if row["text"].strip()
    )
    grades = read_grades(folder / "qrels.tsv")
    questions = _judged([(row["_id"], row["text"]) for row in read_rows(folder / "queries.jsonl")], grades)
    return [Corpus(name, documents, questions)]


def read_cookbook(data: Path, *, named: bool = True) -> list[Corpus]:
    """Each chunk of 90 files of code a document.

    Args:
        data: Folder of the evaluation data.
        named: Whether a chunk's file has the ending of its language, or is called .txt.
    """
    folder = data / "cookbook_code"
    documents: list[Document] = []
    for file in json.loads((folder / "codebase_chunks.json").read_text(encoding="utf-8")):
        ending = code_ending(file["content"]) if named else ".txt"
        for chunk in file["chunks"]:
            name = f"{file['original_uuid']}#{chunk['original_index']}"
            filename = f"chunk-{len(documents) + 1:03}{ending}"
            documents.append(Document(name, filename, chunk["content"].encode("utf-8")))
    questions = tuple(
        Question(row["query"], "", documents={f"{file}#{at}": 1 for file, at in row["golden_chunk_uuids"]})
        for row in read_rows(folder / "evaluation_set.jsonl")
    )
    return [Corpus("cookbook", tuple(documents), questions)]


def read_xquad(data: Path) -> list[Corpus]:
    """Each language in a store of its own, each paragraph a document without a title."""
    corpora = []
    for language in LANGUAGES:
        rows = json.loads((data / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
        paragraphs = [each for row in rows for each in row["paragraphs"]]
        documents, questions = [], []
        for number, paragraph in enumerate(paragraphs, start=1):
            name = f"paragraph-{number:03}"
            # Some begin with a byte order mark, which is none of a file's text.
            text = paragraph["context"].removeprefix("\ufeff")
            documents.append(Document(name, f"{name}.txt", text.encode("utf-8")))
            questions += [
                Question(each["question"], language, documents={name: 1}) for each in paragraph["qas"]
            ]
        corpora.append(Corpus(language, tuple(documents), tuple(questions)))
    return corpora


def read_grades(path: Path) -> dict[str, dict[str, int]]:
    """Relevance by question and document, binary; what is judged not relevant is left out."""
    grades: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        question, document, grade = line.split("\t")
        if int(grade) > 0:
            grades.setdefault(question, {})[document] = 1
    return grades


def code_ending(text: str) -> str:
    """The ending of a file of code, by what stands in it; .txt when nothing tells."""
    return next((ending for ending, sign in LANGUAGE_SIGNS if sign.search(text)), ".txt")


def _titled(name: str, title: str, text: str) -> Document:
    # Cranfield's texts begin with their titles.
    whole = text if text.startswith(title) else f"{title}\n\n{text}"
    return Document(name, f"{name}.txt", f"{whole}\n".encode(), title or None)


def _judged(asked: list[tuple[str, str]], grades: dict[str, dict[str, int]]) -> tuple[Question, ...]:
    return tuple(Question(text, "", documents=grades[name]) for name, text in asked if name in grades)


SCIFACT = TestSet(
    "scifact",
    "SciFact: 5,183 abstracts, training claims",
    ("scifact/corpus.jsonl", "scifact/claims_train.jsonl", "scifact/qrels_train.tsv"),
    read_scifact,
    (ndcg(), documents_in(100, "R", DEEP)),
    ("nDCG@10",),
    (Aim("nDCG@10", "gains", 0.05, SINGLE), Aim("R@100", "reaches", 0.96)),
    unit="document",
    dense_units=True,
    depth=DEEP,
)
CRANFIELD, CISI = (
    TestSet(
        name,
        f"{title}: binary relevance",
        (
            f"ir_classic/{name}/corpus.jsonl",
            f"ir_classic/{name}/qrels.tsv",
            f"ir_classic/{name}/queries.jsonl",
        ),
        partial(read_classic, name),
        (ndcg(), documents_in(100, "R", DEEP)),
        ("nDCG@10",),
        (Aim("nDCG@10", "times", 1.12, ("BM25 documents",)), Aim("nDCG@10", "reaches", 1.12 * known)),
        unit="document",
        dense_units=True,
        depth=DEEP,
    )
    # The figures of BM25 that came with the data.
    for name, title, known in (("cranfield", "Cranfield", 0.385), ("cisi", "CISI", 0.396))
)
COOKBOOK = TestSet(
    "cookbook",
    "Code: 737 chunks of 90 files, each a document",
    ("cookbook_code/codebase_chunks.json", "cookbook_code/evaluation_set.jsonl"),
    read_cookbook,
    tuple(documents_in(count, "Pass") for count in (5, 10, 20)),
    ("Pass@5", "Pass@10"),
    tuple(Aim(f"Pass@{count}", "reaches", known) for count, known in ((5, 0.809), (10, 0.872), (20, 0.901))),
    unit="document",
    dense_units=True,
    depth=DEEP,
)
XQUAD = TestSet(
    "xquad",
    "XQuAD: each language in a store of its own, each paragraph a document",
    tuple(f"xquad/xquad.{language}.json" for language in LANGUAGES),
    read_xquad,
    (documents_in(5, "R"), ndcg()),
    ("R@5",),
    tuple(
        Aim("R@5", "reaches", known, group=language)
        for language, known in (("en", 0.9), ("de", 0.9), ("zh", 0.85), ("ar", 0.85))
    ),
    unit="document",
    depth=DEEP,
)
