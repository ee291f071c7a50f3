"""From a question file to figures: locating, asking, and summing up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.evaluation.locate import DOCUMENTS_ONLY, FIRST_TAKEN, LEFT_OUT, Located, Locator
from rag.evaluation.measures import Range
from rag.evaluation.questions import EvaluationQuestion, Relevant
from rag.evaluation.retrieval import Plan, ask, measures
from rag.evaluation.summary import (
    by_group,
    by_kind,
    comparisons,
    largest_differences,
    lowest,
    mean_curve,
    means,
    primary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.rag.library import Library

from tests.doubles.embedder import HashingEmbedder
from tests.rag.library import Library as OpenedLibrary

NOTES = """# Rules

Members may borrow “seven books” at a
time. The ﬁne is 5 euros, or 50 in the high-
season. Seven books is the rule.
"""
PAGE = "<html><title>Page</title><p>The reading room opens at nine. Seven books.</p></html>"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Three documents, two of which have the same name in different folders."""
    opened = OpenedLibrary.open(tmp_path_factory.mktemp("shelf"), HashingEmbedder(), passage_tokens=24)
    opened.add(NOTES, "rules.md")
    opened.add(PAGE, "web/page.html")
    opened.add("The cellar is closed.", "old/page.html.txt")
    opened.add("The cellar is open.", "new/page.html.txt")
    yield opened
    opened.close()


def located(shelf: Library, *relevant: Relevant) -> Located:
    """What becomes of one question with these relevant places."""
    records = shelf.store.catalog.documents("default", None, None, 100)
    question = EvaluationQuestion("q", 1, "What?", relevant)
    return Locator(records, shelf.store.catalog.text).locate([question])


def words(shelf: Library, place: Range) -> str:
    """The stored text of a place."""
    return shelf.store.catalog.text(place.document).text[place.start : place.end]


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ('borrow "seven books" at a time.', "borrow “seven books” at a\ntime."),
        ("The fine is 5 euros", "The ﬁne is 5 euros"),
        ("in the high-season", "in the high-\nseason"),
        ("50", "50"),
        ("Seven  books is", "Seven books is"),
    ],
)
def test_quotes_are_found_whatever_their_white_space_and_marks(
    shelf: Library, quote: str, stands: str
) -> None:
    """Line ends, typographic marks, ligatures and hyphens do not matter; a place is the stored text."""
    found = located(shelf, Relevant(1, "rules.md", quote))

    assert found.problems == ()
    (place, grade) = found.targets[0].places[0]
    assert words(shelf, place) == stands
    assert grade == 1


@pytest.mark.parametrize("quote", ["even books", "5 euro", "Nothing of this"])
def test_a_quote_that_is_not_there_is_reported(shelf: Library, quote: str) -> None:
    """Parts of words do not count. The question is then measured by its document, and that is said."""
    found = located(shelf, Relevant(7, "rules.md", quote))

    assert found.targets[0].places == ()
    assert set(found.targets[0].documents.values()) == {1}
    (problem,) = found.problems
    assert (problem.line, problem.question_id, problem.effect) == (7, "q", DOCUMENTS_ONLY)
    assert "does not stand in its text" in problem.message


def test_one_place_that_is_missing_takes_the_characters_from_the_question(shelf: Library) -> None:
    """Recall of the places that were found would not be the recall of the question."""
    found = located(shelf, Relevant(1, "rules.md", "50"), Relevant(2, "rules.md", "absent"))

    assert found.targets[0].places == ()
    assert [problem.line for problem in found.problems] == [2]


def test_a_quote_that_stands_several_times_is_reported(shelf: Library) -> None:
    """The first is taken, and it is said that there are more."""
    text = "Same words here. Other words. Same words here."
    shelf.add(text, "twice.txt")

    found = located(shelf, Relevant(1, "twice.txt", "Same words here."))

    assert (found.targets[0].places[0][0].start, found.problems[0].effect) == (0, FIRST_TAKEN)
    assert "2 times" in found.problems[0].message


def test_offsets_are_checked_against_their_quote(shelf: Library) -> None:
    """Offsets of another version of the file are not taken on trust when a quote stands beside them."""
    start = NOTES.index("Members")

    right = located(shelf, Relevant(1, "rules.md", "embers may", start, start + 11))
    wrong = located(shelf, Relevant(1, "rules.md", "embers may", start + 20, start + 31))
    outside = located(shelf, Relevant(1, "rules.md", None, 10, 10_000))

    assert words(shelf, right.targets[0].places[0][0]) == "Members may"
    assert "does not stand at those offsets" in wrong.problems[0].message
    assert "does not reach to 10000" in outside.problems[0].message


def test_documents_are_found_by_path_name_and_id(shelf: Library) -> None:
    """The name without its folders is enough while it is the only one."""
    records = shelf.store.catalog.documents("default", None, None, 100)
    page = next(record for record in records if record.filename == "web/page.html")

    for name in ("web/page.html", "page.html", page.id):
        assert located(shelf, Relevant(1, name)).targets[0].documents == {page.id: 1}
    several = located(shelf, Relevant(1, "page.html.txt"))
    assert several.targets == ()
    assert several.problems[0].effect == LEFT_OUT
    assert "new/page.html.txt" in several.problems[0].message


def test_unknown_documents_and_questions_without_any(shelf: Library) -> None:
    """A missing document leaves the question out and is reported; a question without any is set aside."""
    missing = located(shelf, Relevant(3, "rules.md"), Relevant(4, "gone.pdf"))
    nothing = located(shelf)
    only_bad = located(shelf, Relevant(5, "rules.md", grade=0))

    assert missing.targets == ()
    assert [(problem.line, problem.effect) for problem in missing.problems] == [(4, LEFT_OUT)]
    assert (nothing.targets, nothing.problems, len(nothing.unanswerable)) == ((), (), 1)
    assert only_bad.problems[0].message.startswith("Nothing has a grade above 0")


def test_pages(shelf: Library, make_pdf_pages: Path) -> None:
    """A page is a place; a quote may be looked for on one page only; a page that is not there is reported."""
    shelf.add(make_pdf_pages.read_bytes(), "pages.pdf")

    second = located(shelf, Relevant(1, "pages.pdf", page=2))
    quoted = located(shelf, Relevant(1, "pages.pdf", "Opening hours", page=2))
    third = located(shelf, Relevant(1, "pages.pdf", page=3))
    text = located(shelf, Relevant(1, "rules.md", page=1))

    assert "second page" in words(shelf, second.targets[0].places[0][0])
    assert "first page" not in words(shelf, second.targets[0].places[0][0])
    place = quoted.targets[0].places[0][0]
    assert words(shelf, place) == "Opening hours"
    assert place.start > second.targets[0].places[0][0].start
    assert quoted.problems == ()
    assert "2 pages" in third.problems[0].message
    assert "no pages" in text.problems[0].message


@pytest.fixture
def make_pdf_pages(tmp_path: Path) -> Path:
    """A PDF of two pages that share a line."""
    from fpdf import FPDF  # noqa: PLC0415 - Only this test makes a PDF.

    pdf = FPDF(format="A4")
    pdf.set_font("helvetica", size=12)
    for number in ("first", "second"):
        pdf.add_page()
        for line in (
            f"This is the {number} page of the guide.",
            "Opening hours",
            f"Closed on the {number} day.",
        ):
            pdf.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    path = tmp_path / "pages.pdf"
    path.write_bytes(bytes(pdf.output()))
    return path


def test_asking_gives_each_question_its_figures(shelf: Library) -> None:
    """Recall by budget, the best five, the curve, and rankings of places and documents, by hand."""
    records = shelf.store.catalog.documents("default", None, None, 100)
    rules = next(record.id for record in records if record.filename == "rules.md")
    page = next(record.id for record in records if record.filename == "web/page.html")
    questions = [
        EvaluationQuestion("placed", 1, "p", (Relevant(1, rules, start=0, end=40),), "g"),
        EvaluationQuestion("document", 2, "d", (Relevant(2, rules), Relevant(2, page, grade=0))),
    ]
    targets = Locator(records, shelf.store.catalog.text).locate(questions).targets
    plan = Plan(budgets=(50, 100), top_k=3)
    ranked = [Range(page, 0, 40), Range(rules, 0, 20), Range(rules, 20, 60), Range(page, 40, 50)]

    placed, document = ask(targets, lambda _: ranked, plan)

    assert len(placed.found) == 3
    assert placed.values["recall_50_characters"] == pytest.approx(10 / 40)
    assert placed.values["recall_100_characters"] == 1
    assert placed.values["precision_5_passages"] == pytest.approx(40 / 100)
    assert placed.values["iou_5_passages"] == pytest.approx(40 / 100)
    assert placed.values["places_RR"] == placed.values["documents_RR"] == 0.5
    assert placed.curve[0] == 0
    assert placed.curve[-1] == 1
    assert {key for key in document.values if not key.startswith("documents")} == set()
    assert document.values["documents_R@5"] == 1
    assert by_kind(targets, {"text/markdown": "Markdown"}) == {"Markdown": ["placed", "document"]}
    assert by_group(targets) == {"g": ["placed"], "no group": ["document"]}


def test_summing_up_two_configurations(shelf: Library) -> None:
    """Means over the questions that have a measure, paired differences, and which questions to look at."""
    records = shelf.store.catalog.documents("default", None, None, 100)
    rules = next(record.id for record in records if record.filename == "rules.md")
    questions = [
        EvaluationQuestion(f"q{number}", number, str(number), (Relevant(number, rules, start=0, end=40),))
        for number in range(1, 5)
    ]
    targets = Locator(records, shelf.store.catalog.text).locate(questions).targets
    plan = Plan(budgets=(40,))
    wanted = measures(plan)
    ends = {"1": (40, 40), "2": (20, 40), "3": (0, 30), "4": (40, 30)}

    first = ask(targets, lambda text: [Range(rules, 0, ends[text][0])], plan)
    second = ask(targets, lambda text: [Range(rules, 0, ends[text][1])], plan)
    key = primary(wanted, first, plan).key

    assert key == "recall_40_characters"
    assert means(first, wanted)[key].mean == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    found = comparisons(first, second, wanted)[key]
    assert found.difference.mean == pytest.approx((0 + 0.5 + 0.75 - 0.25) / 4)
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)
    assert [each.question_id for each in largest_differences(first, second, key, 2)] == ["q3", "q2"]
    assert [each.question_id for each in lowest(first, key, 9)] == ["q3", "q2"]
    assert mean_curve(first)[-1] == pytest.approx(2.5 / 4)
