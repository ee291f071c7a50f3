"""Joins a question to its conversation, and the conversation to what was answered."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from api.errors import ApiError
from api.schemas.answers import MAX_HISTORY_CHARS, MAX_TURN_CHARS
from index.talks import Owner, new_talk_id, unknown_talk
from rag.types import CitedSpan, Length, Wishes
from rag.wishes import wishes_in

if TYPE_CHECKING:
    from api.access import Caller
    from api.deps import Service
    from index.talks import Turn
    from rag.types import Question

DAY_S = 86_400.0
# What starts a conversation where a client cannot write null and leave out as two things.
NEW = "new"
# Turns that a question is read with; what was said before them is forgotten.
_TURNS = 10
_MARKERS = re.compile(r" ?\[\d+\]")
# Follow-up questions that are suggested in a conversation, unless the request says otherwise.
SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class Joined:
    """The conversation that a question belongs to.

    Attributes:
        id: It is in the answer.
        begins: Whether the question is its first.
    """

    id: str
    owner: Owner
    begins: bool


def join(
    service: Service, question: Question, caller: Caller, wanted: str | None, *, asked: bool
) -> tuple[Question, Joined | None]:
    """Put a question into its conversation: with the turns before, what they cited, and what its user prefers.

    Args:
        service: For the catalog.
        question: As it was asked.
        caller: Who asks; as the principals that the request names.
        wanted: Id of a conversation, or ``new``.
        asked: Whether the request said anything of a conversation; to say null is to begin one.

    Raises:
        NotFound: The conversation is unknown, over, somebody else's, or in another collection.
        ApiError: 422 for turns that are given beside a conversation, or where none are kept.
    """
    owner = owner_of(caller)
    if not caller.is_publishable:
        question = _preferring(question, service.store.preferences.get(owner))
    kept, question = wishes_in(question)
    if not asked:
        return question, None
    if service.settings.conversation_days <= 0:
        if wanted is None:
            return question, None
        raise ApiError(
            422,
            "conversations_off",
            "This service keeps no conversations (FOOTNOTE_CONVERSATION_DAYS is 0). Send the turns in 'history'.",
        )
    if kept and not caller.is_publishable:
        stored = service.store.preferences.get(owner)
        said = {"length": kept.length, "language": kept.language}
        service.store.preferences.put(
            owner, {**stored, **{name: each for name, each in said.items() if each}}
        )
    if wanted is None or wanted == NEW:
        return replace(question, conversation_id=(new := new_talk_id())), Joined(new, owner, begins=True)
    if question.history:
        raise ApiError(
            422,
            "invalid_field",
            "history: a conversation has its own. Leave out one of history and conversation_id.",
        )
    talk = service.store.talks.get(wanted, owner, question.sight)
    if talk.collection != question.collection:
        raise unknown_talk()
    turns = service.store.talks.turns(wanted, owner, question.sight, _TURNS)
    return (
        replace(question, conversation_id=wanted, history=_history(turns), cited=_cited(turns)),
        Joined(wanted, owner, begins=False),
    )


def owner_of(caller: Caller) -> Owner:
    """Whose the conversations of a caller are."""
    return Owner.of(caller.key_id, caller.principals)


def keep_turn(
    service: Service, question: Question, answer_id: str, collection_id: int, joined: Joined
) -> None:
    """Store a turn. When the conversation was deleted while it was answered, it stays deleted."""
    service.store.talks.add_turn(
        joined.id,
        collection_id,
        joined.owner,
        question.text,
        answer_id,
        kept_s=service.settings.conversation_days * DAY_S,
        begins=joined.begins,
    )


def _history(turns: list[Turn]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    left = MAX_HISTORY_CHARS
    for turn in reversed(turns):
        said = "" if turn.answer is None or turn.answer["abstained"] else turn.answer["answer"]
        pair = [("assistant", _MARKERS.sub("", said)[:MAX_TURN_CHARS])] if said else []
        pair.append(("user", turn.question[:MAX_TURN_CHARS]))
        left -= sum(len(text) for _, text in pair)
        if left < 0:
            break
        found += pair
    return tuple(reversed(found))


def _cited(turns: list[Turn]) -> tuple[CitedSpan, ...]:
    """What the last answer that quoted something quoted, as far as the reader may still see it."""
    for turn in reversed(turns):
        if turn.answer is not None and not turn.answer["abstained"]:
            return tuple(
                CitedSpan(each["document_id"], each["version"], each["start"], each["end"])
                for each in turn.answer["citations"]
            )
    return ()


def _preferring(question: Question, stored: dict[str, str]) -> Question:
    length = stored.get("length")
    wishes = Wishes(Length(length) if length else None, stored.get("language"))
    return replace(question, wishes=wishes)
