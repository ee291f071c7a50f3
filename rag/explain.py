"""A confidence in words: short sentences, each read off what was measured and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.answerable import near
from rag.asked import NEGATION, Kind
from rag.words import answer_type_match, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rag.answerable import Near
    from rag.asked import Asked
    from rag.extract import Ranking

_WORD = re.compile(r"\w[\w'’.-]*\w|\w")
# Log-odds between the best and the next sentence under which neither stands out.
_CLOSE = 0.25
_GOOD_COSINE, _WEAK_COSINE = 0.6, 0.4
_MOST = 5
_WANTED = {Kind.TIME: "a time", Kind.NUMBER: "a number", Kind.PERSON: "a name", Kind.PLACE: "a place"}


def explanation(ranking: Ranking, signals: Mapping[str, float]) -> tuple[str, ...]:
    """Why the confidence is what it is, what speaks against the answer first; at most five sentences.

    Args:
        ranking: The sentences that were looked at.
        signals: Of the answer.
    """
    said = list(_faults(signals))
    if not ranking.candidates:
        return (*said, "Nothing was found that could be quoted.")
    best = ranking.candidates[0]
    around = near(ranking.places, best.at)
    said += _missing(ranking.asked, around)
    said += _stated(ranking.asked, around)
    if best.cosine < _WEAK_COSINE:
        said.append("No sentence found is close to the question in meaning.")
    elif not said and best.cosine >= _GOOD_COSINE:
        said.append("The best sentence is close to the question in meaning.")
    others = [each for each in ranking.candidates[1:] if best.score - each.score < _CLOSE]
    if others:
        said.append("Another sentence answers about as well as the best one.")
    return tuple(said[:_MOST])


def _faults(signals: Mapping[str, float]) -> Iterable[str]:
    if signals.get("invented_keys"):
        yield "The model named footnotes that do not exist; they were removed."
    if signals.get("altered_quotes"):
        yield "The model quoted what stands in no source; it was removed."
    if share := signals.get("unsupported_share"):
        yield f"{share:.0%} of the sentences have no support in what they cite."


def _missing(asked: Asked, around: Near) -> Iterable[str]:
    """Which words of the question stand nowhere, or not near."""
    words = {term: match.group() for match in _WORD.finditer(asked.text) for term in terms(match.group())}
    absent = [term for term in asked.terms if term not in around.window]
    rarest = asked.rarest
    if rarest and rarest not in around.everything:
        yield f"The rarest word of the question, '{words.get(rarest, rarest)}', stands in no passage found."
    elif rarest in absent:
        yield f"The rarest word of the question, '{words.get(rarest, rarest)}', does not stand near the best sentence."
    others = [f"'{words.get(term, term)}'" for term in absent if term != rarest]
    if others:
        yield f"Not near the best sentence: {', '.join(others[:_MOST])}."
    if asked.terms and not absent:
        yield "All words of the question stand in or beside the best sentence."


def _stated(asked: Asked, around: Near) -> Iterable[str]:
    """Numbers, degrees, negation and the kind of thing that is asked for."""
    if other := sorted(asked.numbers - numbers(around.text)):
        yield f"The question's {', '.join(other)} does not stand near the best sentence."
    lowered = around.text.casefold()
    if degrees := sorted(each for each in asked.degrees if each not in lowered):
        yield f"The question says '{degrees[0]}', the text near the best sentence does not."
    if asked.negated and not NEGATION.search(around.text):
        yield "The question denies something, the best sentence does not."
    wanted = _WANTED.get(asked.kind)
    if wanted and answer_type_match(asked.text, around.own) == 0:
        yield f"The question asks for {wanted}, and the best sentence has none."
