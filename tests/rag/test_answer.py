"""Whole answers over a real store, from a scripted gateway over real HTTP or by quotation."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from index.errors import NotFound
from rag.answer import Answerer
from rag.config import AnswerConfig, ExtractConfig, GatewayConfig, RetrieveConfig
from rag.conversation import standalone
from rag.errors import (
    BudgetExceeded,
    GatewayNotConfigured,
    GatewayRateLimited,
    GatewayTimeout,
    GatewayUnavailable,
    IncompleteAnswer,
)
from rag.gateway import Gateway
from rag.prompt import NOT_ANSWERED
from rag.tokens import TokenCounter
from rag.types import Answer, Cited, Claimed, Done, Event, Mode, OnUnsupported, Question, Retrieved, Verdict
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.scripted_gateway import Recorded
    from tests.rag.library import Library

MEMBERS = (
    "# Lending\n\nMembers may borrow seven books at a time. Books may be kept for twenty-one days. "
    "A renewal adds another 14 days."
)
TOOLS = (
    "# Tools\n\nTools are lent for one week. The drill costs 5 euros a day. Never lend the saw to children."
)
FORGED = (
    "# Archive\n\nThe archive opens at ten o'clock [1]. Ask for the map room at the desk [k7f]. "
    "Visitors leave bags outside [^2], as source: b2c says."
)
QUESTION = "How many books may members borrow?"
FLAGGED = Question(QUESTION, "answers", on_unsupported=OnUnsupported.FLAG)


@pytest.fixture(scope="module")
def documents(library: Library) -> dict[str, str]:
    """Three documents, by file name."""
    texts = {"members.md": MEMBERS, "tools.md": TOOLS, "archive.md": FORGED}
    return {name: library.add(text, name, "answers") for name, text in texts.items()}


@dataclass(slots=True)
class Outcome:
    """What asking gave."""

    events: list[Event] = field(default_factory=list)
    error: Exception | None = None
    requests: list[Recorded] = field(default_factory=list)

    @property
    def answer(self) -> Answer:
        """The finished answer."""
        assert self.error is None, self.error
        assert isinstance(self.events[-1], Done)
        return self.events[-1].answer


def ask(
    library: Library,
    question: Question | str,
    *scenes: Scene,
    meanwhile: Callable[[Event], None] = lambda _: None,
    **changes: Any,
) -> Outcome:
    """Ask in a fresh event loop; ``meanwhile`` is called with each event."""
    if isinstance(question, str):
        question = Question(question, "answers")
    if not scenes:
        return asyncio.run(_collect(library, question, None, GatewayConfig(None), meanwhile))
    with ScriptedGateway(scenes) as server:
        quick = GatewayConfig(server.url, deadline_s=10, backoff_min_s=0.01, backoff_max_s=0.02)
        outcome = asyncio.run(_collect(library, question, server.url, replace(quick, **changes), meanwhile))
        outcome.requests = server.chats
        return outcome


def answerer_of(library: Library, gateway: Gateway | None, config: GatewayConfig) -> Answerer:
    """What answers from a library."""
    return Answerer(
        store=library.store,
        embedder=library.embedder,
        parser=library.parser,
        gateway=gateway,
        gateway_config=config,
        tokens=TokenCounter("words", lambda text: len(text.split())),
        retrieve_config=RetrieveConfig(),
        reranker=None,
        judge=None,
        extract_config=ExtractConfig(),
        config=AnswerConfig(),
    )


async def _collect(
    library: Library,
    question: Question,
    url: str | None,
    config: GatewayConfig,
    meanwhile: Callable[[Event], None],
) -> Outcome:
    gateway = Gateway(config) if url else None
    answerer = answerer_of(library, gateway, config)
    outcome = Outcome()
    try:
        async with aclosing(answerer.answer(question)) as events:
            async for each in events:
                outcome.events.append(each)
                meanwhile(each)
    except Exception as error:
        outcome.error = error
    finally:
        if gateway:
            await gateway.aclose()
    return outcome


def key_of(sent: dict[str, Any], words: str) -> str:
    """The key under which the prompt shows the source with these words."""
    for key, text in re.findall(
        r'<source key="(\w+)"[^>]*>\n(.*?)\n</source>', sent["messages"][0]["content"], re.DOTALL
    ):
        if words in text:
            return str(key)
    raise AssertionError(f"no source holds {words!r}")


def says(text: str, **sources: str) -> Callable[[dict[str, Any]], str]:
    """A model's text in which each ``{name}`` becomes the key of the source with these words."""

    def write(sent: dict[str, Any]) -> str:
        return text.format(**{name: key_of(sent, words) for name, words in sources.items()})

    return write


MODEL_TEXTS = {
    "two sentences": "Seven books may be borrowed by members. [{m}] They may be kept for 21 days [{m}].",
    "several sources": "Members may borrow seven books [{m}]. The drill costs 5 euros per day [{t}].",
    "paragraphs and list": "Rules:\n\n- Members may borrow seven books [{m}]\n- Tools are lent for a week [{t}]",
    "nothing marked": "Members may borrow seven books. Tools are lent for one week.",
    "unsupported in between": "Members may borrow seven books [{m}]. Bananas are yellow [{t}]. Tools: a week [{t}].",
    "emoji": "Members may borrow seven books 😀 [{m}]. Höher geht es nicht [{m}]. The drill costs 5 euros a day [{t}].",
}


@pytest.mark.parametrize("text", MODEL_TEXTS.values(), ids=MODEL_TEXTS.keys())
def test_every_answer_keeps_its_promises(library: Library, documents: dict[str, str], text: str) -> None:
    """Quotes are the stored text, claims are slices of the answer and cover all of it, numbers resolve."""
    answer = ask(library, QUESTION, Scene.answer(says(text, m="seven books", t="one week"))).answer

    for citation in answer.citations:
        stored = library.store.catalog.text(citation.document_id, citation.version)
        assert citation.quote == stored.text[citation.start : citation.end]
        assert citation.quote.strip()
    assert [citation.number for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    rest = list(answer.text)
    for claim in answer.claims:
        assert answer.text[claim.start : claim.end] == claim.text
        assert set(claim.citations) <= {citation.number for citation in answer.citations}
        assert not re.search(r"\[\w+\]", claim.text)
        rest[claim.start : claim.end] = " " * (claim.end - claim.start)
    assert re.sub(r"\[\d+\]", "", "".join(rest)).strip() == ""
    assert not answer.abstained


def test_a_cited_answer(library: Library, documents: dict[str, str]) -> None:
    """Sentences with good keys are supported, their footnotes numbered by first use, and the model named."""
    text = says(
        "Tools are lent for a week [{t}]. Members may borrow seven books [{m}][{t}].", m="seven", t="saw"
    )

    outcome = ask(library, QUESTION, Scene.answer(text))
    answer = outcome.answer

    assert answer.text == "Tools are lent for a week. [1] Members may borrow seven books. [2]"
    assert [claim.verdict for claim in answer.claims] == [Verdict.SUPPORTED] * 2
    assert [citation.quote for citation in answer.citations] == [
        "Tools are lent for one week.",
        "Members may borrow seven books at a time.",
    ]
    assert [citation.document_id for citation in answer.citations] == [
        documents["tools.md"],
        documents["members.md"],
    ]
    assert answer.citations[1].headings == ("Lending",)
    assert (answer.mode, answer.model, answer.finish_reason) == (Mode.GENERATIVE, "gpt-4.1-mini", "stop")
    assert answer.usage.prompt_tokens > 100
    assert answer.cost_usd == pytest.approx(
        (answer.usage.prompt_tokens * 0.4 + answer.usage.completion_tokens * 1.6) / 1e6
    )
    assert answer.confidence.signals["invented_keys"] == 0


def test_events_come_in_order(library: Library, documents: dict[str, str]) -> None:
    """Passages first, each footnote before the claim that uses it, the whole answer last."""
    text = says(
        "Members may borrow seven books [{m}]. The drill costs 5 euros a day [{t}].", m="seven", t="saw"
    )

    events = ask(library, QUESTION, Scene.answer(text)).events

    assert [type(each) for each in events] == [Retrieved, Cited, Claimed, Cited, Claimed, Done]
    assert [each.claim.citations for each in events if isinstance(each, Claimed)] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("mark", "invented"),
    [
        ("[S99]", 1),
        ("[abcd]", 1),
        ("[members.md]", 1),
        ("[Source: members.md]", 1),
        ("[source 3]", 1),
        ("({m})", 0),
    ],
)
def test_no_spelling_of_a_key_reaches_the_reader(
    library: Library, documents: dict[str, str], mark: str, invented: int
) -> None:
    """Neither one that was made up, nor a source's name, nor an issued one in other brackets."""
    text = says(f"Members may borrow seven books at a time {mark}.", m="seven")

    answer = ask(library, FLAGGED, Scene.answer(text)).answer

    assert answer.text == "Members may borrow seven books at a time. [1]"
    assert answer.confidence.signals["invented_keys"] == invented


def test_invented_keys_are_counted_and_lower_the_confidence(
    library: Library, documents: dict[str, str]
) -> None:
    """Keys that were never issued cite nothing; each costs confidence."""
    good = says("Members may borrow seven books [{m}].", m="seven books")
    forged = says("Members may borrow seven books [{m}][b9c][1].", m="seven books")

    honest = ask(library, QUESTION, Scene.answer(good)).answer
    forger = ask(library, QUESTION, Scene.answer(forged)).answer

    assert forger.text == honest.text
    assert len(forger.citations) == len(honest.citations) == 1
    assert forger.confidence.signals["invented_keys"] == 2
    assert forger.confidence.value < honest.confidence.value


def test_an_altered_quotation_is_withheld(library: Library, documents: dict[str, str]) -> None:
    """Words in quotation marks that no source has reach no reader; they are counted and traced."""
    text = says(
        'The rule says "members may borrow nine books at a time" [{m}]. The drill costs 5 euros a day [{t}]. '
        'And "books may be kept for twenty-one days" [{m}].',
        m="seven books",
        t="saw",
    )

    answer = ask(library, QUESTION, Scene.answer(text)).answer

    assert "nine" not in answer.text
    assert "5 euros" in answer.text
    assert '"books may be kept for twenty-one days"' in answer.text
    assert answer.confidence.signals["altered_quotes"] == 1
    assert [each["reason"] for each in answer.trace["withheld"]] == ["altered quotation"]


def test_an_exact_quotation_does_not_support_what_is_said_about_it(
    library: Library, documents: dict[str, str]
) -> None:
    """A sentence that a quoted phrase is only a part of is not shown for the phrase's sake."""
    text = says(
        'Napoleon abolished the law that "the drill costs 5 euros" near Moscow in winter [{m}].',
        m="seven books",
    )

    answer = ask(library, QUESTION, Scene.answer(text)).answer

    assert answer.abstained
    assert "Napoleon" not in answer.text


def test_a_marker_cut_in_two(library: Library, documents: dict[str, str]) -> None:
    """A marker that arrives in two deltas is one marker."""

    def cut(sent: dict[str, Any]) -> list[str]:
        key = key_of(sent, "seven books")
        return [
            "Members may borrow seven books",
            f" [{key[0]}",
            f"{key[1:]}",
            "].",
            " A renewal adds 14 days [",
            f"{key}]",
        ]

    answer = ask(library, QUESTION, Scene.answer(cut)).answer

    assert answer.text == "Members may borrow seven books. [1] A renewal adds 14 days [2]"
    assert answer.confidence.signals["invented_keys"] == 0


def test_a_missing_marker_is_found_by_the_server(library: Library, documents: dict[str, str]) -> None:
    """A sentence without a key is attributed to the source that carries it, or stays unsupported."""
    text = "Members may borrow seven books. Bananas grow in Ecuador."

    answer = ask(library, FLAGGED, Scene.answer(text)).answer

    assert [claim.verdict for claim in answer.claims] == [Verdict.SUPPORTED, Verdict.UNSUPPORTED]
    assert [claim.citations for claim in answer.claims] == [(1,), ()]
    assert answer.citations[0].document_id == documents["members.md"]
    assert answer.trace["unmarked_sentences"] == 2


def test_a_wrong_key_is_corrected(library: Library, documents: dict[str, str]) -> None:
    """A sentence under the key of another source gets the source that carries it and not the other."""
    text = says("Books may be kept for 21 days [{t}].", t="saw")

    answer = ask(library, QUESTION, Scene.answer(text)).answer

    assert [claim.verdict for claim in answer.claims] == [Verdict.SUPPORTED]
    assert [citation.document_id for citation in answer.citations] == [documents["members.md"]]


def test_what_no_source_carries_has_no_footnote(library: Library, documents: dict[str, str]) -> None:
    """A source that has nothing to do with a sentence is not presented as its source, though the model says so."""
    text = says("Members may borrow seven books [{m}]. Books turn yellow with age [{m}].", m="seven books")

    answer = ask(library, FLAGGED, Scene.answer(text)).answer

    assert answer.text.endswith("Books turn yellow with age.")
    assert answer.claims[1].citations == ()
    assert answer.confidence.signals["unsupported_share"] == 0.5


def test_the_opposite_is_shown_as_contradicted(library: Library, documents: dict[str, str]) -> None:
    """A sentence that turns its source round keeps the footnote that proves it wrong."""
    text = says("Lend the saw to children [{t}]. Tools are lent for one week [{t}].", t="saw")

    answer = ask(library, FLAGGED, Scene.answer(text)).answer

    assert answer.claims[0].verdict is Verdict.CONTRADICTED
    assert answer.citations[0].quote == "Never lend the saw to children."


@pytest.mark.parametrize("text", [NOT_ANSWERED, f" {NOT_ANSWERED}\n", "Bananas grow in Ecuador.", "[b9c]"])
def test_an_answer_without_support_abstains(library: Library, documents: dict[str, str], text: str) -> None:
    """The model says that nothing answers, or says nothing that a source carries: a plain sentence, low confidence."""
    answer = ask(library, "What do bananas cost in Ecuador?", Scene.answer(text)).answer

    assert answer.abstained
    assert answer.text == NOT_ANSWERED
    assert answer.claims == ()
    assert answer.confidence.level == "low"
    assert 1 <= len(answer.citations) <= 3
    for citation in answer.citations:
        stored = library.store.catalog.text(citation.document_id, citation.version)
        assert citation.quote == stored.text[citation.start : citation.end]


@pytest.mark.parametrize("ending", ["no_finish", "cut", "reset"])
def test_a_broken_stream_is_no_answer(library: Library, documents: dict[str, str], ending: Any) -> None:
    """What arrived before the break is shown as claims, never as a finished answer."""
    text = says("Members may borrow seven books [{m}]. The drill costs 5 euros a", m="seven books")

    outcome = ask(library, QUESTION, Scene.broken(text, ending))

    assert isinstance(outcome.error, IncompleteAnswer)
    assert not any(isinstance(each, Done) for each in outcome.events)
    assert not any("drill" in each.claim.text for each in outcome.events if isinstance(each, Claimed))


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_cut_off_by_its_model_loses_the_half_sentence(
    library: Library, documents: dict[str, str], reason: str
) -> None:
    """The reason is passed on, and what was being said is not shown."""
    text = says("Members may borrow seven books [{m}]. The drill costs 5", m="seven books")

    answer = ask(library, QUESTION, Scene.answer(text, finish_reason=reason)).answer

    assert answer.text == "Members may borrow seven books. [1]"
    assert answer.finish_reason == reason
    assert [each["reason"] for each in answer.trace["withheld"]] == ["cut off"]


def test_a_busy_gateway_is_asked_again(library: Library, documents: dict[str, str]) -> None:
    """A 429 with a short Retry-After costs a wait and no error."""
    good = says("Members may borrow seven books [{m}].", m="seven books")

    outcome = ask(library, QUESTION, Scene.rate_limited("0"), Scene.refusal(500), Scene.answer(good))

    assert outcome.answer.claims[0].verdict is Verdict.SUPPORTED
    assert len(outcome.requests) == 3


@pytest.mark.parametrize(
    ("scene", "error"),
    [
        (Scene.rate_limited("120"), GatewayRateLimited),
        (Scene.refusal(500), GatewayUnavailable),
        (Scene.hang(), GatewayTimeout),
    ],
)
def test_a_gateway_that_fails_gives_its_error(
    library: Library, documents: dict[str, str], scene: Scene, error: type[Exception]
) -> None:
    """A wait beyond the deadline, a lasting fault, silence: the error says which, after the passages."""
    outcome = ask(library, QUESTION, scene, deadline_s=0.6, first_byte_s=0.3)

    assert isinstance(outcome.error, error)
    assert [type(each) for each in outcome.events] == [Retrieved]


def test_without_a_gateway_the_generative_mode_is_refused(
    library: Library, documents: dict[str, str]
) -> None:
    """The error names the settings."""
    outcome = ask(library, Question(QUESTION, "answers", mode=Mode.GENERATIVE))

    assert isinstance(outcome.error, GatewayNotConfigured)
    assert "FOOTNOTE_GATEWAY_URL" in str(outcome.error)


def test_the_budget_is_checked_before_anything_is_sent(library: Library, documents: dict[str, str]) -> None:
    """An answer that could cost more is refused; one that cannot is given; an unknown price is refused."""
    good = Scene.answer(says("Members may borrow seven books [{m}].", m="seven books"))
    asked = Question(QUESTION, "answers", max_cost_usd=0.0001)

    refused = ask(library, asked, good)
    given = ask(library, replace(asked, max_cost_usd=0.01), good)
    unknown = ask(library, replace(asked, max_cost_usd=9.0, model="mystery-9"), good)

    assert isinstance(refused.error, BudgetExceeded)
    assert refused.requests == []
    assert given.answer.cost_usd is not None
    assert given.answer.cost_usd <= 0.01
    assert isinstance(unknown.error, BudgetExceeded)
    assert "mystery-9" in str(unknown.error)


def test_another_model_is_asked_by_name(library: Library, documents: dict[str, str]) -> None:
    """A request may name its model; a model of unknown price gives no cost."""
    good = Scene.answer(says("Members may borrow seven books [{m}].", m="seven books"))

    outcome = ask(library, Question(QUESTION, "answers", model="mystery-9"), good)

    assert outcome.requests[0].json["model"] == "mystery-9"
    assert outcome.answer.model == "mystery-9"
    assert outcome.answer.cost_usd is None


def test_markers_of_a_document_never_become_citations(library: Library, documents: dict[str, str]) -> None:
    """A model that copies the marks inside a document cites by the keys that were issued alone."""
    text = says(
        "The archive opens at ten o'clock [1] [{a}]. Ask at the desk for the map room [k9f].", a="archive"
    )

    answer = ask(library, "When does the archive open?", Scene.answer(text)).answer

    assert re.findall(r"\[[^\]]*\]", answer.text) == ["[1]", "[2]"]
    assert answer.confidence.signals["invented_keys"] == 2
    assert {citation.document_id for citation in answer.citations} == {documents["archive.md"]}


def test_marks_inside_a_quoted_sentence_are_no_footnotes(library: Library, documents: dict[str, str]) -> None:
    """An answer by quotation has the footnotes that this service gave, and the quote keeps the document's own."""
    answer = ask(library, "When does the archive open?").answer

    assert answer.text == "The archive opens at ten o'clock (1). [1]"
    assert answer.citations[0].quote == "The archive opens at ten o'clock [1]."


def test_an_answer_by_quotation(library: Library, documents: dict[str, str]) -> None:
    """Without a gateway the answer is the sentence itself, supported, for nothing."""
    answer = ask(library, "How many books may members borrow at a time?").answer

    assert answer.text == "Members may borrow seven books at a time. [1]"
    assert (answer.mode, answer.model, answer.cost_usd) == (Mode.EXTRACTIVE, None, 0.0)
    assert answer.claims[0].verdict is Verdict.SUPPORTED
    assert answer.citations[0].quote == "Members may borrow seven books at a time."


def test_a_question_beside_the_documents_is_not_answered_by_quotation(
    library: Library, documents: dict[str, str]
) -> None:
    """Nothing is quoted only because something has to be."""
    answer = ask(library, "Who won the football world cup in 1954?").answer

    assert answer.abstained
    assert answer.text == NOT_ANSWERED
    assert answer.confidence.level == "low"


@pytest.mark.parametrize("scenes", [(), (Scene.answer("Quokkas sleep in the granary."),)])
def test_a_document_deleted_before_it_is_cited_is_not_cited(
    library: Library, documents: dict[str, str], scenes: tuple[Scene, ...]
) -> None:
    """Deleted between retrieval and citing: its words are in no claim, no footnote and not in the answer."""
    gone = library.add("Quokkas sleep in the granary of the mill.", "gone.md", "answers")

    def delete(event: Event) -> None:
        if isinstance(event, Retrieved):
            assert event.passages[0].passage.document_id == gone
            library.store.delete_document(gone)

    outcome = ask(library, "Where do quokkas sleep?", *scenes, meanwhile=delete)
    answer = outcome.answer

    assert answer.abstained
    assert answer.confidence.level == "low"
    assert gone not in {citation.document_id for citation in answer.citations}
    assert "mill" not in f"{answer.text} {answer.citations} {outcome.events[1:-1]}"


def test_the_context_of_confidence_is_the_cited_stretch(library: Library) -> None:
    """With two stretches of one long document, what stands around a quote is the stretch that it is from."""
    filler = " ".join(
        f"Number {n} of the inventory is a plain wooden box without any label." for n in range(120)
    )
    library.add(
        f"Kestrels nest in the belfry of Saint Ansgar. {filler} The kestrel keeper earns well.",
        "k.txt",
        "long",
    )
    question = Question("Where do kestrels nest in Saint Ansgar?", "long", top_k=3)

    answer = ask(
        library, question, Scene.answer(says("Kestrels nest in the belfry [{k}].", k="belfry"))
    ).answer

    assert len(answer.trace["evidence"]) > 1
    assert answer.confidence.signals["names_covered"] == 1.0
    assert answer.confidence.signals["context_coverage"] == pytest.approx(1.0)


def test_an_unknown_collection_is_an_error(library: Library) -> None:
    """Nothing is searched and nothing is asked."""
    outcome = ask(library, Question(QUESTION, "no-such-collection"))

    assert isinstance(outcome.error, NotFound)
    assert outcome.events == []


def test_an_empty_collection_abstains(library: Library) -> None:
    """Without passages no model is asked, and there is nothing to show."""
    library.store.catalog.create_collection("nothing-here")

    outcome = ask(library, Question(QUESTION, "nothing-here"), Scene.answer("Seven."))

    assert outcome.answer.abstained
    assert outcome.answer.citations == ()
    assert outcome.requests == []


@pytest.mark.parametrize(
    ("text", "history", "searched"),
    [
        ("How long may they be kept?", (("user", "May I borrow books?"), ("assistant", "Yes.")),
         "How long may borrow books be kept?"),
        ("And for tools?", (("user", "May I borrow books?"),), "May I borrow books, for tools?"),
        ("Which fee applies to drills?", (("user", "May I borrow books?"),), "Which fee applies to drills?"),
        ("How long may they be kept?", (), "How long may they be kept?"),
    ],
)  # fmt: skip
def test_a_question_that_leans_on_the_last_one_is_searched_with_it(
    text: str, history: tuple[tuple[str, str], ...], searched: str
) -> None:
    """A pronoun or a bare follow-up takes the user's question before it along; a whole question does not."""
    assert standalone(Question(text, "answers", history=history)) == searched


AGREEMENT = (
    "# Supply Agreement between Alder Metals and Birch Foundry\n\nThis Supply Agreement is made between Alder Metals "
    "and Birch Foundry on 3 May 2026.\n\n## Law\n\nThe governing law of this agreement is that of Norway."
)
NAMING = "What is the governing law of the Supply Agreement between Alder Metals and Birch Foundry?"


def nested(levels: int) -> dict[str, Any]:
    """A filter that lets all Markdown through, so many levels deep."""
    wanted: dict[str, Any] = {"media_type": "text/markdown"}
    for _ in range(levels):
        wanted = {"$and": [wanted]}
    return wanted


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        nested(1),
        nested(8),
        {"document_id": {}},
        {"$or": [{"filename": f"{name}.md"} for name in ["agreement", *range(248)]]},
    ],
    ids=["none", "shallow", "deepest", "document_id", "largest"],
)
def test_a_question_that_names_a_document_keeps_any_filter(
    library: Library, wanted: dict[str, Any] | None
) -> None:
    """Also one that is as deep or as large as a filter may be."""
    wanted_id = library.add(AGREEMENT, "agreement.md", "contracts")
    library.add(AGREEMENT.replace("Norway", "Chile"), "agreement.txt", "contracts")
    if wanted is not None and "document_id" in wanted:
        wanted = {"document_id": {"$in": [wanted_id, "doc_gone"]}}

    answer = ask(library, Question(NAMING, "contracts", wanted=wanted or {"filename": "agreement.md"})).answer

    assert "Norway" in answer.text
    assert {each.filename for each in answer.citations} == {"agreement.md"}


@pytest.mark.parametrize("top_k", [1, 2, 10, 20])
def test_what_is_quoted_was_among_the_passages_shown(library: Library, top_k: int) -> None:
    """Each footnote lies in a passage of the retrieval event, however few passages are wanted."""
    fees = (
        "The fee for lending a drill and a ladder and the drill fee rules of the shop are posted on the drill shelf. "
        "Ask about the fee."
    )
    for name, text in (
        ("fees", fees),
        ("prices", "A drill costs 5 euros a day. A ladder costs 3 euros a day."),
        ("ladder", "Ladders are checked every March by Ms Holt."),
        ("opening", "The shop opens at nine. On Sundays it stays closed."),
        ("drills", "The drill was bought in 2019 and repaired in 2021."),
    ):
        library.add(f"# {name.title()}\n\n{text}", f"{name}.md", "fees")
    question = Question("What is the drill fee in euros?", "fees", top_k=top_k, target_error=0.99)

    outcome = ask(library, question)

    shown = outcome.events[0]
    assert isinstance(shown, Retrieved)
    assert min(top_k, 5) <= len(shown.passages) <= max(top_k * 3 // 2, 1)
    assert outcome.answer.citations
    for cited in outcome.answer.citations:
        assert any(
            cited.document_id == each.passage.document_id
            and each.passage.start < cited.end
            and cited.start < each.passage.end
            for each in shown.passages
        )


def test_a_withheld_answer_has_a_low_confidence(library: Library, documents: dict[str, str]) -> None:
    """Its value stays what it is; the level, and a sentence that says why, keep readers from acting on it."""
    given = ask(library, QUESTION).answer
    withheld = ask(library, Question(QUESTION, "answers", target_error=0.000001)).answer

    assert not given.abstained
    assert given.confidence.level != "low"
    assert withheld.abstained
    assert withheld.confidence.level == "low"
    assert withheld.confidence.value == given.confidence.value
    assert withheld.confidence.explanation[0].startswith("It is withheld because")
    assert given.confidence.explanation == withheld.confidence.explanation[1:]
