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
    "POST /v1/ask/batch": Rule(_ASK, "batch.create"),
    "GET /v1/ask/batch": Rule(_ASK, "batch.list", audited=False),
    "GET /v1/ask/batch/{batch_id}": Rule(_ASK, "batch.get", audited=False),
    "GET /v1/ask/batch/{batch_id}/events": Rule(_ASK, "batch.events", audited=False),
    "GET /v1/ask/batch/{batch_id}/results": Rule(_ASK, "batch.results"),
    "GET /v1/ask/batch/{batch_id}/results.csv": Rule(_ASK, "batch.results"),
    "POST /v1/ask/batch/{batch_id}/cancel": Rule(_ASK, "batch.cancel"),
    "DELETE /v1/ask/batch/{batch_id}": Rule(_ASK, "batch.delete"),
    "GET /v1/usage": Rule(_ANY, "usage.read", audited=False),
    "PUT /v1/collections/{name}/budget": Rule(_ADMIN, "collection.budget"),
    "POST /v1/ground": Rule(_ASK, "ground", question=True),
    "GET /v1/answers/{answer_id}": Rule(_ASK, "answer.get"),
    "POST /v1/answers/{answer_id}/feedback": Rule(_ASK, "answer.feedback", publishable=True),
    # A key in a page is everybody's who sees the page: it goes on with a conversation whose id it has, and reads none.
    "GET /v1/conversations": Rule(_ASK, "conversation.list", audited=False),
    "DELETE /v1/conversations": Rule(_ASK, "conversation.delete_all"),
    "GET /v1/conversations/{conversation_id}": Rule(_ASK, "conversation.get"),
    "DELETE /v1/conversations/{conversation_id}": Rule(_ASK, "conversation.delete"),
    "GET /v1/preferences": Rule(_ASK, "preferences.get", audited=False),
    "PUT /v1/preferences": Rule(_ASK, "preferences.put"),
    "DELETE /v1/preferences": Rule(_ASK, "preferences.delete"),
    "GET /v1/models": Rule(_ASK, "collection.list", audited=False),
    "GET /v1/models/{model}": Rule(_ASK, "collection.get", audited=False),
    "POST /v1/chat/completions": Rule(_ASK, "ask", question=True),
    "POST /v1/responses": Rule(_ASK, "ask", question=True),
    "GET /v1/responses/{response_id}": Rule(_ASK, "answer.get"),
    "DELETE /v1/responses/{response_id}": Rule(_ASK, "answer.delete"),
    "GET /v1/responses/{response_id}/input_items": Rule(_ASK, "answer.get"),
    "POST /v1/files": Rule(_WRITE, "file.upload"),
    "GET /v1/files": Rule(_READ, "file.list", audited=False),
    "GET /v1/files/{file_id}": Rule(_READ, "file.get", audited=False),
    "DELETE /v1/files/{file_id}": Rule(_WRITE, "file.delete"),
    "GET /v1/files/{file_id}/content": Rule(_READ, "document.original"),
    "POST /v1/vector_stores": Rule(_WRITE, "collection.create"),
    "GET /v1/vector_stores": Rule(_READ, "collection.list", audited=False),
    "GET /v1/vector_stores/{vector_store_id}": Rule(_READ, "collection.get", audited=False),
    "POST /v1/vector_stores/{vector_store_id}": Rule(_WRITE, "collection.modify"),
    # As of a collection.
    "DELETE /v1/vector_stores/{vector_store_id}": Rule(_ADMIN, "collection.delete"),
    "POST /v1/vector_stores/{vector_store_id}/search": Rule(_READ, "search"),
    "POST /v1/vector_stores/{vector_store_id}/files": Rule(_WRITE, "file.attach"),
    "GET /v1/vector_stores/{vector_store_id}/files": Rule(_READ, "file.list", audited=False),
    "GET /v1/vector_stores/{vector_store_id}/files/{file_id}": Rule(_READ, "file.get", audited=False),
    "POST /v1/vector_stores/{vector_store_id}/files/{file_id}": Rule(_WRITE, "file.modify"),
    "DELETE /v1/vector_stores/{vector_store_id}/files/{file_id}": Rule(_WRITE, "file.detach"),
    "GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content": Rule(_READ, "document.text"),
    "POST /v1/vector_stores/{vector_store_id}/file_batches": Rule(_WRITE, "file.attach"),
    "GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}": Rule(
        _READ, "file.list", audited=False
    ),
    "POST /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel": Rule(_WRITE, "file.detach"),
    "GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files": Rule(
        _READ, "file.list", audited=False
    ),
    # Each tool asks for the scope of the route that it stands for, and is noted as that.
    "POST /mcp": Rule((Scope.READ, Scope.ASK), "mcp", audited=False),
    "POST /retrieval": Rule(_READ, "search"),
    "POST /v1/ai-sdk/chat": Rule(_ASK, "ask", question=True),
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
