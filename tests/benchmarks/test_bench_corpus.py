"""The generated corpus: the same for the same seed, and each document's words are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.corpus import KINDS, Made, make_corpus
from benchmarks.deletion import holding, words_on_disk
from benchmarks.quotes import pdf_pages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module", name="corpus")
def small_corpus() -> list[Made]:
    """Two documents of each place in the cycle of kinds."""
    return make_corpus(2 * len(KINDS), seed=3)


def test_the_same_seed_makes_the_same_bytes(corpus: list[Made]) -> None:
    """A failure can be repeated, and an upload repeated after a crash is the same file."""
    again = make_corpus(len(corpus), seed=3)

    assert [made.upload for made in corpus] == [made.upload for made in again]
    assert corpus[0].canary != make_corpus(1, seed=4)[0].canary


def test_canary_and_secret_stand_once_in_their_own_document(corpus: list[Made]) -> None:
    """A search for either can only be answered by one passage of one document."""
    words = [word for made in corpus for word in (made.canary, made.secret)]

    assert len(words) == len(set(words))
    for made in corpus:
        assert all(made.text.count(word) == (word in {made.canary, made.secret}) for word in words)


def test_no_question_names_a_secret_and_no_file_name_a_word(corpus: list[Made]) -> None:
    """What a client sends must not be mistaken for what the service still shows."""
    for made in corpus:
        assert made.canary in made.question
        assert made.secret not in made.question
        assert made.canary not in made.upload.filename


def test_every_kind_and_varied_sizes_are_made(corpus: list[Made]) -> None:
    """All four formats occur, and the largest text is many times the smallest."""
    sizes = [len(made.text) for made in corpus]

    assert {"txt", "md", "html", "pdf"} == {made.kind for made in corpus}
    assert max(sizes) > 10 * min(sizes)


def test_a_pdf_prints_its_canary_unbroken(corpus: list[Made], tmp_path: Path) -> None:
    """A second reader finds canary and secret in the generated PDF."""
    made = next(made for made in corpus if made.kind == "pdf")
    path = tmp_path / "made.pdf"
    path.write_bytes(made.upload.data)

    text = "".join(pdf_pages(path))

    assert made.canary in text
    assert made.secret in text


def test_a_canary_is_found_in_passages_and_files(tmp_path: Path) -> None:
    """Both searches see the word where it is and nowhere else."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "kept").write_bytes(b"\x00...qxword...")
    (tmp_path / "clean").write_bytes(b"nothing")

    assert words_on_disk(tmp_path, {"qxword"}) == ["deep/kept"]
    assert holding([{"text": "a qxword b"}, {"text": "c"}], "qxword") == [{"text": "a qxword b"}]
