"""What a question is about: its names, or its words of content without what it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.words import content_terms, is_function_word

_WORD = re.compile(r"[\w][\w&'’./%-]*[\w%]|\w|[\"“”«»„(),;:?!]")
_OPEN = re.compile(r"^(?:(?:in|on|at|by|for|from|to|of|with)\s+)?(?:what|which|whose|how many|how much)\s+", re.IGNORECASE)
_JOINING = frozenset(("of", "the", "de", "and", "&", "for", "von", "van", "la"))
_AUX = frozenset("is are was were do does did has have had can could will would should may might must be been".split())
_QUOTED = re.compile(r"[\"“„«]([^\"”“»\n]{2,80})[\"”“»]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of words of content.

    Attributes:
        span: Where it stands in the question.
        name: Whether it has a capital that no sentence begins with, or stands in quotation marks.
        asked: Whether it says what kind of thing is asked for: "which river", "how many people", "what is the capital of".
    """

    span: tuple[int, int]
    name: bool
    asked: bool


def phrases(question: str) -> list[Phrase]:
    """The runs of words of content in a question, in order."""
    words = [(found.group(), found.start(), found.end()) for found in _WORD.finditer(question)]
    content = [_counts(word, at) for at, (word, _, _) in enumerate(words)]
    found: list[Phrase] = []
    at = 0
    while at < len(words):
        if not content[at]:
            at += 1
            continue
        first = at
        named = _is_name(words[at][0]) and at > 0
        while at + 1 < len(words):
            step = _joined(words, content, at, named)
            if not step:
                break
            named = named or _is_name(words[at + step][0])
            at += step
        # A name ends where words in lower case begin: "Tesla partner" is Tesla.
        found += _parted(words[first : at + 1], first, question)
        at += 1
    return found


def about(question: str) -> str:
    """What a follow-up would mean by "it": quoted words, names, or what is spoken of without what is asked."""
    found = phrases(question)
    quoted = _QUOTED.search(question)
    names = [each for each in found if each.name]
    chosen = names or [each for each in found if not each.asked] or found
    text = ", ".join(dict.fromkeys(question[each.span[0] : each.span[1]].removesuffix("'s").removesuffix("’s") for each in chosen))
    return quoted[1] if quoted and not names else text


def answered_names(answer: str, question: str) -> str:
    """The first name in an answer that the question does not have."""
    known = set(content_terms(question))
    plain = re.sub(r"\[\d+\]", "", answer)
    for found in re.finditer(r"\b[A-Z][\w'’-]+(?:\s+(?:[a-z]{1,3}\s+)?[A-Z][\w'’.-]+)*", plain):
        own = content_terms(found.group())
        if own and not set(own) & known:
            return found.group().removesuffix("'s").rstrip(".")
    return ""


def _counts(word: str, at: int) -> bool:
    if not re.match(r"\w", word) or word.lower() in _AUX:
        return False
    return bool(content_terms(word)) and not (at == 0 and is_function_word(word.lower()))


def _is_name(word: str) -> bool:
    return word[:1].isupper() or any(each.isupper() for each in word[1:])


def _joined(words: list[tuple[str, int, int]], content: list[bool], at: int, named: bool) -> int:
    """How many words further the run goes on: one, over a joining word inside of a name, or none."""
    if content[at + 1]:
        return 1
    for step in (2, 3):
        between = [words[at + n][0].lower() for n in range(1, step)]
        if at + step >= len(words) or not all(each in _JOINING for each in between):
            return 0
        if content[at + step] and named and _is_name(words[at + step][0]) and _is_name(words[at][0]) and between != ["and"]:
            return step
    return 0


def _parted(run: list[tuple[str, int, int]], first: int, question: str) -> list[Phrase]:
    """A run as names and what stands between them."""
    parts: list[list[tuple[str, int, int]]] = []
    for number, word in enumerate(run):
        named = _is_name(word[0]) and first + number > 0
        joining = word[0].lower() in _JOINING
        if parts and (joining or named == (_is_name(parts[-1][-1][0]) or parts[-1][-1][0].lower() in _JOINING)):
            parts[-1].append(word)
        else:
            parts.append([word])
    found = []
    for part in parts:
        span = (part[0][1], part[-1][2])
        name = any(_is_name(word) for word, start, _ in part if start > 0)
        found.append(Phrase(span, name, _is_asked(question, span)))
    return found


def _is_asked(question: str, span: tuple[int, int]) -> bool:
    opened = _OPEN.match(question)
    if opened and opened.end() == span[0]:
        return True
    before = question[: span[0]].lower()
    attribute = re.fullmatch(r"(?:what|who|which)\s+(?:is|was|are|were)\s+(?:the\s+|a\s+|an\s+)?", before) is not None
    return attribute and re.match(r"\s+(?:of|in|for|at|from|between|by|on)\b", question[span[1] :]) is not None
