"""What a second, larger model buys: the curve of cost against correct answers, on replayed answers.

    python -m benchmarks.step_up DATA [--questions 150] [--seed 1]

No model is asked. The questions and passages are those of CLAPNQ, half of them without an answer, and a scripted
gateway plays two models over real HTTP: each writes, with its own chance, the sentences that people chose as the
answer, and else what models do wrong: another sentence of the same passage that is true and answers something else, the
right sentence with a changed number or a turned verb, an answer to another question, or that there is no answer
although there is one. To a question without an answer a model says so, or quotes something that is near. The chances
are set by hand (``SMALL``, ``LARGE``); what is measured is whether the verified confidence tells which is which.

Each question is asked of both models once. The curve then follows from the recorded confidences for every threshold,
beside the straight line between the two models, which is what stepping up at random would give.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import add_result_argument, data_folder, print_table, progress, write_result
from ingest.config import EmbedConfig
from ingest.embed import SentenceTransformerEmbedder
from ingest.sentences import sentence_spans
from rag.answer import Answerer
from rag.config import AnswerConfig, ExtractConfig, GatewayConfig, RetrieveConfig, StepUpConfig
from rag.gateway import Gateway
from rag.prompt import NOT_ANSWERED
from rag.tokens import token_counter
from rag.types import Done, Mode, Question
from tests.doubles.scripted_gateway import Scene, ScriptedGateway
from tests.rag.library import Library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.client import Json
    from rag.types import Answer

ROOT = Path(__file__).resolve().parents[1]
MINI, LARGE_MODEL = "gpt-4.1-mini", "gpt-4.1"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)


@dataclass(frozen=True, slots=True)
class Habits:
    """Chances of what a model does, summing up to less than 1; what is missing is the right answer.

    Attributes:
        beside: True and beside the question.
        altered: The right sentence, altered.
        foreign: An answer to another question, under a key of this one's sources.
        refuses: Says that there is no answer where there is one.
        tries: Answers where there is no answer, with something near.
    """

    beside: float
    altered: float
    foreign: float
    refuses: float
    tries: float


SMALL = Habits(beside=0.16, altered=0.08, foreign=0.06, refuses=0.10, tries=0.25)
LARGE = Habits(beside=0.04, altered=0.02, foreign=0.01, refuses=0.03, tries=0.08)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its passage, and the sentences that people chose; none where it has no answer."""

    question: str
    title: str
    text: str
    gold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model's answer came to."""

    right: bool
    abstained: bool
    refused: bool
    confidence: float
    holds: float
    cost_usd: float


def read(data: Path, count: int, draw: random.Random) -> list[Asked]:
    """So many questions, half of them without an answer."""
    found: list[Asked] = []
    for kind in ("answerable", "unanswerable"):
        rows = [
            json.loads(line)
            for line in (data / "clapnq" / f"clapnq_dev_{kind}.jsonl").read_text("utf-8").splitlines()
        ]
        asked = []
        for row in rows:
            passage = row["passages"][0]
            gold = [each for out in row["output"] for each in out.get("selected_sentences") or ()]
            if kind == "unanswerable" or gold:
                kept = tuple(gold) if kind == "answerable" else ()
                asked.append(Asked(row["input"], passage["title"], passage["text"], kept))
        draw.shuffle(asked)
        found += asked[: count // 2]
    return found


class Replay:
    """The gateway's script: what each model writes for each question, drawn once."""

    def __init__(self, asked: Sequence[Asked], seed: int) -> None:
        draw = random.Random(seed)
        self._written: dict[tuple[str, str], tuple[str, ...]] = {}
        for each in asked:
            for model, habits in ((MINI, SMALL), (LARGE_MODEL, LARGE)):
                other = draw.choice([one for one in asked if one.gold and one is not each])
                self._written[model, each.question] = _written(each, other, habits, draw)

    def text(self, sent: Json) -> str:
        """What the model writes, its sentences with the key of the source that has them, or of the first."""
        question = sent["messages"][-1]["content"]
        sentences = self._written.get((sent["model"], question))
        if sentences is None:
            # Asked for a sentence again, a model that was wrong says that there is none.
            return NOT_ANSWERED
        sources = re.findall(
            r'<source key="(\w+)"[^>]*>\n(.*?)\n</source>', sent["messages"][0]["content"], re.DOTALL
        )
        return (
            " ".join(
                f"{each.rstrip(' .')} [{_key(each, sources)}]." if sources else each for each in sentences
            )
            or NOT_ANSWERED
        )


def _written(asked: Asked, other: Asked, habits: Habits, draw: random.Random) -> tuple[str, ...]:
    near = [asked.text[a:b].strip() for a, b in sentence_spans(asked.text)]
    if not asked.gold:
        return (draw.choice(near),) if draw.random() < habits.tries else ()
    beside = [each for each in near if not any(_same(each, gold) for gold in asked.gold)]
    at = draw.random()
    for chance, sentences in (
        (habits.beside, (draw.choice(beside),) if beside else ()),
        (habits.altered, (_altered(asked.gold[0]),)),
        (habits.foreign, other.gold[:1]),
        (habits.refuses, ()),
    ):
        if at < chance:
            return tuple(sentences)
        at -= chance
    return asked.gold


def _altered(sentence: str) -> str:
    changed = re.sub(r"\d+", lambda found: str(int(found[0]) + 7), sentence, count=1)
    if changed != sentence:
        return changed
    return re.sub(r"\b(is|was|are|were|has|had|can|will)\b", r"\1 not", sentence, count=1)


def _key(sentence: str, sources: Sequence[tuple[str, str]]) -> str:
    words = set(re.findall(r"\w+", sentence.lower()))
    return max(sources, key=lambda each: len(words & set(re.findall(r"\w+", each[1].lower()))))[0]


def _same(one: str, other: str) -> bool:
    return " ".join(re.findall(r"\w+", one)) == " ".join(re.findall(r"\w+", other))


def is_right(asked: Asked, answer: Answer) -> bool:
    """Whether it says what people chose, each sentence of it; or says nothing where there is no answer."""
    if not asked.gold:
        return answer.abstained
    said = " ".join(re.findall(r"\w+", " ".join(claim.text for claim in answer.claims)))
    return not answer.abstained and all(" ".join(re.findall(r"\w+", gold)) in said for gold in asked.gold[:1])


def curve(
    small: Sequence[Outcome], large: Sequence[Outcome], below: float, refusal_from: float
) -> tuple[float, float]:
    """Share of right answers and dollars for each question when the second is asked under a confidence."""
    right, cost = 0, 0.0
    for first, second in zip(small, large, strict=True):
        up = first.holds >= refusal_from if first.refused else first.confidence < below
        taken = first
        if up:
            cost += second.cost_usd
            if not (second.abstained and not second.refused and not first.abstained):
                taken = second
        cost += first.cost_usd
        right += taken.right
    return right / len(small), cost / len(small)


async def _ask(answerer: Answerer, asked: Asked, model: str) -> Outcome:
    from rag.run import Run  # noqa: PLC0415
    from rag.stepping import holds_answer  # noqa: PLC0415

    question = Question(asked.question, "clapnq", mode=Mode.GENERATIVE, model=model)
    answer: Answer | None = None
    async with aclosing(answerer.answer(question)) as events:
        async for event in events:
            answer = event.answer if isinstance(event, Done) else answer
    if answer is None or answer.cost_usd is None:
        raise RuntimeError("An answer ended without its last event, or without its price.")
    refused = bool(answer.trace["refused_by_model"]) and answer.abstained
    holds = 0.0
    if refused and model == MINI:
        run = Run(answerer, question, Mode.GENERATIVE)
        run.retrieve()
        holds = holds_answer(run)
    return Outcome(
        is_right(asked, answer), answer.abstained, refused, answer.confidence.value, holds, answer.cost_usd
    )


async def measure(answerer: Answerer, asked: Sequence[Asked]) -> dict[str, list[Outcome]]:
    """Every question, of both models."""
    found: dict[str, list[Outcome]] = {MINI: [], LARGE_MODEL: []}
    for number, each in enumerate(asked, 1):
        for model, outcomes in found.items():
            outcomes.append(await _ask(answerer, each, model))
        if number % 25 == 0:
            progress(f"{number} of {len(asked)} questions")
    if answerer.gateway is not None:
        await answerer.gateway.aclose()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=data_folder, help="Folder of evaluation data with clapnq.")
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    add_result_argument(parser, "step_up")
    options = parser.parse_args(arguments)
    asked = read(options.data, options.questions, random.Random(options.seed))
    embedder = SentenceTransformerEmbedder(EmbedConfig())
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedGateway([Scene.answer(Replay(asked, options.seed).text)]) as gateway,
    ):
        library = Library.open(Path(folder) / "data", embedder)
        try:
            for number, text in enumerate(dict.fromkeys((each.title, each.text) for each in asked), 1):
                library.add(text[1], f"{number:04} {re.sub(r'[^A-Za-z0-9]+', ' ', text[0])}.txt", "clapnq")
            config = GatewayConfig(gateway.url)
            answerer = Answerer(
                store=library.store, embedder=embedder, parser=library.parser, gateway=Gateway(config),
                gateway_config=config, tokens=token_counter(), retrieve_config=RetrieveConfig(), reranker=None,
                judge=None, extract_config=ExtractConfig(), config=AnswerConfig(),
            )  # fmt: skip
            found = asyncio.run(measure(answerer, asked))
        finally:
            library.close()
    result = report(found[MINI], found[LARGE_MODEL])
    result["outcomes"] = {name: [asdict(each) for each in outcomes] for name, outcomes in found.items()}
    result |= {
        "questions": len(asked),
        "seed": options.seed,
        "habits": {"mini": asdict(SMALL), "large": asdict(LARGE)},
    }
    write_result(options.out, "step_up", ROOT, result)
    return 0 if result["holds"] else 1


def report(small: Sequence[Outcome], large: Sequence[Outcome]) -> dict[str, Any]:
    """The curve, printed, with whether the default threshold is above the small model and cheaper than the large."""
    config = StepUpConfig(LARGE_MODEL)
    alone = {
        name: (
            sum(each.right for each in found) / len(found),
            sum(each.cost_usd for each in found) / len(found),
        )
        for name, found in (("mini", small), ("large", large))
    }
    rows, points = [], []
    for below in THRESHOLDS:
        right, cost = curve(small, large, below, config.refusal_from)
        share = (cost - alone["mini"][1]) / (alone["large"][1] or 1.0)
        line = alone["mini"][0] + share * (alone["large"][0] - alone["mini"][0])
        points.append({"below": below, "right": right, "usd": cost, "at_random": line})
        rows.append([f"under {below:g}", f"{right:.3f}", f"{cost * 1000:.4f}", f"{line:.3f}"])
    for name, (right, cost) in alone.items():
        rows.append([f"{name} alone", f"{right:.3f}", f"{cost * 1000:.4f}", ""])
    print_table(["step up", "right", "dollars for 1,000", "at random, same money"], rows)
    chosen = min(points, key=lambda each: abs(each["below"] - config.below))
    holds = chosen["right"] > alone["mini"][0] and chosen["usd"] < alone["large"][1]
    return {
        "alone": {name: {"right": right, "usd": cost} for name, (right, cost) in alone.items()},
        "curve": points,
        "default": chosen,
        "holds": holds,
    }


if __name__ == "__main__":
    sys.exit(main())
