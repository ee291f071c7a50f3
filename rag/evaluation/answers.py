"""Judge the answers to the questions of a file: one outcome for each question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.evaluation.citing import cited_ranges, evidence_figures, finds_any, support_figures
from rag.evaluation.correctness import contains, is_right, token_f1

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rag.evaluation.citing import Supports
    from rag.evaluation.locate import Located, Target
    from rag.evaluation.questions import EvaluationQuestion
    from rag.types import Answer, Citation

    # The stored text that a citation points to; empty where there is none any more.
    StoredQuote = Callable[[Citation], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the file that is asked.

    Attributes:
        target: Where the evidence is, if the file names it and it was found.
    """

    question: EvaluationQuestion
    target: Target | None

    @property
    def answerable(self) -> bool | None:
        """Whether the documents answer it; None when the file does not say."""
        if self.question.unanswerable:
            return False
        return True if self.target or self.question.answers else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Media types of the documents that answer it, sorted; none where none are named."""
        return self.target.kinds if self.target else ()


@dataclass(frozen=True, slots=True)
class Response:
    """What came of a question.

    Attributes:
        answer: What a reader gets; None when there was none because of an error.
        withheld: What was held back for its low confidence, as it would have been given; None where nothing was.
        seconds: The answer took.
        error: What went wrong, or empty.
    """

    answer: Answer | None
    withheld: Answer | None = None
    seconds: float = 0.0
    error: str = ""

    @property
    def made(self) -> Answer | None:
        """The answer that the confidence speaks of: given, or held back."""
        return self.withheld if self.answer is None or self.answer.abstained else self.answer


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What is known of the answer to one question.

    Attributes:
        values: By the key of the figure; those that the question and the answer allow.
        right: Whether the answer that was made is right, given or withheld; None where the file does not say, or
            none was made.
        confidence: Of the same answer; None where none was made.
        quotes: Footnotes whose quote was compared with the stored text.
        misquotes: Those that differ.
    """

    question_id: str
    response: Response
    values: dict[str, float]
    right: bool | None
    confidence: float | None
    quotes: int
    misquotes: tuple[Citation, ...]

    @property
    def given(self) -> bool:
        """Whether a reader got an answer."""
        return self.response.answer is not None and not self.response.answer.abstained


def to_ask(questions: Sequence[EvaluationQuestion], located: Located) -> list[Asked]:
    """The questions that can be asked, in their order; those whose evidence is not in the corpus cannot."""
    targets = {target.question.id: target for target in located.targets}
    without = {question.id for question in located.unanswerable}
    return [
        Asked(each, targets.get(each.id)) for each in questions if each.id in targets or each.id in without
    ]


def judge(asked: Asked, response: Response, supports: Supports, stored: StoredQuote) -> AnswerOutcome:
    """Judge one answer.

    Args:
        asked: The question and what answers it.
        response: What came of it.
        supports: Whether some citations alone support a claim.
        stored: The text that a citation points to.
    """
    made, answer = response.made, response.answer
    right = None if made is None else _is_right(asked, made)
    values = {"failed": float(answer is None)}
    given = answer is not None and not answer.abstained
    if asked.answerable is False:
        values["accuracy"] = values["abstention"] = float(answer is not None and answer.abstained)
    elif asked.answerable:
        values |= _answerable(asked, answer, right=bool(given and right))
    if given and right is not None:
        values["right_given"] = float(right)
    if made is not None and right is not None:
        values["brier"] = (made.confidence.value - right) ** 2
    if answer is not None and answer.cost_usd is not None and answer.usage.total_tokens:
        values["cost_usd"] = answer.cost_usd
    # A greeting states nothing that a source could carry: it counts neither for nor against the answer.
    claims = [each for each in answer.claims if each.needs_source] if answer else []
    if answer is not None and given and claims:
        values |= support_figures(claims, answer.citations, supports)
        if asked.target:
            cited = cited_ranges(claims, answer.citations)
            places = [place for place, _ in asked.target.places]
            relevant = {name for name, grade in asked.target.documents.items() if grade > 0}
            values |= evidence_figures(cited, places, relevant)
    quoted = answer.citations if answer is not None else ()
    return AnswerOutcome(
        question_id=asked.question.id,
        response=response,
        values=values,
        right=right,
        confidence=None if made is None else made.confidence.value,
        quotes=len(quoted),
        misquotes=tuple(each for each in quoted if stored(each) != each.quote),
    )


def said(answer: Answer) -> str:
    """What an answer says, without the marks of its footnotes."""
    return " ".join(claim.text for claim in answer.claims)


def _answerable(asked: Asked, answer: Answer | None, *, right: bool) -> dict[str, float]:
    """Figures of a question that the documents answer. Who says nothing is not right."""
    given = answer is not None and not answer.abstained
    values = {"over_abstention": float(not given)} if answer is not None else {}
    if asked.question.answers or (asked.target and asked.target.places):
        values["accuracy"] = values["right"] = float(right)
    if asked.question.answers:
        text = said(answer) if answer is not None and given else ""
        values["f1"] = token_f1(text, asked.question.answers)
        values["contained"] = float(contains(text, asked.question.answers))
    return values


def _is_right(asked: Asked, made: Answer) -> bool | None:
    """Whether an answer is right, by accepted answers, else by whether it cites a place that answers."""
    if asked.answerable is False:
        return False
    if asked.question.answers:
        return is_right(said(made), asked.question.answers)
    if asked.target and asked.target.places:
        places = [place for place, _ in asked.target.places]
        return finds_any(cited_ranges(made.claims, made.citations), places)
    return None
