"""Growing collections, and text that comes again: what is composed, edited, compared and drawn."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from benchmarks.again import PARAGRAPH, edited
from benchmarks.composed import compose
from benchmarks.encoding import Encoder
from benchmarks.growth import draw

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [("One", "The harbour office counted crates."), ("Two", "Lanterns of copper hang over the meadow.")]
POINT = {"search_p50_ms": 4.0, "search_p95_ms": 6.0, "document_ms": 50.0}


def test_composing_goes_on_where_it_ended() -> None:
    """From any document on it gives what it would have given."""
    whole = list(islice(compose(TEXTS, 1), 8))

    for start in range(8):
        assert list(islice(compose(TEXTS, 1, start), 8 - start)) == whole[start:]
    assert list(islice(compose(TEXTS, 2, 2), 6)) != whole[2:]


def test_an_edit_changes_one_paragraph() -> None:
    """Each time another one."""
    text = "\n\n".join(f"Paragraph {number}." for number in range(40))
    places = []
    for number in range(3):
        changed = edited(text, number).split("\n\n")
        (at,) = [i for i, each in enumerate(changed) if each != f"Paragraph {i}."]
        assert changed[at] == PARAGRAPH.format(number=number)
        places.append(at)

    assert len(set(places)) == 3


def test_the_encoder_of_its_own_process_encodes() -> None:
    """One question, and questions in batches."""
    with Encoder() as encoder:
        assert encoder.one("When does the library open?") > 0
        assert encoder.batched(["When does it open?", "And when does it close?"] * 4, 4, 0.1) > 0


def test_curves_are_drawn(tmp_path: Path) -> None:
    """The same figures give the same file."""
    points = [{"passages": size, **POINT} for size in (1000, 10_000)]
    for name in ("a.svg", "b.svg"):
        draw(points, tmp_path / name)

    assert "a search without its encoding" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
