"""What requests and responses are made from. Offsets are code points, pages count from 1."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import COLLECTION_NAME

MAX_QUESTION_CHARS = 8_000

CollectionName = Annotated[str, StringConstraints(pattern=f"^{COLLECTION_NAME}$")]
QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARS)
]

# The bound makes pydantic look at the characters too: half a surrogate pair is refused.
LongText = Annotated[str, StringConstraints(max_length=1_000_000)]

# What something may cost, in US dollars. The bound keeps what is counted in millionths of one a number of the catalog.
Dollars = Annotated[float, Field(gt=0, le=1_000_000)]

# Who a document may be allowed to: a user, a group, a role, as the callers of this service name them.
Principal = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Principals = Annotated[list[Principal], Field(max_length=200)]
# ``as`` is a keyword of Python.
ActingAs = Annotated[Principals | None, Field(alias="as", description="Who asks. See docs/keys.md.")]


class Body(BaseModel):
    """A request body. Unknown fields are refused, so that a misspelt one does not go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """A part of a response that has the fields of the value it shows."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, value: Any) -> Self:
        """From a value with attributes of the same names."""
        return cls.model_validate(value)
