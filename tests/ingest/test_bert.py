"""The own forward pass computes what sentence-transformers computes, and models of other shapes are left to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from ingest.bert import Bert, is_bert
from ingest.config import EmbedConfig
from ingest.embed import SentenceTransformerEmbedder, unit_rows
from ingest.encoders import BertEncoder, PaddedEncoder
from ingest.model import load
from tests.doubles.text_models import BUNDLED, write_text_model

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from ingest.types import FloatMatrix

ODD = ["", "a", "你好，世界。", "😀 \x00 \n\t", "[SEP] [MASK] [CLS]", "Ａ" * 3, " \u00a0 x"]
PROSE = [
    "The library opens at nine.",
    "Fire insurance covers damage by smoke, unless the policy says otherwise, and damage by water never.",
    "Penguins live in the southern hemisphere. " * 9,
    "The quarterly report shows revenue of 4.2 million dollars against 3.9 million the year before. " * 6,
    "Penguins live in the southern hemisphere. " * 60,
]


def ignore(_: int) -> None:
    """Progress that nobody watches."""


def rows(embedder: SentenceTransformerEmbedder, texts: list[str]) -> FloatMatrix:
    """Vectors of whole texts."""
    return embedder.embed_passages(texts, [()] * len(texts), ignore)[0]


def reference(folder: str, texts: list[str]) -> FloatMatrix:
    """Vectors by the library itself, in float32."""
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    return unit_rows(np.asarray(model.encode_document(texts), dtype=np.float32))


@pytest.fixture(scope="module")
def quick() -> SentenceTransformerEmbedder:
    """The bundled model in bfloat16."""
    return SentenceTransformerEmbedder(EmbedConfig(precision="bfloat16"))


def test_float32_is_what_the_library_computes(bundled: SentenceTransformerEmbedder) -> None:
    """Of prose, of odd texts, and of texts that are cut off."""
    texts = PROSE + ODD

    assert rows(bundled, texts) == pytest.approx(reference(BUNDLED, texts), abs=1e-5)


def test_bfloat16_is_near_what_the_library_computes(quick: SentenceTransformerEmbedder) -> None:
    """So near that vectors of both may lie in one index."""
    found, expected = rows(quick, PROSE + ODD), reference(BUNDLED, PROSE + ODD)

    cosines = (found * expected).sum(axis=1)
    assert cosines[: len(PROSE)].min() > 0.9999
    assert cosines.min() > 0.9998


def test_bfloat16_is_as_near_to_what_was_stored_before(quick: SentenceTransformerEmbedder) -> None:
    """The library's own bfloat16, which filled folders until now, agrees with the own one on prose."""
    model = SentenceTransformer(BUNDLED, device="cpu", local_files_only=True).bfloat16()
    before = unit_rows(model.encode_document(PROSE, convert_to_tensor=True).float().numpy())

    assert (rows(quick, PROSE) * before).sum(axis=1).min() > 0.9999


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.one_of(
            st.text(max_size=40),
            st.builds(
                lambda words, n: " ".join(words * n),
                st.lists(st.sampled_from(["a", "bird", "sings", "over", "the", "wide", "sea"]), min_size=1),
                st.integers(1, 40),
            ),
        ),
        min_size=1,
        max_size=12,
    ),
    chosen=st.randoms(use_true_random=False),
)
def test_a_vector_does_not_depend_on_its_batch(
    bundled: SentenceTransformerEmbedder,
    quick: SentenceTransformerEmbedder,
    texts: list[str],
    chosen: Random,
) -> None:
    """Whatever the lengths beside it, a text has the vector that it has alone, and so have its stretches."""
    at = chosen.randrange(len(texts))
    halves = [[(0, len(text) // 2), (len(text) // 2, len(text))] for text in texts]
    for embedder, least in ((bundled, 1 - 1e-5), (quick, 0.9995)):
        wholes, inner = embedder.embed_passages(texts, halves, ignore)
        (alone,), parts = embedder.embed_passages([texts[at]], [halves[at]], ignore)

        assert float(wholes[at] @ alone) > least
        assert (inner[2 * at : 2 * at + 2] * parts).sum(axis=1).min() > least


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_need_not_be_packed(dtype: torch.dtype) -> None:
    """Where torch has no such operators, plain ones compute the same."""
    model = SentenceTransformer(BUNDLED, device="cpu", local_files_only=True)[0].auto_model
    ids, lengths = torch.arange(1000, 1090), [40, 20, 20, 10]

    with torch.inference_mode():
        packed, plain = (Bert(model, dtype, packed=each)(ids, lengths) for each in (True, False))

    assert float(torch.cosine_similarity(packed, plain).min()) > (
        0.9995 if dtype is torch.bfloat16 else 0.99999
    )


def test_a_bert_of_other_sizes_is_computed_here(tmp_path: Path) -> None:
    """The shape decides and not the name: dimensions, heads, layers and the longest text are the model's own."""
    folder = write_text_model(tmp_path)
    embedder = SentenceTransformerEmbedder(EmbedConfig(model=folder, precision="float32"))

    assert isinstance(load(EmbedConfig(model=folder)).background, BertEncoder)
    assert (embedder.dimensions, embedder.max_tokens) == (32, 62)
    assert rows(embedder, PROSE + ODD) == pytest.approx(reference(folder, PROSE + ODD), abs=1e-5)


@pytest.mark.parametrize(
    "shape",
    [
        {"kind": "mpnet"},
        {"pooling": "cls"},
        {"pooling": ("mean", "max")},
        {"activation": "relu"},
        {"prompt": "passage: "},
    ],
    ids=str,
)
def test_another_shape_is_left_to_the_library(tmp_path: Path, shape: dict[str, str]) -> None:
    """Its vectors are the library's, and its stretches have rows too."""
    folder = write_text_model(tmp_path, **shape)
    embedder = SentenceTransformerEmbedder(EmbedConfig(model=folder, precision="float32"))
    parts = [[(0, len(text) // 2), (len(text) // 2, len(text))] for text in PROSE]

    vectors, inner = embedder.embed_passages(PROSE, parts, ignore)

    assert isinstance(load(EmbedConfig(model=folder)).background, PaddedEncoder)
    assert vectors == pytest.approx(reference(folder, PROSE), abs=1e-5)
    assert inner.shape == (2 * len(PROSE), embedder.dimensions)
    assert embedder.embed_sentences(PROSE) == pytest.approx(vectors, abs=1e-5)
    assert np.linalg.norm(embedder.embed_query("Why?")) == pytest.approx(1, abs=1e-5)


def test_both_ways_give_stretches_the_same_rows(bundled: SentenceTransformerEmbedder) -> None:
    """Also stretches that overlap, stand in no order, hold nothing, or lie where the text was cut off."""
    model = SentenceTransformer(BUNDLED, device="cpu", local_files_only=True)
    padded = PaddedEncoder(model, load(EmbedConfig()).counter, dimensions=384, averages=True)
    parts = [[(10, len(text)), (0, 20), (5, 5), (3, 4), (len(text) - 9, len(text))] for text in PROSE]

    expected = padded.encode(PROSE, parts, ignore)
    found = bundled.embed_passages(PROSE, parts, ignore)

    assert is_bert(model[0].auto_model)
    assert found[0] == pytest.approx(unit_rows(expected[0]), abs=1e-5)
    assert found[1] == pytest.approx(unit_rows(expected[1]), abs=1e-5)
