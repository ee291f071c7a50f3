"""Who may call what: the whole of it, on one page. A route that does not stand here answers nobody.

Scopes are those of ``index.keys``. ``None`` is open to everybody, with a key or without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.keys import Scope


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks of a key.

    Attributes:
        scopes: One of these is needed; None for open to all. A key that has it sees the collections it has it for.
        action: What the audit log calls it.
        audited: Whether it is noted each time; otherwise only when it is refused.
        publishable: Whether a key that stands in web pages may do it.
        question: Whether it counts as a question.
    """

    scopes: tuple[Scope, ...] | None
    action: str
    audited: bool = True
    publishable: bool = False
    question: bool = False

    @property
    def changes(self) -> bool:
        """Whether whoever calls it with another method than GET changes what is stored or who may use it."""
        return self.scopes in ((Scope.WRITE,), (Scope.ADMIN,))


_ADMIN, _READ, _ASK, _WRITE = (Scope.ADMIN,), (Scope.READ,), (Scope.ASK,), (Scope.WRITE,)
_ANY = (Scope.READ, Scope.ASK, Scope.WRITE)

RULES: dict[str, Rule] = {
    "GET /livez": Rule(None, "health", audited=False),
    "GET /readyz": Rule(None, "health", audited=False),
    "GET /metrics": Rule(_ADMIN, "metrics", audited=False),
    "POST /v1/documents": Rule(_WRITE, "document.upload"),
    "GET /v1/documents": Rule(_READ, "document.list", audited=False),
    "GET /v1/documents/{document_id}": Rule(_READ, "document.get", audited=False),
    "PUT /v1/documents/{document_id}": Rule(_WRITE, "document.replace"),
    "DELETE /v1/documents/{document_id}": Rule(_WRITE, "document.delete"),
    "GET /v1/documents/{document_id}/text": Rule(_READ, "document.text"),
    "GET /v1/documents/{document_id}/chunks": Rule(_READ, "document.chunks"),
    "GET /v1/documents/{document_id}/original": Rule(_READ, "document.original"),
    "GET /v1/documents/{document_id}/pages/{page}.png": Rule(_READ, "document.page"),
    "GET /v1/documents/{document_id}/events": Rule(_READ, "document.events", audited=False),
    "GET /v1/collections": Rule(_ANY, "collection.list", audited=False),
    "POST /v1/collections": Rule(_WRITE, "collection.create"),
    "GET /v1/collections/{name}": Rule(_ANY, "collection.get", audited=False),
    # It takes documents along that the caller may not see, so it is not a writer's to do.
    "DELETE /v1/collections/{name}": Rule(_ADMIN, "collection.delete"),
    "POST /v1/search": Rule(_READ, "search"),
    "POST /v1/ask": Rule(_ASK, "ask", publishable=True, question=True),
    "POST /v1/ground": Rule(_ASK, "ground", question=True),
    "GET /v1/answers/{answer_id}": Rule(_ASK, "answer.get"),
    "POST /v1/answers/{answer_id}/feedback": Rule(_ASK, "answer.feedback", publishable=True),
    "GET /v1/models": Rule(_ASK, "collection.list", audited=False),
    "POST /v1/chat/completions": Rule(_ASK, "ask", question=True),
    "GET /v1/keys": Rule(_ADMIN, "key.list"),
    "POST /v1/keys": Rule(_ADMIN, "key.create"),
    "GET /v1/keys/{key_id}": Rule(_ADMIN, "key.get", audited=False),
    "DELETE /v1/keys/{key_id}": Rule(_ADMIN, "key.revoke"),
    "POST /v1/keys/{key_id}/rotate": Rule(_ADMIN, "key.rotate"),
    "GET /v1/audit": Rule(_ADMIN, "audit.read"),
    "GET /v1/activity": Rule(_ADMIN, "activity.read", audited=False),
    "GET /v1/settings": Rule(_ADMIN, "settings.read"),
}

# Where a monitor reads figures, with a key that is for nothing else.
METRICS_PATH = "/metrics"

# What is no route of the interface: the page, its files, and the description of the interface.
OPEN_PATHS = ("/", "/openapi.json", "/widget.js")
OPEN_FOLDERS = ("/web/",)


def is_open(path: str) -> bool:
    """Whether everybody may ask for that path."""
    if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
        return True
    rule = RULES.get(f"GET {path}")
    return rule is not None and rule.scopes is None


def methods_of(path: str) -> list[str]:
    """Every method that an address of the interface takes, whichever of its routes was met first."""
    found = []
    for name in RULES:
        method, form = name.split(" ")
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(form)), path):
            found.append(method)
    return sorted(found)
