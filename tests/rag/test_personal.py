"""Personal data found by rules: what is one, and what only looks like one."""

from __future__ import annotations

import pytest

from rag.errors import InvalidRecogniser
from rag.personal import (
    KINDS,
    Finding,
    Rules,
    apart,
    has_check_digits,
    has_luhn_digit,
    named_recogniser,
)

FOUND = {
    "EMAIL": [
        "anna.meier+fees@mail.example.org",
        "o'neill and jörg@müller.example",
        "x@y.co",
        "anna\uff20example.org",
    ],
    "PHONE": [
        "+49 30 901820",
        "+1 (212) 555-0147",
        "0044 20 7946 0958",
        "(030) 90 18 20",
        "030/901820",
        "0171 2345678",
        "212-555-0147",
        "01712345678",
        "+33\u202f1\u202f42\u202f68\u202f53\u202f00",
        "+49 30\u20139018\u201320",
    ],
    "IBAN": [
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "NO9386011117947",
        "gb82 west 1234 5698 7654 32",
        "GB82-WEST-1234-5698-7654-32",
        "DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00",
        "DE89 3704 0044\n0532 0130 00",
    ],
    "CARD": [
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "378282246310005",
        "4111\u20111111\u20111111\u20111111",
        "4111 1111 1111\r\n1111",
    ],
    "SSN": ["536-90-4399", "536 90 4399"],
    "IP": ["192.168.10.7", "8.8.8.8", "2001:db8::8a2e:370:7334", "fe80::1"],
    "PASSPORT": ["passport no. C01X00T47", "Reisepass-Nr. C01X00T47", "passport number is 533380006"],
}
NOT_FOUND = [
    "On 01.02.2024 and 2024-03-05 at 10:30:15.",
    "It costs 1,234,567.89 euros, or 12 345 678 yen.",
    "Section 4.2.1.3.7 of version 1.2.3.4.5 says so.",
    "GB83WEST12345698765432",
    "4111 1111 1111 1112 and 0000 0000 0000 0000",
    "000-12-3456, 666-12-3456, 900-12-3456, 536-00-4399 and 536-90-0000",
    "999.168.10.7",
    "def f(x): return a::b",
    "Write to @anna or see a@b.",
    "ISBN 978-3-16-148410-0",
    "The 2019-2024 report, pages 100-200.",
    "[k7f] ^q3x is a key.",
    "\u212aE89 3704 0044 0532 0130 00 begins with a sign for Kelvin.",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_what_is_personal_is_found(kind: str, text: str) -> None:
    """Inside a sentence, to its last character and no further."""
    sentence = f"Ask {text}, please."

    found = [each for each in apart(Rules(KINDS).find(sentence)) if each.kind == kind]

    assert len(found) == 1
    value = sentence[found[0].start : found[0].end]
    assert text.endswith(value)
    assert " and " not in value


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    """Dates, amounts, section numbers and numbers whose check digit is wrong stay."""
    assert list(Rules(KINDS).find(text)) == []


def test_words_behind_an_iban_are_not_part_of_it() -> None:
    """Capitals that follow do not hide it, nor are they taken."""
    text = "IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX"

    (found,) = apart(Rules().find(text))

    assert text[found.start : found.end] == "DE89 3704 0044 0532 0130 00"


def test_check_digits_are_computed() -> None:
    """Every wrong last digit is told from the right one."""
    assert [n for n in range(10) if has_luhn_digit(f"411111111111111{n}")] == [1]
    assert [n for n in range(100) if has_check_digits(f"DE{n:02}370400440532013000")] == [89]


def test_only_the_kinds_asked_for() -> None:
    """Each can be left out."""
    text = "anna@example.org, 8.8.8.8, ::1:2"

    assert {each.kind for each in Rules(("email",)).find(text)} == {"EMAIL"}
    assert {each.kind for each in Rules(("ip",)).find(text)} == {"IP"}


def test_of_overlapping_findings_the_longest_stays() -> None:
    """So that nothing of a longer one is left over."""
    found = [Finding("PHONE", 3, 9), Finding("NAME", 0, 20), Finding("IP", 25, 30)]

    assert apart(found) == [Finding("NAME", 0, 20), Finding("IP", 25, 30)]
    for wrong in (Finding("name", 0, 3), Finding("NAME", 3, 3), Finding("A-B", 0, 1)):
        with pytest.raises(ValueError, match="is no finding"):
            apart([wrong])


@pytest.mark.parametrize("name", ["", "json", "json:nothing", "nothing_there:x", "json:loads", ":x"])
def test_a_recogniser_that_is_none_is_refused_by_name(name: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(InvalidRecogniser):
        named_recogniser(name)


def test_a_recogniser_is_imported_by_its_name() -> None:
    """A class is made, an object is taken as it is."""
    assert isinstance(named_recogniser("rag.personal:Rules"), Rules)
