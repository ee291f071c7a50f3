"""The answer by quotation: which sentences are chosen, in which order, and how they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rag.config import ExtractConfig
from rag.extract import Ranking, choose, is_statement, rank_sentences, readable

if TYPE_CHECKING:
    from ingest.embed import SentenceTransformerEmbedder
    from rag.candidate import Candidate
    from rag.types import Evidence
    from tests.rag.conftest import EvidenceMaker

Ranker = Callable[..., Ranking]

LIBRARY = (
    "# How long may books be kept?\n\n"
    "The library opens at nine on weekdays. Books may be kept for twenty-one days. "
    "It can be extended twice for the same time. Tools are lent for one week. How long may tents be kept?"
)


@pytest.fixture
def ranked(bundled: SentenceTransformerEmbedder) -> Ranker:
    """A function that ranks the sentences of some evidence for a question."""

    def rank(question: str, *evidence: Evidence, **weights: float) -> Ranking:
        return rank_sentences(
            question,
            bundled.embed_query(question),
            evidence,
            embedder=bundled,
            weights=weights,
            config=ExtractConfig(),
        )

    return rank


def text(candidate: Candidate) -> str:
    """The words of a candidate."""
    return candidate.evidence.slice(candidate.span)


def test_the_sentence_that_answers_comes_first(ranked: Ranker, make_evidence: EvidenceMaker) -> None:
    """Sentences are scored against the question, best first, with spans of the document."""
    found = ranked("How many days may I keep books?", make_evidence(LIBRARY, at=500)).candidates

    assert text(found[0]) == "Books may be kept for twenty-one days."
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert LIBRARY[found[0].span[0] - 500 : found[0].span[1] - 500] == text(found[0])


def test_headings_and_questions_are_never_chosen(ranked: Ranker, make_evidence: EvidenceMaker) -> None:
    """Not even when they have the question's very words."""
    found = ranked("How long may books be kept?", make_evidence(LIBRARY)).candidates

    assert not any("#" in text(each) or "?" in text(each) for each in found)
    assert text(found[0]) == "Books may be kept for twenty-one days."


def test_without_sentences_there_is_nothing_to_choose(ranked: Ranker, make_evidence: EvidenceMaker) -> None:
    """No evidence, or only a heading, gives no answer."""
    assert ranked("How long?").candidates == ()
    assert ranked("How long?", make_evidence("# How long")).candidates == ()
    assert choose(ranked("How long?"), ExtractConfig()) == []


def test_passages_of_no_score_can_be_ranked(ranked: Ranker, make_evidence: EvidenceMaker) -> None:
    """A search that finds nothing similar gives passages of score 0, whose sentences are ranked all the same."""
    found = ranked(
        "Where are the boats?", make_evidence("Boats need a permit. Dogs bark at cats.", score=0.0)
    ).candidates

    assert text(found[0]) == "Boats need a permit."


def test_a_sentence_that_leans_back_brings_the_one_before(
    ranked: Ranker, make_evidence: EvidenceMaker
) -> None:
    """A pronoun gets its antecedent, read before it, though that would not have been chosen itself."""
    source = "Alice Moor leads the harbour office. She was born in Lisbon in 1961. Boats need a permit."
    question = "In which year was the leader born in Lisbon?"
    found = ranked(question, make_evidence(source))

    assert text(found.candidates[0]) == "She was born in Lisbon in 1961."
    assert [text(each) for each in choose(found, ExtractConfig(max_sentences=1))] == [
        "Alice Moor leads the harbour office.",
        "She was born in Lisbon in 1961.",
    ]


def test_one_sentence_is_enough_when_nothing_new_follows(
    ranked: Ranker, make_evidence: EvidenceMaker
) -> None:
    """A second sentence that repeats the first is left out, in the same source or in another."""
    first = make_evidence("Books may be kept for twenty-one days. Boats need a permit.", "k7f")
    again = make_evidence("Books may be kept for twenty-one days.", "q2a")
    question = "How long may books be kept?"

    assert len(choose(ranked(question, first, again), ExtractConfig())) == 1


def test_a_second_sentence_must_cover_more_of_the_question(
    ranked: Ranker, make_evidence: EvidenceMaker
) -> None:
    """A question with two parts gets both answers, in the order of the document, and never more than allowed."""
    source = make_evidence("Books may be kept for 21 days. Boats bark. Tents may be kept for 7 days.")
    question = "How many days may tents and books be kept?"
    found = ranked(question, source)

    both = [text(each) for each in choose(found, ExtractConfig())]

    assert both == ["Books may be kept for 21 days.", "Tents may be kept for 7 days."]
    assert len(choose(found, ExtractConfig(max_sentences=1))) == 1


def test_equal_scores_have_one_order(ranked: Ranker, make_evidence: EvidenceMaker) -> None:
    """The same sentences in another order of sources give the same choice."""
    one, two = make_evidence("Boats need a permit.", "k7f"), make_evidence("Boats need a permit.", "q2a")

    forward = [each.evidence.key for each in ranked("Do boats need a permit?", one, two).candidates]

    assert forward == [each.evidence.key for each in ranked("Do boats need a permit?", two, one).candidates]


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("  It rose.\n", "It rose."),
        ("It\n  rose\tfast.", "It rose fast."),
        ("- It rose", "It rose."),
        ("* It **rose** _fast_", "It rose fast."),
        ("> It rose!", "It rose!"),
        ("It rose by “a lot.”", "It rose by “a lot.”"),
        ("| 2020 | 5 |", "2020 | 5."),
        ("snake_case and 2 * 3 stay.", "snake_case and 2 * 3 stay."),
        ("It rose:", "It rose:"),
        ("それは上がった。", "それは上がった。"),
    ],
)
def test_a_stored_sentence_reads_as_one_line(stored: str, read: str) -> None:
    """White space and Markdown's marks go, an end mark is added where there is none."""
    assert readable(stored) == read


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("It rose [1].", "It rose (1)."),
        ("It rose.[3]", "It rose.(3)."),
        ("It rose [^2] and fell [1, 12] in [4-6].", "It rose (^2) and fell (1, 12) in (4-6)."),
        ("It rose in [2019] as [sic] said.", "It rose in [2019] as [sic] said."),
    ],
)
def test_a_documents_own_footnote_marks_do_not_look_like_ours(stored: str, read: str) -> None:
    """A number in brackets inside a document must not be taken for a footnote of the answer."""
    assert readable(stored) == read


@pytest.mark.parametrize(
    ("sentence", "statement"),
    [
        ("Books may be kept.", True),
        ("# Books may be kept", False),
        ("May books be kept? ", False),
        ("Read on here", False),
        ("***", False),
        ("図書館は九時に開く。", True),
    ],
)
def test_what_is_a_statement(sentence: str, statement: bool) -> None:
    """A heading, a rule, a question and a few stray words say nothing that could be quoted."""
    assert is_statement(sentence) is statement
