"""The few words of a sentence that answer a question: candidates by rules, and what can be measured of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from rag.asked import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ingest.sentences import Span
    from rag.asked import Asked
    from rag.sentence_features import Place

SPAN_FEATURES = (
    *(f"kind_{kind.value}" for kind in Kind),
    "number",
    "year",
    "month",
    "capitals",
    "all_capitalised",
    "letters_small",
    "words",
    "share_of_sentence",
    "asked_words",
    "asked_weight",
    "distance",
    "near_weight",
    "weight_before",
    "weight_after",
    "focus_near",
    "focus_next",
    "after_by",
    "after_in",
    "after_at",
    "after_to",
    "after_of",
    "after_is",
    "after_as",
    "after_because",
    "after_comma",
    "after_the",
    "before_unit",
    "before_of",
    "before_is",
    "ends_clause",
    "begins_sentence",
    "in_brackets",
    "money_or_percent",
    "sentence_score",
    "sentence_behind_best",
    "sentence_first",
    "splits_name",
    "place_in_sentence",
)
_KIND_COUNT = len(Kind)
_MOST_WORDS, _MOST_CAPITALS = 8, 4
_ALONE = (
    *SPAN_FEATURES[_KIND_COUNT:],
    *(f"words_{count}" for count in range(1, _MOST_WORDS)),
    "log_distance",
    "few_capitals",
)
CROSSED = (*_ALONE, *(f"{name}@{kind.value}" for kind in Kind for name in _ALONE))
_WORD = re.compile(r"[^\W_](?:[\w'’.,/&-]*[^\W_])?%?|[$€£]\s?\d[\d,.]*\d?|[%$€£]")
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_SMALL_WORDS = frozenset(
    "a an the of in on at by for from to with and or as is are was were be been being that which who whom whose this "  # noqa: SIM905
    "these those it its his her their he she they than then but not had has have having do does did so if into also "
    "can could may might will would shall should must after before during while when where about over under between "
    "through because since until against such other some any each only both however there".split()
)
_NUMBER_WORDS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty "  # noqa: SIM905
    "ninety hundred thousand million billion trillion dozen half first second third fourth fifth once twice".split()
)
_INSIDE_NAMES = frozenset(("of", "the", "de", "la", "and", "von", "van", "for", "&", "du", "al", "in"))
_BECAUSE = frozenset(("because", "since", "for", "due", "to", "through"))
_IS = frozenset(
    ("is", "are", "was", "were", "called", "named", "became", "be", "been", "include", "includes")
)
_LONGEST, _LONGEST_NAME = 7, 8
_FAR = 12.0


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a sentence: its offsets in it, as it stands, and in lower case."""

    start: int
    end: int
    text: str
    lower: str


@dataclass(frozen=True, slots=True)
class SpanCandidate:
    """Some words of a sentence.

    Attributes:
        place: The sentence.
        first: Index of its first word in the sentence.
        last: Index of its last word.
        start: First code point in the sentence.
        end: One past the last code point.
    """

    place: Place
    first: int
    last: int
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words as they stand."""
        return self.place.text[self.start : self.end]

    @property
    def span(self) -> Span:
        """Where they stand in the document."""
        return self.place.span[0] + self.start, self.place.span[0] + self.end


def words_of(sentence: str) -> list[Word]:
    """The words of a sentence, numbers with their signs."""
    return [
        Word(match.start(), match.end(), match.group(), match.group().casefold())
        for match in _WORD.finditer(sentence)
    ]


def candidates(words: Sequence[Word], sentence: str) -> list[tuple[int, int]]:
    """Stretches of words that could be an answer, as first and last index.

    They begin and end with a word that says something, have no comma or bracket between two words unless they are
    a name or a date, and are at most ``_LONGEST`` words long.
    """
    found: dict[tuple[int, int], None] = {}
    for first, word in enumerate(words):
        if word.lower in _SMALL_WORDS:
            continue
        for last in range(first, min(len(words), first + _LONGEST)):
            if last > first:
                between = sentence[words[last - 1].end : words[last].start]
                dated = words[last - 1].text[0].isdigit() and words[last].text[0].isdigit()
                if between.strip() and not (dated and between.strip() == ",") and between.strip() not in "-–":
                    break
            if words[last].lower not in _SMALL_WORDS:
                found[first, last] = None
    for first, last in _names(words, sentence):
        found[first, last] = None
    return list(found)


def _names(words: Sequence[Word], sentence: str) -> Iterable[tuple[int, int]]:
    """Runs of words with capitals, small words such as "of" between them included."""
    at = 0
    while at < len(words):
        if not words[at].text[0].isupper():
            at += 1
            continue
        last = at
        for following in range(at + 1, min(len(words), at + _LONGEST_NAME)):
            if sentence[words[following - 1].end : words[following].start].strip(" .'’-"):
                break
            if words[following].text[0].isupper():
                last = following
            elif words[following].lower not in _INSIDE_NAMES:
                break
        yield at, last
        at = last + 1


def span_features(
    asked: Asked,
    place: Place,
    words: Sequence[Word],
    spans: Sequence[tuple[int, int]],
    scores: tuple[float, float],
) -> NDArray[np.float64]:
    """A row for each candidate of one sentence.

    Args:
        asked: The question.
        place: The sentence.
        words: Its words.
        spans: First and last index of each candidate.
        scores: Of the sentence, and of the best sentence.

    Returns:
        Shape (spans, features), in the order of ``SPAN_FEATURES``.
    """
    text = place.text
    wanted = frozenset(asked.terms)
    own = [frozenset(terms(word.text)) & wanted for word in words]
    weight = np.array([sum(asked.weights.get(term, 1.0) for term in each) for each in own])
    total = max(sum(asked.weights.get(term, 1.0) for term in asked.terms), 1e-9)
    known = np.flatnonzero(weight > 0)
    focus = np.array([bool(each & asked.focus) for each in own])
    rows = np.zeros((len(spans), len(SPAN_FEATURES)))
    kinds = [float(kind is asked.kind) for kind in Kind]
    for at, (first, last) in enumerate(spans):
        inside = words[first : last + 1]
        outside = known[(known < first) | (known > last)]
        distance = np.where(outside < first, first - outside, outside - last).astype(float)
        before = words[first - 1].lower if first else ""
        earlier = words[first - 2].lower if first > 1 else ""
        prepositions = {before, earlier} if before in ("the", "a", "an", "its", "his", "their") else {before}
        after = words[last + 1].lower if last + 1 < len(words) else ""
        gap_before = text[words[first - 1].end : words[first].start] if first else ""
        gap_after = text[words[last].end : words[last + 1].start] if after else ""
        digit = any(word.text[0].isdigit() or word.lower in _NUMBER_WORDS for word in inside)
        rows[at] = (
            *kinds,
            float(digit),
            float(any(re.fullmatch(r"1\d{3}|20\d\d", word.text) is not None for word in inside)),
            float(any(word.lower in _MONTHS for word in inside)),
            sum(word.text[0].isupper() for word in inside),
            float(all(word.text[0].isupper() or word.lower in _INSIDE_NAMES for word in inside)),
            float(all(word.text.islower() for word in inside)),
            len(inside),
            len(inside) / len(words),
            sum(weight[first : last + 1] > 0) / len(inside),
            float(weight[first : last + 1].sum()) / total,
            float(distance.min(initial=_FAR)),
            float((weight[outside] / distance).sum()) / total,
            float((weight[outside] * (outside < first)).sum()) / total,
            float((weight[outside] * (outside > last)).sum()) / total,
            float(focus[max(0, first - 4) : last + 5].any()),
            float(focus[max(0, first - 1) : last + 2].any()),
            float("by" in prepositions),
            float(bool(prepositions & {"in", "on", "since", "during", "until"})),
            float(bool(prepositions & {"at", "near", "from"})),
            float("to" in prepositions),
            float("of" in prepositions),
            float(bool(prepositions & _IS)),
            float("as" in prepositions),
            float(bool(prepositions & _BECAUSE)),
            float("," in gap_before or ":" in gap_before),
            float(before in ("the", "a", "an")),
            float(after.isalpha() and digit and after not in _SMALL_WORDS),
            float(after == "of"),
            float(after in _IS),
            float(not after or bool(gap_after.strip(" -–'’"))),
            float(first == 0),
            float("(" in gap_before or "“" in gap_before or '"' in gap_before),
            float(
                any(word.text[0] in "$€£" or "%" in word.text or word.lower == "percent" for word in inside)
            ),
            scores[0],
            scores[0] - scores[1],
            float(scores[0] >= scores[1]),
            float(_splits_name(words, first, last, gap_before, gap_after)),
            first / len(words),
        )
    return rows


def crossed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every feature once alone and once for each kind of question, so that a weighted sum can tell kinds apart.

    Args:
        rows: Of ``span_features``.

    Returns:
        Shape (spans, columns), in the order of ``CROSSED``.
    """
    kinds, plain = rows[:, :_KIND_COUNT], rows[:, _KIND_COUNT:].copy()
    names = SPAN_FEATURES[_KIND_COUNT:]
    words = np.minimum(plain[:, [names.index("words")]], _MOST_WORDS)
    plain[:, [names.index("words")]] = words
    extra = [
        (words == np.arange(1, _MOST_WORDS)).astype(float),
        np.log1p(plain[:, [names.index("distance")]]),
        np.minimum(plain[:, [names.index("capitals")]], _MOST_CAPITALS),
    ]
    alone = np.hstack([plain, *extra])
    return np.hstack([alone, *(alone * kinds[:, [at]] for at in range(_KIND_COUNT))])


def _splits_name(words: Sequence[Word], first: int, last: int, gap_before: str, gap_after: str) -> bool:
    """Whether a neighbour with a capital belongs to the same name."""
    begins = (
        words[first].text[0].isupper()
        and first > 0
        and words[first - 1].text[0].isupper()
        and gap_before == " "
    )
    following = last + 1 < len(words) and words[last + 1].text[0].isupper() and gap_after == " "
    return bool(begins or (following and words[last].text[0].isupper()))
