"""What a question asks for: its words, how rare they are, and the kind of thing that would answer it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.words import content_terms, names, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What would answer a question."""

    TIME = "time"
    NUMBER = "number"
    PERSON = "person"
    PLACE = "place"
    THING = "thing"
    LIST = "list"
    REASON = "reason"
    YES_NO = "yes_no"


SPAN_KINDS = frozenset((Kind.TIME, Kind.NUMBER, Kind.PERSON, Kind.PLACE, Kind.THING))

# The pattern that a question holds first decides, of two in one place the one that stands first here. They are looked
# for in lower case.
_KINDS = (
    (Kind.TIME, (r"\b(?:when|(?:what|which) (?:\w+ ){0,2}(?:years?|dates?|days?|months?|time|century|centuries|"
                r"decades?|era|season)|on what date|how (?:long|old|often|soon|late|early))\b")),
    (Kind.NUMBER, (r"\b(?:how (?:many|much|far|large|big|tall|high|deep|fast|heavy|wide|hot|cold|close)|"
                  r"(?:what|which) (?:\w+ ){0,3}(?:percent\w*|numbers?|amounts?|size|rate|ratio|share|population|price|"
                  r"cost|temperature|value|total|fraction|proportion|length|height|distance|speed|margin))\b")),
    (Kind.LIST, (r"\b(?:list|enumerate|what (?:\w+ ){0,3}(?:types|kinds|reasons|steps|factors|examples|ways|features|"
                r"components|parts|benefits|advantages|requirements|ingredients|methods|options|risks|causes|symptoms|"
                r"differences|challenges|limitations|responsibilities|conditions)|"
                r"(?:what|which|name|give) (?:are )?(?:the )?(?:two|three|four|five|six|several|some))\b")),
    (Kind.REASON, (r"\b(?:why|explain|describe|discuss|summari[sz]e|what (?:caused|led|happens|happened|did .{3,60} "
                  r"(?:say|think|discuss|decide|agree))|for what (?:reason|purpose)|how come)\b|"
                  r"\bhow (?:do|does|did|is|are|was|were|can|could|should|would|has|have|to|might|will)\b")),
    (Kind.PERSON, (r"\b(?:who|whom|whose|(?:what|which) (?:\w+ ){0,2}(?:person|man|woman|king|queen|president|author|"
                  r"scientist|leader|artist|actor|singer|player|general|emperor|minister|philosopher|engineer))\b")),
    (Kind.PLACE, (r"\b(?:where|(?:what|which) (?:\w+ ){0,2}(?:city|country|countries|state|place|region|town|river|"
                 r"continent|island|county|area|location|street|province|building|school|university))\b")),
    (Kind.THING, r"\b(?:what|which)\b"),
    (Kind.YES_NO, r"^(?:is|are|was|were|do|does|did|can|could|may|might|must|should|will|would|has|have|had)\b"),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
NEGATION = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot|unable|except|least|lack(?:s|ed|ing)?|fail(?:s|ed)?|"
    r"refus\w+|un(?!i|d)\w{4,}|in(?:correct|valid|complete|ability)\w*|impossible)\b|n['’]t\b",
    re.IGNORECASE,
)
# What says more, most or less of something, or the order of things: an answer must say it too.
_DEGREE = re.compile(
    r"\b(?:more|most|less|least|fewer|fewest|first|last|oldest|newest|largest|smallest|highest|lowest|longest|shortest|"
    r"biggest|best|worst|earliest|latest|before|after|only|always|all|every|top|bottom|north\w*|south\w*|east\w*|"
    r"west\w*|increase\w*|decrease\w*|rise\w*|fall\w*|grow\w*|decline\w*|larger|smaller|higher|lower|older|younger)\b",
    re.IGNORECASE,
)
_FOCUS = re.compile(
    r"\b(?:what|which)\s+(?:(?:type|kind|sort|name|part)s? of\s+)?((?:[\w'’-]+\s+){0,2}[\w'’-]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart once.

    Attributes:
        text: In words.
        kind: What would answer it.
        terms: Its index terms without function words, each once.
        weights: Rarity by term.
        rarest: The rarest of its terms, or None.
        pairs: Terms that follow one another.
        names: Words with a capital, case-folded.
        numbers: In one spelling.
        degrees: Words such as "first" or "largest", case-folded.
        negated: Whether it says "not" or the like.
        focus: Terms of what follows "what" or "which".
    """

    text: str
    kind: Kind
    terms: tuple[str, ...]
    weights: Mapping[str, float]
    rarest: str | None
    pairs: frozenset[tuple[str, str]]
    names: frozenset[str]
    numbers: frozenset[str]
    degrees: frozenset[str]
    negated: bool
    focus: frozenset[str]


def asked(question: str, weights: Mapping[str, float]) -> Asked:
    """Take a question apart.

    Args:
        question: In words.
        weights: Rarity of its terms in the collection; what is not named counts as 1.
    """
    wanted = content_terms(question)
    lowered = question.casefold().strip()
    places = [
        (found.start(), rank) for rank, (_, each) in enumerate(_PATTERNS) if (found := each.search(lowered))
    ]
    kind = _PATTERNS[min(places)[1]][0] if places else Kind.REASON
    focus = _FOCUS.search(question)
    return Asked(
        text=question,
        kind=kind,
        terms=tuple(wanted),
        weights=weights,
        rarest=max(wanted, key=lambda term: weights.get(term, 1.0), default=None),
        pairs=frozenset(pairwise(wanted)),
        names=frozenset(names(question)),
        numbers=frozenset(numbers(question)),
        degrees=frozenset(match.group().casefold() for match in _DEGREE.finditer(question)),
        negated=bool(NEGATION.search(question)),
        focus=frozenset(terms(focus[1])) & frozenset(wanted) if focus else frozenset(),
    )
