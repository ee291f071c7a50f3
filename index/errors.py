"""What can go wrong when storing and searching.

    IndexingError
    +-- NotFound               not_found: unknown, deleted, or not yours
    +-- Conflict               conflict: the request contradicts what is stored
    |   +-- EmbedderMismatch   embedder_mismatch: stored vectors come from another model
    |   +-- RequestInProgress  request_in_progress: the same request is being worked on
    +-- KeyReused              idempotency_key_reused: another request came with this key
    +-- InvalidFilter          invalid_filter: the filter is not of the documented form
    +-- FolderInUse            folder_in_use: another process writes to this data folder
    +-- FolderUnusable         folder_unusable: made by a newer version, or half restored
    +-- BackupFailed           backup_failed: no backup was made; what was there before is untouched
    +-- RestoreRefused         restore_refused: the backup or the folder is not fit; nothing was restored

``code`` is what the HTTP contract shows; ``retryable`` says whether the same call can succeed later.
"""

from __future__ import annotations


class IndexingError(Exception):
    """Base of everything that this package raises on purpose."""

    code = "index_error"
    retryable = False


class NotFound(IndexingError):
    """Nothing of that name is visible to the caller."""

    code = "not_found"


class Conflict(IndexingError):
    """The request contradicts what is stored."""

    code = "conflict"


class EmbedderMismatch(Conflict):
    """The collection's vectors come from another embedding model than the one that is running."""

    code = "embedder_mismatch"


class RequestInProgress(Conflict):
    """The same request, with the same idempotency key, is being worked on right now."""

    code = "request_in_progress"
    retryable = True


class KeyReused(IndexingError):
    """An idempotency key came with another request than the first time."""

    code = "idempotency_key_reused"


class InvalidFilter(IndexingError):
    """The filter is not of the documented form."""

    code = "invalid_filter"


class FolderInUse(IndexingError):
    """Another process writes to this data folder."""

    code = "folder_in_use"
    retryable = True


class FolderUnusable(IndexingError):
    """The data folder was made by a newer version, or a restore into it was cut off."""

    code = "folder_unusable"


class BackupFailed(IndexingError):
    """No backup was made, and none of those before was touched."""

    code = "backup_failed"


class RestoreRefused(IndexingError):
    """The backup is not whole, or the folder is not fit to restore into. Nothing was restored."""

    code = "restore_refused"
