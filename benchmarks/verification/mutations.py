"""True claims in other words, and true claims made false in one way each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.verification.named import names_of
from rag.verification.quantities import quantities_of
from rag.verification.text import words_of

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

KINDS = ("number", "unit", "date", "name", "negation", "quantifier", "moved", "invented key")

_DIGIT_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip
_OTHER_UNIT = {
    "km": "miles", "kilometres": "miles", "kilometers": "miles", "miles": "kilometres", "mile": "kilometre",
    "metres": "feet", "meters": "feet", "m": "km", "feet": "metres", "foot": "metre", "ft": "m", "cm": "mm",
    "mm": "cm", "inches": "feet", "days": "weeks", "day": "week", "weeks": "months", "week": "month",
    "months": "years", "month": "year", "years": "months", "year": "month", "hours": "minutes",
    "hour": "minute", "minutes": "hours", "minute": "hour", "seconds": "minutes", "kg": "g", "g": "kg",
    "mg": "g", "tonnes": "kilograms", "pounds": "kilograms", "million": "billion", "billion": "million",
    "thousand": "million", "percent": "per mille", "%": "‰", "$": "€", "€": "$", "£": "$", "dollars": "euros",
    "euros": "dollars", "acres": "hectares", "hectares": "acres", "decades": "years", "ml": "l", "mw": "gw",
    "ghz": "mhz",
}  # fmt: skip
_QUANTIFIERS = {
    "all": ("some", "few"), "every": ("no",), "each": ("no",), "always": ("never", "sometimes"),
    "most": ("few", "all"), "some": ("all", "no"), "several": ("no", "all"), "many": ("few", "no"),
    "numerous": ("few",), "few": ("many", "all"), "often": ("never", "rarely"), "usually": ("rarely", "always"),
    "sometimes": ("always", "never"), "rarely": ("often",), "generally": ("rarely", "always"),
    "mostly": ("rarely",), "mainly": ("rarely",), "at least": ("at most",), "at most": ("at least",),
    "more than": ("less than",), "less than": ("more than",), "up to": ("at least",),
    "no more than": ("no less than",), "both": ("neither",), "frequently": ("rarely",),
    "typically": ("rarely",), "majority": ("minority",), "commonly": ("rarely",),
}  # fmt: skip
_QUANTIFIER = re.compile(rf"\b(?:{'|'.join(sorted(_QUANTIFIERS, key=len, reverse=True))})\b", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|should|may|might|must|shall|does|do|did)\b"
    r"(?! (?:not|no|never|only|also|to)\b|n['’]t)"
)
_PAST = re.compile(r"(?<=[a-z] )(?P<verb>[a-z]{3,}ed)\b")
_NOT = re.compile(
    r"\b(?P<word>is|are|was|were|has|have|had|can|could|will|would|should|may|might|must|shall|does|do|did) not\b|"
    r"(?<=can)not\b"
)
_SYNONYMS = (
    ("approximately", "about"), ("began", "started"), ("purchase", "buy"), ("located in", "situated in"),
    ("However, ", ""), ("often called", "commonly called"), ("such as", "like"), ("because of", "owing to"),
    ("in order to", "to"), ("however, ", ""), ("also ", ""), ("due to", "because of"), ("is able to", "can"),
    ("are able to", "can"), ("prior to", "before"), ("subsequently", "later"), ("received", "got"),
    ("percent", "%"), ("large", "big"), ("Therefore, ", ""), ("Additionally, ", ""), ("within", "inside of"),
    ("shall be", "is to be"), ("obtain", "get"), ("for example", "for instance"), ("it is", "it's"),
    ("do not", "don't"), ("is not", "isn't"), ("was not", "wasn't"),
)  # fmt: skip


def reworded(sentence: str, chance: random.Random) -> str:
    """The same statement in slightly other words, numbers and dates in another spelling."""
    text = re.sub(r"\s*\([^()]{0,80}\)", "", sentence) if chance.random() < 0.7 else sentence
    for old, new in _SYNONYMS:
        text = (
            re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new, text, count=1) if chance.random() < 0.8 else text
        )
    text = re.sub(r"(?<=\d) %", "%", text)
    if chance.random() < 0.6:
        text = re.sub(rf"\b(\d{{1,2}}) ({'|'.join(_MONTHS)})(?:,? (\d{{4}}))\b", r"\2 \1, \3", text)
    if chance.random() < 0.6:
        text = re.sub(
            r"(?<![\d.,$€£-])([2-9]|1[0-2])(?= [a-z]{4,})",
            lambda found: _DIGIT_WORDS[int(found[1]) - 2],
            text,
        )
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text) if chance.random() < 0.5 else text
    opening = re.match(r"((?:In|On|During|Since|By|After) [^,;]{3,40}), ([^,;]+)([.])$", text)
    if opening and chance.random() < 0.8:
        rest = opening[2][0].upper() + opening[2][1:]
        text = f"{rest} {opening[1][0].lower()}{opening[1][1:]}{opening[3]}"
    text = re.sub(r"\s{2,}", " ", text).strip()
    return text[:1].upper() + text[1:]


def mutate(kind: str, claim: str, others: Sequence[str], passage: str, chance: random.Random) -> str:
    """The claim with one thing changed; nothing where it has none of the kind.

    Args:
        kind: One of ``KINDS``, but those that change the citation and not the claim.
        claim: True.
        others: Claims of the same family, for their names.
        passage: That carries the claim, for its names.
        chance: Where everything random comes from.
    """
    changed = {
        "number": _number, "unit": _unit, "date": _date, "negation": _negation, "quantifier": _quantifier,
    }[kind](claim, chance) if kind != "name" else _name(claim, others, passage, chance)  # fmt: skip
    return "" if changed == claim else changed


def _number(claim: str, chance: random.Random) -> str:
    usable = [
        each
        for each in quantities_of(claim)[0]
        if not each.is_year and each.unit not in ("ordinal", "decade")
    ]
    if not usable:
        return ""
    chosen = chance.choice(usable)
    digits = re.search(r"\d[\d,]*(?:\.\d+)?", chosen.raw)
    if digits:
        old = digits.group()
        value = float(old.replace(",", ""))
        new = _another(old, value, chance)
        raw = chosen.raw.replace(old, new, 1)
    else:
        word = chosen.raw.split()[0].split("-")[0]
        options = [each for each in _DIGIT_WORDS if each != word.casefold()]
        new = chance.choice(options)
        raw = chosen.raw.replace(word, new.capitalize() if word[0].isupper() else new, 1)
    return _replaced(claim, chosen.start, chosen.end, raw)


def _another(old: str, value: float, chance: random.Random) -> str:
    """A number of the same shape and another value."""
    if "." in old:
        places = len(old.partition(".")[2])
        return f"{value * chance.choice((0.5, 1.4, 2.0)) + 10**-places:.{places}f}"
    whole = int(value)
    if whole < 20:
        return str(chance.choice([each for each in range(2, 30) if each != whole]))
    new = round(whole * chance.choice((0.4, 0.7, 1.3, 1.6, 2.5))) + chance.randint(1, 3)
    return f"{new:,}" if "," in old else str(new)


def _unit(claim: str, chance: random.Random) -> str:
    places = []
    for each in quantities_of(claim)[0]:
        for match in re.finditer(r"[$€£%]|[A-Za-z]+", each.raw):
            if match.group().casefold() in _OTHER_UNIT:
                at = each.start + match.start()
                places.append((at, at + len(match.group()), _OTHER_UNIT[match.group().casefold()]))
    return _replaced(claim, *chance.choice(places)) if places else ""


def _date(claim: str, chance: random.Random) -> str:
    quantities, dates = quantities_of(claim)
    places = []
    for date in dates:
        for match in re.finditer(r"\d{4}|\d{1,2}|[A-Z][a-z]{2,}", date.raw):
            at, word = date.start + match.start(), match.group()
            if word in _MONTHS:
                new = chance.choice([each for each in _MONTHS if each != word])
            elif word.isdigit():
                new = _other_day_or_year(word, chance)
            else:
                continue
            places.append((at, at + len(word), new))
    places += [(q.start, q.end, _other_day_or_year(q.raw, chance)) for q in quantities if q.is_year]
    return _replaced(claim, *chance.choice(places)) if places else ""


def _other_day_or_year(word: str, chance: random.Random) -> str:
    value = int(word)
    if len(word) == 4:
        return str(value + chance.choice((-30, -11, -3, -2, -1, 1, 2, 4, 12)))
    return str(chance.choice([day for day in range(1, 29) if day != value]))


def _name(claim: str, others: Sequence[str], passage: str, chance: random.Random) -> str:
    mine = _name_runs(claim)
    if not mine:
        return ""
    start, end = chance.choice(mine)
    old = claim[start:end]
    have = set(words_of(claim).folded)
    pool = [passage] if chance.random() < 0.5 else []
    pool += chance.sample(list(others), min(12, len(others)))
    for text in pool:
        runs = _name_runs(text)
        chance.shuffle(runs)
        for a, b in runs:
            new = text[a:b]
            # A part of the same name, or its plural, would not change who is meant.
            if not set(words_of(new).folded) & have and new.casefold()[:4] != old.casefold()[:4]:
                return _replaced(claim, start, end, new)
    return ""


def _name_runs(text: str) -> list[tuple[int, int]]:
    """Spans of the names of a text, words that follow one another together."""
    words = words_of(text)
    runs: list[list[int]] = []
    # Where everything is in capitals, a capital says nothing.
    if text.isupper():
        return []
    for at in names_of(words):
        if words.raw(at).isupper() and len(words.raw(at)) > 6:  # emphasis, not an acronym.
            continue
        if runs and runs[-1][-1] == at - 1 and not words.stops[at]:
            runs[-1].append(at)
        else:
            runs.append([at])
    return [(words.spans[run[0]][0], words.spans[run[-1]][1]) for run in runs]


def _negation(claim: str, chance: random.Random) -> str:
    denied = list(_NOT.finditer(claim))
    if denied:
        chosen = chance.choice(denied)
        return _replaced(claim, *chosen.span(), chosen["word"] or "")
    places = list(_AUXILIARY.finditer(claim))
    if places:
        # The first one states the sentence; later ones often stand in a subordinate clause.
        return _replaced(claim, places[0].end(), places[0].end(), " not")
    past = list(_PAST.finditer(claim))
    return _replaced(claim, past[0].start(), past[0].start(), "never ") if past else ""


def _quantifier(claim: str, chance: random.Random) -> str:
    places = list(_QUANTIFIER.finditer(claim))
    if not places:
        return ""
    chosen = chance.choice(places)
    new = chance.choice(_QUANTIFIERS[chosen.group().casefold()])
    return _replaced(claim, *chosen.span(), new.capitalize() if chosen.group()[0].isupper() else new)


def _replaced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]
