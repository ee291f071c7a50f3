"""Numbers are the same however they are written: signs, separators, fractions, powers, units and other scripts."""

from __future__ import annotations

import pytest

from rag.verification.amounts import quantity_faults
from rag.verification.quantities import quantities_of
from rag.verification.text import words_of


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("-5 °C", -5, "celsius"),
        ("−5 °C", -5, "celsius"),
        ("–5 °C", -5, "celsius"),
        ("a loss of -$5 million", -5e6, "dollar"),
        ("minus five degrees", -5, "degree"),
        ("3,5 %", 3.5, "percent"),
        ("12,75 €", 12.75, "euro"),
        ("1,000 %", 1000, "percent"),
        ("1.234.567,89 €", 1234567.89, "euro"),
        ("0,500 kg", 0.5, "mass"),
        (".5 mg", 0.5, "mass"),
        ("½ kg", 0.5, "mass"),
        ("3½ hours", 3.5, "time"),
        ("3 1/2 hours", 3.5, "time"),
        ("three and a half hours", 3.5, "time"),
        ("₹1,00,000", 100_000, "rupee"),
        ("5 crore rupees", 5e7, "rupee"),
        ("$5M", 5e6, "dollar"),
        ("$5B", 5e9, "dollar"),
        ("£5k", 5e3, "sterling"),
        ("€5bn", 5e9, "euro"),
        ("US$5tn", 5e12, "dollar"),
        ("5m euros", 5e6, "euro"),
        ("10⁵", 1e5, ""),
        ("10^5", 1e5, ""),
        ("3 × 10⁻² kg", 0.03, "mass"),
        ("2020³", 2020, ""),
        ("5 m²", 5, "area"),
        ("收入5亿元", 5e8, "yuan"),
        ("約3万円", 3e4, "yen"),
        ("매출 5억원", 5e8, "won"),
        ("5 mıllıon", 5e6, ""),
        ("fıfth", 5, "ordinal"),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, value: float, unit: str) -> None:
    """Sign, separators, fraction, power, magnitude and currency give one value with one unit."""
    (found,), dates = quantities_of(text)

    assert found.value == pytest.approx(value)
    assert (found.unit, len(dates)) == (unit, 0)
    assert found.raw in text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5–10 days", [5, 10]),
        ("5 - 10 days", [5, 10]),
        ("pages 5-10", [5, 10]),
        ("from -10 to -5 °C", [-10, -5]),
        ("Interleukin-2 and v.5", []),
        ("[3,5]", [3]),
        ("in 1990,2000 members", [1990]),
        ("open 24/7", [24]),
        ("x - 1", [1]),
        ("two (2) years", [2]),
        ("9" * 400, [float("inf")]),
        ("10^99", [1e99]),
    ],
)
def test_a_dash_a_comma_or_a_slash_may_be_something_else(text: str, values: list[float]) -> None:
    """Ranges have no minus, years and references no decimals, and no number is too long to be read."""
    assert [each.value for each in quantities_of(text)[0]] == values


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It was 5 °C.", "It was -5 °C."),
        ("It was −5 °C.", "It was 5 °C."),
        ("It rose by 3,5 %.", "It rose by 5 %."),
        ("It costs $5B.", "It costs $5M."),
        ("It gives 5 MW.", "It gives 5 mW."),
        ("It weighs 5 Mg.", "It weighs 5 mg."),
        ("It sends 5 Mb/s.", "It sends 5 kb/s."),
        ("It holds 5 MB.", "It holds 5 Mb."),
        ("Take 5 mg.", "Take 5 µg."),
        ("It has 10⁵ cells.", "It has 10⁶ cells."),
        ("It was so (p < 0.05).", "It was so (p > 0.05)."),
        ("Keep it ≤ 5 °C.", "Keep it ≥ 5 °C."),
        ("收入5亿元。", "收入6亿元。"),
        ("收入5亿元。", "收入5万元。"),
        ("会议于3月5日举行。", "会议于3月6日举行。"),
        ("It opens in May.", "It opens in September."),
        ("The host is 10.0.0.2.", "The host is 10.0.0.1."),
        ("It came with version 2.4.1.", "It came with version 2.4.0."),
        ("Order part AB-1235.", "Order part AB-1234."),
        ("The warranty lasts one year.", "The warranty lasts two years."),
        ("Net income was $1,234.", "Net income was $(1,234)."),
    ],
)
def test_another_number_is_a_fault(claim: str, source: str) -> None:
    """A sign, a bound, a magnitude or a letter's case may be all that differs."""
    assert quantity_faults(claim, source) != []
    assert quantity_faults(source, source) == []


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Sales changed by -5 %.", "Sales fell by 5 %."),
        ("Sales fell by 5 %.", "Sales: -5 %."),
        ("It costs €3,50.", "It costs 3.50 euros."),
        ("It costs $5M.", "It costs 5 million dollars."),
        ("It costs ₹1,00,000.", "It costs 100,000 rupees."),
        ("Half a litre, or ½ l.", "It holds half a litre."),
        ("It has 10⁵ cells.", "It has 100,000 cells."),
        ("Take 500 µg.", "Take .5 mg."),
        ("It was so (p < 0.05).", "It was so (p<0.05)."),
        ("At least 5 members came.", "Members: ≥ 5"),
        ("It has 12 KM.", "It has 12,000 m."),
        ("营业额为500000000元。", "收入5亿元。"),
        ("It lasts 12 months.", "It lasts one year."),
        ("Two (2) copies are due.", "2 copies are due."),
        ("Half of the members came.", "50 % of the members came."),
        ("50 % of the members came.", "Half of the members came."),
        ("It costs 1,200 €.", "It costs 1 200 €."),
        ("It has 40,000 people.", "It has 40 000 people."),
        ("Net loss was $(1,234) thousand.", "Net loss was $(1,234) thousand."),
    ],
)
def test_the_same_number_in_another_hand_is_none(claim: str, source: str) -> None:
    """What differs in writing alone is not told as a difference."""
    assert quantity_faults(claim, source) == []


def test_a_quoted_line_is_no_bound() -> None:
    """The sign of a quotation or an arrow says nothing of the number behind it."""
    assert [each.bound for each in quantities_of("> 5 books\n> 6 books -> 7 books")[0]] == ["", "", ""]


def test_figures_stand_apart_from_letters_without_spaces() -> None:
    """A number within Chinese or Japanese text is a word, and a name with figures stays one."""
    assert words_of("收入5亿元，增长3.5%").folded == ("收入", "5", "亿元", "增长", "3.5")
    assert words_of("OCT4 and 5km").folded == ("oct4", "and", "5km")


@pytest.mark.parametrize(
    ("claim", "source", "other"),
    [
        ("Die Frist beträgt 3 Monate.", "Die Frist beträgt drei Monate.", "Die Frist beträgt sechs Monate."),
        ("Die Miete beträgt 1.250 €.", "Die Miete beträgt 1.250,00 €.", "Die Miete beträgt 1.350,00 €."),
        ("保修期为2年。", "保修期为两年。", "保修期为三年。"),
        ("保修期为12个月。", "保修期为十二个月。", "保修期为二十个月。"),
        ("الضمان 3 سنوات.", "الضمان ثلاث سنوات.", "الضمان خمس سنوات."),
    ],
)
def test_small_numbers_of_other_languages(claim: str, source: str, other: str) -> None:
    """Numbers in words, and thousands with a point, are the same as in figures, and others are told."""
    assert quantity_faults(claim, source) == []
    assert quantity_faults(claim, other) != []
    assert quantity_faults(source, other) != []
