"""What the OpenAPI document says of access and of errors, from the same tables that the service works by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from api.rules import RULES
from index.keys import Scope

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.rules import Rule

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "retryable", "trace_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "retryable": {"type": "boolean"},
                "trace_id": {"type": "string"},
            },
        }
    },
}
# What the protocol's own machinery says of a message that it cannot read.
_RPC_ERROR = {
    "type": "object",
    "required": ["jsonrpc", "id", "error"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer", "null"]},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}, "data": {}},
        },
    },
}
_MEANINGS = {
    400: "Malformed, under a host name that is not served, or with a key in the address.",
    401: "No key, or none that is live.",
    403: "The key lacks the scope, or is for other pages.",
    404: "Unknown, deleted, or not this key's: the same answer for all of them.",
    406: "The Accept header leaves no form of answer.",
    408: "The body of the request came too slowly.",
    409: "It contradicts what is stored, or what it needs was deleted meanwhile.",
    411: "The key has a quota of bytes, and the upload does not say its length.",
    413: "The body is too large.",
    415: "Neither multipart/form-data nor JSON.",
    416: "The Range header asks for what lies outside of the file.",
    422: "A field is not as documented.",
    429: "The key's rate or quota is used up, or too many documents wait. Retry-After says for how long.",
    502: "The gateway gave no usable answer.",
    503: "Not ready, or not able to at the moment. Retry-After says when to try again.",
    504: "The request took longer than it may, or the gateway did.",
    507: "The disk is full.",
}
# Routes whose other content types FastAPI cannot know.
_CONTENT = {
    "POST /v1/ask": ("200", "text/event-stream"),
    "POST /v1/chat/completions": ("200", "text/event-stream"),
    "POST /v1/responses": ("200", "text/event-stream"),
    "GET /v1/files/{file_id}/content": ("200", "application/octet-stream"),
    "GET /v1/documents/{document_id}/events": ("200", "text/event-stream"),
    "GET /v1/documents/{document_id}/original": ("200", "application/octet-stream"),
    "GET /v1/documents/{document_id}/pages/{page}.png": ("200", "image/png"),
    "GET /v1/ask/batch/{batch_id}/events": ("200", "text/event-stream"),
    "GET /v1/ask/batch/{batch_id}/results.csv": ("200", "text/csv"),
    "POST /v1/ai-sdk/chat": ("200", "text/event-stream"),
    "POST /mcp": ("200", "application/json"),
    "GET /metrics": ("200", "text/plain"),
}


def describe_access(app: FastAPI) -> None:
    """Have the application's description say which key each route needs and which errors it answers with."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            app.openapi_schema = _completed(schema)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend it.


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    components = schema["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"]["Error"] = _ERROR
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key, as fn_<id>_<secret>. See docs/keys.md.",
        }
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            _complete(name, operation, RULES[name])
    return schema


def _complete(name: str, operation: dict[str, Any], rule: Rule) -> None:
    responses = operation["responses"]
    if name in _CONTENT:
        status, kind = _CONTENT[name]
        content = responses[status].setdefault("content", {})
        if not name.startswith("POST"):
            content.clear()
        # The schema of a stream would be that of its events, which are of several kinds.
        content[kind] = {} if kind == "text/event-stream" else {"schema": {"type": "string"}}
    if rule.scopes is None or Scope.ADMIN in rule.scopes or name == "POST /v1/collections":
        _drop_principals(operation)
    if rule.scopes is not None:
        operation["security"] = [{"key": []}]
        operation["x-footnote-scopes"] = [str(scope) for scope in rule.scopes]
        if rule.publishable:
            operation["x-footnote-scopes"].append("publishable")
    if rule.action in ("document.upload", "document.replace"):
        responses["201"] = {
            **responses["202"],
            "description": "Stored, and ready or failed, as `wait` asked for.",
        }
    if rule.action == "document.original":
        responses["206"] = {"description": "The ranges asked for.", "content": responses["200"]["content"]}
    if name == "GET /readyz":
        responses["503"] = {"description": "Not ready yet.", "content": responses["200"]["content"]}
    for code in sorted(_statuses(name, rule) | ({422} if "422" in responses else set())):
        responses[str(code)] = {
            "description": _MEANINGS[code],
            "content": {"application/json": {"schema": _error(rule, code)}},
        }


def _error(rule: Rule, code: int) -> dict[str, Any]:
    """What the body of an error looks like."""
    own = {"$ref": "#/components/schemas/Error"}
    return {"anyOf": [own, _RPC_ERROR]} if rule.action == "mcp" and code in (400, 406) else own


def _drop_principals(operation: dict[str, Any]) -> None:
    """Leave ``as`` out where it says nothing."""
    kept = [each for each in operation.get("parameters", []) if each["name"] != "as"]
    operation.pop("parameters", None)
    if kept:
        operation["parameters"] = kept


def _statuses(name: str, rule: Rule) -> set[int]:
    """The errors that a route may answer with."""
    method, path = name.split(" ")
    found = {400}
    if rule.scopes is not None:
        found |= {401, 403, 408, 413, 422, 429, 503, 504}
    # A cursor names the last one of the page before.
    if "{" in path or method == "POST" or name in ("GET /v1/conversations", "GET /v1/vector_stores"):
        found.add(404)
    if rule.changes and method != "GET":
        found |= {409, 507}
    if rule.action in ("document.upload", "document.replace", "file.upload"):
        found |= {411, 415}
    if rule.action == "document.original":
        found.add(416)
    if rule.action == "mcp":
        found |= {406, 415}
    if rule.action.startswith("batch.") and method != "GET":
        found |= {415, 507}
    if rule.question:
        found |= {409, 502, 507}
    stored = rule.action.startswith(("conversation", "preferences"))
    if rule.action in ("answer.feedback", "answer.delete") or stored:
        found.add(507)
    return found
