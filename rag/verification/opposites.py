"""Words that are opposites: by a list, in any of their forms, and by a prefix that denies.

An opposite is its partner with the sign turned: what is forbidden is not allowed, what is not open is closed.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from index.stems import stem

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPPOSITES = """increase decrease|increase reduce|rise fall|raise lower|grow shrink|gain lose|high low|more less
more fewer|greater smaller|greater less|large small|big small|long short|early late|before after
above below|over under|begin end|start stop|open close|allow prohibit|allow forbid
permit prohibit|permit forbid|allow ban|include exclude|accept reject|accept refuse
approve reject|win lose|victory defeat|succeed fail|success failure|support oppose
agree disagree|positive negative|better worse|best worst|improve worsen|improve impair
enhance impair|enhance inhibit|enhance reduce|promote inhibit|activate inhibit|activate suppress
induce inhibit|induce suppress|stimulate inhibit|stimulate suppress|upregulate downregulate
up down|elevate reduce|raise reduce|accelerate slow|strong weak|strengthen weaken|easy difficult
easy hard|safe dangerous|safe unsafe|true false|right wrong|correct incorrect|legal illegal
possible impossible|able unable|common rare|likely unlikely|clear unclear|known unknown
related unrelated|dependent independent|sensitive resistant|susceptible resistant
effective ineffective|sufficient insufficient|adequate inadequate|necessary unnecessary
equal unequal|stable unstable|active inactive|male female|man woman|men women|boy girl
father mother|brother sister|son daughter|husband wife|north south|east west|northern southern
eastern western|left right|first last|old new|old young|old modern|public private
national international|internal external|maximum minimum|majority minority|buy sell
import export|enter leave|arrive depart|love hate|like dislike|remember forget|give take
lend borrow|hot cold|warm cold|wet dry|rich poor|full empty|fast slow|deep shallow|wide narrow
heavy light|thick thin|day night|birth death|born died|alive dead|mandatory optional
required optional|voluntary compulsory|always never|everyone nobody|all none|present absent
same different|similar different|protect harm|protect expose|prevent cause|prevent promote
benefit harm|beneficial harmful|healthy unhealthy|cheap expensive|expand contract|expand narrow
add remove|attach detach|connect disconnect|appear disappear|create destroy|build destroy
attack defend|friend enemy|war peace|profit loss|income expense|credit debit|surplus deficit
ascend descend|upper lower|inner outer|front back|top bottom|advantage disadvantage
guilty innocent|pass fail|lengthen shorten|abundance scarcity|shorter longer|faster slower
higher lower|larger smaller|older younger|earlier later|stronger weaker|lighter heavier
cheaper dearer|extend shorten|enable disable|enable prevent|overexpression loss
deficiency excess|hyper hypo|rise decrease|rise decline|rise drop|rise reduce|increase fall
increase decline|increase drop|grow fall|grow decline|open shut|allow disallow|allow illegal
permit illegal|legal forbid|legal prohibit|legal unlawful|lawful unlawful|grant deny
confirm deny|warm cool|hot cool|heat cool|include omit|temporary permanent|indoor outdoor
manual automatic|gross net|fixed variable|visible hidden|honest dishonest|advance arrears
refundable nonrefundable|export import|continue discontinue|obey disobey|cover exclude
insure exclude|mandatory voluntary|obligatory voluntary|obligatory optional|approve disapprove"""
# Forms that no stemmer brings together.
_FORMS = """forbid forbidden forbade|fall fell fallen|rise rose risen|win won winner|lose lost loser loss
grow grew grown growth|shrink shrank shrunk|begin began begun|sell sold|buy bought
give gave given|take took taken|lend lent|hide hid hidden|freeze froze frozen
forget forgot forgotten|break broke broken|build built|prohibit prohibition|permit permission
allow allowance|include inclusion|exclude exclusion|succeed success|fail failure
reduce reduction|accept acceptance|refuse refusal|approve approval|reject rejection
hot hotter hottest|cold colder coldest|warm warmer"""
# What such a prefix does not deny: a port is not what an import is.
_NOT_DENIED_TEXT = """port form formed side sides door doors pact press pressed come vest vested tend tended deed part
prove proved put take flame valuable crease cover covered covers play played plays card cards
count counted counts order orders close closed pose posed miss migrant migrants migrate tent
sure sured sight act duct duce dustry stall stance spire line cite jury dent ability habit
habitant terminal struct stitute tact tribute solve course tinct pensable pense crete ease tress"""
# These turn round their whole clause, as a negation would: what is forbidden may not be done.
_REFUSALS_TEXT = """forbid forbidden forbade forbids prohibit prohibition ban banned disallow exclude refuse refusal
reject deny lack avoid prevent illegal unlawful impossible ineligible verboten untersagt"""
# Of two things these say the same when the things change places.
_MIRRORED_TEXT = """before after above below over under more less fewer greater smaller higher lower larger longer
shorter older younger faster slower stronger weaker lighter heavier cheaper dearer earlier later
better worse north south east west buy sell lend borrow give take husband wife father mother son
daughter brother sister ahead"""
_DENYING, _SHORTEST_DENIED = ("un", "in", "im", "dis", "non", "ir", "il"), 4


def opposite(one: str, other: str) -> bool:
    """Whether two stems are opposites, by the list or by a prefix that denies."""
    one, other = _base(one), _base(other)
    if other in _opposites().get(one, ()):
        return True
    short, long = sorted((one, other), key=len)
    if len(short) < _SHORTEST_DENIED or short in _not_denied():
        return False
    return any(long == prefix + short for prefix in _DENYING)


def opposites_there(words: Iterable[str], others: Iterable[str]) -> dict[str, frozenset[str]]:
    """For each stem its opposites among others, in any form; left out where the others have the word itself."""
    forms: dict[str, set[str]] = {}
    for each in others:
        forms.setdefault(_base(each), set()).add(each)
    found = {}
    for word in set(words):
        base = _base(word)
        there = [] if base in forms else [forms[each] for each in _candidates(base) if each in forms]
        if there:
            found[word] = frozenset().union(*there)
    return found


def _candidates(base: str) -> list[str]:
    """Every stem that would be the opposite of one."""
    found = [*_opposites().get(base, ())]
    found += [base.removeprefix(prefix) for prefix in _DENYING if base.startswith(prefix)]
    found += [prefix + base for prefix in _DENYING]
    return [each for each in found if opposite(base, each)]


def mirrored(word: str) -> bool:
    """Whether a stem and its opposite say the same of two things that change places: above and below."""
    return _base(word) in _mirrored()


@cache
def refusals() -> frozenset[str]:
    """Stems of words that turn round their clause: forbidden, excluded, refused."""
    return frozenset(stem(word) for word in _REFUSALS_TEXT.split())


@cache
def permissions() -> frozenset[str]:
    """Stems of words that say no more than that something may be done."""
    return frozenset(
        stem(word) for word in ("allowed", "permitted", "possible", "legal", "lawful", "erlaubt")
    )


@cache
def _mirrored() -> frozenset[str]:
    return frozenset(_base(stem(word)) for word in _MIRRORED_TEXT.split())


@cache
def _opposites() -> dict[str, frozenset[str]]:
    """Stems -> the stems of their opposites."""
    found: dict[str, set[str]] = {}
    for pair in _OPPOSITES.replace("\n", "|").split("|"):
        one, other = (_base(stem(word)) for word in pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


@lru_cache(maxsize=50_000)
def _base(word: str) -> str:
    return _forms().get(word, word)


@cache
def _forms() -> dict[str, str]:
    """Stems of irregular forms -> the stem of their first form."""
    lists = [line.split() for line in _FORMS.replace("\n", "|").split("|")]
    return {stem(word): stem(words[0]) for words in lists for word in words}


@cache
def _not_denied() -> frozenset[str]:
    return frozenset(stem(word) for word in _NOT_DENIED_TEXT.split())
