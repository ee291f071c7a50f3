"""The few words that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cells import cell_asked_for
from rag.config import ExtractConfig
from rag.extract import choose, rank_sentences
from rag.learned import load_linear
from rag.short_answer import short_answer
from rag.spans import CROSSED, candidates, words_of

if TYPE_CHECKING:
    from ingest.embed import SentenceTransformerEmbedder
    from rag.types import Evidence, ShortAnswer
    from tests.rag.conftest import EvidenceMaker

TEXT = (
    "The harbour office was founded in 1961 by Alice Moor in Lisbon. It has twelve boats. "
    "Visitors leave their bags outside because the rooms are small."
)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When was the harbour office founded?", "1961"),
        ("Who founded the harbour office?", "Alice Moor"),
        ("Where was the harbour office founded?", "Lisbon"),
    ],
)
def test_the_words_that_answer(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker, question: str, words: str
) -> None:
    """They are the stored text from start to end, and part of a quoted sentence."""
    evidence = make_evidence(TEXT, at=300)
    ranking = rank_sentences(
        question,
        bundled.embed_query(question),
        [evidence],
        embedder=bundled,
        weights={},
        config=ExtractConfig(),
    )
    picked = choose(ranking, ExtractConfig())
    found = short_answer(ranking, picked)

    assert found is not None
    assert words in found.text
    assert TEXT[found.start - 300 : found.end - 300] == found.text
    assert any(each.span[0] <= found.start and found.end <= each.span[1] for each in picked)
    assert found.document_id == evidence.document_id


RADIATORS = (
    "# Radiators\n\n| Type | Power | Mass (kg) | Price |\n|---|---|---|---|\n"
    "| HX-20 | 1.5 kW | 12 | $340 |\n| HX-30 | 2.1 kW | 17 | $415 |\n"
)
PEOPLE = "Name;Team;Pay;Begin\nTom Ekman;Sales;41000;2018-02-01\nRosa Diaz;Design;52000;2020-09-15\n"


@pytest.mark.parametrize(
    ("question", "row", "words"),
    [
        ("What is the price of the HX-20?", "HX-20", "$340"),
        ("What is the power of the HX-30?", "HX-30", "2.1 kW"),
        ("What is the mass of the HX-30?", "HX-30", "17"),
        ("Which type has a price of $415?", "HX-30", "HX-30"),
        ("What is the price of the HX-20?", "HX-30", None),
        ("What is the colour of the HX-20?", "HX-20", None),
        ("What are the power and price of the HX-20?", "HX-20", None),
        ("What is the price of the HX-20?", "Type", None),
    ],
)
def test_the_cell_of_the_column_that_is_asked_for(
    make_evidence: EvidenceMaker, question: str, row: str, words: str | None
) -> None:
    """Of a row that the question names as well; else none."""
    evidence = make_evidence(RADIATORS, at=50)
    index = next(i for i, span in enumerate(evidence.sentences) if row in evidence.slice(span))

    found = cell_asked_for(question, evidence, index)

    assert (found and evidence.slice(found)) == words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When did Tom Ekman begin?", "2018-02-01"),
        ("What is the pay of Rosa Diaz?", "52000"),
        ("Where does Rosa Diaz live?", None),
    ],
)
def test_the_cell_of_a_csv_line(make_evidence: EvidenceMaker, question: str, words: str | None) -> None:
    """Its columns are named by the first line; without that line nothing is said."""
    evidence = make_evidence(PEOPLE, filename="people.csv")
    later = make_evidence(PEOPLE, filename="people.csv", at=900)

    found = cell_asked_for(question, evidence, 0)

    assert (found and evidence.slice(found)) == words
    assert cell_asked_for(question, later, 0) is None


LEASE = (
    "The lease begins on 3 May 2021 and runs for 48 months. This cap does not apply to wilful harm or fraud. "
    "The boiler will be replaced in June 2027. The court of Bergen has sole jurisdiction."
)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How long does the lease run?", "48 months"),
        ("When does the lease begin?", "3 May 2021"),
        ("When will the boiler be replaced?", "June 2027"),
    ],
)
def test_durations_and_dates_are_whole(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker, question: str, words: str
) -> None:
    """A question how long wants a duration and no date; a date has its month and its year."""
    found = asked_of(bundled, make_evidence(LEASE), question)

    assert found is not None
    assert found.text == words


@pytest.mark.parametrize("question", ["What does the cap not apply to?", "Which court has jurisdiction?"])
def test_no_pronoun_and_no_piece_of_a_clause(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker, question: str
) -> None:
    """Neither "This" nor "Bergen has sole" is an answer."""
    found = asked_of(bundled, make_evidence(LEASE), question)

    assert found is not None
    assert found.text.casefold() not in ("this", "the", "this cap")
    assert " has" not in found.text
    assert " does" not in found.text


def test_one_item_of_a_list_does_not_answer_for_all(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """A question for several things is answered by the list."""
    text = "The service levels are:\n\n- Service availability: 99.5 % per month\n- Service response: 20 minutes\n"

    assert asked_of(bundled, make_evidence(text), "What are the service levels?") is None


def test_two_amounts_in_prose_are_no_table(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """A day and a year that follow one another are no cells."""
    text = "The truce was signed on January 18, 1974 in Geneva. The envoys left."

    found = asked_of(bundled, make_evidence(text), "When was the truce signed?")

    assert found is not None
    assert found.text == "January 18, 1974"


def asked_of(bundled: SentenceTransformerEmbedder, evidence: Evidence, question: str) -> ShortAnswer | None:
    """The short answer from one piece of evidence."""
    vector = bundled.embed_query(question)
    ranking = rank_sentences(
        question, vector, [evidence], embedder=bundled, weights={}, config=ExtractConfig()
    )
    return short_answer(ranking, choose(ranking, ExtractConfig()))


def test_an_explanation_has_no_short_answer(
    bundled: SentenceTransformerEmbedder, make_evidence: EvidenceMaker
) -> None:
    """Nor has an answer without sentences."""
    question = "Why do visitors leave their bags outside?"
    ranking = rank_sentences(
        question,
        bundled.embed_query(question),
        [make_evidence(TEXT)],
        embedder=bundled,
        weights={},
        config=ExtractConfig(),
    )

    assert short_answer(ranking, choose(ranking, ExtractConfig())) is None
    assert short_answer(ranking, []) is None


@given(st.text(max_size=200))
def test_candidates_are_words_of_any_text(text: str) -> None:
    """Every candidate is a stretch from the first to the last of its words, whatever the text is."""
    words = words_of(text)

    for first, last in candidates(words, text):
        assert 0 <= first <= last < len(words)
        assert text[words[first].start : words[last].end].strip()


def test_the_model_reads_what_is_measured() -> None:
    """The shipped weights are those of these columns, in this order."""
    assert load_linear("spans-2026-11").features == CROSSED
