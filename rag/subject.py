"""Questions that name a document, or wrap what they ask in an instruction: what is left to look for, and where.

"What is the governing law of the Supply Agreement between Alpha Ltd. and Beta Inc.?" is asked of one contract. All its
rare words stand in the preamble, which says nothing of the law; once the contract is found, they only distract.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.words import content_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.types import Found

# A run of words with capitals, with what joins them and what leads to them.
_NAMES = re.compile(
    r"(?:\b(?:of|between|in|for|under|by|with|and)\s+)?(?:\b(?:the|this|a|an)\s+)?"
    r"\b[A-Z][\w.&'’-]*(?:,?\s+(?:(?:and|of|the|&|a|for|de|la|between)\s+)*[A-Z(&][\w.&'’()-]*)*,?"
)
# "Highlight the parts (if any) of this contract related to "Renewal Term" that ... Details: ..."
_INSTRUCTION = re.compile(
    r"^(?:highlight|find|show|quote|list|extract|mark)\b.{0,80}?\b(?:related to|about|on|concerning)\s+"
    r"[\"“«„]([^\"”»“]{2,80})[\"”»“](?:.*?\bdetails?:\s*(.+))?",
    re.IGNORECASE | re.DOTALL,
)
_LEAST_NAMES = 4
_LEAST_SHARE = 0.8
# Passages that a document begins with.
_BEGINNING = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about.

    Attributes:
        document_id: The one document that it names.
        rest: The question without the names of the document.
    """

    document_id: str
    rest: str


def without_instruction(question: str) -> str:
    """What an instruction wants to see, in its own words; other questions as they are."""
    found = _INSTRUCTION.match(question.strip())
    return f"{found[1]}: {found[2]}" if found and found[2] else found[1] if found else question


def subject(question: str, found: Sequence[Found]) -> Subject | None:
    """The document that a question names, when what the search found leaves no doubt.

    Args:
        question: In words.
        found: Best first.

    Returns:
        None when the question has few names, when they do not stand together where the first document begins, when
        they do so in another document too, or when nothing would be left to ask.
    """
    if not found or not question.strip():
        return None
    lowered = _without_first_capital(question)
    named = set(content_terms(" ".join(_NAMES.findall(lowered))))
    left = re.sub(r"\s+", " ", _NAMES.sub(" ", lowered)).strip()
    others = set(content_terms(left)) - named
    if len(named) < max(_LEAST_NAMES, len(others)) or not others:
        return None
    holding = {
        each.passage.document_id
        for each in found
        if len(named & set(terms(f"{each.passage.title} {each.passage.seen}"))) >= _LEAST_SHARE * len(named)
        # A document is named by how it begins.
        and each.passage.ordinal < _BEGINNING
    }
    document = found[0].passage.document_id
    return Subject(document, left) if holding == {document} else None


def _without_first_capital(question: str) -> str:
    """A question whose first word has a capital only where it belongs to a name."""
    first, *others = question.split(maxsplit=2)
    name = content_terms(first) and others and others[0][:1].isupper()
    return question if name else question[:1].lower() + question[1:]
