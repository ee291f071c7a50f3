"""Judging answers: correctness, citations and abstention, against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.answers import Asked, Response, judge, to_ask
from rag.evaluation.citing import cited_ranges, evidence_figures, support_figures
from rag.evaluation.correctness import contains, is_right, token_f1, words
from rag.evaluation.figures import FIGURES, comparisons, figures, primary
from rag.evaluation.locate import Located, Target
from rag.evaluation.measures import Range
from rag.evaluation.questions import EvaluationQuestion
from rag.types import Answer, Citation, Claim, Confidence, Mode, Usage, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.evaluation.answers import AnswerOutcome

STORED = "Members may borrow seven books at a time. The fine is five euros. The garden opens in May."


def citation(number: int, start: int, end: int, quote: str | None = None) -> Citation:
    """A footnote on the stored text."""
    text = STORED[start:end] if quote is None else quote
    return Citation(number, "doc", 1, "T", "t.txt", start, end, text, None, (), (), 1.0)


def claim(text: str, verdict: Verdict, *citations: int) -> Claim:
    """A sentence of an answer."""
    return Claim(0, len(text), text, verdict, 1.0, citations)


def answer(
    *claims: Claim, citations: Sequence[Citation] = (), confidence: float = 0.8, abstained: bool = False
) -> Answer:
    """An answer of these claims."""
    rated = Confidence(confidence, "high", {}, "test")
    text = " ".join(each.text for each in claims)
    return Answer(
        "ans",
        text,
        abstained,
        "stop",
        claims,
        tuple(citations),
        rated,
        Mode.EXTRACTIVE,
        None,
        Usage(),
        0.0,
        {},
    )


def stored(each: Citation) -> str:
    """What the document says there."""
    return STORED[each.start : each.end]


def no_model(claim: Claim, citations: Sequence[Citation]) -> bool:
    """For claims with one citation, about which nobody is asked."""
    raise AssertionError("A claim with one citation is judged by its verdict.")


def judged(asked: Asked, response: Response) -> AnswerOutcome:
    """The outcome of a question whose claims have one citation each."""
    return judge(asked, response, no_model, stored)


def question(name: str = "q", **fields: object) -> Asked:
    """A question without evidence."""
    return Asked(EvaluationQuestion(name, 1, "What?", (), **fields), None)  # type: ignore[arg-type]


def located(*places: Range) -> Asked:
    """A question with evidence at these places."""
    target = Target(
        EvaluationQuestion("q", 1, "What?", ()),
        {"doc": 1},
        tuple((each, 1) for each in places),
        ("text/plain",),
    )
    return Asked(target.question, target)


SEVEN = claim("Members may borrow seven books at a time.", Verdict.SUPPORTED, 1)
SEVEN_CITED = citation(1, 0, 41)


# Correctness


def test_the_normal_form_is_that_of_squad() -> None:
    """Case, punctuation, articles and white space do not matter; typographic marks are those of the keyboard."""
    assert words("The  Eiffel-Tower, “isn’t” A 1,000") == ["eiffeltower", "isnt", "1000"]
    assert words("The") == ["the"]
    assert words("東京 Tokyo") == ["東", "京", "tokyo"]


@pytest.mark.parametrize(
    ("given_text", "accepted", "f1", "contained"),
    [
        ("seven books", ["Seven books!"], 1.0, True),
        ("They may borrow seven books.", ["seven books"], 2 * 2 / (5 + 2), True),
        ("seventeen books", ["seven books"], 2 * 1 / 4, False),
        ("books seven", ["seven books"], 1.0, False),
        ("nothing", ["seven", "nothing at all"], 2 * 1 / 4, False),
        ("", ["seven"], 0.0, False),
    ],
)
def test_f1_and_containment_by_hand(given_text: str, accepted: list[str], f1: float, contained: bool) -> None:
    """The best accepted answer counts; whole words, in their order, make it contained."""
    assert token_f1(given_text, accepted) == pytest.approx(f1)
    assert contains(given_text, accepted) is contained


@given(st.text(max_size=40), st.text(max_size=40))
def test_f1_is_symmetric_and_one_for_itself(left: str, right: str) -> None:
    """Whatever the texts, it lies in 0..1 and does not depend on which of them was accepted."""
    assert token_f1(left, [right]) == pytest.approx(token_f1(right, [left]))
    assert 0 <= token_f1(left, [right]) <= 1
    assert token_f1(left, [left]) == (1.0 if words(left) else 0.0)


def test_a_long_accepted_answer_need_not_stand_to_the_letter() -> None:
    """Of more than eight words three quarters are enough; short ones must stand as they are."""
    long = "because the only two offers exceeded the budget of the library by far"

    assert is_right("Both offers exceeded the budget of the library by far, because only two came.", [long])
    assert not is_right("Because the offers came late.", [long])
    assert not is_right("books seven", ["seven books"])


# Citations


def test_citation_precision_and_recall_by_hand() -> None:
    """The second claim is carried by its first citation alone; the third is not carried at all."""
    claims = (
        SEVEN,
        claim("The fine is five euros.", Verdict.SUPPORTED, 2, 3),
        claim("Nobody pays.", Verdict.CONTRADICTED, 3),
        claim("Hello.", Verdict.UNSUPPORTED),
    )
    cited = (SEVEN_CITED, citation(2, 42, 65), citation(3, 66, 90))

    found = support_figures(claims, cited, lambda _, given: any(each.number == 2 for each in given))

    assert found["citation_recall"] == 2 / 4
    # [1] and [2] are precise. [3] neither carries the second claim nor is it missed, and the third is not carried.
    assert found["citation_precision"] == 2 / 4
    assert (found["supported"], found["partial"], found["contradicted"]) == (0.5, 0.0, 0.25)


def test_a_citation_that_is_needed_is_precise_though_it_does_not_suffice() -> None:
    """Two halves that only together carry a claim are both right."""
    both = (claim("Seven books, five euros.", Verdict.SUPPORTED, 1, 2),)
    cited = (SEVEN_CITED, citation(2, 42, 65))

    together = support_figures(both, cited, lambda _, given: len(given) == 2)
    nothing = support_figures((claim("So it is.", Verdict.UNSUPPORTED),), (), no_model)

    assert (together["citation_precision"], together["citation_recall"]) == (1, 1)
    assert (nothing["citation_precision"], nothing["citation_recall"]) == (0, 0)


def test_evidence_is_found_by_half_of_the_shorter() -> None:
    """A footnote of a whole sentence finds the two words in it; footnotes that no claim uses do not count."""
    cited = cited_ranges((SEVEN, SEVEN), (SEVEN_CITED, citation(2, 42, 65)))

    assert cited == [Range("doc", 0, 41)]
    assert evidence_figures(cited, [Range("doc", 19, 30), Range("doc", 42, 65)], {"doc"}) == {
        "document_precision": 1.0,
        "evidence_precision": 1.0,
        "evidence_recall": 0.5,
    }
    assert evidence_figures(cited, [], {"other"}) == {"document_precision": 0.0}
    assert evidence_figures([], [Range("doc", 0, 9)], {"doc"})["evidence_precision"] == 0.0


# One question


def test_a_right_answer() -> None:
    """It counts everywhere, and its confidence is compared with having been right."""
    made = answer(SEVEN, citations=[SEVEN_CITED])
    found = judged(question(answers=("seven books",)), Response(made, seconds=0.5))

    assert found.right is True
    assert found.given
    assert found.values["accuracy"] == found.values["right"] == found.values["right_given"] == 1
    assert found.values["contained"] == 1
    assert found.values["over_abstention"] == 0
    assert found.values["brier"] == pytest.approx(0.04)
    assert found.values["citation_recall"] == 1
    assert "abstention" not in found.values


def test_without_accepted_answers_the_cited_evidence_decides() -> None:
    """An answer that cites another place is wrong; one whose question names documents alone is not judged."""
    made = answer(SEVEN, citations=[SEVEN_CITED])

    assert judged(located(Range("doc", 0, 41)), Response(made)).right is True
    elsewhere = judged(located(Range("doc", 66, 90)), Response(made))
    assert elsewhere.right is False
    assert elsewhere.values["evidence_recall"] == 0
    unjudged = judged(located(), Response(made))
    assert unjudged.right is None
    assert "accuracy" not in unjudged.values
    assert unjudged.values["document_precision"] == 1
    assert judged(question(), Response(made)).values.keys() >= {"supported", "failed"}


def test_an_unanswerable_question() -> None:
    """Silence is right; any answer is wrong, however well it is cited."""
    silent = answer(abstained=True)
    withheld = answer(SEVEN, citations=[SEVEN_CITED], confidence=0.1)
    kept = judged(question(unanswerable=True), Response(silent, withheld))
    said = judged(question(unanswerable=True), Response(withheld))

    assert (kept.values["accuracy"], kept.values["abstention"]) == (1, 1)
    assert (said.values["accuracy"], said.values["abstention"], said.values["right_given"]) == (0, 0, 0)
    # What was withheld would have been wrong, and that is what its confidence is about.
    assert (kept.right, kept.confidence, kept.given) == (False, 0.1, False)
    assert kept.values["brier"] == pytest.approx(0.01)
    assert "citation_recall" not in kept.values


def test_silence_on_an_answerable_question_is_not_right() -> None:
    """Nor has it an F1; what was withheld is still judged for its confidence."""
    asked = question(answers=("seven",))
    found = judged(asked, Response(answer(abstained=True), answer(SEVEN, citations=[SEVEN_CITED])))

    assert (found.values["right"], found.values["f1"], found.values["over_abstention"]) == (0, 0, 1)
    assert found.right is True
    assert "right_given" not in found.values


def test_an_error_is_counted_and_is_no_abstention() -> None:
    """Neither kind of question gains by it."""
    for asked in (question(answers=("seven",)), question(unanswerable=True)):
        found = judged(asked, Response(None, error="The gateway is gone."))

        assert found.values["failed"] == 1
        assert found.values["accuracy"] == 0
        assert "over_abstention" not in found.values
        assert found.right is None


def test_quotes_are_compared_with_the_stored_text() -> None:
    """Every footnote, also one of an answer that says nothing; the one that differs is named."""
    wrong = citation(2, 42, 65, "The fine is six euros.")
    found = judged(question(), Response(answer(SEVEN, citations=[SEVEN_CITED, wrong], abstained=True)))

    assert found.quotes == 2
    assert found.misquotes == (wrong,)
    assert figures([found])["quotes_exact"].mean == 0.5


def test_which_questions_are_asked() -> None:
    """Those with evidence that was found, and those that need none, in the order of the file."""
    one, two, three = (EvaluationQuestion(name, at, "?", ()) for at, name in enumerate(("a", "b", "c")))
    target = Target(three, {"doc": 1}, (), ("text/plain",))

    asked = to_ask([one, two, three], Located((target,), (), (one,)))

    assert [(each.question.id, each.answerable) for each in asked] == [("a", None), ("c", True)]


# All questions


def outcomes(*right: bool, confidence: float = 0.8) -> list[AnswerOutcome]:
    """A question for each, answered right or wrong."""
    texts = {True: SEVEN, False: claim("The fine is five euros.", Verdict.SUPPORTED, 1)}
    return [
        judged(
            question(f"q{at}", answers=("seven",)),
            Response(answer(texts[each], citations=[SEVEN_CITED], confidence=confidence), seconds=at / 10),
        )
        for at, each in enumerate(right)
    ]


def test_figures_over_all_questions() -> None:
    """Means with intervals; what is no mean is computed over all answers."""
    asked = outcomes(True, True, False, True)
    found = figures(asked)

    assert found["accuracy"].mean == 0.75
    assert found["ece"].mean == pytest.approx((3 * 0.2 + 0.8) / 4)
    assert found["aurc"].mean == pytest.approx(0.25)
    assert found["auroc"].mean == 0.5
    assert found["latency_p50"].mean == pytest.approx(150)
    assert found["failed"].mean == 0
    assert "abstention" not in found
    assert list(found) == [each.key for each in FIGURES if each.key in found]
    assert primary(asked).key == "accuracy"
    assert "auroc" not in figures(outcomes(True, True))


def test_fewer_of_a_bad_thing_is_better() -> None:
    """Wins and losses say which configuration is better, not which has the larger figure."""
    first, second = outcomes(True, False, False), outcomes(True, True, False)
    found = comparisons(first, second)

    assert (found["accuracy"].wins, found["accuracy"].losses, found["accuracy"].ties) == (1, 0, 2)
    assert (found["brier"].wins, found["brier"].losses) == (1, 0)
    assert found["brier"].difference.mean < 0
    assert found["ece"].difference.mean == pytest.approx(abs(0.8 - 2 / 3) - abs(0.8 - 1 / 3), abs=0.3)
    assert found["ece"].p is not None


def test_the_share_of_right_answers_is_compared_over_all_questions() -> None:
    """A configuration that withholds its wrong answers gives a larger share of right ones, and the test sees it."""
    first = outcomes(*[True, False] * 8)
    second = [
        each
        if each.right
        else judged(
            question(each.question_id, answers=("seven",)),
            Response(answer(abstained=True), each.response.answer),
        )
        for each in first
    ]
    found = comparisons(first, second)

    assert figures(second)["right_given"].mean == 1
    assert found["right_given"].difference.mean == 0.5
    assert found["right_given"].p is not None
    assert found["right_given"].p < 0.05
    assert found["ece"].difference.mean == 0


def test_the_cost_is_that_of_answers_with_a_known_price() -> None:
    """An answer by quotation costs nothing and is not counted as a cheap one."""
    made = answer(SEVEN, citations=[SEVEN_CITED])
    paid = replace(made, cost_usd=0.002, usage=Usage(100, 10))

    assert judged(question(), Response(paid)).values["cost_usd"] == 0.002
    assert "cost_usd" not in judged(question(), Response(made)).values
    assert "cost_usd" not in judged(question(), Response(replace(paid, cost_usd=None))).values
