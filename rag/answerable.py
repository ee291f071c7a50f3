"""Do the passages found hold the answer? Measured around the best sentence, as numbers with names.

Questions that look answerable and are not name somebody else, another number or the opposite of what the text says
(Rajpurkar, Jia, Liang: "Know What You Don't Know", ACL 2018, https://arxiv.org/abs/1806.03822). So what counts is not
only how similar the best sentence is, but which words of the question stand nowhere near it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from rag.asked import NEGATION, Kind
from rag.learned import load_linear
from rag.sentence_features import FEATURES
from rag.words import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rag.asked import Asked
    from rag.extract import Ranking
    from rag.sentence_features import Place

MODEL = "answerable-2026-11b"
_BEST_OF_THREE = ("cosine", "cosine_in_context", "coverage", "coverage_nearby", "type_match", "pairs")
RETRIEVAL = ("passage_cosine", "passage_margin", "views_agree")
_NEXT = 3
# Log-odds where nothing was found: less than one in a hundred.
_NOTHING = -5.0


@dataclass(frozen=True, slots=True)
class Near:
    """What stands around the best sentence.

    Attributes:
        sentence: Terms of the sentence, its title and its headings.
        window: The same with the sentences before and after.
        passage: The same with all of its passage.
        everything: Terms of all sentences looked at, titles and headings of this one included.
        text: The sentence with those before and after.
        own: The sentence.
    """

    sentence: frozenset[str]
    window: frozenset[str]
    passage: frozenset[str]
    everything: frozenset[str]
    text: str
    own: str


def near(places: Sequence[Place], best: int) -> Near:
    """What stands around one of some sentences."""
    chosen = places[best]
    evidence = chosen.evidence
    around = [
        place
        for place in places[max(0, best - 1) : best + 2]
        if place.evidence.key == evidence.key and abs(place.index - chosen.index) <= 1
    ]
    heading = frozenset(terms(" ".join((evidence.title, *evidence.headings))))
    sentence = frozenset(terms(chosen.text)) | heading
    text = " ".join(place.text for place in around)
    passage = frozenset(terms(evidence.text)) | heading
    everything = passage.union(*(terms(place.text) for place in places))
    return Near(sentence, frozenset(terms(text)) | heading, passage, everything, text, chosen.text)


def answerable_features(ranking: Ranking, retrieval: Mapping[str, float]) -> dict[str, float]:
    """Named numbers that tell whether the best sentence answers.

    Args:
        ranking: At least one sentence.
        retrieval: See ``rag.confidence.retrieval_signals``.
    """
    asked, scores = ranking.asked, ranking.scores
    order = np.argsort(-scores, kind="stable")
    best = int(order[0])
    share = np.exp(scores - scores[best])
    share /= share.sum()
    around = near(ranking.places, best)
    features = {
        "score": float(scores[best]),
        "share": float(share[best]),
        "share_of_three": float(np.sort(share)[-_NEXT:].sum()),
        "ahead_of_next": float(scores[best] - scores[order[min(1, len(order) - 1)]]),
        "ahead_of_fourth": float(scores[best] - scores[order[min(_NEXT, len(order) - 1)]]),
        "entropy": float(-(share * np.log(share + 1e-9)).sum()),
        **_missing(asked, around),
        **_stated(asked, around),
        **{f"kind_{kind.value}": float(kind is asked.kind) for kind in Kind},
        **{f"best_{name}": float(value) for name, value in zip(FEATURES, ranking.rows[best], strict=True)},
    }
    leading = ranking.rows[order[:_NEXT]]
    for name in _BEST_OF_THREE:
        features[f"most_{name}"] = float(leading[:, FEATURES.index(name)].max())
    features |= {name: retrieval[name] for name in RETRIEVAL}
    return features | {f"words_{name}": value for name, value in ranking.compared.items()}


def sufficiency(ranking: Ranking | None, retrieval: Mapping[str, float]) -> float:
    """Log-odds that a quoted sentence answers the question; far below 0 when there is no sentence at all."""
    if ranking is None or not ranking.candidates:
        return _NOTHING
    model = load_linear(MODEL)
    return float(model.score(model.row(answerable_features(ranking, retrieval)))[0])


def _missing(asked: Asked, around: Near) -> dict[str, float]:
    """How rare the question's words are that do not stand near, and how many there are."""
    rarity = {term: asked.weights.get(term, 1.0) for term in asked.terms}
    rarest = max(rarity.values(), default=1.0)
    found = {"terms": float(len(asked.terms)), "rarity": rarest}
    for name, present in (
        ("sentence", around.sentence),
        ("window", around.window),
        ("passage", around.passage),
        ("everywhere", around.everything),
    ):
        absent = [value for term, value in rarity.items() if term not in present]
        found[f"missing_{name}"] = float(len(absent))
        found[f"rarest_missing_{name}"] = max(absent, default=0.0)
        found[f"missing_share_{name}"] = max(absent, default=0.0) / max(rarest, 1e-9)
        found[f"missing_weight_{name}"] = sum(absent)
    return found


def _stated(asked: Asked, around: Near) -> dict[str, float]:
    """Whether names, numbers, degrees and negation of the question are those of the text."""
    lowered = around.text.casefold()
    given = numbers(around.text)
    negated = bool(NEGATION.search(around.own))

    def held(wanted: frozenset[str]) -> float:
        return sum(each in lowered for each in wanted) / len(wanted) if wanted else 1.0

    return {
        "names_near": held(asked.names),
        "names_asked": float(len(asked.names)),
        "numbers_near": len(asked.numbers & given) / len(asked.numbers) if asked.numbers else 1.0,
        "numbers_asked": float(len(asked.numbers)),
        "degrees_near": held(asked.degrees),
        "degrees_asked": float(len(asked.degrees)),
        "focus_near": len(asked.focus & around.window) / len(asked.focus) if asked.focus else 1.0,
        "question_negated": float(asked.negated),
        "sentence_negated": float(negated),
        "negation_differs": float(asked.negated != negated),
    }
