"""Keys: who may call, and for what. Only hashes of secrets are stored.

A secret is 256 random bits, so that nobody can guess one and a plain SHA-256 is enough; a slow hash is for passwords
that people think of. Every request reads its key anew: what is revoked or has expired opens nothing from then on.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from index.errors import Conflict, NotFound
from index.schema import keys

if TYPE_CHECKING:
    from sqlalchemy import Row

    from index.database import Database

_SECRET_BYTES = 32
TOKEN = re.compile(r"fn_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
# How old the time of last use may be before it is written again, in seconds.
_COARSE_S = 3600.0


class Scope(StrEnum):
    """What a key may do: ``admin`` everything, the others in the collections that they are given for."""

    ADMIN = "admin"
    READ = "read"
    ASK = "ask"
    WRITE = "write"
    PUBLISHABLE = "publishable"


# In the place of a collection's name, all collections; as a key's only principal, whoever the request names.
ANY = "*"


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """How much a key may be used; None for no limit. Days are those of UTC."""

    requests_per_minute: int | None = None
    questions_per_day: int | None = None
    upload_bytes_per_day: int | None = None
    usd_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """What a key is made for.

    Attributes:
        scopes: ``admin``, or ``read:papers``, ``ask:*``, ``publishable:site`` and so on.
        principals: Who a request with this key is; ``("*",)`` lets each request say so.
        origins: The only pages that may use a publishable key, such as ``https://example.org``.
        expires_at: Unix seconds, or None for never.
    """

    name: str
    scopes: tuple[str, ...]
    principals: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    limits: KeyLimits = KeyLimits()
    expires_at: float | None = None

    def collections(self, scope: Scope) -> frozenset[str]:
        """The collections that it is given for, ``*`` among them for all."""
        found = (each.partition(":") for each in self.scopes)
        return frozenset(name for kind, _, name in found if kind == scope)

    @property
    def is_admin(self) -> bool:
        """Whether everything is open to it."""
        return Scope.ADMIN in self.scopes

    @property
    def is_publishable(self) -> bool:
        """Whether it stands in web pages, for anybody to read."""
        return bool(self.collections(Scope.PUBLISHABLE))


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is stored, without its secret. Times are Unix seconds; that of last use is an hour coarse."""

    id: str
    grant: KeyGrant
    created_at: float
    revoked_at: float | None
    last_used_at: float | None
    former_until: float | None

    def is_live(self, now: float) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.grant.expires_at is None or now < self.grant.expires_at)


class Keys:
    """The keys of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, grant: KeyGrant) -> tuple[KeyRecord, str]:
        """Make a key.

        Returns:
            The key, and the token, which is shown this once.
        """
        key_id = secrets.token_hex(8)
        secret, hashed = _new_secret()
        with self._database.write() as connection:
            connection.execute(
                insert(keys).values(id=key_id, secret_sha256=hashed, created_at=time.time(), **asdict(grant))
            )
        return self.get(key_id), f"fn_{key_id}_{secret}"

    def get(self, key_id: str) -> KeyRecord:
        """One key.

        Raises:
            NotFound: There never was one of that id.
        """
        with self._database.read() as connection:
            row = connection.execute(select(keys).where(keys.c.id == key_id)).one_or_none()
        if row is None:
            raise NotFound("There is no such key.")
        return _record(row)

    def all(self) -> list[KeyRecord]:
        """Every key, revoked ones too, oldest first."""
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(select(keys).order_by(keys.c.created_at))]

    def exist(self) -> bool:
        """Whether a key was ever made. From then on every request needs one, also when all are revoked."""
        with self._database.read() as connection:
            return connection.execute(select(keys.c.id).limit(1)).first() is not None

    def admin_exists(self) -> bool:
        """Whether a live key may do everything, so that somebody can make, end and see the others."""
        now = time.time()
        return any(each.grant.is_admin and each.is_live(now) for each in self.all())

    def revoke(self, key_id: str) -> KeyRecord:
        """End a key. It opens nothing when this returns. Ending one again changes nothing.

        Raises:
            NotFound: There never was one of that id.
        """
        with self._database.write() as connection:
            connection.execute(
                update(keys)
                .where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
                .values(revoked_at=time.time())
            )
        return self.get(key_id)

    def rotate(self, key_id: str, overlap_s: float = 0.0) -> tuple[KeyRecord, str]:
        """Give a key a new secret.

        Args:
            key_id: Which key.
            overlap_s: Seconds for which the secret before stays good, so that no caller is ever without one.

        Returns:
            The key, and the new token, which is shown this once.

        Raises:
            NotFound: There never was one of that id.
            Conflict: It is revoked or expired; a new secret would not open anything.
        """
        now = time.time()
        if not self.get(key_id).is_live(now):
            raise Conflict(f"Key {key_id!r} is revoked or has expired. Create a new one.")
        secret, hashed = _new_secret()
        with self._database.write() as connection:
            connection.execute(
                update(keys)
                .where(keys.c.id == key_id)
                .values(
                    former_sha256=keys.c.secret_sha256 if overlap_s > 0 else None,
                    former_until=now + overlap_s if overlap_s > 0 else None,
                    secret_sha256=hashed,
                )
            )
        return self.get(key_id), f"fn_{key_id}_{secret}"

    def authenticate(self, token: str) -> KeyRecord | None:
        """The live key that a token is of, or None. Takes as long for a wrong secret as for an unknown key."""
        parts = TOKEN.fullmatch(token)
        if parts is None:
            return None
        now = time.time()
        with self._database.read() as connection:
            row = connection.execute(select(keys).where(keys.c.id == parts[1])).one_or_none()
        given = hashlib.sha256(parts[2].encode()).digest()
        stored, former = (b"", b"") if row is None else (row.secret_sha256, row.former_sha256 or b"")
        # Both are compared in any case, and neither comparison says where it ended.
        fits = hmac.compare_digest(given, stored)
        fitted = hmac.compare_digest(given, former)
        if row is None or not (fits or (fitted and now < (row.former_until or 0.0))):
            return None
        found = _record(row)
        return found if found.is_live(now) else None

    def note_use(self, record: KeyRecord) -> None:
        """Remember that a key was used, at most once an hour."""
        now = time.time()
        if record.last_used_at is None or now - record.last_used_at > _COARSE_S:
            with self._database.write() as connection:
                connection.execute(update(keys).where(keys.c.id == record.id).values(last_used_at=now))

    def origin_is_listed(self, origin: str) -> bool:
        """Whether some live publishable key is for pages of this origin."""
        now = time.time()
        return any(
            origin in each.grant.origins and each.grant.is_publishable and each.is_live(now)
            for each in self.all()
        )


def _new_secret() -> tuple[str, bytes]:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return secret, hashlib.sha256(secret.encode()).digest()


def _record(row: Row[Any]) -> KeyRecord:
    grant = KeyGrant(
        name=row.name,
        scopes=tuple(row.scopes),
        principals=tuple(row.principals),
        origins=tuple(row.origins),
        limits=KeyLimits(**row.limits),
        expires_at=row.expires_at,
    )
    return KeyRecord(row.id, grant, row.created_at, row.revoked_at, row.last_used_at, row.former_until)
