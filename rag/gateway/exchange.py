"""One request to a gateway and its answer: every wait bounded, every failure mapped."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from rag.errors import GatewayError
from rag.gateway import faults, wire
from rag.sse import EventParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    import httpx

_T = TypeVar("_T")

# Bytes read of an error's body: only its message is wanted.
_ERROR_BODY_BYTES = 65_536
# Seconds to wait for the end of a stream after its [DONE].
_DRAIN_S = 0.25
# A proxy says so when the model behind it took too long, which may have been billed to it.
_PERHAPS_BILLED = frozenset({408, 499, 502, 504, 524})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits one exchange.

    Attributes:
        deadline: When everything must be over, as the event loop's time in seconds.
        first_byte: When the first byte of the answer must have come, likewise; not after ``deadline``.
        silence_s: Seconds between two of its bytes before its first word.
        max_bytes: Bytes of the answer's body.
        place: The gateway's address, for messages.
        key: The gateway's key, to be kept out of messages.
    """

    deadline: float
    first_byte: float
    silence_s: float
    max_bytes: int
    place: str
    key: str | None


class Exchange:
    """An answer that has begun. Close it, also when reading it failed."""

    def __init__(self, response: httpx.Response, bounds: Bounds) -> None:
        self._response = response
        self._bounds = bounds
        self._chunks = response.aiter_bytes()
        self._received = 0
        # Until the first word, silence is as long as before the first byte; another model can still take its place.
        self.has_begun = False
        self.status = response.status_code
        self._media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    @classmethod
    async def open(cls, client: httpx.AsyncClient, request: httpx.Request, bounds: Bounds) -> Exchange:
        """Sends a request and waits for the head of its answer.

        Raises:
            GatewayError: It could not be sent, or no answer came in time.
        """
        return cls(await _within(client.send(request, stream=True), bounds, bounds.first_byte), bounds)

    async def aclose(self) -> None:
        """Closes the connection, or gives it back to the pool when the answer was read to its end."""
        await self._response.aclose()

    async def read(self) -> bytes | None:
        """Returns the next bytes of the body, None at its end.

        Raises:
            GatewayError: The connection broke, a limit of time passed, or the body is too long.
        """
        bounds = self._bounds
        until = bounds.deadline
        if not self.has_begun:
            now = asyncio.get_running_loop().time()
            until = min(until, now + bounds.silence_s if self._received else bounds.first_byte)
        chunk = await _within(anext(self._chunks, None), bounds, until)
        self._received += len(chunk or b"")
        if self._received > bounds.max_bytes:
            raise faults.unusable(f"sent more than {bounds.max_bytes} bytes for one answer", bounds.place)
        return chunk

    async def json(self) -> object:
        """Reads the whole body as JSON.

        Raises:
            GatewayProtocolError: It is something else.
            GatewayError: It could not be read.
        """
        body = bytearray()
        while (chunk := await self.read()) is not None:
            body += chunk
        return self.decode(body.decode("utf-8", "replace"))

    def decode(self, text: str) -> object:
        """Decodes JSON that this answer holds.

        Raises:
            GatewayProtocolError: It is something else.
        """
        try:
            return wire.decode(text)
        except ValueError:
            shown = faults.quote(text, self._bounds.key, 80)
            raise faults.unusable(
                f"sent something that is not JSON ({shown!r})", self._bounds.place
            ) from None

    async def payloads(self) -> AsyncGenerator[object, None]:
        """Yields the decoded events of a stream, or the one body of a gateway that does not stream.

        Raises:
            GatewayProtocolError: It is neither.
            GatewayError: It could not be read, or it reports an error.
        """
        if self._media_type == "text/event-stream":
            async with aclosing(self._events()) as events:
                async for payload in events:
                    yield self._checked(payload)
        elif self._media_type.endswith("json"):
            yield self._checked(await self.json())
        else:
            kind = faults.quote(self._media_type, self._bounds.key, 80) or "no content type"
            raise faults.unusable(
                f"answered with {kind} instead of JSON or an event stream", self._bounds.place
            )

    async def _events(self) -> AsyncGenerator[object, None]:
        parser = EventParser()
        while (chunk := await self.read()) is not None:
            for event in parser.feed(chunk):
                if event.data.strip() == "[DONE]":
                    # Read to its end, the connection can be used again; if that takes long or fails, it
                    # is closed instead and nothing is lost.
                    self.shorten(_DRAIN_S)
                    with contextlib.suppress(GatewayError):
                        await self.read()
                    return
                payload = self.decode(event.data)
                # Some gateways name the event instead of wrapping the error.
                wrapped = isinstance(payload, dict) and "error" in payload
                yield {"error": payload} if event.name == "error" and not wrapped else payload

    def _checked(self, payload: object) -> object:
        fault = faults.read_fault(payload)
        if fault:
            raise faults.from_fault(fault, self._bounds.place, self._bounds.key)
        return payload

    async def refusal(self) -> tuple[GatewayError, str]:
        """Reads an answer whose status is not 200.

        Returns:
            The error, and the gateway's own words in full, which may hold anything.

        Raises:
            GatewayError: The answer could not be read.
        """
        body = bytearray()
        while len(body) < _ERROR_BODY_BYTES and (chunk := await self.read()) is not None:
            body += chunk
        text = body[:_ERROR_BODY_BYTES].decode("utf-8", "replace")
        try:
            fault = faults.read_fault(wire.decode(text), self.status)
        except ValueError:
            fault = None
        # A redirect says nothing in its body that is worth quoting; where it leads is.
        said = self._response.headers.get("location", text)
        fault = fault or faults.Fault(self.status, said)
        wait_s = faults.retry_after_s(self._response.headers, datetime.now(UTC))
        error = faults.from_fault(fault, self._bounds.place, self._bounds.key, wait_s)
        error.unbilled = self.status not in _PERHAPS_BILLED
        return error, fault.message

    def shorten(self, seconds: float) -> None:
        """Moves the deadline to ``seconds`` from now, if that is sooner."""
        deadline = min(self._bounds.deadline, asyncio.get_running_loop().time() + seconds)
        self._bounds = replace(self._bounds, deadline=deadline, first_byte=deadline)


async def _within(step: Awaitable[_T], bounds: Bounds, until: float) -> _T:
    """Waits for one step of the exchange until a moment of the event loop's clock.

    The time limit covers single steps and never a ``yield``: it would cancel whatever the consumer
    happened to be waiting for.
    """
    try:
        async with asyncio.timeout_at(until):
            return await step
    except TimeoutError:
        early = until < bounds.deadline
        missed = "sent nothing within the time for a first word" if early else "missed the deadline"
        failure: GatewayError = faults.too_late(missed, bounds.place)
    except faults.HTTPX_ERRORS as error:
        failure = faults.from_httpx(error, bounds.place, bounds.key)
    # Raised out here, the error has no cause: httpx quotes what the gateway sent, and that may be the key.
    raise failure
