"""Sentences that no source carries: found again, asked again, dropped, flagged, or the whole answer withheld."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rag.prompt import NOT_ANSWERED
from rag.types import Claimed, Done, OnUnsupported, Question, Verdict
from tests.doubles.scripted_gateway import Scene
from tests.rag.test_answer import ask, key_of, says

if TYPE_CHECKING:
    from rag.types import Answer
    from tests.rag.library import Library

# The second document is found for a question about mills only when somebody looks for it.
LENDING = "# Lending\n\nMembers may borrow seven books at a time. A renewal adds another 14 days."
MILL = "# Mill\n\nThe granary of the mill was rebuilt in 1834 by the carpenter Jonas Feld."
ASKED = Question("How many books may members borrow at a time?", "repair", top_k=1)


@pytest.fixture(scope="module", autouse=True)
def documents(library: Library) -> dict[str, str]:
    """Two documents, by file name."""
    return {
        name: library.add(text, name, "repair") for name, text in (("lending.md", LENDING), ("mill.md", MILL))
    }


def actions(answer: Answer) -> list[str]:
    """What was done, in order."""
    return [each["action"] for each in answer.trace["repairs"]]


def test_a_source_is_found_for_a_sentence_that_the_evidence_does_not_carry(
    library: Library, documents: dict[str, str]
) -> None:
    """The sentence is looked for once more in the same collection, and cites what was found there."""
    text = says("Members may borrow seven books [{m}]. Jonas Feld rebuilt the granary in 1834.", m="seven")

    outcome = ask(library, ASKED, Scene.answer(text))
    answer = outcome.answer

    assert [each["document_id"] for each in answer.trace["passages"]] == [documents["lending.md"]]
    assert answer.claims[1].verdict is Verdict.SUPPORTED
    assert answer.citations[1].document_id == documents["mill.md"]
    assert actions(answer) == ["found"]
    assert len(outcome.requests) == 1


def test_the_search_for_a_sentence_keeps_to_the_filter(library: Library, documents: dict[str, str]) -> None:
    """What the question may not see carries no sentence of its answer either."""
    text = says("Members may borrow seven books [{m}]. Jonas Feld rebuilt the granary in 1834.", m="seven")

    answer = ask(
        library, replace(ASKED, wanted={"filename": "lending.md"}, top_k=10), Scene.answer(text)
    ).answer

    assert {citation.document_id for citation in answer.citations} == {documents["lending.md"]}
    assert "Feld" not in answer.text
    assert actions(answer) == ["dropped"]


def test_a_sentence_is_asked_again_with_its_evidence(library: Library) -> None:
    """The wrong number goes back to the model with its source; the new wording is checked and stands in its place."""
    first = says("A renewal adds another 40 days [{m}]. Members may borrow seven books [{m}].", m="seven")
    again = says("A renewal adds another 14 days [{m}].", m="renewal")

    outcome = ask(library, ASKED, Scene.answer(first), Scene.answer(again))
    answer = outcome.answer

    assert answer.text.startswith("A renewal adds another 14 days.")
    assert [claim.verdict for claim in answer.claims] == [Verdict.SUPPORTED] * 2
    (repair,) = answer.trace["repairs"]
    assert (repair["action"], repair["text"]) == ("rewritten", "A renewal adds another 40 days.")
    assert repair["became"] == "A renewal adds another 14 days."
    assert "40 days" in outcome.requests[1].json["messages"][-1]["content"]
    assert "another 14 days" in outcome.requests[1].json["messages"][0]["content"]


def test_the_cost_of_asking_again_is_counted(library: Library) -> None:
    """The tokens of both calls are in the answer's usage and price."""
    first = says("A renewal adds another 40 days [{m}]. Members may borrow seven books [{m}].", m="seven")
    again = says("A renewal adds another 14 days [{m}].", m="renewal")
    plain = says("A renewal adds another 14 days [{m}]. Members may borrow seven books [{m}].", m="seven")

    whole = ask(library, ASKED, Scene.answer(first), Scene.answer(again)).answer
    once = ask(library, ASKED, Scene.answer(plain)).answer

    assert whole.usage.prompt_tokens > 1.5 * once.usage.prompt_tokens
    assert whole.cost_usd is not None
    assert once.cost_usd is not None
    assert whole.cost_usd > 1.5 * once.cost_usd


def test_a_budget_for_one_call_leaves_none_to_ask_again(library: Library) -> None:
    """A call that was not counted takes all that it could cost: the second is not made, and the trace says why."""
    first = says("A renewal adds another 40 days [{m}]. Members may borrow seven books [{m}].", m="seven")
    again = says("A renewal adds another 14 days [{m}].", m="renewal")

    uncounted = replace(Scene.answer(first), usage=False)
    outcome = ask(library, replace(ASKED, max_cost_usd=0.003), uncounted, Scene.answer(again))

    assert outcome.answer.text == "Members may borrow seven books. [1]"
    assert len(outcome.requests) == 1
    assert "max_cost_usd" in outcome.answer.trace["repairs"][0]["reason"]


@pytest.mark.parametrize(
    "again",
    [
        "A renewal adds another 50 days [{m}].",
        NOT_ANSWERED,
        "Members may borrow seven books at a time [{m}].",
        "Bananas grow in Ecuador [{m}].",
        "A renewal adds another 14 days [zzz9]. A renewal adds another 90 days [{m}].",
    ],
    ids=["wrong again", "given up", "something else", "off the point", "half right"],
)
def test_a_new_wording_must_be_carried_and_say_the_same_thing(library: Library, again: str) -> None:
    """A second wrong number, a repetition of another sentence or a new subject does not become the answer."""
    first = says("Members may borrow seven books [{m}]. A renewal adds another 40 days [{m}].", m="seven")

    answer = ask(library, ASKED, Scene.answer(first), Scene.answer(says(again, m="renewal"))).answer

    if "14" in again:
        assert answer.text == "Members may borrow seven books. [1] A renewal adds another 14 days. [2]"
    else:
        assert answer.text == "Members may borrow seven books. [1]"
        assert actions(answer) == ["dropped"]


@pytest.mark.parametrize("fault", [Scene.refusal(500), Scene.refusal(401), Scene.hang(), Scene.garbage()])
def test_a_gateway_that_fails_when_asked_again_costs_the_sentence_alone(
    library: Library, fault: Scene
) -> None:
    """The rest of the answer is given, in time; the trace names the failure; no price is claimed that nobody knows."""
    first = says("A renewal adds another 40 days [{m}]. Members may borrow seven books [{m}].", m="seven")
    started = time.monotonic()

    answer = ask(library, ASKED, Scene.answer(first), fault, deadline_s=3.0, first_byte_s=0.5).answer

    assert time.monotonic() - started < 4.0
    assert answer.text == "Members may borrow seven books. [1]"
    assert "asked again in vain: gateway_" in answer.trace["repairs"][0]["reason"]
    # What was refused costs nothing; of what hung or was garbage nobody knows.
    assert (answer.cost_usd is None) == (fault.status == 200)


def test_order_is_kept_and_the_stream_read_on_while_a_sentence_is_asked_again(library: Library) -> None:
    """Later sentences wait for one that is repaired, however late its new wording comes."""
    first = says(
        "Members may borrow seven books [{m}]. A renewal adds another 40 days [{m}]. Members borrow books [{m}].",
        m="seven",
    )
    again = replace(Scene.answer(says("A renewal adds another 14 days [{m}].", m="renewal")), delay_s=0.5)

    outcome = ask(library, ASKED, Scene.answer(first), again)
    told = [each.claim.text for each in outcome.events if isinstance(each, Claimed)]

    assert told == [
        "Members may borrow seven books.",
        "A renewal adds another 14 days.",
        "Members borrow books.",
    ]
    assert outcome.requests[0].done.is_set()


def test_nothing_is_begun_shortly_before_the_deadline(library: Library) -> None:
    """A sentence that is late is checked and kept from the reader without another call."""

    def late(sent: dict[str, Any]) -> list[str]:
        key = key_of(sent, "seven")
        return [f"Members may borrow seven books [{key}]. ", f"A renewal adds another 40 days [{key}]."]

    outcome = ask(library, ASKED, Scene.drip(late, 0.6), deadline_s=2.5)

    assert outcome.answer.text == "Members may borrow seven books. [1]"
    assert len(outcome.requests) == 1
    trace = outcome.answer.trace
    reasons = [each["reason"] for each in (*trace["repairs"], *trace["withheld"])]
    assert any("deadline" in reason for reason in reasons), reasons


FAULTY = "Members may borrow seven books [{m}]. Bananas grow in Ecuador [{m}]. A renewal adds 14 days [{m}]."


@pytest.mark.parametrize("policy", OnUnsupported)
def test_each_policy(library: Library, policy: OnUnsupported) -> None:
    """Flagged with its verdict, dropped, or the whole answer withheld; the trace has the sentence in every case."""
    question = replace(ASKED, on_unsupported=policy)

    outcome = ask(library, question, Scene.answer(says(FAULTY, m="seven")))
    answer = outcome.answer
    told = [each.claim for each in outcome.events if isinstance(each, Claimed)]

    assert answer.trace["repairs"][0]["text"] == "Bananas grow in Ecuador."
    if policy is OnUnsupported.FLAG:
        assert [claim.verdict for claim in told] == [
            Verdict.SUPPORTED,
            Verdict.UNSUPPORTED,
            Verdict.SUPPORTED,
        ]
        assert (told[1].citations, actions(answer)) == ((), ["flagged"])
    elif policy is OnUnsupported.DROP:
        assert [claim.verdict for claim in told] == [Verdict.SUPPORTED] * 2
        assert "Bananas" not in answer.text
        assert actions(answer) == ["dropped"]
    else:
        assert told == []
        assert (answer.abstained, answer.text, answer.claims) == (True, NOT_ANSWERED, ())
        assert actions(answer) == ["abstained"]
    assert isinstance(outcome.events[-1], Done)


def test_an_answer_of_one_flagged_sentence_is_shown(library: Library) -> None:
    """A wrong amount that is all there is reaches the reader with its verdict, and with little confidence."""
    text = says("A renewal adds another 40 days [{m}].", m="renewal")

    answer = ask(library, replace(ASKED, on_unsupported=OnUnsupported.FLAG), Scene.answer(text)).answer

    (claim,) = answer.claims
    assert not answer.abstained
    assert answer.text.startswith("A renewal adds another 40 days.")
    assert claim.verdict in (Verdict.UNSUPPORTED, Verdict.CONTRADICTED)
    assert actions(answer) == ["flagged"]
    assert answer.confidence.level == "low"


def test_a_refusal_is_not_flagged(library: Library) -> None:
    """A model that says that the documents do not answer abstains under every policy."""
    asked = replace(ASKED, on_unsupported=OnUnsupported.FLAG)

    assert ask(library, asked, Scene.answer(NOT_ANSWERED)).answer.abstained


def test_what_was_dropped_lowers_the_confidence(library: Library) -> None:
    """An answer of which a part was dropped is trusted less than the same answer without a fault."""
    clean = "Members may borrow seven books [{m}]. A renewal adds 14 days [{m}]."

    dropped = ask(library, ASKED, Scene.answer(says(FAULTY, m="seven"))).answer
    whole = ask(library, ASKED, Scene.answer(says(clean, m="seven"))).answer

    assert dropped.text == whole.text
    assert dropped.confidence.signals["dropped_share"] == pytest.approx(1 / 3)
    assert dropped.confidence.value < whole.confidence.value


def test_an_altered_quotation_is_never_shown(library: Library) -> None:
    """Also under the policy that flags: it is a false statement about the source."""
    text = says(
        'The rule says "members may borrow nine books at a time" [{m}]. A renewal adds 14 days [{m}].',
        m="seven",
    )

    answer = ask(library, replace(ASKED, on_unsupported=OnUnsupported.FLAG), Scene.answer(text)).answer

    assert "nine" not in answer.text
    assert actions(answer) == ["dropped"]


def test_a_greeting_needs_no_source(library: Library) -> None:
    """It is shown without a footnote under every policy, and changes neither verdict nor confidence."""
    plain = "Members may borrow seven books [{m}]."
    polite = f"Hello! {plain} I hope this helps."

    for policy in OnUnsupported:
        question = replace(ASKED, on_unsupported=policy)
        kind = ask(library, question, Scene.answer(says(polite, m="seven"))).answer
        curt = ask(library, question, Scene.answer(says(plain, m="seven"))).answer

        assert kind.text == "Hello! Members may borrow seven books. [1] I hope this helps."
        assert [claim.needs_source for claim in kind.claims] == [False, True, False]
        assert [claim.citations for claim in kind.claims] == [(), (1,), ()]
        assert kind.confidence.value == curt.confidence.value


def test_a_greeting_alone_is_no_answer(library: Library) -> None:
    """Courtesy around nothing is not presented as an answer."""
    assert ask(library, ASKED, Scene.answer("Hello! I hope this helps.")).answer.abstained


def test_missing_and_wrong_markers_are_in_the_trace(library: Library) -> None:
    """The server says for which sentences it found the source itself."""
    wrong = says("Jonas Feld rebuilt the granary in 1834 [{m}]. Members may borrow seven books.", m="seven")

    answer = ask(library, replace(ASKED, top_k=10), Scene.answer(wrong)).answer

    assert actions(answer) == ["moved", "attributed"]
    assert [claim.verdict for claim in answer.claims] == [Verdict.SUPPORTED] * 2


def test_a_broken_stream_is_not_repaired(library: Library) -> None:
    """Nothing is asked again for an answer that ends in an error."""
    text = says("A renewal adds another 40 days [{m}]. Members may borrow", m="seven")

    outcome = ask(library, ASKED, Scene.broken(text, "reset"))

    assert outcome.error is not None
    assert len(outcome.requests) == 1
    assert not any(isinstance(each, Claimed) for each in outcome.events)


class Left(Exception):
    """The reader is gone."""


def test_a_reader_who_leaves_ends_the_call_that_asks_again(library: Library) -> None:
    """Whatever is under way for an answer that nobody reads is given up, and its connection closed."""
    first = says("Members may borrow seven books [{m}]. A renewal adds another 40 days [{m}].", m="seven")

    def leave(event: object) -> None:
        if isinstance(event, Claimed):
            raise Left

    outcome = ask(library, ASKED, Scene.hang_after(first), meanwhile=leave)

    assert isinstance(outcome.error, Left)
    assert outcome.requests[0].disconnected.wait(2.0)


def test_an_answer_too_long_to_be_checked_in_time_is_cut(library: Library) -> None:
    """What was not checked before the deadline is not shown, and the answer does not pass for a finished one."""
    sentences = " ".join(
        f"Members may borrow seven books of shelf {number} [{{m}}]." for number in range(2000)
    )

    answer = ask(
        library, ASKED, Scene.answer(lambda sent: [says(sentences, m="seven")(sent)]), deadline_s=2.0
    ).answer

    assert answer.finish_reason == "length"
    assert "not checked before the deadline" in {each["reason"] for each in answer.trace["withheld"]}
    assert len(answer.claims) < 2000


def test_a_pronoun_is_read_with_what_the_answer_said_before(library: Library) -> None:
    """A sentence that says only "it" is checked under the name that the sentence before gives it."""
    text = says(
        "The granary of the mill was rebuilt in 1834 [{m}]. It was rebuilt by the carpenter Jonas Feld [{m}].",
        m="granary",
    )
    question = Question("What is known of the granary of the mill?", "repair")

    answer = ask(library, question, Scene.answer(text)).answer

    assert [claim.verdict for claim in answer.claims] == [Verdict.SUPPORTED] * 2
