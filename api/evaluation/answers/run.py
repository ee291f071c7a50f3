"""``footnote eval answers``: from the question file to the report."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.deps import gateway_configuration
from api.evaluation import configure
from api.evaluation.answers import tables
from api.evaluation.answers.ask import Stored, ask_all
from api.evaluation.answers.configure import AnswerConfiguration
from api.evaluation.answers.page import page
from api.evaluation.answers.plots import draw
from api.evaluation.answers.report import AnswerReport, MeasuredAnswers, as_json
from api.evaluation.files import text, write_files
from api.evaluation.preparing import Given, corpora, located, progress_bar
from api.evaluation.words import KINDS
from api.local import console
from ingest.config import ChunkConfig
from rag.errors import GatewayNotConfigured
from rag.evaluation.answers import judge, to_ask
from rag.evaluation.calibration import chance_calibration_error, reliability
from rag.evaluation.errors import NothingToMeasure
from rag.evaluation.figures import by_label, comparisons, figures, groups, kinds, pairs, primary
from rag.evaluation.gate import shortfalls
from rag.evaluation.questions import read_questions
from rag.evaluation.summary import largest_differences
from rag.types import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.evaluation.corpus import Corpus
    from rag.evaluation.gate import Requirement
    from rag.evaluation.questions import EvaluationQuestion

# Questions listed as the most different.
_LISTED = 15


@dataclass(frozen=True, slots=True)
class Options(Given):
    """What the command was given.

    Attributes:
        mode: auto, extractive or generative.
        top_k: Passages read for each question.
        requirements: Thresholds that the first configuration must keep.
    """

    mode: str
    top_k: int
    requirements: tuple[Requirement, ...]


def evaluate(options: Options) -> AnswerReport:
    """Ask, judge, print and write the report.

    Raises:
        EvaluationError: The question file, the comparison or the corpus cannot be used.
        IndexingError: The collection cannot be opened.
        GatewayNotConfigured: Generative answers are wanted without a gateway.
    """
    questions = read_questions(options.questions)
    first = AnswerConfiguration.of(options.settings, options.mode, options.top_k)
    configurations = [first, first.changed(options.compare)] if options.compare else [first]
    names = configure.names(*configurations) if options.compare else (f"mode={first.mode}",)
    _check_gateway(options, configurations)
    with ExitStack() as stack:
        searched = corpora(stack, options, configurations, gateway=True)
        measured = [
            _measured(name, configuration, first, corpus, questions, as_ingested=options.corpus is None)
            for name, configuration, corpus in zip(names, configurations, searched, strict=True)
        ]
    report = _report(options, len(questions), measured)
    tables.show(report, console)
    drawings = draw(report)
    contents = {"report.html": page(report, drawings), "report.json": text(as_json(report)), **drawings}
    console.print(f"Written to {options.out}: {', '.join(write_files(contents, options.out))}", markup=False)
    tables.show_requirements(report, console)
    return report


def _check_gateway(options: Options, configurations: Sequence[AnswerConfiguration]) -> None:
    """Say beforehand whether a model is asked, which takes time and money."""
    modes = {each.mode for each in configurations}
    if not gateway_configuration(options.settings).is_set:
        if Mode.GENERATIVE in modes:
            raise GatewayNotConfigured(
                "Generative answers need a language model. Set FOOTNOTE_GATEWAY_URL, or measure --mode extractive."
            )
    elif modes != {Mode.EXTRACTIVE.value}:
        console.print(
            f"The questions go to {options.settings.model} at the gateway. --mode extractive asks no model.",
            markup=False,
        )


def _measured(
    name: str,
    configuration: AnswerConfiguration,
    first: AnswerConfiguration,
    corpus: Corpus,
    questions: Sequence[EvaluationQuestion],
    *,
    as_ingested: bool,
) -> MeasuredAnswers:
    found = located(corpus, questions)
    asked = to_ask(questions, found)
    if not asked:
        raise NothingToMeasure(
            f"Nothing that the questions name is in the corpus. The first: {found.problems[0].message}"
        )
    answerer, applied = configuration.applied(corpus.service.answerer, first)
    with progress_bar(f"asking, {name}", len(asked)) as done:
        responses = ask_all(asked, corpus, answerer, applied, done)
    stored = Stored(corpus)
    outcomes = [
        judge(each, response, stored.supports, stored.quote)
        for each, response in zip(asked, responses, strict=True)
    ]
    judged = pairs(outcomes, given=False)
    confidence, right = judged[:, 0].tolist(), judged[:, 1].tolist()
    # How a collection was cut that was there already is not known.
    unknown = {field.name for field in fields(ChunkConfig)} if as_ingested else set()
    return MeasuredAnswers(
        name=name,
        settings={key: value for key, value in applied.values().items() if key not in unknown},
        documents=len(corpus.documents),
        passages=corpus.passages,
        embedder=corpus.embedder,
        failed={each.filename: ": ".join(each.error or ()) for each in corpus.failed},
        filenames={each.id: each.filename for each in corpus.documents},
        located=found,
        asked=tuple(asked),
        outcomes=tuple(outcomes),
        figures=figures(outcomes),
        kinds=by_label(outcomes, kinds(asked, KINDS)),
        groups=by_label(outcomes, groups(asked)),
        bins=reliability(confidence, right) if confidence else [],
        chance=chance_calibration_error(confidence) if confidence else None,
    )


def _report(options: Options, total: int, measured: Sequence[MeasuredAnswers]) -> AnswerReport:
    first, second = measured[0], measured[-1]
    decides = primary(first.outcomes)
    compared = len(measured) > 1
    differences = largest_differences(first.outcomes, second.outcomes, decides.key, _LISTED)
    means = {key: estimate.mean for key, estimate in first.figures.items()}
    return AnswerReport(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        questions=options.questions,
        total=total,
        requirements=options.requirements,
        shortfalls=tuple(shortfalls(options.requirements, means)),
        primary=decides,
        configurations=tuple(measured),
        comparisons=comparisons(first.outcomes, second.outcomes) if compared else {},
        differences=tuple(differences) if compared else (),
    )
