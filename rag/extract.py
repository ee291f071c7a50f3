"""The answer by quotation: real sentences, chosen and ordered. Needs no language model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from ingest.hidden import without_hidden
from rag.alignment import Readings, alignment, around_best
from rag.asked import Kind, asked
from rag.candidate import Candidate
from rag.complete import completed
from rag.learned import load_linear
from rag.places import places_of
from rag.sentence_features import FEATURES, sentence_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from ingest.types import FloatMatrix, FloatVector
    from rag.asked import Asked
    from rag.config import ExtractConfig
    from rag.sentence_features import Place
    from rag.types import Evidence, Found

MODEL = "sentences-2026-11"
# What of a sentence's features depends on its vector alone.
_COSINE, _BEHIND_BEST = FEATURES.index("cosine"), FEATURES.index("cosine_behind_best")
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|[-*+•]\s+|>\s+|\|)|(?<!\w)[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}(?!\w)")
# A footnote mark of the document itself, as in "It rose [3, 4]." or "It rose.[^2]".
_FOREIGN_MARK = re.compile(r"\[(\^?\d{1,3}(?:\s?[-–,;]\s?\d{1,3})*)\]")
# Characters of commands and source code. Prose with an address or a path in it stays well below the share.
_CODE = re.compile(r"[{}\\<>=@`_/#&$;]")
_CODE_SHARE = 0.06
# "The way to do it is this: what is missing, or what is broken?" says something before it asks.
_ANSWERED = re.compile(r"\s*(?!(?:how|what|when|where|which|who|why)\b)(?:\S+\s+){4,}?\S*:\s", re.IGNORECASE)
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """All sentences that were looked at for a question.

    Attributes:
        asked: The question.
        candidates: Best first.
        places: The sentences in the order of the evidence, which rows and scores follow.
        rows: Their features, shape (sentences, features).
        scores: Shape (sentences,).
        compared: How the question compares with the best of them, word by word; see ``rag.alignment``.
    """

    asked: Asked
    candidates: tuple[Candidate, ...]
    places: tuple[Place, ...]
    rows: NDArray[np.float64]
    scores: NDArray[np.float64]
    compared: Mapping[str, float] = field(default_factory=dict)


def rank_sentences(
    question: str,
    query_vector: FloatVector,
    evidence: Sequence[Evidence],
    *,
    embedder: Embedder,
    weights: Mapping[str, float],
    config: ExtractConfig,
    found: Sequence[Found] = (),
    vectors: Mapping[int, FloatMatrix] | None = None,
) -> Ranking:
    """Score every sentence of the evidence against a question, best first.

    Args:
        question: In words.
        query_vector: The question's vector.
        evidence: Best first.
        embedder: For the vectors of sentences alone.
        weights: Rarity by term, for terms of the question.
        config: How many are looked at closely.
        found: The passages that the evidence was made from, as the search gave them.
        vectors: Of their sentences by passage id, as stored.
    """
    about = asked(question, weights)
    places = places_of(evidence, found, query_vector, vectors or {}, is_statement)
    readings = Readings(about, places, embedder)
    rows, scores = _scored(about, places, readings, query_vector, config.embedded)
    candidates = [
        Candidate(place.evidence, place.index, place.span, float(cosine), float(score), at)
        for at, (place, cosine, score) in enumerate(zip(places, rows[:, _COSINE], scores, strict=True))
    ]
    candidates.sort(key=lambda each: (-each.score, each.evidence.document_id, each.span))
    compared = alignment(readings, scores)
    return Ranking(about, tuple(candidates), tuple(places), rows, scores, compared)


def choose(ranking: Ranking, config: ExtractConfig) -> list[Candidate]:
    """Pick the sentences of the answer, in the order in which they are to be read.

    The best sentence always; a further one when it is nearly as good and not the same again. A question that wants an
    explanation or a list is given more of them than one that wants a name or a number.
    """
    if not ranking.candidates:
        return []
    best = ranking.candidates[0]
    wide = ranking.asked.kind in (Kind.LIST, Kind.REASON)
    limit = config.max_sentences_wide if wide else config.max_sentences
    picked: list[Candidate] = [best]
    for candidate in ranking.candidates[1:]:
        if len(picked) >= limit or best.score - candidate.score > config.next_sentence_gap:
            break
        if not _same_words(candidate, picked):
            picked.append(candidate)
    return completed(picked, ranking.asked, limit, config.max_items)


def readable(text: str) -> str:
    """A stored sentence as it reads inside an answer: one line, without Markdown's marks.

    Numbers in square brackets get parentheses, because in an answer ``[1]`` is a footnote of this service alone.
    """
    line = _WHITE_SPACE.sub(" ", _MARKUP.sub("", without_hidden(text).strip())).strip(" |")
    line = _FOREIGN_MARK.sub(r"(\1)", line)
    return line if re.search(r"[.!?:;。！？…][\"'”’)\]]*$", line) else f"{line}."


def is_statement(sentence: str) -> bool:
    """Whether a sentence could say something: not a heading, a rule, a question, code or a few stray words."""
    words = re.findall(r"\w+", sentence)
    if sentence.startswith("#") or (sentence.rstrip().endswith("?") and not _ANSWERED.match(sentence)):
        return False
    if len(_CODE.findall(sentence)) > _CODE_SHARE * len(sentence):
        return False
    return len(words) >= 4 or bool(re.search(r"[぀-鿿]{6}", sentence))  # noqa: PLR2004


def _scored(
    about: Asked, places: Sequence[Place], readings: Readings, query_vector: FloatVector, embedded: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features and score of each sentence, by its vector alone where it looks promising.

    Every sentence is scored first as if its stored vector, which has read its surroundings, were its own. The best by
    that are then read alone, so that a long passage costs no more time than a short one.
    """
    model = load_linear(MODEL)
    cosines = np.array([place.in_context or 0.0 for place in places])
    unknown = [at for at, place in enumerate(places) if place.in_context is None]
    if unknown:
        cosines[unknown] = readings.wholes(unknown) @ query_vector
    rows = sentence_features(about, places, cosines)
    if not places:
        return rows, model.score(rows)
    first = model.score(rows)
    # Those around the best are read word by word afterwards, and cost least beside the others.
    chosen = list({*np.argsort(-first, kind="stable")[:embedded].tolist(), *around_best(places, first)})
    cosines[chosen] = readings.wholes(chosen) @ query_vector
    rows[:, _COSINE], rows[:, _BEHIND_BEST] = cosines, cosines - cosines.max()
    return rows, model.score(rows)


def _same_words(candidate: Candidate, picked: Sequence[Candidate]) -> bool:
    """Whether a sentence mostly repeats one that was picked."""
    mine = set(terms(candidate.text))
    for other in picked:
        theirs = set(terms(other.text))
        if len(mine & theirs) > 0.8 * min(len(mine), len(theirs)):
            return True
    return False
