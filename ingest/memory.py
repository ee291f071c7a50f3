"""Gives memory that is free back to the system, which the C library otherwise keeps for later."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Called between documents: a large one would else be seen in the service's memory for ever. Takes milliseconds.

    https://man7.org/linux/man-pages/man3/malloc_trim.3.html; nothing happens where the C library has no such function.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
