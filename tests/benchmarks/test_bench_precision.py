"""The arithmetic of the precision benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.precision import judge, measured, ndcg
from benchmarks.report import Checks
from benchmarks.retrieval.types import Corpus, Document, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NAMES = ("apple", "pear", "plum")
CORPUS = Corpus(
    "fruit",
    tuple(Document(name, f"{name}.txt", name.encode()) for name in NAMES),
    (Question("apple", "", documents={"apple": 1}), Question("plum", "", documents={"plum": 1})),
)


def exact(texts: Sequence[str]) -> NDArray[np.float32]:
    """Each fruit has a direction of its own."""
    return np.eye(3, dtype=np.float32)[[NAMES.index(text) for text in texts]]


def test_the_same_vectors_cost_nothing() -> None:
    """All of nDCG, and cosines of 1."""
    found = measured(CORPUS, exact, exact)

    assert (found["documents"], found["questions"]) == (3, 2)
    assert found["ndcg"] == {"float32": 1.0, "chosen": 1.0, "mixed": 1.0}
    assert found["cosine"] == {"mean": 1.0, "permille": 1.0, "least": 1.0}


def test_vectors_of_another_space_are_seen() -> None:
    """Turned all alike they find the same among themselves, and nothing among the others."""
    found = measured(CORPUS, exact, lambda texts: exact(texts)[:, [1, 2, 0]])
    checks = Checks()
    judge("fruit", found, checks)

    assert found["ndcg"]["chosen"] == 1.0
    assert found["ndcg"]["mixed"] < 0.9
    assert found["cosine"]["mean"] == 0.0
    assert not checks.passed
    assert len(checks.as_json()[0]["failures"]) == 1


def test_questions_without_a_relevant_document_left_are_not_counted() -> None:
    """As when only some documents are measured."""
    found = measured(CORPUS, exact, exact, most=1)

    assert (found["documents"], found["questions"]) == (1, 1)
    assert found["ndcg"]["float32"] == 1.0


def test_the_second_place_counts_less() -> None:
    """1 / log2(3) for the second of two."""
    scores = np.array([[0.1, 0.2]], dtype=np.float32)

    assert ndcg(["a", "b"], {"0": {"a": 1}}, scores) == pytest.approx(0.6309, abs=1e-4)
