"""A follow-up and the turns before it -> a question that can be searched for by itself, without a model.

What the question before was about stands in its names, or in its words without what it asked for. A pronoun is replaced
by that, a fragment takes the place of what is of its kind, a bare "why?" the place of what was asked. Of the family of
"Historical Query Expansion" (Lin et al.: "Multi-Stage Conversational Passage Retrieval", ACM TOIS 39(4), 2021,
https://arxiv.org/abs/2005.02230), which carries words of earlier turns by how much they tell; here it is decided by
what the follow-up lacks, so that a question on another subject is left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.leaning import Lean, Leaning, leaning
from rag.leaning_elsewhere import is_english, leans_elsewhere
from rag.topic import about, answered_names, phrases
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

# Characters of a follow-up; what is longer says itself what it is about. Of an earlier turn no more is read.
LONGEST = 1_000
# Turns that are gone back; what was spoken of before that is forgotten.
_TURNS = 6
_YEAR = re.compile(r"\b(?:FY\s?)?(?:1[5-9]|20)\d\d\b")
_QUARTER = re.compile(r"\b(?:Q[1-4]|(?:first|second|third|fourth|last) (?:quarter|half))\b", re.IGNORECASE)
_MONTH = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_PERCENT = re.compile(r"\b\d+(?:\.\d+)?\s?(?:%|percent\b)")
# Of one kind is what one of these finds in both.
_KINDS = (_YEAR, _QUARTER, _MONTH, _PERCENT)
_PREPOSITION = re.compile(
    r"^(?:(?:in|for|of|at|on|by|from|with|to|during|under|about|as of)\s+)+", re.IGNORECASE
)
_DETERMINER = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_ASKED = re.compile(
    r"^(?:(?:in|on|at|by|for|from|to|of|with)\s+)?(?:what|which|who|whom|whose|when|where|why|how)"
    r"(?:\s+(?:much|many|long|often|far|old|big|large|high|fast))?\b",
    re.IGNORECASE,
)
_AUX_FIRST = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)\b",
    re.IGNORECASE,
)
_AND = re.compile(r"^(?:and|but|so|also|or|then)\b[\s,]+", re.IGNORECASE)
_PEOPLE = frozenset(("he", "she", "him", "his", "her", "hers", "himself", "herself"))
_PLURALS = frozenset(("they", "them", "their", "theirs", "these", "those"))
_POSSESSIVES = frozenset(("his", "her", "hers", "its", "their", "theirs"))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A question as it is searched for.

    Attributes:
        text: In words.
        leans: Whether anything of earlier turns is in it.
    """

    text: str
    leans: bool


def rewritten(text: str, history: Sequence[tuple[str, str]]) -> Rewritten:
    """What to search for.

    Args:
        text: The question.
        history: Earlier turns as (role, text), oldest first. They may be questions as they were asked.
    """
    turns = _turns(history)
    if not turns or len(text) > LONGEST:
        return Rewritten(text, leans=False)
    before, answer = "", ""
    for asked, said in turns:
        before, answer = _one(asked, before, answer).text, said
    return _one(text, before, answer)


def _turns(history: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Questions with their answers, the last ones."""
    found: list[tuple[str, str]] = []
    for role, said in history:
        if role == "user":
            found.append((said[:LONGEST], ""))
        elif role == "assistant" and found:
            found[-1] = (found[-1][0], said[:LONGEST])
    return found[-_TURNS:]


def _one(text: str, before: str, answer: str) -> Rewritten:
    """A question after one that can stand by itself."""
    if not before or not content_terms(before):
        return Rewritten(text, leans=False)
    if not is_english(f"{before} {text}"):
        return (
            Rewritten(f"{before} {text}", leans=True)
            if leans_elsewhere(text)
            else Rewritten(text, leans=False)
        )
    found = leaning(text)
    if found.how is Lean.NONE:
        return Rewritten(found.rest, leans=False)
    return Rewritten(_completed(found, before, answer), leans=True)


def _completed(found: Leaning, before: str, answer: str) -> str:
    match found.how:
        case Lean.ASK:
            return _asking(found.rest, before)
        case Lean.MORE:
            return before
        case Lean.INSTEAD | Lean.CORRECTION:
            return _instead(found, before)
        case Lean.PRONOUN:
            return _resolved(found, before, answer)
        case _:
            return _with_topic(found.rest, about(before))


def _asking(text: str, before: str) -> str:
    """The question word in the place of what was asked before: "Did it rain?" and "Why?" -> "Why did it rain?"."""
    word = re.sub(
        r"\b(?:exactly|is that|was that|is it|was it|are they|did it)\b", "", text, flags=re.IGNORECASE
    )
    word = " ".join(word.strip(" ?!.").split()).capitalize()
    if _AUX_FIRST.match(before):
        return f"{word} {before[:1].lower()}{before[1:]}"
    asked = _ASKED.match(before)
    rest = before[asked.end() :].strip() if asked else ""
    if asked and _AUX_FIRST.match(rest) and len(content_terms(rest)) > 0:
        return f"{word} {rest}"
    return f"{before} {word}?"


def _instead(found: Leaning, before: str) -> str:
    """The question before, with what was named in the place of what is of its kind; else beside it."""
    said = _PREPOSITION.sub("", found.rest)
    if found.dropped:
        place = re.search(rf"\b{re.escape(_DETERMINER.sub('', found.dropped))}\b", before, re.IGNORECASE)
        if place:
            return _put(before, place.span(), said)
    span = _place_of(said, found.rest, before)
    return _put(before, span, said) if span else f"{before.rstrip(' ?.!')}, {found.rest}?"


def _place_of(said: str, whole: str, before: str) -> tuple[int, int] | None:
    """Where in the question before what stands that is of the same kind."""
    for kind in _KINDS:
        if kind.search(said) and len(content_terms(kind.sub("", said))) == 0:
            places = list(kind.finditer(before))
            return places[0].span() if len(places) == 1 else None
    spans = phrases(before)
    same = _alike(said, before)
    if same:
        return same
    named = [each.name for each in spans if each.name]
    if re.match(r"(?:the\s+)?[A-Z]", said) and named:
        if len(named) == 1:
            return named[0]
        if led := _PREPOSITION.match(whole):
            # "And in Germany?" stands for what is named after an "in".
            place = rf"\b{re.escape(led.group().strip())}\s+(?:the\s+)?$"
            after = [each for each in named if re.search(place, before[: each[0]], re.IGNORECASE)]
            if len(after) == 1:
                return after[0]
    return None


def _alike(said: str, before: str) -> tuple[int, int] | None:
    """A stretch that ends with the same word: "the second quarter" for "the first quarter"."""
    wanted = terms(said)
    if not wanted:
        return None
    for each in phrases(before):
        text = before[each.span[0] : each.span[1]]
        if terms(text)[-1:] == wanted[-1:] and terms(text) != wanted and not wanted[-1].isdigit():
            return each.span
    return None


def _put(text: str, span: tuple[int, int], said: str) -> str:
    """Replace, with no article twice."""
    first, rest = text[: span[0]], text[span[1] :]
    if re.search(r"\b(?:the|a|an)\s+$", first, re.IGNORECASE):
        said = _DETERMINER.sub("", said)
    return f"{first}{said}{rest}"


def _resolved(found: Leaning, before: str, answer: str) -> str:
    """The question with what its pronoun stands for."""
    topic = about(before, plural=found.word in _PLURALS)
    if found.word in _PEOPLE:
        people = answered_names(answer, before) if re.match(r"who\b", before, re.IGNORECASE) else ""
        topic = people or topic
    start, end = found.pronoun or (0, 0)
    led = _AND.match(found.rest)
    if led and led.end() <= start:
        found = Leaning(found.how, found.rest[led.end() :], word=found.word)
        start, end = start - led.end(), end - led.end()
    if re.match(r"(?:this|that|these|those)$", found.word) and re.match(r"\s+\w", found.rest[end:]):
        # "this method": its noun says what is meant, and stays.
        return _with_topic(found.rest, topic)
    if " " in found.word or found.word in ("else", "such", "then", "there"):
        return _with_topic(found.rest, topic)
    word = f"{topic}'s" if found.word in _POSSESSIVES else topic
    return f"{found.rest[:start]}{word}{found.rest[end:]}"


def _with_topic(text: str, topic: str) -> str:
    if not topic or set(content_terms(topic)) <= set(content_terms(text)):
        return text
    return f"{text.rstrip(' ?.!')} ({topic})?"
