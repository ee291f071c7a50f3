"""Lists as OpenAI has them: a page at a time, the next one behind the last id of this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    order: Order
    after: str | None
    before: str | None

    def asked(self) -> dict[str, Any]:
        """What the catalog is asked: one more than is shown, to see whether there is more."""
        return {
            "limit": self.limit + 1,
            "newest_first": self.order == "desc",
            "after": self.after,
            "before": self.before,
        }

    def shown(self, found: Sequence[Any], form: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """The list as a client gets it."""
        data = [form(each) for each in found[: self.limit]]
        return {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": len(found) > self.limit,
        }


def _page(
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Order = "desc",
    after: Annotated[str | None, Query(max_length=200)] = None,
    before: Annotated[str | None, Query(max_length=200)] = None,
) -> Page:
    return Page(limit, order, after, before)


def _long_page(
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Order = "desc",
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Page:
    return Page(limit, order, after, None)


PageDep = Annotated[Page, Depends(_page)]
LongPageDep = Annotated[Page, Depends(_long_page)]
