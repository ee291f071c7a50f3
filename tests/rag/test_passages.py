"""Evidence: passages joined with what stands around them, inside a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rag.markers import new_keys
from rag.passages import evidence_of, fair_share, gather
from rag.types import Found
from tests.rag.library import Library
from tests.rag.library import stored as stored_passage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from index.types import StoredPassage
    from ingest.embed import SentenceTransformerEmbedder
    from rag.types import Evidence

# Three sections; each paragraph becomes about one passage of 16 word pieces.
SECTIONS = ("Tower", "Harbour", "Market")
TEXT = "\n\n".join(
    f"# {name}\n\n"
    + "\n\n".join(
        f"The {name.lower()} has rule {rule} which says that gate {rule} opens at {rule} sharp."
        for rule in range(1, 7)
    )
    for name in SECTIONS
)


@pytest.fixture(scope="module")
def fine(bundled: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library with passages of one sentence."""
    opened = Library.open(tmp_path_factory.mktemp("fine"), bundled, passage_tokens=24)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def stored(fine: Library) -> list[StoredPassage]:
    """The passages of the text, in order: six in each of three sections."""
    passages = fine.passages(fine.add(TEXT, "rules.md"))

    assert [passage.section for passage in passages] == [0] * 6 + [1] * 6 + [2] * 6
    return passages


def found(passages: Sequence[StoredPassage], *ordinals: int) -> list[Found]:
    """These passages as a search would give them, best first."""
    return [Found(passages[ordinal], 1.0 / rank, rank, {}, {}) for rank, ordinal in enumerate(ordinals, 1)]


def words(text: str) -> int:
    """A token count that a test can predict."""
    return len(text.split())


def collect(library: Library, hits: Sequence[Found], budget: int) -> list[Evidence]:
    """Evidence for some hits within so many words."""
    return gather(hits, library.store.catalog, count_tokens=words, budget=budget, new_keys=new_keys)


def rules(evidence: Sequence[Evidence], passages: Sequence[StoredPassage]) -> list[list[int]]:
    """The ordinals of the passages that each piece is made of."""
    return [
        [p.ordinal for p in passages if p.start >= piece.start and p.end <= piece.end] for piece in evidence
    ]


def test_what_was_found_comes_before_its_neighbours(fine: Library, stored: list[StoredPassage]) -> None:
    """While the budget only suffices for the hits, nothing else is taken, and the worst hits are left out."""
    hits = found(stored, 14, 2, 8)
    cost = [words(hit.passage.text) for hit in hits]

    assert rules(collect(fine, hits, sum(cost)), stored) == [[14], [2], [8]]
    assert rules(collect(fine, hits, cost[0] + cost[1]), stored) == [[14], [2]]
    assert collect(fine, hits, 3) == []
    assert collect(fine, [], 1000) == []


@pytest.mark.parametrize("budget", [0, 15, 20, 40, 64, 100, 200, 400, 10_000])
def test_the_budget_is_kept(fine: Library, stored: list[StoredPassage], budget: int) -> None:
    """Whatever it is, all evidence together has no more tokens."""
    pieces = collect(fine, found(stored, 3, 9, 15, 4), budget)

    assert sum(words(piece.text) for piece in pieces) <= budget


def test_a_hit_too_large_for_the_rest_of_the_budget_leaves_room_for_a_smaller_one(fine: Library) -> None:
    """A passage that does not fit is skipped; what fits after it is still taken."""
    large = fine.passages(fine.add("Alpha " + "beta " * 20 + "gamma.", "large.md"))
    small = fine.passages(fine.add("Delta is short.", "small.md"))
    hits = [Found(large[0], 1.0, 1, {}, {}), Found(small[0], 0.5, 2, {}, {})]

    assert [piece.filename for piece in collect(fine, hits, 5)] == ["small.md"]


def test_the_gap_between_two_hits_is_filled(fine: Library, stored: list[StoredPassage]) -> None:
    """One passage between two hits is taken before other neighbours, and all three become one piece."""
    hits = found(stored, 9, 7)
    budget = sum(words(stored[ordinal].text) for ordinal in (7, 8, 9))

    assert rules(collect(fine, hits, budget), stored) == [[7, 8, 9]]


def test_neighbours_are_read_when_there_is_room(fine: Library, stored: list[StoredPassage]) -> None:
    """The passage after a hit comes first, then the one before, and none of another section."""
    one = words(stored[8].text)

    assert rules(collect(fine, found(stored, 8), 2 * one), stored) == [[8, 9]]
    assert rules(collect(fine, found(stored, 8), 10_000), stored) == [[7, 8, 9]]
    assert rules(collect(fine, found(stored, 6), 10_000), stored) == [[6, 7]]
    assert rules(collect(fine, found(stored, 11), 10_000), stored) == [[10, 11]]


def test_a_section_of_which_most_was_found_is_taken_whole(fine: Library, stored: list[StoredPassage]) -> None:
    """Four of six passages bring the other two."""
    assert rules(collect(fine, found(stored, 6, 7, 10, 11), 10_000), stored) == [[6, 7, 8, 9, 10, 11]]


def test_pieces_end_at_another_heading(fine: Library, stored: list[StoredPassage]) -> None:
    """Passages that follow one another under other headings are two pieces, each with its own headings."""
    pieces = collect(fine, found(stored, 6, 5), 32)

    assert rules(pieces, stored) == [[6], [5]]
    assert [piece.headings for piece in pieces] == [("Harbour",), ("Tower",)]


@pytest.mark.parametrize("ordinals", [(3,), (0, 17), (5, 6), (8, 9, 10), (16, 2, 3, 11, 4), tuple(range(18))])
def test_nothing_stands_there_twice_and_every_piece_is_the_text(
    fine: Library, stored: list[StoredPassage], ordinals: tuple[int, ...]
) -> None:
    """Pieces do not overlap, hold every hit, and their text and sentences are those of the document."""
    pieces = collect(fine, found(stored, *ordinals), 10_000)
    taken = [ordinal for piece in rules(pieces, stored) for ordinal in piece]

    assert len(taken) == len(set(taken))
    assert set(ordinals) <= set(taken)
    assert len({piece.key for piece in pieces}) == len(pieces)
    for piece in pieces:
        assert piece.text == TEXT[piece.start : piece.end]
        assert (piece.sentences[0][0], piece.sentences[-1][1]) == (piece.start, piece.end)
        assert all(a[1] == b[0] for a, b in zip(piece.sentences, piece.sentences[1:], strict=False))


def test_pieces_are_ordered_by_their_best_hit(fine: Library, stored: list[StoredPassage]) -> None:
    """The piece with the best passage comes first and has its score."""
    pieces = collect(fine, found(stored, 15, 1, 14, 8), 64)

    assert rules(pieces, stored) == [[14, 15], [1], [8]]
    assert [piece.score for piece in pieces] == [1.0, 1 / 2, 1 / 4]


def test_a_document_deleted_meanwhile_brings_no_neighbours(fine: Library) -> None:
    """Passages found just before a deletion are still pieces; whether they can be cited is decided later."""
    document_id = fine.add(TEXT.replace("gate", "door"), "doomed.md")
    passages = fine.passages(document_id)
    fine.store.delete_document(document_id)

    assert rules(collect(fine, found(passages, 8), 10_000), passages) == [[8]]


def test_one_passage_alone(stored: list[StoredPassage]) -> None:
    """A found passage is evidence of itself, under the key given."""
    piece = evidence_of(found(stored, 4)[0], "k7f")

    assert (piece.key, piece.start, piece.end, piece.text) == (
        "k7f",
        stored[4].start,
        stored[4].end,
        stored[4].text,
    )


def shares(*documents: str) -> list[Found]:
    """Passages of these documents, best first."""
    return [
        Found(replace(stored_passage("x", number=number), document_id=name), 1.0 / number, number, {}, {})
        for number, name in enumerate(documents, 1)
    ]


@pytest.mark.parametrize(
    ("documents", "limit", "share", "kept"),
    [
        ("aaaab", 3, 2, "aab"),
        ("aaaaa", 3, 2, "aaa"),
        ("aabab", 4, 1, "aaba"),
        ("abcde", 3, 2, "abc"),
        ("aaaab", 3, None, "aaa"),
        ("", 3, 2, ""),
    ],
)
def test_one_document_has_only_its_share(documents: str, limit: int, share: int | None, kept: str) -> None:
    """Others come in for what is over the share; where there are none, the document keeps its places."""
    found = fair_share(shares(*documents), limit, share)

    assert "".join(each.passage.document_id for each in found) == kept
    assert [each.rank for each in found] == list(range(1, len(kept) + 1))
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
