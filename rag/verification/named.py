"""The names of a claim that a source does not have.

A part of a name, an acronym, another ending and a slip of the pen are the same name.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from rag.verification.faults import Fault
from rag.words import is_function_word

if TYPE_CHECKING:
    from rag.verification.text import Words

_MONTHS_AND_DAYS_TEXT = """january february march april may june july august september october november
december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday
thursday friday saturday sunday"""
_MONTHS_AND_DAYS = frozenset(_MONTHS_AND_DAYS_TEXT.split())
_TITLES_TEXT = """mr mrs ms dr sir lord lady prof professor st saint president king queen the ii iii
iv vi"""
_TITLES = frozenset(_TITLES_TEXT.split())
# Compared as units of amounts.
_CURRENCIES = frozenset(("eur", "usd", "gbp", "chf", "jpy", "cny", "inr", "euro"))
# Names of peoples and places agree in so many first letters: France and French do not, Italy and Italian do.
_SAME_START = 4
_SHORTEST_ACRONYM, _LONGEST_ACRONYM = 2, 12
# Names of one claim, and words of its source, that are also looked for in other spellings.
_MOST_NAMES, _MOST_WORDS = 24, 4_000
_UNLIKE = 0.5
# Share of the letters that agree in two spellings of a name.
_SLIP = 0.84
_OPENERS = frozenset(
    [
        "despite",
        "although",
        "though",
        "while",
        "because",
        "since",
        "during",
        "within",
        "according",
        "however",
        "moreover",
        "therefore",
        "thus",
        "furthermore",
        "additionally",
        "overall",
        "instead",
        "unlike",
        "among",
        "amongst",
        "unless",
        "whereas",
        "given",
        "based",
        "upon",
        "once",
    ]
)
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
        if words.folded[at] in _CURRENCIES:
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
    return words.folded[at] not in _TITLES | _OPENERS and not _COMMON_ENDING.search(words.folded[at])


def name_faults(claim: Words, near: Words, around: Words, piece: Words, nearest: float = 1.0) -> list[Fault]:
    """Names of a claim that neither the sentences nor what stands around them has.

    Args:
        claim: The claim.
        near: The sentences that speak of it.
        around: What stands before or over them, where names count too.
        piece: All of the text that they are from: a name there is a lesser fault.
        nearest: Cosine of the claim's first word with the nearest word of the sentences.
    """
    places = names_of(claim)
    # Every sentence begins with a capital: only a first word that is like nothing there is taken for a name.
    if 0 not in places and could_be_name(claim, 0) and nearest < _UNLIKE:
        places = [0, *places]
    if not places:
        return []
    have = {*near.folded, *around.folded, *near.stems, *around.stems}
    acronyms = acronyms_of(near) | acronyms_of(around)
    missing = [at for at in places if not _present(claim, at, places, have, acronyms)]
    # A surname that stands there without another first name is the same person.
    missing = [at for at in missing if not _surname_there(claim, at, places, missing, near)]
    if not missing:
        return []
    told = " ".join([claim.raw(at) for at in missing][:_MOST_NAMES])
    wide = {*piece.folded, *piece.stems}
    elsewhere = all(_present(claim, at, places, wide, acronyms) for at in missing)
    return [Fault("name", f"the source does not name {told}", missing=True, elsewhere=elsewhere)]


def _surname_there(claim: Words, at: int, places: list[int], missing: list[int], near: Words) -> bool:
    last = _run(at, places)[-1]
    if last == at or last in missing or claim.folded[last] not in near.folded:
        return False
    there = near.folded.index(claim.folded[last])
    before = near.raw(there - 1) if there and not near.stops[there] else ""
    return not before[:1].isupper() or near.folded[there - 1] in _TITLES


def _present(claim: Words, at: int, places: list[int], have: set[str], acronyms: set[str]) -> bool:
    word = claim.folded[at]
    if word in have or claim.stems[at] in have or word.removesuffix("s") in acronyms:
        return True
    run = _run(at, places)
    if len(run) > 1 and "".join(claim.folded[i][0] for i in run) in have:
        return True
    # "Diastolic blood pressure (DBP)" explains its own letters.
    letters = word.removesuffix("s")
    before = "".join(each[0] for each in claim.folded[max(0, at - len(letters)) : at])
    if claim.raw(at)[0].isupper() and len(letters) >= _SHORTEST_ACRONYM and before.endswith(letters):
        return True
    if len(have) > _MOST_WORDS or at not in places[:_MOST_NAMES]:
        return False
    return any(same_name(word, other) for other in have)


def _run(at: int, places: list[int]) -> list[int]:
    """The words of the name that a word is part of."""
    first = last = at
    while first - 1 in places:
        first -= 1
    while last + 1 in places:
        last += 1
    return list(range(first, last + 1))


def same_name(one: str, other: str) -> bool:
    """Whether two words differ in a short ending, in accents or by a slip of the pen: Italy and Italian."""
    if one[0] != other[0]:
        return False
    one, other = _plain(one), _plain(other)
    shorter = min(len(one), len(other))
    if shorter < _SAME_START or abs(len(one) - len(other)) > 4 or one[0].isdigit():  # noqa: PLR2004
        return False
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), shorter)
    if same >= _SAME_START and same >= shorter - 1:
        return True
    return shorter > _SAME_START and SequenceMatcher(a=one, b=other, autojunk=False).ratio() >= _SLIP


def _plain(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def acronyms_of(words: Words) -> set[str]:
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
    return {
        whole[i:j]
        for i in range(len(whole))
        for j in range(i + _SHORTEST_ACRONYM, min(i + _LONGEST_ACRONYM, len(whole)) + 1)
    }
