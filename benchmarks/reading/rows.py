"""Questions -> what was read for each: sentences with features, and which of them are gold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.quotes import shingles, squeeze
from benchmarks.report import progress
from rag.answerable import answerable_features
from rag.asked import asked as take_apart
from rag.confidence import retrieval_signals
from rag.extract import choose, rank_sentences
from rag.markers import new_keys
from rag.passages import joined
from rag.places import passages_to_read
from rag.retrieve import retrieve
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from api.deps import Service
    from benchmarks.reading.sets import Asked, Span
    from rag.candidate import Candidate
    from rag.extract import Ranking

_SHOWN_EVERY = 50
# A gold sentence may be cut in two here: a part counts from this share on.
_PART = 0.3
_LEAST_SHINGLES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One question, read.

    Attributes:
        asked: The question.
        ranking: Its sentences; their scores are those of the shipped weights.
        picked: The sentences that would be quoted.
        gold: Whether each sentence of the ranking is gold, in its order.
        features: What sufficiency is computed from; empty without a sentence.
    """

    asked: Asked
    ranking: Ranking
    picked: tuple[Candidate, ...]
    gold: tuple[bool, ...]
    features: Mapping[str, float]

    @property
    def right(self) -> bool:
        """Whether a sentence that would be quoted is gold."""
        return self.asked.answerable and any(self.gold[each.at] for each in self.picked)


def read(service: Service, collection: str, questions: Iterable[Asked], ids: Mapping[str, str]) -> list[Row]:
    """Read for each question what an answer by quotation reads.

    Args:
        service: With the set's documents in ``collection``.
        collection: Its name.
        questions: Of the set.
        ids: Document id by file name.
    """
    answerer = service.answerer
    stored, catalog = service.store.collection(collection), service.store.catalog
    config = answerer.extract_config
    rows = []
    for question in questions:
        document = ids[question.filename]
        found = retrieve(
            question.text,
            collection=stored,
            catalog=catalog,
            embedder=answerer.embedder,
            config=answerer.retrieve_config,
            limit=config.searched,
            wanted={"document_id": document} if question.only else None,
        )
        weights = stored.rarity(content_terms(question.text))
        count = answerer.config.quote_passages
        part = passages_to_read(take_apart(question.text, weights), found, count, config.rarest_passages)
        ranking = rank_sentences(
            question.text,
            answerer.embedder.embed_query(question.text),
            joined(part, new_keys),
            embedder=answerer.embedder,
            weights=weights,
            config=config,
            found=part,
            vectors=catalog.sentence_vectors([each.passage.id for each in part]),
        )
        searched = retrieval_signals(found[:count])
        rows.append(
            Row(
                question,
                ranking,
                tuple(choose(ranking, config)),
                tuple(
                    place.evidence.document_id == document and is_gold(question, place.text, place.span)
                    for place in ranking.places
                ),
                answerable_features(ranking, searched) if ranking.candidates else {},
            )
        )
        if len(rows) % _SHOWN_EVERY == 0:
            progress(f"{collection}: {len(rows)} questions read")
    return rows


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
