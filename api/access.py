"""Who calls, and what they may do here: the one dependency that every route stands behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query, Request

from api.errors import ApiError
from api.quotas import take_question
from api.rules import RULES
from api.schemas.base import Principals  # noqa: TC001 - FastAPI evaluates the annotation.
from index.keys import ANY, KeyGrant, KeyLimits, Scope
from index.reading import unknown_collection
from index.sight import Sight

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.rules import Rule


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose request it is: a key's id and what the key is for."""

    key_id: str
    grant: KeyGrant


# Whoever has the configured admin key, and whoever uses a service that needs none.
ADMIN = Identity("admin", KeyGrant("FOOTNOTE_ADMIN_KEY", (Scope.ADMIN,)))
# Whoever has the configured metrics key, at the one address that it is for.
MONITOR = Identity("metrics", KeyGrant("FOOTNOTE_METRICS_KEY", (Scope.ADMIN,)))
LOCAL = Identity("local", KeyGrant("no key", (Scope.ADMIN,)))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a route.

    Attributes:
        key_id: Whose key.
        scopes: All that the key is for.
        collections: Where it may do what this route does; None for everywhere.
        principals: Who the request is; None sees every document.
        names_principals: Whether the request may say who it is, because the key does not.
        is_publishable: Whether the key stands in web pages.
        limits: Of the key.
    """

    key_id: str
    scopes: tuple[str, ...]
    collections: frozenset[str] | None
    principals: frozenset[str] | None
    names_principals: bool
    is_publishable: bool
    limits: KeyLimits

    @property
    def sight(self) -> Sight:
        """What they may see through this route."""
        return Sight(self.collections, self.principals)

    def acting_as(self, principals: Iterable[str] | None) -> Caller:
        """The caller as the principals that the request names; None names nobody and changes nothing.

        Raises:
            ApiError: 403 for principals that the key does not have.
        """
        if principals is None:
            return self
        named = frozenset(principals)
        if not (self.principals is None or self.names_principals or named <= self.principals):
            raise ApiError(
                403,
                "forbidden",
                "'as' may only choose among the principals of the key, and this key has not all of these. A key with "
                "the principal '*' may name any.",
            )
        # Said once, it is not said again: a second 'as' can only choose among these.
        return replace(self, principals=named, names_principals=False)


def caller_for(identity: Identity, rule: Rule) -> Caller:
    """What an identity is to a route.

    Raises:
        ApiError: 403 when its key lacks the scope.
    """
    grant = identity.grant
    caller = Caller(
        key_id=identity.key_id,
        scopes=grant.scopes,
        collections=None,
        principals=None,
        names_principals=False,
        is_publishable=grant.is_publishable,
        limits=grant.limits,
    )
    if grant.is_admin or rule.scopes is None:
        return caller
    scopes = (*rule.scopes, *([Scope.PUBLISHABLE] if rule.publishable else []))
    names = frozenset[str]().union(*(grant.collections(scope) for scope in scopes))
    if not names:
        wanted = " or ".join(rule.scopes)
        raise ApiError(403, "forbidden", f"This needs a key with the scope {wanted}, and this key has not.")
    return replace(
        caller,
        collections=None if ANY in names else names,
        principals=frozenset(grant.principals) - {ANY},
        names_principals=ANY in grant.principals,
    )


async def authorise(
    request: Request,
    principals: Annotated[
        Principals | None,
        Query(alias="as", description="Who asks, as documents' 'allow' names them. See docs/keys.md."),
    ] = None,
) -> Caller:
    """The caller of this route, who may call it. The gate has found out before whose request it is.

    Raises:
        ApiError: 401 without an identity, 403 for a key that lacks the scope, 429 when the day's questions are asked.
    """
    rule = RULES.get(f"{request.method} {request.scope['route'].path}")
    if rule is None:
        raise ApiError(403, "forbidden", "This address has no rule that says who may use it.")
    identity = getattr(request.state, "identity", None)
    if identity is None:
        if rule.scopes is not None:
            raise ApiError(401, "unauthorized", "A key is needed.", {"WWW-Authenticate": "Bearer"})
        identity = LOCAL
    caller = caller_for(identity, rule).acting_as(principals)
    if rule.question and caller.limits.questions_per_day is not None:
        usage = request.app.state.service.store.usage
        await asyncio.to_thread(take_question, usage, caller.key_id, caller.limits)
    return caller


def require_collection(caller: Caller, name: str) -> None:
    """Refuse to put anything into a collection of somebody else's, whether it exists or not.

    Raises:
        NotFound: As for one that does not exist.
    """
    if not caller.sight.covers(name):
        raise unknown_collection()


CallerDep = Annotated[Caller, Depends(authorise)]
