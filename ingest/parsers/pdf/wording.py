"""What titles say, and what only looks like one: dates, amounts, companies, signatures, notices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTERS = re.compile(r"[^\W\d_]")
_SMALL_WORDS = {
    "a", "an", "and", "as", "at", "between", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with",
    "among", "per", "vs", "via", "into", "under", "upon", "its", "our", "be", "not", "that", "than",
}  # fmt: skip
_NEVER = re.compile(
    r"by\s*:|name\s*:|title\s*:|date[d:]?\b|its\s*:|/s/|signature|page\s+\d|continued|\(continued|see\s+accompanying|"
    r"the\s+accompanying|in\s+witness|whereas|now,?\s+therefore|attest|yes\b|no\b|x$|confidential|copyright|©|"
    r"https?:|www\.|source:|table of contents|dear\b|sincerely|re:|cc:|end of|\(?in (?:millions|thousands)|"
    r"\(?dollars in|\(?unaudited|as of\b|for the (?:year|quarter|three|six|nine|fiscal|month)|years? ended|"
    r"(?:three|six|nine|twelve) months|total\b|\*+|note:|none\b|not applicable|commission file|page$|period$|"
    r"\([^()]*\)$|\[[^\[\]]*\]$",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d{1,2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}",
    re.IGNORECASE,
)
_ENTITY = re.compile(
    r"(?:,?\s+(?:inc|corp|corporation|ltd|llc|l\.l\.c|lp|l\.p|plc|company|co|n\.a|gmbh|s\.a)\.?,?)+$",
    re.IGNORECASE,
)
# Of the longer words of a title, as many begin with a capital.
_CAPITAL_SHARE = 0.7
_DIGIT_SHARE = 0.25


def titled(words: Sequence[str]) -> bool:
    """Whether the longer words begin with capitals, as in a title."""
    if not words or not (words[0][0].isupper() or words[0][0].isdigit() or words[0][0] in "“\"'‘("):
        return False
    strong = [word for word in words if LETTERS.search(word)]
    long = [word for word in strong if word.strip("“”\"'‘’(),.").casefold() not in _SMALL_WORDS]
    high = sum(1 for word in long if word.lstrip("“\"'‘($")[:1].isupper())
    return bool(long) and high >= _CAPITAL_SHARE * len(long)


def is_never_title(text: str) -> bool:
    """Whether the words begin as no title does: a signature, a notice, the period of a table."""
    return bool(_NEVER.match(text))


def is_name_or_amount(text: str, words: Sequence[str]) -> bool:
    """Whether the words are a date, an amount, a company's name, or small words alone ("BY AND BETWEEN")."""
    digits = sum(character.isdigit() for character in text)
    small = {word.casefold() for word in words} <= _SMALL_WORDS
    return bool(small or digits > _DIGIT_SHARE * len(text) or _DATE.search(text) or _ENTITY.search(text))
