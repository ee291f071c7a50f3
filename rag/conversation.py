"""A question in the middle of a conversation -> what to search for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.rewrite import rewritten

if TYPE_CHECKING:
    from rag.types import Question


def standalone(question: Question) -> str:
    """What to search for: the question with what it leans on in the turns before it."""
    return rewritten(question.text, question.history).text
