"""How an answer is wanted, said in the question itself: "answer briefly", "in German", "from now on".

It is taken out of what is searched for, where its words would only distract.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.rewrite import LONGEST
from rag.types import Length, Wishes

if TYPE_CHECKING:
    from rag.types import Question

_LANGUAGES = (
    "Arabic|Chinese|Czech|Danish|Dutch|English|Finnish|French|German|Greek|Hebrew|Hindi|Hungarian|Italian|"
    "Japanese|Korean|"
    "Norwegian|Polish|Portuguese|Romanian|Russian|Spanish|Swedish|Turkish|Ukrainian|Vietnamese"
)
_ALWAYS = r"(?P<always>(?:from now on|always|in (?:the )?future|for all (?:further )?questions)[\s,]*)?"
_MANNER = (
    r"(?P<brief>briefly|shortly|concisely|in short|in brief|in (?:one|a) (?:short )?(?:sentence|word|line)|"
    r"in a few words)|"
    r"(?P<full>in (?:full |more )?detail|at length|thoroughly|extensively)|"
    rf"in (?P<language>{_LANGUAGES})"
)
_WISH = re.compile(
    rf"(?:^|(?<=[.!?;:,\n])\s*|\s+(?:and|but)\s+){_ALWAYS}(?:please[\s,]+)?{_ALWAYS.replace('always>', 'always2>')}"
    rf"(?:answer|reply|respond|write|keep (?:it|your answers?))(?: me| this)?\s+(?:short|brief|(?:{_MANNER}))"
    r"(?P<later>[\s,]+(?:from now on|always|in (?:the )?future))?(?:[\s,]*please)?\s*(?:[.!,:;]+|$)",
    re.IGNORECASE,
)


def wishes_in(question: Question) -> tuple[Wishes | None, Question]:
    """Take wishes out of a question.

    Returns:
        What is to be kept from now on, if that was said, and the question with the wishes for this one answer. What
        says nothing else is left as it is.
    """
    found = _WISH.search(question.text) if len(question.text) <= LONGEST else None
    if found is None:
        return None, question
    short = found["brief"] or (None if found["full"] or found["language"] else "short")
    length = Length.BRIEF if short else Length.FULL if found["full"] else None
    said = Wishes(length, found["language"].capitalize() if found["language"] else None)
    wishes = Wishes(said.length or question.wishes.length, said.language or question.wishes.language)
    rest = " ".join(f"{question.text[: found.start()]} {question.text[found.end() :]}".split()).strip(" ,;:")
    kept = said if found["always"] or found["always2"] or found["later"] else None
    # Asked without the wish, so that its words are not searched for; the text that is stored has them.
    return kept, replace(question, wishes=wishes, plain=rest if re.search(r"\w", rest) else None)
