"""Metadata filters: what each form admits, that types are kept apart, and that nothing from outside is code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.config import JobConfig
from index.errors import InvalidFilter
from index.filters import condition
from index.jobs import JobRunner
from index.store import Store
from tests.index.helpers import search, settled, upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.pipeline import Pipeline

HOSTILE = [
    'a"b',
    "a'b",
    "$.x",
    "'; DROP TABLE documents; --",
    "a.b",
    "a[0]",
    "",
    " ",
    "back\\slash",
    "naïve",
    "😀",
    "key",
]
SHELF: dict[str, dict[str, Any]] = {
    "old.txt": {"year": 1999, "lang": "en", "public": True, "price": 9.5},
    "new.txt": {"year": 2024, "lang": "de", "public": False, "tags": ["a", "b"]},
    "odd.txt": {"year": "2024", "lang": 7, "public": 1, "price": None, "nested": {"year": 2024}},
    "bare.txt": {},
    "hostile.txt": dict.fromkeys(HOSTILE, "here"),
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, pipeline: Pipeline) -> Iterator[Store]:
    """A store that holds one document for each entry of ``SHELF``."""
    store = Store(tmp_path_factory.mktemp("shelf"))
    runner = JobRunner(store, pipeline, JobConfig(workers=1))
    uploads = [upload(store, name, f"This is {name}.", metadata=some) for name, some in SHELF.items()]
    runner.start()
    for each in uploads:
        settled(store, each.document_id)
    yield store
    runner.stop()
    store.close()


def admitted(store: Store, wanted: Any) -> set[str]:
    """Names of the documents that a filter admits."""
    found = store.catalog.allowed(store.catalog.collection("default").id, wanted)
    return {store.catalog.document(each).filename.removesuffix(".txt") for each in found.document_ids}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"old", "new", "odd", "bare", "hostile"}),
        ({"year": 1999}, {"old"}),
        ({"year": 1999.0}, {"old"}),
        ({"year": 2024}, {"new"}),
        ({"year": "2024"}, {"odd"}),
        ({"lang": "en"}, {"old"}),
        ({"lang": "EN"}, set()),
        ({"lang": 7}, {"odd"}),
        ({"public": True}, {"old"}),
        ({"public": False}, {"new"}),
        ({"public": 1}, {"odd"}),
        ({"price": 9.5}, {"old"}),
        ({"missing": "x"}, set()),
        ({"tags": "a"}, set()),
        ({"nested": "x"}, set()),
        ({"year": {"$gt": 1999}}, {"new"}),
        ({"year": {"$gte": 1999}}, {"old", "new"}),
        ({"year": {"$lt": 2024}}, {"old"}),
        ({"year": {"$lte": 2024}}, {"old", "new"}),
        ({"year": {"$gt": 1990, "$lt": 2000}}, {"old"}),
        ({"year": {"$gt": "2000"}}, {"odd"}),
        ({"lang": {"$lt": "en"}}, {"new"}),
        ({"lang": {"$ne": "en"}}, {"new", "odd", "bare", "hostile"}),
        ({"year": {"$ne": 2024}}, {"old", "odd", "bare", "hostile"}),
        ({"lang": {"$in": ["en", "de", 7]}}, {"old", "new", "odd"}),
        ({"lang": {"$in": []}}, set()),
        ({"public": {"$in": [True, 1]}}, {"old", "odd"}),
        ({"year": 2024, "lang": "de"}, {"new"}),
        ({"year": 2024, "lang": "en"}, set()),
        ({"$or": [{"year": 1999}, {"lang": "de"}]}, {"old", "new"}),
        ({"$and": [{"year": {"$gte": 1999}}, {"public": False}]}, {"new"}),
        ({"$and": [{}]}, {"old", "new", "odd", "bare", "hostile"}),
        ({"$or": [{"$and": [{"lang": "en"}, {"year": 1999}]}, {"filename": "bare.txt"}]}, {"old", "bare"}),
        ({"filename": "bare.txt"}, {"bare"}),
        ({"filename": {"$ne": "bare.txt"}}, {"old", "new", "odd", "hostile"}),
        ({"filename": {"$in": ["bare.txt", "old.txt", "no.txt"]}}, {"old", "bare"}),
        ({"filename": {"$gt": "o"}}, {"old", "odd"}),
        ({"media_type": "text/plain"}, {"old", "new", "odd", "bare", "hostile"}),
        ({"media_type": "application/pdf"}, set()),
        ({"document_id": "doc_unknown"}, set()),
    ],
    # The order of a set differs between two processes that share the tests out.
    ids=lambda each: " ".join(sorted(each)) if isinstance(each, set) else repr(each),
)
def test_what_a_filter_admits(shelf: Store, wanted: dict[str, Any], expected: set[str]) -> None:
    """Each operator by itself and together; text, numbers and booleans never equal or exceed one another."""
    assert admitted(shelf, wanted) == expected


def test_by_document_id(shelf: Store) -> None:
    """A document can be asked for by its id, also among very many."""
    one = shelf.catalog.documents("default", None, None, 1)[0].id

    assert admitted(shelf, {"document_id": one}) == {"old"}
    assert admitted(shelf, {"document_id": {"$in": [one, *map(str, range(5000))]}}) == {"old"}


@pytest.mark.parametrize("name", [name for name in HOSTILE if not name.startswith("$")])
def test_field_names_are_only_names(shelf: Store, name: str) -> None:
    """Quotes, points, brackets and other scripts in a field's name mean themselves."""
    assert admitted(shelf, {name: "here"}) == {"hostile"}
    assert admitted(shelf, {name: {"$ne": "here"}}) == {"old", "new", "odd", "bare"}
    assert admitted(shelf, {name + '"': "here"}) == set()


@pytest.mark.parametrize("value", ["' OR 1=1 --", '"', "%", "_ld.txt", "*", "\x00", "here\x00"])
def test_values_are_only_values(shelf: Store, value: str) -> None:
    """No value is read as SQL, as a pattern, or up to a NUL."""
    assert admitted(shelf, {"filename": value}) == set()
    assert admitted(shelf, {"key": value}) == set()


def nested(depth: int) -> dict[str, Any]:
    """A filter of that many ``$and`` around one condition."""
    return {"$and": [nested(depth - 1)]} if depth else {"year": 1999}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([], "object"),
        (None, "object"),
        ("year", "object"),
        ({"$not": {"year": 1}}, "Unknown operator"),
        ({"$.x": 1}, "Unknown operator"),
        ({"year": {"$regex": "x"}}, r"Unknown operator .*\$in, \$ne"),
        ({"year": {"gt": 1}}, "Unknown operator"),
        ({"year": {}}, "empty"),
        ({"year": None}, "null"),
        ({"year": {"$gt": None}}, "null"),
        ({"year": {"$in": [None]}}, "null"),
        ({"year": {"$in": "x"}}, "list"),
        ({"year": {"$gt": True}}, "strings and numbers"),
        ({"year": [1]}, "type list"),
        ({"year": {"$gt": {"$gt": 1}}}, "type dict"),
        ({"year": 2**63}, "64 bits"),
        ({"year": 10**5000}, "64 bits"),
        ({"year": {"$in": [-(10**400)]}}, "64 bits"),
        ({"year": float("nan")}, "64 bits"),
        ({"year": float("-inf")}, "64 bits"),
        ({"lang": "\ud800"}, "surrogate"),
        ({"\udfff": "x"}, "surrogate"),
        ({3: "x"}, "name is a string"),
        ({"$and": []}, "at least one"),
        ({"$or": {"year": 1}}, "list of at least one"),
        ({"$and": ["year"]}, "object"),
        ({"filename": 3}, "compared with a string"),
        ({"document_id": {"$gt": True}}, "compared with a string"),
        (nested(9), "deeper than 8"),
        (nested(200), "deeper than 8"),
        ({"$or": [{"year": n} for n in range(501)]}, "more than 500"),
        ({"year": {"$in": list(range(10_001))}}, "more than 10,000"),
        ({"x" * 1000: {"$" + "y" * 1000: 1}}, "Unknown operator"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, dict) else "",
)
def test_other_forms_are_refused(shelf: Store, wanted: Any, message: str) -> None:
    """What is not of the documented form is refused with what is wrong, at a length that can be shown."""
    with pytest.raises(InvalidFilter, match=message) as caught:
        admitted(shelf, wanted)

    assert len(str(caught.value)) < 1300


def test_the_largest_filter_that_is_accepted_runs(shelf: Store) -> None:
    """The ceilings are below the database's own, so that no accepted filter fails there."""
    wide = {"$or": [{f"field{n}": n} for n in range(240)] + [{"year": 1999}]}

    assert admitted(shelf, wide) == {"old"}
    assert admitted(shelf, {"$and": [{"lang": {"$ne": str(n)}} for n in range(240)]}) != set()
    assert admitted(shelf, {"year": {"$in": list(range(1999, 11_998))}}) == {"old", "new"}
    assert admitted(shelf, nested(8)) == {"old"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["year", "$in"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$and", "$or", "$in", "$gt", "$ne", "year"]) | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_is_a_filter_or_is_refused(shelf: Store, wanted: Any) -> None:
    """Nothing that can be sent makes the database fail: it is evaluated, or refused as a filter."""
    try:
        condition(wanted)
    except InvalidFilter:
        return
    assert admitted(shelf, wanted) <= {"old", "new", "odd", "bare", "hostile"}


def test_searches_keep_to_the_filter(shelf: Store) -> None:
    """Both views return only passages of admitted documents."""
    hits = search(shelf, "This is old new odd", wanted={"lang": {"$in": ["en", "de"]}})

    for ranking in hits.values():
        found = shelf.catalog.passages([hit.passage_id for hit in ranking]).values()
        assert {passage.filename for passage in found} == {"old.txt", "new.txt"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_metadata_without_a_json_form_is_refused(store: Store, runner: JobRunner, number: float) -> None:
    """One such number in the table would make every filter over its collection fail."""
    with pytest.raises(ValueError, match="JSON"):
        upload(store, "bad.txt", "text", metadata={"n": {"deep": [number]}})

    assert store.catalog.documents(None, None, None, 10) == []
