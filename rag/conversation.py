"""A question in the middle of a conversation -> what to search for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.words import content_terms

if TYPE_CHECKING:
    from rag.types import Question

# A question that leans on the turns before it.
_FOLLOW_UP = re.compile(
    r"^(?:and|but|what about|how about|why|also)\b|\b(?:it|its|they|them|their|this|that|those|he|she|his|her)\b",
    re.IGNORECASE,
)


def standalone(question: Question) -> str:
    """What to search for: the question, with the one before it when it leans on that."""
    asked = [text for role, text in question.history if role == "user"]
    if asked and (_FOLLOW_UP.search(question.text) or len(content_terms(question.text)) < 2):  # noqa: PLR2004
        return f"{asked[-1]} {question.text}"
    return question.text
