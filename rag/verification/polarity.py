"""Where a claim says the opposite of its source: negation, opposites and quantifiers, word by word.

A negation governs the few content words after it in its clause. A claim is opposed where a word that it shares with the
source is negated on one side only, or stands as its opposite, and not where both happen, as in natural logic
(MacCartney and Manning: "Natural Logic for Textual Inference", https://aclanthology.org/W07-1431/), of which this is a
small part.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from index.stems import stem
from rag.verification.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from rag.verification.text import Words

NEGATORS_TEXT = """not no never none neither nor without cannot nobody nothing nowhere unable hardly
barely fails failed fail incapable
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
_DENYING, _SHORTEST_DENIED = ("un", "in", "im", "dis", "non", "ir", "il"), 4
_REACH = 9
# Negations, quantifiers and opposites of one side that are compared; more have only lists of such words.
_MOST = 64
_OPPOSITES = """increase decrease|increase reduce|rise fall|raise lower|grow shrink|gain lose|high low
more less|more fewer|greater smaller|greater less|large small|big small|long short
early late|before after|above below|over under|begin end|start stop|open close
allow prohibit|allow forbid|permit prohibit|permit forbid|allow ban|include exclude
accept reject|accept refuse|approve reject|win lose|victory defeat|succeed fail
success failure|support oppose|agree disagree|positive negative|better worse|best worst
improve worsen|improve impair|enhance impair|enhance inhibit|enhance reduce|promote inhibit
activate inhibit|activate suppress|induce inhibit|induce suppress|stimulate inhibit
stimulate suppress|upregulate downregulate|up down|elevate reduce|raise reduce
accelerate slow|strong weak|strengthen weaken|easy difficult|easy hard|safe dangerous
safe unsafe|true false|right wrong|correct incorrect|legal illegal|possible impossible
able unable|common rare|likely unlikely|clear unclear|known unknown|related unrelated
dependent independent|sensitive resistant|susceptible resistant|effective ineffective
sufficient insufficient|adequate inadequate|necessary unnecessary|equal unequal
stable unstable|active inactive|male female|man woman|men women|boy girl|father mother
brother sister|son daughter|husband wife|north south|east west|northern southern
eastern western|left right|first last|old new|old young|old modern|public private
national international|internal external|maximum minimum|majority minority|buy sell
import export|enter leave|arrive depart|love hate|like dislike|remember forget|give take
lend borrow|hot cold|warm cold|wet dry|rich poor|full empty|fast slow|deep shallow
wide narrow|heavy light|thick thin|day night|birth death|born died|alive dead
mandatory optional|required optional|voluntary compulsory|always never|everyone nobody
all none|present absent|same different|similar different|protect harm|protect expose
prevent cause|prevent promote|benefit harm|beneficial harmful|healthy unhealthy
cheap expensive|expand contract|expand narrow|add remove|attach detach|connect disconnect
appear disappear|create destroy|build destroy|attack defend|friend enemy|war peace
profit loss|income expense|credit debit|surplus deficit|ascend descend|upper lower
inner outer|front back|top bottom|advantage disadvantage|guilty innocent|pass fail
lengthen shorten|abundance scarcity|shorter longer|faster slower|higher lower|larger smaller
older younger|earlier later|stronger weaker|lighter heavier|cheaper dearer|extend shorten
enable disable|enable prevent|overexpression loss|deficiency excess|hyper hypo|gain loss"""

_QUANTIFIERS = {
    "all": "all every each always entire entirely whole everyone everybody everything completely fully both",
    "most": "most majority usually generally mostly mainly largely typically predominantly normally",
    "some": "some several many numerous various sometimes often occasionally frequently certain",
    "few": "few rarely seldom hardly minority",
    "no": "no none never nobody neither nothing",
    "only": "only solely exclusively merely",
}
QUANTIFIER_OF = {word: name for name, words in _QUANTIFIERS.items() for word in words.split()}


@cache
def _opposites() -> dict[str, frozenset[str]]:
    """Stems -> the stems of their opposites."""
    found: dict[str, set[str]] = {}
    for pair in _OPPOSITES.replace("\n", "|").split("|"):
        one, other = (stem(word) for word in pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


def opposite(one: str, other: str) -> bool:
    """Whether two stems are opposites, by a list or by a prefix that denies."""
    if other in _opposites().get(one, ()):
        return True
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST_DENIED and any(long == prefix + short for prefix in _DENYING)


def negations(words: Words) -> list[tuple[int, tuple[int, ...]]]:
    """Each negation's place with those of the content words that it governs."""
    found = []
    for at, word in enumerate(words.folded):
        if not (word in NEGATORS or word.endswith("n't")):
            continue
        after = words.folded[at + 1] if at + 1 < len(words) else ""
        if after in _HARMLESS_AFTER or (word == "no" and after[:1].isdigit()) or bounds(words, at):
            continue
        found.append((at, governed(words, at, _GOVERNED)))
        if len(found) == _MOST:
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
    for at, places in denied:
        # The nearest word that both have decides: "not to be governed by the laws" denies governing.
        matched = next((set(alike[i].nonzero()[0].tolist()) for i in places if alike[i].any()), set())
        if matched and not matched & theirs and not _turned(places, claim, source):
            return [Fault("negation", f"the source does not say “{claim.raw(at)}”", missing=True)]
    for at, places in denied_there:
        shared = next((alike[:, j].nonzero()[0].tolist() for j in places[:2] if alike[:, j].any()), [])
        governed_too = {int(i) for j in places for i in alike[:, j].nonzero()[0]}
        if not shared or mine & governed_too or _turned(shared, claim, source):
            continue
        if all(set(alike[i].nonzero()[0].tolist()) <= theirs for i in shared):
            return [Fault("negation", f"the source says “{source.raw(at)}”")]
    return []


def _turned(places: Iterable[int], claim: Words, source: Words) -> bool:
    """Whether the source has an opposite of one of these words and not the word, which undoes a negation."""
    have = set(source.stems)
    if any(claim.stems[i] in have for i in places):
        return False
    return any(_opposites().get(claim.stems[i], frozenset()) & have for i in places)


def opposite_faults(claim: Words, source: Words, alike: NDArray[np.bool_]) -> list[Fault]:
    """Words of the claim for which the source has the opposite, next to words that both share."""
    mine = {i for _, places in negations(claim) for i in places}
    theirs = {j for _, places in negations(source) for j in places}
    have = set(source.stems)
    there_too = [
        (i, others)
        for i, word in enumerate(claim.stems)
        if word not in have and (others := _opposites().get(word, frozenset()) & have)
    ]
    for i, others in there_too[:_MOST]:
        for j in [j for j, there in enumerate(source.stems) if there in others][:_MOST]:
            near = [k for k in range(max(0, i - 4), min(len(claim), i + 5)) if k != i and claim.content[k]]
            around = alike[near, max(0, j - 6) : j + 7].any() if near else False
            if around and (i in mine) == (j in theirs):
                return [Fault("opposite", f"the source says “{source.raw(j)}”, not “{claim.raw(i)}”")]
    return []


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
            return [Fault("quantifier", f"the source does not say “{claim.raw(at)}”", missing=True)]
    return []


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
        if len(found) == _MOST:
            break
    return found
