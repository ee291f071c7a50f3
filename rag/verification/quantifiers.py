"""Where a claim says all, most, some, few, none or only, and its source another of them for the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.verification.faults import Fault
from rag.verification.polarity import MOST, bounds, clause_of, governed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rag.verification.text import Words

_EVERYBODY = frozenset(
    ("either", "any", "both", "all", "each", "every", "anyone", "anybody", "everyone", "everybody")
)
_QUANTIFIERS = {
    "all": "all every each always entire entirely whole everyone everybody everything completely fully both",
    "most": "most majority usually generally mostly mainly largely typically predominantly normally",
    "some": "some several many numerous various sometimes often occasionally frequently certain",
    "few": "few rarely seldom hardly minority",
    "no": "no none never nobody neither nothing",
    "only": "only solely exclusively merely",
}
QUANTIFIER_OF = {word: name for name, words in _QUANTIFIERS.items() for word in words.split()}


def quantifier_faults(claim: Words, source: Words, alike: NDArray[np.bool_]) -> list[Fault]:
    """Quantifiers of the claim where the source has another for the same words."""
    have = [(at, kind, governed(source, at, 3)) for at, kind in _quantifiers(source)]
    for at, kind in _quantifiers(claim):
        places = governed(claim, at, 3)
        near = [j for j, _, there in have if any(alike[i, k] for i in places for k in there)]
        kinds = {other for j, other, _ in have if j in near}
        if kind in kinds:
            continue
        if kinds - {"only"}:
            j = next(j for j, other, _ in have if j in near and other != "only")
            return [Fault("quantifier", f"the source says “{source.raw(j)}”, not “{claim.raw(at)}”")]
        matched = any(alike[i].any() for i in places)
        if kind == "only" and matched and not any(other == "only" for _, other, _ in have):
            if (wide := _open_to_all(places, source, alike)) is not None:
                told = f"the source says “{source.raw(wide)}”, not “{claim.raw(at)}”"
                return [Fault("quantifier", told, settles=True)]
            return [Fault("quantifier", f"the source does not say “{claim.raw(at)}”", missing=True)]
    return []


def _open_to_all(places: Sequence[int], source: Words, alike: NDArray[np.bool_]) -> int | None:
    """Where a clause of the source that has most of some words begins with "either" or the like, or None."""
    for j in sorted({int(j) for i in places for j in alike[i].nonzero()[0]}):
        clause = clause_of(source, j)
        shared = sum(any(alike[i, k] for k in clause) for i in places)
        if source.folded[clause[0]] in _EVERYBODY and shared >= len(places) - 1:
            return clause[0]
    return None


def _quantifiers(words: Words) -> list[tuple[int, str]]:
    found = []
    for at, word in enumerate(words.folded):
        kind = QUANTIFIER_OF.get(word)
        before = words.folded[at - 1] if at else ""
        after = words.folded[at + 1] if at + 1 < len(words) else ""
        if kind is None or (word == "both" and after == "and"):
            continue
        if word == "few" and before == "a":
            kind = "some"
        # "More and most" compare, and "no more than 5" bounds a number, which is compared as such.
        if (word == "most" and before in ("the", "at")) or bounds(words, at):
            continue
        if (word in ("only", "all")) and before in ("not", "at", "after", "above"):
            continue
        found.append((at, kind))
        if len(found) == MOST:
            break
    return found
