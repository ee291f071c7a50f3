"""Items of a list under words that deny them: no quotation of such an item is support."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.types import Verdict
from rag.verification.lead_in import lead_ins

if TYPE_CHECKING:
    from tests.rag.conftest import VerifierMaker

HOUSE = (
    "# House rules\n\nNever do this:\n\n- Smoke in the yard.\n- Feed the dogs.\n\nGuests may park here.\n\n"
    "Always do this:\n\n- Lock the gate.\n"
)
POLICY = "## Not covered\n\n- Water damage in the cellar\n\n## Covered\n\n- Fire in the kitchen\n"


@pytest.mark.parametrize(
    ("source", "claim", "verdict"),
    [
        (HOUSE, "Smoke in the yard.", Verdict.CONTRADICTED),
        (HOUSE, "You may feed the dogs.", Verdict.CONTRADICTED),
        (HOUSE, "Never smoke in the yard.", Verdict.SUPPORTED),
        (HOUSE, "Do not feed the dogs.", Verdict.SUPPORTED),
        (HOUSE, "Guests may park here.", Verdict.SUPPORTED),
        (HOUSE, "Lock the gate.", Verdict.SUPPORTED),
        (POLICY, "Water damage in the cellar is covered.", Verdict.CONTRADICTED),
        (POLICY, "Water damage in the cellar", Verdict.CONTRADICTED),
        (POLICY, "Water damage in the cellar is not covered.", Verdict.SUPPORTED),
        (POLICY, "Fire in the kitchen", Verdict.SUPPORTED),
    ],
)
def test_an_item_says_what_its_lead_in_makes_of_it(
    make_verifier: VerifierMaker, source: str, claim: str, verdict: Verdict
) -> None:
    """The item alone is contradicted, with the lead-in among the faults; said with its "not" it is carried."""
    support = make_verifier(source).check(claim)

    assert support.verdict is verdict
    if verdict is Verdict.CONTRADICTED:
        assert not support.quoted
        assert any(fault.startswith("the source says this under") for fault in support.faults)


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        (
            "The contractor shall not (a) assign this contract, (b) hire staff, or (c) disclose data.",
            "disclose data",
        ),
        ("Not included: batteries, cables.", "The price includes batteries and cables."),
        ("Do not use the following cleaners: bleach, acid.", "Bleach can be used."),
    ],
)
def test_a_list_inside_a_sentence_is_denied_too(
    make_verifier: VerifierMaker, source: str, claim: str
) -> None:
    """What stands before the colon or the first letter governs all items."""
    assert make_verifier(source).check(claim).verdict not in (Verdict.SUPPORTED, Verdict.PARTIAL)


def test_a_heading_kept_apart_from_its_text_counts_too(make_verifier: VerifierMaker) -> None:
    """A passage whose heading denies its items denies them also where the heading is not in its text."""
    verifier = make_verifier("- Theft of bicycles\n- Loss of keys", headings=("Insurance", "Exclusions"))

    assert verifier.check("Theft of bicycles").verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("lead_in", "denies"),
    [
        ("Never do this:", True),
        ("The following is not covered:", True),
        ("You must never do the following.", True),
        ("Under no circumstances:", True),
        ("Everyone may enter except:", True),
        ("### Exclusions", True),
        ("**Don’ts**", True),
        ("When it rains, never:", True),
        ("Common myths:", True),
        ("Do not forget to bring:", False),
        ("including but not limited to:", False),
        ("If you do not pay, we may:", False),
        ("These are sold without a prescription:", False),
        ("We pay for all of these without exception:", False),
        ("Employees who do not work full time get:", False),
        ("Covered:", False),
        ("You cannot:", True),
        ("We do not insure:", True),
        ("What we don’t accept", True),
        ("Guests may not bring:", True),
        ("You should avoid:", True),
        ("False statements:", True),
        ("The machine does not start:", False),
        ("### Device not found", False),
        ("To avoid accidents:", False),
        ("What went wrong:", False),
        ("Don’t panic:", False),
        ("Not sure? Try:", False),
        ("Prices (VAT not included):", False),
        ("Key figures (excluding VAT):", False),
        ("Results excluding acquisitions:", False),
        ("If the account is not paid on time:", False),
        ("You may not leave early unless:", False),
        ("We do not share data, except:", False),
        ("To prevent damage and avoid overheating, observe these rules:", False),
    ],
)
def test_what_a_lead_in_denies(lead_in: str, *, denies: bool) -> None:
    """Conditions, reminders and "not limited to" deny nothing."""
    _, under = lead_ins([(lead_in, 0), ("- Smoke in the yard.", 0)], "")

    assert bool(under) is denies


def test_a_lead_in_ends_with_its_list() -> None:
    """Items of an inner list are denied with the outer one; a sentence after the list, and a new list, are not."""
    lines = [
        ("Never:", 0), ("- Do these:", 0), ("- Smoke", 2), ("- Feed dogs", 0), ("Guests may park.", 0), ("- Park", 0),
    ]  # fmt: skip

    assert [bool(found) for found in lead_ins(lines, "")] == [False, True, True, True, False, False]
