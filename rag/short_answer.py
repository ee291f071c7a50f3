"""The few words of the sentences quoted that answer, for a question that wants a name, a date or a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from rag.asked import SPAN_KINDS
from rag.cells import cell_asked_for, in_table
from rag.complete import ITEM
from rag.learned import load_linear
from rag.spans import candidates, crossed, span_features, words_of
from rag.types import ShortAnswer
from rag.verification.quantities import quantities_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.sentences import Span
    from rag.candidate import Candidate
    from rag.extract import Ranking
    from rag.spans import Word

MODEL = "spans-2026-11"

_LASTING = re.compile(r"\bhow long\b", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*(?:what|which|who) (?:are|were)\b", re.IGNORECASE)
# A stretch with one of these is a piece of a clause, whatever stands around it. "May" is also a month.
_FINITE = re.compile(
    r"(?:is|are|was|were|has|have|had|do|does|did|can|could|will|would|shall|should|must|may|might|cannot)"
)
_POINTING = re.compile(
    r"(?:the|an?|this|that|these|those|its?|he|his|him|she|her|they|their|them|we|our|us|your?|i|my|me|who|which|"
    r"there|here)"
)


def short_answer(ranking: Ranking, picked: Sequence[Candidate]) -> ShortAnswer | None:
    """The likeliest words of the sentences picked.

    Args:
        ranking: That they were picked from.
        picked: The sentences of the answer.

    Returns:
        None when the question wants more than a few words, no sentence has any that could answer, or the best sentence
        is a row of a table of which the question names no column.
    """
    if ranking.asked.kind not in SPAN_KINDS or not picked:
        return None
    best = max(picked, key=lambda each: each.score)
    line = best.evidence.slice(best.evidence.sentences[best.index])
    if _SEVERAL.match(ranking.asked.text) and (ITEM.match(line) or best.text.endswith(":")):
        # One item of a list is not what was asked for.
        return None
    if in_table(best.evidence, best.text):
        cells = ((each, cell_asked_for(ranking.asked.text, each.evidence, each.index)) for each in picked)
        return next((_shown(each, span) for each, span in cells if span is not None), None)
    return _in_prose(ranking, [each for each in picked if not in_table(each.evidence, each.text)])


def _in_prose(ranking: Ranking, picked: Sequence[Candidate]) -> ShortAnswer | None:
    best, found = -np.inf, None
    model = load_linear(MODEL)
    top = float(ranking.scores.max(initial=-np.inf))
    for candidate in picked:
        place = ranking.places[candidate.at]
        if place.span != candidate.span:
            continue  # A sentence that was added for another's sake was not weighed itself.
        text, words = candidate.text, words_of(candidate.text)
        spans = [each for each in candidates(words, text) if _could_stand_alone(words, *each)]
        if _LASTING.search(ranking.asked.text):
            spans = _lasting(text, words, spans)
        if not spans:
            continue
        rows = span_features(ranking.asked, place, words, spans, (candidate.score, top))
        scores = model.score(crossed(rows))
        at = int(scores.argmax())
        if scores[at] > best:
            start, end = words[spans[at][0]].start, words[spans[at][1]].end
            best, found = float(scores[at]), (candidate, _whole(text, (start, end)))
    if found is None:
        return None
    candidate, (start, end) = found
    return _shown(candidate, (candidate.span[0] + start, candidate.span[0] + end))


def _shown(candidate: Candidate, span: Span) -> ShortAnswer:
    evidence = candidate.evidence
    return ShortAnswer(evidence.slice(span), *span, evidence.document_id, evidence.version)


def _could_stand_alone(words: Sequence[Word], first: int, last: int) -> bool:
    """Whether some words are no mere pronoun and no piece of a clause."""
    inside = words[first : last + 1]
    return not any(_FINITE.fullmatch(word.text) for word in inside) and not all(
        _POINTING.fullmatch(word.lower) for word in inside
    )


def _lasting(text: str, words: Sequence[Word], spans: Sequence[Span]) -> list[Span]:
    """Stretches that hold how long something lasts or is; without any, those that hold no date."""
    quantities, dates = quantities_of(text)

    def holds(span: Span, start: int, end: int) -> bool:
        return words[span[0]].start < end and start < words[span[1]].end

    measured = [(each.start, each.end) for each in quantities if each.unit]
    if lasting := [span for span in spans if any(holds(span, *each) for each in measured)]:
        spans = lasting
    return [span for span in spans if not any(holds(span, each.start, each.end) for each in dates)]


def _whole(text: str, span: Span) -> Span:
    """A stretch of text with the rest of the dates and amounts that it has a piece of."""
    start, end = span
    quantities, dates = quantities_of(text)
    found = [(each.start, each.end) for each in quantities] + [(each.start, each.end) for each in dates]
    for first, last in found:
        if first < end and start < last:
            start, end = min(start, first), max(end, last)
    return start, end
