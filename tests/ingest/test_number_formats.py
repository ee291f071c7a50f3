"""Numbers as a spreadsheet shows them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.parsers.number_formats import built_in, general, shown

ACCOUNTING = '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)'


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (1234.5, "General", "1234.5"),
        (0.1 + 0.2, "", "0.3"),
        (12345678901234.0, "General", "12345678901234"),
        (1e300, "General", "1e+300"),
        (float("inf"), "General", "inf"),
        (0.125, "0%", "13%"),
        (0.125, "0.0%", "12.5%"),
        (2.5, "0", "3"),
        (-2.5, "#,##0.00", "-2.50"),
        (-0.001, "0.00", "0.00"),
        (1234567.891, "#,##0.0", "1,234,567.9"),
        (1234567.891, "#,##0,", "1,235"),
        (1.5, "0.0##", "1.5"),
        (7, "000", "007"),
        (1200, '"$"#,##0', "$1,200"),
        (1200, "[$€-407] #,##0", "€ 1,200"),
        (1200, '#,##0\\ "kg"', "1,200 kg"),
        (-3, "0;[Red](0)", "(3)"),
        (0, '0;-0;"none"', "none"),
        (0, ACCOUNTING, "-"),
        (-1234.5, ACCOUNTING, "(1,234.50)"),
        (5, '"item "General', "item 5"),
        (-5, '0"a"', "-5a"),
        (12000, "0.00E+00", "12000"),
        (0.5, "# ?/?", "0.5"),
        (5, "[>100]0.0;0", "5"),
        (1e40, "0", "1e+40"),
    ],
)
def test_numbers(value: float, code: str, expected: str) -> None:
    """Percent, currency, grouping, rounding and sections are shown; what is not understood stays a number."""
    assert shown(value, code) == expected


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (45107, "dd/mm/yyyy", "2023-06-30"),
        (45107.75, "m/d/yy h:mm", "2023-06-30 18:00"),
        (45107.999999, "yyyy-mm-dd hh:mm:ss", "2023-07-01 00:00:00"),
        (45107, "mmm-yy", "2023-06"),
        (45107, "yyyy", "2023"),
        (45107, "mmmm", "June"),
        (0.5, "h:mm AM/PM", "12:00"),
        (1.5, "[h]:mm", "36:00:00"),
        (-0.5, "[h]:mm", "-12:00:00"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e9, "yyyy-mm-dd", "1000000000"),
        (45107, '"day "d', "2023-06-30"),
        (5, '0 "days"', "5 days"),
        (5, "[Red]0", "5"),
    ],
)
def test_dates(value: float, code: str, expected: str) -> None:
    """Dates come in ISO 8601 with what their code shows; letters in quotes and colours make no date."""
    assert shown(value, code) == expected


def test_days_since_1904() -> None:
    """Workbooks from old Macs count from another day."""
    assert shown(1, "yyyy-mm-dd", from_1904=True) == "1904-01-02"


def test_formats_by_number() -> None:
    """Formats that files name only by number are known."""
    assert shown(0.5, built_in(10)) == "50.00%"
    assert shown(45107, built_in(14)) == "2023-06-30"
    assert built_in(0) == built_in(999) == "General"


@example(1e28, "0")
@given(st.floats(-1e300, 1e300), st.text('0#?.,%E+;"\\_*[]$-hmsy /@d', max_size=12))
def test_every_code_shows_something(value: float, code: str) -> None:
    """No code makes an error of a number, and no plain mask loses one."""
    assert isinstance(shown(value, code), str)
    assert float(general(value)) == pytest.approx(value)
