"""The answer by quotation: sentences of the documents, or none when they would probably not answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.confidence import MEDIUM
from rag.extract import choose, readable
from rag.short_answer import short_answer
from rag.types import Length, Retrieved, Support, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.candidate import Candidate
    from rag.config import ExtractConfig
    from rag.run import Run
    from rag.types import Confidence, Event, ShortAnswer

# Sentences of a brief answer to a question that wants an explanation or a list.
_BRIEF_WIDE = 2


async def quote(run: Run) -> AsyncGenerator[Event, None]:
    """Answer in the documents' own sentences.

    What was found is told after the sentences were weighed: a question that names a document is searched for once more.
    """
    picked = await asyncio.to_thread(pick, run)
    yield Retrieved(tuple(run.found))
    for candidate in picked:
        if await asyncio.to_thread(run.sources.text, candidate.evidence) is None:
            continue  # Deleted since it was found: its words must not be said any more.
        text = readable(candidate.evidence.slice(candidate.span))
        support = Support(1.0, Verdict.SUPPORTED, candidate.evidence, candidate.span, quoted=True)
        for event in await asyncio.to_thread(run.add, text, (support,)):
            yield event
    run.time("extraction")


def pick(run: Run) -> Sequence[Candidate]:
    """Choose sentences, or none when they would probably not answer."""
    config = run.parts.config
    ranking = run.ranking = run.rank()
    picked = choose(ranking, _wanted(run))
    # The best sentence decides; a further one can only add to it.
    best = ranking.candidates[:1]
    run.cosines = [each.cosine for each in best]
    run.confidence = run.rated(run.signals([(each.evidence, each.text) for each in best]))
    target = run.question.target_error
    withheld_below = config.abstain_below if target is None else None
    if withheld_below is None:
        withheld_below = run.calibration().threshold(config.target_error if target is None else target)
    if run.confidence.value < withheld_below:
        run.abstained, run.withheld_below = True, withheld_below
        return []
    run.short = short_answer(ranking, picked)
    return picked


def _wanted(run: Run) -> ExtractConfig:
    """How many sentences are wanted."""
    config = run.parts.extract_config
    if run.question.wishes.length is Length.BRIEF:
        return replace(config, max_sentences=1, max_sentences_wide=_BRIEF_WIDE)
    return config


def shown_short_answer(run: Run, rated: Confidence) -> ShortAnswer | None:
    """The few words that answer, if they may well be right and a footnote holds them."""
    found = run.short
    if found is None or run.abstained or rated.value < MEDIUM:
        return None
    held = any(
        (cited.document_id, cited.version) == (found.document_id, found.version)
        and cited.start <= found.start
        and found.end <= cited.end
        for cited in run.builder.citations
    )
    return found if held else None
