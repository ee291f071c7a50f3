"""A word is its opposite with the sign turned: what is compared is the sign of what both sides speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.types import Verdict
from rag.verification.opposites import opposite, opposites_there

if TYPE_CHECKING:
    from tests.rag.conftest import VerifierMaker


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The museum is closed on Mondays.", "The museum is open on Mondays."),
        ("Smoking is forbidden in all rooms.", "Smoking is allowed in all rooms."),
        ("Smoking is forbidden in all rooms.", "You may smoke in the rooms."),
        ("You may smoke in the rooms.", "Smoking is forbidden in the rooms."),
        ("The drug reduces mortality.", "The drug increases mortality."),
        ("Sales rose in 2023.", "Sales fell in 2023."),
        ("Mortality fell from 12% to 8%.", "Mortality rose from 12% to 8%."),
        ("The mission was a success.", "The mission was a failure."),
        ("Hunting is legal in this region.", "Hunting is illegal in this region."),
        ("The deposit is non-refundable.", "The deposit is refundable."),
        ("The water is hot in the morning.", "The water is cold in the morning."),
        ("The plant is safe for cats.", "The plant is unsafe for cats."),
        ("The museum is not closed on Mondays.", "The museum is closed on Mondays."),
        ("Pets are not allowed, except guide dogs.", "Guide dogs are not allowed."),
        ("All staff are paid, except interns.", "Interns are paid."),
    ],
)
def test_a_turned_sign_in_a_repeated_sentence_is_contradicted(
    make_verifier: VerifierMaker, source: str, claim: str
) -> None:
    """However near the words are, a sentence that is repeated with one sign turned is not supported."""
    support = make_verifier(source).check(claim)

    assert support.verdict is Verdict.CONTRADICTED
    assert support.faults


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("Smoking is forbidden in all rooms.", "Smoking is not allowed in any room."),
        ("Smoking is forbidden in all rooms.", "You may not smoke in the rooms."),
        ("You may not smoke in the rooms.", "Smoking in the rooms is prohibited."),
        ("The museum is closed on Mondays.", "The museum is not open on Mondays."),
        ("The museum is not open on Mondays.", "The museum is closed on Mondays."),
        ("Do not run the pump dry.", "The pump must not be run dry."),
        ("Curie never patented the radium process.", "The radium process was not patented by Curie."),
        ("Pets are not allowed, except guide dogs.", "Guide dogs are allowed."),
        ("The device lacks a camera.", "The device has no camera."),
        ("The answer was incorrect.", "The answer was not correct."),
        ("Water damage is excluded.", "Water damage is not covered."),
        (
            "Nobody may enter the laboratory without a badge.",
            "Entering the laboratory without a badge is not allowed.",
        ),
        ("The library is north of the park.", "The park is south of the library."),
    ],
)
def test_two_turned_signs_cancel(make_verifier: VerifierMaker, source: str, claim: str) -> None:
    """A negation and an opposite, or one negation in two places of a sentence, say the same."""
    support = make_verifier(source).check(claim)

    assert (support.verdict, support.faults) == (Verdict.SUPPORTED, ())


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("Neither party may assign its rights.", "Neither party may not assign its rights."),
        (
            "Either party may assign this contract; no such assignment relieves it of its duties.",
            "Either party may not assign this contract; no such assignment relieves it of its duties.",
        ),
    ],
)
def test_a_negation_elsewhere_answers_none(make_verifier: VerifierMaker, source: str, claim: str) -> None:
    """A negation that was put in is not taken for another one of the source."""
    assert make_verifier(source).check(claim).verdict is not Verdict.SUPPORTED


def test_opposites_in_any_form() -> None:
    """Irregular forms and prefixes that deny are opposites, and what only begins with the same letters is none."""
    assert opposites_there(["fell"], ["rose", "sale"]) == {"fell": frozenset({"rose"})}
    assert opposites_there(["fell"], ["rose", "fall"]) == {}
    assert opposite("safe", "unsaf") is opposite("safe", "unsafe")
    assert opposite("correct", "incorrect")
    assert not opposite("form", "inform")
