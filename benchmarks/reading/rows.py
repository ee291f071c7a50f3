"""Questions -> what was read for each: sentences with features, and which of them are gold."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quotes import shingles, squeeze
from benchmarks.report import progress
from ingest.config import EmbedConfig
from ingest.embed import SentenceTransformerEmbedder
from rag.answerable import answerable_features
from rag.asked import asked as take_apart
from rag.confidence import retrieval_signals
from rag.extract import choose, rank_sentences
from rag.markers import new_keys
from rag.passages import fair_share, joined
from rag.places import passages_to_read
from rag.retrieve import retrieve
from rag.subject import subject
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from api.deps import Service
    from benchmarks.reading.sets import Asked
    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector
    from rag.candidate import Candidate
    from rag.extract import Ranking
    from rag.sentence_features import Place
    from rag.types import Found

_SHOWN_EVERY = 50
# A gold sentence may be cut in two here: a part counts from this share on.
_PART = 0.3
_LEAST_SHINGLES = 20
_PART_OF_PAGE = 0.7
# Ends the id of a question whose answer was taken out of what was found.
HELD_BACK = "/held back"
HELD_BACK_OF_GROUP = 40


class RememberingEmbedder(SentenceTransformerEmbedder):
    """The bundled model, which reads no sentence twice: many questions are asked of one paragraph."""

    def __init__(self) -> None:
        super().__init__(EmbedConfig())
        self._known: dict[str, FloatVector] = {}
        self._words: dict[str, tuple[FloatVector, FloatMatrix]] = {}

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """See ``Embedder``."""
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        self._known.update(zip(fresh, super().embed_sentences(fresh), strict=True))
        return np.stack([self._known[text] for text in texts])

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        fresh = {text: spans for text, spans in zip(texts, words, strict=True) if text not in self._words}
        if fresh:
            wholes, rows = super().embed_words(list(fresh), list(fresh.values()))
            ends = np.cumsum([len(spans) for spans in fresh.values()])
            for text, whole, end in zip(fresh, wholes, ends, strict=True):
                self._words[text] = (whole, rows[end - len(fresh[text]) : end])
        known = [self._words[text] for text in texts]
        return np.stack([whole for whole, _ in known]), np.concatenate([rows for _, rows in known])


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One question, read.

    Attributes:
        asked: The question.
        ranking: Its sentences; their scores are those of the shipped weights.
        picked: The sentences that would be quoted.
        gold: Whether each sentence of the ranking is gold, in its order.
        features: What sufficiency is computed from; empty without a sentence.
        right: Whether a sentence that would be quoted holds the answer, those included that complete another.
    """

    asked: Asked
    ranking: Ranking
    picked: tuple[Candidate, ...]
    gold: tuple[bool, ...]
    features: Mapping[str, float]
    right: bool


def read(
    service: Service, collection: str, questions: Iterable[Asked], ids: Mapping[str, str], *, held_back: bool
) -> list[Row]:
    """Read for each question what an answer by quotation reads.

    Args:
        service: With the set's documents in ``collection``.
        collection: Its name.
        questions: Of the set.
        ids: Document id by file name.
        held_back: Whether questions with an answer, so many of each group, are read once more without the passages that
            hold it.
    """
    rows = []
    embedder = RememberingEmbedder()
    again: Counter[str] = Counter()
    for at, question in enumerate(questions, start=1):
        text, found = _search(service, collection, question, ids)
        rows.append(_row(service, embedder, collection, question, text, found, ids))
        if held_back and question.answerable and again[question.group] < HELD_BACK_OF_GROUP:
            again[question.group] += 1
            left = without(found, _holding(question, found, ids[question.filename]))
            # What a short document leaves says nothing.
            if len(left) >= service.answerer.config.quote_passages:
                absent = replace(question, id=f"{question.id}{HELD_BACK}", answerable=False)
                rows.append(_row(service, embedder, collection, absent, text, left, ids))
        if at % _SHOWN_EVERY == 0:
            progress(f"{collection}: {at} questions read")
    return rows


def _search(
    service: Service, collection: str, question: Asked, ids: Mapping[str, str]
) -> tuple[str, list[Found]]:
    """What is asked in the end, and the passages, as ``rag.answer`` finds them."""
    answerer = service.answerer
    limit, config = answerer.extract_config.searched, answerer.config

    def search(text: str, within: str | None) -> list[Found]:
        return retrieve(
            text,
            collection=service.store.collection(collection),
            catalog=service.store.catalog,
            embedder=answerer.embedder,
            config=answerer.retrieve_config,
            limit=limit,
            wanted={"document_id": within} if within else None,
        )

    found = search(question.text, ids[question.filename] if question.only else None)
    first = fair_share(found, config.quote_passages, config.per_document)
    kept = {each.passage.id for each in first}
    found = [*first, *(each for each in found if each.passage.id not in kept)]
    named = None if question.only else subject(question.text, found)
    return (named.rest, search(named.rest, named.document_id)) if named else (question.text, found)


def _row(
    service: Service,
    embedder: RememberingEmbedder,
    collection: str,
    question: Asked,
    text: str,
    found: Sequence[Found],
    ids: Mapping[str, str],
) -> Row:
    answerer = service.answerer
    config, count = answerer.extract_config, answerer.config.quote_passages
    weights = service.store.collection(collection).rarity(content_terms(text))
    part = passages_to_read(take_apart(text, weights), found, count, config.rarest_passages)
    ranking = rank_sentences(
        text,
        embedder.embed_query(text),
        joined(part, new_keys),
        embedder=embedder,
        weights=weights,
        config=config,
        found=part,
        vectors=service.store.catalog.sentence_vectors([each.passage.id for each in part]),
    )
    document = ids.get(question.filename)

    def holds(each: Place | Candidate) -> bool:
        return each.evidence.document_id == document and is_gold(question, each.text, each.span)

    picked = tuple(choose(ranking, config))
    return Row(
        question,
        ranking,
        picked,
        tuple(map(holds, ranking.places)),
        answerable_features(ranking, retrieval_signals(found[:count])) if ranking.candidates else {},
        any(map(holds, picked)),
    )


def without(found: Sequence[Found], gone: Collection[int]) -> list[Found]:
    """Passages found, as if some, given by id, had never been stored; the ranks of the others close up."""
    lost: dict[str, list[int]] = {}
    for each in found:
        if each.passage.id in gone:
            for view, rank in each.ranks.items():
                lost.setdefault(view, []).append(rank)
    left = [each for each in found if each.passage.id not in gone]
    return [
        replace(
            each,
            rank=number,
            ranks={
                view: rank - sum(r < rank for r in lost.get(view, ())) for view, rank in each.ranks.items()
            },
        )
        for number, each in enumerate(left, start=1)
    ]


def _holding(question: Asked, found: Sequence[Found], document: str) -> set[int]:
    """Ids of the passages that hold the answer, and of their neighbours, whose scores they have raised."""
    inside = [each.passage for each in found if each.passage.document_id == document]
    if question.sentences:
        return {each.id for each in inside}
    spans = (question.within,) if question.within else question.spans
    at = {
        each.ordinal
        for each in inside
        if any(start < each.end and each.start < end for start, end in spans)
        or any(
            is_gold(question, each.text[a - each.start : b - each.start], (a, b)) for a, b in each.sentences
        )
    }
    return {each.id for each in inside if at & {each.ordinal - 1, each.ordinal, each.ordinal + 1}}


def is_gold(question: Asked, text: str, span: Span) -> bool:
    """Whether a sentence of the right document is what its question was asked of."""
    if not question.answerable:
        return False
    if question.phrases:
        start, end = question.within or (0, span[1])
        line = " ".join(text.casefold().split())
        inside = start <= span[0] < end
        return inside and any(" ".join(each.casefold().split()) in line for each in question.phrases)
    if question.sentences:
        plain = _plain(text)
        golds = [_plain(each) for each in question.sentences]
        return any((plain in gold and len(plain) > _PART * len(gold)) or gold in plain for gold in golds)
    if question.pages:
        have = shingles(squeeze(text).lower())
        golds = [shingles(squeeze(each).lower()) for each in question.pages]
        return len(have) > _LEAST_SHINGLES and any(
            len(have & gold) >= _PART_OF_PAGE * len(have) for gold in golds
        )
    if question.clause:
        wanted, have = shingles(squeeze(question.clause).lower()), shingles(squeeze(text).lower())
        shared = len(wanted & have)
        return 2 * shared >= len(wanted) or (len(have) > _LEAST_SHINGLES and shared >= 0.8 * len(have))
    return any(span[0] < end and start < span[1] for start, end in question.spans)


def halves(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Every second group to fit on, the others to measure on."""
    order = {group: at for at, group in enumerate(dict.fromkeys(row.asked.group for row in rows))}
    return (
        [row for row in rows if order[row.asked.group] % 2 == 0],
        [row for row in rows if order[row.asked.group] % 2 == 1],
    )


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text)
