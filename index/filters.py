"""Metadata filters: the documented JSON form -> a condition that the database evaluates.

``{"field": value}``, ``{"field": {"$in" | "$gt" | "$gte" | "$lt" | "$lte" | "$ne": ...}}``,
``{"$and": [...]}``, ``{"$or": [...]}``.

Fields and values are always bound, never part of the statement's text.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, and_, false, not_, or_, true

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
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS = ("$in", "$ne", *_COMPARE)
# Deep nesting has no use in a filter and would exhaust the stack of a recursive reader.
_MAX_DEPTH = 8
# SQLite reads expressions of 1,000 levels and 32,766 values: https://www.sqlite.org/limits.html
_MAX_CONDITIONS = 500
_MAX_VALUES = 10_000
_LARGEST = 2**63 - 1


def condition(wanted: Filter, depth: int = 0) -> ColumnElement[bool]:
    """Translate a filter.

    Raises:
        InvalidFilter: Says which part is not of the documented form.
    """
    if depth == 0:
        _check_size(wanted)
    if depth > _MAX_DEPTH:
        raise InvalidFilter(f"The filter is nested deeper than {_MAX_DEPTH} levels.")
    if not isinstance(wanted, dict):
        raise InvalidFilter(f'A filter is an object such as {{"field": "value"}}, not {wanted!r}.')
    return and_(true(), *(_clause(key, value, depth) for key, value in wanted.items()))


def _check_size(wanted: Filter) -> None:
    """Refuse what is more than the database reads in one statement. Needs no stack for what is deep."""
    conditions = values = 0
    todo: list[Any] = [wanted]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            conditions += len(part)
            todo += part.values()
        elif isinstance(part, list):
            values += len(part)
            todo += part
    if conditions > _MAX_CONDITIONS or values > _MAX_VALUES:
        raise InvalidFilter(
            f"The filter has more than {_MAX_CONDITIONS} conditions or {_MAX_VALUES} values in lists."
        )


def _clause(key: str, value: Any, depth: int) -> ColumnElement[bool]:
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise InvalidFilter(f"{key} takes a list of at least one filter.")
        parts = [condition(part, depth + 1) for part in value]
        return and_(*parts) if key == "$and" else or_(*parts)
    if key.startswith("$"):
        raise InvalidFilter(f"Unknown operator {key!r}. At this place stand field names, $and or $or.")
    if not isinstance(value, dict):
        return _equals(key, value)
    if not value:
        raise InvalidFilter(f"The condition on {key!r} is empty. Use one of {', '.join(_OPERATORS)}.")
    return and_(*(_compare(key, name, operand) for name, operand in value.items()))


def _compare(field: str, name: str, operand: Any) -> ColumnElement[bool]:
    if name == "$in":
        if not isinstance(operand, list):
            raise InvalidFilter("$in takes a list of values.")
        # One list for each type, because long alternatives are more than the database reads.
        kinds: dict[type, list[Any]] = {}
        for each in operand:
            kinds.setdefault(str if isinstance(each, str) else type(each), []).append(each)
            _equals(field, each)
        return or_(false(), *(_typed(field, values[0]).in_(values) for values in kinds.values()))
    if name == "$ne":
        # A document without the field does differ from every value.
        return not_(_equals(field, operand).is_(True))
    if name not in _COMPARE:
        raise InvalidFilter(f"Unknown operator {name!r}. Use one of {', '.join(_OPERATORS)}.")
    compared: ColumnElement[bool] = _COMPARE[name](_typed(field, operand), operand)
    return compared


def _equals(field: str, value: Any) -> ColumnElement[bool]:
    if value is None:
        raise InvalidFilter(f"null is not a value that {field!r} can have. Leave the field out instead.")
    equal: ColumnElement[bool] = _typed(field, value) == value
    return equal


def _typed(field: str, value: Any) -> ColumnElement[Any]:
    """The field, read as the type of the value it is compared with."""
    for each in (field, value):
        if isinstance(each, str) and ("\x00" in each or any("\ud800" <= c <= "\udfff" for c in each)):
            raise InvalidFilter("A filter holds no NUL and no lone surrogate.")
    if isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:
        raise InvalidFilter(f"{field!r} is compared with a number that is too large or none.")
    if field in _COLUMNS:
        if not isinstance(value, str):
            raise InvalidFilter(f"{field} is compared with a string, not {value!r}.")
        return _COLUMNS[field]
    stored: Any = documents.c.metadata[field]
    if isinstance(value, bool):
        return cast("ColumnElement[Any]", stored.as_boolean())
    if isinstance(value, int | float):
        return cast("ColumnElement[Any]", stored.as_float())
    if isinstance(value, str):
        return cast("ColumnElement[Any]", stored.as_string())
    raise InvalidFilter(f"{field!r} is compared with a string, a number or a boolean, not {value!r}.")
