"""What the tools of the Model Context Protocol take, do and give."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from api.errors import ApiError
from api.faces.links import citation_url, source_of, text_url
from api.routes.ask import complete
from api.routes.ground import ground as check
from api.schemas.answers import GroundIn
from api.schemas.base import Body, CollectionName, QuestionText
from index.errors import NotFound
from index.reading import unknown_document
from ingest.types import BlockKind
from rag.retrieve import retrieve
from rag.types import Question

if TYPE_CHECKING:
    from api.access import Caller
    from api.deps import Service
    from index.sight import Sight
    from rag.types import Found

# What a model is given to read at once.
MAX_FETCH_CHARS = 50_000
PAGE_TEMPLATE = "doc://{id}/page/{n}"
_PASSAGES = 10
_ID = re.compile(r"(doc_[0-9a-f]{8,40})(?::(\d{1,9}))?(?::(\d{1,12})-(\d{1,12}))?")
_PAGE = re.compile(r"doc://(doc_[0-9a-f]{8,40})/page/(\d{1,9})")

_Collection = Annotated[
    CollectionName | None, Field(description="Which collection; needed where there are several.")
]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks a tool, of which service, and what is meant where a call does not say."""

    service: Service
    caller: Caller
    base: str
    collection: str | None

    def named(self, given: str | None) -> str:
        """The collection that a call means.

        Raises:
            ApiError: 422 when that is not clear.
        """
        if name := given or self.collection:
            return name
        found = [each.name for each in self.service.store.catalog.collections(self.caller.sight)]
        if len(found) == 1:
            return found[0]
        if "default" in found:
            return "default"
        message = (
            f"collection: name one of {', '.join(found[:20])}." if found else "There is no collection yet."
        )
        raise ApiError(422, "invalid_field", message)


class SearchArguments(Body):
    """A search."""

    query: QuestionText = Field(description="What to look for, as a question or in words.")
    collection: _Collection = None


class SearchResult(BaseModel):
    """A passage."""

    id: str = Field(description="For 'fetch'.")
    title: str
    url: str
    text: str
    pages: tuple[int, int] | None
    score: float


class SearchResults(BaseModel):
    """Passages, best first."""

    results: list[SearchResult]


class FetchArguments(Body):
    """What to read."""

    id: str = Field(description="An id from 'search' or 'ask', or that of a document.", max_length=200)


class Fetched(BaseModel):
    """Text of a document. ``metadata`` says which part it is, and the id of the next where there is more."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str | int | float | bool]


class AskArguments(Body):
    """A question."""

    question: QuestionText = Field(description="The question, understandable on its own.")
    collection: _Collection = None


class Footnote(BaseModel):
    """A checked footnote of an answer: ``quote`` is the stored text, to the letter."""

    number: int
    id: str = Field(description="For 'fetch'.")
    title: str
    url: str
    quote: str
    pages: tuple[int, int] | None
    transcribed: bool = Field(
        description="Whether the quote, or a part of it, is what a vision model read off a picture in the file."
    )


class Asked(BaseModel):
    """An answer. ``[1]`` after a sentence is the number of the footnote that supports it."""

    answer: str
    abstained: bool
    confidence: float
    level: str
    citations: list[Footnote]
    answer_id: str


class GroundArguments(Body):
    """A text to check."""

    text: str = Field(
        min_length=1, max_length=20_000, description="A text whose sentences are to be checked."
    )
    collection: _Collection = None


class Checked(BaseModel):
    """A sentence of the text."""

    text: str
    verdict: str
    support: float
    citations: list[int]
    faults: list[str]


class Grounded(BaseModel):
    """The sentences of a text, with the quotes that carry or contradict them."""

    claims: list[Checked]
    citations: list[Footnote]
    support: float
    confidence: float


async def search(asking: Asking, given: SearchArguments) -> SearchResults:
    """Find passages."""
    return await asyncio.to_thread(_search, asking, given)


def _search(asking: Asking, given: SearchArguments) -> SearchResults:
    service, sight = asking.service, asking.caller.sight
    found = retrieve(
        given.query,
        collection=service.store.collection(asking.named(given.collection), sight),
        catalog=service.store.catalog,
        embedder=service.embedder,
        config=service.answerer.retrieve_config,
        limit=_PASSAGES,
        reranker=service.answerer.reranker,
        sight=sight,
    )
    sources = _sources(found, service, sight)
    return SearchResults(
        results=[
            _result(each, sources[each.passage.document_id], asking.base)
            for each in found
            if each.passage.document_id in sources
        ]
    )


def _sources(found: list[Found], service: Service, sight: Sight) -> dict[str, str | None]:
    """Where each document comes from, if its metadata says so."""
    sources: dict[str, str | None] = {}
    for document_id in {each.passage.document_id for each in found}:
        try:
            sources[document_id] = source_of(service.store.catalog.document(document_id, sight).metadata)
        except NotFound:
            # Deleted since it was found.
            continue
    return sources


def _result(found: Found, source: str | None, base: str) -> SearchResult:
    passage = found.passage
    place = (passage.document_id, passage.version, passage.start, passage.end)
    return SearchResult(
        id=passage_id(*place),
        title=" / ".join(dict.fromkeys((passage.title, *passage.headings))),
        url=source or text_url(*place, base),
        # A model is not shown what no reader of the document sees.
        text=passage.seen,
        pages=passage.pages,
        score=found.score,
    )


async def fetch(asking: Asking, given: FetchArguments) -> Fetched:
    """Read a document, or what surrounds a passage of it."""
    return await asyncio.to_thread(_fetch, asking, given)


def _fetch(asking: Asking, given: FetchArguments) -> Fetched:
    named = _ID.fullmatch(given.id)
    if named is None:
        raise unknown_document()
    catalog, sight = asking.service.store.catalog, asking.caller.sight
    stored = catalog.text(named[1], int(named[2]) if named[2] else None, sight)
    source = source_of(catalog.document(named[1], sight).metadata)
    text = stored.seen
    start, end = _around(len(text), int(named[3] or 0), int(named[4] or 0))
    place = (stored.document_id, stored.version, start, end)
    metadata: dict[str, str | int | float | bool] = {
        "document_id": stored.document_id,
        "version": stored.version,
        "filename": stored.filename,
        "media_type": stored.media_type,
        "start": start,
        "end": end,
        "length": len(text),
    }
    if end < len(text):
        following = (end, end + MAX_FETCH_CHARS)
        metadata["next"] = passage_id(stored.document_id, stored.version, *following)
    return Fetched(
        id=given.id,
        title=stored.title,
        text=text[start:end],
        url=source or text_url(*place, asking.base),
        metadata=metadata,
    )


def _around(length: int, start: int, end: int) -> tuple[int, int]:
    """All of a text, or as much as is given at once: from the passage's start where it is long, else around it."""
    if length <= MAX_FETCH_CHARS:
        return 0, length
    start = min(start, length)
    room = max(0, MAX_FETCH_CHARS - max(0, end - start))
    first = max(0, start - room // 2)
    return first, min(length, first + MAX_FETCH_CHARS)


async def ask(asking: Asking, given: AskArguments) -> Asked:
    """Answer a question."""
    name = await asyncio.to_thread(asking.named, given.collection)
    question = Question(text=given.question, collection=name, sight=asking.caller.sight)
    await asyncio.to_thread(asking.service.store.catalog.collection_id, name, question.sight)
    answer = await complete(asking.service, question, asking.caller)
    return Asked(
        answer=answer.text,
        abstained=answer.abstained,
        confidence=answer.confidence.value,
        level=answer.confidence.level,
        citations=[
            Footnote(
                number=each.number,
                id=passage_id(each.document_id, each.version, each.start, each.end),
                title=each.title,
                url=citation_url(each, asking.base),
                quote=each.quote,
                pages=each.pages,
                transcribed=bool(each.transcribed),
            )
            for each in answer.citations
        ],
        answer_id=answer.id,
    )


async def ground(asking: Asking, given: GroundArguments) -> Grounded:
    """Check a text against a collection."""
    name = await asyncio.to_thread(asking.named, given.collection)
    await asyncio.to_thread(asking.service.store.catalog.collection_id, name, asking.caller.sight)
    wanted = GroundIn.model_validate({"text": given.text, "collection": name})
    found = await check(wanted, asking.service, asking.caller)
    return Grounded(
        claims=[
            Checked(
                text=each.text,
                verdict=each.verdict,
                support=each.support,
                citations=each.citations,
                faults=each.faults,
            )
            for each in found.claims
        ],
        citations=[
            Footnote(
                number=each.number,
                id=passage_id(each.document_id, each.version, each.start, each.end),
                title=each.title,
                url=asking.base + each.url,
                quote=each.quote,
                pages=each.pages,
                transcribed=bool(each.transcribed),
            )
            for each in found.citations
        ],
        support=found.support,
        confidence=found.confidence.value,
    )


def subject(given: BaseModel, found: dict[str, object]) -> str | None:
    """What a call was about, for the audit log: an id and no words."""
    if isinstance(given, FetchArguments):
        return given.id.partition(":")[0]
    answer_id = found.get("answer_id")
    return answer_id if isinstance(answer_id, str) else None


def passage_id(document_id: str, version: int, start: int, end: int) -> str:
    """What 'fetch' calls a stretch of a document."""
    return f"{document_id}:{version}:{start}-{end}"


def page_uri(document_id: str, page: int) -> str:
    """What a page is called as a resource."""
    return f"doc://{document_id}/page/{page}"


def read_page(service: Service, sight: Sight, uri: str) -> tuple[str, str]:
    """The document and the text of a page of the live version.

    Raises:
        NotFound: There is no such page, or it is not the caller's to see.
    """
    named = _PAGE.fullmatch(uri)
    if named is None:
        raise unknown_document()
    stored = service.store.catalog.text(named[1], None, sight)
    number, text = int(named[2]), stored.seen
    spans = [
        (each.start, each.end)
        for each in stored.blocks
        if each.kind is BlockKind.PAGE and each.number == number
    ]
    if not any(each.kind is BlockKind.PAGE for each in stored.blocks):
        first = (number - 1) * MAX_FETCH_CHARS
        spans = [(first, first + MAX_FETCH_CHARS)] if number and first < max(1, len(text)) else []
    if not spans:
        raise NotFound(f"{named[1]} has no page {number}.")
    return named[1], "".join(text[start:end] for start, end in spans)
