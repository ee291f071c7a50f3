"""The gateway client over real HTTP, against a server that plays a script."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from contextlib import aclosing
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from rag.config import GatewayConfig
from rag.errors import (
    GatewayAuthError,
    GatewayBadRequest,
    GatewayError,
    GatewayProtocolError,
    GatewayRateLimited,
    GatewayTimeout,
    GatewayUnavailable,
    IncompleteAnswer,
)
from rag.gateway import Completion, Delta, Gateway, Usage
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

T = TypeVar("T")

KEY = "sk-very-secret-0123456789"
MESSAGES = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Did it rise?"}]
TEXT = "Revenue rose [k7f]. Höher 😀 [q2a]."

pytestmark = pytest.mark.timeout(20)


def config(url: str | None, **changes: Any) -> GatewayConfig:
    """Settings with which failing takes little time."""
    quick = GatewayConfig(
        url=url, key=KEY, deadline_s=5, first_byte_s=3, connect_s=1, backoff_min_s=0.01, backoff_max_s=0.02
    )
    return replace(quick, **changes)


def use(settings: GatewayConfig, action: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
    """Runs one action with a gateway client in an event loop of its own."""

    async def run() -> T:
        gateway = Gateway(settings)
        try:
            return await action(gateway)
        finally:
            await gateway.aclose()

    return asyncio.run(run())


async def complete(gateway: Gateway) -> Completion:
    """One whole answer."""
    return await gateway.complete(MESSAGES)


async def collect(gateway: Gateway) -> list[Delta]:
    """One answer as it was streamed."""
    return [delta async for delta in gateway.stream(MESSAGES)]


def failure(*scenes: Scene, **changes: Any) -> tuple[GatewayError, int]:
    """The error of a question, and how many requests it took."""
    with ScriptedGateway(scenes) as server:
        with pytest.raises(GatewayError) as caught:
            use(config(server.url, **changes), complete)
        return caught.value, len(server.chats)


def answer(*scenes: Scene, **changes: Any) -> tuple[Completion, int]:
    """The answer to a question, and how many requests it took."""
    with ScriptedGateway(scenes) as server:
        return use(config(server.url, **changes), complete), len(server.chats)


def test_a_request_is_what_gateways_expect() -> None:
    """The key goes into the header, the settings into the body, and usage is asked for."""
    with ScriptedGateway([Scene.answer(TEXT)]) as server:
        use(config(server.url, temperature=0.0, max_output_tokens=77), complete)
    request = server.chats[0]

    assert request.path == "/v1/chat/completions"
    assert f"Bearer {KEY}" == request.headers["authorization"]
    assert request.json == {
        "model": "gpt-4.1-mini",
        "messages": MESSAGES,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "max_tokens": 77,
    }


def test_without_a_key_no_authorization_is_sent() -> None:
    """Local gateways have no keys, and some refuse an empty one."""
    with ScriptedGateway([Scene.answer(TEXT)]) as server:
        use(config(server.url, key=None), complete)

    assert "authorization" not in server.chats[0].headers


def test_an_answer_is_streamed_delta_by_delta() -> None:
    """Each text comes as it was sent, then the finish reason, then the usage."""
    with ScriptedGateway([Scene.split_marker("It rose ", "[k7f]", ".")]) as server:
        deltas = use(config(server.url), collect)

    assert [delta.text for delta in deltas if delta.text] == ["It rose ", "[k", "7f]", "."]
    assert [delta.finish_reason for delta in deltas] == [None, None, None, None, "stop", None]
    assert Usage(prompt_tokens=4, completion_tokens=4) == deltas[-1].usage


def test_text_is_yielded_before_the_answer_is_complete() -> None:
    """The first delta is there while the model still writes."""

    async def first(gateway: Gateway) -> str:
        async with aclosing(gateway.stream(MESSAGES)) as deltas:
            return (await anext(deltas)).text

    with ScriptedGateway([Scene.hang_after("Revenue")]) as server:
        assert use(config(server.url), first) == "Revenue"


@pytest.mark.parametrize(
    "scene",
    [
        Scene.answer(TEXT),
        replace(Scene.answer(TEXT), wire_bytes=1),
        replace(Scene.answer(TEXT), wire_bytes=7, newline="\r\n"),
        replace(Scene.answer(TEXT), newline="\r", keep_alive=True),
        replace(Scene.answer(TEXT), wire_bytes=3, keep_alive=True),
        Scene.answer(list(TEXT)),
        Scene.drip(TEXT, 0.01),
        Scene.plain_json(TEXT),
        Scene.answer(TEXT, ending="no_done"),
        Scene.answer(TEXT, ending="finish_cut"),
        Scene.answer(TEXT, ending="finish_hang"),
    ],
)
def test_the_answer_does_not_depend_on_how_it_travels(scene: Scene) -> None:
    """Cut anywhere, kept alive, slow, in one JSON body, or broken after its end: the same answer."""
    completion, requests = answer(scene, deadline_s=1)

    assert (
        completion.text,
        completion.finish_reason,
        completion.model,
        requests,
    ) == (TEXT, "stop", "gpt-4.1-mini", 1)
    assert completion.usage is not None


@pytest.mark.parametrize("finish_reason", ["length", "content_filter"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_finish_reason_is_reported_as_it_is(finish_reason: str, *, stream: bool) -> None:
    """An answer cut by a limit or a filter is finished, and says how."""
    completion, _ = answer(replace(Scene.answer(TEXT, finish_reason=finish_reason), stream=stream))

    assert finish_reason == completion.finish_reason


@pytest.mark.parametrize(
    "first",
    [
        *(Scene.refusal(status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
        Scene.rate_limited("0"),
        Scene.rate_limited(formatdate(time.time() - 60, usegmt=True)),
        Scene.broken(""),
        Scene.broken("", "reset"),
        Scene.broken("", "no_finish"),
        Scene.stream_error("", {"message": "overloaded", "code": 529}),
        Scene.raw(b"", content_type="text/event-stream"),
    ],
)
def test_what_may_pass_is_tried_again_before_the_first_text(first: Scene) -> None:
    """A passing failure costs a second request and nothing else."""
    completion, requests = answer(first, Scene.answer(TEXT))

    assert (completion.text, requests) == (TEXT, 2)


def test_silence_before_the_first_byte_is_tried_again() -> None:
    """A request that got stuck somewhere is abandoned after first_byte_s, not after the deadline."""
    with ScriptedGateway([Scene.hang(), Scene.answer(TEXT)]) as server:
        completion = use(config(server.url, first_byte_s=0.2), complete)

        assert completion.text == TEXT
        assert server.chats[0].disconnected.wait(2)


@pytest.mark.parametrize(
    ("scene", "expected", "requests"),
    [
        (Scene.refusal(500, "boiler broke"), GatewayUnavailable, 3),
        (Scene.rate_limited(), GatewayRateLimited, 3),
        (Scene.refusal(400, "boiler broke"), GatewayBadRequest, 1),
        (Scene.refusal(401, "boiler broke"), GatewayAuthError, 1),
        (Scene.refusal(403, "boiler broke"), GatewayAuthError, 1),
        (Scene.refusal(404, "no model boiler"), GatewayBadRequest, 1),
        (Scene.refusal(413, "boiler broke"), GatewayBadRequest, 1),
        (Scene.refusal(422, "boiler broke"), GatewayBadRequest, 1),
        (Scene.refusal(429, "no credit", code="insufficient_quota"), GatewayAuthError, 1),
        (Scene.raw(b"plain words", status=502, content_type="text/plain"), GatewayUnavailable, 3),
        (Scene.raw(b"", status=302, headers={"Location": "http://other/"}), GatewayProtocolError, 1),
        (Scene.garbage(), GatewayProtocolError, 1),
        (Scene.web_page(), GatewayProtocolError, 1),
        (Scene.raw(b"data: {nope\n\n", content_type="text/event-stream"), GatewayProtocolError, 1),
        (Scene.raw(b"[" * 100_000), GatewayProtocolError, 1),
        (Scene.stream_error("", {"message": "no such model", "code": 404}), GatewayBadRequest, 1),
        (Scene.broken("", "cut"), GatewayUnavailable, 3),
        (Scene.broken("", "no_finish"), IncompleteAnswer, 3),
        (Scene.raw(b'{"choices": []}'), IncompleteAnswer, 3),
    ],
)
def test_every_failure_has_its_error_and_its_number_of_attempts(
    scene: Scene, expected: type[GatewayError], requests: int
) -> None:
    """Three attempts where waiting can help, one where it cannot; the message names a setting."""
    error, sent = failure(scene)

    assert (expected, requests) == (type(error), sent)
    assert "FOOTNOTE_" in str(error)


def test_the_gateways_own_words_are_quoted() -> None:
    """What the gateway says about the model's name is the best hint there is; it is cut when long."""
    error, _ = failure(Scene.refusal(404, "The model `gpt-9` does not exist. " + "x" * 5000))

    assert "The model `gpt-9` does not exist." in str(error)
    assert len(str(error)) < 800


def test_a_gateway_that_is_not_there_is_unavailable() -> None:
    """A refused connection is mapped like any other failure."""
    with ScriptedGateway([Scene.hang()]) as server:
        gone = server.url
    with pytest.raises(GatewayUnavailable, match="FOOTNOTE_GATEWAY_URL"):
        use(config(gone), complete)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_passes_the_deadline_is_not_begun(status: int) -> None:
    """Retry-After beyond the deadline fails at once and hands the wait to the caller."""
    started = time.monotonic()
    error, requests = failure(Scene.refusal(status, headers={"Retry-After": "30"}))

    assert time.monotonic() - started < 2
    assert (error.retry_after_s, requests) == (30.0, 1)
    assert "30 s" in str(error)


def test_a_retry_date_beyond_the_deadline_counts_the_same() -> None:
    """An HTTP-date is turned into seconds from now."""
    error, requests = failure(Scene.rate_limited(formatdate(time.time() + 100, usegmt=True)))

    assert requests == 1
    assert error.retry_after_s == pytest.approx(99, abs=2)


def test_a_wait_that_fits_is_kept() -> None:
    """The second request comes no sooner than the gateway asked."""
    with ScriptedGateway([Scene.rate_limited("0.3"), Scene.answer(TEXT)]) as server:
        use(config(server.url), complete)
    first, second = server.chats

    assert 0.3 <= second.at_s - first.at_s < 1


def test_waits_grow_and_are_drawn_from_the_whole_window() -> None:
    """The windows double from the first to the last, each beginning at zero."""
    windows: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        windows.append((low, high))
        return 0.0

    async def run() -> None:
        settings = GatewayConfig(url="http://gateway.test", max_attempts=7)
        gateway = Gateway(
            settings, transport=httpx.MockTransport(lambda _: httpx.Response(500)), jitter=jitter
        )
        with pytest.raises(GatewayUnavailable):
            await gateway.complete(MESSAGES)
        await gateway.aclose()

    asyncio.run(run())

    assert [(0.0, high) for high in (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)] == windows


@pytest.mark.parametrize("scene", [Scene.hang(), Scene.hang_after("")])
def test_one_deadline_holds_for_everything(scene: Scene) -> None:
    """Silence ends at the deadline, whatever the other limits are."""
    started = time.monotonic()
    error, requests = failure(scene, deadline_s=0.4, first_byte_s=30)

    assert (GatewayTimeout, 1) == (type(error), requests)
    assert 0.3 < time.monotonic() - started < 2


def test_the_deadline_of_one_call_replaces_the_configured_one() -> None:
    """A caller with less time says so."""

    async def hurried(gateway: Gateway) -> Completion:
        return await gateway.complete(MESSAGES, deadline_s=0.2)

    with ScriptedGateway([Scene.hang()]) as server, pytest.raises(GatewayTimeout):
        use(config(server.url), hurried)


@pytest.mark.parametrize(
    ("scene", "cause"),
    [
        (Scene.broken("Revenue rose", "cut"), GatewayUnavailable),
        (Scene.broken("Revenue rose", "reset"), GatewayUnavailable),
        (Scene.broken("Revenue rose", "no_finish"), type(None)),
        (Scene.hang_after("Revenue rose"), GatewayTimeout),
        (Scene.drip(["Revenue rose"] + ["."] * 100, 0.1), GatewayTimeout),
        (Scene.stream_error("Revenue rose", {"message": "slow down", "code": "429"}), GatewayRateLimited),
        (Scene.stream_error("Revenue rose", "out of memory"), GatewayUnavailable),
    ],
)
def test_an_answer_that_breaks_off_is_incomplete_and_never_repeated(
    scene: Scene, cause: type[GatewayError]
) -> None:
    """After the first text there is one outcome: the text so far, marked as incomplete, and the cause."""
    error, requests = failure(scene, deadline_s=0.6)

    assert isinstance(error, IncompleteAnswer)
    assert (cause, 1) == (type(error.cause), requests)
    assert error.text.startswith("Revenue rose")


def test_the_consumers_own_waiting_is_never_cut_short() -> None:
    """A deadline that passes while the consumer is busy shows at its next step, not in the middle of one."""

    async def busy(gateway: Gateway) -> str:
        async with aclosing(gateway.stream(MESSAGES, deadline_s=0.2)) as deltas:
            await anext(deltas)
            await asyncio.sleep(0.4)
            with pytest.raises(IncompleteAnswer) as caught:
                async for _ in deltas:
                    pass
            return caught.value.text

    with ScriptedGateway([Scene.hang_after("Revenue")]) as server:
        assert use(config(server.url), busy) == "Revenue"


@pytest.mark.parametrize(
    ("complaint", "changed"),
    [
        ("Unknown parameter: 'stream_options'", {"stream_options": None}),
        ("extra fields not permitted: include_usage", {"stream_options": None}),
        ("'temperature' does not support 0 with this model", {"temperature": None}),
        ("Unsupported parameter: 'max_tokens'", {"max_tokens": None, "max_completion_tokens": 1024}),
    ],
)
def test_a_refused_parameter_is_left_out_and_remembered(complaint: str, changed: dict[str, object]) -> None:
    """Models that do not know a parameter still answer, and are asked without it from then on."""

    async def twice(gateway: Gateway) -> list[str]:
        return [(await gateway.complete(MESSAGES)).text for _ in range(2)]

    with ScriptedGateway([Scene.refusal(400, complaint), Scene.answer(TEXT)]) as server:
        assert use(config(server.url, max_attempts=1), twice) == [TEXT, TEXT]
    first, second, third = (request.json for request in server.chats)
    expected = {name: value for name, value in {**first, **changed}.items() if value is not None}

    assert expected == second == third


def test_a_refusal_that_repeats_is_given_up() -> None:
    """A gateway that complains whatever is sent is not asked for ever."""
    error, requests = failure(Scene.refusal(400, "stream_options max_tokens temperature"))

    assert (GatewayBadRequest, 4) == (type(error), requests)


def test_an_endless_answer_is_cut() -> None:
    """An answer's text has a ceiling, and so have the bytes that carry it."""
    endless = Scene.answer(["x" * 100] * 50)
    too_long, _ = failure(endless, max_answer_bytes=1000)
    too_heavy, _ = failure(endless, max_wire_bytes=2000)
    whole, requests = failure(Scene.plain_json("x" * 5000), max_wire_bytes=2000)

    assert isinstance(too_long, IncompleteAnswer)
    assert isinstance(too_heavy, IncompleteAnswer)
    assert too_long.text == "x" * 1000
    assert (GatewayProtocolError, 1) == (type(whole), requests)


@pytest.mark.parametrize("scene", [Scene.hang(), Scene.drip("Revenue rose again and again", 0.05)])
def test_cancelling_the_consumer_closes_the_connection(scene: Scene) -> None:
    """A client that leaves stops the model: nobody pays for text that nobody reads."""

    async def cancelled(gateway: Gateway) -> None:
        task = asyncio.create_task(gateway.complete(MESSAGES))
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The connection must go with the request, not with the client.
        assert await asyncio.to_thread(server.chats[0].disconnected.wait, 2)

    with ScriptedGateway([scene]) as server:
        use(config(server.url), cancelled)


def test_leaving_the_stream_early_closes_the_connection() -> None:
    """A consumer that has enough closes the stream, and the gateway notices."""

    async def first_only(gateway: Gateway) -> None:
        async with aclosing(gateway.stream(MESSAGES)) as deltas:
            async for _ in deltas:
                break
        assert await asyncio.to_thread(server.chats[0].disconnected.wait, 2)

    with ScriptedGateway([Scene.hang_after("Revenue rose")]) as server:
        use(config(server.url), first_only)


def test_a_connection_is_used_again() -> None:
    """The second question needs no new connection."""

    async def twice(gateway: Gateway) -> None:
        await gateway.complete(MESSAGES)
        await gateway.complete(MESSAGES)

    with ScriptedGateway([Scene.answer(TEXT)]) as server:
        use(config(server.url), twice)

    assert server.chats[0].client_port == server.chats[1].client_port


def test_models_are_listed() -> None:
    """The names come in the gateway's order."""
    with ScriptedGateway([Scene.hang()], models=["b", "a"]) as server:
        assert use(config(server.url), lambda gateway: gateway.models()) == ("b", "a")


@pytest.mark.parametrize(
    ("reply", "expected", "requests"),
    [
        (httpx.Response(200, json={"nope": 1}), GatewayProtocolError, 1),
        (httpx.Response(200, text="<html>"), GatewayProtocolError, 1),
        (httpx.Response(401, json={"error": {"message": "no"}}), GatewayAuthError, 1),
        (httpx.Response(503), GatewayUnavailable, 3),
    ],
)
def test_listing_models_fails_like_asking(
    reply: httpx.Response, expected: type[GatewayError], requests: int
) -> None:
    """The same errors, the same retries."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(reply.status_code, content=reply.content)

    async def run() -> None:
        gateway = Gateway(config("http://gateway.test"), transport=httpx.MockTransport(handle))
        with pytest.raises(expected):
            await gateway.models()
        await gateway.aclose()

    asyncio.run(run())

    assert ["http://gateway.test/v1/models"] * requests == [str(request.url) for request in seen]


def test_proxies_and_passwords_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither HTTP_PROXY nor ~/.netrc decides where questions go and which key goes with them."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedGateway([Scene.answer(TEXT)]) as server:
        use(config(server.url), complete)

    assert f"Bearer {KEY}" == server.chats[0].headers["authorization"]


def test_a_configured_proxy_is_used() -> None:
    """The proxy of the settings gets the whole address."""
    with ScriptedGateway([Scene.answer(TEXT)]) as proxy:
        settings = config("http://gateway.invalid/v1", proxy=proxy.url.removesuffix("/v1"))
        completion = use(settings, complete)

    assert completion.text == TEXT
    assert proxy.chats[0].path == "http://gateway.invalid/v1/chat/completions"


@pytest.mark.parametrize(
    "scene",
    [
        *(Scene.refusal(status, f"Incorrect key: {KEY}!") for status in (400, 401, 404, 429, 500)),
        Scene.raw(KEY.encode() * 100, status=502, content_type="text/plain"),
        Scene.raw(KEY.encode()),
        Scene.raw(b"", content_type=f"text/{KEY}"),
        Scene.raw(f"data: {KEY}\n\n".encode(), content_type="text/event-stream"),
        Scene.raw(b"", status=307, headers={"Location": f"http://other/?key={KEY}"}),
        Scene.raw(b"", headers={"X-Bad Header": KEY}),
        Scene.stream_error("", {"message": KEY}),
        Scene.stream_error("Revenue", KEY),
        Scene.broken("Revenue"),
    ],
)
def test_the_key_appears_nowhere(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """No message, cause, representation or log line holds the key, even when the gateway repeats it."""
    caplog.set_level(logging.DEBUG)
    error, _ = failure(scene)
    # At DEBUG, httpcore logs the headers of answers: the gateway's words, not ours.
    lines = [
        record.getMessage() for record in caplog.records if "response_headers" not in record.getMessage()
    ]
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error)) + "".join(lines)

    assert "httpcore.http11" in {record.name for record in caplog.records}
    assert KEY not in shown


def test_settings_and_client_show_no_secret() -> None:
    """Representations end up in logs."""
    settings = config("http://host/v1", proxy="http://user:hidden@proxy:3128")
    shown = repr(settings) + str(settings) + repr(Gateway(settings))

    assert KEY not in shown
    assert "hidden" not in shown
    assert "key='***'" in shown
    assert "key=None" in repr(GatewayConfig(url=None))


def test_a_scene_can_cite_what_the_prompt_issued() -> None:
    """The double's text may be composed from the request, as a model would."""
    echo = Scene.answer(lambda sent: f"Asked: {sent['messages'][-1]['content']} [k7f]")

    assert answer(echo)[0].text == "Asked: Did it rise? [k7f]"
