"""The writes that the catalog's transactions are made of, each on a connection that is in a transaction."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from index.records import quantise
from index.schema import (
    answer_cache,
    answer_documents,
    answers,
    batch_items,
    batches,
    changes,
    collections,
    conversation_turns,
    conversations,
    counters,
    feedback,
    passages,
    responses,
    texts,
    unsettled_originals,
)
from index.types import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from ingest.pipeline import Ingested
    from ingest.sentences import Span

# SQLite binds 32,766 values in one statement.
_IDS_AT_ONCE = 10_000


def take_numbers(connection: Connection, counter: str, count: int) -> int:
    """Take ``count`` consecutive numbers, never used before, and return the first."""
    updated = (
        update(counters)
        .where(counters.c.name == counter)
        .values(value=counters.c.value + count)
        .returning(counters.c.value)
    )
    value = connection.execute(updated).scalar_one_or_none()
    if value is None:
        connection.execute(insert(counters).values(name=counter, value=count))
        value = count
    return value - count + 1


def new_document_id(connection: Connection) -> str:
    """An opaque id that sorts by arrival: a counter, then 64 random bits so that none can be guessed."""
    return f"doc_{take_numbers(connection, 'document', 1):08x}{uuid.uuid4().hex[:16]}"


def remove_passages(connection: Connection, document_id: str) -> IdRange | None:
    """Delete the live passages and say which they were."""
    where = passages.c.document_id == document_id
    first, last = connection.execute(
        select(func.min(passages.c.id), func.max(passages.c.id)).where(where)
    ).one()
    connection.execute(delete(passages).where(where))
    return None if first is None else IdRange(first, last)


def insert_passages(
    connection: Connection, collection_id: int, ingested: Ingested, words: Sequence[bytes]
) -> IdRange | None:
    """Insert a version's passages with vectors and terms under consecutive ids; None when it has none."""
    tree, document, embedded = ingested.tree, ingested.document, ingested.embedded
    if not tree.passages:
        return None
    first = take_numbers(connection, "passage", len(tree.passages))
    ends: list[list[int]] = [[] for _ in tree.passages]
    inner: list[list[int]] = [[] for _ in tree.passages]
    for sentence in tree.sentences:
        if sentence.parent is not None:
            ends[sentence.parent].append(sentence.end - tree.passages[sentence.parent].start)
            inner[sentence.parent].append(sentence.ordinal)
    transcribed = document.transcribed
    codes = quantise(embedded.sentence_vectors)
    rows = [
        {
            "id": first + chunk.ordinal,
            "collection_id": collection_id,
            "document_id": document.id,
            "version": document.version,
            "ordinal": chunk.ordinal,
            "section": chunk.parent,
            "start": chunk.start,
            "end": chunk.end,
            "text": document.text[chunk.start : chunk.end],
            "headings": list(chunk.headings),
            "first_page": chunk.pages and chunk.pages[0],
            "last_page": chunk.pages and chunk.pages[1],
            "sentences": ends[chunk.ordinal],
            "vector": vector.astype("<f4").tobytes(),
            "context": context,
            "sentence_vectors": codes[inner[chunk.ordinal]].tobytes(),
            # Null would say that it was not looked for.
            "hidden": _inside(document.hidden, chunk.start, chunk.end) or [],
            "transcribed": _inside(transcribed, chunk.start, chunk.end),
            "sentence_terms": own,
            "content": content,
        }
        for chunk, vector, context, own, content in zip(
            tree.passages, embedded.vectors, embedded.contexts, words, embedded.contents, strict=True
        )
    ]
    connection.execute(insert(passages), rows)
    return IdRange(first, first + len(rows) - 1)


def _inside(spans: Sequence[Span], start: int, end: int) -> list[Span] | None:
    """Spans of a document as they lie in a part of it, relative to its start; None when none does."""
    found = [(max(a, start) - start, min(b, end) - start) for a, b in spans if a < end and start < b]
    return found or None


def insert_text(connection: Connection, ingested: Ingested) -> None:
    """Insert a version's canonical text with its structure."""
    document = ingested.document
    connection.execute(
        insert(texts).values(
            document_id=document.id,
            version=document.version,
            text=document.text,
            blocks=[
                [block.kind, block.start, block.end, block.number, *([block.box] if block.box else ())]
                for block in document.blocks
            ],
            sections=[[chunk.start, chunk.end, list(chunk.headings)] for chunk in ingested.tree.sections],
        )
    )


def record_change(
    connection: Connection, collection_id: int, removed: IdRange | None, added: IdRange | None
) -> None:
    """Give a change the next number of its collection."""
    seq = connection.execute(
        update(collections)
        .where(collections.c.id == collection_id)
        .values(seq=collections.c.seq + 1)
        .returning(collections.c.seq)
    ).scalar_one()
    connection.execute(
        insert(changes).values(
            collection_id=collection_id,
            seq=seq,
            removed_first=removed and removed.first,
            removed_last=removed and removed.last,
            added_first=added and added.first,
            added_last=added and added.last,
        )
    )


def delete_answers(connection: Connection, ids: Any) -> int:
    """Delete the answers that a statement selects, and count them."""
    wanted = connection.execute(ids).scalars().all()
    for at in range(0, len(wanted), _IDS_AT_ONCE):
        part = wanted[at : at + _IDS_AT_ONCE]
        turn = conversation_turns.c.answer_id.in_(part)
        connection.execute(update(conversation_turns).where(turn).values(answer_id=None))
        for column in (
            feedback.c.answer_id,
            answer_cache.c.answer_id,
            responses.c.answer_id,
            answer_documents.c.answer_id,
            answers.c.id,
        ):
            connection.execute(delete(column.table).where(column.in_(part)))
    return len(wanted)


def delete_batches(connection: Connection, ids: Any) -> None:
    """Delete the batches of questions that a statement selects. Their answers stay."""
    wanted = connection.execute(ids).scalars().all()
    for at in range(0, len(wanted), _IDS_AT_ONCE):
        part = wanted[at : at + _IDS_AT_ONCE]
        connection.execute(delete(batch_items).where(batch_items.c.batch_id.in_(part)))
        connection.execute(delete(batches).where(batches.c.id.in_(part)))


def delete_conversations(connection: Connection, condition: Any) -> int:
    """Delete the conversations that meet a condition, with the answers that were given in them, and count them."""
    ids = connection.execute(select(conversations.c.id).where(condition)).scalars().all()
    for at in range(0, len(ids), _IDS_AT_ONCE):
        part = ids[at : at + _IDS_AT_ONCE]
        said = select(conversation_turns.c.answer_id).where(
            conversation_turns.c.conversation_id.in_(part), conversation_turns.c.answer_id.is_not(None)
        )
        delete_answers(connection, said)
        connection.execute(delete(conversation_turns).where(conversation_turns.c.conversation_id.in_(part)))
        connection.execute(delete(conversations).where(conversations.c.id.in_(part)))
    return len(ids)


def unsettle_originals(connection: Connection, hashes: Iterable[str]) -> None:
    """Note that these originals are about to be stored or removed."""
    known = set(connection.execute(select(unsettled_originals.c.sha256)).scalars())
    rows = [{"sha256": sha256} for sha256 in sorted(set(hashes) - known)]
    if rows:
        connection.execute(insert(unsettled_originals), rows)


def settle_originals(connection: Connection, hashes: Iterable[str]) -> None:
    """Note that these originals are where they belong."""
    for sha256 in hashes:
        connection.execute(delete(unsettled_originals).where(unsettled_originals.c.sha256 == sha256))
