"""What can be measured between a claim and a source: how words and sentences align, and which facts differ.

Every word of the claim is compared with every word of the source in the vectors that the embedding model gives them in
their sentence, as in BERTScore (https://arxiv.org/abs/1904.09675); rare words weigh more. The sentences that a claim
is bound to are chosen without its numbers and names, which must then stand there: chosen with them, a wrong number
would lead to the sentence that happens to have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.verification.amounts import quantity_faults
from rag.verification.contrast import contrast
from rag.verification.faults import KINDS
from rag.verification.named import could_be_name, name_faults, names_of
from rag.verification.opposites import opposite
from rag.verification.polarity import negation_faults, opposite_faults, refusal_faults
from rag.verification.quantifiers import quantifier_faults
from rag.verification.substitution import substitution_faults
from rag.verification.text import Words, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rag.verification.faults import Fault

# Sentences that follow one another and may carry a claim together.
WINDOW = 3
# What a further sentence has to add, as a share of the claim, to be taken in.
_PER_SENTENCE = 0.03
# Words alike from this cosine on mean the same; the numbers and names of a claim must be the source's own.
_ALIKE = 0.72
# How much numbers and names count when the sentences are chosen that the claim is bound to.
_FACT_WEIGHT = 0.15
# Sentences before and after, whose numbers and names count where the sentences themselves say nothing else.
_AROUND = 3
_PRONOUNS_TEXT = """he she it they his her its their him them this these that those such"""
_PRONOUNS = frozenset(_PRONOUNS_TEXT.split())
_MOST_CHOSEN = 6
# How alike a word of the claim and the same word in a heading are taken to be.
_TITLE = 0.9
_REPLACED = ("name", "negation", "quantifier")


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A sentence or a claim, ready to be compared.

    Attributes:
        words: Its words.
        vectors: Of the words, unit rows, shape (words, dimensions); no columns without a model.
        whole: Of all of it, shape (dimensions,), length 1.
    """

    words: Words
    vectors: NDArray[np.float32]
    whole: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The sentences that a claim is compared with, in order.

    Attributes:
        sentences: Each ready to be compared.
        piece: Which piece of evidence each is of; neighbours in one piece follow one another.
        around: Title and headings of each piece.
    """

    sentences: Sequence[Text]
    piece: NDArray[np.int64]
    around: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A claim against a source.

    Attributes:
        features: By name.
        first: Of the sentences that the claim is bound to.
        last: Exclusive.
        faults: What these sentences have otherwise.
        carried: How much of the claim each sentence carries, shape (sentences,).
        chosen: Sentences that together carry most of it with the fewest of them.
    """

    features: dict[str, float]
    first: int
    last: int
    faults: tuple[Fault, ...]
    carried: NDArray[np.float64]
    chosen: tuple[int, ...]


def compare(claim: Text, source: Source, weights: NDArray[np.float64]) -> Comparison:
    """Compare a claim with all sentences of a source.

    Args:
        claim: With at least one content word.
        source: With at least one sentence.
        weights: How rare each of the claim's words is, shape (words,).
    """
    words = claim.words
    content = np.array(words.content)
    weights = np.where(content, weights, 0.0)
    facts = _facts(words)
    soft, exact = _by_sentence(claim, source)
    windows = _windows(source.piece)
    wide_soft = np.stack([soft[:, a:b].max(axis=1) for a, b in windows], axis=1)
    wide_exact = np.stack([exact[:, a:b].max(axis=1) for a, b in windows], axis=1)
    pooled = np.stack([text.whole for text in source.sentences])
    cosines = pooled @ claim.whole
    wide_cosines = np.array([_direction(pooled[a:b]) @ claim.whole for a, b in windows])
    bound_weights = np.where(facts, _FACT_WEIGHT * weights, weights)
    lengths = np.array([b - a for a, b in windows])
    value = (
        0.4 * _mean(wide_soft, bound_weights)
        + 0.35 * _mean(wide_exact, bound_weights)
        + 0.25 * wide_cosines
        - _PER_SENTENCE * (lengths - 1)
    )
    best = int(np.argmax(value))
    first, last = windows[best]
    single = int(np.argmax(value[: len(source.sentences)]))
    faults = find_faults(claim, source, first, last)
    both = 0.5 * soft + 0.5 * exact
    chosen = _cover(both, weights, cosines)
    features = _overall(claim, cosines, wide_cosines, _direction(pooled))
    views = {
        "one": (soft[:, single], exact[:, single]),
        "near": (wide_soft[:, best], wide_exact[:, best]),
        "all": (soft.max(axis=1), exact.max(axis=1)),
        "set": (soft[:, chosen].max(axis=1), exact[:, chosen].max(axis=1)),
    }
    for name, (alike, same) in views.items():
        features |= _alignment(name, alike, same, weights, words)
    features |= _phrases(words, source, first, last)
    features["near_cosine"] = float(wide_cosines[best])
    features["near_back"] = _backwards(claim, source, first, last)
    features["set_size"] = float(len(chosen))
    features |= fault_features(faults)
    here = source.sentences[first:last]
    cosines_here = _cosines(claim, here)
    features |= contrast(words, words_of(_joined(here)), cosines_here)
    features |= _in_context(words, [stem for text in here for stem in text.words.stems], cosines_here)
    carried = 0.7 * _mean(both, weights) + 0.3 * cosines
    return Comparison(features, first, last, tuple(faults), carried, tuple(chosen))


def find_faults(claim: Text, source: Source, first: int, last: int) -> list[Fault]:
    """What the sentences from ``first`` to ``last`` have otherwise than the claim."""
    piece = int(source.piece[first])
    same = np.flatnonzero(source.piece == piece)
    start, end = max(int(same[0]), first - _AROUND), min(int(same[-1]) + 1, last + _AROUND)
    near = _joined(source.sentences[first:last])
    title = source.around[piece]
    before = [text.words.text for text in source.sentences[start:first]]
    after = [text.words.text for text in source.sentences[last:end]]
    around = " ".join((title, *before, *after))
    words, here = claim.words, words_of(near)
    alike = _alike(claim, source.sentences[first:last], here)
    # Who "she" is stands before; without a pronoun a name must stand in the sentence, or over it.
    leans = any(word in _PRONOUNS for word in here.folded)
    named = words_of(" ".join((title, *before)) if leans else title)
    nearest = 1.0
    if claim.vectors.shape[1]:
        vectors = np.concatenate([text.vectors for text in source.sentences[first:last]])
        nearest = float((vectors @ claim.vectors[0]).max())
    faults = quantity_faults(words.text, near, around)
    whole = words_of(" ".join(source.sentences[i].words.text for i in same.tolist()))
    faults += name_faults(words, here, named, whole, nearest)
    faults += substitution_faults(words, here)
    faults += negation_faults(words, here, alike)
    faults += refusal_faults(words, here, alike)
    faults += opposite_faults(words, here, alike)
    faults += quantifier_faults(words, here, alike)
    return faults


def _joined(sentences: Sequence[Text]) -> str:
    return " ".join(text.words.text for text in sentences)


def _cosines(claim: Text, sentences: Sequence[Text]) -> NDArray[np.float64]:
    """Of each of the claim's words with each word there; 1 and 0 without vectors."""
    vectors = np.concatenate([text.vectors for text in sentences])
    if claim.vectors.shape[1]:
        return np.asarray(claim.vectors @ vectors.T, dtype=np.float64)
    stems = [stem for text in sentences for stem in text.words.stems]
    return np.array([[float(a == b) for b in stems] for a in claim.words.stems])


def _facts(words: Words) -> NDArray[np.bool_]:
    found = np.array([any(c.isdigit() for c in word) for word in words.folded])
    found[names_of(words)] = True
    if could_be_name(words, 0):
        found[0] = True
    return found


def _by_sentence(claim: Text, source: Source) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How near the nearest word of each sentence is to each word of the claim, and whether it is the same word.

    Returns:
        Two arrays of shape (claim words, sentences).
    """
    count = len(source.sentences)
    exact = np.zeros((len(claim.words), count))
    rows: dict[str, list[int]] = {}
    for i, stem in enumerate(claim.words.stems):
        rows.setdefault(stem, []).append(i)
    for j, text in enumerate(source.sentences):
        for stem in rows.keys() & set(text.words.stems):
            exact[rows[stem], j] = 1.0
    over = _in_titles(claim, source, rows)
    if not claim.vectors.shape[1]:
        return np.maximum(exact, over), np.maximum(exact, over)
    lengths = np.array([len(text.words) for text in source.sentences])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    cosines = claim.vectors @ np.concatenate([text.vectors for text in source.sentences]).T
    soft = np.maximum.reduceat(cosines, starts, axis=1).astype(np.float64)
    return np.maximum(soft, _TITLE * over), np.maximum(exact, over)


def _in_titles(claim: Text, source: Source, rows: dict[str, list[int]]) -> NDArray[np.float64]:
    """Which words of the claim stand in the title or headings over each sentence, shape (claim words, sentences)."""
    found = np.zeros((len(claim.words), len(source.sentences)))
    for piece, around in enumerate(source.around):
        for stem in rows.keys() & set(words_of(around).stems):
            found[np.ix_(np.array(rows[stem]), np.flatnonzero(source.piece == piece))] = 1.0
    return found


def _windows(piece: NDArray[np.int64]) -> list[tuple[int, int]]:
    count = len(piece)
    return [
        (first, first + size)
        for size in range(1, WINDOW + 1)
        for first in range(count - size + 1)
        if piece[first] == piece[first + size - 1]
    ]


def _alike(claim: Text, sentences: Sequence[Text], here: Words) -> NDArray[np.bool_]:
    """Which content words of the claim and of the sentences mean the same, shape (claim words, words there)."""
    stems = np.array([[a == b for b in here.stems] for a in claim.words.stems], dtype=bool)
    found = stems.reshape(len(claim.words), len(here))
    vectors = np.concatenate([text.vectors for text in sentences])
    if claim.vectors.shape[1] and len(vectors) == len(here):
        for i, j in zip(*np.nonzero((claim.vectors @ vectors.T >= _ALIKE) & ~found), strict=True):
            # Opposites stand in the same places and are near to one another.
            found[i, j] = not opposite(claim.words.stems[i], here.stems[j])
    both = np.outer(np.array(claim.words.content, dtype=bool), np.array(here.content, dtype=bool))
    return np.asarray(found & both)


def _direction(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    total = rows.sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), dtype=np.float32)


def _mean(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted mean over the claim's words, for each column."""
    total = float(weights.sum())
    return np.asarray(weights @ rows / total if total else np.ones(rows.shape[1]))


def _cover(
    carried: NDArray[np.float64], weights: NDArray[np.float64], cosines: NDArray[np.float32]
) -> list[int]:
    """Sentences chosen one by one, each for what it adds to the claim's words, until none adds enough."""
    share = weights / max(float(weights.sum()), 1e-9)
    have = np.zeros(len(share))
    chosen: list[int] = []
    while len(chosen) < min(_MOST_CHOSEN, carried.shape[1]):
        gain = share @ np.maximum(carried - have[:, None], 0.0) + 0.1 * cosines * (not chosen)
        gain[chosen] = -1.0
        best = int(np.argmax(gain))
        if chosen and gain[best] < 2 * _PER_SENTENCE:
            break
        chosen.append(best)
        have = np.maximum(have, carried[:, best])
    return chosen


def _overall(
    claim: Text, cosines: NDArray[np.float32], wide: NDArray[np.float64], middle: NDArray[np.float32]
) -> dict[str, float]:
    ordered = np.sort(cosines)[::-1]
    words = claim.words
    return {
        "cosine": float(ordered[0]),
        "cosine_three": float(ordered[:3].mean()),
        "cosine_wide": float(wide.max()),
        "cosine_all": float(middle @ claim.whole),
        "length": float(np.log(1 + len(words))),
        "names": float(len(names_of(words))),
        "numbers": float(sum(word[0].isdigit() for word in words.folded)),
        "sentences": float(np.log(1 + len(cosines))),
    }


def _alignment(
    name: str,
    soft: NDArray[np.float64],
    exact: NDArray[np.float64],
    weights: NDArray[np.float64],
    words: Words,
) -> dict[str, float]:
    """How well the claim's words are found in some sentences: on the whole, the worst of them, names and numbers."""
    content = np.array(words.content)
    inner = soft[content]
    rest = soft[~content]
    total = max(float(weights.sum()), 1e-9)
    found = {
        "soft": float(weights @ soft) / total,
        "exact": float(weights @ exact) / total,
        "even": float(exact[content].mean()),
        "worst": float(inner.min()),
        "low": float(np.quantile(inner, 0.1)),
        "quarter": float(np.quantile(inner, 0.25)),
        "middle": float(np.median(inner)),
        "missing": float((exact[content] < 1).sum()),
        "far": float((inner < 0.5).sum()),  # noqa: PLR2004 - unrelated words of MiniLM stay below.
        "small": float(rest.mean()) if len(rest) else 1.0,
    }
    names, numbers = names_of(words), [i for i, word in enumerate(words.folded) if word[0].isdigit()]
    found["name"] = float(soft[names].min()) if names else 1.0
    found["named"] = float(exact[names].mean()) if names else 1.0
    found["number"] = float(exact[numbers].mean()) if numbers else 1.0
    first = next((i for i, each in enumerate(words.content) if each), 0)
    found["first"] = float(soft[first])
    return {f"{name}_{key}": value for key, value in found.items()}


def _phrases(words: Words, source: Source, first: int, last: int) -> dict[str, float]:
    """Shares of the claim's pairs and triples of words that follow one another there too."""
    near = [stem for text in source.sentences[first:last] for stem in text.words.stems]
    pairs = _runs(words.stems, 2)
    everywhere = {pair for text in source.sentences for pair in _runs(text.words.stems, 2)}
    return {
        "near_pairs": _share(pairs, set(_runs(near, 2))),
        "near_triples": _share(_runs(words.stems, 3), set(_runs(near, 3))),
        "all_pairs": _share(pairs, everywhere),
    }


def _runs(stems: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(stems[at : at + length]) for at in range(len(stems) - length + 1)]


def _share(wanted: Sequence[tuple[str, ...]], have: set[tuple[str, ...]]) -> float:
    return sum(each in have for each in wanted) / len(wanted) if wanted else 1.0


def _in_context(words: Words, there: Sequence[str], cosines: NDArray[np.float64]) -> dict[str, float]:
    """How alike the contexts are in which names and numbers stand that both sides have, at worst; 1 without any."""
    found = {}
    numbers = [i for i, word in enumerate(words.folded) if word[0].isdigit()]
    for name, places in (("name", names_of(words)), ("number", numbers)):
        same = [[j for j, stem in enumerate(there) if stem == words.stems[i]] for i in places]
        alike = [float(cosines[i, where].max()) for i, where in zip(places, same, strict=True) if where]
        found[f"{name}_context"] = min(alike, default=1.0)
    return found


def _backwards(claim: Text, source: Source, first: int, last: int) -> float:
    """How much of what the sentences say the claim says too."""
    texts = source.sentences[first:last]
    content = np.concatenate([np.array(text.words.content, dtype=bool) for text in texts])
    if not content.any():
        return 0.0
    if not claim.vectors.shape[1]:
        have = set(claim.words.stems)
        return float(
            np.mean(
                [
                    stem in have
                    for t in texts
                    for stem, c in zip(t.words.stems, t.words.content, strict=True)
                    if c
                ]
            )
        )
    return float(
        (claim.vectors @ np.concatenate([text.vectors for text in texts]).T).max(axis=0)[content].mean()
    )


def fault_features(faults: Sequence[Fault]) -> dict[str, float]:
    """The faults as features: of each kind the gravest."""
    found = {f"fault_{kind}": 0.0 for kind in KINDS} | {f"replaced_{kind}": 0.0 for kind in _REPLACED}
    for fault in faults:
        level = 0.25 if fault.elsewhere else 0.5 if fault.missing else 1.0
        found[f"fault_{fault.kind}"] = max(found[f"fault_{fault.kind}"], level)
        if fault.replaced:
            found[f"replaced_{fault.kind}"] = max(found[f"replaced_{fault.kind}"], level)
    return found | {"faults": sum(found[f"fault_{kind}"] for kind in KINDS)}
