"""Public sets as documents and questions, each question with what its gold answer points to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import questions
from benchmarks.questions import read_rows
from rag.subject import without_instruction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Span = tuple[int, int]
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
        only: Whether it is asked of the one document alone.
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
    only: bool = False


@dataclass(frozen=True, slots=True)
class ReadingSet:
    """Documents as (file name, title, content), and what is asked of them."""

    name: str
    documents: tuple[tuple[str, str | None, bytes], ...]
    questions: tuple[Asked, ...]


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


def filings(data: Path) -> ReadingSet:
    """The 47 documents of the citation check, with every question of Chroma's three corpora and of the contracts."""
    files = [
        *sorted((data / "financebench" / "pdfs").iterdir()),
        *sorted((data / "chunking_chroma" / "corpora").glob("*.md")),
        *sorted((data / "cuad" / "pdf").iterdir()),
    ]
    asked = []
    for number, row in enumerate(read_rows(data / "chunking_chroma" / "questions.jsonl")):
        spans = tuple((each["start_index"], each["end_index"]) for each in row["references"])
        name = f"{row['corpus_id']}.md"
        # The corpora are three, so questions are what is split.
        asked.append(Asked(f"chroma-{number}", f"chroma-{number}", row["question"], name, True, spans=spans))
    for number, each in enumerate(questions.cuad(data, 1_000, seed=7)):
        asked.append(
            Asked(f"clause-{number}", each.filename, each.text, each.filename, True, clause=each.clause)
        )
    return ReadingSet("filings", tuple((file.name, None, file.read_bytes()) for file in files), tuple(asked))


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
    return ReadingSet("cuad", tuple((file.name, None, file.read_bytes()) for file in files), tuple(asked))


def qmsum(data: Path) -> ReadingSet:
    """Meetings, each asked for the turns that speak to a question."""
    documents, asked = [], []
    for number, row in enumerate(read_rows(data / "qmsum" / "val.jsonl")):
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
        documents.append((name, f"Meeting {number + 1}", "\n\n".join(t for _, _, t in turns).encode()))
    return ReadingSet("qmsum", tuple(documents), tuple(asked))


SETS = {"squad2": squad2, "clapnq": clapnq, "filings": filings, "cuad": cuad, "qmsum": qmsum}


def sampled(asked: tuple[Asked, ...], per_group: int) -> Iterator[Asked]:
    """At most so many of each group, evenly spread over it."""
    groups: dict[str, list[Asked]] = {}
    for each in asked:
        groups.setdefault(each.group, []).append(each)
    for members in groups.values():
        step = max(1.0, len(members) / per_group)
        yield from (members[int(at * step)] for at in range(min(per_group, len(members))))
