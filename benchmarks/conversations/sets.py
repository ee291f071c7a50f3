"""The sets that turns are composed from, each in two halves that share no document."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.conversations.compose import Asked, Case, cases
from benchmarks.retrieval.characters import read_squad
from benchmarks.retrieval.measures import documents_in, held_within
from benchmarks.retrieval.pages import read_tatqa
from benchmarks.retrieval.types import Corpus, Document, Measure, Question
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEED = 11
# Cases of one kind in one set: enough for an interval of a few points.
MOST = 120
BUDGET = 2000
# Articles of XQuAD that SQuAD 2.0's half has too; their questions would be known from the other half.
PEOPLE = frozenset(("Nikola_Tesla", "Martin_Luther", "Genghis_Khan"))
LANGUAGES = ("en", "de", "zh", "ar")


@dataclass(frozen=True, slots=True)
class TalkSet:
    """A set of conversations.

    Attributes:
        half: ``train`` was looked at while the rewriting was written, ``test`` was not.
        read: The documents, and the cases by rule.
        measure: 0..1 of one question.
    """

    name: str
    half: str
    needs: str
    read: Callable[[Path], tuple[Corpus, list[Case]]]
    measure: Measure


def read_squad2(data: Path) -> tuple[Corpus, list[Case]]:
    """SQuAD 2.0: twelve articles in one store."""
    (corpus,) = read_squad(data)
    articles = json.loads((data / "squad2" / "dev_articles.json").read_text(encoding="utf-8"))["data"]
    return corpus, _chosen(_squad_questions(articles))


def read_xquad(data: Path, language: str = "en") -> tuple[Corpus, list[Case]]:
    """XQuAD: all articles in one store, turns about those that the half of SQuAD 2.0 does not have."""
    articles = json.loads((data / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    known = {
        each["title"]
        for each in json.loads((data / "squad2" / "dev_articles.json").read_text(encoding="utf-8"))["data"]
    }
    documents = tuple(
        Document(
            each["title"],
            f"{each['title']}.txt",
            "".join(_plain(p["context"]) + "\n\n" for p in each["paragraphs"]).encode("utf-8"),
            each["title"].replace("_", " "),
        )
        for each in articles
    )
    asked = _squad_questions([each for each in articles if each["title"] not in known])
    return Corpus(f"xquad-{language}", documents, ()), _chosen(asked)


def read_pages(data: Path, half: int) -> tuple[Corpus, list[Case]]:
    """TAT-QA: pages with a table in one store, turns about those with even or with odd numbers."""
    (corpus,) = read_tatqa(data)
    pages = json.loads((data / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    asked = [
        [
            _page_question(document, each)
            for each in sorted(page["questions"], key=lambda each: int(each["order"]))
        ]
        for number, (page, document) in enumerate(zip(pages, corpus.documents, strict=True))
        if number % 2 == half
    ]
    return corpus, _chosen(asked)


def _page_question(document: Document, row: dict[str, Any]) -> Asked:
    question = Question(" ".join(row["question"].split()), document.name, documents={document.name: 1})
    return Asked(question, str(row["answer"]))


def _squad_questions(articles: list[dict[str, Any]]) -> list[list[Asked]]:
    found = []
    for article in articles:
        name, length, mine = article["title"], 0, []
        for paragraph in article["paragraphs"]:
            context = _plain(paragraph["context"])
            for each in paragraph["qas"]:
                said = each["answers"][0] if each["answers"] else None
                answer = said["text"] if isinstance(said, dict) else said
                at = -1 if answer is None or each.get("is_impossible") else context.find(answer)
                if answer is None or at < 0:
                    continue
                start = length + at
                span = Range(name, start, start + len(answer))
                text = " ".join(each["question"].split())
                mine.append(Asked(Question(text, name, (span,)), answer, name in PEOPLE))
            length += len(context) + 2
        found.append(mine)
    return found


def _plain(context: str) -> str:
    """A paragraph as a file has it: a byte order mark, with which some begin, is none of a file's text."""
    return context.replace("\ufeff", "")


def _chosen(documents: list[list[Asked]]) -> list[Case]:
    """At most ``MOST`` cases of each kind, drawn from a seed."""
    by_kind: dict[str, list[Case]] = {}
    for case in _all(documents):
        by_kind.setdefault(case.kind, []).append(case)
    drawn = random.Random(SEED)
    return [
        case
        for kind in sorted(by_kind)
        for case in drawn.sample(by_kind[kind], min(MOST, len(by_kind[kind])))
    ]


def _all(documents: list[list[Asked]]) -> Iterator[Case]:
    for number, mine in enumerate(documents):
        elsewhere = documents[(number + 1) % len(documents)] if len(documents) > 1 else []
        yield from cases(mine, elsewhere)


def _halves(half: int) -> Callable[[Path], tuple[Corpus, list[Case]]]:
    return lambda data: read_pages(data, half)


def _in_language(language: str) -> Callable[[Path], tuple[Corpus, list[Case]]]:
    return lambda data: read_xquad(data, language)


_HELD, _PAGE = held_within(BUDGET), documents_in(5, "page")
SETS = (
    TalkSet("squad2", "train", "squad2/dev_articles.json", read_squad2, _HELD),
    TalkSet("tatqa-even", "train", "tatqa/tatqa_dataset_dev.json", _halves(0), _PAGE),
    TalkSet("tatqa-odd", "test", "tatqa/tatqa_dataset_dev.json", _halves(1), _PAGE),
    *(
        TalkSet(f"xquad-{each}", "test", f"xquad/xquad.{each}.json", _in_language(each), _HELD)
        for each in LANGUAGES
    ),
)
