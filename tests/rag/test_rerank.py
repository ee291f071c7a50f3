"""A real cross-encoder behind the seam for rerankers, by itself and in a search."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.config import RetrieveConfig
from rag.errors import RerankerUnavailable
from rag.rerank import CrossEncoderReranker
from rag.retrieve import retrieve
from tests.doubles.cross_encoder import BUNDLED, write_cross_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from rag.types import Found
    from tests.rag.library import Library

QUESTION = "When does the library close?"
PASSAGES = [
    "The library closes at seven.",
    "Cats sleep for sixteen hours a day.",
    "Sourdough bread rises overnight in a cold room.",
    "",
    "图书馆九点开门。",
]
SUBJECTS = ("desk", "hall", "shop", "yard", "pool", "gate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cross-encoder with one output."""
    return write_cross_encoder(tmp_path_factory.mktemp("likes"))


@pytest.fixture(scope="module")
def contrary(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One that likes best what the other likes least."""
    return write_cross_encoder(tmp_path_factory.mktemp("dislikes"), sign=-1.0)


@pytest.fixture(scope="module")
def closing(library: Library) -> Library:
    """Six documents that all speak to the question, in other words."""
    for number, subject in enumerate(SUBJECTS):
        text = (
            f"The {subject} of the library is closed by the {subject} keeper at {number + 5} in the evening."
        )
        library.add(text, f"{subject}.md", "closing")
    return library


# The model


def test_every_passage_has_one_finite_score(folder: str) -> None:
    """The same at each call and whatever batch it is in, and another for another question."""
    reranker = CrossEncoderReranker(folder, batch_size=2)

    scores = reranker.score(QUESTION, PASSAGES)

    assert reranker.name == folder
    assert scores.shape == (len(PASSAGES),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert len(set(scores.tolist())) == len(PASSAGES)
    assert CrossEncoderReranker(folder).score(QUESTION, PASSAGES) == pytest.approx(scores, abs=1e-5)
    alone = [reranker.score(QUESTION, [each])[0] for each in PASSAGES]
    assert alone == pytest.approx(scores, abs=1e-5)
    assert reranker.score("How long do cats sleep?", PASSAGES) != pytest.approx(scores, abs=1e-5)


def test_nothing_to_read_needs_no_model(tmp_path: Path) -> None:
    """It is loaded at the first passage, not before."""
    assert CrossEncoderReranker(str(tmp_path / "missing")).score(QUESTION, []).shape == (0,)


def test_threads_share_one_model(folder: str) -> None:
    """Several questions at once get the scores that each gets alone."""
    reranker = CrossEncoderReranker(folder)
    questions = [f"{QUESTION} {n}" for n in range(6)]
    expected = [CrossEncoderReranker(folder).score(each, PASSAGES) for each in questions]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda each: reranker.score(each, PASSAGES), questions))

    for own, other in zip(found, expected, strict=True):
        assert own == pytest.approx(other, abs=1e-5)


def test_a_passage_that_is_longer_than_the_model_reads_is_cut(folder: str) -> None:
    """It has a score, and the search goes on."""
    assert np.isfinite(CrossEncoderReranker(folder).score(QUESTION, ["The library closes. " * 2_000])).all()


# Models that cannot be used


@pytest.mark.parametrize("labels", [2, 3])
def test_a_model_with_several_outputs_is_refused(tmp_path: Path, labels: int) -> None:
    """It says into which of some classes a pair falls, which is no order."""
    wrong = write_cross_encoder(tmp_path / "classes", labels=labels)

    with pytest.raises(RerankerUnavailable, match=rf"\(5, {labels}\) for 5 passages.*FOOTNOTE_RERANKER"):
        CrossEncoderReranker(wrong).score(QUESTION, PASSAGES)


def test_scores_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    """A broken model is said to be broken, and its order is not shown."""
    broken = write_cross_encoder(tmp_path / "broken", sign=float("nan"))

    with pytest.raises(RerankerUnavailable, match="no numbers"):
        CrossEncoderReranker(broken).score(QUESTION, PASSAGES)


def test_a_folder_that_is_missing_or_holds_no_model(tmp_path: Path) -> None:
    """The message names the setting and what it was set to."""
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(RerankerUnavailable, match="FOOTNOTE_RERANKER") as caught:
            CrossEncoderReranker(str(wrong)).score(QUESTION, PASSAGES)
        assert str(wrong) in str(caught.value)
        assert caught.value.code == "reranker_unavailable"


def test_an_embedding_model_is_refused() -> None:
    """It could be loaded, with an output that has learned nothing, and would shuffle what was found."""
    with pytest.raises(RerankerUnavailable, match="FOOTNOTE_RERANKER"):
        CrossEncoderReranker(BUNDLED).score(QUESTION, PASSAGES)


def test_a_model_that_is_put_in_its_place_later_is_used(tmp_path: Path) -> None:
    """A failure is not remembered."""
    reranker = CrossEncoderReranker(str(tmp_path / "late"))
    with pytest.raises(RerankerUnavailable):
        reranker.score(QUESTION, PASSAGES)

    write_cross_encoder(tmp_path / "late")

    assert reranker.score(QUESTION, PASSAGES).shape == (len(PASSAGES),)


# In a search


def names(found: list[Found]) -> list[str]:
    """The files found, in order."""
    return [each.passage.filename for each in found]


def test_the_rerankers_order_is_shown(closing: Library, folder: str, contrary: str) -> None:
    """It is that of its scores, and the opposite one's is the opposite; ranks and scores are in order."""
    plain = closing.find(QUESTION, "closing")
    reranker = CrossEncoderReranker(folder)
    scores = reranker.score(QUESTION, [each.passage.text for each in plain])
    expected = [plain[at].passage.filename for at in np.argsort(-scores)]

    liked = closing.find(QUESTION, "closing", reranker=reranker)
    disliked = closing.find(QUESTION, "closing", reranker=CrossEncoderReranker(contrary))

    assert len(plain) == len(SUBJECTS)
    assert names(liked) == expected
    assert names(disliked) == expected[::-1]
    for found in (liked, disliked):
        assert [each.rank for each in found] == [1, 2, 3, 4, 5, 6]
        assert [each.score for each in found] == [each.score for each in plain]
        assert [max(each.sentences) for each in found] == pytest.approx([each.score for each in found])


def test_only_the_first_are_reranked(closing: Library, folder: str, contrary: str) -> None:
    """As many as the settings say; the others stay where they are. A limit cuts after that."""
    plain = names(closing.find(QUESTION, "closing"))
    orders = [
        names(
            retrieve(
                QUESTION,
                collection=closing.store.collection("closing"),
                catalog=closing.store.catalog,
                embedder=closing.embedder,
                config=replace(RetrieveConfig(), reranked=3),
                limit=limit,
                reranker=CrossEncoderReranker(model),
            )
        )
        for model in (folder, contrary)
        for limit in (6, 2)
    ]

    assert orders[0][3:] == orders[2][3:] == plain[3:]
    assert orders[0][:3] == orders[2][2::-1]
    assert sorted(orders[0][:3]) == sorted(plain[:3])
    assert orders[1] == orders[0][:2]
    assert orders[3] == orders[2][:2]


@pytest.mark.parametrize("mode", ["dense", "lexical"])
def test_one_view_alone_asks_no_reranker(closing: Library, tmp_path: Path, mode: str) -> None:
    """It answers as it is, also where the reranker could not."""
    missing = CrossEncoderReranker(str(tmp_path / "missing"))

    found = closing.find(QUESTION, "closing", mode=mode, reranker=missing)

    assert names(found) == names(closing.find(QUESTION, "closing", mode=mode))
    with pytest.raises(RerankerUnavailable):
        closing.find(QUESTION, "closing", reranker=missing)
