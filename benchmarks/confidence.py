"""Fits the confidence calibration on some articles of SQuAD 2.0 and measures it on the others.

    python -m benchmarks.confidence DATA [--fit]

Every question is asked through the real orchestrator, without a language model, of one collection that holds
all articles. An answer counts as right when the question has an answer and one of its gold spans stands in the
sentences given. Articles are held out whole: those at even places fit, those at odd places measure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from api.deps import build
from api.settings import Settings
from benchmarks.report import write_result
from rag.confidence import load_calibration
from rag.types import Done, Mode, Question

# Those of the signals that speak for an answer on their own. With all of them the held-out AUROC is no better,
# and some of the weights are negative, which nobody could explain to a reader.
SIGNALS = ("sentence_cosine", "sentence_coverage", "names_covered", "numbers_covered")
NAME = "squad2-2026-11"
HERE = Path(__file__).resolve().parent
# Answers under this probability of being right are withheld: four of five of them would be wrong.
ABSTAIN_BELOW = 0.2


def expected_calibration_error(probability: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """ECE over equally filled bins: mean distance between confidence and accuracy, weighted by bin size.

    Naeini, Cooper, Hauskrecht: "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015;
    equal-mass bins as in Nixon et al., "Measuring Calibration in Deep Learning", 2019.
    """
    order = np.argsort(probability)
    parts = np.array_split(order, bins)
    return float(
        sum(len(part) * abs(probability[part].mean() - right[part].mean()) for part in parts if len(part))
        / len(order)
    )


def collect(data: Path, per_article: int, seed: int) -> list[dict[str, Any]]:
    """Ask the questions; a row each with article, signals, and whether the answer was right."""
    articles = json.loads((data / "squad2" / "dev_articles.json").read_text())["data"]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        service = build(Settings(data=Path(folder), log_level="warning"))
        service.runner.start()
        for article in articles:
            blob = service.store.blobs.writer()
            blob.write("\n\n".join(each["context"] for each in article["paragraphs"]).encode())
            title = article["title"].replace("_", " ")
            service.store.add(blob, collection="squad2", filename=f"{article['title']}.txt", title=title)
        service.runner.notify()
        service.runner.drain()
        # Every question gets an answer here, also where one would be withheld.
        answerer = replace(service.answerer, config=replace(service.answerer.config, abstain_below=0.0))
        source = random.Random(seed)
        asked = []
        for number, article in enumerate(articles):
            questions = [each for paragraph in article["paragraphs"] for each in paragraph["qas"]]
            source.shuffle(questions)
            asked += [(number, each) for each in questions[:per_article]]

        async def ask(text: str) -> Any:
            async for event in answerer.answer(Question(text, "squad2", mode=Mode.EXTRACTIVE)):
                if isinstance(event, Done):
                    return event.answer
            raise RuntimeError("no answer")

        for number, question in track(asked, description="asking"):
            answer = asyncio.run(ask(question["question"]))
            given = " ".join(" ".join(each.quote for each in answer.citations).lower().split())
            right = any(" ".join(gold.lower().split()) in given for gold in question["answers"])
            rows.append(
                {
                    "article": number,
                    "answerable": not question["is_impossible"],
                    "right": bool(right and not question["is_impossible"]),
                    "signals": answer.confidence.signals,
                }
            )
        asyncio.run(service.close())
    return rows


def fit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A calibration file's content."""
    table = np.array([[row["signals"][name] for name in SIGNALS] for row in rows])
    right = np.array([row["right"] for row in rows])
    mean, scale = table.mean(0), table.std(0)
    scale[scale == 0] = 1.0
    model = LogisticRegression(C=1.0, max_iter=1000).fit((table - mean) / scale, right)
    return {
        "id": NAME,
        "mode": "extractive",
        "fitted_on": f"SQuAD 2.0 dev, {len({row['article'] for row in rows})} articles, {len(rows)} questions, "
        "CC BY-SA 4.0, https://rajpurkar.github.io/SQuAD-explorer/",
        "signals": list(SIGNALS),
        "mean": [round(float(each), 6) for each in mean],
        "scale": [round(float(each), 6) for each in scale],
        "weights": [round(float(each), 6) for each in model.coef_[0]],
        "intercept": round(float(model.intercept_[0]), 6),
        "abstain_below": ABSTAIN_BELOW,
    }


def measure(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """ECE, AUROC and abstention of the shipped calibration, with the points of the reliability diagram."""
    calibration = load_calibration(NAME)
    probability = np.array([calibration.probability(row["signals"]) for row in rows])
    right = np.array([row["right"] for row in rows])
    answerable = np.array([row["answerable"] for row in rows])
    given = probability >= calibration.abstain_below
    parts = np.array_split(np.argsort(probability), 10)
    return {
        "questions": len(rows),
        "right_share": float(right.mean()),
        "ece": expected_calibration_error(probability, right),
        "auroc_right": float(roc_auc_score(right, probability)),
        "auroc_answerable": float(roc_auc_score(answerable, probability)),
        "answered_share": float(given.mean()),
        "right_among_answered": float(right[given].mean()) if given.any() else None,
        "right_among_answerable": float(right[answerable].mean()),
        "abstained_on_unanswerable": float((~given)[~answerable].mean()),
        "abstained_on_answerable": float((~given)[answerable].mean()),
        "reliability": [
            [float(probability[part].mean()), float(right[part].mean()), len(part)] for part in parts
        ],
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """The reliability diagram: confidence across, share of right answers up."""
    import matplotlib as mpl  # noqa: PLC0415 - only drawing needs it.

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "footnote"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(4.5, 4.5))
    x, y, _ = zip(*result["reliability"], strict=True)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot(x, y, marker="o", color="#2a6f97")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share of right answers")
    axes.set_title(
        f"{NAME}, held-out articles: ECE {result['ece']:.3f}, AUROC {result['auroc_right']:.3f}", fontsize=9
    )
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with squad2/dev_articles.json")
    parser.add_argument("--fit", action="store_true", help="write a new calibration before measuring")
    parser.add_argument("--per-article", type=int, default=100, help="questions of each article")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "confidence.json")
    arguments = parser.parse_args()
    if not (arguments.data / "squad2" / "dev_articles.json").is_file():
        parser.error(
            f"{arguments.data} has no squad2/dev_articles.json. Give the folder with the evaluation data."
        )
    rows = collect(arguments.data, arguments.per_article, arguments.seed)
    held_in = [row for row in rows if row["article"] % 2 == 0]
    held_out = [row for row in rows if row["article"] % 2 == 1]
    if arguments.fit:
        path = HERE.parent / "rag" / "calibrations" / f"{NAME}.json"
        path.write_text(json.dumps(fit(held_in), indent=1) + "\n")
        load_calibration.cache_clear()
    result = measure(held_out)
    draw(result, HERE.parent / "docs" / "reliability.svg")
    write_result(arguments.out, "confidence", HERE.parent, {"held_out": result, "held_in": measure(held_in)})
    print(json.dumps({name: value for name, value in result.items() if name != "reliability"}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
