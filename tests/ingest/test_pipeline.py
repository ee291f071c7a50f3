"""One original through all three steps."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.config import ChunkConfig, ParseConfig
from ingest.errors import CorruptFile, LimitExceeded, NoText, TooLarge
from ingest.pipeline import Original, Pipeline
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ingest.parse import Parser
    from ingest.pipeline import Ingested
    from ingest.sentences import Span
    from ingest.types import FloatMatrix

MARKDOWN = """# Membership

Anyone may join. The fee is 30 euros a year.

## Loans

- four weeks for books
- one week for films

| item | weeks |
|---|---|
| book | 4 |
"""


def ignore(_stage: str, _share: float) -> None:
    """Progress that nobody watches."""


def original(folder: Path, content: bytes, filename: str = "rules.md", title: str | None = None) -> Original:
    """An upload as the catalog hands it over: its bytes in a file without a telling name."""
    path = folder / "blob"
    path.write_bytes(content)
    return Original(path, "doc_1", 3, hashlib.sha256(content).hexdigest(), filename, title)


@pytest.fixture
def ingested(pipeline: Pipeline, tmp_path: Path) -> Ingested:
    """The Markdown above, ingested."""
    return pipeline.run(original(tmp_path, MARKDOWN.encode()), ignore)


def test_the_document_keeps_the_identity_it_was_given(ingested: Ingested, tmp_path: Path) -> None:
    """Id, version, hash and name come from the catalog, the text from the file, unchanged."""
    document = ingested.document

    assert (document.id, document.version, document.filename) == ("doc_1", 3, "rules.md")
    assert document.sha256 == hashlib.sha256((tmp_path / "blob").read_bytes()).hexdigest()
    assert document.media_type == "text/markdown"
    assert document.text == MARKDOWN


def test_every_passage_has_its_own_vector(ingested: Ingested, pipeline: Pipeline) -> None:
    """Row n is the vector of passage n under what stands above it, and the model is named."""
    texts = [
        f"{context}\n{MARKDOWN[chunk.start : chunk.end]}"
        for context, chunk in zip(ingested.embedded.contexts, ingested.tree.passages, strict=True)
    ]

    assert ingested.embedded.contexts == ("rules: Membership", "rules: Membership > Loans")
    assert len(texts) > 1
    assert ingested.embedded.chunks == ingested.tree.passages
    assert ingested.embedded.fingerprint == pipeline.embedder.fingerprint
    assert np.array_equal(ingested.embedded.vectors, pipeline.embedder.embed_sentences(texts))


def test_every_sentence_has_its_own_vector(ingested: Ingested, pipeline: Pipeline) -> None:
    """Row n is that of sentence n of the document, whatever context its passage was read under."""
    texts = [MARKDOWN[chunk.start : chunk.end] for chunk in ingested.tree.sentences]

    assert len(texts) > len(ingested.tree.passages)
    assert np.array_equal(ingested.embedded.sentence_vectors, pipeline.embedder.embed_sentences(texts))


class NarrowEmbedder(HashingEmbedder):
    """Reads few tokens of each text, and remembers what it was given."""

    def __init__(self, max_tokens: int) -> None:
        super().__init__()
        self.read: list[str] = []
        self._max_tokens = max_tokens

    @property
    def max_tokens(self) -> int:
        """See ``Embedder``."""
        return self._max_tokens

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        self.read += texts
        return super().embed_passages(texts, parts, progress)


@pytest.mark.parametrize("most", [8, 20, 31])
def test_what_is_embedded_fits_the_model(pipeline: Pipeline, tmp_path: Path, most: int) -> None:
    """A passage under its context is never longer than the model reads, so that its end is seen."""
    narrow = NarrowEmbedder(most)
    headings = "# " + "a title of many words " * 6 + "\n\n## " + "a heading of many words " * 6 + "\n\n"
    table = "| " + " | ".join("column" for _ in range(20)) + " |\n" + "| one | two |\n" * 30
    content = (headings + "Some words of a text that goes on. " * 10 + "\n\n" + table).encode()

    found = replace(pipeline, embedder=narrow).run(original(tmp_path, content), ignore)

    assert max(narrow.count_tokens(narrow.read)) <= most
    assert all(text.startswith("rules: a title") for text in narrow.read)
    for chunk in found.tree.passages:
        passage = found.document.text[chunk.start : chunk.end]
        assert any(text.endswith(passage) for text in narrow.read)


def test_ingesting_twice_gives_the_same(ingested: Ingested, pipeline: Pipeline, tmp_path: Path) -> None:
    """Nothing depends on chance or on what was ingested before."""
    again = pipeline.run(original(tmp_path, MARKDOWN.encode()), ignore)

    assert again.document == ingested.document
    assert again.tree == ingested.tree
    assert np.array_equal(again.embedded.vectors, ingested.embedded.vectors)


@pytest.mark.parametrize(
    ("content", "given", "expected"),
    [
        ("# Heading\n\ntext", "Given", "Given"),
        ("---\ntitle: Stated\n---\n\n# Heading\n\ntext", None, "Stated"),
        ("# Heading\n\ntext", None, "Heading"),
        ("only text", None, "rules.md"),
    ],
)
def test_the_title(
    pipeline: Pipeline, tmp_path: Path, content: str, given: str | None, expected: str
) -> None:
    """What the uploader said, else what the file states, else its first heading, else its name."""
    found = pipeline.run(original(tmp_path, content.encode(), title=given), ignore)

    assert found.document.title == expected


def test_progress_goes_through_the_stages(pipeline: Pipeline, tmp_path: Path) -> None:
    """First parsing, then embedding with a share that grows to 1; while the text is cut it stands at 0."""
    seen: list[tuple[str, float]] = []
    content = "".join(f"Sentence number {number} of a long text. " for number in range(400)).encode()

    pipeline.run(original(tmp_path, content), lambda stage, share: seen.append((stage, share)))

    assert seen[:2] == [("parsing", 0.0), ("embedding", 0.0)]
    growing = [each for each in seen[1:] if each[1]]
    assert seen[1:] == [("embedding", 0.0)] * (len(seen) - 1 - len(growing)) + sorted(set(growing))
    assert seen[-1] == ("embedding", 1.0)
    assert len(growing) > 2


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", NoText), (b" \n\t\n", NoText), (b"%PDF-1.7\nnothing more", CorruptFile)],
)
def test_a_file_without_text_fails_with_its_own_error(
    pipeline: Pipeline, tmp_path: Path, content: bytes, error: type[Exception]
) -> None:
    """The error says what is wrong with this file; the pipeline stays usable."""
    with pytest.raises(error):
        pipeline.run(original(tmp_path, content, "file"), ignore)

    assert pipeline.run(original(tmp_path, b"text", "file.txt"), ignore).document.text == "text"


def test_a_file_over_the_ceiling_is_not_read(pipeline: Pipeline, tmp_path: Path) -> None:
    """The ceiling in bytes holds before any parser sees the file."""
    small = replace(pipeline, parse_config=ParseConfig(max_bytes=10))

    with pytest.raises(TooLarge, match="10"):
        small.run(original(tmp_path, b"eleven bytes"), ignore)


def test_what_progress_raises_ends_the_work(pipeline: Pipeline, tmp_path: Path) -> None:
    """A service that is stopping gets out of the middle of a document."""

    class Stopped(Exception):
        """Raised by the watcher."""

    def stop(stage: str, share: float) -> None:
        if stage == "embedding" and share > 0:
            raise Stopped

    with pytest.raises(Stopped):
        pipeline.run(original(tmp_path, MARKDOWN.encode()), stop)


def test_embedding_that_takes_too_long_is_stopped(parser: Parser, tmp_path: Path) -> None:
    """The worker is free again, and the document fails with the reason."""
    path = tmp_path / "slow.txt"
    path.write_text("One sentence of a few words here. " * 50)
    hurried = Pipeline(
        parser, HashingEmbedder(), ParseConfig(), ChunkConfig(max_tokens=24, embed_timeout_s=-1)
    )

    with pytest.raises(LimitExceeded, match="Embedding"):
        hurried.run(Original(path, "doc", 1, "0" * 64, "slow.txt"), ignore)


def test_a_document_of_too_many_passages_is_refused(parser: Parser, tmp_path: Path) -> None:
    """Its vectors would all be in memory at once: it fails before any is computed."""
    path = tmp_path / "long.txt"
    path.write_text("One sentence of a few words here. " * 50)
    narrow = Pipeline(parser, HashingEmbedder(), ParseConfig(), ChunkConfig(max_tokens=24, max_passages=5))

    with pytest.raises(TooLarge, match="more than the ceiling of 5"):
        narrow.run(Original(path, "doc", 1, "0" * 64, "long.txt"), ignore)
