"""Tells the disk's troubles from all others, as the operating system and SQLite report them."""

from __future__ import annotations

import errno
import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError

# EFBIG is what a file-size quota answers, EDQUOT one on a user or a folder.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FAILED = (errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.EMFILE, errno.ENFILE)
# Primary result codes (https://www.sqlite.org/rescode.html); extended ones begin with their name.
_SQLITE = {
    "SQLITE_FULL": "full",
    "SQLITE_IOERR": "failed",
    "SQLITE_CANTOPEN": "failed",
    "SQLITE_READONLY": "failed",
    "SQLITE_PROTOCOL": "failed",
    "SQLITE_NOMEM": "failed",
    "SQLITE_BUSY": "busy",
    "SQLITE_LOCKED": "busy",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_NOTADB": "damaged",
}


class Trouble(StrEnum):
    """What is wrong with the disk, or with what lies on it."""

    FULL = "full"  # Passes when somebody makes room.
    FAILED = "failed"  # It could not be read or written; it may pass.
    BUSY = "busy"  # Somebody else holds a lock for too long; it passes.
    DAMAGED = "damaged"  # What is stored is no database any more.


def trouble(error: BaseException | None) -> Trouble | None:
    """What an exception says of the disk, or None when it is about something else."""
    if isinstance(error, DBAPIError):
        return trouble(error.orig)
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", None) or ""
        return next((Trouble(each) for code, each in _SQLITE.items() if name.startswith(code)), None)
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return Trouble.FULL
        if error.errno in _FAILED:
            return Trouble.FAILED
    return None


def passes(error: BaseException | None) -> bool:
    """Whether the same can succeed later, when the disk is well again."""
    return trouble(error) in (Trouble.FULL, Trouble.FAILED, Trouble.BUSY)
