"""Public sets as documents and questions, each question with what its gold answer points to."""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import questions
from benchmarks.questions import read_rows
from rag.subject import without_instruction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Span = tuple[int, int]
# Pages of TAT-QA, of 278.
_PAGES = 120
# Ends the id of a question that is asked of another set's documents.
ELSEWHERE_MARK = "/elsewhere"
_CATEGORY = re.compile(r"Category:\s*(.+?)\s*\n\s*Description:\s*(.+?)\s*\n")
_CUAD = 'Highlight the parts (if any) of this contract related to "{}" that should be reviewed by a lawyer.'


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a set.

    Attributes:
        id: Unique in the set.
        group: What must not stand on both sides of a split: an article, a title, a contract.
        text: What is asked.
        filename: The document that it was asked of.
        answerable: Whether that document answers.
        within: Only this part of the document counts; None for all of it.
        phrases: Short gold answers.
        sentences: Gold sentences, compared without white space.
        spans: Gold spans of the document.
        clause: Gold text that may stand elsewhere in the document too.
        pages: Gold text of whole pages, of which a sentence must be a part.
        only: Whether it is asked of the one document alone.
        kind: The set that figures are given for, where one store serves two; empty is the store's own.
    """

    id: str
    group: str
    text: str
    filename: str
    answerable: bool
    within: Span | None = None
    phrases: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    clause: str = ""
    pages: tuple[str, ...] = ()
    only: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ReadingSet:
    """Documents as (file name, title, content), and what is asked of them.

    Attributes:
        held_back: Whether taking the gold passages away leaves questions without an answer.
    """

    name: str
    documents: tuple[tuple[str, str | None, bytes], ...]
    questions: tuple[Asked, ...]
    held_back: bool = True


def squad2(data: Path) -> ReadingSet:
    """Each article a document, half of the questions without an answer."""
    documents, asked = [], []
    for article in json.loads((data / "squad2" / "dev_articles.json").read_text(encoding="utf-8"))["data"]:
        name, at = f"{article['title']}.txt", 0
        for paragraph in article["paragraphs"]:
            end = at + len(paragraph["context"])
            asked += [
                Asked(
                    each["id"],
                    name,
                    each["question"],
                    name,
                    not each["is_impossible"],
                    within=(at, end),
                    phrases=() if each["is_impossible"] else tuple(each["answers"]),
                )
                for each in paragraph["qas"]
            ]
            at = end + 2
        text = "\n\n".join(each["context"] for each in article["paragraphs"])
        documents.append((name, article["title"].replace("_", " "), text.encode()))
    return ReadingSet("squad2", tuple(documents), tuple(asked))


def clapnq(data: Path) -> ReadingSet:
    """Each passage a document, all in one collection; half of the passages do not answer their question."""
    documents: dict[str, tuple[str, str | None, bytes]] = {}
    asked = []
    for kind in ("answerable", "unanswerable"):
        for row in read_rows(data / "clapnq" / f"clapnq_dev_{kind}.jsonl"):
            passage = row["passages"][0]
            name = f"passage-{len(documents) + 1:04}.txt"
            name = documents.setdefault(passage["text"], (name, passage["title"], passage["text"].encode()))[
                0
            ]
            gold = [each for out in row["output"] for each in out.get("selected_sentences") or ()]
            asked.append(
                Asked(
                    row["id"],
                    passage["title"],
                    row["input"],
                    name,
                    kind == "answerable",
                    sentences=tuple(gold) if kind == "answerable" else (),
                )
            )
    return ReadingSet("clapnq", tuple(documents.values()), tuple(asked))


def chroma(data: Path) -> ReadingSet:
    """Chroma's three corpora in one collection."""
    files = sorted((data / "chunking_chroma" / "corpora").glob("*.md"))
    asked = []
    for number, row in enumerate(read_rows(data / "chunking_chroma" / "questions.jsonl")):
        spans = tuple((each["start_index"], each["end_index"]) for each in row["references"])
        name = f"{row['corpus_id']}.md"
        # The corpora are three, so questions are what is split.
        asked.append(Asked(f"chroma-{number}", f"chroma-{number}", row["question"], name, True, spans=spans))
    return ReadingSet("chroma", tuple((file.name, None, file.read_bytes()) for file in files), tuple(asked))


def financebench(data: Path) -> ReadingSet:
    """Filings of several hundred pages as PDF, together with Chroma's corpora; 19 questions."""
    files = [
        *sorted((data / "financebench" / "pdfs").iterdir()),
        *sorted((data / "chunking_chroma" / "corpora").glob("*.md")),
    ]
    asked = []
    for row in read_rows(data / "financebench" / "questions.jsonl"):
        name = f"{row['doc_name']}.pdf"
        golds = tuple(
            each["evidence_text"] for each in row["evidence"] if each["doc_name"] == row["doc_name"]
        )
        asked.append(Asked(row["financebench_id"], name, row["question"], name, True, pages=golds))
    return ReadingSet(
        "financebench", tuple((file.name, None, file.read_bytes()) for file in files), tuple(asked)
    )


def cuad(data: Path) -> ReadingSet:
    """Every kind of clause asked of every contract, as CUAD asks it; most contracts lack most kinds."""
    folder = data / "cuad"
    details = {
        found[1].casefold(): found[2]
        for found in _CATEGORY.finditer((folder / "CUAD_v1_README.txt").read_text(encoding="utf-8"))
    }
    spans: dict[tuple[str, str], list[Span]] = {}
    for row in read_rows(folder / "clause_spans.jsonl"):
        spans.setdefault((row["file"], row["category"]), []).extend((a, b) for a, b in row["spans"])
    kinds = sorted({kind for _, kind in spans})
    files = sorted((folder / "txt").iterdir())
    asked = []
    for file in files:
        for kind in kinds:
            text = without_instruction(f"{_CUAD.format(kind)} Details: {details.get(kind.casefold(), kind)}")
            gold = tuple(spans.get((file.name, kind), ()))
            name = f"{file.name}/{kind}"
            asked.append(Asked(name, file.name, text, file.name, bool(gold), spans=gold, only=True))
    for number, each in enumerate(questions.cuad(data, 1_000, seed=7)):
        name = f"{Path(each.filename).stem}.txt"
        asked.append(
            Asked(f"clause-{number}", name, each.text, name, True, clause=each.clause, kind="clauses")
        )
    return ReadingSet("cuad", tuple((file.name, None, file.read_bytes()) for file in files), tuple(asked))


def qmsum(data: Path) -> ReadingSet:
    """Meetings, each asked for the turns that speak to a question; and every question asked of another meeting too.

    Around the turns that are gold others speak of the same thing, so taking the gold ones away leaves answers.
    """
    draw, documents, asked = random.Random(7), [], []
    meetings = read_rows(data / "qmsum" / "val.jsonl")
    for number, row in enumerate(meetings):
        name, at, turns = f"meeting-{number:02}.txt", 0, []
        for turn in row["meeting_transcripts"]:
            text = f"{turn['speaker']}: {turn['content']}"
            turns.append((at, at + len(text), text))
            at += len(text) + 2
        for index, each in enumerate(row["specific_query_list"]):
            spans = tuple(
                (turns[int(first)][0], turns[min(int(last), len(turns) - 1)][1])
                for first, last in each["relevant_text_span"]
            )
            asked.append(Asked(f"{number}-{index}", name, each["query"], name, True, spans=spans, only=True))
            other = f"meeting-{draw.choice([i for i in range(len(meetings)) if i != number]):02}.txt"
            asked.append(Asked(f"{number}-{index}/other", name, each["query"], other, False, only=True))
        documents.append((name, f"Meeting {number + 1}", "\n\n".join(t for _, _, t in turns).encode()))
    return ReadingSet("qmsum", tuple(documents), tuple(asked), held_back=False)


def xquad(data: Path) -> ReadingSet:
    """The English articles of XQuAD that are not among those of ``squad2``; every question has an answer."""
    known = {
        each["title"]
        for each in json.loads((data / "squad2" / "dev_articles.json").read_text(encoding="utf-8"))["data"]
    }
    documents, asked = [], []
    for article in json.loads((data / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]:
        if article["title"] in known:
            continue
        name, at = f"{article['title']}.txt", 0
        for paragraph in article["paragraphs"]:
            end = at + len(paragraph["context"])
            asked += [
                Asked(
                    each["id"],
                    name,
                    each["question"],
                    name,
                    True,
                    within=(at, end),
                    phrases=tuple(answer["text"] for answer in each["answers"]),
                )
                for each in paragraph["qas"]
            ]
            at = end + 2
        text = "\n\n".join(each["context"] for each in article["paragraphs"])
        documents.append((name, article["title"].replace("_", " "), text.encode()))
    return ReadingSet("xquad", tuple(documents), tuple(asked))


def tatqa(data: Path) -> ReadingSet:
    """Pages of filings, each a table and some text, asked one by one for what stands there.

    Every second question is asked of another page, drawn by a fixed seed: nothing on a page is left when what answers
    is taken away. Questions that want arithmetic are left out.
    """
    draw, documents, asked = random.Random(7), [], []
    pages = json.loads((data / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    pages = draw.sample(pages, _PAGES)
    names = [f"page-{number:03}.md" for number in range(len(pages))]
    for number, page in enumerate(pages):
        rows = page["table"]["table"]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, f"|{' --- |' * len(rows[0])}")
        text = "\n\n".join(["\n".join(lines), *(each["text"] for each in page["paragraphs"])])
        documents.append((names[number], None, text.encode()))
        wanted = [each for each in page["questions"] if each["answer_type"] in ("span", "multi-span")]
        for index, each in enumerate(wanted):
            here = index % 2 == 0
            name = names[number] if here else draw.choice(names[:number] + names[number + 1 :])
            phrases = tuple(map(str, each["answer"])) if here else ()
            asked.append(Asked(each["uid"], name, each["question"], name, here, phrases=phrases, only=True))
    return ReadingSet("tatqa", tuple(documents), tuple(asked))


SETS = {
    "squad2": squad2,
    "clapnq": clapnq,
    "chroma": chroma,
    "cuad": cuad,
    "qmsum": qmsum,
    "xquad": xquad,
    "tatqa": tatqa,
    "financebench": financebench,
}


# Of filings there are too few questions to fit on, and reading them takes longer than all else together.
DEFAULT = tuple(name for name in SETS if name != "financebench")
# Questions taken of each article, contract or meeting, so that the whole is read in minutes.
PER_GROUP = {"squad2": 200, "cuad": 12, "qmsum": 10, "xquad": 20, "tatqa": 3}
# Questions of other sets asked of each store.
ELSEWHERE = 40


def sampled(name: str, asked: Iterable[Asked], per_group: int | None = None) -> Iterator[Asked]:
    """At most so many of each group, drawn by a fixed seed.

    Args:
        name: Of the set.
        asked: Its questions.
        per_group: Instead of the set's own number.
    """
    most = per_group or PER_GROUP.get(name, sys.maxsize)
    groups: dict[tuple[str, str], list[Asked]] = {}
    for each in asked:
        groups.setdefault((each.kind, each.group), []).append(each)
    for (_, group), members in groups.items():
        yield from random.Random(group).sample(members, min(most, len(members)))


def elsewhere(name: str, others: Iterable[ReadingSet], count: int = ELSEWHERE) -> Iterator[Asked]:
    """Questions of other sets, to be asked of this one's store, which answers none of them.

    Args:
        name: Of the set whose store is asked.
        others: Sets; this one is left out, and xquad and squad2, which are about the same things, with one another.
        count: How many in all.
    """
    alike = {"squad2", "xquad"} if name in ("squad2", "xquad") else {name}
    pool = [
        each
        for found in others
        if found.name not in alike
        for each in found.questions
        # A question that stands for one document says too little without it.
        if not each.only
    ]
    for each in random.Random(name).sample(pool, min(count, len(pool))):
        yield Asked(f"{each.id}{ELSEWHERE_MARK}", f"elsewhere-{each.group}", each.text, "", False)
