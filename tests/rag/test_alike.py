"""Copies with small changes count once; what differs in a fact never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.alike import merge_alike

if TYPE_CHECKING:
    from tests.rag.conftest import EvidenceMaker

PAGE = (
    "The granary of the old mill was rebuilt in 1834 by the carpenter Jonas Feld. It is open to visitors on Sundays "
    "and may be rented for weddings from May to September."
)


def test_a_copy_with_a_changed_word_is_left_out(make_evidence: EvidenceMaker) -> None:
    """The best of them stays, and the others are named with it."""
    pieces = [
        make_evidence(PAGE, "k1f"),
        make_evidence("Dogs travel free of charge.", "k2f"),
        make_evidence(PAGE.replace("visitors", "guests"), "k3f"),
        make_evidence(PAGE.replace("may be rented", "can be rented"), "k4f"),
    ]

    kept, merged = merge_alike(pieces)

    assert [piece.key for piece in kept] == ["k1f", "k2f"]
    assert merged == {"k3f": "k1f", "k4f": "k1f"}


@pytest.mark.parametrize(
    "changed",
    [
        PAGE.replace("1834", "1843"),
        PAGE.replace("Jonas", "Mira"),
        PAGE.replace("is open", "is not open"),
        "Jonas Feld was a carpenter. In 1834 he rebuilt a granary, which May weddings and September Sundays fill.",
    ],
    ids=["number", "name", "negation", "other words"],
)
def test_what_differs_in_a_fact_is_kept(make_evidence: EvidenceMaker, changed: str) -> None:
    """A contradiction must not be taken for a copy, nor a text of its own."""
    pieces = [make_evidence(PAGE, "k1f"), make_evidence(changed, "k2f")]

    assert merge_alike(pieces) == (pieces, {})


def test_a_document_may_repeat_itself(make_evidence: EvidenceMaker) -> None:
    """Pieces of one document are never merged: each has a place of its own."""
    pieces = [
        make_evidence(PAGE, "k1f", document_id="d"),
        make_evidence(PAGE, "k2f", document_id="d", at=500),
    ]

    assert merge_alike(pieces) == (pieces, {})
