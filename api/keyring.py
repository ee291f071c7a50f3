"""``footnote keys`` and ``footnote audit``: on the data folder where it is free, else through its service.

Two processes must not write to one catalog (see ``index.database``), so a running service does the work itself.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from api.schemas.keys import AuditOut, EntryOut, KeyIn, KeyOut, NewKeyOut
from index.audit import AuditLog, Entry
from index.database import Database
from index.errors import FolderInUse
from index.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from api.settings import Settings

_ENTRIES = 1_000
CATALOG = "catalog.sqlite3"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}  # noqa: S104 - Asked for, not listened on.


class ServiceRefused(Exception):
    """The service that holds the data folder did not do what was asked."""


class Keyring(Protocol):
    """The keys of a data folder."""

    def create(self, wanted: KeyIn) -> NewKeyOut:
        """Make a key."""

    def all(self) -> list[KeyOut]:
        """Every key, oldest first."""

    def revoke(self, key_id: str) -> KeyOut:
        """End a key."""

    def rotate(self, key_id: str, overlap_s: float) -> NewKeyOut:
        """Give a key a new secret."""

    def audit(self, after: int) -> Iterator[EntryOut]:
        """The audit log behind a number, oldest first."""


class LocalKeyring:
    """Keys in a data folder that this process holds."""

    def __init__(self, database: Database) -> None:
        self._keys = Keys(database)
        self._audit = AuditLog(database)

    def create(self, wanted: KeyIn) -> NewKeyOut:
        """See ``Keyring``."""
        record, token = self._keys.create(wanted.grant())
        self._note("key.create", record.id)
        return NewKeyOut.made(record, token)

    def all(self) -> list[KeyOut]:
        """See ``Keyring``."""
        return [KeyOut.of(each) for each in self._keys.all()]

    def revoke(self, key_id: str) -> KeyOut:
        """See ``Keyring``."""
        record = self._keys.revoke(key_id)
        self._note("key.revoke", record.id)
        return KeyOut.of(record)

    def rotate(self, key_id: str, overlap_s: float) -> NewKeyOut:
        """See ``Keyring``."""
        record, token = self._keys.rotate(key_id, overlap_s)
        self._note("key.rotate", record.id)
        return NewKeyOut.made(record, token)

    def audit(self, after: int) -> Iterator[EntryOut]:
        """See ``Keyring``."""
        while found := self._audit.entries(after, _ENTRIES):
            for number, entry in found:
                yield EntryOut.of(number, entry)
                after = number

    def _note(self, action: str, key_id: str) -> None:
        self._audit.append([Entry(time.time(), "command", action, key_id, 200, uuid.uuid4().hex)])


class RemoteKeyring:
    """Keys of the service that holds the data folder."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def create(self, wanted: KeyIn) -> NewKeyOut:
        """See ``Keyring``."""
        return NewKeyOut.model_validate(self._ask("POST", "/v1/keys", wanted.model_dump()))

    def all(self) -> list[KeyOut]:
        """See ``Keyring``."""
        return [KeyOut.model_validate(each) for each in self._ask("GET", "/v1/keys")["keys"]]

    def revoke(self, key_id: str) -> KeyOut:
        """See ``Keyring``."""
        return KeyOut.model_validate(self._ask("DELETE", f"/v1/keys/{key_id}"))

    def rotate(self, key_id: str, overlap_s: float) -> NewKeyOut:
        """See ``Keyring``."""
        body = {"overlap_s": overlap_s}
        return NewKeyOut.model_validate(self._ask("POST", f"/v1/keys/{key_id}/rotate", body))

    def audit(self, after: int) -> Iterator[EntryOut]:
        """See ``Keyring``."""
        next_after: int | None = after
        while next_after is not None:
            page = AuditOut.model_validate(self._ask("GET", f"/v1/audit?after={next_after}&limit={_ENTRIES}"))
            yield from page.entries
            next_after = page.next_after

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise ServiceRefused(
                f"Another process holds the data folder, and no service answers at {self._client.base_url}. Name its "
                "address with --url, or stop that process."
            ) from error
        if response.is_success:
            return response.json()
        try:
            message = response.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = f"it answers with status {response.status_code}."
        hint = " Set FOOTNOTE_ADMIN_KEY to an admin key." if response.status_code in (401, 403) else ""
        raise ServiceRefused(f"The service at {self._client.base_url} says: {message}{hint}")


def any_admin_key(folder: Path) -> bool:
    """Whether a data folder has a live admin key, so that others may be served.

    Raises:
        FolderInUse: Another process holds it.
    """
    if not (folder / CATALOG).is_file():
        return False
    database = Database(folder)
    try:
        return Keys(database).admin_exists()
    finally:
        database.close()


@contextmanager
def keyring(settings: Settings, url: str | None) -> Iterator[Keyring]:
    """The keys of the configured data folder.

    Args:
        settings: Which folder, and where its service listens.
        url: Address of the service, where it is another than the settings say.

    Yields:
        The folder's own keys, or those of the service when it holds the folder.
    """
    try:
        database = Database(settings.data)
    except FolderInUse:
        host = _EVERYWHERE.get(settings.host, settings.host)
        address = url or f"http://{host}:{settings.port}"
        key = settings.admin_key
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        # Not through a proxy of the environment: the key is for this service alone.
        with httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False) as client:
            yield RemoteKeyring(client)
        return
    try:
        yield LocalKeyring(database)
    finally:
        database.close()
