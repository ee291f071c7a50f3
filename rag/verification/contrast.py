"""Whether a claim and its source point the same way: more or less, helps or harms, does or does not.

Words that say that something grows or falls, is there or is not, have a sign, which a negation turns round. The signs
of both sides are compared where the words around them agree.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from index.stems import stem
from rag.verification.polarity import negations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.verification.text import Words

_UP = """increase increased enhance promote raise rise elevate elevated high higher greater more improve
improved activate induce upregulate stimulate accelerate gain positive positively augment
strengthen up larger longer better cause lead essential necessary require required contribute
facilitate drive mediate trigger support sustain enable boost expand maintain associated
correlate predict benefit effective efficient susceptible sensitive common prevalent present
dependent significant significantly grow allow permit succeed success win profit"""
_DOWN = """decrease decreased reduce reduced reduction inhibit inhibition suppress lower low less fewer
impair impaired block prevent decline diminish attenuate downregulate abolish abrogate negative
negatively weak weaken slow shorter smaller worse loss lack absence deficient deficiency deplete
depletion knockout knockdown ablation disrupt disruption delete deletion null limit protect
protective protection resist resistant resistance independent unrelated dispensable unnecessary
rare insensitive ineffective inactive fail failed failure unable incapable unlikely mutant
defective shrink fall forbid prohibit ban lose"""
_NO_EFFECT = re.compile(
    r"no (?:significant|difference|evidence|effect|association|change)|"
    r"not (?:significant|differ|associated|affect)|did not|"
    r"similar|unaffected|unchanged",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:not|no|never|cannot|lacks?|unable|unrelated|independent)\b|n['’]t\b", re.IGNORECASE
)
# Content words on each side of a signed word that say what it is about.
_BESIDE, _BESIDE_THERE = 5, 6
_MOST = 4
# Signed words of one side that are compared; more have only lists of such words.
_MOST_SIGNED = 64


@cache
def _signs() -> dict[str, int]:
    return {stem(word): 1 for word in _UP.split()} | {stem(word): -1 for word in _DOWN.split()}


def contrast(claim: Words, source: Words, cosines: NDArray[np.float64]) -> dict[str, float]:
    """Signals of agreement and opposition.

    Args:
        claim: The claim.
        source: The sentences that speak of it.
        cosines: Of the claim's words with those there, shape (claim words, words there).
    """
    mine, theirs = _signed(claim)[:_MOST_SIGNED], _signed(source)[:_MOST_SIGNED]
    total, strongest = _agreement(claim, source, mine, theirs, cosines)
    one, other = float(np.sign(sum(s for _, s in mine))), float(np.sign(sum(s for _, s in theirs)))
    no_effect, denies = bool(_NO_EFFECT.search(source.text)), bool(_DENIES.search(claim.text))
    found = {
        "sign_claim": one,
        "sign_source": other,
        "sign_both": one * other,
        "sign_agree": total,
        "sign_strongest": strongest,
        "no_effect": float(no_effect),
        "denies": float(denies),
        "denies_both": float(no_effect == denies),
    }
    odd = []
    for name, words in (("claim", claim), ("source", source)):
        denied = len(negations(words))
        up = sum(_signs().get(each, 0) > 0 for each in words.stems)
        down = sum(_signs().get(each, 0) < 0 for each in words.stems)
        odd.append((denied + down) % 2)
        found |= {
            f"denied_{name}": float(min(denied, _MOST)),
            f"up_{name}": float(min(up, _MOST)),
            f"down_{name}": float(min(down, _MOST)),
            f"odd_{name}": float(odd[-1]),
        }
    return found | {"odd_both": float(odd[0] == odd[1])}


def _signed(words: Words) -> list[tuple[int, int]]:
    """Places of signed words with their signs; a negation that governs none of them is one itself."""
    denials = negations(words)
    denied = {at for _, places in denials for at in places}
    found = [
        (at, -sign if at in denied else sign)
        for at, sign in ((at, _signs().get(each, 0)) for at, each in enumerate(words.stems))
        if sign
    ]
    known = {at for at, _ in found}
    return found + [(at, -1) for at, places in denials if not known & set(places)]


def _agreement(
    claim: Words,
    source: Words,
    mine: list[tuple[int, int]],
    theirs: list[tuple[int, int]],
    cosines: NDArray[np.float64],
) -> tuple[float, float]:
    """The mean of the products of signs, weighed by how well their surroundings agree, and the strongest one."""
    total = weight = strongest = 0.0
    for i, sign in mine:
        near = _beside(claim, i, _BESIDE)
        for j, other in theirs:
            there = _beside(source, j, _BESIDE_THERE)
            if not near or not there:
                continue
            alike = float(cosines[np.ix_(near, there)].max(axis=1).mean())
            share = float(np.exp(8 * alike + 3 * cosines[i, j]))
            total, weight = total + sign * other * share, weight + share
            if abs(alike) > abs(strongest):
                strongest = sign * other * alike
    return (total / weight if weight else 0.0), strongest


def _beside(words: Words, at: int, count: int) -> list[int]:
    places = range(max(0, at - count), min(len(words), at + count + 1))
    return [i for i in places if i != at and words.content[i]]
