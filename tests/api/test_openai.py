"""The official OpenAI client talks to the service without knowing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.api.conftest import ADMIN_KEY
from tests.api.server import upload
from tests.api.test_ask import RULES, cite
from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.doubles.scripted_gateway import ScriptedGateway

ASKED: Any = [
    {"role": "system", "content": "You are helpful."},
    {"role": "user", "content": [{"type": "text", "text": "How many books may members borrow?"}]},
]
TWO = "Members may borrow seven books [{k}].\n\nThe drill costs 5 euros a day [{k}]."
SHOWN = "Members may borrow seven books. [1]\n\nThe drill costs 5 euros a day. [2]"


@pytest.fixture(scope="module")
def official(client: httpx.Client, address: str) -> Iterator[openai.OpenAI]:
    """The client, pointed at the service, with one collection to ask."""
    upload(client, RULES, "rules.md", collection="openai")
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as opened:
        yield opened


def test_collections_are_models(official: openai.OpenAI) -> None:
    """Each collection is listed as a model of this service."""
    listed = {model.id: model for model in official.models.list()}

    assert listed["openai"].owned_by == "footnote"
    assert listed["openai"].created > 0


def test_a_cited_completion(official: openai.OpenAI, client: httpx.Client, gateway: ScriptedGateway) -> None:
    """Text, annotations whose offsets are the sentences, and the grounding as an extra field."""
    gateway.play(cite(TWO))

    completion = official.chat.completions.create(model="openai@gpt-4o-mini", messages=ASKED, temperature=0.3)
    choice = completion.choices[0]
    annotations = [each.url_citation for each in choice.message.annotations or []]

    assert choice.message.content == SHOWN
    assert choice.finish_reason == "stop"
    assert [SHOWN[each.start_index : each.end_index] for each in annotations] == [
        "Members may borrow seven books.",
        "The drill costs 5 euros a day.",
    ]
    assert annotations[0].title == "Lending"
    assert client.get(annotations[0].url).json()["text"] == "Members may borrow seven books at a time."
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0
    grounding = (completion.model_extra or {})["grounding"]
    assert [claim["verdict"] for claim in grounding["claims"]] == ["supported", "supported"]
    assert 0.0 < grounding["confidence"]["value"] < 1.0
    assert gateway.chats[-1].json["model"] == "gpt-4o-mini"
    assert client.get(f"/v1/answers/{grounding['answer_id']}").status_code == 200


def test_a_streamed_completion(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """The deltas together are the same text, annotations come with their sentence; the last has the grounding."""
    gateway.play(cite(TWO))

    chunks = list(official.chat.completions.create(model="openai", messages=ASKED, stream=True))
    last = chunks[-1]
    annotated: list[str] = []
    text = ""
    for chunk in chunks:
        text += chunk.choices[0].delta.content or ""
        for each in (chunk.choices[0].delta.model_extra or {}).get("annotations", []):
            cited = each["url_citation"]
            # What an annotation speaks of has been sent when it comes.
            annotated.append(text[cited["start_index"] : cited["end_index"]])

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SHOWN
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert last.choices[0].finish_reason == "stop"
    assert annotated == ["Members may borrow seven books.", "The drill costs 5 euros a day."]
    assert (last.model_extra or {})["grounding"]["abstained"] is False
    assert last.usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_abstains(official: openai.OpenAI, gateway: ScriptedGateway, stream: bool) -> None:
    """What no source carries is not sent as an answer, not even while it streams."""
    gateway.play(Scene.answer("Bananas grow in Ecuador. They are yellow and sweet."))

    if stream:
        chunks = list(official.chat.completions.create(model="openai", messages=ASKED, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        extra = chunks[-1].model_extra
    else:
        completion = official.chat.completions.create(model="openai", messages=ASKED)
        text, extra = completion.choices[0].message.content or "", completion.model_extra

    assert text == "The documents do not answer this question."
    assert (extra or {})["grounding"]["abstained"] is True


def test_an_unsupported_sentence_before_a_supported_one_is_sent(
    official: openai.OpenAI, gateway: ScriptedGateway
) -> None:
    """Under the policy that shows it, what is held back for a moment is not lost."""
    gateway.play(cite("Bananas grow in Ecuador. The drill costs 5 euros a day [{k}]."))

    chunks = official.chat.completions.create(
        model="openai", messages=ASKED, stream=True, extra_body={"on_unsupported": "flag"}
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert text == "Bananas grow in Ecuador. The drill costs 5 euros a day. [1]"


def test_an_error_in_the_stream_raises(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """A stream that breaks is an exception for the client, after what was verified, and never a finished answer."""
    scene = cite("Members may borrow seven books [{k}]. The drill costs")
    gateway.play(Scene.broken(scene.text, "cut"))
    stream = official.chat.completions.create(model="openai", messages=ASKED, stream=True)
    seen: list[Any] = []

    with pytest.raises(openai.APIError) as caught:
        seen.extend(chunk.choices[0] for chunk in stream)

    assert "broke off" in str(caught.value)
    assert "".join(choice.delta.content or "" for choice in seen) == "Members may borrow seven books. [1]"
    assert all(choice.finish_reason is None for choice in seen)


def test_errors_are_those_that_the_client_knows(
    official: openai.OpenAI, guarded: httpx.Client, gateway: ScriptedGateway
) -> None:
    """An unknown collection, a picture, a busy gateway, a missing key: each is the client's own exception."""
    picture: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
    with pytest.raises(openai.NotFoundError):
        official.chat.completions.create(model="no-such", messages=ASKED)
    with pytest.raises(openai.UnprocessableEntityError):
        official.chat.completions.create(model="openai", messages=picture)
    gateway.play(Scene.rate_limited("100"))
    with pytest.raises(openai.RateLimitError):
        official.chat.completions.create(model="openai", messages=ASKED)
    keyless = official.with_options(base_url=f"{guarded.base_url}/v1", api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        keyless.models.list()
    assert keyless.with_options(api_key=ADMIN_KEY).models.list().object == "list"


def test_earlier_turns_are_sent_along(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """A follow-up reaches the model with the turns before it; the caller's system message does not."""
    gateway.play(cite("Books may be kept for 21 days [{k}]."))
    turns: Any = [
        *ASKED,
        {"role": "assistant", "content": "Seven. [1]"},
        {"role": "user", "content": "How long may they be kept?"},
    ]

    completion = official.chat.completions.create(model="openai", messages=turns)

    sent = gateway.chats[-1].json["messages"]
    assert [each["role"] for each in sent] == ["system", "user", "assistant", "user"]
    assert "You are helpful" not in str(sent)
    assert completion.choices[0].message.content == "Books may be kept for 21 days. [1]"


def test_usage_in_a_chunk_of_its_own(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """With include_usage the tokens come last, without choices, and every other chunk has none."""
    gateway.play(cite(TWO))

    chunks = list(
        official.chat.completions.create(
            model="openai", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0
    assert {each.usage for each in chunks[:-1]} == {None}
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_one_model(official: openai.OpenAI) -> None:
    """A collection is retrieved as a model, alone and with a language model; an unknown one is not found."""
    assert official.models.retrieve("openai").id == "openai"
    assert official.models.retrieve("openai@gpt-4o-mini").id == "openai@gpt-4o-mini"
    with pytest.raises(openai.NotFoundError):
        official.models.retrieve("no-such")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("stop", ["."]),
        ("stop", "."),
        ("logprobs", True),
        ("response_format", {"type": "json_object"}),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {}}}]),
        ("modalities", ["audio"]),
    ],
)
def test_what_cannot_be_done_is_refused(official: openai.OpenAI, field: str, value: object) -> None:
    """Each by its name and with the reason, before anything is asked."""
    with pytest.raises(openai.UnprocessableEntityError, match=field) as caught:
        official.chat.completions.create(model="openai", messages=ASKED, extra_body={field: value})

    assert caught.value.code == "unsupported_parameter"


def test_what_has_no_effect_is_said(official: openai.OpenAI, gateway: ScriptedGateway) -> None:
    """Parameters that steer style are taken, and the grounding names them; tools that are not to be called too."""
    gateway.play(cite(TWO))

    completion = official.chat.completions.create(
        model="openai",
        messages=ASKED,
        temperature=0.7,
        max_tokens=50,
        n=1,
        stop=[],
        response_format={"type": "text"},
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        tool_choice="none",
        user="somebody",
    )

    grounding = (completion.model_extra or {})["grounding"]
    assert grounding["ignored"] == ["temperature", "max_tokens", "instructions"]
    tool: Any = [*ASKED, {"role": "tool", "tool_call_id": "1", "content": "42"}, *ASKED]
    with pytest.raises(openai.UnprocessableEntityError, match="tools"):
        official.chat.completions.create(model="openai", messages=tool)


def test_source_events_for_open_webui(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """Asked for by a header or a field: each footnote is a source with its quote, before its sentence."""
    for more, headers in (
        ({"stream_format": "open_webui"}, {}),
        ({}, {"X-Footnote-Stream-Format": "open_webui"}),
    ):
        gateway.play(cite(TWO))
        body = {"model": "openai", "messages": ASKED, "stream": True, **more}
        lines = client.post("/v1/chat/completions", json=body, headers=headers).text.split("\n\n")
        sent = [json.loads(each.removeprefix("data: ")) for each in lines if each and "[DONE]" not in each]
        sources = [each["event"]["data"] for each in sent if "event" in each]
        text = "".join(each["choices"][0]["delta"].get("content", "") for each in sent if "choices" in each)

        assert text == SHOWN
        assert [each["document"] for each in sources] == [
            ["Members may borrow seven books at a time."],
            ["The drill costs 5 euros a day"],
        ]
        assert client.get(sources[0]["source"]["url"]).json()["text"] == sources[0]["document"][0]
        # Counted by this, they keep the numbers of the footnotes.
        assert len({each["metadata"][0]["source"] for each in sources}) == 2
        assert not any("annotations" in each["choices"][0]["delta"] for each in sent if "choices" in each)
        first = next(at for at, each in enumerate(sent) if "event" in each)
        told = next(
            at for at, each in enumerate(sent) if each.get("choices", [{}])[0].get("delta", {}).get("content")
        )
        assert first < told
