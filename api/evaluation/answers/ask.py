"""Ask a service the questions, and look up what its citations point to."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from index.errors import NotFound
from ingest.sentences import sentence_spans
from rag.errors import RagError
from rag.evaluation.answers import Response
from rag.evaluation.errors import EvaluationError
from rag.types import Done, Evidence, Mode, Question, Verdict
from rag.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api.evaluation.answers.configure import AnswerConfiguration
    from api.evaluation.corpus import Corpus
    from rag.answer import Answerer
    from rag.evaluation.answers import Asked
    from rag.types import Answer, Citation, Claim

# So many errors one after the other are the gateway's, and asking on would only take time.
_MOST_FAILURES = 5


def ask_all(
    asked: Sequence[Asked],
    corpus: Corpus,
    answerer: Answerer,
    configuration: AnswerConfiguration,
    progress: Callable[[int], None],
) -> list[Response]:
    """Ask every question; an error is the result of its question.

    Raises:
        EvaluationError: The first questions all ended in an error.
    """
    responses: list[Response] = []
    for number, each in enumerate(asked, start=1):
        responses.append(_ask(each.question.text, corpus, answerer, configuration))
        if len(responses) == _MOST_FAILURES and all(response.error for response in responses):
            raise EvaluationError(
                f"The first {_MOST_FAILURES} questions all ended in an error. The last: {responses[-1].error}"
            )
        progress(number)
    return responses


class Stored:
    """What the documents of a corpus say where citations point, and whether that supports a claim."""

    def __init__(self, corpus: Corpus) -> None:
        self._store = corpus.service.store
        self._embedder = corpus.service.embedder
        self._rarity = self._store.collection(corpus.collection).rarity

    def quote(self, citation: Citation) -> str:
        """The stored text between the offsets of a citation; empty where the document is gone."""
        try:
            stored = self._store.catalog.text(citation.document_id, citation.version)
        except NotFound:
            return ""
        return stored.text[citation.start : citation.end]

    def supports(self, claim: Claim, citations: Sequence[Citation]) -> bool:
        """Whether the quotes of these citations alone support a claim."""
        verifier = Verifier([_evidence(each) for each in citations], self._embedder, self._rarity)
        return verifier.check(claim.text).verdict is Verdict.SUPPORTED


def _ask(text: str, corpus: Corpus, answerer: Answerer, configuration: AnswerConfiguration) -> Response:
    question = Question(
        text=text,
        collection=corpus.collection,
        mode=None if configuration.mode == "auto" else Mode(configuration.mode),
        model=configuration.gateway_model,
        top_k=configuration.top_k,
    )
    started = time.perf_counter()
    try:
        answer = corpus.loop.run(_answer(answerer, question))
        seconds = time.perf_counter() - started
        withheld = None
        if answer.abstained and answer.mode is Mode.EXTRACTIVE:
            withheld = corpus.loop.run(_answer(_without_threshold(answerer), question))
    except RagError as error:
        return Response(None, None, time.perf_counter() - started, str(error))
    return Response(answer, None if withheld is None or withheld.abstained else withheld, seconds)


def _without_threshold(answerer: Answerer) -> Answerer:
    """Gives every answer that it has, so that one can tell whether holding it back was right."""
    return replace(answerer, config=replace(answerer.config, abstain_below=0.0))


async def _answer(answerer: Answerer, question: Question) -> Answer:
    async with aclosing(answerer.answer(question)) as events:
        async for event in events:
            if isinstance(event, Done):
                return event.answer
    raise RuntimeError("An answer ended without its last event.")


def _evidence(citation: Citation) -> Evidence:
    """A citation's quote as all the evidence that there is."""
    return Evidence(
        key=str(citation.number),
        document_id=citation.document_id,
        version=citation.version,
        title=citation.title,
        filename=citation.filename,
        start=citation.start,
        end=citation.end,
        text=citation.quote,
        headings=citation.headings,
        sentences=tuple(
            (citation.start + start, citation.start + end) for start, end in sentence_spans(citation.quote)
        ),
        score=1.0,
    )
