"""A text -> the claims in it that can be checked one by one, each readable on its own.

Sentences are cut into clauses where both sides state something by themselves, as in the decompositions of FActScore
(https://arxiv.org/abs/2305.14251) and WiCE (https://arxiv.org/abs/2303.01432), but by rules: no word is added that the
text does not have, and every word of the text stands in some piece, but for the connectives between them. Where a cut
would change what is said (conditions, reports, comparisons), the sentence stays whole.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from index.analyze import terms
from ingest.sentences import sentence_spans, trimmed
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    r";\s+|(?<!\s)\s+[–—]\s+|(?:,|(?<![\s,]))\s+(?P<word>and|but|while|whereas|although|though|yet)\s+",
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
    r"[\s>*_•‣▪●◦–-]*(?:(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z])[.)]\s+|(?:step|point|item)\s+\d{1,3}\s?[:.)–-]\s*)?[*_]*(?:(?:and|but|also|so|however|moreover|"
    r"furthermore|additionally|therefore|thus|in addition|for example|for instance)\b,?\s+)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w[\w'’-]*")
_OPENS, _CLOSES, _QUOTE = re.compile(r"[(\[{“«„]"), re.compile(r"[)\]}”»]"), re.compile('"')
_AFTER_BINDS = re.compile(r"(?:if|when|that|not)\b", re.IGNORECASE)
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
    r"(?:(?:and|but|however|still|also|note that|please note that),?\s+)?"
    r"(?:(?:unfortunately|sorry|i['’]m sorry|i am sorry|based on (?:the|these) [\w\s]{1,30}),?\s+(?:but )?)?"
    r"(?:i (?:do not|don['’]t) know\b[\w\s'’]{0,60}|(?:the|these|your|my) (?:given |provided |available )?"
    r"(?:documents?|sources?|passages?|texts?|context|evidence) (?:do|does)(?: not|n['’]t) "
    r"(?:say|answer|contain|mention|provide|include|cover|state|tell)\b[\w\s'’]{0,60})",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(r"(?:here (?:is|are)|below (?:is|are)|the following)\b", re.IGNORECASE)
_YES_NO = re.compile(r"(?:yes|no)[.!,]?", re.IGNORECASE)
_ANSWERS = re.compile(
    r"(?:yes|no)(?:,?\s+(?:it|he|she|they|there|this|that|these|those|you|we|i)\b.*)?", re.IGNORECASE
)
# "## Payment terms", "Terms:" and the first row of a table are at most so long, for each column.
_LONGEST_HEADING = 6
_DENIES = re.compile(r"\b(?:no|not|never|none|without)\b", re.IGNORECASE)
_RULE = re.compile(r"\|?(?:\s*:?-{2,}:?\s*\|?)+")
_PLACE = re.compile(
    r"(?:\b(?:pages?|pp?\.?|sections?|sec\.|art(?:icle)?s?\.?|clauses?|chapters?|ch\.|no\.|vol\.|v|s\.|seiten?)|§§?)\s*"
    r"\d+(?:[.,–-]\d+)*|\b(?:1[5-9]|20)\d\d\b",
    re.IGNORECASE,
)
# The full stop of a German day is no end of a sentence.
_DAY = re.compile(r"\b\d{1,2}\.$")
_MONTH = re.compile(
    r"(?:Jan(?:uar)?|Jänner|Feb(?:ruar)?|März|Apr(?:il)?|Mai|Juni?|Juli?|Aug(?:ust)?|Sept?(?:ember)?|Okt(?:ober)?|"
    r"Nov(?:ember)?|Dez(?:ember)?)\b"
)
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
    for start, end in _sentences(text):
        if found and found[-1].text.startswith("|") and _RULE.fullmatch(text, start, end):
            found[-1] = replace(found[-1], needs_source=found[-1].needs_source and not _heads(found[-1].text))
            continue
        if found and not _WORD.search(text, start, end):
            # Marks alone, as of "**Yes.**", are no claim; they belong to what they close.
            if found[-1].end == start:
                found[-1] = replace(found[-1], end=end, text=text[found[-1].start : end])
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


def _sentences(text: str) -> Iterator[Span]:
    """Spans of the sentences that hold anything."""
    last = (0, 0)
    for first, end in sentence_spans(text):
        span = trimmed(text, first, end)
        if span[0] >= span[1]:
            continue
        if _DAY.search(text, *last) and _MONTH.match(text, span[0]):
            last = (last[0], span[1])
            continue
        if last[1]:
            yield last
        last = span
    if last[1]:
        yield last


def _heads(line: str) -> bool:
    """Whether a line is a heading or a row of column names, which names what follows and states nothing."""
    plain = line.strip(" \t\n#*_|:：")
    words = _WORD.findall(plain)
    if len(words) > _LONGEST_HEADING * (1 + line.count("|")) or _VERB.search(plain) or _DENIES.search(plain):
        return False
    # A name or a number may be the statement itself: "Convicted: Acme".
    return not any(word[0].isupper() for word in words[1:]) and not re.search(r"\d", plain)


def _with_reasons(found: list[ClaimSpan]) -> list[ClaimSpan]:
    """A bare "Yes." says what the claim after it says, and is checked as that."""
    ahead: list[ClaimSpan | None] = [*found[1:], None][: len(found)]
    return [
        replace(claim, standalone=after.standalone)
        if after and after.needs_source and _YES_NO.fullmatch(claim.text)
        else claim
        for claim, after in zip(found, ahead, strict=True)
    ]


def states(note: str) -> bool:
    """Whether a note states something, by its form: it has a verb, or a figure that is no page, section or year."""
    return bool(_VERB.search(note)) or bool(re.search(r"[\d%]", _PLACE.sub(" ", note)))


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
    if _ANSWERS.fullmatch(core):
        return True
    heading = sentence.lstrip().startswith("#") or core.endswith((":", "："))
    if (
        (heading and _heads(sentence))
        or _GREETING.fullmatch(core)
        or _polite_words().issuperset(content_terms(plain))
    ):
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
    sentence: _Marks | None = None
    for match in _CUT.finditer(text, start, end):
        sentence = sentence or _Marks(text, start, end)
        if sentence.nested(match.start()) or not sentence.both_state(gaps[-1][1], match):
            continue
        gaps.append(match.span())
    gaps.append((end, end))
    return [(before[1], after[0]) for before, after in pairwise(gaps)]


class _Marks:
    """Where words, verbs and brackets of a sentence stand, found once for all places where it might be cut."""

    def __init__(self, text: str, start: int, end: int) -> None:
        def places(pattern: re.Pattern[str]) -> list[int]:
            return [match.start() for match in pattern.finditer(text, start, end)]

        self._text, self._end = text, end
        self._words, self._verbs = places(_WORD), places(_VERB)
        self._finite, self._binds = places(_FINITE), places(_BINDS)
        self._opened, self._closed, self._quotes = places(_OPENS), places(_CLOSES), places(_QUOTE)
        self._subjects: dict[int, bool] = {}

    def nested(self, at: int) -> bool:
        """Whether a place stands within brackets or quotation marks that were opened in the sentence."""
        opened = bisect_left(self._opened, at) > bisect_left(self._closed, at)
        return opened or bisect_left(self._quotes, at) % 2 == 1

    def both_state(self, begin: int, cut: re.Match[str]) -> bool:
        """Whether what stands between a place and a possible cut, and what stands after it, state something each."""
        at, after = cut.start(), cut.end()
        if min(_count(self._words, begin, at), _count(self._words, after, self._end)) < _LEAST_WORDS:
            return False
        if not (_count(self._verbs, begin, at) and _count(self._verbs, after, self._end)):
            return False
        if cut.group().startswith(";"):
            return True
        if _count(self._binds, begin, at) or _AFTER_BINDS.match(self._text, after, self._end):
            return False
        if _STARTS_VERB.match(self._text, after, self._end):
            return bool(cut["word"]) and self._has_subject(begin, at)
        # "The cat and the dog were fed" is one statement: the verb must come before the connective too.
        starts = _SUBJECT_WORD.match(self._text, after, self._end)
        return bool(starts) and (bool(_count(self._finite, begin, at)) or "," in cut.group())

    def _has_subject(self, begin: int, at: int) -> bool:
        # The words before the first verb are the same wherever the clause ends after it.
        if begin not in self._subjects:
            self._subjects[begin] = bool(_subject(self._text[begin:at]))
        return self._subjects[begin]


def _count(places: list[int], begin: int, end: int) -> int:
    return bisect_left(places, end) - bisect_left(places, begin)


def _subject(clause: str) -> str:
    """The words before the first verb of a clause, when they are few and name something; else nothing."""
    begin = _INTRODUCTION.match(clause)
    rest = clause[begin.end() :] if begin else clause
    verb = _VERB.search(rest)
    if verb is None or verb.start() == 0:
        return ""
    words = " ".join(rest[: verb.start()].split()).strip(" ,")
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
