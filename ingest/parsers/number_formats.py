"""Numbers as a spreadsheet shows them: its format codes, as far as people use them (ECMA-376, 18.8.30).

Dates become ISO 8601 whatever their code says: which of 3/4 is the month is the reader's locale, not the
file's. What a code says of colours, padding and alignment is left out.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

GENERAL = "General"
# Formats that files name by number only (18.8.30). Dates among them are all alike here.
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 18: "h:mm",
    19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: '#,##0;(#,##0);"-"',
    42: '$#,##0;($#,##0);"-"', 43: '#,##0.00;(#,##0.00);"-"', 44: '$#,##0.00;($#,##0.00);"-"', 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss", 48: "##0.0E+0", 17: "mmm-yy",
    **dict.fromkeys((14, 15, 16, *range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
}  # fmt: skip
# Literal text, escapes, padding, fills, colours and locales, elapsed time, placeholders.
_TOKEN = re.compile(
    r'"([^"]*)"?|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|(\[[hms]+\])|(\[[^\]]*\])|(General)|(E[+-]0+)'
    r"|((?:[0#?][0#?,]*)?(?:\.[0#?]+)?(?<=[0#?.]),*)|(.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\[[<>=]")
_LONGEST = 300
# Numbers of digits beyond this are shown as they are.
_MAX_DIGITS = 27


def built_in(number: int) -> str:
    """The code of a format that a file names by its number."""
    return _BUILT_IN.get(number, GENERAL)


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """A number as a person reads it in its cell.

    Args:
        value: What the cell holds.
        code: The cell's format code.
        from_1904: Whether days count from 1904 on.

    Returns:
        Text; for codes that are not understood the number itself.
    """
    sections, dated = _sections(code)
    if dated:
        return _date(value, sections[0], from_1904=from_1904) or general(value)
    if not sections:
        return general(value)
    which = 1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0  # noqa: PLR2004
    text = _number(abs(value), sections[which])
    if text is None:
        return general(value)
    negative = value < 0 and which == 0 and any(digit in "123456789" for digit in text)
    return f"-{text}" if negative else text


def general(value: float) -> str:
    """A number without a format: integers in full, others to ten digits, as wide cells show them."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 10**15:
        return str(int(value))
    return format(value, ".10g")


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[tuple[str, ...], bool]:
    """A code's parts for positive, negative and zero; nothing if it has none; whether it is of a date."""
    if len(code) > _LONGEST or _CONDITION.search(code) or code in {GENERAL, "@", ""}:
        return (), False
    sections, start = [], 0
    for token in _TOKEN.finditer(code):
        if token[9] == ";":
            sections.append(code[start : token.start()])
            start = token.end()
    sections.append(code[start:])
    letters, elapsed = _letters(sections[0])
    if elapsed or re.search(r"[ymdhs]|am/pm", letters):
        return (sections[0],), True
    return tuple(sections), False


@lru_cache(maxsize=1000)
def _letters(section: str) -> tuple[str, bool]:
    """A part's signs outside of quotes, in lower case; whether it counts hours beyond a day."""
    tokens = list(_TOKEN.finditer(section))
    return "".join(token[9] or "" for token in tokens).lower(), any(token[4] for token in tokens)


def _number(value: float, section: str) -> str | None:
    """A number that is not negative in one part of a code; None when the part is not understood."""
    tokens = [token for token in _TOKEN.finditer(section) if token[0]]
    masks = [token for token in tokens if token[8]]
    if any(token[7] or token[0] == "/" for token in tokens):
        # Exponents and fractions.
        return None
    mask = next((token[8] for token in masks if "0" in token[8] or "#" in token[8]), None)
    percent = sum(token[9] == "%" for token in tokens)
    parts: list[str] = []
    placed = False
    for token in tokens:
        if token[6]:
            parts.append(general(value))
        elif token[8]:
            if mask is not None and not placed:
                digits = _digits(value * 100**percent, mask)
                if digits is None:
                    return None
                parts.append(digits)
                placed = True
        else:
            parts.append(next((group for group in (token[1], token[2], token[3], token[9]) if group), ""))
    return "".join(parts).strip()


def _digits(value: float, mask: str) -> str | None:
    whole, _, fraction = mask.partition(".")
    scale = len(mask) - len(mask.rstrip(","))
    places, least = len(fraction.rstrip(",")), fraction.count("0")
    grouped = "," in whole.rstrip(",")
    exact = Decimal(repr(value)).scaleb(-3 * scale)
    if exact.adjusted() + places > _MAX_DIGITS or places > _MAX_DIGITS:
        return None
    text = format(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), ",f" if grouped else "f")
    integer, point, decimals = text.partition(".")
    while len(decimals) > least and decimals.endswith("0"):
        decimals = decimals[:-1]
    # Leading zeros, as in codes of places and articles.
    integer = integer if grouped else integer.zfill(whole.count("0"))
    return integer + point + decimals if decimals else integer


def _date(days: float, code: str, *, from_1904: bool) -> str | None:
    """ISO 8601 with what the code shows of it; None for a number that is no day."""
    words, elapsed = _letters(code)
    if elapsed:
        minutes, seconds = divmod(round(abs(days) * 86400), 60)
        return f"{'-' if days < 0 else ''}{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    if not 0 <= days < 2_958_466:  # noqa: PLR2004 -- the last day of 9999
        return None
    # Day 60 of 1900 is the 29th of February that never was; days before it are one off.
    epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30 if days >= 60 else 31)  # noqa: DTZ001, PLR2004
    moment = epoch + timedelta(days=int(days), seconds=round((days - int(days)) * 86400))
    clock = "h" in words or "s" in words
    seconds_shown = "s" in words
    time = moment.strftime("%H:%M:%S" if seconds_shown else "%H:%M") if clock else ""
    if "y" not in words and "d" not in words:
        return time or moment.strftime("%B")
    shape = "%Y-%m-%d" if "d" in words else "%Y-%m" if "m" in words else "%Y"
    return f"{moment.strftime(shape)} {time}".strip()
