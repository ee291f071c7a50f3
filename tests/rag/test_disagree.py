"""Where sources disagree: what is an alarm, what is none, and what an answer says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.disagree import Sentence, disagreements
from rag.types import Discord, Mode, Question
from tests.doubles.scripted_gateway import Scene
from tests.rag.test_answer import ask, says

if TYPE_CHECKING:
    from rag.disagree import Found
    from tests.rag.conftest import EvidenceMaker
    from tests.rag.library import Library


def compared(
    make_evidence: EvidenceMaker, mine: str, theirs: str, question: str = "", **titles: str
) -> list[Found]:
    """What the first sentence of one text has against that of another document."""
    first = make_evidence(mine, "k1f", title=titles.get("first", "First"))
    second = make_evidence(theirs, "k2f", title=titles.get("second", "Second"))
    cited = Sentence(first, first.sentences[0])
    return disagreements(question, cited, [Sentence(second, span) for span in second.sentences], {})


DISAGREE = {
    "number": ("Members may borrow seven books at a time.", "Members may borrow 9 books at a time."),
    "price": ("The drill costs $5 a day to rent.", "Renting the drill costs $8 a day."),
    "share": ("Late returns fell to 6.9% of all loans.", "Late returns fell to 9.6 percent of all loans."),
    "date": (
        "The loft of the library opened in April 2019.",
        "The loft of the library opened in April 2018.",
    ),
    "day": ("The library opens its garden on 3 May.", "The library opens its garden on 13 May."),
    "name": (
        "The board of the tool library is chaired by Anna Berg.",
        "The board of the tool library is chaired by Otto Lang.",
    ),
    "negation": (
        "Children may use the band saw in the workshop.",
        "Children may not use the band saw in the workshop.",
    ),
}


@pytest.mark.parametrize(("mine", "theirs"), DISAGREE.values(), ids=DISAGREE.keys())
def test_one_value_that_differs_is_a_disagreement(
    make_evidence: EvidenceMaker, mine: str, theirs: str
) -> None:
    """In both directions, and the explanation names the other document."""
    for a, b in ((mine, theirs), (theirs, mine)):
        (found,) = compared(make_evidence, a, b)

        assert found.kind is Discord.CONTRADICTS
        assert "Second" in found.explanation


def test_values_are_named_as_the_sources_write_them(make_evidence: EvidenceMaker) -> None:
    """Not in the unit in which they were compared."""
    (found,) = compared(
        make_evidence,
        "A refund is paid within 30 days of the purchase.",
        "A refund is paid within 60 days of the purchase.",
    )

    assert "60 days where the footnote says 30 days" in found.explanation


AGREE = {
    "a row that says too little": (
        "Late fees\t£3,906",
        "Late fees are capped for the first time, at £75.",
    ),
    "the same in other words": (
        "Members may borrow seven books at a time.",
        "At a time members may borrow 7 books.",
    ),
    "another unit": (
        "Members may borrow seven books at a time.",
        "Members may borrow three tools at a time.",
    ),
    "another year": (
        "In 2019 the library lent 400 tools to members.",
        "In 2020 the library lent 500 tools to members.",
    ),
    "another place": (
        "The library in Harwick lends 400 tools.",
        "The library in Eastquay lends 500 tools.",
    ),
    "another company": ("The Company had revenue of $5 million.", "The Company had revenue of $9 million."),
    "another contract": (
        "This Agreement ends after 30 days of notice.",
        "This Agreement ends after 60 days of notice.",
    ),
    "another subject": (
        "The crossing takes 40 minutes in calm weather.",
        "The safety induction takes 20 minutes.",
    ),
    "a further value": (
        "Members may borrow seven books at a time.",
        "Members may borrow seven books and two books on top at a time.",
    ),
    "a spelling of a number": ("The fee is 1,500 euros a year.", "The fee is 1500 euros a year."),
    "a list": (
        "Members may borrow 1 saw, 2 drills, 3 planes and 4 files.",
        "Members may borrow 4 saws, 3 drills, 2 planes and 1 file.",
    ),
}


@pytest.mark.parametrize(("mine", "theirs"), AGREE.values(), ids=AGREE.keys())
def test_no_alarm(make_evidence: EvidenceMaker, mine: str, theirs: str) -> None:
    """What is said of something else, at another time, or in other words, does not contradict."""
    assert compared(make_evidence, mine, theirs) == []


def test_a_question_that_names_nothing_asks_about_many_things(make_evidence: EvidenceMaker) -> None:
    """Two fees are two fees, and no disagreement about "the fees"."""
    mine = "In January the Standard fee for drills was raised."
    theirs = "The late fee of class B was raised in the week before."

    assert compared(make_evidence, mine, theirs, question="What are the fees?") == []


def test_a_paraphrase_that_answers_otherwise(make_evidence: EvidenceMaker) -> None:
    """Where the question says what is compared, the words beside the value may differ."""
    mine = "Jonas Feld, a carpenter from the coast, rebuilt the granary of the old mill with his own hands."
    theirs = "It was Mira Stern who rebuilt the mill's granary."
    question = "Who rebuilt the granary of the mill?"

    (found,) = compared(make_evidence, mine, theirs, question)

    assert "stern" in found.explanation
    assert compared(make_evidence, mine, f"{theirs} Jonas Feld is her other name.", question) == []


def test_a_later_edition_supersedes(make_evidence: EvidenceMaker) -> None:
    """Of two editions by title, which is later is said, whichever is cited."""
    mine, theirs = "The annual fee is 36 euros.", "The annual fee is 42 euros."

    (found,) = compared(make_evidence, mine, theirs, first="Fees 2022", second="Fees 2024")
    (back,) = compared(make_evidence, theirs, mine, first="Fees 2024", second="Fees 2022")

    assert (found.kind, found.newer) == (Discord.SUPERSEDES, True)
    assert "later" in found.explanation
    assert (back.kind, back.newer) == (Discord.SUPERSEDES, False)


def test_a_document_that_says_that_it_replaces_another(make_evidence: EvidenceMaker) -> None:
    """Also where no value differs."""
    (found,) = compared(
        make_evidence,
        "Members may borrow seven books.",
        "This edition replaces the Lending rules of last year.",
        first="Lending rules",
        second="New rules",
    )

    assert (found.kind, found.newer) == (Discord.SUPERSEDES, True)


@pytest.fixture(scope="module")
def disputed(library: Library) -> dict[str, str]:
    """Two documents that contradict each other, and one that has nothing to do with them."""
    texts = {
        "a.md": "# Lending\n\nMembers may borrow seven books at a time.",
        "b.md": "# Notice\n\nMembers may borrow nine books at a time.",
        "c.md": "# Tools\n\nThe drill costs 5 euros a day.",
    }
    return {name: library.add(text, name, "disputed") for name, text in texts.items()}


ASKED = "How many books may members borrow at a time?"


def test_an_answer_shows_the_other_source(library: Library, disputed: dict[str, str]) -> None:
    """By quotation and by a model: the other passage to the letter, with its place, and less confidence."""
    text = says("Members may borrow seven books at a time [{k}].", k="seven books")
    for scenes in ((), (Scene.answer(text),)):
        answer = ask(library, Question(ASKED, "disputed"), *scenes).answer
        clean = ask(
            library, Question("What does the drill cost a day?", "disputed", mode=Mode.EXTRACTIVE)
        ).answer

        (found,) = answer.disagreements
        cited = answer.citations[found.citation - 1]
        assert {cited.document_id, found.other.document_id} == {disputed["a.md"], disputed["b.md"]}
        stored = library.store.catalog.text(found.other.document_id, found.other.version)
        assert found.other.quote == stored.text[found.other.start : found.other.end]
        assert answer.confidence.signals["disagreements"] == 1
        assert answer.confidence.level != "high"
        assert clean.disagreements == ()
        assert clean.confidence.signals["disagreements"] == 0


def test_an_answer_that_cites_both_sides_is_not_punished(library: Library, disputed: dict[str, str]) -> None:
    """A model that says that its sources disagree has told the reader."""
    text = says(
        "Members may borrow seven books at a time [{a}]. Members may borrow nine books at a time [{b}].",
        a="seven books",
        b="nine books",
    )

    answer = ask(library, Question(ASKED, "disputed"), Scene.answer(text)).answer

    assert len(answer.disagreements) == 2
    assert answer.confidence.signals["disagreements"] == 0
