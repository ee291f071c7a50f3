"""``footnote calibrate``: fit the confidence to judged answers, show whether it is better, and put it to use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.deps import CALIBRATION, GENERATIVE_CALIBRATION, gateway_configuration
from api.evaluation.answers.ask import Stored, ask_all
from api.evaluation.answers.configure import AnswerConfiguration
from api.evaluation.calibration_report import show, write_report
from api.evaluation.corpus import check_folder, existing
from api.evaluation.preparing import located, progress_bar
from api.local import console
from index.store import Store
from rag.calibration import load_calibration, read_calibration
from rag.evaluation.answers import judge, to_ask
from rag.evaluation.errors import EvaluationError, InvalidComparison
from rag.evaluation.questions import read_questions
from rag.evaluation.recalibration import LEAST, LEAST_OF_EACH, JudgedAnswer, recalibrate
from rag.types import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from api.settings import Settings
    from index.answers import Answers
    from rag.calibration import Calibration
    from rag.evaluation.recalibration import Recalibration


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was given.

    Attributes:
        questions: A question file to ask, or None.
        feedback: Whether the ratings of stored answers are used.
        top_k: Passages read for each question.
        collection: Asked, and whose ratings are used; None asks "default" and uses all ratings.
        mode: auto, extractive or generative.
        dry_run: Show, and write no calibration.
        force: Write also what is fitted to too few answers, or is no better.
        out: Folder for the report.
    """

    settings: Settings
    questions: Path | None
    feedback: bool
    collection: str | None
    mode: str
    top_k: int
    dry_run: bool
    force: bool
    out: Path


def calibrate(options: Options) -> Recalibration:
    """Fit, show, and write.

    Raises:
        EvaluationError: The questions cannot be read or asked, or there are too few judged answers.
        IndexingError: The data folder cannot be opened.
    """
    by_mode = _rated(options) if options.feedback else {}
    mode = _mode(options, by_mode)
    judged: list[JudgedAnswer] = []
    sources: list[str] = []
    if options.feedback:
        rated = by_mode[mode]
        judged += rated
        sources.append(f"{len(rated)} rated by readers")
    if options.questions is not None:
        asked = _asked(options.questions, options, mode)
        judged += asked
        sources.append(f"{len(asked)} to questions of {options.questions.name}")
    least, least_of_each = (1, 0) if options.force else (LEAST, LEAST_OF_EACH)
    found = recalibrate(
        judged,
        load_calibration(),
        name=_name(judged, mode),
        mode=mode.value,
        fitted_on=f"{len(judged)} judged answers: {', '.join(sources)}",
        least=least,
        least_of_each=least_of_each,
    )
    show(found, console)
    console.print(f"Written to {options.out}: {', '.join(write_report(found, options.out))}", markup=False)
    _put_to_use(found, options)
    return found


def from_feedback(answers: Answers, mode: Mode, collection: str | None) -> list[JudgedAnswer]:
    """Stored answers that somebody rated; what one said about correctness goes before what others felt.

    An answer that says nothing is left out: a rating of it does not say whether what was withheld was right.
    """
    bodies: dict[str, JudgedAnswer] = {}
    stated: set[str] = set()
    for answer_id, body, rating, correct in answers.ratings():
        if body["abstained"] or body["mode"] != mode.value or collection not in (None, body["collection"]):
            continue
        if correct is None and answer_id in stated:
            continue
        if correct is not None:
            stated.add(answer_id)
        right = rating > 0 if correct is None else correct
        bodies[answer_id] = JudgedAnswer(body["question"], body["confidence"]["signals"], right)
    return list(bodies.values())


def _rated(options: Options) -> dict[Mode, list[JudgedAnswer]]:
    check_folder(options.settings)
    store = Store(options.settings.data, options.settings.views)
    try:
        return {mode: from_feedback(store.answers, mode, options.collection) for mode in Mode}
    finally:
        store.close()


def _asked(questions: Path, options: Options, mode: Mode) -> list[JudgedAnswer]:
    """The answers to the questions of a file that say what is right, withheld ones too."""
    read = read_questions(questions)
    configuration = AnswerConfiguration.of(options.settings, mode.value, options.top_k)
    with existing(options.settings, options.collection or "default", gateway=True) as corpus:
        found = located(corpus, read)
        for problem in found.problems:
            console.print(f"line {problem.line}: {problem.message} ({problem.effect})", markup=False)
        asked = to_ask(read, found)
        with progress_bar("asking", len(asked)) as done:
            responses = ask_all(asked, corpus, corpus.service.answerer, configuration, done)
        stored = Stored(corpus)
        outcomes = [
            judge(each, response, stored.supports, stored.quote)
            for each, response in zip(asked, responses, strict=True)
        ]
    judged = []
    for each, outcome in zip(asked, outcomes, strict=True):
        made = outcome.response.made
        if made is not None and outcome.right is not None:
            judged.append(JudgedAnswer(each.question.text, made.confidence.signals, outcome.right))
    return judged


def _put_to_use(found: Recalibration, options: Options) -> None:
    """Write the calibration into the data folder, unless it is no better or only to be shown."""
    generative = found.calibration.mode == Mode.GENERATIVE
    path = options.settings.data / (GENERATIVE_CALIBRATION if generative else CALIBRATION)
    if options.dry_run:
        console.print("Dry run: the calibration in use stays as it is.")
        return
    if not found.improves and not options.force:
        console.print(
            "On answers that it did not see it is no better than the shipped one, so it is not used. --force uses it "
            "all the same."
        )
        return
    _save(found.calibration, path)
    console.print(
        f"Written to {path}, for {found.calibration.mode} answers, used from the next start on. Delete the file to "
        "return to the shipped calibration.",
        markup=False,
    )
    named = options.settings.calibration
    if named is None or named.resolve() == path.resolve():
        return
    # A named calibration stands for answers of its own mode only.
    if read_calibration(named).mode == found.calibration.mode:
        console.print(f"FOOTNOTE_CALIBRATION names {named}, which goes before it.", markup=False)


def _save(calibration: Calibration, path: Path) -> None:
    """Write a calibration whole, over an earlier one."""
    draft = path.with_name(f"{path.name}.new")
    try:
        calibration.save(draft)
        draft.replace(path)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written: {error.strerror}.") from error


def _mode(options: Options, rated: Mapping[Mode, Sequence[JudgedAnswer]]) -> Mode:
    """The mode that is calibrated: for questions the one they would be answered in, else that of most ratings."""
    if options.mode == "auto":
        if options.questions is None and any(rated.values()):
            most = max(rated, key=lambda mode: len(rated[mode]))
            counts = " and ".join(f"{len(each)} {mode}" for mode, each in rated.items())
            console.print(f"Rated answers: {counts}. {most.capitalize()} ones are calibrated; see --mode.")
            return most
        return Mode.GENERATIVE if gateway_configuration(options.settings).is_set else Mode.EXTRACTIVE
    if options.mode not in tuple(Mode):
        raise InvalidComparison(f"--mode is auto, {', '.join(Mode)}, not {options.mode!r}.")
    return Mode(options.mode)


def _name(judged: Sequence[JudgedAnswer], mode: Mode) -> str:
    """An id that is the same for the same answers on the same day."""
    rows = json.dumps([[sorted(each.signals.items()), each.right] for each in judged])
    digest = hashlib.sha256(rows.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"own-{mode.value}-{datetime.now(UTC):%Y%m%d}-{digest}"
