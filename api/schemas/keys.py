"""Keys and the audit log, as the contract has them."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from api import COLLECTION_NAME
from api.schemas.base import Body, Principals
from index.keys import ANY, KeyGrant, KeyLimits, Scope

if TYPE_CHECKING:
    from index.audit import Entry
    from index.keys import KeyRecord

ScopeText = Annotated[
    str,
    StringConstraints(
        pattern=rf"^(admin|(read|ask|write):(\*|{COLLECTION_NAME})|publishable:{COLLECTION_NAME})$"
    ),
]
# As a browser writes it: https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.\-\[\]:]{1,255}$")]
_LONGEST_OVERLAP_S = 30 * 86_400


class LimitsIn(Body):
    """How much a key may be used; what is left out has no limit, except for publishable keys."""

    requests_per_minute: int | None = Field(None, ge=1, le=1_000_000)
    questions_per_day: int | None = Field(None, ge=0, le=1_000_000_000)
    upload_bytes_per_day: int | None = Field(None, ge=0, le=10**15)
    usd_per_day: float | None = Field(None, ge=0, le=1_000_000)


# Anybody can read a key that stands in a page, so it is never without limits.
_PUBLISHABLE = {"requests_per_minute": 60, "questions_per_day": 1_000}


class KeyIn(Body):
    """A key to make."""

    # Shown on terminals, which obey control characters.
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
    scopes: list[ScopeText] = Field(min_length=1, max_length=1_000)
    principals: Principals = Field([])
    origins: list[Origin] = Field([], max_length=100)
    limits: LimitsIn = Field(default_factory=dict, validate_default=True)
    expires_at: float | None = Field(None, gt=0, le=1e11, description="Unix seconds.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        publishable = [each for each in self.scopes if each.startswith(f"{Scope.PUBLISHABLE}:")]
        if publishable and (len(self.scopes) > 1 or not self.origins):
            raise ValueError(
                "A publishable key has that one scope, of one collection, and the origins of its pages."
            )
        if self.origins and not publishable:
            raise ValueError("Origins are for publishable keys.")
        if ANY in self.principals and (len(self.principals) > 1 or publishable):
            raise ValueError(f"The principal {ANY!r} stands alone, and not in a publishable key.")
        if Scope.ADMIN in self.scopes and (len(self.scopes) > 1 or self.principals):
            raise ValueError(
                "An admin key may do and see everything: it has no other scopes and no principals."
            )
        if self.expires_at is not None and self.expires_at <= time.time():
            raise ValueError("expires_at is over already.")
        return self

    def grant(self) -> KeyGrant:
        """What the key is for."""
        given = self.limits.model_dump(exclude_none=True)
        publishable = self.scopes[0].startswith(f"{Scope.PUBLISHABLE}:")
        least: dict[str, Any] = _PUBLISHABLE if publishable else {}
        return KeyGrant(
            name=self.name,
            scopes=tuple(dict.fromkeys(self.scopes)),
            principals=tuple(dict.fromkeys(self.principals)),
            origins=tuple(dict.fromkeys(self.origins)),
            limits=KeyLimits(**(least | given)),
            expires_at=self.expires_at,
        )


class RotateIn(Body):
    """How a key gets a new secret."""

    overlap_s: float = Field(
        0, ge=0, le=_LONGEST_OVERLAP_S, description="Seconds for which the secret before stays good."
    )


class LimitsOut(BaseModel):
    """How much a key may be used; null for no limit."""

    requests_per_minute: int | None
    questions_per_day: int | None
    upload_bytes_per_day: int | None
    usd_per_day: float | None


class KeyOut(BaseModel):
    """A key without its secret. Times are Unix seconds; that of last use is an hour coarse."""

    id: str
    name: str
    scopes: list[str]
    principals: list[str]
    origins: list[str]
    limits: LimitsOut
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    former_secret_until: float | None

    @classmethod
    def of(cls, record: KeyRecord) -> Self:
        """From the stored key."""
        return cls(
            **asdict(record.grant),
            id=record.id,
            created_at=record.created_at,
            revoked_at=record.revoked_at,
            last_used_at=record.last_used_at,
            former_secret_until=record.former_until,
        )


class NewKeyOut(KeyOut):
    """A key with its token, which is shown this once."""

    token: str

    @classmethod
    def made(cls, record: KeyRecord, token: str) -> Self:
        """From a key that was just made or rotated."""
        return cls(**KeyOut.of(record).model_dump(), token=token)


class KeysOut(BaseModel):
    """All keys, oldest first."""

    keys: list[KeyOut]


class EntryOut(BaseModel):
    """One line of the audit log."""

    number: int
    at: float
    key_id: str
    action: str
    object: str | None
    outcome: int
    trace_id: str

    @classmethod
    def of(cls, number: int, entry: Entry) -> Self:
        """From the stored entry."""
        return cls(number=number, **asdict(entry))


class AuditOut(BaseModel):
    """Entries, and the number to go on after when there are more."""

    entries: list[EntryOut]
    next_after: int | None
