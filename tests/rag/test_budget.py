"""The best of what was found within a number of characters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from rag.budget import within_characters
from rag.types import Found
from tests.rag.library import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

STARS = "It rose. It fell. It rose again."
TALL = "One sentence. Two of them."


def found(text: str, *ends: int, rank: int = 1, scores: tuple[float, ...] = ()) -> Found:
    """A found passage whose sentences end at these offsets; without scores they were not weighed."""
    best = max(scores, default=1.0)
    return Found(stored(text, *ends, number=rank), best, rank, {}, {}, scores)


def texts(kept: Sequence[Found]) -> list[str]:
    """What is shown."""
    return [each.passage.text for each in kept]


# Sentences that were weighed


def test_everything_fits() -> None:
    """Passages that fit come back whole, but for white space at their ends."""
    one = found(f"{STARS}\n\n", 9, 18, 34, scores=(0.9, 0.8, 0.7))
    two = found(TALL, 14, 26, rank=2, scores=(0.6, 0.5))

    kept = within_characters([one, two], 1_000_000)

    assert texts(kept) == [STARS, TALL]
    assert [(each.passage.start, each.passage.end) for each in kept] == [(100, 132), (100, 126)]
    assert kept[1] == two


def test_the_best_sentences_are_taken() -> None:
    """Wherever they stand; the rest of their passages stays out."""
    one = found(STARS, 9, 18, 32, scores=(0.3, 0.9, 0.2))
    two = found(TALL, 14, 26, rank=2, scores=(0.4, 0.8))

    kept = within_characters([one, two], 22)

    assert texts(kept) == ["It fell.", "Two of them."]
    assert [each.score for each in kept] == [0.9, 0.8]
    assert [each.rank for each in kept] == [1, 2]
    assert [each.sentences for each in kept] == [(0.9,), (0.8,)]
    assert [each.passage.sentences for each in kept] == [((109, 117),), ((114, 126),)]


def test_sentences_that_touch_are_joined() -> None:
    """And those that do not are parts of their own, each with the score of its best sentence."""
    passage = found("A is. B is. C is. D is.", 6, 12, 18, 23, scores=(0.5, 0.1, 0.6, 0.9))

    kept = within_characters([passage], 17)

    assert texts(kept) == ["C is. D is.", "A is."]
    assert [each.score for each in kept] == [0.9, 0.5]
    assert [each.sentences for each in kept] == [(0.6, 0.9), (0.5,)]
    assert [(each.passage.start, each.passage.end) for each in kept] == [(112, 123), (100, 105)]
    assert {each.passage.id for each in kept} == {1}


def test_nothing_worse_follows_what_did_not_fit() -> None:
    """A shorter sentence of lower score does not slip in behind one that was left out."""
    passage = found(STARS, 9, 18, 32, scores=(0.2, 0.9, 0.5))

    assert texts(within_characters([passage], 22)) == ["It fell."]
    assert within_characters([passage], 8) == []
    assert within_characters([passage], 0) == []


def test_of_sentences_alike_the_earlier_is_taken() -> None:
    """First by the rank of their passages, then by their place."""
    one = found(STARS, 9, 18, 32, scores=(0.5, 0.5, 0.5))
    two = found(TALL, 14, 26, rank=2, scores=(0.5, 0.5))

    assert texts(within_characters([one, two], 20)) == ["It rose. It fell."]
    assert texts(within_characters([one, two], 46)) == [STARS, "One sentence."]


def test_blank_sentences_leave_no_part() -> None:
    """A stretch of white space is never shown, and scores stay beside their sentences."""
    passage = found("   It rose.      It fell.", 3, 12, 17, 25, scores=(0.9, 0.8, 0.7, 0.1))

    (kept,) = within_characters([passage], 20)

    assert kept.passage.text == "It rose."
    assert kept.sentences == (0.8,)
    assert kept.passage.sentences == ((103, 111),)
    assert within_characters([passage], 3) == []


def test_what_else_was_found_out_stays_with_the_parts() -> None:
    """Views, ranks in them and copies in other documents."""
    passage = replace(
        found(STARS, 9, 18, 32, scores=(0.1, 0.9, 0.2)),
        scores={"dense": 0.4},
        ranks={"dense": 3},
        also_in=("doc_9",),
    )

    (kept,) = within_characters([passage], 10)

    assert (kept.scores, kept.ranks, kept.also_in) == ({"dense": 0.4}, {"dense": 3}, ("doc_9",))


# Passages whose sentences were not weighed


def test_whole_passages_while_they_fit() -> None:
    """Texts are taken best first until the next would pass the limit, which they may reach exactly."""
    ten = [found("0123456789", 10, rank=rank) for rank in (1, 2, 3)]

    assert within_characters(ten, 30) == ten
    assert within_characters(ten, 29) == ten[:2]
    assert within_characters(ten, 20) == ten[:2]
    assert within_characters(ten, 9) == []


def test_the_last_passage_is_cut_after_a_sentence() -> None:
    """The last passage ends with a whole sentence, its white space off, and its offsets say so."""
    whole = found(STARS, 9, 18, 32)

    for limit, text in (
        (31, "It rose. It fell."),
        (18, "It rose. It fell."),
        (17, "It rose."),
        (9, "It rose."),
    ):
        (cut,) = within_characters([whole], limit)

        assert cut.passage.text == text
        assert (cut.passage.start, cut.passage.end) == (100, 100 + len(text))
        assert cut.passage.sentences[-1][1] == cut.passage.end
        assert cut == replace(whole, passage=cut.passage)
    assert within_characters([whole], 7) == []


def test_nothing_follows_the_passage_that_was_cut() -> None:
    """A shorter passage of lower rank does not slip in behind one that was cut or left out."""
    long, short = found("It rose. It fell.", 9, 17), found("Yes.", 4, rank=2)

    assert texts(within_characters([long, short], 15)) == ["It rose."]
    assert within_characters([long, short], 5) == []


def test_unweighed_passages_follow_the_weighed() -> None:
    """Where all that was weighed fits; otherwise they would stand behind what was left out."""
    plain, weighed = found(TALL, 14, 26, rank=1), found(STARS, 9, 18, 32, rank=2, scores=(0.1, 0.2, 0.3))

    kept = within_characters([plain, weighed], 100)

    assert texts(kept) == [STARS, TALL]
    assert [each.rank for each in kept] == [1, 2]
    assert texts(within_characters([plain, weighed], 50)) == [STARS, "One sentence."]
    assert texts(within_characters([plain, weighed], 30)) == ["It fell. It rose again."]


@st.composite
def passages(draw: st.DrawFn) -> list[Found]:
    """Passages of any text, cut anywhere into sentences, all weighed or none or some."""
    kept = []
    for rank in range(1, draw(st.integers(0, 5)) + 1):
        text = draw(st.text(alphabet="ab. \n\té😀　", min_size=1, max_size=30))
        ends = sorted({*draw(st.sets(st.integers(1, len(text)), max_size=5)), len(text)})
        score = st.sampled_from((0.0, 0.25, 0.5, 1.0))
        scores = tuple(draw(score) for _ in ends) if draw(st.booleans()) else ()
        kept.append(found(text, *ends, rank=rank, scores=scores))
    return kept


@given(given_=passages(), limit=st.integers(0, 120))
def test_the_promises_hold_for_anything(given_: list[Found], limit: int) -> None:
    """Never above the limit, always the stored text, best first, nothing twice, no blank ends."""
    stored_texts = {each.passage.id: each.passage for each in given_}

    kept = within_characters(given_, limit)

    assert sum(len(each.passage.text) for each in kept) <= limit
    assert [each.rank for each in kept] == list(range(1, len(kept) + 1))
    weighed = [each.score for each in kept if each.sentences]
    assert weighed == sorted(weighed, reverse=True)
    shown: set[tuple[int, int]] = set()
    for each in kept:
        part, whole = each.passage, stored_texts[each.passage.id]
        assert part.text == whole.text[part.start - whole.start : part.end - whole.start]
        assert whole.start <= part.start < part.end <= whole.end
        places = {(part.id, at) for at in range(part.start, part.end)}
        assert not places & shown
        shown |= places
        if part != whole:
            assert part.text == part.text.strip()
        assert part.sentences[0][0] == part.start
        assert part.sentences[-1][1] == part.end
        assert all(a[1] == b[0] for a, b in zip(part.sentences, part.sentences[1:], strict=False))
        assert len(each.sentences) in (0, len(part.sentences))


@given(given_=passages())
def test_a_higher_limit_never_shows_less(given_: list[Found]) -> None:
    """Of what was weighed: every character that a limit shows is shown under a higher one too."""
    only = [each for each in given_ if each.sentences]
    before: set[tuple[int, int]] = set()
    for limit in range(0, 160, 5):
        kept = within_characters(only, limit)
        now = {(p.id, at) for p in (each.passage for each in kept) for at in range(p.start, p.end)}
        assert before <= now
        before = now
