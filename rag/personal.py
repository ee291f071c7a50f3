"""Finds personal data in text by rules: addresses, numbers with check digits, and what looks like them.

A rule that has a check digit uses it, so that an order number is not taken for a card. Where there is none a rule
rather takes too much: what is taken out comes back in the answer, and what is missed leaves the machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Protocol, cast

from rag.errors import InvalidRecogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Finding:
    """A stretch of text that is personal data. ``kind``: capital letters, such as ``EMAIL``."""

    kind: str
    start: int
    end: int


class Recogniser(Protocol):
    """Finds personal data. A model that finds names is one, too."""

    def find(self, text: str) -> Iterable[Finding]:
        """What of a text is personal data, in any order; called from several threads."""


_KIND = re.compile(r"[A-Z]{2,16}")
# Signs that print alike are one to the rules, each for one, so that places stay: spaces, dashes, wide letters.
_ALIKE = {
    **dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE63), "-"),
    **{wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)},
}
# What check digits hold together may be parted by the end of a line.
_OVER_LINES = {"iban", "card"}
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])"
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]{0,2}[A-Z0-9]){11,30}(?!\w)", re.ASCII | re.IGNORECASE)
_CARD = re.compile(r"(?<![\w-])(?<!\d[.,])[2-6]\d{3}(?:[ -]{0,2}\d){9,15}(?![\w-])(?![.,]\d)")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6 = re.compile(
    r"(?<![\w:.])(?=[0-9a-f]*:[0-9a-f]*:)[0-9a-f:]{2,39}(?:(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])", re.IGNORECASE
)
_PHONE = re.compile(
    # With a country's code; with an area's code after a nought or in parentheses; as in North America.
    r"(?<![\w+.,-])(?<!\d[ \u00a0])(?:"
    r"(?:\+|00(?=[1-9]))[1-9](?:[ \u00a0./()-]{0,3}\d){6,14}"
    r"|\(0[1-9]\d{0,4}\)[ \u00a0./-]{0,2}\d(?:[ \u00a0./-]?\d){3,10}"
    r"|0[1-9]\d{0,4}[ \u00a0./-]{1,3}\d(?:[ \u00a0./-]?\d){3,10}"
    r"|0[1-9]\d{8,10}"
    r"|(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}"
    r")(?![\w-]|[.,]\d)"
)
_DATE = re.compile(r"0?\d{1,2}([./ -])\d{1,2}\1(?:\d{4}|\d{2})")
# Without the word beside it such a number could be anything's.
_PASSPORT = re.compile(
    r"(?:passport|passeport|pasaporte|reisepass|personalausweis|identity\s+card)\w*\W{0,3}"
    r"(?:(?:no|number|nr|nummer|num[eé]ro|n[uú]mero|n[°º])\W{0,3}|is\s+){0,2}(?P<found>(?=[A-Z0-9]*\d)[A-Z0-9]{6,12})(?!\w)",
    re.IGNORECASE,
)
# The shortest and the longest of the registry: https://www.swift.com/standards/data-standards/iban
_IBAN_LENGTHS = range(15, 35)
_CARD_LENGTHS = range(13, 20)


def has_check_digits(iban: str) -> bool:
    """Whether an IBAN's check digits hold (ISO 13616, by the remainder 97 of ISO 7064)."""
    plain = re.sub(r"[\s-]", "", iban)
    if len(plain) not in _IBAN_LENGTHS:
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(each, 36)) for each in turned)) % 97 == 1


def has_luhn_digit(number: str) -> bool:
    """Whether a card's last digit checks the others (ISO/IEC 7812-1, annex B)."""
    digits = [int(each) for each in number if each.isdecimal()]
    if len(digits) not in _CARD_LENGTHS or len(set(digits)) == 1:
        return False
    doubled = [2 * each - 9 * (each > 4) for each in digits[-2::-2]]  # noqa: PLR2004 - 2 * 5 has two digits.
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_ip4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_ip6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    # Without a digit it is more often punctuation between words, as in C++.
    return any(each.isdecimal() for each in text)


def _is_phone(text: str) -> bool:
    return _DATE.fullmatch(text) is None


def _always(_text: str) -> bool:
    return True


# The order decides between findings of one place and length.
_RULES: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "email": (_EMAIL, _always),
    "iban": (_IBAN, has_check_digits),
    "card": (_CARD, has_luhn_digit),
    "ssn": (_SSN, _always),
    "ip": (_IP4, _is_ip4),
    "ip6": (_IP6, _is_ip6),
    "passport": (_PASSPORT, _always),
    "phone": (_PHONE, _is_phone),
}
# Those that a setting can name; "ip" stands for both kinds.
KINDS = ("email", "phone", "iban", "card", "ssn", "ip", "passport")
# Passport numbers are told by the word beside them alone.
USUAL = tuple(kind for kind in KINDS if kind != "passport")


class Rules:
    """The recogniser by rules.

    Args:
        kinds: Which of ``KINDS``.
    """

    def __init__(self, kinds: Sequence[str] = USUAL) -> None:
        self._rules = [(kind, _RULES[kind]) for kind in _RULES if kind.removesuffix("6") in kinds]

    def find(self, text: str) -> Iterator[Finding]:
        """See ``Recogniser``."""
        folded = text.translate(_ALIKE)
        joined = folded.replace("\r", " ").replace("\n", " ")
        for kind, (pattern, holds) in self._rules:
            text = joined if kind in _OVER_LINES else folded
            for found in pattern.finditer(text):
                group = "found" if "found" in pattern.groupindex else 0
                start, end = found.span(group)
                if kind == "iban":
                    # Words of capitals behind an IBAN look like more of it.
                    end = _longest_iban(text, start, end)
                if end > start and holds(text[start:end]):
                    yield Finding(kind.removesuffix("6").upper(), start, end)


def _longest_iban(text: str, start: int, end: int) -> int:
    while end > start and not has_check_digits(text[start:end]):
        shorter = max(text.rfind(" ", start, end), text.rfind("-", start, end))
        end = max(start, shorter)
    return end


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in order, of those that overlap the longest.

    Raises:
        ValueError: A recogniser gave a kind that is no word of capitals, or a place that is none.
    """
    kept: list[Finding] = []
    for each in sorted(findings, key=lambda found: (found.start - found.end, found.start)):
        if not _KIND.fullmatch(each.kind) or not 0 <= each.start < each.end:
            raise ValueError(
                f"{each!r} is no finding: its kind is 2 to 16 capitals, its start before its end"
            )
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda found: found.start)


def named_recogniser(name: str) -> Recogniser:
    """What a setting names as ``package.module:name``: a recogniser, or a class of them that needs no arguments.

    Raises:
        InvalidRecogniser: There is no such thing, or it has no method ``find``.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidRecogniser(
            f"There is no {name!r} to import: {error}. Name it as package.module:name."
        ) from error
    made = found() if isinstance(found, type) else found
    if not callable(getattr(made, "find", None)):
        raise InvalidRecogniser(f"{name!r} has no method find(text) that gives findings.")
    return cast("Recogniser", made)
