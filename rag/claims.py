"""A text -> the claims in it that can be checked one by one, each readable on its own.

Sentences are cut into clauses where both sides state something by themselves, as in the decompositions of FActScore
(https://arxiv.org/abs/2305.14251) and WiCE (https://arxiv.org/abs/2303.01432), but by rules: no word is added that the
text does not have, and every word of the text stands in some piece, but for the connectives between them. Where a cut
would change what is said (conditions, reports, comparisons), the sentence stays whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from index.analyze import terms
from ingest.sentences import sentence_spans, trimmed
from rag.words import content_terms

if TYPE_CHECKING:
    from ingest.sentences import Span

_AUXILIARY = (
    "is|are|was|were|has|have|had|can|could|will|would|must|may|might|shall|should|does|do|did|cannot|isn['’]t|aren['’]t|"
    "wasn['’]t|weren['’]t|hasn['’]t|haven['’]t|hadn['’]t|can['’]t|couldn['’]t|won['’]t|wouldn['’]t|mustn['’]t|doesn['’]t|"
    "don['’]t|didn['’]t|became|becomes|began|begins|came|comes|contains|covers|gave|gives|got|gets|goes|went|grew|grows|"
    "held|holds|includes|involves|kept|keeps|knew|led|leads|left|leaves|lies|lost|made|makes|means|met|needs|opens|paid|"
    "pays|requires|rose|rises|said|says|saw|sees|sent|shows|sold|sells|spent|stands|stood|takes|taught|told|took|uses|"
    "wants|won|wins|works|wrote|writes|fell|falls|found|finds|fought|built|brought|bought|ran|runs|helps|allows|causes"
)
# A word that carries a statement. "-ed" also ends participles: a cut needs such a word on both sides, and more.
_VERB = re.compile(rf"\b(?:{_AUXILIARY}|[a-z]{{3,}}ed)\b", re.IGNORECASE)
_FINITE = re.compile(rf"\b(?:{_AUXILIARY})\b", re.IGNORECASE)
_CUT = re.compile(
    r";\s+|\s+[–—]\s+|,?\s+(?P<word>and|but|while|whereas|although|though|yet)\s+",
    re.IGNORECASE,
)
# After one of these, what follows is said under a condition, reported or compared: half of it is another statement.
_BINDS = re.compile(
    r"\b(?:if|unless|when|whenever|where|until|because|whether|that|either|neither|nor|both|between|not only|rather|"
    r"than|as|provided|assuming|suppose|in case|instead of|without|except|only|no|never|most|some|few|all)\b",
    re.IGNORECASE,
)
_STARTS_VERB = re.compile(
    rf"(?:(?:also|then|later|now|still|soon|never|always|often|only|not)\s+)*(?:{_AUXILIARY}|[a-z]{{3,}}ed)\b"
)
_SUBJECT_WORD = re.compile(
    r"(?:the|a|an|he|she|it|they|we|i|you|this|these|those|his|her|its|their|our|my)\b|[A-Z]"
)
_LABEL = re.compile(
    r"[\s>*_•‣▪●◦–-]*(?:(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z])[.)]\s+)?[*_]*(?:(?:and|but|also|so|however|moreover|"
    r"furthermore|additionally|therefore|thus|in addition|for example|for instance)\b,?\s+)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w[\w'’-]*")
_OPEN, _CLOSE = "([{“«„", ")]}”»"
# A clause of fewer words says too little to be looked for by itself.
_LEAST_WORDS = 3
_LONGEST_SUBJECT = 9

_PRONOUN = re.compile(
    r"(?P<person>he|she)\b|(?P<thing>it|they)\b|(?P<own>his|her|its|their)\b(?!\s+\w+ing\b)", re.IGNORECASE
)
_NO_SUBJECT = re.compile(
    r"(?:he|she|it|they|his|her|its|their|there|here|if|when|while|because|since|although|though|as|unless|this|that|"
    r"these|those|what|who|how|why|whether|not|to|i|you|we)\b",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"(?:in|on|at|by|during|after|before|since|from|for|with|under|according to|as of)\s[^,]{1,60},\s+",
    re.IGNORECASE,
)
# "It is known that", "it rains": the pronoun stands for nothing.
_EMPTY_IT = re.compile(
    r"it\s+(?:(?:is|was|has been|may be|might be|can be|should be)\s+(?:(?:also|not|often|widely|generally)\s+)?"
    r"(?:believed|estimated|expected|reported|alleged|assumed|thought|"
    r"true|clear|important|possible|likely|unclear|known|common|necessary|worth|said|the case)\b|"
    r"seems|appears|follows|rains|takes)",
    re.IGNORECASE,
)

_GREETING = re.compile(
    r"(?:hello|hi|hey|dear \w+|greetings|good (?:morning|afternoon|evening|day)|welcome|thanks?(?: you)?"
    r"(?: (?:so|very) much)?(?: for (?:asking|your (?:question|message|patience)))?|"
    r"you(?:['’]re| are) (?:very )?welcome|sure(?: thing)?|of course|certainly|absolutely|okay|ok|"
    r"(?:great|good) question|no problem|my pleasure|"
    r"sorry|i apologi[sz]e)(?:[ ,]+(?:there|everyone|again|all|for the (?:confusion|inconvenience)))*",
    re.IGNORECASE,
)
_NOT_KNOWN = re.compile(
    r"(?:(?:unfortunately|sorry|i['’]m sorry|i am sorry|based on (?:the|these) [\w\s]{1,30}),?\s+(?:but )?)?"
    r"(?:i (?:do not|don['’]t) know\b[\w\s'’]{0,60}|(?:the|these|your|my) (?:given |provided |available )?"
    r"(?:documents?|sources?|passages?|texts?|context|evidence) (?:do|does)(?: not|n['’]t) "
    r"(?:say|answer|contain|mention|provide|include|cover|state|tell)\b[\w\s'’]{0,60})",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(r"(?:here (?:is|are)|below (?:is|are)|the following)\b", re.IGNORECASE)
_YES_NO = re.compile(r"(?:yes|no)[.!,]?", re.IGNORECASE)
# Longer than that, a courtesy holds something else as well.
_LONGEST_COURTESY = 25


@dataclass(frozen=True, slots=True)
class ClaimSpan:
    """A piece of a text that states one thing.

    Attributes:
        start: Of the piece in the text, in code points.
        end: Likewise, exclusive.
        text: ``text[start:end]`` of the whole.
        standalone: The piece with its subject named, where it has only a pronoun or nothing for it.
        needs_source: False for what states nothing about the world: greetings, offers of help, "I don't know",
            questions, headings without a statement.
    """

    start: int
    end: int
    text: str
    standalone: str
    needs_source: bool


def split_claims(text: str) -> list[ClaimSpan]:
    """Cut a text into claims, in its order. Blank texts have none."""
    found: list[ClaimSpan] = []
    subject = ""
    for first, last in sentence_spans(text):
        start, end = trimmed(text, first, last)
        if start >= end:
            continue
        if not _needs_source(text[start:end]):
            found.append(ClaimSpan(start, end, text[start:end], text[start:end], needs_source=False))
            continue
        label = _LABEL.match(text, start, end)
        begin = label.end() if label and label.end() < end else start
        # What stands before the statement belongs to the first piece, so that no word of the text is lost.
        for at, (a, b) in enumerate(_clauses(text, begin, end)):
            piece = text[a:b]
            standalone = _named(piece, subject, continues=at > 0)
            found.append(
                ClaimSpan(a if at else start, b, text[a if at else start : b], standalone, needs_source=True)
            )
            subject = _subject(standalone) or subject
    return _with_reasons(found)


def _with_reasons(found: list[ClaimSpan]) -> list[ClaimSpan]:
    """A bare "Yes." says what the claim after it says, and is checked as that."""
    ahead: list[ClaimSpan | None] = [*found[1:], None][: len(found)]
    return [
        replace(claim, standalone=after.standalone)
        if after and after.needs_source and _YES_NO.fullmatch(claim.text)
        else claim
        for claim, after in zip(found, ahead, strict=True)
    ]


def clauses(sentence: str) -> list[str]:
    """The clauses of one sentence, each with its subject: what ``split_claims`` would check of it."""
    start, end = trimmed(sentence, 0, len(sentence))
    found: list[str] = []
    subject = ""
    for at, (a, b) in enumerate(_clauses(sentence, start, end)):
        found.append(_named(sentence[a:b], subject, continues=at > 0))
        subject = _subject(found[-1]) or subject
    return found


def _needs_source(sentence: str) -> bool:
    """Whether a sentence states something. When in doubt it does."""
    plain = sentence.strip(" \t\n#*_>-–•")
    words = _WORD.findall(plain)
    if not words:
        return False
    if re.search(r"\d", plain) or len(words) > _LONGEST_COURTESY:
        return True
    core = plain.rstrip(" .!…?？")
    if _GREETING.fullmatch(core) or _polite_words().issuperset(content_terms(plain)):
        return False
    announced = _LEAD_IN.match(core)
    if announced and core.endswith(":"):
        # "Here are the opening hours:" says nothing yet, "Here is why Acme was fined:" does.
        rest = core[announced.end() :]
        return bool(_FINITE.search(rest)) or any(word[0].isupper() for word in _WORD.findall(rest))
    # A name in an excuse may be the claim itself: "The documents do not say that Acme was fined".
    named = any(word[0].isupper() and word not in ("I", "I'm", "I’m", "I'd", "I’d") for word in words[1:])
    reports = re.search(r"\b(?:that|because|but|although|however)\b", core[8:], re.IGNORECASE)
    return named or bool(reports) or not _NOT_KNOWN.fullmatch(core)


@cache
def _polite_words() -> frozenset[str]:
    """Index terms of which greetings, offers of help and excuses are made, and no claim is."""
    return frozenset(
        terms(
            "hello welcome thank thanks please sorry apologize apologise unfortunately sure certainly course okay "
            "great good happy glad hope help helps helpful assist assistance feel free hesitate let know ask asking "
            "question questions answer answers answered tell say said find found anything something else need want "
            "wish like "
            "detail details information clarification summary short brief follow following conclusion point points "
            "document documents source sources passage passages text context evidence provided given available based "
            "contact reach touch welcome day morning afternoon evening able unable determine mention certain"
        )
    )


def _clauses(text: str, start: int, end: int) -> list[Span]:
    """Spans of the clauses of a sentence, without the connectives between them."""
    gaps = [(start, start)]
    for match in _CUT.finditer(text, start, end):
        if _depth(text, start, match.start()) or not _both_state(
            text[gaps[-1][1] : match.start()], match, text, end
        ):
            continue
        gaps.append(match.span())
    gaps.append((end, end))
    return [(before[1], after[0]) for before, after in pairwise(gaps)]


def _depth(text: str, start: int, at: int) -> bool:
    """Whether a place stands within brackets or quotation marks that were opened in the sentence."""
    before = text[start:at]
    opened = sum(before.count(sign) for sign in _OPEN) > sum(before.count(sign) for sign in _CLOSE)
    return opened or before.count('"') % 2 == 1


def _both_state(before: str, cut: re.Match[str], text: str, end: int) -> bool:
    """Whether what stands before and after a possible cut are statements of their own."""
    after = text[cut.end() : end]
    if min(len(_WORD.findall(before)), len(_WORD.findall(after))) < _LEAST_WORDS:
        return False
    if not (_VERB.search(before) and _VERB.search(after)):
        return False
    if cut.group().startswith(";"):
        return True
    if _BINDS.search(before) or re.match(r"(?:if|when|that|not)\b", after, re.IGNORECASE):
        return False
    if _STARTS_VERB.match(after):
        return bool(_subject(before)) and bool(cut["word"])
    # "The cat and the dog were fed" is one statement: the verb must come before the connective too.
    return bool(_SUBJECT_WORD.match(after)) and bool(_FINITE.search(before) or "," in cut.group())


def _subject(clause: str) -> str:
    """The words before the first verb of a clause, when they are few and name something; else nothing."""
    begin = _INTRODUCTION.match(clause)
    rest = clause[begin.end() :] if begin else clause
    verb = _VERB.search(rest)
    if verb is None or verb.start() == 0:
        return ""
    words = rest[: verb.start()].strip(" ,")
    count = len(_WORD.findall(words))
    if not 0 < count <= _LONGEST_SUBJECT or "," in words or _NO_SUBJECT.match(words):
        return ""
    return re.sub(r"\s+(?:also|then|later|now|still|never|always|often|only|not)$", "", words)


def _named(piece: str, subject: str, *, continues: bool) -> str:
    """A piece with its subject in the place of a pronoun, or before a verb that has none."""
    if not subject:
        return piece
    if continues and _STARTS_VERB.match(piece):
        return f"{subject} {piece}"
    begin = _INTRODUCTION.match(piece)
    at = begin.end() if begin else 0
    pronoun = _PRONOUN.match(piece, at)
    if pronoun is None or _EMPTY_IT.match(piece, at):
        return piece
    # Only a name can be a person here; a thing may be anything.
    if pronoun["person"] and not re.search(r"\b[A-Z]", re.sub(r"^(?:The|A|An)\b", "", subject)):
        return piece
    ending = ("’" if subject.endswith("s") else "’s") if pronoun["own"] else ""
    inside = re.sub(r"^(The|An?|This|These)\b", lambda word: word[0].lower(), subject) if at else subject
    return f"{piece[:at]}{inside}{ending}{piece[pronoun.end() :]}"
