"""The names of a claim that a source does not have. A part of a name, an acronym and another ending are the same name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.verification.faults import Fault
from rag.words import is_function_word

if TYPE_CHECKING:
    from rag.verification.text import Words

_MONTHS_AND_DAYS = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ]
)
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "sir",
        "lord",
        "lady",
        "prof",
        "professor",
        "st",
        "saint",
        "president",
        "king",
        "queen",
        "the",
        "ii",
        "iii",
        "iv",
        "vi",
    ]
)
# Names of peoples and places agree in so many first letters: France and French do not, Italy and Italian do.
_SAME_START = 4
_SHORTEST_ACRONYM = 2
# Endings of words that begin a sentence with a capital and are no names.
_COMMON_ENDING = re.compile(
    r"(?:ing|ly|tion|sion|ment|ness|ity|ies|ers|ists|ance|ence|ive|ous|ful|less|able|ible|ally)$"
)


def names_of(words: Words) -> list[int]:
    """Places of words that are names or parts of names."""
    found = []
    for at in range(len(words)):
        raw = words.raw(at)
        if not raw[0].isupper() or words.folded[at] in _MONTHS_AND_DAYS or words.folded[at] in _TITLES:
            continue
        if is_function_word(words.stems[at]) or len(raw) < 2:  # noqa: PLR2004 - an initial.
            continue
        begins = at == 0 or (words.stops[at] and _ends_sentence(words, at))
        if begins and not _name_at_start(words, at):
            continue
        found.append(at)
    return found


def _ends_sentence(words: Words, at: int) -> bool:
    between = words.text[words.spans[at - 1][1] : words.spans[at][0]]
    return bool(re.search(r"[.!?:\n“\"]", between))


def _name_at_start(words: Words, at: int) -> bool:
    """Whether the capital of a sentence's first word is a name's: a name goes on, or is inflected like none."""
    raw = words.raw(at)
    if at + 1 < len(words) and not words.stops[at + 1]:
        after = words.raw(at + 1)
        if after[0].isupper() and not is_function_word(words.stems[at + 1]):
            return True
    possessive = words.text[words.spans[at][1] - 2 : words.spans[at][1]] in ("'s", "’s")
    return possessive or (len(raw) > 1 and raw.isupper()) or any(c.isupper() for c in raw[1:])


def could_be_name(words: Words, at: int) -> bool:
    """Whether a sentence's first word has a capital, is no function word and has no common word's ending."""
    if at >= len(words) or not words.raw(at)[0].isupper() or is_function_word(words.stems[at]):
        return False
    return words.folded[at] not in _TITLES and not _COMMON_ENDING.search(words.folded[at])


def name_faults(claim: Words, near: Words, around: Words) -> list[Fault]:
    """Names of a claim that neither the sentences nor what stands around them has."""
    places = names_of(claim)
    if not places:
        return []
    have = {*near.folded, *around.folded, *near.stems, *around.stems}
    acronyms = _acronyms(near) | _acronyms(around)
    missing = [at for at in places if not _present(claim, at, places, have, acronyms)]
    # A surname that stands there without another first name is the same person.
    missing = [at for at in missing if not _surname_there(claim, at, places, missing, near)]
    if not missing:
        return []
    told = " ".join(claim.raw(at) for at in missing)
    return [Fault("name", f"the source does not name {told}", missing=len(missing) < len(places))]


def _surname_there(claim: Words, at: int, places: list[int], missing: list[int], near: Words) -> bool:
    last = _run(at, places)[-1]
    if last == at or last in missing or claim.folded[last] not in near.folded:
        return False
    there = near.folded.index(claim.folded[last])
    before = near.raw(there - 1) if there and not near.stops[there] else ""
    return not before[:1].isupper() or near.folded[there - 1] in _TITLES


def _present(claim: Words, at: int, places: list[int], have: set[str], acronyms: set[str]) -> bool:
    word = claim.folded[at]
    if word in have or claim.stems[at] in have or word in acronyms:
        return True
    run = _run(at, places)
    if len(run) > 1 and "".join(claim.folded[i][0] for i in run) in have:
        return True
    return any(_same_start(word, other) for other in have)


def _run(at: int, places: list[int]) -> list[int]:
    """The words of the name that a word is part of."""
    first = last = at
    while first - 1 in places:
        first -= 1
    while last + 1 in places:
        last += 1
    return list(range(first, last + 1))


def _same_start(one: str, other: str) -> bool:
    """Whether two words differ in a short ending only: Italy and Italian, Moscow and Moscovite's sort."""
    shorter = min(len(one), len(other))
    if shorter < _SAME_START or abs(len(one) - len(other)) > 4:  # noqa: PLR2004
        return False
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), shorter)
    return same >= _SAME_START and same >= shorter - 1


def _acronyms(words: Words) -> set[str]:
    """First letters of the runs of capitalised words of a text, small words between them left out."""
    found: set[str] = set()
    letters: list[str] = []
    for at in range(len(words)):
        raw = words.raw(at)
        if raw[0].isupper() and not (letters and words.stops[at]):
            letters.append(raw[0].casefold())
        elif not (letters and raw in ("of", "the", "for", "and", "in", "on") and not words.stops[at]):
            found |= _runs(letters)
            letters = [raw[0].casefold()] if raw[0].isupper() else []
    return found | _runs(letters)


def _runs(letters: list[str]) -> set[str]:
    whole = "".join(letters)
    return {whole[i:j] for i in range(len(whole)) for j in range(i + _SHORTEST_ACRONYM, len(whole) + 1)}
