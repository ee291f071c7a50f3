"""What can go wrong when storing and searching.

    IndexingError
    +-- NotFound               not_found: unknown, deleted, or not yours
    +-- Conflict               conflict: the request contradicts what is stored
    |   +-- EmbedderMismatch   embedder_mismatch: stored vectors come from another model
    +-- InvalidFilter          invalid_filter: the filter is not of the documented form
    +-- FolderInUse            folder_in_use: another process writes to this data folder

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


class InvalidFilter(IndexingError):
    """The filter is not of the documented form."""

    code = "invalid_filter"


class FolderInUse(IndexingError):
    """Another process writes to this data folder."""

    code = "folder_in_use"
    retryable = True
