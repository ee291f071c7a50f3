"""What a question is about: its names, or its words of content without what it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.words import content_terms, is_function_word

_WORD = re.compile(r"[\w][\w&'’./%-]*[\w%]|\w|[\"“”«»„(),;:?!]")
_OPEN = re.compile(
    r"^(?:(?:in|on|at|by|for|from|to|of|with)\s+)?(?:what|which|whose|how many|how much)\s+", re.IGNORECASE
)
_JOINING_WORDS = "of the de and & for von van la"
_JOINING = frozenset(_JOINING_WORDS.split())
_AUX_WORDS = "is are was were do does did has have had can could will would should may might must be been"
_AUX = frozenset(_AUX_WORDS.split())
# Words of a question that has a subject behind such a verb.
_VERB = 2
# A time says when, and is not what is spoken of.
_WHEN = re.compile(
    r"(?:(?:January|February|March|April|May|June|July|August|September|October|November|December|FY|fiscal|respectively|"
    r"years?|ended|AD|BC|[\d.,/-]+s?|FY\d+)[\s,]*)+"
)
_PLURAL = re.compile(r"[a-z]{2,}[^s\Ws]s$")
_QUOTED = re.compile(r"[\"“„«]([^\"”“»\n]{2,80})[\"”“»]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of words of content.

    Attributes:
        span: Where it stands in the question.
        name: Where the words with capitals stand in it, if there are any that begin no sentence.
        asked: Whether it says what is asked for: "which river", "how many people", "what is the capital of".
    """

    span: tuple[int, int]
    name: tuple[int, int] | None
    asked: bool


def phrases(question: str) -> list[Phrase]:
    """The runs of words of content in a question, in order."""
    words = [(found.group(), found.start(), found.end()) for found in _WORD.finditer(question)]
    content = [_counts(word, at) for at, (word, _, _) in enumerate(words)]
    if len(words) > _VERB and words[0][0].lower() in ("who", "what") and not _is_name(words[1][0]):
        # "Who founded Tesla?": without an auxiliary the verb comes next.
        content[1] = False
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


def about(question: str, *, plural: bool = False) -> str:
    """What a follow-up would mean by "it": quoted words, names, or what is spoken of without what is asked.

    Args:
        question: One that can stand by itself.
        plural: Whether it would be "they".
    """
    found = [each for each in phrases(question) if not _WHEN.fullmatch(question[each.span[0] : each.span[1]])]
    quoted = _QUOTED.search(question)
    names = [each for each in found if each.name]
    several = [each for each in found if _PLURAL.search(question[each.span[0] : each.span[1]])]
    chosen = names or [each for each in found if not each.asked] or found
    if plural and several and not any(each in several for each in names):
        chosen = several
    if quoted and not names:
        return quoted[1]
    texts = (question[each.span[0] : each.span[1]].removesuffix("'s").removesuffix("’s") for each in chosen)
    return ", ".join(dict.fromkeys(texts))


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
        if (
            content[at + step]
            and named
            and _is_name(words[at + step][0])
            and _is_name(words[at][0])
            and between != ["and"]
        ):
            return step
    return 0


def _parted(run: list[tuple[str, int, int]], first: int, question: str) -> list[Phrase]:
    """A run as one phrase; behind "did" and the like, where a verb follows its subject, the name is parted from it."""
    last = max((at for at, word in enumerate(run) if _is_name(word[0]) and first + at > 0), default=-1)
    led = re.search(r"(\w+)\s+(?:the\s+|a\s+|an\s+)?$", question[: run[0][1]])
    parts = [run]
    if 0 <= last < len(run) - 1 and led and led[1].lower() in _AUX:
        parts = [run[: last + 1], run[last + 1 :]]
    found = []
    for part in parts:
        span = (part[0][1], part[-1][2])
        capitals = [each for each in part if each[1] > 0 and _is_name(each[0])]
        name = (capitals[0][1], capitals[-1][2]) if capitals else None
        found.append(Phrase(span, name, _is_asked(question, span)))
    return found


def _is_asked(question: str, span: tuple[int, int]) -> bool:
    opened = _OPEN.match(question)
    if opened and opened.end() == span[0]:
        return True
    before = question[: span[0]].lower()
    attribute = (
        re.fullmatch(r"(?:what|who|which)\s+(?:is|was|are|were)\s+(?:the\s+|a\s+|an\s+)?", before) is not None
    )
    return (
        attribute and re.match(r"\s+(?:of|in|for|at|from|between|by|on)\b", question[span[1] :]) is not None
    )
