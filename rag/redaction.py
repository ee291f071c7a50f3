"""Keeps personal data from the gateway: placeholders out, and back in what the model writes.

A placeholder is the same for the same value in all that is sent for one request, and it holds letters drawn for the
request, so that no document can name one. What comes back is put in its place before anything is checked: sentences
are verified and quoted as if nothing had been taken out.
"""

from __future__ import annotations

import re
import secrets
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.errors import InvalidRecogniser
from rag.gateway.spending import SpendingGateway
from rag.personal import apart
from rag.prompt import UNMARKED
from rag.types import Marking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.cost import Purse
    from rag.gateway import Completion, Delta, Gateway
    from rag.gateway.wire import Message
    from rag.personal import Recogniser
    from rag.prompt import Mark

# No vowels, so that no word comes out.
_LETTERS = "bcdfghjkmnpqrstvwxz"
_NOTE = (
    "\n- Words such as {example} stand for data that is not shown to you. Use them as they are, letter by letter, and "
    "do not guess what they stand for."
)


class Redaction:
    """The placeholders of one request.

    Args:
        recognisers: What finds personal data.
        mark: What the text of sources is marked with; it must not keep a number from being seen as one.
    """

    def __init__(self, recognisers: Sequence[Recogniser], mark: Mark) -> None:
        self._recognisers = recognisers
        self._mark = mark
        self._nonce = "".join(secrets.choice(_LETTERS) for _ in range(5))
        self._numbers: dict[tuple[str, str], int] = {}
        self._spellings: dict[tuple[str, int], list[str]] = {}
        self._places: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        # What a placeholder that has not come in full may end with.
        self._beginnings: set[str] = set()

    def redact(self, text: str) -> str:
        """The text with placeholders for what is found in it."""
        plain, offsets = self._unmarked(text)
        try:
            found = apart(each for one in self._recognisers for each in one.find(plain))
            if found and found[-1].end > len(plain):
                raise ValueError(f"{found[-1]!r} ends behind the text")  # noqa: TRY301
        except Exception as error:
            # A recogniser may be anybody's. Without what it finds, nothing leaves the machine.
            raise InvalidRecogniser(
                f"A recogniser of personal data failed ({type(error).__name__}), so nothing was sent to the gateway. "
                "Mend what FOOTNOTE_REDACT_WITH names, or ask with mode=extractive."
            ) from error
        parts: list[str] = []
        at = 0
        for each in found:
            start, end = offsets[each.start], offsets[each.end - 1] + 1
            parts += [text[at:start], self._place_of(each.kind, plain[each.start : each.end])]
            at = end
        return "".join((*parts, text[at:]))

    def messages(self, sent: Sequence[Message]) -> list[dict[str, str]]:
        """Messages with placeholders, and a rule about them where there are any. Again, it changes nothing."""
        if any(not isinstance(each["content"], str) for each in sent):
            raise InvalidRecogniser(
                "Personal data are to be kept from the gateway, and nothing finds them in images, so none is sent. "
                "Unset FOOTNOTE_REDACT, or leave the images out."
            )
        hidden = [{**each, "content": self.redact(each["content"])} for each in sent]
        shown = next((place for each in hidden for place in self._within(each["content"])), None)
        if shown is None:
            return hidden
        note = _NOTE.format(example=shown)
        if hidden[0]["role"] == "system" and _NOTE[:16] not in hidden[0]["content"]:
            rules, parted, sources = hidden[0]["content"].partition("\n\nSources:")
            hidden[0]["content"] = rules + note + parted + sources
        return hidden

    def restore(self, text: str) -> str:
        """The text with what its placeholders stand for. Those that were not issued stay as they are."""
        if not self._values:
            return text
        return self._pattern().sub(lambda found: self._values.get(found.group(), found.group()), text)

    def undecided(self, text: str) -> int:
        """How many characters at the end of a text could be the beginning of a placeholder."""
        longest = max(map(len, self._values), default=0)
        for length in range(min(longest, len(text)), 0, -1):
            if text[-length:] in self._beginnings:
                return length
        return 0

    def hidden(self, value: Any) -> Any:
        """JSON with every text in it redacted: what is kept of how an answer was made."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {key: self.hidden(each) for key, each in value.items()}
        return [self.hidden(each) for each in value] if isinstance(value, list) else value

    def _within(self, text: str) -> list[str]:
        return [found.group() for found in self._pattern().finditer(text) if found.group() in self._values]

    def _pattern(self) -> re.Pattern[str]:
        kinds = "|".join(sorted({kind for kind, _ in self._places}, key=len, reverse=True)) or "(?!)"
        return re.compile(rf"(?:{kinds})-{self._nonce}-\d+(?:v\d+)?")

    def _place_of(self, kind: str, value: str) -> str:
        known = self._places.get((kind, value))
        if known is not None:
            return known
        # Another spelling of the same number is the same to the model, and comes back as it was written.
        same = kind, re.sub(r"[\W_]+", "", value).casefold()
        number = self._numbers.setdefault(same, len(self._numbers) + 1)
        spellings = self._spellings.setdefault((kind, number), [])
        spellings.append(value)
        variant = f"v{len(spellings)}" if len(spellings) > 1 else ""
        place = f"{kind}-{self._nonce}-{number}{variant}"
        self._places[kind, value] = place
        self._values[place] = value
        self._beginnings.update(place[:length] for length in range(1, len(place) + 1))
        return place

    def _unmarked(self, text: str) -> tuple[str, Sequence[int]]:
        """The text without the marks of sources, and for each of its characters the place that it came from."""
        mark = self._mark
        if mark.kind is Marking.OFF or mark.text not in text:
            return text, range(len(text))
        gap = " " if mark.kind is Marking.WORDS else ""
        parts: list[str] = []
        offsets: list[int] = []
        at = 0
        for found in re.finditer(re.escape(mark.text) + ("" if gap else " ?"), text):
            parts += [text[at : found.start()], gap]
            offsets += [*range(at, found.start()), *([found.start()] if gap else [])]
            at = found.end()
        return "".join((*parts, text[at:])), [*offsets, *range(at, len(text))]


class RedactingGateway:
    """A gateway that is shown placeholders, for one request.

    Args:
        gateway: The one that is asked.
        redaction: The request's.
    """

    def __init__(self, gateway: Gateway | SpendingGateway, redaction: Redaction) -> None:
        self._gateway = gateway
        self._redaction = redaction

    async def stream(
        self, messages: Sequence[Message], *, model: str | None = None, deadline_s: float | None = None
    ) -> AsyncGenerator[Delta, None]:
        """See ``Gateway.stream``. A placeholder that comes in pieces is held back until it is whole."""
        redaction = self._redaction
        waiting = ""
        stream = self._gateway.stream(redaction.messages(messages), model=model, deadline_s=deadline_s)
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                text = waiting + delta.text
                held = 0 if delta.finish_reason else redaction.undecided(text)
                waiting = text[len(text) - held :]
                yield replace(delta, text=redaction.restore(text[: len(text) - held]))

    async def complete(
        self, messages: Sequence[Message], *, model: str | None = None, deadline_s: float | None = None
    ) -> Completion:
        """See ``Gateway.complete``."""
        sent = self._redaction.messages(messages)
        found = await self._gateway.complete(sent, model=model, deadline_s=deadline_s)
        return replace(found, text=self._redaction.restore(found.text))


class PrivateGateway:
    """A gateway that is shown placeholders, other ones in each call: for calls whose answer quotes nothing.

    Args:
        gateway: The one that is asked.
        recognisers: What finds personal data.
    """

    def __init__(self, gateway: Gateway, recognisers: Sequence[Recogniser]) -> None:
        self._gateway = gateway
        self._recognisers = recognisers

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        deadline_s: float | None = None,
        purse: Purse | None = None,
    ) -> Completion:
        """See ``Gateway.complete``."""
        asked = self._gateway if purse is None else SpendingGateway(self._gateway, purse)
        once = RedactingGateway(asked, Redaction(self._recognisers, UNMARKED))
        return await once.complete(messages, model=model, deadline_s=deadline_s)

    async def aclose(self) -> None:
        """See ``Gateway.aclose``."""
        await self._gateway.aclose()
