"""Where a claim says the opposite of its source: negation and opposites, word by word.

A negation governs the few content words after it in its clause. A claim is opposed where a word that it shares with the
source is negated on one side only, or stands as its opposite, and not where both happen: what is forbidden is not
allowed. This is a small part of natural logic
(MacCartney and Manning: "Natural Logic for Textual Inference", https://aclanthology.org/W07-1431/).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.verification.faults import Fault
from rag.verification.opposites import mirrored, opposites_there, permissions, refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rag.verification.text import Words

NEGATORS_TEXT = """not no never none neither nor without cannot nobody nothing nowhere unable hardly
barely fails failed fail incapable non
nicht kein keine keinen keinem keiner nie niemals ohne غير ليس ليست"""
NEGATORS = frozenset(NEGATORS_TEXT.split())
# After these a negation counts or stresses, and denies nothing.
_HARMLESS_AFTER_TEXT = """only just merely nur"""
_HARMLESS_AFTER = frozenset(_HARMLESS_AFTER_TEXT.split())
_COMPARED_TEXT = """less fewer more later earlier mehr weniger"""
_COMPARED = frozenset(_COMPARED_TEXT.split())
_BREAKS_TEXT = """and but or which that who because although though while whereas if unless when where
until since however so"""
_BREAKS = frozenset(_BREAKS_TEXT.split())
_GOVERNED = 3
_ALLOWS = re.compile(r"\b(?:may|can|allow\w*|permit\w*|possible|welcome|free to|entitled)\b", re.IGNORECASE)
_EXCEPT = re.compile(
    r"\b(?:except(?:ing)?(?: for)?|with the exception of|apart from|other than|excluding|save for)\b",
    re.IGNORECASE,
)
_REACH = 9
# Words on each side of a word that tell in which of its places it is meant.
_BESIDE = 4
# Negations and opposites of one side that are compared; more have only lists of such words.
MOST = 64


def negations(words: Words) -> list[tuple[int, tuple[int, ...]]]:
    """Each negation's place with those of the content words that it governs."""
    found = []
    for at, word in enumerate(words.folded):
        if not (word in NEGATORS or word.endswith("n't")):
            continue
        after = words.folded[at + 1] if at + 1 < len(words) else ""
        # "No, he left" answers and denies nothing that follows.
        if word == "no" and at + 1 < len(words) and words.stops[at + 1]:
            continue
        if after in _HARMLESS_AFTER or (word == "no" and after[:1].isdigit()) or bounds(words, at):
            continue
        places = governed(words, at, 1 if word == "non" else _GOVERNED)
        if places and words.stems[places[0]] in permissions():
            # "Dogs are not allowed" denies what stands before it as well.
            wide = (i for i in clause_of(words, at) if words.content[i] and i not in places)
            places = (*places, *wide)
        found.append((at, places))
        if len(found) == MOST:
            break
    return found


def bounds(words: Words, at: int) -> bool:
    """Whether a negation is part of "no more than", which bounds a number and is compared as such."""
    if words.folded[at + 1 : at + 2] in (("exceed",), ("exceeding",)):
        return any(word[:1].isdigit() for word in words.folded[at + 2 : at + 5])
    return (
        words.folded[at + 1 : at + 2] != ()
        and words.folded[at + 1] in _COMPARED
        and (words.folded[at + 2 : at + 3] in (("than",), ("als",)))
    )


def governed(words: Words, at: int, count: int) -> tuple[int, ...]:
    """Places of the first content words after a place, within its clause."""
    places: list[int] = []
    for i in range(at + 1, min(len(words), at + 1 + _REACH)):
        if places and (words.stops[i] or words.folded[i] in _BREAKS):
            break
        if words.content[i]:
            places.append(i)
            if len(places) == count:
                break
    return tuple(places)


def negation_faults(claim: Words, source: Words, alike: NDArray[np.bool_]) -> list[Fault]:
    """Words of the claim that are negated on one side only.

    Args:
        claim: The claim.
        source: The sentences that speak of it.
        alike: Which words mean the same, shape (claim words, source words).
    """
    denied, denied_there = negations(claim), negations(source)
    mine = {i for _, places in denied for i in places}
    theirs = {j for _, places in denied_there for j in places}
    excepted = _excepted(claim, source, alike)
    if excepted:
        return _exception_faults(claim, source, alike, excepted)
    for at, places in denied:
        # The nearest word that both have decides: "not to be governed by the laws" denies governing.
        i = next((i for i in places if alike[i].any()), -1)
        matched = set(alike[i].nonzero()[0].tolist()) if i >= 0 else set()
        if not matched or matched & theirs or any(_turned_there(claim, i, source) for i in places[:1]):
            continue
        if _refused(claim, i) != _refused(source, _best_place(claim, i, source, sorted(matched))):
            continue
        settles = not denied_there and _repeated(claim, alike, {at})
        told = f"the source does not say “{claim.raw(at)}”"
        return [Fault("negation", told, missing=True, settles=settles)]
    for at, places in denied_there:
        shared = next((alike[:, j].nonzero()[0].tolist() for j in places[:2] if alike[:, j].any()), [])
        governed_too = {int(i) for j in places for i in alike[:, j].nonzero()[0]}
        if not shared or mine & governed_too or any(_turned_there(source, j, claim) for j in places[:1]):
            continue
        if any(_refused(claim, i) != _refused(source, places[0]) for i in shared):
            continue
        if all(set(alike[i].nonzero()[0].tolist()) <= theirs for i in shared):
            settles = not denied and _repeated(claim, alike, set())
            return [Fault("negation", f"the source says “{source.raw(at)}”", settles=settles)]
    return []


def _refused(words: Words, at: int) -> bool:
    """Whether words such as "forbidden" turn round the clause of a place, as a negation would."""
    refusing = refusals()
    return sum(words.stems[i] in refusing for i in clause_of(words, at)) % 2 == 1


def clause_of(words: Words, at: int) -> range:
    """Places of the words between the marks and conjunctions before and after a place."""
    first = last = at
    while first > 0 and not words.stops[first] and words.folded[first] not in _BREAKS:
        first -= 1
    while last + 1 < len(words) and not words.stops[last + 1] and words.folded[last + 1] not in _BREAKS:
        last += 1
    return range(first, last + 1)


def _repeated(claim: Words, alike: NDArray[np.bool_], besides: set[int]) -> bool:
    """Whether the source has every content word of a claim, but for some places."""
    rest = [i for i, content in enumerate(claim.content) if content and i not in besides]
    return bool(rest) and all(alike[i].any() for i in rest)


def _excepted(claim: Words, source: Words, alike: NDArray[np.bool_]) -> set[int]:
    """Places of the source after "except", if the claim speaks of these alone; they say the reverse of the rest."""
    if not _EXCEPT.search(source.text) or _EXCEPT.search(claim.text):
        return set()
    after: set[int] = set()
    for match in _EXCEPT.finditer(source.text):
        first = next((j for j, (start, _) in enumerate(source.spans) if start >= match.end()), len(source))
        for j in range(first, len(source)):
            if j > first and source.stops[j]:
                break
            after.add(j)
    # The claim's subject stands before its verb: the words that both sides say of it do not count.
    subject = next((set(alike[i].nonzero()[0].tolist()) for i in range(len(claim)) if alike[i].any()), set())
    return after if subject and subject <= after else set()


def _exception_faults(
    claim: Words, source: Words, alike: NDArray[np.bool_], excepted: set[int]
) -> list[Fault]:
    """The fault of a claim that says of an exception what its source says of the rest."""
    said = {j for j in range(len(source)) if alike[:, j].any()} - excepted
    if not said:
        return []
    theirs = {j for _, places in negations(source) for j in places}
    denied = bool(negations(claim)) != any(_refused(claim, i) for i in range(len(claim)))
    denied_there = bool(said & theirs) != any(_refused(source, j) for j in said)
    if denied != denied_there:
        return []
    match = _EXCEPT.search(source.text)
    return [Fault("negation", f"the source says “{match.group() if match else ''}”", settles=True)]


def answered(words: Words, at: int, other: Words) -> bool:
    """Whether another text has what a negation does: denies the same word, refuses it or has its opposite."""
    denials, theirs = negations(words), negations(other)
    places = next((places for place, places in denials if place == at), ())
    if any(_turned_there(words, i, other) for i in places[:1]):
        return True
    pivot = next((i for i in places if words.stems[i] in other.stems), None)
    if pivot is None:
        return False
    there = _best_place(
        words, pivot, other, [j for j, each in enumerate(other.stems) if each == words.stems[pivot]]
    )
    count = sum(pivot in denied for _, denied in denials) + sum(there in denied for _, denied in theirs)
    return (count + _refused(words, pivot) + _refused(other, there)) % 2 == 0


def _turned_there(words: Words, at: int, other: Words) -> bool:
    """Whether another text has the opposite of a word, and does not say its reverse as well."""
    found = opposites_there([words.stems[at]], other.stems).get(words.stems[at], frozenset())
    return bool(found) and not opposites_there(found, other.stems)


def _best_place(words: Words, at: int, other: Words, places: Sequence[int]) -> int:
    """Of some places of another text the one around which stand most of the words that stand around this one."""
    mine = set(words.stems[max(0, at - _BESIDE) : at + _BESIDE + 1])
    return max(places, key=lambda j: len(mine & set(other.stems[max(0, j - _BESIDE) : j + _BESIDE + 1])))


def refusal_faults(claim: Words, source: Words, alike: NDArray[np.bool_]) -> list[Fault]:
    """Words such as "forbidden" that turn round one side, where the claim has nothing else that is not the source's."""
    if negations(claim) or negations(source) or _excepted(claim, source, alike):
        return []
    refusing = refusals() | permissions()
    besides = {i for i, word in enumerate(claim.stems) if word in refusing}
    if not _repeated(claim, alike, besides) or opposites_there(claim.stems, source.stems):
        return []
    i = next(i for i, content in enumerate(claim.content) if content and i not in besides)
    there = alike[i].nonzero()[0].tolist()
    mine = _refused(claim, i)
    if any(_refused(source, j) == mine for j in there):
        return []
    # What the source does not speak of as allowed it need not allow.
    if mine and not _ALLOWS.search(source.text):
        return []
    words, at = (claim, i) if mine else (source, there[0])
    raw = next(words.raw(k) for k in clause_of(words, at) if words.stems[k] in refusals())
    told = f"the source does not say “{raw}”" if mine else f"the source says “{raw}”"
    return [Fault("negation", told, missing=mine, settles=True)]


def opposite_faults(claim: Words, source: Words, alike: NDArray[np.bool_]) -> list[Fault]:
    """Words of the claim for which the source has the opposite, next to words that both share."""
    mine = {i for _, places in negations(claim) for i in places}
    theirs = {j for _, places in negations(source) for j in places}
    turned = opposites_there(claim.stems, source.stems)
    if not turned or _excepted(claim, source, alike):
        return []
    there_too = [(i, turned[word]) for i, word in enumerate(claim.stems) if word in turned]
    for i, others in there_too[:MOST]:
        for j in [j for j, there in enumerate(source.stems) if there in others][:MOST]:
            near = [k for k in range(max(0, i - 4), min(len(claim), i + 5)) if k != i and claim.content[k]]
            around = alike[near, max(0, j - 6) : j + 7].any() if near else False
            if not around or (i in mine) != (j in theirs) or _said_elsewhere(source, alike, j):
                continue
            if mirrored(claim.stems[i]) and _follow(claim, alike, i, j, swapped=True):
                continue
            settles = i not in mine and _repeated(claim, alike, {i})
            if mirrored(claim.stems[i]) or mirrored(source.stems[j]):
                settles = settles and _follow(claim, alike, i, j, swapped=False)
            told = f"the source says “{source.raw(j)}”, not “{claim.raw(i)}”"
            return [Fault("opposite", told, settles=settles)]
    return []


def _said_elsewhere(source: Words, alike: NDArray[np.bool_], j: int) -> bool:
    """Whether another word of the source says the reverse of its word ``j`` of more that the claim speaks of."""
    reverse = opposites_there([source.stems[j]], source.stems).get(source.stems[j], ())
    shared = (
        [int(alike[:, list(clause_of(source, k))].any(axis=1).sum()) for k in range(len(source))]
        if reverse
        else []
    )
    return any(word in reverse and shared[k] >= shared[j] for k, word in enumerate(source.stems))


def _follow(claim: Words, alike: NDArray[np.bool_], i: int, j: int, *, swapped: bool) -> bool:
    """Whether what stands before and after word ``i`` stands so around word ``j`` there, or the other way round."""
    before = [k for k in range(i) if claim.content[k]]
    after = [k for k in range(i + 1, len(claim)) if claim.content[k]]
    first, second = (alike[:, j:], alike[:, :j]) if swapped else (alike[:, :j], alike[:, j:])
    return all(first[k].any() for k in before) and all(second[k].any() for k in after)
