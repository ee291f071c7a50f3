"""What stands over the items of a list and turns them round: "Never do this:", "The following is not covered:".

An item under such words is no statement of its own: "Smoke in the yard." under "Never do this:" says the opposite.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ITEM = re.compile(r"\s*(?:[-*+•‣▪●◦–·]|\(?\d{1,3}(?:\.\d{1,3}){0,5}[.)]|\(?[a-zA-Z][.)])\s")
_HEADING = re.compile(r"\s*(?:#{1,6}\s|[*_]{2}[^*_\n]{1,120}[*_]{2}\s*$)")
# What a list is the object of: "We do not insure:" denies its items, "The machine does not start:" does not.
_LISTED = (
    r"accept\w*|advis\w+|allow\w*|appl(?:y|ies|ied|icable)|authori[sz]\w+|br(?:ing|ought)|collect\w*|considered|contain\w*|"
    r"correct|cover\w*|deliver\w*|dispos\w+|do|done|eat|eligible|enter|feed|flush\w*|give|given|guarantee\w*|includ\w+|"
    r"insur\w+|liable|need\w*|offer\w*|paid|part of|pay|permit\w*|provid\w+|put|recommend\w*|recycl\w+|refund\w*|"
    r"reimburs\w+|requir\w+|responsible|safe|sell|share[ds]?|ship\w*|sold|store[ds]?|suitable|support\w*|take|taken|"
    r"tolerat\w+|touch|true|use[ds]?|valid|wash\w*"
)
_DENIES = re.compile(
    r"^\W*(?:please\s+)?(?:never|do\s+not|do\s?n['’]?ts?)\b|\b(?:must|may|shall|should)\s+(?:not|never)\b|"
    r"\b(?:must|should)n['’]t\b|"
    rf"(?:\b(?:not|never|cannot|no longer)|n['’]t)\s+(?:\w+\s+){{0,3}}?(?:{_LISTED})\b|"
    r"(?:\b(?:not|never|cannot)|n['’]t)\W*$|\bnever\b.{0,40}\bfollowing\b|"
    r"\b(?:nobody|no one|none)\b.{0,30}\b(?:may|can|should|is|are)\b|"
    r"\b(?:in|under|at|by|on) no (?:circumstances?|cases?|account|means|time)\b|"
    r"\bexcept(?:ions?)?\W*$|^\W*exceptions?\b|\bexclu(?:des?|ded|ding|sions?)\b|\bprohibit(?:s|ed|ions?)\b|"
    r"\bforbid(?:s|den)?\b|\bbanned\b|^\W*(?:please\s+)?avoid\b|\b(?:must|should)\s+avoid\b|\brefrain\b|\b(?:unacceptable|disallowed|ineligible)\b|"
    r"\b(?:myths?|misconceptions?)\b|^\W*(?:untrue|false|wrong|incorrect)(?:\s+(?:statements?|answers?|claims?|ideas?))?\W*$",
    re.IGNORECASE,
)
# These deny nothing of what follows: "do not forget to", "not limited to", and conditions: "if you do not pay, we may".
_HARMLESS = re.compile(
    r"\b(?:not|never)\s+(?:be\s+)?(?:only|just|merely|forget|fail|miss|hesitate|worry|panic|limited|necessarily|exclud\w+|"
    r"prohibit\w+|forbidden|except\w*)\b|n['’]t\s+(?:forget|fail|miss|hesitate|worry|panic|necessarily)\b|"
    r"\bnot\s+(?:later|more|less|fewer|earlier|sooner)\s+than\b|\bwithout\s+exceptions?\b|\bwhether\s+or\s+not\b|"
    r"\b(?:if|unless|when|whenever|where|because|since|in case|although|while)\b[^,:]*(?:[,:]|$)|\bwho\b[^:]*|"
    # Denials with an exception affirm what is listed; a remark in brackets, and an object of its own, are not the list.
    r"(?:\b(?:not|never|nobody|no one|none|cannot)\b|n['’]t\b)[^:]*"
    r"\b(?:unless|except|without|other than)\b\W*(?:the following\W*)?$|"
    r"\((?!\W*(?:(?:not|never)\s+\w+|excluded|prohibited|forbidden)\W*\))[^()]*\)|"
    r"\b(?:excluding|excludes?|(?:not|n['’]t)\s+includ(?:e|ing))\s+(?!.*\b(?:following|these|those|this|below)\b)\w[^:]*",
    re.IGNORECASE,
)
# What makes a claim or an item say no by itself.
_NO = re.compile(
    r"\b(?:no|not|never|none|nothing|nobody|cannot|neither|without|except\w*|exclu\w+|prohibit\w*|forbid\w*|banned|avoid\w*|"
    r"refrain|unacceptable|disallowed|ineligible|myths?|misconceptions?|untrue|false|wrong|incorrect|lacks?|"
    r"un(?:insured|covered|protected|safe|suitable))\b|n['’]t\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"([^:(]{3,200}?)\s*(?::(?=\s+\S)()|((?<=\bnot)\s|(?<=\bnever)\s)(\()(?:a|i|1)\))")
_POINTS_DOWN = re.compile(r"\b(?:following|these|below|this)\b", re.IGNORECASE)
_STATES = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|must|may|might|shall|should|do|does|did|we|you|they|it)\b",
    re.IGNORECASE,
)
# A longer line is a paragraph and no heading.
_LONGEST = 300


def says_no(claim: str) -> bool:
    """Whether a claim is turned round itself, as it must be to say what an item under such words says."""
    return bool(_NO.search(claim))


def lead_ins(sentences: Iterable[tuple[str, int]], heading: str) -> list[str]:
    """For each sentence the words over it that deny it, or nothing.

    Args:
        sentences: Of one text in its order, each with the column in which it begins.
        heading: Over all of them, or nothing.
    """
    over = _lead(heading)
    lead = over
    # Items that open a list of their own, with their column.
    open_items: list[tuple[int, str]] = []
    found: list[str] = []
    for text, column in sentences:
        plain = text.strip()
        opens = plain.endswith((":", "："))
        if _ITEM.match(plain):
            while open_items and open_items[-1][0] >= column:
                open_items.pop()
            above = next((words for _, words in reversed(open_items) if words), lead)
            found.append("" if says_no(plain) else above)
            if opens:
                open_items.append((column, _lead(plain)))
            continue
        open_items.clear()
        found.append(over if over and _fragment(plain) and not says_no(plain) else "")
        if _HEADING.match(plain):
            over = lead = _lead(plain)
        elif opens or _POINTS_DOWN.search(plain) or not plain.endswith((".", "!", "?")):
            lead = _lead(plain) or over
        else:
            lead = over
    return found


def inside(text: str) -> str:
    """Words of a sentence that deny the rest of it: "Not included: batteries", "shall not (a) assign, (b) hire"."""
    found = _INSIDE.match(text.strip(" \t\n#*_>"))
    if found is None or (found[4] != "(" and _STATES.search(text, found.end())):
        return ""
    return _lead(found[1] + ":")


def _lead(text: str) -> str:
    plain = text.strip(" \t\n#*_>")
    return plain if len(plain) <= _LONGEST and _DENIES.search(_HARMLESS.sub(" ", plain)) else ""


def _fragment(text: str) -> bool:
    """Whether a line is too short to state something by itself, and is no heading."""
    return not _HEADING.match(text) and len(text.split()) <= 8 and not _STATES.search(text)  # noqa: PLR2004
