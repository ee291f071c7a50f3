"""Conversations and preferences, as the contract has them. Times are Unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, StringConstraints

from api.schemas.base import Body, Out

if TYPE_CHECKING:
    from index.talks import Talk, Turn

# A name of a language as people write it, or its code: it is put into what the model is told.
Language = Annotated[str, StringConstraints(pattern=r"^[^\W\d_]{2,30}(?:[ -][^\W\d_]{2,30})?$")]


class ConversationOut(Out):
    """A conversation; ``title`` is its first question."""

    id: str
    collection: str
    title: str
    turns: int
    created_at: float
    updated_at: float
    expires_at: float


class ConversationsOut(BaseModel):
    """Conversations, the latest first; ``next_cursor`` is null on the last page."""

    conversations: list[ConversationOut]
    next_cursor: str | None


class TurnOut(BaseModel):
    """A question with its answer, which is null when it went with a document, or is not yours to see any more."""

    number: int
    question: str
    answer_id: str | None
    answer: str | None
    abstained: bool | None
    citations: list[dict[str, Any]]
    created_at: float

    @classmethod
    def of(cls, turn: Turn) -> Self:
        """From a stored turn."""
        found = turn.answer
        return cls(
            number=turn.number,
            question=turn.question,
            answer_id=turn.answer_id if found else None,
            answer=found["answer"] if found else None,
            abstained=found["abstained"] if found else None,
            citations=found["citations"] if found else [],
            created_at=turn.created_at,
        )


class ConversationReadOut(ConversationOut):
    """A conversation with its turns, oldest first."""

    history: list[TurnOut]

    @classmethod
    def told(cls, talk: Talk, turns: list[Turn]) -> Self:
        """From what is stored."""
        shown = ConversationOut.of(talk).model_dump()
        return cls(**shown, history=[TurnOut.of(each) for each in turns])


class DeletedConversationsOut(BaseModel):
    """What was deleted."""

    deleted: int


class PreferencesIn(Body):
    """How somebody wants their answers. What is left out or null is as usual."""

    length: Literal["brief", "full"] | None = None
    language: Language | None = None


class PreferencesOut(BaseModel):
    """What is kept."""

    length: Literal["brief", "full"] | None = None
    language: str | None = None
