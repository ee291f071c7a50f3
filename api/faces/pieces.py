"""An answer as it can be sent to clients that show text as it comes and can take nothing back."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.quotas import answered
from api.routes.ask import remember
from rag.cite import rendered
from rag.types import Cited, Claimed, Done, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api.access import Caller
    from api.deps import Service
    from rag.types import Answer, Citation, Claim, Question


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that follows what was sent before, its claims, and the footnotes that these bring."""

    text: str
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...] = ()


async def pieces(
    service: Service, question: Question, caller: Caller, *, own: bool = False
) -> AsyncGenerator[Piece | Answer, None]:
    """Answer a question piece by piece; the texts together are the answer's, which comes last.

    ``own`` is as of ``api.routes.ask.remember``.

    Until a sentence is supported, this may still become an answer that abstains, so what comes before it is held back.

    Raises:
        What ``api.quotas.answered`` and ``api.routes.ask.remember`` raise.
    """
    sent, text = False, ""
    claims: list[Claim] = []
    citations: list[Citation] = []
    async with aclosing(answered(service, caller, question, own=own)) as events:
        async for each in events:
            if isinstance(each, Cited):
                citations.append(each.citation)
            elif isinstance(each, Claimed):
                text += each.separator + rendered(each.claim)
                claims.append(each.claim)
                if sent or (each.claim.needs_source and each.claim.verdict is not Verdict.UNSUPPORTED):
                    yield Piece(text, tuple(claims), tuple(citations))
                    sent, text, claims, citations = True, "", [], []
            elif isinstance(each, Done):
                answer = await remember(service, question, each.answer, own=own)
                if not sent:
                    yield Piece(answer.text, answer.claims, answer.citations if answer.claims else ())
                yield answer
