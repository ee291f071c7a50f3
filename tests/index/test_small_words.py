"""Function words of a question do not outweigh what it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from index.lexical import LexicalView
from index.small_words import small_words
from index.types import Change, IdRange, NewPassages, Query

if TYPE_CHECKING:
    from pathlib import Path


def ranked(folder: Path, texts: tuple[str, ...], question: str) -> list[int]:
    """Passages found for a question, best first, counted from 0."""
    view = LexicalView(folder)
    added = NewPassages(
        IdRange(0, len(texts) - 1), "doc", ("",) * len(texts), texts, np.zeros((len(texts), 1), np.float32)
    )
    view.apply([Change(1, None, added)])
    return [hit.passage_id for hit in view.search(Query(question, None), 10)]


def test_a_rare_function_word_yields_to_the_subject(tmp_path: Path) -> None:
    """Among source code "what" is rarer than the name of a function, and says less."""
    code = (
        "what is this: see below",
        "def parse_header(line): return line",
        "def parse_header_fields(line): return parse_header(line)",
        "def other(): pass",
    )

    assert ranked(tmp_path, code, "what is parse_header")[0] in (1, 2)


def test_a_question_of_function_words_alone_is_answered(tmp_path: Path) -> None:
    """They count for little, not for nothing: a name may be made of them."""
    assert ranked(tmp_path, ("Songs by The Who.", "Songs by others.", "More songs."), "The Who")[0] == 0


@pytest.mark.parametrize("word", ["word", "die", "war", "not", "no", "after", "all", "type", "use", "man"])
def test_words_that_carry_the_matter_count_in_full(word: str) -> None:
    """Negations and time, and English words that German function words are spelled like."""
    assert word not in small_words()
