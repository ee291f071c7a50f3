"""The answer by quotation: real sentences, chosen and ordered. Needs no language model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from ingest.sentences import trimmed
from rag.words import answer_type_match, content_terms, coverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.embed import Embedder
    from ingest.sentences import Span
    from ingest.types import FloatVector
    from rag.config import ExtractConfig
    from rag.types import Evidence

# A sentence that begins so leans on the one before it.
_LEANS_BACK = re.compile(
    r"(?:he|she|it|they|its|his|her|their|this|that|these|those|such|the (?:former|latter)|however|therefore|thus|"
    r"instead|otherwise|in addition|for example|for instance|also|both|as a result|consequently)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|[-*+•]\s+|>\s+|\|)|(?<!\w)[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}(?!\w)")
# A footnote mark of the document itself, as in "It rose [3, 4]." or "It rose.[^2]".
_FOREIGN_MARK = re.compile(r"\[(\^?\d{1,3}(?:\s?[-–,;]\s?\d{1,3})*)\]")
# Characters of commands and source code. Prose with an address or a path in it stays well below the share.
_CODE = re.compile(r"[{}\\<>=@`_/#&$;]")
_CODE_SHARE = 0.06
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that might answer.

    Attributes:
        evidence: Where it stands.
        index: Which of the evidence's sentences it is.
        span: Its span in the document, without white space at the ends.
        cosine: Similarity of its vector with the question's.
        coverage: Share of the question's terms that it has, weighted by rarity.
        type_match: See ``answer_type_match``.
        score: What it is chosen by.
    """

    evidence: Evidence
    index: int
    span: Span
    cosine: float
    coverage: float
    type_match: float
    score: float


def rank_sentences(
    question: str,
    query_vector: FloatVector,
    evidence: Sequence[Evidence],
    *,
    embedder: Embedder,
    weights: Mapping[str, float],
    config: ExtractConfig,
) -> list[Candidate]:
    """Score every sentence of the evidence against a question, best first.

    Args:
        question: In words.
        query_vector: The question's vector.
        evidence: Best first.
        embedder: For the sentences' vectors.
        weights: Rarity by term, for terms of the question.
        config: How much each signal counts.
    """
    places = [
        (piece, index, trimmed(piece.text, span[0] - piece.start, span[1] - piece.start))
        for piece in evidence
        for index, span in enumerate(piece.sentences)
    ]
    places = [(p, i, span) for p, i, span in places if is_statement(p.text[span[0] : span[1]])]
    vectors = embedder.embed_sentences([p.text[start:end] for p, _, (start, end) in places])
    cosines = vectors @ query_vector if places else np.empty(0)
    wanted = content_terms(question)
    # Scores are all 0 when nothing found is even similar.
    best = max((piece.score for piece in evidence), default=0.0) or 1.0
    found = []
    for (piece, index, (start, end)), cosine in zip(places, cosines, strict=True):
        sentence = piece.text[start:end]
        # Headings and title name the subject that the sentence itself may only call "it".
        around = " ".join((piece.title, *piece.headings))
        own = coverage(wanted, set(terms(sentence)), weights)
        wide = coverage(wanted, set(terms(around)) | set(terms(sentence)), weights)
        kind = answer_type_match(question, sentence)
        score = (
            config.cosine_weight * float(cosine)
            + config.coverage_weight * (own + wide) / 2
            + config.type_weight * kind
            + config.passage_weight * piece.score / best
        )
        span = (piece.start + start, piece.start + end)
        found.append(Candidate(piece, index, span, float(cosine), own, kind, score))
    return sorted(found, key=lambda each: (-each.score, each.evidence.document_id, each.span))


def choose(ranked: Sequence[Candidate], question: str, config: ExtractConfig) -> list[Candidate]:
    """Pick the sentences of the answer, in the order in which they are to be read.

    The best sentence always; a further one only when it is nearly as good and says something of the question
    that is not yet covered, or completes a sentence that leans on it.
    """
    if not ranked:
        return []
    picked = [ranked[0]]
    asked = set(content_terms(question))
    covered = set(terms(_text(ranked[0]))) & asked
    for candidate in ranked[1:]:
        if len(picked) >= config.max_sentences:
            break
        if candidate.score < config.next_sentence_share * ranked[0].score:
            break
        new = (set(terms(_text(candidate))) & asked) - covered
        if new and not _same_words(candidate, picked):
            picked.append(candidate)
            covered |= new
    by_place = {(c.evidence.key, c.index): c for c in ranked}
    for candidate in list(picked):
        before = by_place.get((candidate.evidence.key, candidate.index - 1))
        leans = _LEANS_BACK.match(_text(candidate))
        if leans and before and before not in picked and len(picked) <= config.max_sentences:
            picked.append(before)
    rank = {c.evidence.key: number for number, c in reversed(list(enumerate(picked)))}
    return sorted(picked, key=lambda c: (rank[c.evidence.key], c.index))


def readable(text: str) -> str:
    """A stored sentence as it reads inside an answer: one line, without Markdown's marks.

    Numbers in square brackets get parentheses, because in an answer ``[1]`` is a footnote of this service alone.
    """
    line = _WHITE_SPACE.sub(" ", _MARKUP.sub("", text.strip())).strip(" |")
    line = _FOREIGN_MARK.sub(r"(\1)", line)
    return line if re.search(r"[.!?:;。！？…][\"'”’)\]]*$", line) else f"{line}."


def is_statement(sentence: str) -> bool:
    """Whether a sentence could say something: not a heading, a rule, a question, code or a few stray words."""
    words = re.findall(r"\w+", sentence)
    if sentence.startswith("#") or sentence.rstrip().endswith("?"):
        return False
    if len(_CODE.findall(sentence)) > _CODE_SHARE * len(sentence):
        return False
    return len(words) >= 4 or bool(re.search(r"[぀-鿿]{6}", sentence))  # noqa: PLR2004


def _text(candidate: Candidate) -> str:
    return candidate.evidence.slice(candidate.span)


def _same_words(candidate: Candidate, picked: Sequence[Candidate]) -> bool:
    """Whether a sentence mostly repeats one that was picked."""
    mine = set(terms(_text(candidate)))
    for other in picked:
        theirs = set(terms(_text(other)))
        if len(mine & theirs) > 0.8 * min(len(mine), len(theirs)):
            return True
    return False
