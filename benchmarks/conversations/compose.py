"""Standalone questions about one document -> turns of a conversation, by rule.

Each rule takes a full question and makes of it what somebody would ask in its place after the turns before. What the
full question has and the follow-up lacks stands in those turns, and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from rag.words import content_terms, is_function_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.retrieval.types import Question

Turns = tuple[tuple[str, str], ...]

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NAME = re.compile(r"(?<=\s)(?:[A-Z][\w&'-]*)(?:\s(?:of|the|de|and)?\s?(?:[A-Z][\w&'-]*))*(?!\w)")
_ASKS = re.compile(
    r"^(When|Where|Why|How|How much|How long|How often|How far) (did|was|were|is|are|does|do|has|had|can|"
    r"could) (.{12,})\?$"
)
_BEFORE_SUBJECT_WORDS = "did does do was is were are has had have can could will would should may might must"
_BEFORE_SUBJECT = frozenset(_BEFORE_SUBJECT_WORDS.split())
_PREPOSITIONS_WORDS = "in of for at by from with about on to"
_PREPOSITIONS = frozenset(_PREPOSITIONS_WORDS.split())
_MOST_WORDS = 6
_LEAST_COMMON = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A standalone question with the set's answer in words, and whether its document is about a person."""

    question: Question
    answer: str
    person: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A follow-up in its conversation.

    Attributes:
        kind: The rule that made it.
        history: The turns before, as (role, text).
        follow_up: What is asked.
        full: The question that it stands for, with what is right for it.
    """

    kind: str
    history: Turns
    follow_up: str
    full: Question


def pronoun(before: Asked, asked: Asked) -> str | None:
    """The longest run of words that the question before has too becomes "it", "its", "they", "he" and so on."""
    words = asked.question.text.split()
    found = _shared(before.question.text, words)
    if found is None:
        return None
    start, end = found
    if not _stands_alone(words, start, end):
        return None
    last = words[end - 1]
    tail = re.search(r"[?.,!;:]*$", last)
    possessive = last.rstrip("?.,!;:").endswith(("'s", "’s", "s'", "s’"))
    plural = last.rstrip("?.,!;:").endswith("s") and last[0].islower() and not possessive
    subject = start == 0 or words[start - 1].lower() in _BEFORE_SUBJECT
    forms = (
        ("his", "he", "him") if asked.person else ("their", "they", "them") if plural else ("its", "it", "it")
    )
    word = forms[0] if possessive else forms[1] if subject else forms[2]
    if start and words[start - 1].lower() in ("the", "a", "an"):
        start -= 1
    left = [*words[:start], word + (tail.group() if tail else ""), *words[end:]]
    text = " ".join(left)
    return text if content_terms(text) else None


def dropped(before: Asked, asked: Asked) -> str | None:
    """A phrase with a preposition is left out, where the question before has what it names."""
    words = asked.question.text.rstrip("? ").split()
    found = _shared(before.question.text, words)
    if found is None:
        return None
    start, end = found
    if words[start - 1].lower() in ("the", "a", "an"):
        start -= 1
    if any(re.search(r"\d", each) for each in words[start:end]):
        return None
    if start < _LEAST_COMMON or end != len(words) or words[start - 1].lower() not in _PREPOSITIONS:
        return None
    text = " ".join(words[: start - 1]) + "?"
    dangling = is_function_word(words[start - 2].lower())
    return text if content_terms(text) and not dangling else None


def another_year(asked: Asked, number: int) -> tuple[str, str] | None:
    """The question before asks the same of the year before; the follow-up names the year alone."""
    years = _YEAR.findall(asked.question.text)
    if len(years) != 1:
        return None
    before = _YEAR.sub(str(int(years[0]) - 1), asked.question.text)
    forms = ("And in {}?", "What about {}?", "and for {}?", "How about {}?")
    return before, forms[number % len(forms)].format(years[0])


def what_about(before: Asked, asked: Asked, number: int) -> str | None:
    """Both questions are alike but for a few words in one place, which are all that is said."""
    first, second = before.question.text.rstrip("? ").split(), asked.question.text.rstrip("? ").split()
    head = next((i for i in count() if first[i : i + 1] != second[i : i + 1] or i >= len(first)), 0)
    tail = 0
    while tail < min(len(first), len(second)) - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    middle = second[head : len(second) - tail]
    others = first[head : len(first) - tail]
    if head < _LEAST_COMMON or not 0 < len(middle) <= _MOST_WORDS or not 0 < len(others) <= _MOST_WORDS:
        return None
    text = " ".join(middle)
    if not content_terms(text) or not content_terms(" ".join(others)) or is_function_word(middle[-1].lower()):
        return None
    # Without words after it, only what follows a preposition is sure not to hold the verb.
    if not tail and second[head - 1].lower() not in _PREPOSITIONS:
        return None
    return ("What about {}?", "And {}?", "How about {}?", "and what about {}?")[number % 4].format(text)


def asked_why(asked: Asked, number: int) -> tuple[str, str] | None:
    """The question before asks whether, the follow-up only when, where, why or how."""
    found = _ASKS.match(asked.question.text)
    if found is None or len(content_terms(found[3])) < 2:
        return None
    before = f"{found[2].capitalize()} {found[3]}?"
    return before, found[1] + "?" if number % 2 else f"And {found[1].lower()}?"


def corrected(asked: Asked, others: Sequence[str], number: int) -> tuple[str, str] | None:
    """The question before names another one; the follow-up says who or what was meant."""
    forms = ("No, I meant {}.", "Sorry, I meant {}", "I mean {}", "No, {}.")
    form = forms[number % len(forms)]
    years = _YEAR.findall(asked.question.text)
    if len(years) == 1:
        return _YEAR.sub(str(int(years[0]) - 1), asked.question.text), form.format(years[0])
    named = [each for each in _NAME.findall(asked.question.text) if not is_function_word(each.lower())]
    for name in sorted(named, key=len, reverse=True):
        bare = re.sub(r"['’]s$", "", name)
        other = next((each for each in others if each not in asked.question.text and bare not in each), None)
        if other is not None:
            return asked.question.text.replace(bare, other), form.format(bare)
    return None


def named_in(questions: Sequence[Asked]) -> list[str]:
    """The names in questions, without those that a sentence begins with."""
    found = (name for each in questions for name in _NAME.findall(each.question.text))
    return list(dict.fromkeys(re.sub(r"['’]s$", "", each) for each in found if content_terms(each)))


def cases(questions: Sequence[Asked], elsewhere: Sequence[Asked]) -> Iterator[Case]:
    """Every case that the rules make of the questions about one document.

    Args:
        questions: In the order of the set.
        elsewhere: Questions about other documents.
    """
    names = named_in(questions)
    for number, asked in enumerate(questions):
        others = [
            each for each in (*questions[:number][::-1], *questions[number + 1 :]) if not _same(each, asked)
        ]
        yield from _leaning(pronoun, "pronoun", asked, others, number)
        yield from _leaning(dropped, "left out", asked, others, number)
        if (made := another_year(asked, number)) is not None:
            yield Case("year", (("user", made[0]),), made[1], asked.question)
        for before in others:
            if (follow_up := what_about(before, asked, number)) is not None:
                yield Case("what about", _turn(before), follow_up, asked.question)
                break
        if (made := asked_why(asked, number)) is not None:
            yield Case("why", (("user", made[0]),), made[1], asked.question)
        if (made := corrected(asked, names, number)) is not None:
            yield Case("correction", (("user", made[0]),), made[1], asked.question)
        if others:
            yield Case("same subject", _turn(others[0]), asked.question.text, asked.question)
        if elsewhere:
            foreign = elsewhere[number % len(elsewhere)]
            yield Case("other subject", _turn(foreign), asked.question.text, asked.question)


def _leaning(
    rule: Callable[[Asked, Asked], str | None], kind: str, asked: Asked, others: Sequence[Asked], number: int
) -> Iterator[Case]:
    for before in others:
        follow_up = rule(before, asked)
        if follow_up is None or follow_up == asked.question.text:
            continue
        history = _turn(before)
        # Every other time the subject was named two turns ago, and the turn between has a pronoun for it too.
        if number % 2:
            for between in others:
                leaning = None if between is before else pronoun(before, between)
                if leaning is not None:
                    history = (*history, ("user", leaning), ("assistant", between.answer))
                    break
        yield Case(kind, history, follow_up, asked.question)
        return


def _turn(asked: Asked) -> Turns:
    return (("user", asked.question.text), ("assistant", asked.answer))


def _same(one: Asked, other: Asked) -> bool:
    return set(content_terms(one.question.text)) == set(content_terms(other.question.text))


def _shared(before: str, words: Sequence[str]) -> tuple[int, int] | None:
    """Where in the words the longest run stands that the question before has too, without its first word."""
    earlier = [_plain(each) for each in before.split()]
    runs = {tuple(earlier[i:j]) for i in range(len(earlier)) for j in range(i + 1, len(earlier) + 1)}
    plain = [_plain(each) for each in words]
    best: tuple[int, int] | None = None
    for start in range(1, len(words)):
        for end in range(start + 1, len(words) + 1):
            if tuple(plain[start:end]) not in runs or not _is_phrase(words[start:end]):
                continue
            if best is None or end - start > best[1] - best[0]:
                best = start, end
    return best


def _is_phrase(words: Sequence[str]) -> bool:
    """Whether it is a name, or two words and more, with a word of content at both ends and no sign inside."""
    ends = content_terms(words[0]) and content_terms(words[-1])
    whole = not any(re.search(r"[?.,!;:]$|['’]s?$", word) for word in words[:-1])
    whole = whole and "." not in words[-1].rstrip("?.,!;:")
    named = words[0][0].isupper() or len(words) > 1
    return bool(ends) and whole and named


def _stands_alone(words: Sequence[str], start: int, end: int) -> bool:
    """Whether the words around a phrase belong to something else: no adjective before it, no noun after it."""
    before, after = words[start - 1].lower(), words[end].rstrip("?.,!;:") if end < len(words) else ""
    if before in ("the", "a", "an") and start > 1:
        before = words[start - 2].lower()
    closed = re.search(r"[?.,!;:]$|['’]s?$", words[end - 1]) is not None
    free = (
        not after
        or closed
        or is_function_word(after.lower())
        or (before in _BEFORE_SUBJECT and after[0].islower())
    )
    return is_function_word(before) and free and not any(re.search(r"\d", each) for each in words[start:end])


def _plain(word: str) -> str:
    return re.sub(r"['’]s$|s['’]$", "", word.casefold().rstrip("?.,!;:")).strip("\"'“”")
