"""Why an evaluation cannot be made.

RagError
+-- EvaluationError
    +-- InvalidQuestions     a question file that cannot be read, with the lines that are wrong
    +-- InvalidComparison    a configuration to compare with that does not exist or cannot be made
    +-- InvalidRequirement   a threshold of another form, or on a figure that there is not
    +-- NothingToMeasure     no question whose relevant documents are in the corpus
    +-- TooFewAnswers        fewer judged answers than a calibration can be fitted to
"""

from __future__ import annotations

from rag.errors import RagError


class EvaluationError(RagError):
    """Base of what goes wrong with an evaluation. Every message says what to change."""

    code = "evaluation_error"


class InvalidQuestions(EvaluationError):
    """The question file cannot be read."""

    code = "invalid_questions"


class InvalidComparison(EvaluationError):
    """The second configuration cannot be made."""

    code = "invalid_comparison"


class InvalidRequirement(EvaluationError):
    """A threshold cannot be read."""

    code = "invalid_requirement"


class NothingToMeasure(EvaluationError):
    """There is no question whose relevant documents are in the corpus."""

    code = "nothing_to_measure"


class TooFewAnswers(EvaluationError):
    """There are too few judged answers."""

    code = "too_few_answers"
