"""Facts of a claim are compared as such: numbers, units, dates, names, negation, quantifiers, opposites."""

from __future__ import annotations

import numpy as np
import pytest

from rag.verification.amounts import quantity_faults
from rag.verification.named import name_faults, names_of
from rag.verification.opposites import opposite
from rag.verification.polarity import negation_faults, opposite_faults
from rag.verification.quantifiers import quantifier_faults
from rag.verification.quantities import quantities_of
from rag.verification.substitution import substitution_faults
from rag.verification.text import Words, words_of

NOTHING = words_of("")


def alike(claim: Words, source: Words) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Words with the same stem mean the same."""
    same = [
        [a == b and content for b in source.stems]
        for a, content in zip(claim.stems, claim.content, strict=True)
    ]
    return np.array(same, dtype=bool).reshape(len(claim), len(source))


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It is 5 km long.", "It is 5,000 m long."),
        ("It rose by 12 percent.", "It rose by twelve per cent."),
        ("The fee is $5 million.", "A fee of 5 million dollars is due."),
        ("A dozen members voted.", "12 members voted."),
        ("It opened on March 3, 2020.", "It opened on the 3rd of March 2020."),
        ("It opened on 3 March 2020.", "Opened: 2020-03-03."),
        ("It was sold in the 1990s.", "It was sold in 1994."),
        ("Over 5 million people live there.", "5.2 million people live there."),
        ("About 100 members came.", "97 members came."),
        ("It is 15 miles away.", "It is 24.1 km away."),
        ("It rose by 3.5%.", "It rose by 3.47 %."),
        ("She came third.", "She came 3rd."),
        ("It lasts two years.", "It lasts two (2) years."),
        ("It weighs 5 pounds.", "It weighs 5 lb."),
        ("It lasts 12 months.", "It lasts one year, that is 1 year."),
    ],
)
def test_the_same_amount_in_another_spelling_is_the_same(claim: str, source: str) -> None:
    """Units, words, dates, separators and rounding are brought together."""
    assert quantity_faults(claim, source) == []


@pytest.mark.parametrize(
    ("claim", "source", "kind", "told"),
    [
        ("Refunds take 30 days.", "Refunds take 14 days.", "number", "the source says 14 days, not 30 days"),
        ("Refunds take 14 weeks.", "Refunds take 14 days.", "unit", "the source says 14 days, not 14 weeks"),
        ("It costs $3.", "It costs 3 euros.", "unit", "the source says 3 euros, not $3"),
        (
            "It rose by 5 percent.",
            "It rose by 5 per mille.",
            "unit",
            "the source says 5 per mille, not 5 percent",
        ),
        (
            "5 books are lent.",
            "Seven books are lent for five days.",
            "number",
            "the source says Seven book, not 5",
        ),
        ("It opened in 1990.", "It opened in 1991.", "date", "the source says 1991, not 1990"),
        (
            "It opened on 4 March 2020.",
            "It opened on 3 March 2020.",
            "date",
            "the source says 3 March 2020, not 4 March 2020",
        ),
        ("It opened in 1990.", "It opened.", "date", "the source does not give the year 1990"),
        (
            "At least 5 members came.",
            "At most 5 members came.",
            "quantifier",
            "the source says at most 5, not at least",
        ),
        (
            "It costs $1 billion.",
            "It costs $1 million.",
            "number",
            "the source says $1 million, not $1 billion",
        ),
    ],
)
def test_another_amount_is_told(claim: str, source: str, kind: str, told: str) -> None:
    """What the source says instead is named, with the kind of the difference."""
    (fault,) = quantity_faults(claim, source)

    assert (fault.kind, fault.told) == (kind, told)


def test_a_number_further_away_counts_unless_contradicted() -> None:
    """A heading's number supports a claim, but not against the sentence's own."""
    assert quantity_faults("The fee was 5 euros in 2020.", "The fee is 5 euros.", "Fees of 2020") == []
    assert quantity_faults("The fee is 7 euros.", "The fee is 5 euros.", "It was 7 euros.") != []


def test_line_numbers_and_names_with_digits_are_no_amounts() -> None:
    """What counts nothing is not compared as a number."""
    assert quantities_of("1. Choose a place.") == ((), ())
    assert quantities_of("Interleukin-2 and OCT3/4 matter.")[0] == ()


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Then Barack Obama spoke.", "Obama spoke."),
        ("Then the WHO met.", "The World Health Organization met."),
        ("Then the World Health Organization met.", "The WHO met."),
        ("It is in Italy.", "It is an Italian town."),
        ("It was led by Céloron.", "Celeron led it."),
        ("Diastolic blood pressure (DBP) rose.", "Diastolic blood pressure rose."),
        ("It met on Monday in March.", "It met."),
    ],
)
def test_the_same_name_in_another_form(claim: str, source: str) -> None:
    """Surnames, acronyms, adjectives and slips of the pen name the same."""
    assert name_faults(words_of(claim), words_of(source), NOTHING, NOTHING) == []


def test_a_missing_name_is_told() -> None:
    """A name that stands nowhere is missing; one that stands elsewhere in the piece is a lesser fault."""
    claim, near = words_of("It was founded by Robert Hale."), words_of("It was founded by Alice Moor.")

    (fault,) = name_faults(claim, near, NOTHING, NOTHING)
    (lesser,) = name_faults(claim, near, NOTHING, words_of("Robert Hale left."))

    assert (fault.told, fault.missing, fault.elsewhere) == (
        "the source does not name Robert Hale",
        True,
        False,
    )
    assert lesser.elsewhere
    assert name_faults(words_of("Alice Moor founded it."), near, NOTHING, NOTHING) == []
    assert name_faults(words_of("Carl Moor founded it."), near, NOTHING, NOTHING) != []


def test_the_first_word_of_a_sentence_is_no_name_by_its_capital() -> None:
    """A common noun that opens a claim is not looked for as a name."""
    assert names_of(words_of("Members may vote.")) == []
    assert [words_of("Alice Moor may vote.").raw(i) for i in names_of(words_of("Alice Moor may vote."))] == [
        "Alice",
        "Moor",
    ]


@pytest.mark.parametrize(
    ("claim", "source", "opposed"),
    [
        ("Dogs are allowed inside.", "Dogs are not allowed inside.", True),
        ("Dogs are not allowed inside.", "Dogs are allowed inside.", True),
        ("Dogs aren't allowed inside.", "No dogs are allowed inside.", False),
        ("The shop is not open.", "The shop is closed.", False),
        ("Not only dogs are allowed.", "Dogs are allowed.", False),
        ("No more than 5 dogs are allowed.", "At most 5 dogs are allowed.", False),
        ("Never open the valve under pressure.", "The valve may not be opened under pressure.", False),
    ],
)
def test_a_negation_on_one_side_only_is_told(claim: str, source: str, *, opposed: bool) -> None:
    """The word that both sides have must be denied by both or by neither."""
    one, other = words_of(claim), words_of(source)

    assert bool(negation_faults(one, other, alike(one, other))) is opposed


def test_opposites_are_told_and_two_of_them_cancel() -> None:
    """A word whose opposite the source has is a fault, unless one side denies it."""
    claim, source = (
        words_of("Sleep decreases the risk of stroke."),
        words_of("Sleep increases the risk of stroke."),
    )
    denied = words_of("Sleep does not decrease the risk of stroke.")

    (fault,) = opposite_faults(claim, source, alike(claim, source))

    assert fault.told == "the source says “increases”, not “decreases”"
    assert opposite_faults(denied, source, alike(denied, source)) == []
    assert opposite("known", "unknown")
    assert not opposite("port", "import")


@pytest.mark.parametrize(
    ("claim", "source", "told"),
    [
        ("All members may vote.", "Some members may vote.", "the source says “Some”, not “All”"),
        ("Members always vote.", "Members rarely vote.", "the source says “rarely”, not “always”"),
        ("Only members may vote.", "Members may vote.", "the source does not say “Only”"),
        (
            "Only the landlord may end the lease.",
            "Either party may end the lease.",
            "the source says “Either”, not “Only”",
        ),
        ("Most members may vote.", "The majority of members may vote.", None),
        ("Every member may vote.", "All members may vote.", None),
    ],
)
def test_another_quantifier_is_told(claim: str, source: str, told: str | None) -> None:
    """Quantifiers are compared by their meaning, for the words that they govern."""
    one, other = words_of(claim), words_of(source)

    assert [each.told for each in quantifier_faults(one, other, alike(one, other))] == (
        [told] if told else []
    )


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ("The garden is one of the largest in Poland with many plants.", "name"),
        ("The garden is not one of the largest in Europe with many plants.", "negation"),
        ("The garden is one of the largest in Europe with few plants.", "quantifier"),
        ("The garden is one of the largest in Europe with many plants.", None),
        ("With many plants, the European garden is among the largest.", None),
    ],
)
def test_what_replaces_a_word_of_a_repeated_sentence_is_found(claim: str, kind: str | None) -> None:
    """A sentence that is repeated but for one word is laid beside its source; a free paraphrase is left alone."""
    source = words_of("The garden is one of the largest in Europe with many plants.")

    assert [each.kind for each in substitution_faults(words_of(claim), source)] == ([kind] if kind else [])
