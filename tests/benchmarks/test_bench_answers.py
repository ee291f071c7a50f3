"""The checks of an answer: a sound one passes all of them, and each kind of fault fails its own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from benchmarks import answers
from benchmarks.answers import AnswerChecker
from benchmarks.client import Client
from benchmarks.quotes import squeeze
from benchmarks.report import Checks

if TYPE_CHECKING:
    from collections.abc import Callable

STORED = "Café opens at nine. It shuts at five. 🙂 Dogs are welcome on the terrace."
PAGES = [squeeze("Café opens at nine."), squeeze("It shuts at five. Dogs are welcome on the terrace.")]

ANSWER: dict[str, Any] = {
    "answer": "It shuts at five. [1]",
    "abstained": False,
    "finish_reason": "stop",
    "claims": [
        {"start": 0, "end": 17, "text": "It shuts at five.", "verdict": "supported", "citations": [1]}
    ],
    "citations": [
        {
            "number": 1,
            "document_id": "d1",
            "version": 1,
            "filename": "hours.pdf",
            "start": 20,
            "end": 37,
            "quote": "It shuts at five.",
            "pages": [2, 2],
        }
    ],
    "confidence": {"value": 0.8, "level": "high"},
}


def stored_text(request: httpx.Request) -> httpx.Response:
    """The text route of a service that holds one document."""
    start, end = int(request.url.params["start"]), int(request.url.params["end"])
    return httpx.Response(200, json={"text": STORED[start:end]})


def failed_checks(answer: dict[str, Any], *, paged: bool = True) -> set[str]:
    """Names of the checks that an answer fails."""
    checks = Checks()
    with Client("http://service", transport=httpx.MockTransport(stored_text)) as client:
        AnswerChecker(client, checks, {"d1": "hours.pdf"}, {"d1": PAGES} if paged else {}).check(
            "When?", answer
        )
    return {check["name"] for check in checks.as_json() if not check["passed"]}


def test_a_sound_answer_passes_every_check() -> None:
    """Nothing is reported about an answer that keeps every promise."""
    assert failed_checks(ANSWER) == set()


Change = tuple[str, "Callable[[dict[str, Any]], None]"]

FAULTS: list[Change] = [
    (answers.QUOTE, lambda a: a["citations"][0].update(quote="It shuts at six.")),
    (answers.QUOTE, lambda a: a["citations"][0].update(start=21)),
    (answers.PAGES, lambda a: a["citations"][0].update(pages=[1, 1])),
    (answers.PAGES, lambda a: a["citations"][0].update(pages=[1, 2])),
    (answers.PAGES, lambda a: a["citations"][0].update(pages=None)),
    (answers.KNOWN, lambda a: a["citations"][0].update(document_id="d2")),
    (answers.SENTENCES, lambda a: a.update(answer=a["answer"] + " Trust me.")),
    (answers.SLICES, lambda a: a["claims"][0].update(end=16)),
    (answers.CLAIM_CITATIONS, lambda a: a["claims"][0].update(citations=[1, 2])),
    (answers.MARKERS, lambda a: a.update(answer=a["answer"] + "[7]")),
    (answers.MARKED, lambda a: a.update(answer="It shuts at five.")),
    (answers.SUPPORTED, lambda a: a["claims"][0].update(citations=[])),
    (answers.VERDICTS, lambda a: a["claims"][0].update(verdict="true")),
    (answers.NUMBERS, lambda a: a["citations"].append(copy.deepcopy(a["citations"][0]))),
    (answers.CONFIDENCE, lambda a: a["confidence"].update(value=1.2)),
    (answers.CONFIDENCE, lambda a: a["confidence"].update(level="sure")),
    (answers.FINISHED, lambda a: a.update(finish_reason=None)),
    (answers.ABSTAINED, lambda a: a.update(abstained=True)),
]


@pytest.mark.parametrize(("name", "spoil"), FAULTS)
def test_each_fault_fails_its_check(name: str, spoil: Callable[[dict[str, Any]], None]) -> None:
    """One thing made wrong is reported under the promise that it breaks."""
    answer = copy.deepcopy(ANSWER)
    spoil(answer)

    assert name in failed_checks(answer)


def test_pages_of_a_document_without_pages_are_reported() -> None:
    """A text file has no pages, so a citation that names some invents them."""
    assert failed_checks(ANSWER, paged=False) == {answers.NO_PAGES}


def test_a_plain_refusal_passes() -> None:
    """An abstained answer that says so at low confidence is sound without any claim."""
    refusal = {**ANSWER, "abstained": True, "answer": "The documents do not say.", "claims": []}
    refusal["confidence"] = {"value": 0.1, "level": "low"}

    assert failed_checks(refusal) == set()
