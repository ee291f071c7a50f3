"""What a crafted file is: how it is made, and how it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

# From a seeded source of chance and a size, 1 for the short form, to the bytes of a file.
Make = Callable[[Random, int], bytes]
READY = "ready"
# Every code by which a file may be refused; a bomb may name fewer.
REFUSED = frozenset(
    (
        "corrupt_file",
        "too_large",
        "limit_exceeded",
        "unsupported_type",
        "no_text",
        "encrypted",
        "encrypted_pdf",
    )
)


@dataclass(frozen=True, slots=True)
class Bomb:
    """One crafted file.

    Attributes:
        name: What it does, with the row of the list of attacks that it stands for.
        filename: As uploaded.
        make: Its bytes.
        outcomes: How it may end: ``ready`` or codes of errors.
        forbidden: Text that must not be in what is stored of it.
    """

    name: str
    filename: str
    make: Make
    outcomes: frozenset[str] = REFUSED
    forbidden: str = ""
