"""Is an answer right? Compared with accepted answers, in the normal form of SQuAD.

Rajpurkar, Jia, Liang: "Know What You Don't Know: Unanswerable Questions for SQuAD", ACL 2018,
https://arxiv.org/abs/1806.03822, with its evaluation script: case, punctuation, the articles and white space do not
matter. Letters of Chinese, Japanese and Korean count as words, as in Lewis and others, "MLQA", ACL 2020,
https://arxiv.org/abs/1910.07475.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = frozenset(("a", "an", "the"))
_LETTER_WORDS = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af])")
# An accepted answer of more words is a wording of which there are others, so most of its words are enough.
_LONG = 8
_MOST_WORDS = 0.75


def words(text: str) -> list[str]:
    """A text in the normal form, as words. Articles stay where there is nothing else."""
    plain = unicodedata.normalize("NFKC", text).translate(_MARKS).lower().translate(_PUNCTUATION)
    found = _LETTER_WORDS.sub(r" \1 ", plain).split()
    return [word for word in found if word not in _ARTICLES] or found


def token_f1(answer: str, accepted: Iterable[str]) -> float:
    """Harmonic mean of the precision and recall of words, with the accepted answer that it is highest for."""
    return max((_f1(words(answer), words(each)) for each in accepted), default=0.0)


def contains(answer: str, accepted: Iterable[str]) -> bool:
    """Whether an accepted answer stands in the answer, in whole words that follow one another."""
    given = f" {' '.join(words(answer))} "
    return any(f" {' '.join(words(each))} " in given for each in accepted)


def is_right(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the answer holds an accepted one.

    One of up to eight words must stand there as it is. Of a longer one three quarters of the words must, wherever.
    """
    if contains(answer, accepted):
        return True
    given = words(answer)
    long = (each for each in map(words, accepted) if len(each) > _LONG)
    return any(_shared(given, each) >= _MOST_WORDS * len(each) for each in long)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    return 2 * _shared(given, wanted) / (len(given) + len(wanted)) if given or wanted else 0.0


def _shared(given: Sequence[str], wanted: Sequence[str]) -> int:
    return (Counter(given) & Counter(wanted)).total()
