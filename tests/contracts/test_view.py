"""What every view must do, checked on each of them; and that each ranks by the formula that it names."""

from __future__ import annotations

import math
import random
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from index.analyze import terms
from index.dense import DenseView
from index.lexical import LexicalView
from index.small_words import small_words
from index.types import Allowed, Change, Hit, IdRange, NewPassages, Query
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from index.view import View

EMBEDDER = HashingEmbedder()
# Enough of everything that a ranking has distinct scores.
CATS = ["The cat sleeps on the warm mat.", "Dogs bark at every passing cat in the street."]
FIRE = [
    "Insurance covers damage by fire and by strong wind.",
    "Smoke is fire damage too.",
    "Floods need another policy.",
]
OPEN = ["The library opens at nine.", "On Sundays it is closed."]


def open_dense(folder: Path) -> View:
    """The dense view of a folder."""
    return DenseView(folder, EMBEDDER.dimensions)


def change(
    seq: int, first: int, texts: Sequence[str], removed: IdRange | None = None, title: str = ""
) -> Change:
    """A change that adds passages of one document, ``doc<first>``, perhaps in place of others."""
    ids = IdRange(first, first + len(texts) - 1)
    vectors = EMBEDDER.embed_sentences(texts)
    return Change(seq, removed, NewPassages(ids, f"doc{first}", (title,) * len(texts), tuple(texts), vectors))


CHANGES = [
    change(1, 1, CATS),
    change(2, 3, FIRE),
    change(3, 6, OPEN, removed=IdRange(1, 2)),
    change(4, 8, ["A cat may enter the library."]),
]
LIVE = {3, 4, 5, 6, 7, 8}
ASKED = ("cat", "fire damage", "at nine the library opens", "street")


def answers(view: View) -> list[list[int]]:
    """Ids in order for a few questions."""
    return [[hit.passage_id for hit in view.search(query(text), 3)] for text in ASKED]


def same(found: Sequence[Hit], expected: Sequence[Hit]) -> None:
    """Assert equal rankings with equal scores."""
    assert [hit.passage_id for hit in found] == [hit.passage_id for hit in expected]
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-5)


@pytest.mark.parametrize("opened", [open_dense, LexicalView], ids=["dense", "lexical"])
class TestView:
    """Every view passes these."""

    def test_an_empty_view_finds_nothing(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """Before the first change a view stands at 0 and answers."""
        view = opened(tmp_path)

        assert view.watermark == 0
        assert view.ids() == set()
        assert view.search(query("cat"), 5) == []

    def test_applied_changes_are_found(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """What was added and not removed is there, and the best passage comes first."""
        view = opened(tmp_path)
        view.apply(CHANGES)

        assert view.watermark == 4
        assert view.ids() == LIVE
        assert [found[0] for found in answers(view)[:3]] == [8, 4, 6]

    def test_hits_are_ranked(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """Ranks count from 1, scores never rise, hits name their view, no passage comes twice."""
        view = opened(tmp_path)
        view.apply(CHANGES)

        hits = view.search(query("fire damage in the library"), 10)

        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert {hit.view for hit in hits} == {view.name}
        assert len({hit.passage_id for hit in hits}) == len(hits) > 2

    def test_applying_again_changes_nothing(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """The same changes a second time leave ids, order, scores and number as they were."""
        view = opened(tmp_path)
        view.apply(CHANGES)
        before = view.search(query("cat"), 5)

        view.apply(CHANGES)
        view.apply(CHANGES[:2])

        assert view.watermark == 4
        assert view.ids() == LIVE
        same(view.search(query("cat"), 5), before)

    @pytest.mark.parametrize("done", range(5))
    def test_replay_from_any_watermark(
        self, opened: Callable[[Path], View], tmp_path: Path, done: int
    ) -> None:
        """A view that stopped anywhere and replays the rest is as one that saw everything at once."""
        view, whole = opened(tmp_path / "parts"), opened(tmp_path / "whole")
        whole.apply(CHANGES)

        view.apply(CHANGES[:done])
        view.close()
        view = opened(tmp_path / "parts")
        view.apply([each for each in CHANGES if each.seq > view.watermark])

        assert view.ids() == whole.ids()
        assert answers(view) == answers(whole)

    def test_a_watermark_that_lags_behind_is_harmless(
        self, opened: Callable[[Path], View], tmp_path: Path
    ) -> None:
        """A crash after the data and before its number was written leads to a replay, not to doubles."""
        view = opened(tmp_path)
        view.apply(CHANGES[:2])
        view.flush()
        manifest = tmp_path / f"{view.name}.json"
        older = manifest.read_bytes()
        view.apply(CHANGES[2:])
        view.flush()
        view.close()
        manifest.write_bytes(older)

        view = opened(tmp_path)
        assert view.watermark <= 2
        view.apply([each for each in CHANGES if each.seq > view.watermark])

        assert view.ids() == LIVE
        assert [found[0] for found in answers(view)[:3]] == [8, 4, 6]

    def test_a_removed_range_is_gone(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """Both ends of the range are included, and its neighbours stay."""
        view = opened(tmp_path)
        view.apply([*CHANGES[:2], Change(3, IdRange(2, 4), None)])

        assert view.ids() == {1, 5}
        assert {hit.passage_id for hit in view.search(query("fire cat policy damage"), 10)} <= {1, 5}

    def test_removing_what_is_not_there_is_no_error(
        self, opened: Callable[[Path], View], tmp_path: Path
    ) -> None:
        """Passages that came and went while the view was closed are only known as removed."""
        view = opened(tmp_path)
        view.apply([Change(1, IdRange(70, 90), None), change(2, 1, CATS), Change(3, None, None)])

        assert view.ids() == {1, 2}
        assert view.watermark == 3

    def test_everything_removed(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """A view that lost its last passage finds nothing, also after it is opened again."""
        view = opened(tmp_path)
        view.apply([CHANGES[0], Change(2, IdRange(1, 2), None)])
        assert view.search(query("cat"), 5) == []
        view.close()

        view = opened(tmp_path)

        assert view.ids() == set()
        assert view.search(query("cat"), 5) == []

    def test_reset_forgets_everything(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """In memory and on disk; what is applied afterwards is found as in a new view."""
        view = opened(tmp_path)
        view.apply(CHANGES)
        view.flush()

        view.reset()

        assert (view.watermark, view.ids()) == (0, set())
        assert view.search(query("cat"), 5) == []
        assert opened(tmp_path).watermark == 0
        view.apply(CHANGES)
        assert view.ids() == LIVE

    @pytest.mark.parametrize("ending", ["flush", "close", "kill"])
    def test_reopening(self, opened: Callable[[Path], View], tmp_path: Path, ending: str) -> None:
        """However a view ended, the next one knows its number and finds the same after catching up."""
        view = opened(tmp_path / "view")
        view.apply(CHANGES)
        expected = [view.search(query(text), 5) for text in ASKED]
        if ending == "flush":
            view.flush()
        elif ending == "close":
            view.close()
        shutil.copytree(tmp_path / "view", tmp_path / "copy")

        again = opened(tmp_path / "copy")
        assert again.watermark == 4 or ending == "kill"
        again.apply([each for each in CHANGES if each.seq > again.watermark])

        assert again.ids() == LIVE
        for text, hits in zip(ASKED, expected, strict=True):
            same(again.search(query(text), 5), hits)

    @pytest.mark.parametrize("done", [1, 2, 3])
    def test_a_commit_that_was_cut_off_is_made_again(
        self, opened: Callable[[Path], View], tmp_path: Path, done: int
    ) -> None:
        """New files were written, and a kill came before the one that says they count."""
        view = opened(tmp_path / "view")
        view.apply(CHANGES[:done])
        view.flush()
        shutil.copytree(tmp_path / "view", tmp_path / "before")
        view.apply(CHANGES[done:])
        shutil.copytree(tmp_path / "view", tmp_path / "killed")
        shutil.copytree(tmp_path / "before", tmp_path / "killed", dirs_exist_ok=True)

        again = opened(tmp_path / "killed")
        again.apply([each for each in CHANGES if each.seq > again.watermark])

        assert again.ids() == LIVE
        for text in ASKED:
            same(again.search(query(text), 5), view.search(query(text), 5))

    @pytest.mark.parametrize("damage", ["gone", "empty", "half", "garbage", "one bit"])
    def test_damaged_files_are_noticed(
        self, opened: Callable[[Path], View], tmp_path: Path, damage: str
    ) -> None:
        """Whichever file is damaged, the view starts from nothing and finds the same after a rebuild."""
        view = opened(tmp_path / "view")
        view.apply(CHANGES)
        view.close()
        # Tantivy makes its own list of files and its locks anew.
        files = [
            path.relative_to(tmp_path / "view")
            for path in sorted((tmp_path / "view").rglob("*"))
            if path.is_file() and path.suffix != ".lock" and path.name != ".managed.json"
        ]

        for number, name in enumerate(files):
            copy = tmp_path / str(number)
            shutil.copytree(tmp_path / "view", copy)
            hurt(copy / name, damage)
            again = opened(copy)
            assert again.watermark == 0, name
            assert again.ids() == set(), name
        again.apply(CHANGES)

        assert len(files) >= 2
        assert again.ids() == LIVE
        assert answers(again) == answers(view)

    def test_only_allowed_documents_are_found(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """A filter holds for every hit and costs none of them: the best allowed ones are all there."""
        view = opened(tmp_path)
        view.apply(CHANGES)
        allowed = Allowed(("doc3", "doc8"), (IdRange(3, 5), IdRange(8, 8)))

        hits = view.search(query("the library cat policy smoke insurance"), 10, allowed)

        assert {hit.passage_id for hit in hits} == {3, 4, 5, 8}
        assert [hit.rank for hit in hits] == [1, 2, 3, 4]
        assert view.search(query("cat"), 10, Allowed((), ())) == []

    def test_a_filter_changes_no_score(self, opened: Callable[[Path], View], tmp_path: Path) -> None:
        """Scores of allowed passages are what they are without a filter."""
        view = opened(tmp_path)
        view.apply(CHANGES)
        every = {hit.passage_id: hit.score for hit in view.search(query("cat fire"), 10)}

        hits = view.search(query("cat fire"), 10, Allowed(("doc3",), (IdRange(3, 5),)))

        assert hits
        assert [hit.score for hit in hits] == pytest.approx([every[hit.passage_id] for hit in hits], abs=1e-5)

    @pytest.mark.parametrize("limit", [-1, 0, 1, 2, 1000])
    def test_the_limit(self, opened: Callable[[Path], View], tmp_path: Path, limit: int) -> None:
        """No more hits than asked for, the best of them, and none at zero or below."""
        view = opened(tmp_path)
        view.apply(CHANGES)
        every = view.search(query("fire damage"), 100)

        assert view.search(query("fire damage"), limit) == every[: max(limit, 0)]

    @pytest.mark.parametrize(
        "text", ["", " ", "?!", "zzzyx", "\x00", "\ud800", 'AND OR NOT "( body:*', "cat " * 3000]
    )
    def test_any_question_can_be_asked(
        self, opened: Callable[[Path], View], tmp_path: Path, text: str
    ) -> None:
        """No text breaks a search, and none is read as a query language."""
        view = opened(tmp_path)
        view.apply(CHANGES)

        assert {hit.passage_id for hit in view.search(query(text), 5)} <= LIVE

    def test_searching_while_changes_are_applied(
        self, opened: Callable[[Path], View], tmp_path: Path
    ) -> None:
        """Readers see some state between the changes, and no reader fails."""
        view = opened(tmp_path)
        rounds = [change(n, 10 * n, [f"{text} {n}" for text in CATS]) for n in range(1, 13)]

        with ThreadPoolExecutor(3) as pool:
            writer = pool.submit(apply_each, view, rounds)
            readers = [pool.submit(read, view, writer.done) for _ in range(1)]
            writer.result()
            counts = [reader.result() for reader in readers]

        assert all(count == sorted(count) for count in counts)
        assert len(view.ids()) == 24


def apply_each(view: View, changes: Sequence[Change]) -> None:
    """Apply changes one by one, as a busy service does."""
    for each in changes:
        view.apply([each])


def read(view: View, finished: Callable[[], bool]) -> list[int]:
    """Search until the writer has finished; returns how many hits there were each time."""
    counts = []
    while not finished():
        counts.append(len(view.search(query("cat"), 1000)))
    return counts


def hurt(path: Path, damage: str) -> None:
    """Damage a file in one of the ways that disks and people do."""
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "half":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "garbage":
        path.write_bytes(random.Random(1).randbytes(len(content)))
    else:
        # In JSON the first brace, elsewhere the middle of the data.
        content[0 if path.suffix == ".json" else len(content) // 3] ^= 1
        path.write_bytes(content)


def test_dense_hits_are_exact(tmp_path: Path) -> None:
    """Against brute force: the same passages in the same order with the same inner products."""
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(400, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    texts = ("",) * 400
    view = DenseView(tmp_path, 64)
    view.apply([Change(1, None, NewPassages(IdRange(101, 500), "doc", texts, texts, rows))])
    view.apply([Change(2, IdRange(151, 250), None)])
    kept = np.r_[0:50, 150:400]
    allowed = Allowed(("doc",), (IdRange(101, 120), IdRange(300, 340)))
    inside = np.r_[0:20, 199:240]

    for vector in rows[::20] + generator.normal(scale=0.1, size=(20, 64)).astype(np.float32):
        for among, wanted in ((kept, None), (inside, allowed)):
            scores = rows[among] @ vector
            best = np.argsort(-scores)[:10]
            hits = view.search(Query("", vector), 10, wanted)
            assert [hit.passage_id for hit in hits] == (among[best] + 101).tolist()
            assert [hit.score for hit in hits] == pytest.approx(scores[best], abs=1e-5)


def test_a_snapshot_of_other_vectors_is_not_used(tmp_path: Path) -> None:
    """After a change of model the old vectors are left alone and the view starts from nothing."""
    view = DenseView(tmp_path, 64)
    view.apply(CHANGES)
    view.close()

    assert DenseView(tmp_path, 32).watermark == 0


def test_deleted_vectors_leave_the_snapshot(tmp_path: Path) -> None:
    """What was deleted is no longer in any file once the change is applied."""
    view = DenseView(tmp_path, 64)
    view.apply(CHANGES[:2])
    view.flush()
    gone = EMBEDDER.embed_query(CATS[0]).tobytes()
    assert any(gone in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    view.apply([Change(3, IdRange(1, 2), None)])
    assert not any(gone in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    view.flush()

    assert not any(gone in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_deleted_vectors_leave_a_snapshot_that_is_being_written(tmp_path: Path) -> None:
    """Whichever of the two comes first, and also when nothing is left to write a snapshot of."""
    gone = EMBEDDER.embed_query(CATS[0]).tobytes()
    with ThreadPoolExecutor(1) as pool:
        for turn in range(100):
            folder = tmp_path / str(turn)
            view = DenseView(folder, 64)
            view.apply(CHANGES[:1])
            flushed = pool.submit(view.flush)
            while turn % 2 and not flushed.done() and not any(folder.iterdir()):
                pass
            view.apply([Change(2, IdRange(1, 2), None)])
            flushed.result()

            assert not any(gone in path.read_bytes() for path in folder.iterdir())
            assert DenseView(folder, 64).watermark in (0, 2)


def rarities(words: list[str], fields: list[list[str]]) -> dict[str, float]:
    """Inverse document frequency of each word."""
    counts = {word: sum(word in field for field in fields) for word in words}
    return {word: math.log(1 + (len(fields) - n + 0.5) / (n + 0.5)) for word, n in counts.items()}


def bm25(words: list[str], fields: list[list[str]]) -> list[dict[str, float]]:
    """What each word adds to the score of each passage's field.

    Robertson, Zaragoza: "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, k1 1.2 and b 0.75.
    """
    average = sum(map(len, fields)) / len(fields)
    rarity = rarities(words, fields)
    scores = []
    for field in fields:
        count = Counter(field)
        length = 1.2 * (0.25 + 0.75 * len(field) / average)
        scores.append({word: rarity[word] * count[word] * 2.2 / (count[word] + length) for word in words})
    return scores


@pytest.mark.parametrize(
    "question",
    [
        "fire",
        "fire damage",
        "the library policy",
        "titled cats and the fire",
        "Fire! Is fire damage a fire, or is it smoke damage?",
    ],
)
def test_lexical_scores_are_weighted_bm25(tmp_path: Path, question: str) -> None:
    """Against the formula written out.

    BM25 with rarity twice, titles and headings at half the weight of text, each word as often as it is asked for.
    """
    passages = [*CATS, *FIRE, *OPEN, "fire fire fire", "Fire in the library damages the policy of the cat."]
    titles = ["Cats / The Fire" if number % 2 else "A titled page" for number in range(len(passages))]
    view = LexicalView(tmp_path)
    vectors = EMBEDDER.embed_sentences(passages)
    added = NewPassages(IdRange(1, len(passages)), "doc", tuple(titles), tuple(passages), vectors)
    view.apply([Change(1, None, added)])
    asked = Counter(terms(question))
    words = sorted(asked)

    body = bm25(words, [terms(text) for text in passages])
    title = bm25(words, [terms(text) for text in titles])
    rarity = rarities(words, [terms(text) for text in passages])
    rarity = {word: value * (0.2 if word in small_words() else 1.0) for word, value in rarity.items()}
    expected = {}
    for number, (in_body, in_title) in enumerate(zip(body, title, strict=True), 1):
        parts = [(in_body[word] + 0.5 * in_title[word]) * rarity[word] * asked[word] for word in words]
        if any(parts):
            expected[number] = sum(parts) / max(rarity.values())
    hits = view.search(query(question), 50)

    assert {hit.passage_id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-4)
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True), rel=1e-4)


def test_a_word_that_is_asked_for_twice_counts_twice(tmp_path: Path) -> None:
    """It decides between two passages that hold as much of the question otherwise."""
    view = LexicalView(tmp_path)
    view.apply([change(1, 1, ["a cat sleeps here", "a dog sleeps here"])])

    once = {hit.passage_id: hit.score for hit in view.search(query("cat or dog"), 5)}
    twice = {hit.passage_id: hit.score for hit in view.search(query("cat or dog, dog"), 5)}

    assert once[1] == pytest.approx(once[2])
    assert twice[2] > twice[1]
    # "sleeps" and "here" are not asked for, so the word alone makes the score.
    assert twice[2] / twice[1] == pytest.approx(2)


def test_weights_are_rarities_with_function_words_at_a_fifth(tmp_path: Path) -> None:
    """As the scores use them."""
    view = LexicalView(tmp_path)
    view.apply([change(1, 1, ["the cat", "a dog"])])

    rarity, weights = view.rarity(["the", "cat", "unicorn"]), view.weights(["the", "cat", "unicorn"])

    assert weights == pytest.approx({**rarity, "the": rarity["the"] / 5})
    assert view.weights([]) == {}


def test_rarity_is_that_of_bm25(tmp_path: Path) -> None:
    """A word in one of four passages is rarer than one in two, and an unknown one is the rarest."""
    view = LexicalView(tmp_path)
    view.apply([change(1, 1, ["cat", "cat dog", "bird", "fish"])])

    found = view.rarity(["cat", "dog", "unicorn"])

    assert found == pytest.approx(
        {"cat": math.log(2), "dog": math.log(1 + 3.5 / 1.5), "unicorn": math.log(1 + 4.5 / 0.5)}
    )


def test_many_changes_are_applied_in_several_commits(tmp_path: Path) -> None:
    """More changes than one commit takes are all applied, and each commit is durable by itself."""
    rounds = [change(n, 10 * n, [f"note {n}"]) for n in range(1, 151)]
    view = LexicalView(tmp_path)
    view.apply(rounds)

    assert view.watermark == 150
    assert len(LexicalView(tmp_path).ids()) == 150


def test_equal_scores_are_in_the_order_of_ids(tmp_path: Path) -> None:
    """Also at the limit, and however many commits the passages came in: a rebuild must not change answers."""
    rounds = [change(n, n, ["the very same text"]) for n in range(1, 31)]
    one, many = LexicalView(tmp_path / "one"), LexicalView(tmp_path / "many")
    one.apply(rounds)
    for each in rounds:
        many.apply([each])

    for limit in (1, 4, 29, 30, 100):
        expected = list(range(1, min(limit, 30) + 1))
        assert [hit.passage_id for hit in one.search(query("same"), limit)] == expected
        assert [hit.passage_id for hit in many.search(query("same"), limit)] == expected
