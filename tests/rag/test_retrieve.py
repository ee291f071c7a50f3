"""Passages for a question: fusion, filters, what is dead, and what is shown once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from index.catalog import Catalog
from index.collection import Collection
from index.errors import InvalidFilter, NotFound
from index.sight import EVERYTHING
from index.types import Hit
from rag.budget import within_characters
from rag.config import RetrieveConfig
from rag.retrieve import Fused, fuse, retrieve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from index.sentence_terms import SentenceTerms
    from index.sight import Sight
    from index.types import IdRange, StoredPassage
    from index.view import View
    from ingest.types import FloatMatrix
    from rag.types import Found
    from tests.rag.library import Library

WAIT_S = 10
TEXTS = {
    "cats.md": "Cats sleep for sixteen hours a day. They hunt at dusk.",
    "stars.md": "The star Sirius is the brightest in the night sky. It is 8.6 light years away.",
    "bread.md": "Sourdough bread rises overnight. Bake it at 230 degrees for forty minutes.",
}


@pytest.fixture(scope="module")
def topics(library: Library) -> dict[str, str]:
    """Three documents of one passage each, by file name."""
    years = {"cats.md": 2019, "stars.md": 2020, "bread.md": 2021}
    return {name: library.add(text, name, "topics", year=years[name]) for name, text in TEXTS.items()}


def scored(view: str, *pairs: tuple[int, float]) -> list[Hit]:
    """Hits of a view with these ids and scores, best first."""
    return [Hit(number, view, rank, score) for rank, (number, score) in enumerate(pairs, start=1)]


EVEN = {"dense": 0.5, "lexical": 0.5}


def test_fusion_against_values_computed_by_hand() -> None:
    """Each view's scores are divided by its best and weighted; a view that is not full gives 0 to the rest."""
    dense = scored("dense", (7, 0.8), (8, 0.4))
    lexical = scored("lexical", (9, 12.0), (7, 3.0))

    fused = fuse({"dense": dense, "lexical": lexical}, EVEN, candidates=10)

    assert fused.scores == pytest.approx({7: 0.5 * 1.0 + 0.5 * 0.25, 8: 0.5 * 0.5, 9: 0.5 * 1.0})
    assert fused.floor == 0.0
    assert fused.best(2) == [7, 9]


def test_fusion_gives_a_full_views_last_score_to_what_it_did_not_return() -> None:
    """What a full list left out scores there at most what its last hit scores."""
    fused = fuse(
        {"dense": scored("dense", (7, 0.8), (8, 0.4)), "lexical": scored("lexical", (9, 12.0))},
        {"dense": 0.6, "lexical": 0.4},
        candidates=2,
    )

    assert fused.scores == pytest.approx({7: 0.6, 8: 0.3, 9: 0.6 * 0.5 + 0.4})
    assert fused.floor == pytest.approx(0.6 * 0.5)


def test_fusion_of_one_view_or_none() -> None:
    """A view alone counts whole, whatever its weight; views that found nothing take no share."""
    assert fuse({"dense": scored("dense", (1, 0.5), (2, -0.1))}, EVEN, candidates=10).scores == {
        1: 1.0,
        2: 0.0,
    }
    assert fuse({"dense": [], "lexical": scored("lexical", (3, 2.0))}, EVEN, candidates=10).scores == {3: 1.0}
    assert fuse({"dense": [], "lexical": []}, EVEN, candidates=10) == Fused({}, 0.0)


def test_the_best_passage_comes_first_with_rank_one(library: Library, topics: dict[str, str]) -> None:
    """Ranks count from 1 without a gap, scores fall, and each view's own rank and score is kept."""
    found = library.find("Which star is the brightest in the sky?", "topics")

    assert found[0].passage.document_id == topics["stars.md"]
    assert [each.rank for each in found] == [1, 2, 3]
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].ranks == {"dense": 1, "lexical": 1}
    assert all(0 <= each.score <= 1 for each in found)
    assert set(found[0].scores) == {"dense", "lexical"}


def test_modes_ask_one_view_or_both(library: Library, topics: dict[str, str]) -> None:
    """Lexical search finds words only; dense search ranks everything by meaning."""
    lexical = library.find("sourdough", "topics", mode="lexical")
    dense = library.find("A pet that dozes all day long", "topics", mode="dense")

    assert [each.passage.document_id for each in lexical] == [topics["bread.md"]]
    assert [set(each.ranks) for each in lexical] == [{"lexical"}]
    assert dense[0].passage.document_id == topics["cats.md"]
    assert {frozenset(each.ranks) for each in dense} == {frozenset({"dense"})}


def test_limit(library: Library, topics: dict[str, str]) -> None:
    """At most so many passages come back."""
    assert len(library.find("night sky", "topics", limit=1)) == 1


def test_a_filter_admits_documents(library: Library, topics: dict[str, str]) -> None:
    """Only documents that the filter admits are found, by either view."""
    found = library.find("Which star is brightest at night?", "topics", wanted={"year": {"$gte": 2021}})

    assert {each.passage.document_id for each in found} == {topics["bread.md"]}
    assert library.find("star", "topics", wanted={"year": 1999}) == []


def test_a_wrong_filter_and_an_unknown_collection_are_errors(
    library: Library, topics: dict[str, str]
) -> None:
    """Neither becomes an empty result."""
    with pytest.raises(InvalidFilter):
        library.find("star", "topics", wanted={"year": {"$near": 1}})
    with pytest.raises(NotFound):
        library.find("star", "no-such-collection")


def test_an_empty_collection_finds_nothing(library: Library) -> None:
    """A collection without passages is no error."""
    library.store.catalog.create_collection("bare")

    assert library.find("star", "bare") == []


class DeletedJustNow(Catalog):
    """A catalog from which a document is deleted after the views were asked, before its passages are read."""

    def __init__(self, library: Library, gone: str) -> None:
        super().__init__(library.store.database)
        self._gone: str | None = gone
        self.asked = 0

    def passages_to_weigh(
        self, ids: Sequence[int], sight: Sight = EVERYTHING
    ) -> tuple[dict[int, StoredPassage], dict[int, FloatMatrix], dict[int, SentenceTerms]]:
        """Passages that are left."""
        self.asked += 1
        if self._gone is not None:
            self.delete_document(self._gone)
            self._gone = None
        return super().passages_to_weigh(ids, sight)


def test_hits_of_deleted_passages_are_dropped(library: Library) -> None:
    """What the views found and the catalog no longer has is not returned, and others move up."""
    gone = library.add("The comet Zorblax passes every 76 years.", "gone.md", "dying")
    kept = library.add("The comet Halley passes every 75 years.", "kept.md", "dying")
    question = "How often does the comet Zorblax pass?"
    assert library.find(question, "dying")[0].passage.document_id == gone

    catalog = DeletedJustNow(library, gone)

    found = retrieve(
        question,
        collection=library.store.collection("dying"),
        catalog=catalog,
        embedder=library.embedder,
        config=RetrieveConfig(),
        limit=10,
    )

    assert [(each.passage.document_id, each.rank) for each in found] == [(kept, 1)]
    # It is searched anew when documents change meanwhile, so that a replaced one is not missing in both versions.
    assert catalog.asked == 2


class Waiting(Collection):
    """A collection whose views have not come to a change yet."""

    def __init__(self, library: Library, name: str, folder: Path) -> None:
        catalog = library.store.catalog
        super().__init__(catalog, catalog.collection_id(name), name, folder)
        self.begun = threading.Semaphore(0)
        self.there = threading.Event()

    def views(self) -> dict[str, View]:
        """Views, once the change has come."""
        self.begun.release()
        assert self.there.wait(WAIT_S)
        return super().views()


def test_a_search_that_waits_for_a_change_holds_up_no_other_collection(
    library: Library, tmp_path: Path
) -> None:
    """However many wait."""
    library.add("The comet Zorblax passes every 76 years.", "zorblax.md", "late")
    library.add("The comet Halley passes every 75 years.", "halley.md", "early")
    late = Waiting(library, "late", tmp_path)
    waiting = 2 * (os.cpu_count() or 1)

    def find(collection: Collection) -> list[Found]:
        return retrieve(
            "How often does the comet pass?",
            collection=collection,
            catalog=library.store.catalog,
            embedder=library.embedder,
            config=RetrieveConfig(),
            limit=10,
        )

    with ThreadPoolExecutor(waiting + 1) as pool:
        held = [pool.submit(find, late) for _ in range(waiting)]
        try:
            for _ in held:
                assert late.begun.acquire(timeout=WAIT_S)
            other = pool.submit(find, library.store.collection("early")).result(WAIT_S)
        finally:
            late.there.set()

    assert len(other) == 1
    assert all(len(each.result(WAIT_S)) == 1 for each in held)


class ReplacedJustNow(Collection):
    """A collection in which a document is replaced after the views were asked, before the places are read."""

    def __init__(self, library: Library, name: str, folder: Path, replace: Callable[[], None]) -> None:
        catalog = library.store.catalog
        super().__init__(catalog, catalog.collection_id(name), name, folder)
        self._replace: Callable[[], None] | None = replace

    def places(self, ids: Sequence[int]) -> dict[int, IdRange]:
        """Places of those that are left."""
        if self._replace is not None:
            self._replace()
            self._replace = None
        return super().places(ids)


@pytest.mark.parametrize("noticed", [True, False])
def test_a_document_that_is_replaced_meanwhile_is_found_in_its_new_version(
    library: Library, tmp_path: Path, *, noticed: bool
) -> None:
    """It is not missing in both, however early the change comes, and whether or not others have noticed it before."""
    name = f"moving-{noticed}"
    replaced = library.add("The comet Zorblax passes every 76 years.", "zorblax.md", name)
    library.add("The comet Halley passes every 75 years.", "halley.md", name)

    def replace() -> None:
        library.add("The comet Zorblax passes every 80 years.", "zorblax.md", name)
        if noticed:
            collection.views()

    collection = ReplacedJustNow(library, name, tmp_path, replace)
    found = retrieve(
        "How often does the comet Zorblax pass?",
        collection=collection,
        catalog=library.store.catalog,
        embedder=library.embedder,
        config=RetrieveConfig(),
        limit=10,
    )

    assert (found[0].passage.document_id, found[0].passage.version) == (replaced, 2)
    assert "80 years" in found[0].passage.text


# Sentences and neighbours


def test_every_sentence_has_a_score_and_the_best_is_the_passages(
    library: Library, topics: dict[str, str]
) -> None:
    """In both views together; one view alone answers as it is."""
    question = "How many light years away is it?"

    for each in library.find(question, "topics"):
        assert len(each.sentences) == len(each.passage.sentences)
        assert max(each.sentences) == pytest.approx(each.score)
    for mode in ("dense", "lexical"):
        assert {each.sentences for each in library.find(question, "topics", mode=mode)} == {()}
        assert {each.also_in for each in library.find(question, "topics", mode=mode)} == {()}


def test_the_sentence_that_answers_has_the_highest_score(library: Library, topics: dict[str, str]) -> None:
    """So that a budget of characters is spent on it first."""
    best = library.find("At how many degrees is bread baked?", "topics")[0]

    assert best.passage.document_id == topics["bread.md"]
    assert best.sentences[1] > best.sentences[0]
    (short,) = within_characters([best], 60)
    assert short.passage.text == "Bake it at 230 degrees for forty minutes."


@pytest.mark.parametrize("question", ["???", "😀 🎉", "图书馆几点开门？", "a", "zzzyx qqqkw"])
def test_questions_without_known_words_are_answered_by_meaning(
    library: Library, topics: dict[str, str], question: str
) -> None:
    """Nothing breaks, and everything is ranked, with finite scores between 0 and 1."""
    found = library.find(question, "topics")

    assert len(found) == 3
    assert all(0 <= each.score <= 1 and all(0 <= score <= 1 for score in each.sentences) for each in found)


def test_a_huge_limit_returns_everything_once(library: Library) -> None:
    """More passages than are weighed by default come back when they are asked for."""
    rare = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty")
    for row, one in enumerate(rare, 1):
        text = "".join(
            f"## {one} {other}\n\nThe {one} station keeps its {other} lamp in shed {row}{at}.\n\n"
            for at, other in enumerate(rare)
        )
        library.add(text, f"{one}.md", "stations")

    found = library.find("Where does the cedar station keep its fjord lamp?", "stations", limit=200)

    assert set(found[0].passage.headings[-1].split()) == {"cedar", "fjord"}
    assert len({each.passage.id for each in found}) == len(found) == 100
    assert [each.rank for each in found] == list(range(1, 101))


def test_short_notes_do_not_hide_the_page_of_a_handbook(library: Library) -> None:
    """A passage that both views put first stays there, though its neighbours speak of other things."""
    events = (
        "asked about the parking permit",
        "lost a parking permit",
        "wants to renew the parking permit for the car",
        "reported that the parking permit machine is broken",
        "thanks for the quick parking permit reply",
        "says the parking permit fee was charged twice",
    )
    for number, event in enumerate(events * 3):
        person = ("Anna", "Ben", "Clara")[number // len(events)]
        library.add(f"Ticket {number}. {person} {event} on day {number}.", f"ticket{number}.md", "desk")
    subjects = (
        *("canteens", "heaters", "lifts", "windows", "keys", "bicycles"),
        *("printers", "kitchens", "gardens", "alarms", "desks", "showers"),
    )
    pages = [
        f"The {each} of the building are looked after by team {at}. Requests go to the desk on floor {at}. "
        + f"Every spring the {each} are inspected and a report on the {each} is written for the owner. " * 3
        for at, each in enumerate(subjects)
    ]
    permit = "A parking permit costs 42 euros a year. It is valid for one car and is paid at the cash desk. "
    pages.insert(
        6,
        permit + "Deliveries use the northern ramp, which is gated at night and watched by the porter. " * 5,
    )
    library.add("\n\n".join(pages), "handbook.md", "desk")

    question = "How much does a parking permit cost per year?"

    for mode in ("dense", "lexical", "hybrid"):
        assert "42 euros" in library.find(question, "desk", mode=mode)[0].passage.text, mode


# Phrases in quotation marks

DOORS = {
    "near.md": "The door of the red house is locked. Red is the door that leads to the yard, a red one.",
    "exact.md": "Deliveries come on Monday and on Friday. The porter waits beside the red door until noon.",
    "gate.md": "The green gate is open by day. It squeaks.",
    "zh_near.md": "书馆的图书不外借。馆里的书很多，图画也很多。",
    "zh_exact.md": "星期一休息。市图书馆九点开门，六点关门。",
}


@pytest.fixture(scope="module")
def doors(library: Library) -> Library:
    """Texts with the same words, of which one has them next to one another."""
    for name, text in DOORS.items():
        library.add(text, name, "doors")
    return library


@pytest.mark.parametrize(
    "question",
    [
        'Which is the "red door"?',
        "Which is the “red door”?",
        "Which is the „red door“?",
        "Which is the «red door»?",
    ],
)
def test_the_passage_with_the_exact_phrase_comes_first(doors: Library, question: str) -> None:
    """Though another one speaks more of the same words, and is first without the quotation marks."""
    assert doors.find("Which is the red door?", "doors")[0].passage.filename == "near.md"

    found = doors.find(question, "doors")

    assert found[0].passage.filename == "exact.md"
    assert [each.rank for each in found] == list(range(1, len(DOORS) + 1))
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert max(found[0].sentences) == pytest.approx(found[0].score)


def test_a_budget_of_characters_is_spent_on_the_phrase(doors: Library) -> None:
    """The sentence that holds it comes back, not one of the passage that was first."""
    found = within_characters(doors.find('Which is the "red door"?', "doors"), 70)

    assert [each.passage.text for each in found] == ["The porter waits beside the red door until noon."]


@pytest.mark.parametrize("question", ["“图书馆”在哪里？", '"图书馆"在哪里？', "「图书馆」在哪里？"])
def test_a_quoted_phrase_in_chinese(doors: Library, question: str) -> None:
    """Its pairs of characters have to follow one another."""
    assert doors.find(question, "doors")[0].passage.filename == "zh_exact.md"
    assert doors.find(question, "doors", mode="lexical")[0].passage.filename == "zh_exact.md"


@pytest.mark.parametrize(
    "question", ['"red" door', '"red door', '""', '"no such words here"', '"red red red"', '" " "']
)
def test_phrases_that_nothing_holds_change_nothing(doors: Library, question: str) -> None:
    """The search by words is what it is without the marks, and that by both views finds everything."""
    plain = question.replace('"', " ")

    assert doors.find(question, "doors", mode="lexical") == doors.find(plain, "doors", mode="lexical")
    assert len(doors.find(question, "doors")) == len(DOORS)


def test_words_alone_find_their_phrase(doors: Library) -> None:
    """The search by words gives a phrase as much again as its words."""
    plain = {e.passage.filename: e.score for e in doors.find("red door", "doors", mode="lexical")}
    quoted = doors.find('"red door"', "doors", mode="lexical")

    assert quoted[0].passage.filename == "exact.md"
    assert quoted[0].scores["lexical"] > 0
    assert set(plain) == {each.passage.filename for each in quoted}


# Few of one document


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_at_most_so_many_passages_of_one_document(library: Library, mode: str) -> None:
    """Passages of other documents take the places, those of one document stay its best."""
    long = "\n\n".join(
        f"## Lamp {n}\n\nThe lamp in room {n} is switched off by the keeper at hour {n}." for n in range(30)
    )
    many = library.add(long, "many.md", f"lamps-{mode}")
    few = library.add("The keeper has a lamp of his own.", "few.md", f"lamps-{mode}")
    question = "Who switches off the lamp in the room?"

    every = library.find(question, f"lamps-{mode}", limit=10, mode=mode)
    found = library.find(question, f"lamps-{mode}", limit=10, mode=mode, per_document=2)

    assert {each.passage.document_id for each in every} == {many}
    assert [each.passage.document_id for each in found].count(many) == 2
    assert [each.passage.document_id for each in found].count(few) == 1
    assert [each.rank for each in found] == [1, 2, 3]
    best = [each.passage.id for each in every][:2]
    assert [each.passage.id for each in found if each.passage.document_id == many] == best


# What is shown once

NOTICE = (
    "The lift in the east wing is out of service until the new motor has been delivered and fitted. Please use the "
    "stairs, or ask the porter to open the goods lift beside the kitchen for wheelchairs and heavy parcels."
)


def test_copies_in_other_documents_are_shown_once(library: Library) -> None:
    """The best stands for all, and names the others; another number, or another word, is another fact."""
    first = library.add(NOTICE, "notice.md", "notices")
    second = library.add(NOTICE.replace(" ", "\n"), "again.md", "notices")
    weeks = library.add(NOTICE + " It takes 3 weeks.", "weeks.md", "notices")
    west = library.add(NOTICE.replace("east", "west"), "west.md", "notices")

    found = library.find("Which lift is out of service?", "notices")

    by_document = {each.passage.document_id: set(each.also_in) for each in found}
    assert (by_document.pop(weeks), by_document.pop(west)) == (set(), set())
    assert by_document in ({first: {second}}, {second: {first}})
    assert [each.rank for each in found] == [1, 2, 3]


def test_a_deleted_copy_is_no_longer_named(library: Library) -> None:
    """What stands for the others may go, and another one is shown; and none is named that has gone."""
    ids = [library.add(NOTICE + "\n" * n, f"{n}.md", "copied") for n in range(3)]
    (shown,) = library.find("Which lift is out of service?", "copied")
    assert {shown.passage.document_id, *shown.also_in} == set(ids)

    library.store.delete_document(shown.passage.document_id)

    (next_one,) = library.find("Which lift is out of service?", "copied")
    left = set(ids) - {shown.passage.document_id}
    assert {next_one.passage.document_id, *next_one.also_in} == left


def test_copies_that_a_filter_leaves_out_are_not_named(library: Library) -> None:
    """A filter holds for what is named too."""
    library.add(NOTICE, "old.md", "filtered", year=2019)
    new = library.add(NOTICE + " Thanks!", "new.md", "filtered", year=2024)

    (found,) = library.find("Which lift is out of service?", "filtered", wanted={"year": 2024})

    assert (found.passage.document_id, found.also_in) == (new, ())
