"""What the fit of confidence is made on: mixtures, passages taken out, tables written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.reading.rows import HELD_BACK, Row, without
from benchmarks.reading.sets import ELSEWHERE_MARK, Asked
from benchmarks.reading.sufficiency import evenly, mixture, origin, told
from benchmarks.reading.tables import write_tables
from index.types import StoredPassage
from rag.asked import asked
from rag.extract import Ranking
from rag.types import Found

if TYPE_CHECKING:
    from pathlib import Path


def row(name: str, answerable: bool) -> Row:
    """A question of which only that is known."""
    ranking = Ranking(asked(name, {}), (), (), np.zeros((0, 0)), np.zeros(0))
    return Row(Asked(name, name, name, "a.txt", answerable), ranking, (), (), {}, answerable)


def passage(number: int) -> StoredPassage:
    """A passage of one document."""
    return StoredPassage(number, "d", 1, "", "a.txt", number, 0, 0, 1, "a", (), None, ())


def test_a_mixture_has_as_many_questions_without_an_answer() -> None:
    """A fifth from elsewhere, the rest half the set's own and half held back; the same for the same seed."""
    rows = [row(f"{at}", True) for at in range(50)]
    rows += [row(f"{at} own", False) for at in range(90)]
    rows += [row(f"{at}{HELD_BACK}", False) for at in range(50)]
    rows += [row(f"{at}{ELSEWHERE_MARK}", False) for at in range(40)]

    mixed = mixture("some set", rows)

    kinds = [origin(each) for each in mixed if not each.asked.answerable]
    assert sum(each.asked.answerable for each in mixed) == 50
    assert {kind: kinds.count(kind) for kind in kinds} == {"elsewhere": 10, "own": 20, "held back": 20}
    assert [each.asked.id for each in mixed] == [each.asked.id for each in mixture("some set", rows)]


def test_every_set_counts_the_same() -> None:
    """One question of a small set weighs as much as three of one that is three times as large."""
    assert evenly(["a", "a", "a", "b"]).tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


def test_sets_labelled_by_people_count_more() -> None:
    """Four times in the sum, and the mean of all counts stays 1."""
    counts = told(["squad2", "chroma"], evenly(["squad2", "chroma"]), 4.0)
    assert counts.tolist() == pytest.approx([1.6, 0.4])


def test_ranks_close_up_behind_what_was_taken_out() -> None:
    """What is left stands as if the best passage had never been stored."""
    found = [Found(passage(at), 1.0 / at, at, {}, {"dense": at, "lexical": 4 - at}) for at in range(1, 4)]

    left = without(found, {1})

    assert [(each.passage.id, each.rank, each.ranks) for each in left] == [
        (2, 1, {"dense": 1, "lexical": 2}),
        (3, 2, {"dense": 2, "lexical": 1}),
    ]


def test_a_page_without_places_for_the_tables_is_an_error(tmp_path: Path) -> None:
    """Nothing is written where no mark says where."""
    page = tmp_path / "page.md"
    page.write_text("Nothing.\n", encoding="utf-8")
    empty = {
        "sets": {},
        "targets": {},
        "mean_ece": 0.1,
        "mean_ece_if_exact": 0.1,
        "ece": 0.1,
        "ece_if_exact": 0.1,
    }
    rated = {"questions": 1, "auroc_answerable": [0.5] * 3, "auroc_right": [0.5] * 3} | empty
    result = {
        "unseen_sets": empty,
        "squad2": {"confidence": rated},
        "clapnq": {"confidence": rated},
        "unseen": rated,
        "halves": {"sets": {}, "targets": {}},
    }

    with pytest.raises(ValueError, match="has no place for unseen"):
        write_tables(page, result)
    assert page.read_text(encoding="utf-8") == "Nothing.\n"
