"""What a caller may see: which collections are theirs, and which documents in them.

A document's metadata may hold ``allow``, a list of principals: then only they see it. The rule stands here twice, as a
condition that the database evaluates inside every search and listing, and as a function over one value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true

from index.schema import collections, documents

if TYPE_CHECKING:
    from collections.abc import Iterable

# The field of a document's metadata that restricts it.
ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see.

    Attributes:
        collections: Names of their collections; None for all.
        principals: Who they are; None for somebody who sees every document, restricted or not.
    """

    collections: frozenset[str] | None = None
    principals: frozenset[str] | None = None

    def covers(self, collection: str) -> bool:
        """Whether a collection of that name would be theirs, existing or not."""
        return self.collections is None or collection in self.collections

    def admits(self, allow: Iterable[str] | None) -> bool:
        """Whether they may see what is allowed to these principals; None is allowed to everybody."""
        return allow is None or self.principals is None or not self.principals.isdisjoint(allow)


# Of the service itself, of the command line, and of administrators.
EVERYTHING = Sight()


def owned(sight: Sight) -> ColumnElement[bool]:
    """Condition on ``collections``: theirs."""
    return true() if sight.collections is None else collections.c.name.in_(sorted(sight.collections))


def readable(sight: Sight) -> ColumnElement[bool]:
    """Condition on ``documents``: unrestricted, or allowed to them. What is no list of names allows nobody."""
    if sight.principals is None:
        return true()
    listed = func.json_each(documents.c.metadata, f"$.{ALLOW}").table_valued("value", "type")
    named = select(listed.c.value).where(
        listed.c.type == "text", listed.c.value.in_(sorted(sight.principals))
    )
    kind = func.json_type(documents.c.metadata, f"$.{ALLOW}")
    return or_(kind.is_(None), and_(kind == "array", exists(named.correlate(documents))))


def visible(sight: Sight) -> ColumnElement[bool]:
    """Condition on ``documents``: in a collection of theirs, and readable."""
    if sight.collections is None:
        return readable(sight)
    theirs = select(collections.c.id).where(owned(sight))
    return and_(documents.c.collection_id.in_(theirs), readable(sight))


def allowed_by(metadata: dict[str, Any] | None) -> list[str] | None:
    """The principals that metadata names; None where it restricts nothing. What is no list of names allows nobody."""
    if metadata is None or ALLOW not in metadata:
        return None
    listed = metadata[ALLOW]
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def merged(present: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Metadata after an upload that brings other metadata.

    A restriction stays until it is lifted by name: with ``"allow": null``. An upload that only forgot it would
    otherwise show a document to everybody.
    """
    found = {**given, **({ALLOW: present[ALLOW]} if ALLOW in present and ALLOW not in given else {})}
    return {name: value for name, value in found.items() if name != ALLOW or value is not None}
