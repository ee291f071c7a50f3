"""A question in the middle of a conversation -> what to search for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.rewrite import Rewritten, rewritten

if TYPE_CHECKING:
    from rag.types import Question


def understood(question: Question) -> Rewritten:
    """What to search for, and whether it has anything of earlier turns."""
    found = rewritten(question.plain or question.text, question.history)
    return Rewritten(question.searched, found.leans) if question.searched else found


def standalone(question: Question) -> str:
    """What to search for: the question with what it leans on in the turns before it."""
    return understood(question).text
