"""Support for a claim: what carries it is found, and what cannot be checked counts as unsupported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.types import Verdict
from rag.verify import PARTIAL_AT, SUPPORTED_AT, Verifier
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.embed import SentenceTransformerEmbedder
    from tests.rag.conftest import EvidenceMaker, VerifierMaker

RULES = (
    "Members may borrow seven books at a time. Refunds are paid within 14 days of the return. "
    "Never open the valve under pressure. The 2020 fee is 5,000 euros. "
    "The company was founded by Alice Moor in 1990."
)


@pytest.mark.parametrize(
    ("claim", "carrier"),
    [
        (
            "After a return, the refund is paid within 14 days.",
            "Refunds are paid within 14 days of the return.",
        ),
        ("A member may borrow 7 books.", "Members may borrow seven books at a time."),
        ("It was Alice Moor who founded the company.", "The company was founded by Alice Moor in 1990."),
        ("The fee in 2020 was 5000 euros.", "The 2020 fee is 5,000 euros."),
        ("You must never open the valve while it is under pressure.", "Never open the valve under pressure."),
    ],
)
def test_a_paraphrase_is_supported_by_its_sentence(
    make_verifier: VerifierMaker, claim: str, carrier: str
) -> None:
    """The same statement in other words, with its number in figures or words, names the sentence it rests on."""
    support = make_verifier(RULES).check(claim)

    assert support.verdict is Verdict.SUPPORTED
    assert support.score >= SUPPORTED_AT
    assert not support.quoted
    assert support.span is not None
    assert RULES[slice(*support.span)] == carrier


@pytest.mark.parametrize(
    "claim",
    [
        "Refunds are paid within 30 days of the return.",
        "Members may borrow nine books at a time.",
        "Members may borrow 70 books at a time.",
        "The 2020 fee is 5 euros.",
        "The fee is 5.",
        "The company was founded by Robert Hale in 1990.",
        "Volcanoes erupt when magma rises.",
    ],
)
def test_another_fact_is_not_supported(make_verifier: VerifierMaker, claim: str) -> None:
    """Another number in figures or words, another name, another subject: none is carried."""
    support = make_verifier(RULES).check(claim)

    assert support.verdict is not Verdict.SUPPORTED
    assert support.score < SUPPORTED_AT


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("Dogs are not allowed in the museum.", "Dogs are allowed in the museum."),
        ("Dogs are allowed in the museum.", "Dogs are not allowed in the museum."),
        ("Never open the valve under pressure.", "Open the valve under pressure."),
        ("It is not true that members may borrow ten books.", "Members may borrow ten books."),
        ("You may not open the valve.", "You may ... open the valve."),
    ],
)
def test_the_opposite_is_contradicted(make_verifier: VerifierMaker, source: str, claim: str) -> None:
    """A negation on one side only turns the claim round, also when its words stand in the source as they are."""
    support = make_verifier(source).check(claim)

    assert support.verdict is Verdict.CONTRADICTED
    assert support.score < PARTIAL_AT


@pytest.mark.parametrize(
    "source",
    [
        "Fees fell. Members may borrow  seven\nbooks at a time. Dogs bark.",
        "Rules:\n\n- Members may borrow seven books at a time.\n- Dogs stay out.",
        "Rules:\n\n3. Members may borrow seven books at a time.\n4. Dogs stay out.",
        "“Members may borrow seven books at a time.”",
    ],
)
def test_a_whole_sentence_of_the_source_is_worth_one(make_verifier: VerifierMaker, source: str) -> None:
    """An exact quotation is supported in full and points at its words, without bullet or number."""
    support = make_verifier(source).check("Members may borrow seven books at a time.")

    assert (support.score, support.verdict, support.quoted) == (1.0, Verdict.SUPPORTED, True)
    assert support.span is not None
    quoted = source[slice(*support.span)]
    assert " ".join(quoted.split()) == "Members may borrow seven books at a time"


def test_offsets_are_those_of_the_document(make_verifier: VerifierMaker) -> None:
    """Evidence that begins inside its document gives spans of the document, quoted or not."""
    verifier = make_verifier(RULES, at=1000)

    for claim in ("Members may borrow seven books at a time.", "A member may borrow 7 books."):
        support = verifier.check(claim)

        assert support.span is not None
        assert support.evidence is not None
        assert support.span[0] == 1000
        assert support.evidence.slice(support.span).startswith("Members may borrow seven books at a time")


def test_one_claim_may_sum_up_sentences_that_follow_one_another(make_verifier: VerifierMaker) -> None:
    """Two facts of neighbouring sentences are carried by both together."""
    source = "The tower was built in 1889. Its height is 330 metres. Dogs bark."

    support = make_verifier(source).check("The tower of 330 metres height was built in 1889.")

    assert support.verdict is Verdict.SUPPORTED
    assert support.span is not None
    assert source[slice(*support.span)] == "The tower was built in 1889. Its height is 330 metres."


def test_keys_restrict_where_to_look(make_verifier: VerifierMaker) -> None:
    """A claim is only carried by the sources that it names, quoted or paraphrased, and by none when none is."""
    verifier = make_verifier("Dogs stay outside.", RULES)
    quoted, paraphrased = "Members may borrow seven books at a time.", "A member may borrow 7 books."

    for claim in (quoted, paraphrased):
        assert verifier.check(claim, ["k1f"]).verdict is Verdict.SUPPORTED
        assert verifier.check(claim, ["k0f"]).verdict is Verdict.UNSUPPORTED
        assert verifier.check(claim, []).evidence is None
        assert verifier.check(claim, ["zzz"]).score == 0.0


@pytest.mark.parametrize("claim", ["", "   ", "It is that which it is.", "…", "?!"])
def test_a_claim_without_content_is_unsupported(make_verifier: VerifierMaker, claim: str) -> None:
    """What cannot be checked fails closed."""
    support = make_verifier(RULES).check(claim)

    assert (support.score, support.verdict, support.span) == (0.0, Verdict.UNSUPPORTED, None)


def test_without_evidence_nothing_is_supported(make_verifier: VerifierMaker) -> None:
    """No sources, or an empty one: unsupported."""
    for verifier in (make_verifier(), make_verifier(""), make_verifier(" \n ")):
        assert verifier.check("Members may borrow seven books at a time.").verdict is Verdict.UNSUPPORTED


def test_names_with_an_apostrophe_are_the_same_names(make_verifier: VerifierMaker) -> None:
    """A possessive in the source is the name that the claim has."""
    support = make_verifier("Acme's policy covers water damage.").check(
        "The policy of Acme covers water damage."
    )

    assert support.score > 0.9


def test_title_and_headings_name_the_subject(make_verifier: VerifierMaker) -> None:
    """A number and a name that stand in the heading are not held against the claim."""
    claim = "The Riverside branch opens at nine on 24 December."
    under = {"title": "Riverside branch", "headings": ("24 December",)}

    assert make_verifier("It opens at nine.", **under).check(claim).verdict is Verdict.SUPPORTED
    assert make_verifier("It opens at nine.").check(claim).verdict is not Verdict.SUPPORTED


def test_quotations_are_found_with_their_place(make_verifier: VerifierMaker) -> None:
    """``find`` gives the evidence and the span in the document, among the keys, or None."""
    verifier = make_verifier("Dogs bark.", RULES)

    found = verifier.find("opens the valve") or verifier.find("open  the valve")

    assert found is not None
    assert found[0].key == "k1f"
    assert RULES[slice(*found[1])] == "open the valve"
    assert verifier.find("open the valve", ["k0f"]) is None
    assert verifier.find("shut the valve") is None


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("Refunds are paid within 30 days of the return.", "the source says 14 days, not 30 days"),
        ("Refunds are paid within 14 weeks of the return.", "the source says 14 days, not 14 weeks"),
        ("The company was founded by Alice Moor in 1992.", "the source says 1990, not 1992"),
        ("The company was founded by Robert Hale in 1990.", "the source does not name Robert Hale"),
        ("Refunds are not paid within 14 days of the return.", "the source does not say “not”"),
    ],
)
def test_faults_are_told_and_the_sentence_that_says_otherwise_is_named(
    make_verifier: VerifierMaker, claim: str, told: str
) -> None:
    """What is wrong is said in words, and the score stays low however similar the rest is."""
    support = make_verifier(RULES).check(claim)

    assert told in support.faults
    assert support.score < PARTIAL_AT
    assert support.verdict in (Verdict.UNSUPPORTED, Verdict.CONTRADICTED)
    if "does not" not in told:
        assert support.against is not None
        piece, span = support.against
        assert piece.slice(span).split()[0] == claim.split(maxsplit=1)[0]


def test_a_supported_claim_has_no_faults(make_verifier: VerifierMaker) -> None:
    """Nothing is held against a claim that its source carries."""
    support = make_verifier(RULES).check("After a return, the refund is paid within 14 days.")

    assert (support.faults, support.against) == ((), None)


def test_the_text_before_says_what_a_pronoun_stands_for(make_verifier: VerifierMaker) -> None:
    """A pronoun is the last subject: right for one context, and another person's name for the other."""
    verifier = make_verifier(
        "Alice Moor founded the company in 1990 and led it for ten years.", "Bob Hale bakes bread."
    )

    alone = verifier.check("She founded the company.")
    right = verifier.check("She founded the company.", context="Alice Moor was born in Ulm.")
    wrong = verifier.check("She founded the company.", context="Carla Stone was born in Ulm.")

    assert right.verdict is Verdict.SUPPORTED
    assert wrong.score < PARTIAL_AT
    assert "the source does not name Carla Stone" in wrong.faults
    assert alone.score > wrong.score


def test_a_check_that_fails_supports_nothing(
    make_evidence: EvidenceMaker, bundled: SentenceTransformerEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    """A part that raises makes the claim unsupported, says so, and is logged."""

    def broken(words: Sequence[str]) -> Mapping[str, float]:
        raise RuntimeError(f"no weights of {len(words)} words")

    support = Verifier([make_evidence(RULES)], bundled, broken).check("A member may borrow 7 books.")

    assert (support.score, support.verdict, support.evidence) == (0.0, Verdict.UNSUPPORTED, None)
    assert "no weights" in support.faults[0]
    assert "counts as unsupported" in caplog.text


def test_another_embedder_is_checked_by_words_alone(make_evidence: EvidenceMaker) -> None:
    """The models of the bundled vectors are not used for others: words and facts decide."""
    verifier = Verifier([make_evidence(RULES)], HashingEmbedder(), lambda words: dict.fromkeys(words, 1.0))

    assert verifier.check("A member may borrow 7 books at a time.").score >= PARTIAL_AT
    assert verifier.check("Members may borrow nine books at a time.").score < PARTIAL_AT
    assert verifier.check("Volcanoes erupt when magma rises.").verdict is Verdict.UNSUPPORTED


def test_long_sources_are_narrowed_down_and_still_searched(make_verifier: VerifierMaker) -> None:
    """The sentence that carries a claim is found among hundreds, with its offsets."""
    filler = " ".join(f"Paragraph {number} speaks about gardens, rivers and roads." for number in range(300))
    source = f"{filler} {RULES} {filler}"

    support = make_verifier(source).check("A member may borrow 7 books.")

    assert support.verdict is Verdict.SUPPORTED
    assert support.span is not None
    assert source[slice(*support.span)] == "Members may borrow seven books at a time."


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The bond is rated A+.", "The bond is rated A."),
        ("−20 °C is the storage temperature.", "20 °C is the storage temperature."),
        ("The program is written in C++.", "The program is written in C."),
        ("❌ Share your password with colleagues.", "Share your password with colleagues."),
    ],
)
def test_signs_beside_a_quotation_change_what_it_says(
    make_verifier: VerifierMaker, source: str, claim: str
) -> None:
    """A sentence without its sign is not the source's own."""
    assert not make_verifier(source).check(claim).quoted


def test_a_pronoun_stands_for_what_the_answer_spoke_of(make_verifier: VerifierMaker) -> None:
    """The same words about another thing are no quotation."""
    verifier = make_verifier("The museum has two floors. It is closed on Mondays. The library has a cafe.")

    found = verifier.check("It is closed on Mondays.", context="The library has a cafe.")

    assert not found.quoted


def test_the_first_clause_is_checked_whatever_stands_before(make_verifier: VerifierMaker) -> None:
    """A lead-in, a heading or a sentence without its full stop does not take a clause away."""
    verifier = make_verifier("The cafe of the museum sells soup at noon.")
    claim = "Herr Gruber was jailed for tax fraud in Vienna, and the cafe of the museum sells soup at noon."

    for before in ("", "Here are the facts about the museum:", "**Prices**", "The museum opens at ten"):
        assert verifier.check(claim, context=before).verdict is not Verdict.SUPPORTED, before
