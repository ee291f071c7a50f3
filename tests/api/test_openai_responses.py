"""The official OpenAI client asks for responses, whole and streamed, goes on from them, and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.api.conftest import ADMIN_KEY
from tests.api.server import error_of, upload
from tests.api.test_ask import RULES, cite
from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.doubles.scripted_gateway import ScriptedGateway

QUESTION = "How many books may members borrow?"
TWO = "Members may borrow seven books [{k}].\n\nThe drill costs 5 euros a day [{k}]."
SHOWN = "Members may borrow seven books. [1]\n\nThe drill costs 5 euros a day. [2]"
SEARCH: Any = [{"type": "file_search", "vector_store_ids": ["answered"]}]


@pytest.fixture(scope="module")
def official(client: httpx.Client, address: str) -> Iterator[openai.OpenAI]:
    """The client, pointed at the service, with one collection to ask."""
    upload(client, RULES, "rules.md", collection="answered")
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as opened:
        yield opened


def notes(response: Any) -> list[Any]:
    """The annotations of a response's message."""
    return list(response.output[-1].content[0].annotations)


def test_a_cited_response(official: openai.OpenAI, client: httpx.Client, gateway: ScriptedGateway) -> None:
    """Text, annotations at the sentences, usage and grounding; it is kept as it was answered."""
    gateway.play(cite(TWO))

    response = official.responses.create(
        model="answered@gpt-4o-mini",
        input=QUESTION,
        instructions="Be kind.",
        metadata={"who": "me"},
        temperature=0.2,
    )

    assert response.output_text == SHOWN
    assert (response.status, response.model, response.metadata) == (
        "completed",
        "answered@gpt-4o-mini",
        {"who": "me"},
    )
    assert [SHOWN[each.start_index : each.end_index] for each in notes(response)] == [
        "Members may borrow seven books.",
        "The drill costs 5 euros a day.",
    ]
    assert client.get(notes(response)[0].url).json()["text"] == "Members may borrow seven books at a time."
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert (response.model_extra or {})["grounding"]["ignored"] == ["temperature", "instructions"]
    assert official.responses.retrieve(response.id).to_dict() == response.to_dict()
    (asked,) = official.responses.input_items.list(response.id)
    assert asked.to_dict()["content"] == [{"type": "input_text", "text": QUESTION}]


def test_a_streamed_response(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """Events in OpenAI's order with rising numbers; the deltas are the text, and the last event has all of it."""
    gateway.play(cite(TWO))

    events: list[Any] = list(official.responses.create(model="answered", input=QUESTION, stream=True))
    kinds = [each.type for each in events]

    assert [each.sequence_number for each in events] == list(range(len(events)))
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(each.delta for each in events if each.type == "response.output_text.delta") == SHOWN
    added = [each.annotation for each in events if each.type == "response.output_text.annotation.added"]
    whole = events[-1].response
    assert [each.to_dict() for each in added] == [each.to_dict() for each in notes(whole)]
    assert whole.output_text == SHOWN
    assert {each.response.id for each in (events[0], events[-1])} == {whole.id}
    assert official.responses.retrieve(whole.id).output_text == SHOWN


def test_the_clients_own_stream_helper(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """It accumulates the events into the same response."""
    gateway.play(cite(TWO))

    with official.responses.stream(model="answered", input=QUESTION) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()

    assert final.output_text == SHOWN
    assert len(notes(final)) == 2


def test_going_on_from_a_response(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """The earlier question and answer reach the model; a deleted one is not found, one before it is left out."""
    gateway.play(cite("Members may borrow seven books [{k}]."))
    first = official.responses.create(model="answered", input=QUESTION)
    gateway.play(cite("Books may be kept for 21 days [{k}]."))
    second = official.responses.create(
        model="answered", input="How long may they be kept?", previous_response_id=first.id
    )

    sent = gateway.chats[-1].json["messages"]
    assert [each["role"] for each in sent] == ["system", "user", "assistant", "user"]
    assert QUESTION in str(sent[1])
    assert second.previous_response_id == first.id
    official.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        official.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        official.responses.create(model="answered", input="And?", previous_response_id=first.id)
    gateway.play(cite("The drill costs 5 euros a day [{k}]."))
    official.responses.create(
        model="answered", input="What does the drill cost?", previous_response_id=second.id
    )
    assert [each["role"] for each in gateway.chats[-1].json["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert QUESTION not in str(gateway.chats[-1].json["messages"][1])


def test_the_output_of_one_as_input_of_the_next(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """Clients that keep the history themselves send items back, messages and calls."""
    gateway.play(cite("Members may borrow seven books [{k}]."))
    first = official.responses.create(model="answered", input=QUESTION, tools=SEARCH)
    gateway.play(cite("Books may be kept for 21 days [{k}]."))
    items: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        *(each.to_dict() for each in first.output),
        {"role": "user", "content": "How long may they be kept?"},
    ]

    second = official.responses.create(model="answered", input=items, store=False)

    assert second.output_text == "Books may be kept for 21 days. [1]"
    assert [each["role"] for each in gateway.chats[-1].json["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    with pytest.raises(openai.NotFoundError):
        official.responses.retrieve(second.id)


def test_file_search_names_the_collection(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """As with OpenAI: the model is a model, the vector store in the tool is searched, files are cited."""
    file = official.files.create(
        file=("museum.md", b"# Museum\n\nA ticket costs 12 euros.\n"), purpose="assistants"
    )
    store = official.vector_stores.create(name="museum").id
    official.vector_stores.files.create_and_poll(file.id, vector_store_id=store, attributes={"year": 2024})
    gateway.play(cite("A ticket costs 12 euros [{k}]."))
    tool: Any = {"type": "file_search", "vector_store_ids": [store], "max_num_results": 3}

    response = official.responses.create(
        model="gpt-4o-mini",
        input="What does a ticket cost?",
        tools=[{**tool, "filters": {"type": "eq", "key": "year", "value": 2024}}],
        include=["file_search_call.results"],
    )

    assert gateway.chats[-1].json["model"] == "gpt-4o-mini"
    call: Any = response.output[0]
    assert (call.type, call.status, call.queries) == (
        "file_search_call",
        "completed",
        ["What does a ticket cost?"],
    )
    assert [(each.file_id, each.text) for each in call.results] == [(file.id, "A ticket costs 12 euros")]
    assert [(each.type, getattr(each, "file_id", None)) for each in notes(response)] == [
        ("url_citation", None),
        ("file_citation", file.id),
    ]
    gateway.play(cite("A ticket costs 12 euros [{k}]."))
    streamed: Any = list(
        official.responses.create(model=store, input="What does it cost?", tools=[tool], stream=True)
    )
    added = [
        each.annotation.type for each in streamed if each.type == "response.output_text.annotation.added"
    ]
    assert added == ["url_citation", "file_citation"]
    told = [(each.type, each.output_index) for each in streamed if hasattr(each, "output_index")]
    assert told[:7] == [
        ("response.output_item.added", 0),
        ("response.file_search_call.in_progress", 0),
        ("response.file_search_call.searching", 0),
        ("response.file_search_call.completed", 0),
        ("response.output_item.done", 0),
        ("response.output_item.added", 1),
        ("response.content_part.added", 1),
    ]
    assert {index for _, index in told[7:]} == {1}
    filtered = {**tool, "filters": {"type": "eq", "key": "year", "value": 1999}}
    gateway.play(Scene.answer("Nothing is known of it."))
    none = official.responses.create(model="gpt-4o-mini", input="What does it cost?", tools=[filtered])
    assert (none.model_extra or {})["grounding"]["abstained"]


@pytest.mark.parametrize("include", [[], ["file_search_call.results"]])
def test_the_clients_stream_helper_follows_a_file_search(
    official: openai.OpenAI, gateway: ScriptedGateway, include: list[Any]
) -> None:
    """Search and message are both begun and ended, and what is accumulated is the response that is kept."""
    for scene in (cite(TWO), Scene.answer("Nothing is known of it.")):
        gateway.play(scene)
        with official.responses.stream(
            model="answered", input=QUESTION, tools=SEARCH, include=include
        ) as stream:
            events: list[Any] = list(stream)
            final = stream.get_final_response()

        for kind in ("added", "done"):
            items = [each.item for each in events if each.type == f"response.output_item.{kind}"]
            assert sorted(each.type for each in items) == ["file_search_call", "message"]
            assert {each.id for each in items} == {each.id for each in final.output}
        kept: Any = official.responses.retrieve(final.id)
        (searched,) = [
            each.item
            for each in events
            if each.type == "response.output_item.done" and each.output_index == 0
        ]
        assert searched.to_dict() == final.output[0].to_dict() == kept.output[0].to_dict()
        assert final.output_text == kept.output_text
        call: Any = final.output[0]
        assert (call.results is not None) == bool(include)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metadata", {"a": {"b": 1}}),
        ("metadata", {"a": "b" * 513}),
        ("metadata", {"a" * 65: "b"}),
        ("background", True),
        ("conversation", "conv_1"),
        ("tools", [{"type": "web_search"}]),
        ("text", {"format": {"type": "json_object"}}),
        ("tools", [*SEARCH, *SEARCH]),
        ("tools", [{"type": "file_search", "vector_store_ids": []}]),
        ("input", [{"type": "function_call_output", "call_id": "1", "output": "42"}]),
        ("input", []),
        ("include", ["message.output_text.logprobs"]),
    ],
)
def test_what_cannot_be_done_is_refused(official: openai.OpenAI, field: str, value: object) -> None:
    """By its name, rather than answered as if it had not been asked."""
    with pytest.raises(openai.UnprocessableEntityError):
        official.responses.create(model="answered", input=QUESTION, extra_body={field: value})


def test_a_refusal_names_the_parameter_as_it_was_sent(official: openai.OpenAI) -> None:
    """The form of an answer is called otherwise here than in chat completions; a kept response is no stream."""
    with pytest.raises(openai.UnprocessableEntityError, match=r"text\.format: "):
        official.responses.create(model="answered", input=QUESTION, text={"format": {"type": "json_object"}})
    with pytest.raises(openai.UnprocessableEntityError, match="stream: "):
        list(official.responses.retrieve("resp_0", stream=True))


def test_an_error_in_the_stream_raises(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """After what was verified, and nothing is kept of it."""
    scene = cite("Members may borrow seven books [{k}]. The drill costs")
    gateway.play(Scene.broken(scene.text, "cut"))
    seen: list[Any] = []

    with pytest.raises(openai.APIError, match="broke off"):
        seen.extend(official.responses.create(model="answered", input=QUESTION, stream=True))

    assert seen[-1].type == "response.output_text.annotation.added"
    with pytest.raises(openai.NotFoundError):
        official.responses.retrieve(seen[0].response.id)


def test_a_response_goes_with_its_documents(
    official: openai.OpenAI, client: httpx.Client, gateway: ScriptedGateway
) -> None:
    """Deleted evidence leaves no response that quotes it."""
    document = upload(client, "The pangolin sleeps by day.", "p.md", collection="gone")["id"]
    gateway.play(cite("The pangolin sleeps by day [{k}]."))
    response = official.responses.create(model="gone", input="When does the pangolin sleep?")

    client.delete(f"/v1/documents/{document}").raise_for_status()

    with pytest.raises(openai.NotFoundError):
        official.responses.retrieve(response.id)
    with pytest.raises(openai.NotFoundError):
        official.responses.create(model="gone", input="And?", previous_response_id=response.id)


def test_an_answer_that_was_sent_along_is_not_kept(
    official: openai.OpenAI, client: httpx.Client, gateway: ScriptedGateway
) -> None:
    """It may quote a document that this response does not show, and so would outlive it."""
    leaflet = upload(client, "The xylograph costs 4711 euros.", "leaflet.md", collection="answered")
    other = {"type": "ne", "key": "document_id", "value": leaflet["id"]}
    items: Any = [
        {"role": "user", "content": "What does it cost?"},
        {"role": "assistant", "content": "The xylograph costs 4711 euros. [1]"},
        {"role": "user", "content": QUESTION},
    ]
    gateway.play(cite("Members may borrow seven books [{k}]."))
    made = official.responses.create(
        model="answered", input=items, tools=[{**SEARCH[0], "filters": other}], include=[]
    )

    client.delete(f"/v1/documents/{leaflet['id']}").raise_for_status()

    assert official.responses.retrieve(made.id).output_text == "Members may borrow seven books. [1]"
    kept = list(official.responses.input_items.list(made.id, order="asc"))
    assert [each.to_dict()["content"][0]["text"] for each in kept] == ["What does it cost?", QUESTION]


def test_others_do_not_see_what_one_may_not(guarded: httpx.Client) -> None:
    """A response made of a restricted document is unknown to who may not see it, and cannot be gone on from."""
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    body = {"text": "The zugzwang of the board costs 900 euros.", "collection": "hushed", "wait": True}
    guarded.post(
        "/v1/documents", json={**body, "metadata": {"allow": ["board"]}}, headers=admin
    ).raise_for_status()

    def key(*scopes: str, **more: Any) -> openai.OpenAI:
        made = guarded.post(
            "/v1/keys", json={"name": "t", "scopes": list(scopes), **more}, headers=admin
        ).json()
        return openai.OpenAI(base_url=f"{guarded.base_url}/v1", api_key=made["token"], max_retries=0)

    board, plain = key("ask:hushed", principals=["board"]), key("ask:hushed")
    trusted, foreign = key("ask:hushed", principals=["*"]), key("ask:other")
    other_board = key("ask:hushed", principals=["board"])
    question = "What does the zugzwang of the board cost?"
    made = board.responses.create(model="hushed", input=question)
    assert "900 euros" in made.output_text

    for client in (plain, trusted, foreign, other_board):
        for call in (
            lambda c: c.responses.retrieve(made.id),
            lambda c: c.responses.delete(made.id),
            lambda c: c.responses.input_items.list(made.id),
            lambda c: c.responses.create(model="hushed", input="And?", previous_response_id=made.id),
        ):
            with pytest.raises(openai.NotFoundError):
                call(client)
    assert "900" not in plain.responses.create(model="hushed", input=question).output_text
    seen = trusted.responses.create(model="hushed", input=question, extra_body={"as": ["board"]})
    assert "900 euros" in seen.output_text
    assert trusted.responses.retrieve(seen.id, extra_query={"as": "board"}).output_text == seen.output_text
    with pytest.raises(openai.NotFoundError):
        trusted.responses.retrieve(made.id, extra_query={"as": "board"})
    with pytest.raises(openai.NotFoundError):
        foreign.responses.create(model="hushed", input=question)
    error_of(guarded.get(f"/v1/responses/{made.id}"), 401)
