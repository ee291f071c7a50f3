"""Passages that say the same in several documents, such as versions of one page, shown once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Share of all terms that one of two passages may have beyond the other's.
_MAY_DIFFER = 0.05
# A date or a model's name that only one of them has is a fact of its own, however alike the pages are; so is a "not".
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
            # Different words in the same place are two facts (the Berlin and the Munich branch): only what one of them
            # has beyond the other may differ.
            less, more = sorted((own, other), key=len)
            if len(more) * (1 - _MAY_DIFFER) > len(less) or not less <= more:
                continue
            if not any(map(_TELLING.search, more - less)):
                found[at] = earlier
                break
    return found
