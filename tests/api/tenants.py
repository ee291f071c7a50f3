"""Two tenants of one service, with documents, answers and keys of their own, for tests that cross between them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from api.settings import Settings
from tests.api.server import serving, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "an-admin-key-of-the-tests-that-is-long"
PAGE = "https://acme.example"
# Words of each tenant's documents that nobody else may ever be shown.
CANARIES = {"acme": "xylograph", "globex": "quincunx", "sealed": "zugzwang"}


def bearer(token: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {token}"}


@dataclass(slots=True)
class Tenant:
    """One tenant's things by what an address calls them, and a key that may do all with them but administer."""

    name: str
    token: str
    key_id: str
    document_id: str = ""
    answer_id: str = ""
    batch_id: str = ""
    conversation_id: str = ""
    response_id: str = ""
    file_id: str = ""
    file_batch_id: str = ""


@dataclass(slots=True)
class World:
    """The service with both tenants.

    Attributes:
        sealed: A document of acme's that only the principal ``board`` may see.
    """

    client: httpx.Client
    acme: Tenant
    globex: Tenant
    sealed: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    def make_key(self, *scopes: str, **more: Any) -> dict[str, Any]:
        """A new key."""
        body = {"name": "made by a test", "scopes": list(scopes), **more}
        made = self.client.post("/v1/keys", json=body, headers=bearer(ADMIN))
        assert made.status_code == 201, made.text
        return dict(made.json())

    def upload(self, text: str, collection: str, token: str = ADMIN, **metadata: Any) -> str:
        """A new document, ready."""
        body = {"text": text, "collection": collection, "wait": True, "metadata": metadata}
        made = self.client.post("/v1/documents", json=body, headers=bearer(token))
        assert made.status_code == 201, made.text
        (document,) = made.json()["documents"]
        assert document["status"] == "ready", document
        return str(document["id"])

    def fill(self, tenant: Tenant) -> None:
        """Give a tenant a response, a file in its collection, and the batch that put it there."""
        headers = bearer(tenant.token)
        asked = {"model": tenant.name, "input": "What does it cost?"}
        tenant.response_id = self._made("/v1/responses", headers, json=asked)
        content = {
            "file": ("own.md", f"The {tenant.name} file costs 700 euros."),
            "purpose": (None, "assistants"),
        }
        tenant.file_id = self._made("/v1/files", headers, files=content)
        batch = f"/v1/vector_stores/{tenant.name}/file_batches"
        tenant.file_batch_id = self._made(batch, headers, json={"file_ids": [tenant.file_id]})

    def _made(self, address: str, headers: dict[str, str], **request: Any) -> str:
        made = self.client.post(address, headers=headers, **request)
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    def ask(self, question: str, collection: str, token: str, **more: Any) -> dict[str, Any]:
        """An answer by quotation."""
        body = {"question": question, "collection": collection, **more}
        answered = self.client.post("/v1/ask", json=body, headers=bearer(token))
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    def batch(self, question: str, collection: str, token: str) -> str:
        """A batch of one question, answered."""
        body = {"questions": [question], "collection": collection}
        made = self.client.post("/v1/ask/batch", json=body, headers=bearer(token))
        assert made.status_code == 202, made.text
        address = f"/v1/ask/batch/{made.json()['id']}"
        while self.client.get(address, headers=bearer(token)).json()["status"] != "finished":
            time.sleep(0.02)
        return str(made.json()["id"])


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Serve two tenants from a folder."""
    settings = Settings(_env_file=None, data=folder, admin_key=SecretStr(ADMIN))  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        made = World(client, Tenant("", "", ""), Tenant("", "", ""))
        tenants = []
        for name in ("acme", "globex"):
            key = made.make_key(f"read:{name}", f"ask:{name}", f"write:{name}")
            tenant = Tenant(name, key["token"], key["id"])
            word = CANARIES[name]
            text = f"The {word} of {name} costs 700 euros.\nIt is kept in the cellar of {name} beside the {word}."
            tenant.document_id = made.upload(text, name, tenant.token)
            answer = made.ask(f"What does the {word} cost?", name, tenant.token, conversation_id=None)
            tenant.answer_id, tenant.conversation_id = answer["id"], answer["conversation_id"]
            tenant.batch_id = made.batch(f"What does the {word} cost?", name, tenant.token)
            made.fill(tenant)
            tenants.append(tenant)
        made.acme, made.globex = tenants
        word = CANARIES["sealed"]
        secret = f"The {word} of the board costs 900 euros. The xylograph is worth a {word}."
        made.sealed = made.upload(secret, "acme", allow=["board"])
        revoked = made.make_key("admin")
        client.delete(f"/v1/keys/{revoked['id']}", headers=bearer(ADMIN)).raise_for_status()
        expired = made.make_key("admin", expires_at=time.time() + 0.5)
        # There are more routes than such a key's usual requests of a minute.
        many = {"requests_per_minute": 10_000}
        made.tokens = {
            "revoked": revoked["token"],
            "expired": expired["token"],
            "board": made.make_key("read:acme", "ask:acme", "write:acme", principals=["board"])["token"],
            "trusted": made.make_key("read:acme", "ask:acme", "write:acme", principals=["*"])["token"],
            "page": made.make_key("publishable:acme", origins=[PAGE], limits=many)["token"],
        }
        time.sleep(0.6)
        yield made
