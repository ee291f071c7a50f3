"""What can be measured of a sentence that might answer a question: one row of numbers for each, with names.

The rows are what the choice of sentences was fitted on and what it reads; see docs/decisions/0019.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from rag.asked import Kind
from rag.complete import ITEM, ROW
from rag.words import answer_type_match, coverage, names, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.sentences import Span
    from rag.asked import Asked
    from rag.types import Evidence

FEATURES = (
    "cosine",
    "cosine_in_context",
    "cosine_behind_best",
    "context_behind_best",
    "cosine_nearby",
    "coverage",
    "coverage_nearby",
    "coverage_with_headings",
    "coverage_of_headings",
    "coverage_behind_best",
    "rarest",
    "rarest_nearby",
    "pairs",
    "names",
    "numbers",
    "type_match",
    "new_words",
    "repeats_question",
    "passage_score",
    "passage_rank",
    "sentence_score",
    "sentence_behind_best",
    "first_of_passage",
    "first_of_document",
    "length",
    "very_short",
    "table_row",
    "list_item",
    "has_number",
    "has_name",
    "wants_number_has_number",
    "wants_name_has_name",
    "wants_reason_says_because",
    "all_capitals",
)
_BECAUSE = re.compile(
    r"\b(?:because|due to|since|in order to|so that|therefore|as a result|caused?|led to|result(?:s|ed)? (?:in|from)|"
    r"thus|hence|reason|owing to|by \w+ing)\b",
    re.IGNORECASE,
)
_SHORT = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of some evidence, as the search saw it.

    Attributes:
        evidence: Where it stands.
        index: Which of the evidence's sentences it is.
        span: Its span in the document, without white space at the ends.
        in_context: Cosine of the question with the sentence's vector that has read its surroundings; None where the
            store has none.
        weighed: What the search gave the sentence; None where it gave nothing.
        rank: Of its passage, from 1.
        first: Whether it is the first of its passage.
    """

    evidence: Evidence
    index: int
    span: Span
    in_context: float | None
    weighed: float | None
    rank: int
    first: bool

    @property
    def text(self) -> str:
        """The sentence."""
        return self.evidence.slice(self.span)


def sentence_features(
    asked: Asked, places: Sequence[Place], cosines: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A row for each sentence.

    Args:
        asked: The question.
        places: Sentences, those of one piece of evidence together and in order.
        cosines: Of each sentence alone with the question, shape (sentences,).

    Returns:
        Shape (sentences, features), in the order of ``FEATURES``.
    """
    words = [terms(place.text) for place in places]
    sets = [frozenset(each) for each in words]
    headings = {
        place.evidence.key: frozenset(terms(" ".join((place.evidence.title, *place.evidence.headings))))
        for place in places
    }
    context = np.array(
        [c if p.in_context is None else p.in_context for p, c in zip(places, cosines, strict=True)]
    )
    weighed = np.array([p.evidence.score if p.weighed is None else p.weighed for p in places])
    best_score = max((p.evidence.score for p in places), default=0.0) or 1.0
    best_weighed = float(weighed.max(initial=0.0)) or 1.0
    own = np.array([coverage(asked.terms, each, asked.weights) for each in sets])
    rows = np.zeros((len(places), len(FEATURES)))
    for at, place in enumerate(places):
        text = place.text
        near = [i for i in (at - 1, at + 1) if 0 <= i < len(places) and _adjacent(places[i], place)]
        around = frozenset().union(sets[at], *(sets[i] for i in near))
        heading = headings[place.evidence.key]
        found_names, found_numbers = names(text), numbers(text)
        lowered = text.casefold()
        named = bool(found_names - asked.names)
        numbered = bool(found_numbers - asked.numbers)
        new = sets[at] - frozenset(asked.terms)
        rows[at] = (
            cosines[at],
            context[at],
            cosines[at] - cosines.max(),
            context[at] - context.max(),
            max((context[i] for i in near), default=context[at]),
            own[at],
            coverage(asked.terms, around, asked.weights),
            coverage(asked.terms, sets[at] | heading, asked.weights),
            coverage(asked.terms, heading, asked.weights),
            own[at] - own.max(),
            float(asked.rarest is None or asked.rarest in sets[at]),
            float(asked.rarest is None or asked.rarest in around | heading),
            _share(sum(pair in asked.pairs for pair in set(pairwise(words[at]))), len(asked.pairs)),
            _share(sum(name in lowered for name in asked.names), len(asked.names)),
            _share(len(asked.numbers & found_numbers), len(asked.numbers)),
            answer_type_match(asked.text, text),
            np.log1p(len(new)),
            _share(len(sets[at]) - len(new), len(sets[at])),
            place.evidence.score / best_score,
            1.0 / place.rank,
            weighed[at] / best_weighed,
            (weighed[at] - weighed.max()) / best_weighed,
            float(place.first),
            float(place.span[0] - place.evidence.start < 3 and place.evidence.start == 0),  # noqa: PLR2004
            np.log1p(len(words[at])),
            float(len(words[at]) < _SHORT),
            float(bool(ROW.search(text))),
            float(bool(ITEM.match(text))),
            float(numbered),
            float(named),
            float(asked.kind in (Kind.TIME, Kind.NUMBER) and numbered),
            float(asked.kind in (Kind.PERSON, Kind.PLACE) and named),
            float(asked.kind is Kind.REASON and bool(_BECAUSE.search(text))),
            float(text.isupper()),
        )
    return rows


def _adjacent(one: Place, other: Place) -> bool:
    return one.evidence.key == other.evidence.key and abs(one.index - other.index) == 1


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
