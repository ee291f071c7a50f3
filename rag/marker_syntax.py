"""What is a citation marker in a model's text, and what is an ordinary bracket.

A marker is a bracket whose every part is a key that was issued for this request (``[k7f]``,
``[k7f, q2a]``, ``[source: K7F]``, ``【k7f】``), or looks like a citation although nothing was issued for
it: a number of one to three digits (``[1]``, ``[^2]``, ``[3-5]``), the shape of a key (``[k99]``, ``[S99]``), a
number or key after a word such as "source" (``[doc 3]``), a source's title or file (``[lease.pdf]``), a word that
closes a sentence and stands in no source (``[abcd]``), or a dagger (``【4†source】``). The latter is *invented*. Issued
keys alone may stand in round brackets too.

Everything else stays as it is: ``[sic]``, ``[the Company]``, ``[2019]``, ``[0, 1]`` (citations count from
1), ``[text](address)``, ``[ ]``, whatever stands in a code span, as ``x[1]`` does, and the sources' own brackets:
``[1]`` in a quotation when a source has it so, ``[H2O]`` when a source has the word.

The scanners here look at text of which the end may still be missing. They answer MORE only as long as the
characters to come can change the answer, and never look further than a fixed number of characters; so the
answer is the same however the text arrives.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rag.types import Evidence

BRACKETS = {"[": "]", "【": "】", "［": "］"}
# Characters at which ``scan`` may find something; after a marker also those that join it to the next.
STARTS = frozenset({*BRACKETS, "(", "*", "<", "`"})
JOINTS = frozenset(",;&a")

# Characters between a bracket and its end, in a link's address, in a code span, in a fenced block.
_LABEL_CHARS = 64
_ADDRESS_CHARS = 300
_SPAN_CHARS = 1000
_BLOCK_CHARS = 8000

_LABEL = re.compile(rf"[^\[\]【】［］\n]{{0,{_LABEL_CHARS}}}")
_ADDRESS = re.compile(rf"\([^\s()]{{0,{_ADDRESS_CHARS}}}")
_IS_ADDRESS = re.compile(r"\((?:|#.*|.*[/:].*)\)")
_JOINT = re.compile(r"\s{0,4}(?:[,;&]\s{0,4})?(?:and\b\s{0,4})?")
_MOST_TICKS = 16
_TICKS = re.compile(rf"`{{1,{_MOST_TICKS}}}")
_WRAPPER = re.compile(r"\(\s{0,4}|\*{1,3}|<sup>")

_PARTS = re.compile(r"\s*(?:[,;|&]|\band\b)\s*")
_KEY_GAP = re.compile(r"[\s/+]+")
_WORD_BEFORE = re.compile(
    r"(?:doc(?:ument)?s?|sources?|src|refs?|references?|citations?|cite|passages?|chunks?|excerpts?|snippets?"
    r"|context|notes?|footnotes?|fn|keys?|ids?|see|cf)(?:[\s:=#._-]+|(?=\d))",
    re.IGNORECASE,
)
_NUMBER = r"\d{1,3}(?:\s?[-–—]\s?\d{1,3})?"
_KEY = r"(?=[a-z0-9]*[0-9])[a-z][a-z0-9]{2,3}"
_NUMBERS = re.compile(_NUMBER)
_INVENTED = re.compile(rf"\^?(?:{_NUMBER}|{_KEY})|\^[\w-]{{1,20}}|.*†.*")
# Longer, or with capitals, so that it could also be a word; and a word that could also be a key.
_KEY_OR_WORD = re.compile(r"(?=[\w-]*\d)[A-Za-z][\w-]{2,11}", re.ASCII)
_WORD_OR_KEY = re.compile(r"[A-Za-z][A-Za-z_-]{2,15}")
_NAMES_A_SOURCE = re.compile(
    r"(?:doc(?:ument)?s?|sources?|src|refs?|references?|citations?|cite|keys?|ids?)\s?[:=].*|"
    r"[^\s].*\.(?:pdf|docx?|pptx?|xlsx?|od[tsp]|md|txt|rtf|html?|csv|json|xml|epub|eml|msg)",
    re.IGNORECASE,
)
# What editors put into brackets.
_EDITORIAL = frozenset(
    ("sic", "redacted", "omitted", "deleted", "illegible", "inaudible", "unclear", "optional")
)
_ROUND = re.compile(r"[\w\s,;&:]{0,40}")
# After a citation comes the end of its clause, or another.
_ENDS = frozenset(".,;:!?)]。！？\n[【［")
_IN_BRACKETS = re.compile(rf"[\[【［]([^\[\]【】［］\n]{{1,{_LABEL_CHARS}}})[\]】］]")
_WORDS = re.compile(r"\w(?:[\w-]*\w)?")
_ORNAMENT = "'\"`*_@#^\\"


# No vowels, so that no key is a word; none of l, o, 0 and 1, which look alike.
_LETTERS = "bcdfghjkmnpqrstvwxz"
_DIGITS = "23456789"
# Three characters make 2,736 keys: beyond some hundreds in one request a fourth is added.
_SHORT_KEYS = 400


class Chooser(Protocol):
    """What draws keys: the ``secrets`` module, or a seeded ``random.Random`` in tests."""

    def choice(self, seq: Sequence[str], /) -> str:
        """Returns one element."""


class Nothing(Enum):
    """Why a scanner found nothing: it cannot know yet, or there is nothing."""

    MORE = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Known:
    """What tells a source's own brackets from citations.

    Attributes:
        keys: Issued for this request, in lower case.
        names: Titles and file names of the sources, case-folded.
        brackets: What the sources have in brackets, case-folded, white space as single blanks.
        words: All words of the sources, case-folded.
    """

    keys: frozenset[str]
    names: frozenset[str] = frozenset()
    brackets: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Where:
    """What stands before a place in the text.

    Attributes:
        line_start: Whether only white space does in its line.
        quoted: Whether a quotation is open.
        closed: Whether a full stop or another marker does, so that a marker may follow and a sentence may not go on.
        attached: Whether a letter or digit does, without white space.
    """

    line_start: bool = False
    quoted: bool = False
    closed: bool = False
    attached: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """A citation marker.

    Attributes:
        end: One past its last character in the text that was scanned.
        keys: The issued keys in it, in lower case as they were issued.
        invented: The parts of it that look like citations and were not issued.
        kept: Prose that shared the bracket with keys, to be left in the text.
    """

    end: int
    keys: tuple[str, ...]
    invented: tuple[str, ...]
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A code span, a fenced block of code, or a link: text that is left alone, up to ``end``."""

    end: int
    block: bool


def new_keys(count: int, rng: Chooser = secrets) -> list[str]:
    """Draws the keys of one request's sources, such as ``k7f``: letter, digit, letter, and a digit if many.

    Args:
        count: How many; all are different.
        rng: What draws them.

    Raises:
        ValueError: More than 11,552 are wanted.
    """
    shape = [_LETTERS, _DIGITS, _LETTERS] if count <= _SHORT_KEYS else [_LETTERS, _DIGITS, _LETTERS, _DIGITS]
    # Half of the shape at most, or drawing new ones would take too long.
    if count * 2 > len(_LETTERS) ** 2 * len(_DIGITS) ** (len(shape) - 2):
        raise ValueError(f"{count} keys are too many for one request; send fewer sources")
    keys: dict[str, None] = {}
    while len(keys) < count:
        key = "".join(rng.choice(letters) for letters in shape)
        # Not p2p, b2b and their like, which are words.
        if key[0] != key[2]:
            keys[key] = None
    return list(keys)


def known_of(issued: Collection[str], evidence: Collection[Evidence]) -> Known:
    """What is known of the sources of one request."""
    texts = [piece.text for piece in evidence]
    return Known(
        keys=frozenset(key.lower() for key in issued),
        names=frozenset(
            _folded(name) for piece in evidence for name in (piece.title, piece.filename) if name
        ),
        brackets=frozenset(_folded(each) for text in texts for each in _IN_BRACKETS.findall(text)),
        words=frozenset(word.casefold() for text in texts for word in _WORDS.findall(text)),
    )


def scan(raw: str, at: int, known: Known, where: Where, *, final: bool) -> Marker | Verbatim | Nothing:
    """Looks for a marker or for code at one place.

    Args:
        raw: Text of which the end may be missing.
        at: Index of a character of STARTS, or of JOINTS when a marker stands before it.
        known: Of the sources of this request.
        where: What stands before ``at``.
        final: Whether ``raw`` is complete.
    """
    char = raw[at]
    if char in BRACKETS:
        return _bracket(raw, at, known, where, final=final)
    if char == "`":
        return _code(raw, at, known, final=final, line_start=where.line_start)
    if char in JOINTS:
        return _joined(raw, at, known, where, final=final)
    return _wrapped(raw, at, known, where, final=final)


def blanked(text: str) -> str:
    """A finished text of somebody else's with white space in the place of every marker: all offsets stay."""
    # Its own words in brackets are no keys that somebody made up.
    known = Known(frozenset(), words=frozenset(_WORDS.findall(text.casefold())))
    parts: list[str] = []
    done = at = 0
    joins = False
    while at < len(text):
        found: Marker | Verbatim | Nothing = Nothing.NONE
        if text[at] in STARTS or (joins and text[at] in JOINTS):
            where = Where(line_start=not text[text.rfind("\n", 0, at) + 1 : at].strip())
            found = scan(text, at, known, where, final=True)
        if isinstance(found, Marker) and not found.kept:
            parts += (text[done:at], " " * (found.end - at))
            done = found.end
        joins = isinstance(found, Marker) or (joins and text[at].isspace())
        at = at + 1 if isinstance(found, Nothing) else found.end
    return "".join((*parts, text[done:]))


def read_label(label: str, known: Known, where: Where, *, ends: bool = False) -> Marker | None:
    """Decides whether what stands in a bracket is a citation. ``end`` of the answer means nothing.

    Args:
        label: Without the bracket.
        known: Of the sources of this request.
        where: What stands before the bracket.
        ends: Whether a clause ends after it.
    """
    keys: list[str] = []
    invented: list[str] = []
    prose: list[str] = []
    own = _folded(label) in known.brackets
    whole = not own and (
        _folded(label) in known.names or _NAMES_A_SOURCE.fullmatch(label.strip()) is not None
    )
    for part in filter(None, _PARTS.split(label.strip())):
        word = _WORD_BEFORE.match(part)
        bare = part[word.end() :] if word else part
        names = [name.strip(_ORNAMENT).lower() for name in _KEY_GAP.split(bare)]
        if all(name in known.keys for name in names):
            keys += names
        elif _INVENTED.fullmatch(bare) or (not own and _could_be_key(part, bare, known, where, ends=ends)):
            invented.append(part)
        else:
            prose.append(part)
    if not keys and own and where.quoted:
        return None
    if not keys and whole:
        return Marker(0, (), (label.strip(),))
    if not keys and (prose or not invented or _counts_from_zero(invented)):
        return None
    return Marker(0, tuple(keys), tuple(invented), f"[{', '.join(prose)}]" if prose else "")


def _could_be_key(part: str, bare: str, known: Known, where: Where, *, ends: bool) -> bool:
    """Whether a word that no source has is a key that was made up; without a digit only where a clause ends."""
    if bare.casefold() in known.words:
        return False
    if _KEY_OR_WORD.fullmatch(bare):
        return True
    last = (ends or where.closed) and not where.attached
    return last and bool(_WORD_OR_KEY.fullmatch(part)) and part.casefold() not in _EDITORIAL


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _counts_from_zero(parts: list[str]) -> bool:
    """Whether these are the numbers of an array or an interval and no citations, which count from 1."""
    numbers = all(_NUMBERS.fullmatch(part) for part in parts)
    return numbers and any(int(number) == 0 for part in parts for number in re.findall(r"\d+", part))


def _bracket(raw: str, at: int, known: Known, where: Where, *, final: bool) -> Marker | Verbatim | Nothing:
    missing = Nothing.NONE if final else Nothing.MORE
    depth = 2 if raw.startswith("[[", at) else 1
    label = _LABEL.match(raw, at + depth)
    if at + 1 == len(raw) or label is None or label.end() == len(raw):
        return missing
    closing = BRACKETS[raw[at]] * depth
    end = label.end() + depth
    if raw[label.end() : end] != closing:
        return missing if closing.startswith(raw[label.end() :]) else Nothing.NONE
    if end == len(raw) and not final:
        return Nothing.MORE
    marker = read_label(label.group(), known, where, ends=end == len(raw) or raw[end] in _ENDS)
    address = _ADDRESS.match(raw, end)
    if address and address.end() == len(raw) and not final:
        return Nothing.MORE
    # A marker written as a link goes with its address, an ordinary link stays with its own, whatever
    # brackets that holds. A parenthesis of prose is neither.
    stop = address.end() + 1 if address else end
    linked = address is not None and _IS_ADDRESS.fullmatch(raw, end, stop) is not None
    if marker is None:
        return Verbatim(stop, block=False) if linked else Nothing.NONE
    return Marker(stop if linked else end, marker.keys, marker.invented, marker.kept)


def _joined(raw: str, at: int, known: Known, where: Where, *, final: bool) -> Marker | Nothing:
    """Finds the marker that a comma or an "and" joins to the one before it."""
    joint = _JOINT.match(raw, at)
    place = joint.end() if joint else at
    if place < len(raw) and raw[place] in BRACKETS and place > at:
        found = _bracket(raw, place, known, where, final=final)
        return Nothing.NONE if isinstance(found, Verbatim) else found
    return Nothing.MORE if not final and "and".startswith(raw[place:]) else Nothing.NONE


def _wrapped(raw: str, at: int, known: Known, where: Where, *, final: bool) -> Marker | Nothing:
    """Finds markers that have parentheses, emphasis or a superscript around them and nothing else in it."""
    missing = Nothing.NONE if final else Nothing.MORE
    opening = _WRAPPER.match(raw, at)
    if opening is None:
        return missing if "<sup>".startswith(raw[at:]) else Nothing.NONE
    kind = opening.group().strip()
    closing = {"(": ")", "<sup>": "</sup>"}.get(kind, kind)
    keys: list[str] = []
    invented: list[str] = []
    place = opening.end()
    if kind == "(" and place < len(raw) and raw[place] not in BRACKETS:
        return _round(raw, at, known, where, final=final)
    while place < len(raw) and raw[place] in BRACKETS:
        found = _bracket(raw, place, known, where, final=final)
        if isinstance(found, Nothing):
            return found
        if isinstance(found, Verbatim) or found.kept:
            return Nothing.NONE
        keys += found.keys
        invented += found.invented
        joint = _JOINT.match(raw, found.end)
        place = joint.end() if joint else found.end
        if raw.startswith(closing, place):
            return Marker(place + len(closing), tuple(keys), tuple(invented))
    # A joint or the closing sign may have arrived in part.
    return missing if any(sign.startswith(raw[place:]) for sign in (closing, "and")) else Nothing.NONE


def _round(raw: str, at: int, known: Known, where: Where, *, final: bool) -> Marker | Nothing:
    """Finds issued keys that stand in round brackets and share them with nothing."""
    label = _ROUND.match(raw, at + 1)
    end = label.end() if label else at + 1
    if end == len(raw):
        return Nothing.NONE if final else Nothing.MORE
    marker = read_label(raw[at + 1 : end], known, where) if raw[end] == ")" else None
    if marker is None or marker.invented or marker.kept:
        return Nothing.NONE
    return Marker(end + 1, marker.keys, ())


def _code(raw: str, at: int, known: Known, *, final: bool, line_start: bool) -> Marker | Verbatim | Nothing:
    run = _TICKS.match(raw, at)
    ticks = len(run.group()) if run else 0
    if ticks == _MOST_TICKS or at + ticks == len(raw):
        return Nothing.NONE if final or ticks == _MOST_TICKS else Nothing.MORE
    if line_start and ticks >= len("```"):
        closing = re.compile(rf"\n[ \t]*`{{{ticks},}}[ \t]*(?=\n|\Z)")
        end = _end_of_code(
            raw[at : at + _BLOCK_CHARS], ticks, closing, whole=final or len(raw) - at >= _BLOCK_CHARS
        )
        if end is not Nothing.NONE:
            return end if isinstance(end, Nothing) else Verbatim(at + end, block=True)
    line = raw[at : at + _SPAN_CHARS].partition("\n")[0]
    whole = final or len(line) < len(raw) - at
    end = _end_of_code(line, ticks, re.compile(rf"(?<!`)`{{{ticks}}}(?!`)"), whole=whole)
    if isinstance(end, Nothing):
        return end
    # A marker that the model put into a code span is still its marker.
    inner = line[ticks : end - ticks].strip()
    if inner.startswith("[") and inner.endswith("]"):
        marker = read_label(inner[1:-1], known, Where())
        if marker and marker.keys and not marker.kept:
            return Marker(at + end, marker.keys, marker.invented)
    return Verbatim(at + end, block=False)


def _end_of_code(text: str, ticks: int, closing: re.Pattern[str], *, whole: bool) -> int | Nothing:
    """Finds where code ends that begins with its ticks; ``whole``: there is no more to see than ``text``."""
    found = closing.search(text, ticks)
    if found and (whole or found.end() < len(text)):
        return found.end()
    return Nothing.NONE if whole else Nothing.MORE
