"""Metadata filters: the documented JSON form -> a condition that the database evaluates.

``{"field": value}``, ``{"field": {"$in" | "$gt" | "$gte" | "$lt" | "$lte" | "$ne": ...}}``,
``{"$and": [...]}``, ``{"$or": [...]}``.

Fields and values are always bound, never part of the statement's text. A field is found by comparing names, not
by a JSON path, which has no form for every name (https://www.sqlite.org/json1.html#jeach).
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, true

from index.errors import InvalidFilter
from index.schema import documents, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    Filter = dict[str, Any]

_COLUMNS: dict[str, ColumnElement[Any]] = {
    "document_id": documents.c.id,
    "filename": documents.c.filename,
    "media_type": versions.c.media_type,
}
_COMPARE: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS = ("$in", "$ne", *_COMPARE)
# What json_each calls the types of values that compare with one another.
_TEXT, _NUMBER, _BOOLEAN = ("text",), ("integer", "real"), ("true", "false")
# Deep nesting has no use in a filter and would exhaust the stack of a recursive reader.
MAX_DEPTH = 8
# SQLite refuses expressions deeper than 1,000, and each condition adds one level.
MAX_CONDITIONS = 500
# SQLite takes 32,766 bound values in one statement.
MAX_VALUES = 10_000
_INTEGERS = range(-(2**63), 2**63)


def condition(wanted: Filter) -> ColumnElement[bool]:
    """Translate a filter.

    Raises:
        InvalidFilter: Says which part is not of the documented form.
    """
    return _Reader().condition(wanted, 0)


class _Reader:
    """Reads one filter and counts what it asks for."""

    def __init__(self) -> None:
        self._conditions = 0
        self._values = 0

    def condition(self, wanted: Filter, depth: int) -> ColumnElement[bool]:
        """One object: all of its entries must hold."""
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"The filter is nested deeper than {MAX_DEPTH} levels.")
        if not isinstance(wanted, dict):
            raise InvalidFilter(f'A filter is an object such as {{"field": "value"}}, not {_shown(wanted)}.')
        return and_(true(), *(self._entry(key, value, depth) for key, value in wanted.items()))

    def _entry(self, key: str, value: Any, depth: int) -> ColumnElement[bool]:
        _check_text(key)
        self._count(1, 0)
        if key in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                raise InvalidFilter(f"{key} takes a list of at least one filter.")
            parts = [self.condition(part, depth + 1) for part in value]
            return and_(*parts) if key == "$and" else or_(*parts)
        if key.startswith("$"):
            raise InvalidFilter(f"Unknown operator {key!r}. At this place stand field names, $and or $or.")
        if not isinstance(value, dict):
            return self._among(key, [value])
        if not value:
            raise InvalidFilter(f"The condition on {key!r} is empty. Use one of {', '.join(_OPERATORS)}.")
        return and_(*(self._compared(key, name, operand) for name, operand in value.items()))

    def _compared(self, field: str, name: str, operand: Any) -> ColumnElement[bool]:
        if name == "$in":
            if not isinstance(operand, list):
                raise InvalidFilter("$in takes a list of values.")
            return self._among(field, operand)
        if name == "$ne":
            # A document without the field does differ from every value.
            return not_(func.coalesce(self._among(field, [operand]), 0))
        if name not in _COMPARE:
            raise InvalidFilter(f"Unknown operator {_shown(name)}. Use one of {', '.join(_OPERATORS)}.")
        value, types = _typed(field, operand)
        if types == _BOOLEAN:
            raise InvalidFilter(f"{name} compares strings and numbers; {field!r} is compared with {value!r}.")
        self._count(1, 1)
        return _holds(field, types, lambda stored: _COMPARE[name](stored, value))

    def _among(self, field: str, values: list[Any]) -> ColumnElement[bool]:
        """Whether the field has one of the values, each compared with stored values of its own type."""
        by_type: dict[tuple[str, ...], list[Any]] = {}
        for given in values:
            value, types = _typed(field, given)
            by_type.setdefault(types, []).append(value)
        self._count(len(by_type), len(values))
        tests = [_holds(field, types, _is_in(some)) for types, some in by_type.items()]
        return or_(~true(), *tests)

    def _count(self, conditions: int, values: int) -> None:
        self._conditions += conditions
        self._values += values
        if self._conditions > MAX_CONDITIONS:
            raise InvalidFilter(f"The filter has more than {MAX_CONDITIONS} conditions. Use $in.")
        if self._values > MAX_VALUES:
            raise InvalidFilter(f"The filter has more than {MAX_VALUES:,} values.")


def _is_in(values: list[Any]) -> Callable[[Any], ColumnElement[bool]]:
    return lambda stored: stored.in_(values)


def _holds(
    field: str, types: tuple[str, ...], test: Callable[[Any], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Whether a test holds for the field's stored value, which must be of one of the types."""
    if field in _COLUMNS:
        return test(_COLUMNS[field])
    entry = func.json_each(documents.c.metadata).table_valued("key", "value", "type")
    found = select(entry.c.key).where(entry.c.key == field, entry.c.type.in_(types), test(entry.c.value))
    return exists(found.correlate(documents))


def _typed(field: str, value: Any) -> tuple[Any, tuple[str, ...]]:
    """The value as the database takes it, and the types of stored values that it compares with."""
    if isinstance(value, str):
        _check_text(value)
        return value, _TEXT
    if field in _COLUMNS:
        raise InvalidFilter(f"{field} is compared with a string, not {_shown(value)}.")
    if isinstance(value, bool):
        return value, _BOOLEAN
    if isinstance(value, int) and value in _INTEGERS:
        return value, _NUMBER
    if isinstance(value, float) and math.isfinite(value):
        return value, _NUMBER
    if value is None:
        raise InvalidFilter(f"null is not a value that {field!r} can have. Leave the field out instead.")
    raise InvalidFilter(
        f"{field!r} is compared with a string, a number of 64 bits or a boolean, not {_shown(value)}."
    )


def _check_text(text: Any) -> None:
    """Refuse what is no text at all: other types, and halves of characters."""
    if not isinstance(text, str):
        raise InvalidFilter(f"A field's name is a string, not {_shown(text)}.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidFilter(f"{_shown(text)} holds half a character (a lone surrogate).")


def _shown(value: Any) -> str:
    """A value from outside, short enough for a message; of long ones only the type."""
    text = ascii(value) if isinstance(value, str | float | bool | None) else ""
    return text if 0 < len(text) <= 80 else f"a value of type {type(value).__name__}"  # noqa: PLR2004 - one line.
