"""Claims with their sources and a label, in one shape, from the folder of evaluation data."""

from __future__ import annotations

import ast
import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MARKER = re.compile(r"\s*\[\d+\]")
_ADDRESS = re.compile(r"^\[\d+\]\s+\S+\s+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and what it is checked against.

    Attributes:
        id: Of the row in its set.
        group: Rows of one group stay together when a set is split: those of one question, or of one document.
        family: The set, and the way in which the pair was made of it.
        claim: In words.
        sources: Texts, each a piece of evidence.
        label: Of the set: 1 supported, 0 not; scifact -1 for contradicted.
        question: That the claim answers, or nothing.
        gold: Sets of sentences of the first source that carry the claim, where the set names them.
        sentences: The first source's sentences, where the set cuts them itself.
    """

    id: str
    group: str
    family: str
    claim: str
    sources: tuple[str, ...]
    label: int
    question: str = ""
    gold: tuple[tuple[int, ...], ...] = ()
    sentences: tuple[str, ...] = ()


def lines(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON lines file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def attributionbench(data: Path) -> list[Pair]:
    """Claims of generated answers with a person's verdict on their references, grouped by question."""
    return [
        Pair(
            id=row["id"],
            group=row["question"],
            family=f"attributionbench/{row['src_dataset']}",
            claim=_MARKER.sub("", row["claim"]).strip(),
            sources=tuple(_ADDRESS.sub("", each) for each in row["references"]),
            label=int(row["attribution_label"] == "attributable"),
            question=row["question"],
        )
        for row in lines(data / "attributionbench" / "dev.jsonl")
    ]


def wice(data: Path) -> list[Pair]:
    """Sentences of Wikipedia with the sentences of the pages that they cite, grouped by article."""
    return [
        Pair(
            id=row["meta"]["id"],
            group=row["meta"]["claim_title"],
            family="wice",
            claim=row["claim"],
            sources=(" ".join(row["evidence"]),),
            label=int(row["label"] == "supported"),
            gold=tuple(tuple(each) for each in row["supporting_sentences"] if each),
            sentences=tuple(row["evidence"]),
        )
        for row in lines(data / "wice" / "claim_dev.jsonl")
    ]


def scifact(data: Path) -> list[Pair]:
    """Claims with the sentences of an abstract that support or contradict them, grouped by abstract."""
    abstracts = {row["_id"]: row for row in lines(data / "scifact" / "corpus.jsonl")}
    found = []
    for row in lines(data / "scifact" / "claims_train.jsonl"):
        for document, evidence in row["evidence"].items():
            sentences = tuple(each.strip() for each in abstracts[document]["sentences"])
            found.append(
                Pair(
                    id=f"{row['_id']}/{document}",
                    group=document,
                    family="scifact",
                    claim=row["text"],
                    sources=(" ".join(sentences),),
                    label=1 if evidence["label"] == "SUPPORT" else -1,
                    gold=tuple(tuple(each) for each in evidence["rationales"]),
                    sentences=sentences,
                )
            )
    return found


def true_pairs(data: Path, count: int, seed: int) -> list[Pair]:
    """Claims that their passage carries, of eight kinds, before anything is changed.

    Sentences of passages are later put in other words; the other claims were written by people or models already and
    were judged by people to be carried.
    """
    chance = random.Random(seed)
    kinds: list[tuple[float, list[Pair]]] = [
        (0.24, list(_squad_sentences(data, chance))),
        (0.16, list(_squad_questions(data))),
        (0.17, list(_clapnq(data))),
        (0.13, list(_cuad(data, chance))),
        (0.11, list(_qmsum(data, chance))),
        (0.06, [_gold_only(each) for each in wice(data) if each.label == 1 and each.gold]),
        (
            0.09,
            [each for each in attributionbench(data) if each.label == 1 and "ExpertQA" not in each.family],
        ),
        (0.10, [each for each in scifact(data) if each.label == 1]),
    ]
    found: list[Pair] = []
    for share, pairs in kinds:
        chance.shuffle(pairs)
        found += pairs[: round(share * count)]
    return found


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, without white space around them."""
    return [text[start:end].strip() for start, end in sentence_spans(text)]


def _squad(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for article in json.loads((data / "squad2" / "dev_articles.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            yield article["title"], paragraph


def _squad_sentences(data: Path, chance: random.Random) -> Iterator[Pair]:
    for number, (title, paragraph) in enumerate(_squad(data)):
        usable = [each for each in sentences_of(paragraph["context"]) if _is_claim(each)]
        for at, sentence in enumerate(chance.sample(usable, min(2, len(usable)))):
            yield Pair(f"s{number}.{at}", title, "squad2 sentences", sentence, (paragraph["context"],), 1)


# Questions whose answer, put in the place of the question's word, gives a statement.
_WHO = re.compile(
    r"(?:Who|Which [a-z]+(?: [a-z]+)?|What [a-z]+) (?P<rest>(?:was|is|were|are|has|had|[a-z]+ed|led|wrote|won|made|"
    r"built|took|began|became|ran|fought|held|gave|found|said|came|left|brought) [^?]+)\?"
)
_WHEN = re.compile(
    r"When (?P<be>was|were) (?P<subject>.+?) (?P<verb>[a-z]+ed|built|born|found|founded|made|written|held|begun|sold|"
    r"sent|won|taken|given|chosen|shown|known|set)(?P<rest>[^?]*)\?"
)
_HOW_MANY = re.compile(
    r"How many (?P<noun>[a-z]+(?: [a-z]+)?) (?P<rest>(?:are|were|was|live|lived|work|worked|died|have|had|attended|"
    r"attend|make|made) [^?]+)\?"
)


def _squad_questions(data: Path) -> Iterator[Pair]:
    for title, paragraph in _squad(data):
        for row in paragraph["qas"]:
            if not row["is_impossible"] and (
                claim := _stated(row["question"].strip(), row["answers"][0].strip())
            ):
                yield Pair(row["id"], title, "squad2 questions", claim, (paragraph["context"],), 1)


def _stated(question: str, answer: str) -> str:
    """A question and its answer as one statement; nothing where no rule fits."""
    if match := _WHO.fullmatch(question):
        return f"{answer[0].upper()}{answer[1:]} {match['rest']}."
    if match := _WHEN.fullmatch(question):
        word = (
            ""
            if re.match(
                r"(?:in|on|at|by|during|after|before|since|from|between|around)\b", answer, re.IGNORECASE
            )
            else (
                "in "
                if re.fullmatch(r"\d{4}|[A-Z][a-z]+ \d{4}", answer)
                else "on "
                if re.search(r"\d", answer)
                else ""
            )
        )
        subject = match["subject"]
        return (
            f"{subject[0].upper()}{subject[1:]} {match['be']} {match['verb']}{match['rest']} {word}{answer}."
        )
    if (match := _HOW_MANY.fullmatch(question)) and re.fullmatch(
        r"[\d,.]+(?: (?:million|thousand|billion))?|[a-z]+", answer
    ):
        return f"{answer[0].upper()}{answer[1:]} {match['noun']} {match['rest']}."
    return ""


def _clapnq(data: Path) -> Iterator[Pair]:
    for row in lines(data / "clapnq" / "clapnq_dev_answerable.jsonl"):
        passages, outputs = _nested(row["passages"]), _nested(row["output"])
        for number, sentence in enumerate(sentences_of(outputs[0]["answer"])):
            if _is_claim(sentence):
                yield Pair(
                    f"{row['id']}.{number}",
                    row["id"],
                    "clapnq",
                    sentence,
                    (passages[0]["text"],),
                    1,
                    row["input"],
                )


def _nested(value: Any) -> Any:
    return ast.literal_eval(value) if isinstance(value, str) else value


def _cuad(data: Path, chance: random.Random) -> Iterator[Pair]:
    for number, row in enumerate(lines(data / "cuad" / "clause_spans.jsonl")):
        spans = _nested(row["spans"])
        if not spans:
            continue
        text = (data / "cuad" / "txt" / row["file"]).read_text("utf-8")
        start, end = chance.choice(spans)
        passage = text[max(0, start - 500) : end + 500]
        usable = [each for each in sentences_of(text[start:end]) if _is_claim(each)]
        if usable:
            yield Pair(f"c{number}", row["file"], "cuad", " ".join(usable[0].split()), (passage,), 1)


def _qmsum(data: Path, chance: random.Random) -> Iterator[Pair]:
    for number, meeting in enumerate(lines(data / "qmsum" / "val.jsonl")):
        turns = meeting["meeting_transcripts"]
        for at in chance.sample(range(1, len(turns) - 1), min(12, len(turns) - 2)):
            usable = [each for each in sentences_of(turns[at]["content"]) if _is_claim(each)]
            if usable:
                passage = "\n".join(
                    f"{turn['speaker']}: {turn['content']}" for turn in turns[at - 1 : at + 2]
                )
                yield Pair(f"m{number}.{at}", f"m{number}", "qmsum", chance.choice(usable), (passage,), 1)


def _gold_only(pair: Pair) -> Pair:
    """A claim of wice with the sentences that carry it and those next to them."""
    # The page's title and date come first, and a passage that is found brings its title too.
    near = sorted(
        {0, 1, 2}
        | {at for best in pair.gold[:1] for gold in best for at in range(max(0, gold - 2), gold + 3)}
    )
    kept = tuple(pair.sentences[at] for at in near if at < len(pair.sentences))
    return Pair(pair.id, pair.group, pair.family, pair.claim, ("\n".join(kept),), 1)


def _is_claim(sentence: str) -> bool:
    words = sentence.split()
    return 6 <= len(words) <= 60 and not sentence.endswith("?") and sentence[:1].isalnum()


def by_group(pairs: Sequence[Pair]) -> list[int]:
    """A number for each pair, equal for those of one group."""
    known: dict[str, int] = {}
    return [
        known.setdefault(f"{pair.family.split('/')[0].split()[0]}:{pair.group}", len(known)) for pair in pairs
    ]
