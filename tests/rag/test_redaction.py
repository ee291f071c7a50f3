"""Placeholders: the same for the same value, back again however they are cut, and never a document's own."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import GatewayConfig
from rag.errors import InvalidRecogniser
from rag.gateway import Gateway
from rag.judging import messages_to_judge
from rag.personal import Finding, Rules
from rag.prompt import UNMARKED, Mark
from rag.redaction import PrivateGateway, RedactingGateway, Redaction
from rag.types import Marking
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VALUES = ("anna@example.org", "+49 30 901820", "DE89 3704 0044 0532 0130 00")
TEXT = f"Ask {VALUES[0]} or {VALUES[1]}; pay to {VALUES[2]}. Again: {VALUES[0]}."


def test_placeholders_are_stable_and_come_back() -> None:
    """The same value has the same placeholder, in every text of the request; another request has others."""
    one, other = (Redaction([Rules()], UNMARKED) for _ in range(2))

    hidden = one.redact(TEXT)

    assert not any(value in hidden for value in VALUES)
    places = re.findall(r"[A-Z]+-[a-z]{5}-\d+", hidden)
    assert [place.split("-")[0] for place in places] == ["EMAIL", "PHONE", "IBAN", "EMAIL"]
    assert places[0] == places[3]
    assert one.redact(VALUES[1]) == places[1]
    assert one.restore(hidden) == TEXT
    assert one.redact(hidden) == hidden
    assert other.restore(hidden) == hidden


def test_spellings_of_one_number_are_one_to_the_model() -> None:
    """And come back each as it was written, because quotes are checked to the letter."""
    redaction = Redaction([Rules()], UNMARKED)

    first, second = redaction.redact("+49 30 901820"), redaction.redact("+49-30-901820")

    assert second == f"{first}v2"
    assert redaction.restore(f"{first} {second}") == "+49 30 901820 +49-30-901820"


def test_a_document_cannot_forge_a_placeholder() -> None:
    """What a text holds of that form was not issued and stays."""
    redaction = Redaction([Rules()], UNMARKED)
    redaction.redact(TEXT)

    assert redaction.restore("EMAIL-bcdfg-1 and EMAIL-1") == "EMAIL-bcdfg-1 and EMAIL-1"


@pytest.mark.parametrize(
    "mark", [Mark(Marking.WORDS, "¬"), Mark(Marking.WORDS, "^k7f"), Mark(Marking.SENTENCES, "^k7f")]
)
def test_marks_between_words_hide_nothing(mark: Mark) -> None:
    """A number whose groups the mark parts is found all the same."""
    redaction = Redaction([Rules()], mark)
    text = "Call +49 30 901820 or pay to DE89 3704 0044 0532 0130 00 now."
    marked = (
        mark.text + re.sub(r"\s+", mark.text, text) if mark.kind is Marking.WORDS else f"{mark.text} {text}"
    )

    hidden = redaction.redact(marked)

    assert "901820" not in hidden
    assert "3704" not in hidden
    assert hidden.startswith(mark.text)
    assert redaction.restore(hidden).count("+49 30 901820") == 1


def test_messages_say_what_placeholders_are() -> None:
    """Once, before the sources, and only where there are any."""
    redaction = Redaction([Rules()], UNMARKED)
    rules = {"role": "system", "content": "Rules.\n\nSources:\n\nNothing personal."}
    asked = {"role": "user", "content": f"Who is {VALUES[0]}?"}

    assert redaction.messages([rules]) == [rules]
    once = redaction.messages([rules, asked])
    assert redaction.messages(once) == once
    assert re.search(r"Rules\.\n- Words such as EMAIL-\w+-1 stand for .*\n\nSources:", once[0]["content"])


class Broken:
    """A recogniser that fails, or says what cannot be."""

    def __init__(self, *found: Finding) -> None:
        self._found = found

    def find(self, _text: str) -> Iterable[Finding]:
        """What it was given, or a failure."""
        if not self._found:
            raise RuntimeError("the model is gone")
        return self._found


@pytest.mark.parametrize("broken", [Broken(), Broken(Finding("NAME", 0, 999)), Broken(Finding("name", 0, 1))])
def test_a_recogniser_that_fails_lets_nothing_out(broken: Broken) -> None:
    """An error, and not the text as it was."""
    redaction = Redaction([Rules(), broken], UNMARKED)

    with pytest.raises(InvalidRecogniser, match="nothing was sent"):
        redaction.messages([{"role": "user", "content": "Hello"}])


def streamed(parts: Sequence[str]) -> str:
    """What arrives of an answer that a real gateway sends in these parts, after placeholders came back."""
    redaction = Redaction([Rules()], UNMARKED)
    place = redaction.redact(VALUES[0])
    places = [place, redaction.redact(VALUES[1])]

    async def ask(url: str) -> str:
        gateway = Gateway(GatewayConfig(url))
        wrapped = RedactingGateway(gateway, redaction)
        sent = [{"role": "user", "content": f"Who is {VALUES[0]}?"}]
        try:
            return "".join([delta.text async for delta in wrapped.stream(sent)])
        finally:
            await gateway.aclose()

    text = [part.replace("<a>", places[0]).replace("<b>", places[1]) for part in parts]
    with ScriptedGateway([Scene.answer(text)]) as server:
        got = asyncio.run(ask(server.url))
        assert VALUES[0] not in server.chats[0].json["messages"][0]["content"]
    return got


def test_placeholders_come_back_from_a_stream() -> None:
    """Whole, beside one another, and at the very end."""
    assert streamed(["Ask <a>, then <b>", "<a> E EM EMAIL- ", "end <b>"]) == (
        f"Ask {VALUES[0]}, then {VALUES[1]}{VALUES[0]} E EM EMAIL- end {VALUES[1]}"
    )


def test_a_judge_at_the_gateway_sees_no_personal_data_either() -> None:
    """Its calls quote nothing, so each has placeholders of its own."""

    async def ask(url: str) -> str:
        gateway = PrivateGateway(Gateway(GatewayConfig(url)), [Rules()])
        try:
            sent, _ = messages_to_judge(f"Ask {VALUES[0]}.", [TEXT])
            return (await gateway.complete(sent)).text
        finally:
            await gateway.aclose()

    with ScriptedGateway([Scene.answer("none")]) as server:
        assert asyncio.run(ask(server.url)) == "none"
        sent = str(server.chats[0].json)

    assert not any(value in sent for value in VALUES)
    places = re.findall(r"EMAIL-[a-z]{5}-1\b", sent)
    assert len(set(places)) == 1
    assert len(places) >= 3


@given(st.data())
def test_where_a_stream_is_cut_does_not_matter(data: st.DataObject) -> None:
    """A placeholder in pieces is held back until it is whole; nothing is lost, doubled or turned."""
    redaction = Redaction([Rules()], UNMARKED)
    places = [redaction.redact(f"a{number}@example.org") for number in range(12)]
    words = data.draw(st.lists(st.sampled_from([*places, "EMAIL", "EMAIL-", " ", "1", "E", places[0][:-2]])))
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    waiting, got = "", ""

    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        waiting += text[start:end]
        held = redaction.undecided(waiting)
        got += redaction.restore(waiting[: len(waiting) - held])
        waiting = waiting[len(waiting) - held :]

    assert got + redaction.restore(waiting) == redaction.restore(text)
