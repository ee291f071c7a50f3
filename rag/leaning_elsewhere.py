"""Does a question lean on the turns before it, in languages other than English?

Only what is unmistakable: a question that is not understood is better searched for as it stands. Whatever leans is
searched for behind the question before.
"""

from __future__ import annotations

import re

from index.analyze import terms
from rag.words import is_function_word

_GERMAN_WORDS = (
    "der die das den dem des ein eine einer einem einen und oder aber nicht ist sind war waren hat "
    "haben hatte wird werden wurde wurden wer was wann wo wie warum wieso welche welcher welches "
    "welchen welchem wessen woher wohin womit mit von zu zum zur bei im am auf aus für nach über "
    "unter vor zwischen als auch er sie es ihr sein seine ihre sich viele viel lange"
)
_GERMAN = frozenset(_GERMAN_WORDS.split())
_LATIN = re.compile(r"[A-Za-zÀ-ɏ']+")
_ENGLISH_SHARE = 0.2
_OTHER_LETTERS = re.compile(r"[^\W\d_A-Za-zÀ-ɏ]")
# "And X?", "what about X?", "why?" by themselves, and what refers back.
_LEANS = (
    re.compile(r"^(?:und|oder|aber)\s+(?:was ist mit|wie ist es mit|wie sieht es|wie steht es|wie war es|in|im|für|"
               r"bei|wann|wo|warum|wie|wer|wieso|weshalb|\d)", re.IGNORECASE),
    re.compile(r"^(?:was ist mit|wie ist es (?:mit|bei)|wie sieht es (?:mit|bei)|"
               r"wie steht es (?:mit|um)|nein,? ich mein)", re.IGNORECASE),
    re.compile(r"^(?:und )?(?:warum|wieso|weshalb|wann|wo|wer|wie viel|wie viele|wie lange|wie oft|seit wann|weswegen)"
               r"(?: (?:das|denn|genau|nicht))*\s*\?*$", re.IGNORECASE),
    # No noun, all of which have a capital, stands before it that it could mean.
    re.compile(r"^\W*[^A-ZÄÖÜ\s]*\w*(?:\s+[a-zäöüß]+)*\s+(?:er|ihn|ihm|seine?[rsmn]?|ihre[rsmn]?|ihnen|dessen|deren|davon|dafür|"
               r"damit|dazu|daran|dort|dies|diese[rsmn]?)\b"),
    re.compile(r"^(?:那么?|那麼|而)?.{1,12}呢[?？]*$"),
    re.compile(r"^(?:那么?|那麼)?(?:为什么|為什麼|为何|何时|什么时候|哪里|在哪里?|谁|多少|怎么|如何|多久|原因)(?:呢)?[?？]*$"),
    re.compile(r"^(?:他们?|她们?|它们?|那里|这个|那个|这些|那些)"),
    re.compile(r"^(?:و\s?)?(?:ماذا عن|وماذا عن|ماذا بشأن)\s"),
    re.compile(r"^(?:و\s?)?(?:لماذا|متى|أين|كيف|كم|من|لم)\s*[؟?]*$"),
)  # fmt: skip


def is_english(text: str) -> bool:
    """Whether some words are English, as far as it matters which rules are applied to them."""
    if len(_OTHER_LETTERS.findall(text)) > len(text) // 5:
        return False
    words = [word.lower() for word in _LATIN.findall(text)]
    german = sum(word in _GERMAN for word in words)
    english = sum(is_function_word(word) for word in words)
    return english >= _ENGLISH_SHARE * len(words) and english >= german


def leans_elsewhere(text: str) -> bool:
    """Whether a question that is not English leans on the one before it."""
    plain = text.strip()
    return len(terms(plain)) < 2 or any(each.search(plain) for each in _LEANS)  # noqa: PLR2004
