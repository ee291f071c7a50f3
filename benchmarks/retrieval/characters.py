"""Sets whose questions name the characters that are right: chunking_chroma, SQuAD 2.0, QMSum."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from benchmarks.questions import read_rows
from benchmarks.retrieval.measures import held_within, iou_of, precision_of, recall_of, recall_within
from benchmarks.retrieval.types import Aim, Corpus, Document, Question, TestSet
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from pathlib import Path

BUDGETS = (2000, 4000, 8000)
CURVE = (250, 500, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 7000, 8000)
SQUAD_QUESTIONS = 700
SEED = 5


def read_chroma(data: Path) -> list[Corpus]:
    """Three corpora in one store; the group of a question is its corpus."""
    folder = data / "chunking_chroma"
    files = sorted((folder / "corpora").glob("*.md"))
    questions = [
        Question(
            row["question"],
            row["corpus_id"],
            tuple(
                Range(row["corpus_id"], each["start_index"], each["end_index"]) for each in row["references"]
            ),
        )
        for row in read_rows(folder / "questions.jsonl")
    ]
    documents = tuple(Document(file.stem, file.name, file.read_bytes()) for file in files)
    return [Corpus("chroma", documents, tuple(questions))]


def read_squad(data: Path) -> list[Corpus]:
    """Whole articles in one store; questions with an answer, the first one that the set gives."""
    documents, questions = [], []
    for article in json.loads((data / "squad2" / "dev_articles.json").read_text(encoding="utf-8"))["data"]:
        name, text = article["title"], ""
        for paragraph in article["paragraphs"]:
            for each in paragraph["qas"]:
                # The set gives no offsets: the answer is where it first stands in the paragraph.
                at = -1 if each["is_impossible"] else paragraph["context"].find(each["answers"][0])
                if at >= 0:
                    start = len(text) + at
                    span = Range(name, start, start + len(each["answers"][0]))
                    questions.append(Question(each["question"], "", (span,)))
            text += paragraph["context"] + "\n\n"
        documents.append(Document(name, f"{name}.txt", text.encode("utf-8"), name.replace("_", " ")))
    random.Random(SEED).shuffle(questions)
    return [Corpus("squad2", tuple(documents), tuple(questions[:SQUAD_QUESTIONS]))]


def read_qmsum(data: Path) -> list[Corpus]:
    """Each meeting in a store of its own, a paragraph for each turn; relevant are the turns that the set names."""
    corpora = []
    for number, row in enumerate(read_rows(data / "qmsum" / "val.jsonl"), start=1):
        name, text = f"meeting-{number:02}", ""
        turns: list[tuple[int, int]] = []
        for turn in row["meeting_transcripts"]:
            said = f"{turn['speaker']}: {turn['content']}"
            turns.append((len(text), len(text) + len(said)))
            text += said + "\n\n"
        questions = []
        for each in row["specific_query_list"]:
            runs = [(int(first), int(last)) for first, last in each["relevant_text_span"]]
            spans = tuple(
                Range(name, turns[first][0], turns[min(last, len(turns) - 1)][1]) for first, last in runs
            )
            questions.append(Question(each["query"], "", spans))
        document = Document(name, f"{name}.txt", text.encode("utf-8"))
        corpora.append(Corpus(name, (document,), tuple(questions)))
    return corpora


CHROMA = TestSet(
    "chroma",
    "chunking_chroma: three corpora in one store",
    ("chunking_chroma/questions.jsonl", "chunking_chroma/corpora"),
    read_chroma,
    (*(recall_within(each) for each in BUDGETS), recall_of(5), precision_of(5), iou_of(5)),
    ("recall in 4,000", "recall of 5"),
    (
        *(Aim(f"recall in {each:,}", "misses", 0.75, ("baseline",)) for each in BUDGETS),
        Aim("recall of 5", "reaches", 0.824),
        Aim("IoU of 5", "reaches", 0.072),
    ),
    curve=CURVE,
)
SQUAD = TestSet(
    "squad2",
    "SQuAD 2.0: twelve articles in one store",
    ("squad2/dev_articles.json",),
    read_squad,
    tuple(held_within(each) for each in (1000, 2000, 4000)),
    ("held in 2,000",),
)
QMSUM = TestSet(
    "qmsum",
    "QMSum: each meeting in a store of its own",
    ("qmsum/val.jsonl",),
    read_qmsum,
    tuple(recall_within(each) for each in BUDGETS),
    ("recall in 8,000",),
    (Aim("recall in 8,000", "misses", 2 / 3, ("baseline",)),),
    curve=CURVE,
)
