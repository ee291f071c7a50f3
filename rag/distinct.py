"""Passages that stand word for word in several documents, such as versions of one page, shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def copies(documents: Sequence[str], texts: Sequence[str]) -> dict[int, int]:
    """Which passages repeat an earlier one of another document.

    Only white space and capitals may differ. Anything looser hides facts: pages that differ in a price, a name, a sign
    or the order of two words contradict each other, and both must be seen.

    Args:
        documents: Of each passage, best passage first.
        texts: Of each passage.

    Returns:
        For each repeating passage the position of the one that it repeats. That one repeats none itself.
    """
    first: dict[str, int] = {}
    found: dict[int, int] = {}
    for at, text in enumerate(texts):
        earlier = first.setdefault(" ".join(text.split()).casefold(), at)
        if documents[earlier] != documents[at]:
            found[at] = earlier
    return found
