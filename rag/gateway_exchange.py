"""One request to a gateway and its answer: every wait bounded, every failure mapped."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from rag import gateway_faults as faults
from rag import gateway_wire as wire
from rag.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import httpx

_T = TypeVar("_T")

# Bytes read of an error's body: only its message is wanted.
_ERROR_BODY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits one exchange.

    Attributes:
        deadline: When everything must be over, as the event loop's time in seconds.
        first_byte: When the first byte of the answer must have come, likewise; not after ``deadline``.
        max_bytes: Bytes of the answer's body.
        place: The gateway's address, for messages.
        key: The gateway's key, to be kept out of messages.
    """

    deadline: float
    first_byte: float
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
        self.status = response.status_code
        self.media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()

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
        until = bounds.deadline if self._received else bounds.first_byte
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

    def reported(self, payload: object) -> GatewayError | None:
        """Returns the error that a part of the answer reports, if it does."""
        fault = faults.read_fault(payload)
        return faults.from_fault(fault, self._bounds.place, self._bounds.key) if fault else None

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
        return faults.from_fault(fault, self._bounds.place, self._bounds.key, wait_s), fault.message

    async def drain(self, seconds: float) -> None:
        """Gives an answer that is complete a moment to end, so that its connection can be used again.

        Nothing depends on how that ends: a connection that stays open or breaks is closed by ``aclose``.
        """
        bounds = self._bounds
        until = min(bounds.deadline, asyncio.get_running_loop().time() + seconds)
        with contextlib.suppress(GatewayError):
            await _within(anext(self._chunks, None), bounds, until)


async def _within(step: Awaitable[_T], bounds: Bounds, until: float) -> _T:
    """Waits for one step of the exchange until a moment of the event loop's clock.

    The time limit covers single steps and never a ``yield``: it would cancel whatever the consumer
    happened to be waiting for.
    """
    try:
        async with asyncio.timeout_at(until):
            return await step
    except TimeoutError:
        missed = (
            "sent nothing within the time for a first byte"
            if until < bounds.deadline
            else "missed the deadline"
        )
        raise faults.too_late(missed, bounds.place) from None
    except faults.HTTPX_ERRORS as error:
        raise faults.from_httpx(error, bounds.place, bounds.key) from error
