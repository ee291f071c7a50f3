"""Filters of other interfaces -> the documented form, which ``index.filters`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.errors import ApiError
from index.filters import MAX_CONDITIONS, MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COMPARED = {"gt": "$gt", "gte": "$gte", "lt": "$lt", "lte": "$lte", "ne": "$ne", "in": "$in"}
_DIFY = {
    "is": "$in", "=": "$in", "is not": "$ne", "≠": "$ne", ">": "$gt", "<": "$lt", "≥": "$gte", "≤": "$lte",
    "after": "$gt", "before": "$lt", "in": "$in", "not in": "$ne",
}  # fmt: skip


def from_openai(given: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Comparison and compound filters of file search and vector stores.

    https://platform.openai.com/docs/guides/retrieval#attribute-filtering

    Raises:
        ApiError: 422, saying what is not of their form.
    """
    kind = given.get("type")
    if kind in ("and", "or"):
        parts = given.get("filters")
        if not isinstance(parts, list) or not parts or depth >= MAX_DEPTH or len(parts) > MAX_CONDITIONS:
            raise _invalid(f"{kind!r} takes a list of 'filters', at most {MAX_DEPTH} levels deep.")
        if not all(isinstance(each, dict) for each in parts):
            raise _invalid("each filter is an object.")
        return {f"${kind}": [from_openai(each, depth + 1) for each in parts]}
    key, value = given.get("key"), given.get("value")
    if not isinstance(key, str) or key.startswith("$"):
        raise _invalid("'key' is the name of an attribute.")
    if kind == "eq":
        return {key: {"$in": [value]}}
    if kind == "nin":
        return {"$and": [{key: {"$ne": each}} for each in _listed(value)]}
    if kind in _COMPARED:
        return {key: {_COMPARED[kind]: value}}
    known = ", ".join(("eq", "nin", *_COMPARED, "and", "or"))
    raise _invalid(f"'type' is one of {known}.")


def from_dify(conditions: Sequence[tuple[str, str, Any]], operator: str) -> dict[str, Any] | None:
    """Metadata conditions of Dify: name of the field, operator, value.

    Raises:
        ApiError: 422 for operators that the catalog does not have, such as 'contains'.
    """
    parts: list[dict[str, Any]] = []
    for name, sign, value in conditions:
        if sign not in _DIFY:
            raise _invalid(f"the operator {sign[:40]!r} is not known; known are {', '.join(_DIFY)}.")
        if name.startswith("$"):
            raise _invalid("a name is that of a field.")
        test = _DIFY[sign]
        values = value if isinstance(value, list) else [value]
        if test == "$in":
            parts.append({name: {"$in": values}})
        else:
            parts.append({"$and": [{name: {test: each}} for each in _listed(values)]})
    return {f"${operator}": parts} if parts else None


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _invalid("this comparison takes a list of values.")
    return value


def _invalid(message: str) -> ApiError:
    return ApiError(422, "invalid_filter", f"filters: {message}")
