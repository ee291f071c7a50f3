"""Fits what answers by quotation are made with: the choice of sentences and of the few words that answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.reading.measures import word_f1
from rag.sentence_features import FEATURES
from rag.spans import CROSSED, candidates, crossed, span_features, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.reading.rows import Row

Table = Any
# Ridges: chosen among a few by the sets that are fitted on and looked at once on the others.
_SENTENCES, _SPANS = 10.0, 150.0
_GOOD_SPAN = 0.6
_LOOKED_AT = 3


def listwise(tables: Sequence[Table], gold: Sequence[Table], ridge: float) -> tuple[Table, Table, Table]:
    """Weights that make the gold rows of each table the likeliest choice among its rows.

    McFadden's conditional logit (1974), the ListNet loss (Cao and others, ICML 2007) with several right rows: minus the
    log of the probability that falls on gold rows, under a ridge on standardised columns.

    Args:
        tables: Features of each question's candidates, shape (candidates, columns).
        gold: How right each candidate is, 0 to 1, at least one above 0 in each table.
        ridge: Strength.

    Returns:
        Mean and standard deviation of the columns, and the weights of standardised ones.
    """
    stacked, right = np.vstack(tables), np.concatenate(gold)
    mean, scale = stacked.mean(0), stacked.std(0) + 1e-9
    rows = (stacked - mean) / scale
    counts = [len(table) for table in tables]
    starts = np.cumsum([0, *counts])[:-1]
    owner = np.repeat(np.arange(len(counts)), counts)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = rows @ weights
        odds = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        every, golden = np.add.reduceat(odds, starts), np.add.reduceat(odds * right, starts) + 1e-12
        slope = odds / every[owner] - odds * right / golden[owner]
        value = float((np.log(every) - np.log(golden)).sum() + ridge * weights @ weights / 2)
        return value, rows.T @ slope + ridge * weights

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return mean, scale, found.x


def fit_sentences(rows: Sequence[Row]) -> dict[str, Any]:
    """The choice of sentences."""
    part = [row for row in rows if any(row.gold)]
    gold = [np.array(row.gold, dtype=float) for row in part]
    fitted = listwise([row.ranking.rows for row in part], gold, _SENTENCES)
    return _content("sentences-2026-11", FEATURES, *fitted, 0.0, f"{len(part)} questions of {_sources(part)}")


def fit_spans(rows: Sequence[Row]) -> dict[str, Any]:
    """The choice of the few words that answer."""
    tables, gold = [], []
    for row in rows:
        if not row.asked.phrases:
            continue
        table, texts = span_table(row)
        values = np.array([row.gold[at] * word_f1(text, row.asked.phrases) for at, text in texts])
        if len(values) and values.max() > _GOOD_SPAN:
            tables.append(table)
            gold.append(values**3)
    fitted = listwise(tables, gold, _SPANS)
    about = f"{len(tables)} answerable questions of {_sources(rows)}"
    return _content("spans-2026-11", CROSSED, *fitted, 0.0, about)


def span_table(row: Row) -> tuple[Table, list[tuple[int, str]]]:
    """Features of every candidate of the best sentences, and (sentence, text) of each."""
    ranking, parts, texts = row.ranking, [], []
    top = float(ranking.scores.max(initial=-np.inf))
    for candidate in ranking.candidates[:_LOOKED_AT]:
        words = words_of(candidate.text)
        spans = candidates(words, candidate.text)
        if spans:
            place = ranking.places[candidate.at]
            parts.append(span_features(ranking.asked, place, words, spans, (candidate.score, top)))
            texts += [(candidate.at, candidate.text[words[a].start : words[b].end]) for a, b in spans]
    return crossed(np.vstack(parts)) if parts else np.zeros((0, len(CROSSED))), texts


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write a model's file."""
    (folder / f"{content['id']}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _content(
    name: str,
    features: Sequence[str],
    mean: Table,
    scale: Table,
    weights: Table,
    intercept: float,
    about: str,
) -> dict[str, Any]:
    numbers = {"mean": mean, "scale": np.maximum(scale, 1e-5), "weights": weights}
    rounded = {key: [round(float(value), 5) for value in array] for key, array in numbers.items()}
    return (
        {"id": name, "fitted_on": about, "features": list(features)}
        | rounded
        | {"intercept": round(intercept, 5)}
    )


def _sources(rows: Sequence[Row]) -> str:
    return f"{len({row.asked.group for row in rows})} articles, passages or contracts"
