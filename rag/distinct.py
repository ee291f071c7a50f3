"""Passages that say the same in several documents, such as versions of one page, shown once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Share of all terms of two passages that may stand in one of them only.
_MAY_DIFFER = 0.1
# Two prices, dates or names of models are two facts, however alike the pages are; and so is a "not".
# These are index terms, so without their endings; "t" is what is left of "don't" and its like.
_TELLING = re.compile(
    r"\d|^(?:not?|t|cannot|never|none|nor|without|nicht|kein\w*|nie|niemal|ohn|لا|لم|لن|ليس|غير)$"
)


def copies(documents: Sequence[str], vocabulary: Sequence[frozenset[str]]) -> dict[int, int]:
    """Which passages repeat an earlier one of another document.

    Args:
        documents: Of each passage, best passage first.
        vocabulary: The index terms of each passage.

    Returns:
        For each repeating passage the position of the one that it repeats. That one repeats none itself.
    """
    found: dict[int, int] = {}
    for at, own in enumerate(vocabulary):
        for earlier in range(at):
            other = vocabulary[earlier]
            if earlier in found or documents[earlier] == documents[at] or not own:
                continue
            # The smaller of two alike sets holds nearly all of the larger one.
            if min(len(own), len(other)) < (1 - _MAY_DIFFER) * max(len(own), len(other)):
                continue
            shared = len(own & other)
            either = len(own) + len(other) - shared
            if either - shared <= _MAY_DIFFER * either and not any(map(_TELLING.search, own ^ other)):
                found[at] = earlier
                break
    return found
