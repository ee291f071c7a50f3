"""OpenAI's responses: what is asked, the object that is answered, and the events of its stream.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.errors import ApiError, describe
from api.faces.filters import from_openai
from api.faces.openai import (
    MAX_MESSAGES,
    by_number,
    collection_name,
    grounding,
    ignored,
    model_of,
    refuse_shared,
    refuse_tools,
    text_of,
    turns_of,
    unsupported,
    url_citations,
)
from api.schemas.answers import MAX_HISTORY_CHARS, MAX_TURNS
from api.schemas.base import ActingAs, LongText
from rag.types import CitedSpan, OnUnsupported, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from api.faces.pieces import Piece
    from index.responses import ResponseRecord
    from rag.types import Answer, Citation, Claim

# What is read of earlier answers, and what has no words.
_SPOKEN = ("user", "assistant")
_SILENT = ("reasoning", "file_search_call")
_RESULTS = "file_search_call.results"
MAX_PASSAGES = 50
# What OpenAI takes as metadata; it is kept with the response.
_Label = Annotated[str, Field(max_length=64)]
_Value = Annotated[str, Field(max_length=512)]


class FileSearch(BaseModel):
    """The tool that names the collection."""

    model_config = ConfigDict(extra="allow")

    type: Literal["file_search"]
    vector_store_ids: list[LongText] = Field(min_length=1, max_length=1)
    max_num_results: int = Field(10, ge=1, le=MAX_PASSAGES)
    filters: dict[str, Any] | None = None


class ResponseIn(BaseModel):
    """A response request. What cannot be done is refused; what only steers a model's style has no effect."""

    model_config = ConfigDict(extra="allow")

    model: LongText
    input: LongText | list[dict[str, Any]]
    instructions: LongText | None = None
    previous_response_id: str | None = Field(None, max_length=100)
    stream: bool = False
    store: bool = True
    tools: list[dict[str, Any]] = Field(default_factory=list, max_length=128)
    tool_choice: Any = None
    include: list[str] | None = Field(None, max_length=20)
    text: dict[str, Any] | None = None
    metadata: dict[_Label, _Value] | None = Field(None, max_length=16)
    on_unsupported: OnUnsupported | None = None
    principals: ActingAs = None

    def question(self, thread: Sequence[ResponseRecord], search: FileSearch | None) -> Question:
        """What is asked, after what was said before.

        Raises:
            ApiError: 422 for what cannot be answered.
        """
        asked = self.model_dump()
        refuse_shared(asked)
        refuse_tools(self.tools, self.tool_choice, ("file_search",))
        for name in ("background", "conversation", "prompt"):
            if asked.get(name):
                raise unsupported(
                    name, "this service answers at once, and goes on from previous_response_id."
                )
        text, history = turns_of(_spoken(self.input), "input")
        collection, model = model_of(self.model)
        if search is not None:
            named = collection_name(search.vector_store_ids[0], "tools.vector_store_ids")
            # With a collection in the tool, the model may be just a model.
            collection, model = named, model or (None if collection == named else collection)
        return Question(
            text=text,
            collection=collection,
            history=_within([*_turns(thread), *history]),
            cited=_cited(thread),
            model=model,
            wanted=from_openai(search.filters) if search and search.filters else None,
            top_k=search.max_num_results if search else 10,
            on_unsupported=self.on_unsupported,
        )

    def ignored(self) -> list[str]:
        """What of the request has no effect."""
        items = self.input if isinstance(self.input, list) else []
        instructed = bool(self.instructions) or any(
            each.get("role") in ("system", "developer") for each in items
        )
        return ignored(self.model_dump(), instructed=instructed)

    def items(self) -> list[dict[str, Any]]:
        """What was asked as items with ids, as they are listed later.

        Answers sent along are left out: they may quote what is deleted later, and nobody could find them then.
        """
        given = [{"role": "user", "content": self.input}] if isinstance(self.input, str) else self.input
        return [
            {
                "id": f"msg_{secrets.token_hex(12)}",
                "type": "message",
                "status": "completed",
                "role": each["role"],
                "content": [{"type": "input_text", "text": text_of(each.get("content"), "input")}],
            }
            for each in given
            if each.get("role") not in (None, "assistant")
        ]


def _spoken(given: str | Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    if isinstance(given, str):
        return [("user", given)]
    if len(given) > MAX_MESSAGES * 4:
        raise ApiError(422, "invalid_field", f"input: at most {MAX_MESSAGES * 4} items.")
    found = []
    for each in given:
        kind = each.get("type", "message")
        if kind in _SILENT:
            continue
        if kind != "message" or not isinstance(each.get("role"), str):
            raise unsupported("input", f"items of the type {str(kind)[:40]!r} are not read. Send messages.")
        if each["role"] in _SPOKEN:
            found.append((each["role"], text_of(each.get("content"), "input")))
    return found


def _turns(thread: Iterable[ResponseRecord]) -> Iterator[tuple[str, str]]:
    for each in thread:
        yield "user", each.answer["question"]
        yield "assistant", each.answer["answer"]


def _cited(thread: Sequence[ResponseRecord]) -> tuple[CitedSpan, ...]:
    """What the last of the responses that quoted something quoted: it is read again when the question leans on it."""
    for each in reversed(thread):
        if not each.answer["abstained"]:
            return tuple(
                CitedSpan(cited["document_id"], cited["version"], cited["start"], cited["end"])
                for cited in each.answer["citations"]
            )
    return ()


def _within(turns: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The latest turns, as many as a question may have before it."""
    kept: list[tuple[str, str]] = []
    chars = 0
    for turn in reversed(turns[-MAX_TURNS:]):
        chars += len(turn[1])
        if chars > MAX_HISTORY_CHARS:
            break
        kept.append(turn)
    return tuple(reversed(kept))


@dataclass(slots=True)
class Reply:
    """A response in the making: the object, and the events that tell of it.

    Attributes:
        asked: The request.
        base: What links begin with.
        search: The tool that names the collection, if one does.
        question: In words, as the search was asked.
    """

    asked: ResponseIn
    base: str
    search: FileSearch | None
    question: str
    id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(12)}")
    created_at: int = field(default_factory=lambda: int(time.time()))
    message_id: str = field(default_factory=lambda: f"msg_{secrets.token_hex(12)}")
    search_id: str = field(default_factory=lambda: f"fs_{secrets.token_hex(12)}")
    file_ids: dict[str, str] = field(default_factory=dict)
    _number: int = 0
    _is_open: bool = False
    _text: str = ""
    _annotations: list[dict[str, Any]] = field(default_factory=list)
    _known: dict[int, Citation] = field(default_factory=dict)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The response to an answer."""
        notes = self._notes(answer.claims, by_number(answer))
        output = [self._message(answer.text, notes)]
        if self.search is not None:
            output.insert(0, self._search_call(answer))
        cut = answer.finish_reason != "stop"
        reasons = {"length": "max_output_tokens"}
        return {
            **self._object("incomplete" if cut else "completed", output),
            "incomplete_details": {"reason": reasons.get(answer.finish_reason, "content_filter")}
            if cut
            else None,
            "usage": {
                "input_tokens": answer.usage.prompt_tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": answer.usage.completion_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": answer.usage.total_tokens,
            },
            "grounding": grounding(answer, self.asked.ignored()),
        }

    def begun(self) -> Iterator[str]:
        """The first events."""
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._object("in_progress", []))
        if self.search is None:
            yield from self._opened()
            return
        call = {**self._search_call(None), "status": "in_progress"}
        yield self._event("response.output_item.added", output_index=0, item=call)
        for stage in ("in_progress", "searching"):
            yield self._event(f"response.file_search_call.{stage}", output_index=0, item_id=self.search_id)

    def _opened(self) -> Iterator[str]:
        """The events that begin the message, once; before them those that end the search."""
        if self._is_open:
            return
        self._is_open = True
        if self.search is not None:
            yield self._event("response.file_search_call.completed", output_index=0, item_id=self.search_id)
            if not self._with_results:
                yield self._event("response.output_item.done", output_index=0, item=self._search_call(None))
        item = {**self._message("", []), "status": "in_progress", "content": []}
        yield self._event("response.output_item.added", output_index=self._index, item=item)
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield self._event("response.content_part.added", **self._place, part=part)

    def told(self, piece: Piece) -> Iterator[str]:
        """The events of a part of the text."""
        yield from self._opened()
        self._known |= {each.number: each for each in piece.citations}
        self._text += piece.text
        yield self._event("response.output_text.delta", **self._place, delta=piece.text, logprobs=[])
        for note in self._notes(piece.claims, self._known):
            at = len(self._annotations)
            self._annotations.append(note)
            yield self._event(
                "response.output_text.annotation.added", **self._place, annotation_index=at, annotation=note
            )

    def ended(self, answer: Answer) -> Iterator[str]:
        """The last events, the whole response in the last of them."""
        yield from self._opened()
        if self._with_results:
            # What the answer quotes is known only now.
            yield self._event("response.output_item.done", output_index=0, item=self._search_call(answer))
        message = self._message(self._text, self._annotations)
        yield self._event("response.output_text.done", **self._place, text=self._text, logprobs=[])
        yield self._event("response.content_part.done", **self._place, part=message["content"][0])
        yield self._event("response.output_item.done", output_index=self._index, item=message)
        whole = self.whole(answer)
        kind = "response.completed" if whole["status"] == "completed" else "response.incomplete"
        yield self._event(kind, response=whole)

    def broken_off(self, error: Exception) -> str:
        """The last event of what did not come to its end; clients raise an exception for it."""
        body = describe(error)[1]
        told = {"code": body["error"]["code"], "message": body["error"]["message"], "param": None}
        return self._event("error", **told, **body)

    @property
    def _index(self) -> int:
        return 0 if self.search is None else 1

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self.message_id, "output_index": self._index, "content_index": 0}

    def _event(self, kind: str, **fields: Any) -> str:
        body = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return f"event: {kind}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n"

    def _notes(self, claims: Sequence[Claim], citations: Mapping[int, Citation]) -> list[dict[str, Any]]:
        notes = url_citations(claims, citations, self.base)
        if self.search is not None:
            notes += [
                {
                    "type": "file_citation",
                    "index": claim.end,
                    "file_id": self._file_id(citations[number]),
                    "filename": citations[number].filename,
                }
                for claim in claims
                for number in claim.citations
            ]
        return notes

    def _file_id(self, citation: Citation) -> str:
        return self.file_ids.get(citation.document_id, citation.document_id)

    def _message(self, text: str, notes: Sequence[dict[str, Any]]) -> dict[str, Any]:
        part = {"type": "output_text", "text": text, "annotations": list(notes), "logprobs": []}
        return {
            "id": self.message_id,
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }

    @property
    def _with_results(self) -> bool:
        return self.search is not None and _RESULTS in (self.asked.include or ())

    def _search_call(self, answer: Answer | None) -> dict[str, Any]:
        """The search as an item of the output, with what the answer quotes where results are asked for."""
        results = None
        if answer is not None and self._with_results:
            results = [
                {
                    "file_id": self._file_id(each),
                    "filename": each.filename,
                    "score": each.support,
                    "text": each.quote,
                    "attributes": {},
                }
                for each in answer.citations
            ]
        return {
            "id": self.search_id,
            "type": "file_search_call",
            "status": "completed",
            "queries": [self.question],
            "results": results,
        }

    def _object(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": self.asked.instructions,
            "max_output_tokens": None,
            "metadata": self.asked.metadata or {},
            "model": self.asked.model,
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": self.asked.previous_response_id,
            "reasoning": {"effort": None, "summary": None},
            "store": self.asked.store,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": self.asked.tools,
            "top_p": None,
            "truncation": "disabled",
            "usage": None,
        }
