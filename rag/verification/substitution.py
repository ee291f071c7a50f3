"""Where a claim repeats its source and puts another name, quantifier or negation in one place."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from rag.verification.faults import Fault
from rag.verification.named import acronyms_of, could_be_name, names_of, same_name
from rag.verification.polarity import NEGATORS, answered, bounds
from rag.verification.quantifiers import QUANTIFIER_OF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.verification.text import Words

# Words that must agree around the place, and how long what stands there may be.
_AGREEING, _LONGEST = 3, 7
# Pairs of equal words on both sides: with more the same few words are repeated, and laying them out takes long.
_MOST_PAIRS = 10_000
_BOUNDS = {"least": ">=", "most": "<=", "up": "<="} | dict.fromkeys(("more", "over", "above"), ">")
_BOUNDS |= dict.fromkeys(("less", "fewer", "under", "below"), "<")
_BOUND = re.compile(
    r"(?:at (?:least|most)|up to|(?:no|not) (?:more|less|fewer|later|earlier) than|within|"
    r"(?:a )?(?:maximum|minimum)(?: of)?|(?:(?:does|do|shall|must|may) )?not exceed)\b",
    re.IGNORECASE,
)
_PRONOUNS = frozenset(
    ("he", "she", "it", "they", "him", "her", "them", "his", "its", "their", "this", "these", "who")
)


def substitution_faults(claim: Words, source: Words) -> list[Fault]:
    """What stands in one place of the claim instead of what the source has there.

    Both are laid side by side by their longest common stretches (Ratcliff and Obershelp, 1988). Only places between
    words that agree are looked at, so that a free paraphrase gives nothing.
    """
    there = Counter(source.stems)
    if sum(there[word] for word in claim.stems) > _MOST_PAIRS:
        return []
    matcher = SequenceMatcher(a=claim.stems, b=source.stems, autojunk=False)
    codes = matcher.get_opcodes()
    names = set(names_of(claim))
    if could_be_name(claim, 0):
        names.add(0)
    found: list[Fault] = []
    for at, (tag, a, b, c, d) in enumerate(codes):
        if tag == "equal" or not _held(codes, at, len(claim)) or max(b - a, d - c) > _LONGEST:
            continue
        mine, theirs = range(a, b), range(c, d)
        found += _name(claim, source, mine, theirs, names) if tag == "replace" else []
        found += _small_words(claim, source, mine, theirs)
    return found


def _held(codes: Sequence[tuple[str, int, int, int, int]], at: int, length: int) -> bool:
    """Whether enough words before and after a place agree; at the claim's ends one side is enough."""
    before = codes[at - 1][2] - codes[at - 1][1] if at and codes[at - 1][0] == "equal" else 0
    after = codes[at + 1][2] - codes[at + 1][1] if at + 1 < len(codes) and codes[at + 1][0] == "equal" else 0
    begins, ends = codes[at][1] == 0, codes[at][2] == length
    return before + after >= _AGREEING and (before > 0 or begins) and (after > 0 or ends)


def _name(claim: Words, source: Words, mine: range, theirs: range, names: set[int]) -> list[Fault]:
    wrong = [i for i in mine if i in names]
    there = [j for j in theirs if source.content[j] and source.folded[j] not in _PRONOUNS]
    if not wrong or not there:
        return []
    have = {source.folded[j] for j in there}
    short = acronyms_of(source)
    known = [
        i for i in wrong if claim.folded[i] in short or any(same_name(claim.folded[i], word) for word in have)
    ]
    letters = "".join(claim.folded[i][0] for i in wrong)
    if known or letters in have:
        return []
    # Without a name in its place a common noun may be the same thing in other words.
    named = any(source.raw(j)[0].isupper() for j in there)
    told = f"the source says “{_text(source, theirs)}”, not “{_text(claim, mine)}”"
    return [Fault("name", told, missing=not named, replaced=True)]


def _small_words(claim: Words, source: Words, mine: range, theirs: range) -> list[Fault]:
    """A negation, a quantifier or a bound that stands on one side only."""
    # Bounds of numbers are compared as such.
    if _BOUND.match(_text(claim, mine)) and _BOUND.match(_text(source, theirs)):
        return []
    negated = _negated(claim, mine, source)
    if negated != _negated(source, theirs, claim):
        told = (
            f"the source does not say “{_text(claim, mine)}”"
            if negated
            else f"the source says “{_text(source, theirs)}”"
        )
        return [Fault("negation", told, missing=negated, replaced=True)]
    here = {QUANTIFIER_OF[claim.folded[i]] for i in mine if claim.folded[i] in QUANTIFIER_OF}
    there = {QUANTIFIER_OF[source.folded[j]] for j in theirs if source.folded[j] in QUANTIFIER_OF}
    here |= {_BOUNDS[claim.folded[i]] for i in mine if claim.folded[i] in _BOUNDS and len(theirs)}
    there |= {_BOUNDS[source.folded[j]] for j in theirs if source.folded[j] in _BOUNDS}
    if here and here != there and (there or not any(source.content[j] for j in theirs)):
        return [
            Fault(
                "quantifier",
                f"the source says “{_text(source, theirs)}”, not “{_text(claim, mine)}”",
                not there,
                replaced=True,
            )
        ]
    return []


def _negated(words: Words, places: range, other: Words) -> bool:
    """Whether a negation stands there that the other text does not have in another place or in other words."""
    return any(
        (words.folded[i] in NEGATORS or words.folded[i].endswith("n't"))
        and not bounds(words, i)
        and not answered(words, i, other)
        for i in places
    )


def _text(words: Words, places: range) -> str:
    return words.text[words.spans[places[0]][0] : words.spans[places[-1]][1]] if places else ""
