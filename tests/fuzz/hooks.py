"""Loaded by schemathesis: half of all ids are ones that exist, of both tenants, and no answer may show the other's.

What is there comes from the environment, as JSON: ``known`` (ids by name of the parameter) and ``forbidden`` (texts).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemathesis

if TYPE_CHECKING:
    from schemathesis import Case, CheckContext, Response

# Bodies with one of these say which collection they mean.
_NAMING = {"question", "questions", "query", "text", "file", "messages"}
WORLD: dict[str, Any] = json.loads(os.environ["FUZZED_WORLD"])


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put an id that exists in the place of a made-up one, every other time."""
    for name, value in (path_parameters or {}).items():
        known = WORLD["known"].get(name)
        drawn = _drawn(value)
        if known and drawn % 2 and path_parameters is not None:
            path_parameters[name] = known[drawn // 2 % len(known)]
    return path_parameters


@schemathesis.hook
def map_query(_context: Any, query: Any) -> Any:
    """Mostly name no principals: a key that has none is refused with any."""
    if isinstance(query, dict) and _drawn(query) % 8:
        query.pop("as", None)
    return query


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Mostly name a collection that there is, and no principals."""
    if not isinstance(body, dict) or not _drawn(body) % 4:
        return body
    changed = dict(body)
    changed.pop("as", None)
    collection = WORLD["known"]["name"][_drawn(body) // 4 % 2]
    if "knowledge_id" in changed:
        changed["knowledge_id"] = collection
    elif "model" in changed and {"messages", "input"} & changed.keys():
        changed["model"] = collection
    elif "file_id" in changed:
        changed["file_id"] = WORLD["known"]["file_id"][_drawn(body) // 4 % 4]
    elif (
        _NAMING & changed.keys()
        and "sources" not in changed
        and "vector_stores" not in context.operation.path
    ):
        changed["collection"] = collection
    return changed


def _drawn(value: object) -> int:
    """A number that depends on what was generated alone, so that a seed repeats it."""
    return sum(str(value).encode("utf-8", "replace"))


@schemathesis.check
def nothing_foreign(ctx: CheckContext, response: Response, case: Case) -> None:
    """No answer holds a word of the other tenant's documents, or of one that this key may not see."""
    with Path(WORLD["counted"]).open("a", encoding="ascii") as counted:
        counted.write(".")
    text = response.content.decode("utf-8", "replace")
    for word in WORLD["forbidden"]:
        if word in text:
            raise AssertionError(f"{case.method} {case.path} shows {word!r}, which this key may not see.")
