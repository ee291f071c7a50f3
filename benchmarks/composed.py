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
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

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
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

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
# Collections of fewer passages are filled one document after the other, so that they do not become much larger.
_EXACT_BELOW = 20_000


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


def compose(texts: Sequence[tuple[str, str]], seed: int, start: int = 0) -> Iterator[tuple[str, str]]:
    """File names and Markdown from the document of a number on: first each text as it is, then variants without end."""
    words = [word.lower() for _, text in texts for word in _WORD.findall(text) if len(word) >= _LONG]
    for number, (title, text) in islice(enumerate(texts), start, None):
        yield f"original-{number}.md", f"# {title}\n\n{text}\n"
    for number in count(1 + max(0, start - len(texts))):
        draw = random.Random(f"{seed}/{number}")
        parts = [draw.choice(texts) for _ in range(_TOGETHER)]
        titles = [variant(title, words, draw) for title, _ in parts]
        body = "\n\n".join(
            f"## {title}\n\n{variant(text[:8000], words, draw)}"
            for title, (_, text) in zip(titles, parts, strict=True)
        )
        yield f"variant-{number}.md", f"# {titles[0]}\n\n{body}\n"


class WordEmbedder(SentenceTransformerEmbedder):
    """The real model for questions; texts get the mean of their words' vectors, each made by it once.

    Args:
        config: Of the real model.
        kept: Where the words' vectors are kept for the next time.
    """

    def __init__(self, config: EmbedConfig, kept: Path) -> None:
        super().__init__(config)
        self._kept = kept
        self._rows: dict[str, int] = {}
        self._table = np.empty((0, 0), np.float32)

    def learn(self, texts: Sequence[str]) -> None:
        """Embed the long words that these texts have more than once; others count for nothing."""
        if self._kept.exists():
            with np.load(self._kept, allow_pickle=False) as stored:
                self._rows = {word: at for at, word in enumerate(stored["words"].tolist())}
                self._table = stored["vectors"]
            return
        counts = Counter(word.lower() for text in texts for word in _WORD.findall(text) if len(word) >= _LONG)
        words = sorted((word for word, count in counts.items() if count > 1), key=len)
        self._rows = {word: at for at, word in enumerate(words)}
        found = []
        for at in range(0, len(words), 1024):
            found.append(self.embed_sentences(words[at : at + 1024]))
            progress(f"{at} of {len(words)} words embedded")
        self._table = np.concatenate(found)
        np.savez(self._kept, words=np.array(words), vectors=self._table)

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


class Composing:
    """A data folder that composed documents are put into, and its search.

    Args:
        folder: Of the data.
        data: The evaluation data.
        seed: Of the variants.
    """

    def __init__(self, folder: Path, data: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.texts, self.questions = sources(data)
        self.store = Store(folder)
        self.embedder = WordEmbedder(EmbedConfig(), folder / "words.npz")
        self._parser = Parser(ParseConfig())
        self._seed = seed
        pipeline = Pipeline(self._parser, self.embedder, ParseConfig(), ChunkConfig())
        self.runner = JobRunner(self.store, pipeline, JobConfig(workers=2))
        self.runner.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.stop()
        self._parser.close()
        self.store.close()

    def held(self) -> tuple[int, int]:
        """Documents and passages so far."""
        for each in self.store.catalog.collections():
            if each.name == COLLECTION:
                return each.documents, each.passages
        return 0, 0

    def add(self, documents: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Submit documents by file name and text, never many ahead of what is done; their ids as they are submitted."""
        with tempfile.TemporaryDirectory() as scratch:
            for number, (name, text) in enumerate(documents, 1):
                file = Path(scratch) / "text.md"
                file.write_text(text, encoding="utf-8")
                submitted = self._submit(file, name)
                self.runner.notify()
                yield submitted
                while number % _QUEUED == 0 and self.store.jobs.waiting() > _QUEUED:
                    time.sleep(0.1)

    def settle(self) -> None:
        """Wait until all that was submitted can be found."""
        self.runner.drain()
        self.store.collection(COLLECTION).views()

    def fill(self, passages: int) -> int:
        """Compose until there are so many passages; returns how many there are."""
        documents, held = self.held()
        if held < passages:
            self.embedder.learn([text for pair in self.texts for text in pair])
            more = compose(self.texts, self._seed, documents)
            for number, _ in enumerate(self.add(more), 1):
                if passages < _EXACT_BELOW:
                    self.runner.drain()
                if passages < _EXACT_BELOW or number % _QUEUED == 0:
                    held = self.held()[1]
                    progress(f"{held} of {passages} passages stored")
                    if held >= passages:
                        break
        self.settle()
        return self.held()[1]

    def _submit(self, file: Path, name: str) -> str:
        blob = self.store.blobs.writer()
        try:
            blob.write(file.read_bytes())
            return self.store.add(blob, collection=COLLECTION, filename=name).document_id
        finally:
            blob.discard()


def fill(folder: Path, data: Path, passages: int, seed: int) -> int:
    """Compose documents into a data folder until it holds so many passages; returns how many it holds."""
    with Composing(folder, data, seed) as composing:
        return composing.fill(passages)
