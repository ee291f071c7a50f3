"""The benchmark of the verifier: what it changes, how it splits, and that what is shipped is what was fitted."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.verification.collect import Row
from benchmarks.verification.fit import PARTS, fit, fold_of, held_out, learning, probability, table
from benchmarks.verification.fit import _Fitted as Fitted
from benchmarks.verification.measure import calibration_error, interval, sentences
from benchmarks.verification.mutations import mutate, reworded
from benchmarks.verification.pairs import Pair
from rag.verification.model import model_of

CLAIM = "In 1990, Alice Moor was paid 5,000 dollars for all 12 books, and most members were not told."


def rows(count: int) -> list[Row]:
    """Rows whose first feature decides, of all sets."""
    chance = random.Random(3)
    found = []
    for number in range(count):
        name = ("attributionbench", "wice", "scifact", "mutated")[number % 4]
        good = chance.random() < 0.5
        kind = ("true" if good else chance.choice(["moved", "number", "name"])) if name == "mutated" else ""
        label = int(good) if name != "scifact" else (1 if good else -1)
        features = {"a": good + chance.gauss(0, 0.4), "b": chance.gauss(0, 1), "c": float(number % 7)}
        found.append(Row(name, kind, name, f"g{number // 2}", str(number), "", label, features, [], [], []))
    return found


@pytest.mark.parametrize("kind", ["number", "unit", "date", "name", "negation", "quantifier"])
def test_a_mutation_changes_one_thing(kind: str) -> None:
    """Every kind finds something to change in a claim that has it, and nothing in one that has not."""
    changed = mutate(
        kind, CLAIM, ["It was Robert Hale who left."], "Then Robert Hale left.", random.Random(1)
    )

    assert changed
    assert changed != CLAIM
    assert len(set(changed.split()) ^ set(CLAIM.split())) <= 5
    assert kind == "negation" or mutate(kind, "dogs bark loudly", [], "", random.Random(1)) == ""


def test_rewording_keeps_numbers_and_words() -> None:
    """Other words say the same: the year stays, the clause moves."""
    text = reworded("In 1990, the town began to grow (see below).", random.Random(0))

    assert "1990" in text
    assert "the town" in text.casefold()


def test_rows_of_a_group_are_in_one_fold() -> None:
    """What belongs together is never split between fitting and measuring."""
    some = rows(40)

    assert all(fold_of(a) == fold_of(b) for a, b in zip(some[::2], some[1::2], strict=True))
    assert len({fold_of(row) for row in some}) > 2


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_plain_model_is_the_fitted_one(part: object) -> None:
    """The numbers that are shipped give the probabilities of the fitted model."""
    assert part in PARTS
    chosen = next(each for each in PARTS if each is part)
    some = rows(400)
    names = list(some[0].features)
    weights, labels = learning(chosen, some)
    used = weights > 0
    x = table(some, names)
    expected = probability(Fitted(chosen, x[used], labels[used], weights[used], 5).log_odds(x), 1.1, -0.2)

    model = model_of(fit(chosen, some, 1.1, -0.2, 5))

    assert [model.probability(row.features) for row in some] == pytest.approx(expected.tolist(), abs=2e-3)


def test_held_out_probabilities_tell_the_labels_apart() -> None:
    """On rows that one feature decides, cross-validation finds it."""
    some = rows(400)
    carried = PARTS[0]
    weights, labels = learning(carried, some)
    raw = held_out(carried, some, 5)[weights > 0]

    assert raw[labels[weights > 0] == 1].mean() > raw[labels[weights > 0] == 0].mean() + 1


def test_intervals_hold_the_value_and_resample_groups() -> None:
    """One large group is drawn as a whole, so that the interval is as wide as the groups are few."""
    values = np.array([0.0] * 50 + [1.0] * 50)
    few = interval(["a"] * 50 + ["b"] * 50, lambda at: float(values[at].mean()))
    many = interval([str(i) for i in range(100)], lambda at: float(values[at].mean()))

    assert few["low"] <= few["value"] == many["value"] == 0.5 <= few["high"]
    assert few["high"] - few["low"] > many["high"] - many["low"]


def test_calibration_error_is_zero_for_honest_probabilities() -> None:
    """Shares that match the labels have no error, reversed ones a large one."""
    scores = np.repeat(np.linspace(0.05, 0.95, 10), 20)
    labels = np.concatenate(
        [[1] * round(20 * score) + [0] * (20 - round(20 * score)) for score in np.linspace(0.05, 0.95, 10)]
    )

    assert calibration_error(labels, scores) < 0.03
    assert calibration_error(1 - labels, scores) > 0.3


def test_the_gold_set_that_agrees_best_counts() -> None:
    """F1 is taken against one of several gold sets, in the numbers of the source's sentences."""
    pair = Pair("1", "g", "wice", "c", ("s",), 1, gold=((0, 1), (4,)))
    row = Row("wice", "", "wice", "g", "1", "c", 1, {}, [], [2, 4, 6], [1])

    assert sentences([row], {"1": pair})["f1"]["value"] == 1.0
