"""A large collection, quickly: documents composed from public ones, with vectors in the space of the real model.

Public documents stand in it once as they are, so that their questions have answers. The others are variants of them,
each with a part of its words exchanged for others of the same texts, so that words keep their frequencies. A vector is
the mean of the real model's vectors of the words: far quicker than reading each text, in the space that questions are
encoded into, and clustered by subject as real ones are.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.reading.sets import clapnq, squad2
from benchmarks.report import progress
from index.config import JobConfig
from index.jobs import JobRunner
from index.store import Store
from ingest.config import ChunkConfig, EmbedConfig, ParseConfig
from ingest.embed import SentenceTransformerEmbedder, unit_rows
from ingest.parse import Parser
from ingest.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.sentences import Span
    from ingest.types import FloatMatrix

COLLECTION = "composed"
_WORD = re.compile(r"\w+")
# Words that are exchanged are at least so long: shorter ones are mostly function words.
_LONG = 5
# Share of a variant's distinct long words that are exchanged.
_EXCHANGED = 0.4
# Variants that are one document, under a heading each: about 50 passages.
_TOGETHER = 3
_QUEUED = 50


def sources(data: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Public texts with their titles, and questions that some of them answer."""
    articles, pages = squad2(data), clapnq(data)
    texts = [(title or name, content.decode()) for name, title, content in articles.documents]
    # Short passages are joined, so that they are documents of some length too.
    short = [content.decode() for _, _, content in pages.documents]
    texts += [(f"Collected {at // 20}", "\n\n".join(short[at : at + 20])) for at in range(0, len(short), 20)]
    return texts, [each.text for each in articles.questions if each.answerable]


def variant(text: str, words: Sequence[str], draw: random.Random) -> str:
    """A text with a part of its long words exchanged, each for the same one throughout, and its numbers for others.

    Args:
        text: Whose order of words and sentences is kept.
        words: To draw from; a word that stands there twice is drawn twice as often.
        draw: Decides.
    """
    exchanged: dict[str, str] = {}

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if word.isdigit():
            return "".join(draw.choice("123456789") for _ in word)
        if len(word) < _LONG:
            return word
        known = exchanged.get(word)
        if known is None:
            known = draw.choice(words) if draw.random() < _EXCHANGED else word
            known = known.capitalize() if word[0].isupper() else known
            exchanged[word] = known
        return known

    return _WORD.sub(other, text)


def compose(texts: Sequence[tuple[str, str]], seed: int) -> Iterator[tuple[str, str]]:
    """File names and Markdown: first each text as it is, then variants without end."""
    draw = random.Random(seed)
    words = [word.lower() for _, text in texts for word in _WORD.findall(text) if len(word) >= _LONG]
    for number, (title, text) in enumerate(texts):
        yield f"original-{number}.md", f"# {title}\n\n{text}\n"
    number = 0
    while True:
        number += 1
        parts = [draw.choice(texts) for _ in range(_TOGETHER)]
        titles = [variant(title, words, draw) for title, _ in parts]
        body = "\n\n".join(
            f"## {title}\n\n{variant(text[:8000], words, draw)}"
            for title, (_, text) in zip(titles, parts, strict=True)
        )
        yield f"variant-{number}.md", f"# {titles[0]}\n\n{body}\n"


class WordEmbedder(SentenceTransformerEmbedder):
    """The real model for questions; texts get the mean of their words' vectors, each made by it once."""

    def __init__(self, config: EmbedConfig) -> None:
        super().__init__(config)
        self._rows: dict[str, int] = {}
        self._table = np.empty((0, 0), np.float32)

    def learn(self, texts: Sequence[str]) -> None:
        """Embed the long words that these texts have more than once; others count for nothing."""
        counts = Counter(word.lower() for text in texts for word in _WORD.findall(text) if len(word) >= _LONG)
        words = sorted((word for word, count in counts.items() if count > 1), key=len)
        self._rows = {word: at for at, word in enumerate(words)}
        found = []
        for at in range(0, len(words), 1024):
            found.append(self.embed_sentences(words[at : at + 1024]))
            progress(f"{at} of {len(words)} words embedded")
        self._table = np.concatenate(found)

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """As of ``Embedder``."""
        inner = [text[a:b] for text, spans in zip(texts, parts, strict=True) for a, b in spans]
        progress(len(texts))
        return self._means(texts), self._means(inner)

    def _means(self, texts: Sequence[str]) -> FloatMatrix:
        rows = np.empty((len(texts), self.dimensions), np.float32)
        for at, text in enumerate(texts):
            known = [self._rows[word] for word in _WORD.findall(text.lower()) if word in self._rows]
            rows[at] = self._table[known].mean(axis=0) if known else self._table[0]
        return unit_rows(rows)


def fill(folder: Path, data: Path, passages: int, seed: int) -> int:
    """Compose documents into a data folder until it holds so many passages; returns how many it holds."""
    texts, _ = sources(data)
    store, parser = Store(folder), Parser(ParseConfig())
    embedder = WordEmbedder(EmbedConfig(batch_size=64))
    held = 0
    try:
        if any(each.name == COLLECTION for each in store.catalog.collections()):
            held = store.catalog.collection(COLLECTION).passages
        if held >= passages:
            return held
        embedder.learn([text for pair in texts for text in pair])
        pipeline = Pipeline(parser, embedder, ParseConfig(), ChunkConfig())
        runner = JobRunner(store, pipeline, JobConfig(workers=2))
        runner.start()
        try:
            with tempfile.TemporaryDirectory() as scratch:
                for number, (name, text) in enumerate(compose(texts, seed), 1):
                    file = Path(scratch) / "text.md"
                    file.write_text(text, encoding="utf-8")
                    _submit(store, file, name)
                    runner.notify()
                    if number % _QUEUED == 0:
                        while store.jobs.waiting() > _QUEUED:
                            time.sleep(0.1)
                        held = store.catalog.collection(COLLECTION).passages
                        progress(f"{held} of {passages} passages stored")
                        if held >= passages:
                            break
            while store.jobs.waiting():
                time.sleep(0.1)
        finally:
            runner.stop()
        store.collection(COLLECTION).views()
        return store.catalog.collection(COLLECTION).passages
    finally:
        parser.close()
        store.close()


def _submit(store: Store, file: Path, name: str) -> None:
    blob = store.blobs.writer()
    try:
        blob.write(file.read_bytes())
        store.add(blob, collection=COLLECTION, filename=name)
    finally:
        blob.discard()
