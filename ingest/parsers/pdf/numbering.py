"""Numbers of headings: "Item 1A", "ARTICLE IV", "5.2", and which of them count on."""

from __future__ import annotations

import re

_ROMAN = r"[IVXLC]{1,6}"
_NAMED = re.compile(
    rf"(?P<kind>part|item|article|chapter|exhibit|schedule|appendix|annex|note|section)\s+"
    rf"(?P<number>{_ROMAN}|\d{{1,3}}[A-Z]?(?:[.-]\d{{1,2}})*|[A-Z](?:-\d{{1,2}})?)(?=$|[\s.:,)—–-])[.:)—–\s-]*",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,3})(?P<dot>\.?)\s+(?=[A-Z“\"'])")
_ROMAN_POINT = re.compile(rf"(?P<number>{_ROMAN})\.\s+(?=[A-Z])")


def numbered(text: str) -> tuple[str, tuple[int, ...], str]:
    """Kind and number of a numbered heading and its title; empty for none."""
    if match := _NAMED.match(text):
        kind = match["kind"].lower()
        if not match["kind"][0].isupper():
            return "", (), text
        rest = text[match.end() :].strip()
        if kind == "section":
            number = tuple(map(int, re.findall(r"\d+", match["number"])))
            return kind, number or (0,), rest
        return kind, (_order(match["number"]),), rest
    if match := _DECIMAL.match(text):
        number = tuple(map(int, match["number"].split(".")))
        if number[-1] == 0 and len(number) == 2:  # noqa: PLR2004
            number = number[:1]
        return "decimal", number, text[match.end() :]
    if match := _ROMAN_POINT.match(text):
        return "roman", (_order(match["number"]),), text[match.end() :]
    return "", (), text


def _order(number: str) -> int:
    """What a number counts: 7 for 7A, 4 for IV, 2 for B."""
    if digits := re.match(r"\d+", number):
        return int(digits[0])
    if re.fullmatch(_ROMAN, number):
        values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in number]
        return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
    return ord(number[0].upper()) - 64


def follows(chain: tuple[int, ...], number: tuple[int, ...]) -> bool:
    """Whether a number comes next, or nearly so, after the last one: 5.3 or 6 or 5.2.1 after 5.2."""
    if not chain:
        return number[0] <= 2 and all(part == 1 for part in number[1:])  # noqa: PLR2004
    shared = 0
    while shared < min(len(chain), len(number)) and chain[shared] == number[shared]:
        shared += 1
    if shared == len(number):
        return False
    before = chain[shared] if shared < len(chain) else 0
    return 0 < number[shared] - before <= 3 and all(part <= 2 for part in number[shared + 1 :])  # noqa: PLR2004
