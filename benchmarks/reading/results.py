"""Figures of what was read, all with the shipped models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.reading.measures import (
    auroc,
    calibrated_error,
    exact,
    expected_calibration_error,
    word_f1,
)
from rag.answerable import MODEL
from rag.calibration import load_calibration
from rag.learned import load_linear
from rag.short_answer import short_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.reading.rows import Row

TARGETS = (0.1, 0.15, 0.2, 0.25, 0.3)
_NOTHING = -5.0


def probabilities(rows: Sequence[Row]) -> NDArray[np.float64]:
    """The confidence of each answer, shape (rows,)."""
    model, calibration = load_linear(MODEL), load_calibration()
    return np.array(
        [
            calibration.probability(
                {
                    "sentence_answers": float(model.score(model.row(row.features))[0])
                    if row.features
                    else _NOTHING
                }
            )
            for row in rows
        ]
    )


def choosing(rows: Sequence[Row]) -> dict[str, float]:
    """How often a sentence that would be quoted is gold, of questions with an answer."""
    part = [row for row in rows if row.asked.answerable]
    return {
        "questions": len(part),
        "read": float(np.mean([any(row.gold) for row in part])),
        "quoted": float(np.mean([row.right for row in part])),
        "first": float(np.mean([bool(row.ranking.candidates and _first(row)) for row in part])),
        "sentences": float(np.mean([len(row.picked) for row in part])),
    }


def short_answers(rows: Sequence[Row]) -> dict[str, float]:
    """SQuAD's EM and F1 of the short answer; a question that gets none has its first sentence as the answer."""
    part = [row for row in rows if row.asked.answerable]
    given = []
    for row in part:
        found = short_answer(row.ranking, row.picked)
        given.append(found.text if found else row.picked[0].text if row.picked else "")
    golds = [row.asked.phrases for row in part]
    return {
        "questions": len(part),
        "exact": float(np.mean([exact(a, g) for a, g in zip(given, golds, strict=True)])),
        "f1": float(np.mean([word_f1(a, g) for a, g in zip(given, golds, strict=True)])),
    }


def answering(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """What is withheld at the calibration's threshold and at the one that balances both kinds of question."""
    probability = probabilities(rows)
    answerable = np.array([row.asked.answerable for row in rows])
    right = np.array([row.right for row in rows])
    balanced = float(np.median(probability))
    found = {}
    for name, threshold in (("default", load_calibration().abstain_below), ("balanced", balanced)):
        given = probability >= threshold
        found[name] = {
            "threshold": threshold,
            "answered_of_answerable": float(given[answerable].mean()),
            "withheld_of_unanswerable": float((~given)[~answerable].mean()),
            "right_of_answerable": float((right & given)[answerable].mean()),
        }
    return found


def clauses(rows: Sequence[Row]) -> dict[str, float]:
    """Span F1 of characters on clauses that are there, and how well those that are not are recognised."""
    probability = probabilities(rows)
    there = np.array([row.asked.answerable for row in rows])
    overlap = []
    for row in (each for each in rows if each.asked.answerable):
        gold = {at for start, end in row.asked.spans for at in range(start, end)}
        given = {at for each in row.picked for at in range(*each.span)}
        shared = len(gold & given)
        overlap.append(2 * shared / (len(gold) + len(given)) if shared else 0.0)
    withheld = probability < load_calibration().abstain_below
    return {
        "questions": len(rows),
        "there": float(there.mean()),
        "span_f1": float(np.mean(overlap)),
        "absent_withheld": float(withheld[~there].mean()),
        "present_withheld": float(withheld[there].mean()),
        "auroc": auroc(there, probability, [row.asked.group for row in rows])[0],
    }


def rated(rows: Sequence[Row]) -> dict[str, Any]:
    """Discrimination, calibration and the error at target errors."""
    probability = probabilities(rows)
    right = np.array([row.right for row in rows])
    answerable = np.array([row.asked.answerable for row in rows])
    groups = [row.asked.group for row in rows]
    calibration = load_calibration()
    targets = {}
    for target in TARGETS:
        given = probability >= calibration.threshold(target)
        targets[str(target)] = {
            "answers": int(given.sum()),
            "error": float(1 - right[given].mean()) if given.any() else None,
        }
    return {
        "questions": len(rows),
        "ece": expected_calibration_error(probability, right.astype(float)),
        "ece_if_exact": calibrated_error(probability),
        "auroc_answerable": auroc(answerable, probability, groups),
        "auroc_right": auroc(right, probability, groups),
        "targets": targets,
    }


def _first(row: Row) -> bool:
    return row.gold[row.ranking.candidates[0].at]
