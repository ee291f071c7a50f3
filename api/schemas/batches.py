"""Questions in bulk, as the contract has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field

from api.schemas.base import ActingAs, Body, CollectionName, Dollars, QuestionText

if TYPE_CHECKING:
    from index.batches import BatchRecord

MAX_QUESTIONS = 10_000
MAX_LABEL = 200


def _question(given: object) -> object:
    return {"question": given} if isinstance(given, str) else given


class BatchQuestion(Body):
    """One question, with what the caller calls it; its number from 1 if nothing."""

    id: str | None = Field(None, min_length=1, max_length=MAX_LABEL)
    question: QuestionText


class BatchIn(Body):
    """Questions, and how all of them are answered. ``max_cost_usd`` is for all of them together."""

    questions: list[Annotated[BatchQuestion, BeforeValidator(_question)]] = Field(
        min_length=1, max_length=MAX_QUESTIONS
    )
    collection: CollectionName = "default"
    mode: Literal["auto", "extractive", "generative"] = "auto"
    model: str | None = Field(None, max_length=200)
    filter: dict[str, Any] | None = Field(None, max_length=500)
    top_k: int = Field(10, ge=1, le=50)
    max_cost_usd: Dollars | None = None
    target_error: float | None = Field(None, gt=0, lt=1)
    on_unsupported: Literal["flag", "drop", "abstain"] | None = None
    principals: ActingAs = None

    def labelled(self) -> list[tuple[str, str]]:
        """Label and text of each question."""
        return [(each.id or str(number), each.question) for number, each in enumerate(self.questions, 1)]

    def options(self) -> dict[str, Any]:
        """How each is answered, as it is stored."""
        return self.model_dump(include={"mode", "model", "filter", "top_k", "target_error", "on_unsupported"})


class BatchOut(BaseModel):
    """A batch as it stands: running, cancelling, cancelled or finished. Times are Unix seconds.

    ``spent_usd`` counts the answers that are there, and the most that those under way can cost.
    """

    id: str
    collection: str
    status: str
    questions: int
    done: int
    failed: int
    cancelled: int
    waiting: int
    max_cost_usd: float | None
    spent_usd: float
    created_at: float
    finished_at: float | None
    expires_at: float

    @classmethod
    def of(cls, record: BatchRecord) -> Self:
        """From the stored batch."""
        counts = {str(status): count for status, count in record.counts.items()}
        return cls(
            id=record.id,
            collection=record.collection,
            status=record.status,
            questions=sum(counts.values()),
            done=counts["done"],
            failed=counts["failed"],
            cancelled=counts["cancelled"],
            waiting=counts["queued"],
            max_cost_usd=None if record.limit is None else record.limit / 1_000_000,
            spent_usd=record.taken / 1_000_000,
            created_at=record.created_at,
            finished_at=record.finished_at,
            expires_at=record.expires_at,
        )


class BatchesOut(BaseModel):
    """Batches, newest first."""

    batches: list[BatchOut]


class BatchDeletedOut(BaseModel):
    """A batch that is gone."""

    id: str
    deleted: bool


class BatchErrorOut(BaseModel):
    """Why a question has no answer."""

    code: str
    message: str


class BatchRowOut(BaseModel):
    """One question with its answer as ``/v1/ask`` gives it, or why there is none."""

    id: str
    question: str
    status: str
    answer: dict[str, Any] | None
    error: BatchErrorOut | None


class BatchResultsOut(BaseModel):
    """Questions in the order in which they were given, and the offset of those that follow."""

    batch: BatchOut
    results: list[BatchRowOut]
    next_offset: int | None
