"""Does a question lean on the turns before it, and how? English; other languages: ``rag.leaning_elsewhere``.

Read off the words alone. What leans on nothing must be left as it is: a topic that is carried into a question on
another one does more harm than a pronoun that is not resolved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rag.words import content_terms


class Lean(StrEnum):
    """How a question leans on the turns before it.

    ``pronoun``: it says "it" or "their". ``instead``: it names only what is to stand in the place of something, "and in
    2022?", "what about X?". ``correction``: likewise, "no, I meant Y". ``ask``: it only asks, "why?". ``more``: "tell
    me more". ``loose``: it names nothing that would say what it is about, "what is the reason?".
    """

    NONE = "none"
    PRONOUN = "pronoun"
    INSTEAD = "instead"
    CORRECTION = "correction"
    ASK = "ask"
    MORE = "more"
    LOOSE = "loose"


@dataclass(frozen=True, slots=True)
class Leaning:
    """A question, taken apart for what it leans on.

    Attributes:
        how: What it leans with.
        rest: What it says itself: the whole question, or what is to stand in the place of something.
        dropped: What a correction takes back, "X, not Y": the Y.
        pronoun: Where in ``rest`` the pronoun stands, for ``Lean.PRONOUN``.
        word: The pronoun in lower case.
    """

    how: Lean
    rest: str
    dropped: str = ""
    pronoun: tuple[int, int] | None = None
    word: str = ""


_POLITE = re.compile(
    r"^(?:(?:ok(?:ay)?|thanks?(?: you)?(?: very much)?|great|cool|nice|perfect|hmm+|hm|well|right|alright|"
    r"i see|yes|yeah|"
    r"please|hey|hi|hello|oh|ah|got it|interesting|wow)\b[\s,.!;:—–-]*)+",
    re.IGNORECASE,
)
# What somebody says who begins with something else.
_CHANGE = re.compile(
    r"^(?:(?:now|and|but|so|ok(?:ay)?)[\s,]+)*(?:(?:i have |one |here is |let me ask )?(?:another|a different|a new|"
    r"an unrelated|a separate|next|different|unrelated|new) (?:question|topic|subject|thing)|"
    r"(?:on|to) (?:another|a different|an unrelated) (?:topic|subject|note|matter)|(?:let'?s )?(?:chang(?:e|"
    r"ing)|switch(?:ing)?)"
    r" (?:the |to another |to a different )?(?:subject|topic|topics|gears)|by the way|something (?:else|"
    r"different)(?: entirely)?|"
    r"apart from that|leaving that aside|moving on|new topic)\b[\s,.:;!—–-]*",
    re.IGNORECASE,
)
_LEAD = r"(?:(?:and|but|or|also|so|then|ok|okay)\b[\s,]*)*"
_CORRECTION = re.compile(
    r"^(?:(?:no|nope|sorry|wait|actually|oops|pardon|hold on|not that|i'?m sorry|my mistake|"
    r"correction)\b[\s,.:;!—–-]*)+"
    r"(?:(?:i )?(?:actually |really |rather )?(?:mean|meant|was asking about|am asking about|"
    r"was talking about|want(?:ed)?)\b"
    r"[\s,:]*)?(?P<one>.+)$|"
    r"^(?:i (?:actually |really |rather )?(?:mean|meant|was asking about|was talking about)|make (?:it|"
    r"that)|rather)\b[\s,:]*"
    r"(?P<two>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_NOT = re.compile(
    r"^(?P<meant>.+?)[\s,;]+(?:and )?not (?P<dropped>.+)$|^not (?P<first>.+?)[\s,;]+(?:but )?(?P<second>.+)$"
)
_ABOUT = re.compile(
    rf"^{_LEAD}(?:what|how) about\b\s*|^{_LEAD}(?:what|how) (?:is|was|would) it (?:for|with|in)\b\s*"
    rf"|^{_LEAD}(?:(?:the )?same (?:question |thing |again )?(?:for|with|about|in|but for))\b\s*",
    re.IGNORECASE,
)
_AND = re.compile(r"^(?:and|or|but|also)\b[\s,]+", re.IGNORECASE)
_VERBS = (
    r"is|are|was|were|am|be|been|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must|"
    r"isn't|aren't|"
    r"wasn't|weren't|don't|doesn't|didn't|can't|won't|wouldn't"
)
_AUX = re.compile(rf"\b(?:{_VERBS})\b", re.IGNORECASE)
_WH = r"who|whom|whose|what|when|where|which|why|how"
_ASKS = re.compile(rf"\b(?:{_WH})\b", re.IGNORECASE)
_ORDERS = re.compile(
    r"^(?:please )?(?:tell|give|show|list|name|explain|describe|summari[sz]e|compare|find|define|discuss|"
    r"identify|outline|"
    r"state|write|say|highlight|quote|calculate)\b",
    re.IGNORECASE,
)
_ONLY_ASKS = re.compile(
    rf"^{_LEAD}(?:(?:but |and )?(?:since|until|till|by|for|from|with|to|in|on|at|of) )?(?:{_WH})"
    r"(?:\s+(?:much|many|long|often|far|old|big|large|high|fast|soon|late|early|come|so|not|exactly|else|"
    r"one|ones|year|"
    r"is that|was that|is this|is it|are they|was it|did it|that|percent|percentage|date|day|month|many of them|"
    r"much of it))*[\s?!.]*$",
    re.IGNORECASE,
)
_MORE = re.compile(
    rf"^{_LEAD}(?:(?:can|could|would|will) you\s+)?(?:please\s+)?(?:tell me more|say more|more(?: details?|"
    rf" information| on (?:that|this|it)|"
    r" about (?:that|this|it))?|go on|continue|explain(?: (?:that|this|it|more|further|"
    r"in (?:more )?detail))*|elaborate(?: on (?:that|this|it))?|"
    r"give (?:me )?(?:(?:some |more )*(?:details?|examples?)|an example)(?: of (?:that|this|it))?|details?|"
    r"such as|for example|like what|"
    r"what do you mean|what does (?:that|this|it) mean|in (?:more )?detail|shorter|simpler|"
    r"summari[sz]e (?:that|this|it))"
    r"(?: please)?[\s?!.]*$",
    re.IGNORECASE,
)
_PERSONAL = r"he|she|him|they|them|it|himself|herself|itself|themselves"
_POSSESSIVE = r"his|her|hers|its|their|theirs"
_POINTING = (
    r"(?:this|these|those)(?! (?:year|month|week|day|morning)\b)|that(?=\s*(?:[?.,!;]|$))|there(?=\s*(?:[?.,!;]|$))|"
    r"then(?=\s*(?:[?.,!;]|$))|(?<=\bdoes )that\b|(?<=\bdid )that\b|(?<=\bis )that\b|(?<=\bwas )that\b|"
    r"(?<=\bwould )that\b|"
    r"(?<=\bof )that\b|(?<=\babout )that\b|(?<=\bfor )that\b|(?<=\bby )that\b|(?<=\bafter )that\b|"
    r"(?<=\bbefore )that\b|"
    r"(?:the|that) (?:former|latter|same)(?: (?:one|ones))?|(?:the )?(?:first|second|third|last|other|next|"
    r"previous) ones?|"
    r"(?:which|another|each|any|no|every|this|that) ones?|the others?|such (?:an? )?(?=\w)|else(?=\s*(?:[?.,!;]|$))"
)
_LEANS = re.compile(rf"\b(?:{_POINTING}|{_PERSONAL}|{_POSSESSIVE})\b", re.IGNORECASE)
# "How long does it take to ...", "is it possible that ...": this "it" stands for what follows.
_EMPTY = re.compile(
    r"\bit\b(?=(?:\s+\w+){0,4}?\s+(?:possible|necessary|true|important|common|legal|allowed|illegal|better|"
    r"best|easy|hard|"
    r"difficult|safe|likely|known|said|believed|estimated|thought|take|takes|took|mean|means|cost|costs|"
    r"like|worth|okay|ok|"
    r"required|rain|snow)\b(?:\s+\w+){0,4}?\s+(?:to|that|if|for|when|whether|by)\s+\w+\s+\w)|"
    r"\bit\b(?=\s+(?:is|was)\s+\w+(?:\s+\w+)?\s+(?:that|to|who|which)\b)",
    re.IGNORECASE,
)
# What may be the antecedent without a name: the subject.
_SUBJECT = re.compile(
    rf"(?:\b(?:{_VERBS})|^)\s+?(?:the|a|an|each|every|all|some|most|many)\s+\w+", re.IGNORECASE
)
_NAMED = re.compile(r"(?<!^)(?<![.!?]\s)\b[A-Z][\w&'’-]*|[\"“«„][^\"”»“]+[\"”»“]")
_SPECIFIC = re.compile(r"[\"“«„]|\w[_@/]\w|[A-Za-z]\d|\d[A-Za-z]")
# "The reason", with nothing behind it that would say of what.
_DEFINITE = re.compile(
    r"\b(?:the|another|any other|other|their own)\s+(?:[\w'’-]+\s+){0,3}[\w'’-]+\s*(?:(?:in|for|"
    r"of) \d{4}\s*)?[?.!]*$",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\b(?:the|another|other)\s+(?:[\w'’-]+\s+){1,3}(?:of|in|for|at|by|from|between|with)\s+(?!\d)",
    re.IGNORECASE,
)
# More words than this are no fragment that stands in the place of something.
_FRAGMENT = 8
# A question with so few words of content, and no name, does not say what it is about.
_FEW = 3


def leaning(text: str) -> Leaning:
    """Take a question apart for what it leans on the turns before it with."""
    plain = _POLITE.sub("", text.strip()) or text.strip()
    changed = _CHANGE.match(plain)
    if changed:
        rest = plain[changed.end() :].strip()
        return Leaning(Lean.NONE, rest if content_terms(rest) else text)
    if _ONLY_ASKS.match(plain):
        return Leaning(Lean.ASK, re.sub(rf"^{_LEAD}", "", plain, flags=re.IGNORECASE))
    if _MORE.match(plain):
        return Leaning(Lean.MORE, plain)
    return _correction(plain) or _instead(plain) or _pronoun(plain) or _loose(plain)


def _correction(text: str) -> Leaning | None:
    found = _CORRECTION.match(text)
    if found is None:
        return None
    said = (found["one"] or found["two"]).strip()
    dropped = ""
    if taken_back := _NOT.match(said):
        said = taken_back["meant"] or taken_back["second"]
        dropped = (taken_back["dropped"] or taken_back["first"]).strip(" ?.!")
    if not _is_fragment(said):
        # "No, how many were built?" is a question of its own, which may lean all the same.
        return leaning(said) if said != text and (_ASKS.search(said) or _AUX.search(said)) else None
    return Leaning(Lean.CORRECTION, said.strip(" ?.!"), dropped)


def _instead(text: str) -> Leaning | None:
    about = _ABOUT.match(text)
    rest = text[about.end() :] if about else _AND.sub("", text)
    said = rest.strip(" ?.!,")
    if about and said and len(said.split()) <= 2 * _FRAGMENT and not _LEANS.fullmatch(said):
        return None if _LEANS.search(said) else Leaning(Lean.INSTEAD, said)
    # Without "what about" or "and", only a few words that do not begin as a question or an order does.
    led = rest != text
    if said and _is_fragment(said) and (led or _is_short(said)) and not _LEANS.search(said):
        return Leaning(Lean.INSTEAD, said)
    return None


def _is_fragment(text: str) -> bool:
    words = text.split()
    return len(words) <= _FRAGMENT and not (_AUX.search(text) or _ASKS.search(text) or _ORDERS.match(text))


def _is_short(text: str) -> bool:
    """Whether a few words by themselves are no search of their own: they begin with a preposition, or are a year."""
    return bool(
        re.match(
            r"(?:in|for|on|at|during|before|after|since|under|with|without|by|from|of)\b", text, re.IGNORECASE
        )
        and len(text.split()) <= _FRAGMENT // 2
    ) or bool(re.fullmatch(r"(?:the )?(?:(?:Q[1-4]|FY|year)\s?)?\d{2,4}", text, re.IGNORECASE))


def _pronoun(text: str) -> Leaning | None:
    empty = [found.span() for found in _EMPTY.finditer(text)]
    for found in _LEANS.finditer(text):
        if found.span() in empty or _antecedent(text, found):
            continue
        return Leaning(Lean.PRONOUN, text, pronoun=found.span(), word=found.group().lower())
    return None


def _antecedent(text: str, pronoun: re.Match[str]) -> bool:
    """Whether the question itself says what the pronoun stands for, before it: "did Apple raise its prices".

    The object of a verb is never its subject ("does Canada border it"), so that "it" and "them" have theirs only in
    another clause.
    """
    before = text[: pronoun.start()]
    word = pronoun.group().lower()
    nominal = _SUBJECT.search(before) is not None
    if not _NAMED.search(before) and not nominal:
        return False
    possessive = re.fullmatch(_POSSESSIVE, word) is not None
    reflexive = word.endswith(("self", "selves"))
    clause = re.search(
        r"[,;:]|\b(?:when|while|if|because|after|before|that|who|which|and|but|so|as|than)\b",
        before[1:],
        re.IGNORECASE,
    )
    if word.startswith(("this", "these", "those", "there", "then", "else")) or " " in word:
        return False
    return possessive or reflexive or clause is not None


def _loose(text: str) -> Leaning:
    named = _NAMED.search(text) or _SPECIFIC.search(text)
    said = [term for term in content_terms(text) if not term.isdigit()]
    if not named and len(said) <= _FEW and _DEFINITE.search(text) and not _BEHIND.search(text):
        return Leaning(Lean.LOOSE, text)
    return Leaning(Lean.NONE, text)
