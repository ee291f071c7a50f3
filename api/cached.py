"""Answers given again: what makes two questions the same, and a stored answer as the events of a new one."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from index.answer_cache import Entry
from ingest.types import Box
from rag import prompt
from rag.types import (
    Answer,
    Citation,
    Cited,
    Claim,
    Claimed,
    Confidence,
    Disagreement,
    Discord,
    Done,
    Found,
    Mode,
    Passage,
    Retrieved,
    ShortAnswer,
    Usage,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Counter

    from index.answer_cache import Kept
    from index.sight import Sight
    from index.store import Store
    from rag.answer import Answerer
    from rag.types import Event, Question

# What of a question does not decide about its answer: an answer that was cut short by its budget is not kept, and
# who asks is in the key as what they may see. The turns before a question and what they cited do decide.
_APART = frozenset({"max_cost_usd", "conversation_id", "sight", "collection", "text"})
_ENDED = "stop"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to a question would be kept.

    Attributes:
        collection_id: Of its collection.
        seq: The collection's last change before the question was looked at.
        evidence: Hash of the passages that were found; empty until they are.
        found: These passages by id, with their scores.
    """

    key: str
    collection_id: int
    seq: int
    evidence: str = ""
    found: tuple[list[Any], ...] = ()

    def after(self, retrieved: Retrieved) -> Place:
        """With the passages that were found."""
        shown = [
            (each.passage.document_id, each.passage.version, each.passage.start, each.passage.end)
            for each in retrieved.passages
        ]
        found = tuple(
            [each.passage.id, each.rank, each.score, each.scores, each.ranks, list(each.also_in)]
            for each in retrieved.passages
        )
        return replace(self, evidence=_hash(shown), found=found)


class Shelf:
    """The kept answers as questions see them.

    Args:
        store: The data folder.
        answerer: What answers the others; its settings are part of every key.
        seconds: For which an answer may be given again; 0 keeps none.
    """

    def __init__(self, store: Store, answerer: Answerer, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._settings = fingerprint(answerer) if seconds else ""

    def place(self, question: Question, mode: Mode, *, own: bool) -> Place | None:
        """Where the answer would be, or None where none is kept.

        Args:
            question: As it was asked.
            mode: In which it is answered.
            own: Whether its answer is deleted with what it was given in, such as a conversation. So nobody outside is
                given it.
        """
        if not self._seconds:
            return None
        state = self._store.cache.state(question.collection, question.sight)
        if state is None:
            return None
        asked = {
            each.name: getattr(question, each.name) for each in fields(question) if each.name not in _APART
        }
        text = " ".join(question.text.split())
        key = _hash([self._settings, state[0], text, mode, asked, own, _sees(question.sight)])
        return Place(key, *state)

    def find(self, place: Place, sight: Sight) -> Kept | None:
        """The answer, if nothing in its collection has changed."""
        return self._store.cache.find(place.key, sight)

    def find_again(self, place: Place, sight: Sight) -> Kept | None:
        """The answer, if the passages are those that it was made from."""
        return self._store.cache.find_again(place.key, place.evidence, place.seq, sight)

    def passages(self, kept: Kept, sight: Sight) -> Retrieved:
        """The passages that an answer was made from, as a search tells of them."""
        stored = self._store.catalog.passages([row[0] for row in kept.found], sight)
        return Retrieved(
            tuple(
                Found(stored[at], score, rank, scores, ranks, also_in=tuple(also))
                for at, rank, score, scores, ranks, also in kept.found
                if at in stored
            )
        )

    def entry(self, place: Place, answer: Answer) -> Entry | None:
        """What is to be kept of an answer; None when the same question might get another one."""
        judge = answer.trace.get("judge")
        if answer.finish_reason != _ENDED or not place.evidence or (judge and judge["failures"]):
            return None
        return Entry(place.key, place.seq, place.evidence, list(place.found), self._seconds)


class Look:
    """One question's look for its answer among those that are kept.

    Args:
        shelf: With the kept answers.
        question: As it was asked.
        mode: In which it is answered.
        counter: Counts how looks end.
        fresh: Whether no kept answer is wanted.
        own: As of ``Shelf.place``.

    Attributes:
        kept: The answer, once it was found.
        passages: That it was made from, if it was there at once.
    """

    def __init__(
        self,
        shelf: Shelf,
        question: Question,
        mode: Mode,
        counter: Counter,
        *,
        fresh: bool,
        own: bool,
    ) -> None:
        self._shelf = shelf
        self._question = question
        self._mode = mode
        self._counter = counter
        self._fresh = fresh
        self._own = own
        self._place: Place | None = None
        self._started = time.perf_counter()
        self.kept: Kept | None = None
        self.passages = Retrieved(())

    async def at_once(self) -> bool:
        """Whether there is an answer, and nothing in its collection has changed."""
        self._place, self.kept, self.passages = await asyncio.to_thread(self._look)
        return self._counted("hit")

    def _look(self) -> tuple[Place | None, Kept | None, Retrieved]:
        place = self._shelf.place(self._question, self._mode, own=self._own)
        kept = None if place is None or self._fresh else self._shelf.find(place, self._question.sight)
        if kept is None:
            return place, None, Retrieved(())
        return place, kept, self._shelf.passages(kept, self._question.sight)

    async def after(self, retrieved: Retrieved) -> bool:
        """Whether there is an answer that was made from the passages that were found now."""
        if self._place is None:
            return False
        self._place = self._place.after(retrieved)
        if not self._fresh:
            self.kept = await asyncio.to_thread(self._shelf.find_again, self._place, self._question.sight)
        return self._counted("found_again")

    def events(self) -> Iterator[Event]:
        """The answer as it is told, after its passages."""
        if self.kept is not None:
            yield from events_of(self.kept, (time.perf_counter() - self._started) * 1000)

    def to_keep(self, answer: Answer, *, whole: bool) -> Answer:
        """A new answer, with where it may be kept.

        Args:
            answer: That was made.
            whole: Whether nothing was left out for want of money.
        """
        if self._place is None:
            return answer
        entry = self._shelf.entry(self._place, answer) if whole else None
        self._counter.labels("kept" if entry else "not_kept").inc()
        return replace(answer, keep=entry)

    def _counted(self, outcome: str) -> bool:
        if self.kept is not None:
            self._counter.labels(outcome).inc()
        return self.kept is not None


def events_of(kept: Kept, milliseconds: float) -> Iterator[Event]:
    """A kept answer as it is told, after its passages."""
    answer = replace(
        answer_of(kept.body), cached=True, usage=Usage(), cost_usd=0.0, timings={"total": milliseconds}
    )
    told: set[int] = set()
    by_number = {each.number: each for each in answer.citations}
    end = 0
    for claim in answer.claims:
        for number in claim.citations:
            if number in by_number and number not in told:
                told.add(number)
                yield Cited(by_number[number])
        between = _between(answer, end, claim.start)
        yield Claimed(claim, between)
        end = claim.end
    yield Done(answer)


def answer_of(body: dict[str, Any]) -> Answer:
    """The answer that a stored body shows."""
    return Answer(
        id=body["id"],
        text=body["answer"],
        abstained=body["abstained"],
        finish_reason=body["finish_reason"],
        claims=tuple(
            Claim(**each | {"verdict": Verdict(each["verdict"]), "citations": tuple(each["citations"])})
            for each in body["claims"]
        ),
        citations=tuple(_citation(each) for each in body["citations"]),
        confidence=Confidence(
            **body["confidence"] | {"explanation": tuple(body["confidence"]["explanation"])}
        ),
        mode=Mode(body["mode"]),
        model=body["model"],
        usage=Usage(body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]),
        cost_usd=body["cost_usd"],
        timings=body["timings"],
        trace=body["trace"] or {},
        follow_ups=tuple(body.get("follow_ups", ())),
        short_answer=ShortAnswer(**body["short_answer"]) if body.get("short_answer") else None,
        disagreements=tuple(
            Disagreement(
                citation=each["citation"],
                other=Passage(**each["other"]),
                kind=Discord(each["kind"]),
                explanation=each["explanation"],
            )
            for each in body.get("disagreements", ())
        ),
    )


def fingerprint(answerer: Answerer) -> str:
    """A hash of everything but the question and the documents that decides about an answer."""
    config = answerer.config
    calibrations = [each.id for each in (config.calibration, config.generative_calibration) if each]
    plain = replace(config, calibration=None, generative_calibration=None, recognisers=())
    recognisers = [f"{type(each).__qualname__} {getattr(each, 'kinds', '')}" for each in config.recognisers]
    judge = answerer.judge or (answerer.judges and answerer.judges.model)
    return _hash(
        [
            version("footnote"),
            prompt.VERSION,
            repr(plain),
            calibrations,
            recognisers,
            repr(answerer.retrieve_config),
            repr(answerer.extract_config),
            repr(replace(answerer.gateway_config, prices=None)),
            getattr(judge, "name", judge),
            None if answerer.reranker is None else type(answerer.reranker).__name__,
        ]
    )


def _sees(sight: Sight) -> list[str] | None:
    return None if sight.principals is None else sorted(sight.principals)


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _between(answer: Answer, end: int, start: int) -> str:
    """What stands between two claims beside the markers of the first: spaces, or the end of a line."""
    if not end:
        return ""
    return "\n\n" if "\n\n" in answer.text[end:start] else "\n" if "\n" in answer.text[end:start] else " "


def _citation(body: dict[str, Any]) -> Citation:
    own = {each.name for each in fields(Citation)}
    given = {name: value for name, value in body.items() if name in own}
    return Citation(
        **given
        | {
            "pages": tuple(body["pages"]) if body["pages"] else None,
            "boxes": tuple(Box(**each) for each in body["boxes"]),
            "headings": tuple(body["headings"]),
            "transcribed": tuple(map(tuple, body.get("transcribed", ()))),
        }
    )
