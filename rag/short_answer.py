"""The few words of the sentences quoted that answer, for a question that wants a name, a date or a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rag.asked import SPAN_KINDS
from rag.learned import load_linear
from rag.spans import candidates, crossed, span_features, words_of
from rag.types import ShortAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.candidate import Candidate
    from rag.extract import Ranking

MODEL = "spans-2026-11"


def short_answer(ranking: Ranking, picked: Sequence[Candidate]) -> ShortAnswer | None:
    """The likeliest words of the sentences picked.

    Args:
        ranking: That they were picked from.
        picked: The sentences of the answer.

    Returns:
        None when the question wants more than a few words, or no sentence has any that could answer.
    """
    if ranking.asked.kind not in SPAN_KINDS:
        return None
    best, found = -np.inf, None
    model = load_linear(MODEL)
    top = float(ranking.scores.max(initial=-np.inf))
    for candidate in picked:
        place = ranking.places[candidate.at]
        if place.span != candidate.span:
            continue  # A sentence that was added for another's sake was not weighed itself.
        words = words_of(candidate.text)
        spans = candidates(words, candidate.text)
        if not spans:
            continue
        rows = span_features(ranking.asked, place, words, spans, (candidate.score, top))
        scores = model.score(crossed(rows))
        at = int(scores.argmax())
        if scores[at] > best:
            best, found = float(scores[at]), (candidate, words[spans[at][0]].start, words[spans[at][1]].end)
    if found is None:
        return None
    candidate, start, end = found
    evidence, begin = candidate.evidence, candidate.span[0]
    return ShortAnswer(
        text=candidate.text[start:end],
        start=begin + start,
        end=begin + end,
        document_id=evidence.document_id,
        version=evidence.version,
    )
