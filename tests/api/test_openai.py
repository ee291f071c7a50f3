"""The official OpenAI client talks to the service without knowing it."""

from __future__ import annotations

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
    """The deltas together are the same text; the last chunk has annotations, grounding, usage and the reason."""
    gateway.play(cite(TWO))

    chunks = list(official.chat.completions.create(model="openai", messages=ASKED, stream=True))
    last = chunks[-1]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SHOWN
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert last.choices[0].finish_reason == "stop"
    assert len((last.choices[0].delta.model_extra or {})["annotations"]) == 2
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
    assert list(keyless.with_options(api_key=ADMIN_KEY).models.list()) == []


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
