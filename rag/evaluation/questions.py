"""Question files: JSON lines or CSV, each row a question and what is relevant for it. See docs/evaluation.md.

Rows with the same id, or without one with the same question, are one question with several relevant places.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.evaluation.errors import InvalidQuestions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Row = dict[str, Any]

# Other names that people give the same field. The sample handbook says "file" and "kind".
_ALIASES = {
    "filename": "document",
    "file": "document",
    "document_id": "document",
    "text": "quote",
    "kind": "group",
}
_PLACE_FIELDS = ("document", "quote", "start", "end", "page", "grade")
_QUESTION_FIELDS = ("id", "question", "group", "answer", "answers", "unanswerable", "relevant")
# What people write into a cell for yes and no.
_TRUTHS = {
    "true": True,
    "yes": True,
    "1": True,
    "x": True,
    "false": False,
    "no": False,
    "0": False,
    "": False,
}
# Between the accepted answers in a cell of a table.
_ANSWER_MARK = "|"
# Errors shown at once; a file of another form has one in every line.
_MOST_ERRORS = 10
# Letters in common from which on an unknown name is taken for a slip of a known one.
_SLIP = 0.8


@dataclass(frozen=True, slots=True)
class Relevant:
    """What a question file calls relevant: a document, a page of it, or a place in it.

    Attributes:
        line: Where the file says so, from 1.
        document: File name or document id.
        quote: Words that stand in the document; None when the file gives none.
        start: First code point in the document's canonical text; None likewise.
        end: One past the last; None likewise.
        page: From 1; None likewise.
        grade: How relevant; 0 is judged and not relevant.
    """

    line: int
    document: str
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    page: int | None = None
    grade: int = 1

    @property
    def names_document_only(self) -> bool:
        """Whether no place in the document is given."""
        return self.quote is None and self.start is None and self.page is None


@dataclass(frozen=True, slots=True)
class EvaluationQuestion:
    """A question of the user's own.

    Attributes:
        id: As the file says, else its line, as in ``line 7``.
        text: What is asked.
        relevant: Empty for a question that the documents do not answer.
        group: By which results are also shown; empty for none.
        answers: Accepted answers, any of which is right; retrieval does not look at them.
        unanswerable: The file says that the documents do not answer it.
    """

    id: str
    line: int
    text: str
    relevant: tuple[Relevant, ...]
    group: str = ""
    answers: tuple[str, ...] = ()
    unanswerable: bool = False


def read_questions(path: Path) -> list[EvaluationQuestion]:
    """Read a question file, by its suffix: .csv or .tsv, else JSON lines.

    Raises:
        InvalidQuestions: It cannot be read; up to ten errors with their lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidQuestions(f"{path} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    except OSError as error:
        raise InvalidQuestions(f"{path} cannot be read: {error.strerror}.") from error
    rows = _csv_rows(text, path) if path.suffix.lower() in {".csv", ".tsv"} else _json_rows(text)
    questions: dict[tuple[str, str], EvaluationQuestion] = {}
    errors: list[str] = []
    for line, row in rows:
        try:
            question = _question(line, row)
            key = ("id", question.id) if "id" in row else ("question", question.text)
            questions[key] = _joined(questions[key], question) if key in questions else question
        except InvalidQuestions as error:
            errors.append(f"line {line}: {error}")
    if errors:
        more = f"\n... and {len(errors) - _MOST_ERRORS} more" if len(errors) > _MOST_ERRORS else ""
        raise InvalidQuestions(f"{path}:\n" + "\n".join(errors[:_MOST_ERRORS]) + more)
    if not questions:
        raise InvalidQuestions(f"{path} holds no question. Write one in each line, see docs/evaluation.md.")
    return list(questions.values())


def _json_rows(text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            yield (
                number,
                {"error": f"not JSON: {error.msg} at character {error.pos + 1}. One object each line."},
            )
            continue
        if not isinstance(row, dict):
            yield (
                number,
                {"error": 'a JSON object is needed, such as {"question": "...", "document": "a.pdf"}.'},
            )
            continue
        yield number, {name: value for name, value in row.items() if value is not None}


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, Row]]:
    first = text.split("\n", 1)[0]
    # Spreadsheets of some countries write semicolons.
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    if "question" not in names:
        raise InvalidQuestions(
            f"{path} has no column 'question' in its first line, which is {first.strip()[:80]!r}."
        )
    reader.fieldnames = names
    try:
        for row in reader:
            if None in row:
                yield (
                    reader.line_num,
                    {"error": f"more cells than the {len(names)} columns of the first line."},
                )
                continue
            yield reader.line_num, {name: cell.strip() for name, cell in row.items() if cell and cell.strip()}
    except csv.Error as error:
        yield reader.line_num, {"error": f"not CSV: {error}."}


def _question(line: int, row: Row) -> EvaluationQuestion:
    if "error" in row and "question" not in row:
        raise InvalidQuestions(row["error"])
    row = _plain_names(row)
    text = row.get("question")
    if not isinstance(text, str) or not text.strip():
        raise InvalidQuestions("'question' is missing or empty.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidQuestions("'question' holds half of a surrogate pair, which is no character.")
    given = [name for name in _PLACE_FIELDS if name in row]
    listed = row.get("relevant")
    if listed is not None and given:
        raise InvalidQuestions(
            f"'relevant' and {given[0]!r} stand beside one another; put all into 'relevant'."
        )
    if listed is not None and not isinstance(listed, list):
        raise InvalidQuestions("'relevant' must be a list.")
    if listed is None:
        listed = [{name: row[name] for name in given}] if given else []
    return _consistent(
        EvaluationQuestion(
            id=str(row.get("id", f"line {line}")),
            line=line,
            text=text.strip(),
            relevant=tuple(_relevant(line, each) for each in listed),
            group=str(row.get("group", "")),
            answers=_answers(row),
            unanswerable=_truth(row, "unanswerable"),
        )
    )


def _consistent(question: EvaluationQuestion) -> EvaluationQuestion:
    """The question, unless it says that nothing answers it and names what does."""
    answered = question.answers or any(each.grade > 0 for each in question.relevant)
    if question.unanswerable and answered:
        raise InvalidQuestions("'unanswerable' and what answers the question contradict one another.")
    return question


def _answers(row: Row) -> tuple[str, ...]:
    """Accepted answers of ``answer`` and ``answers``, each once."""
    listed = row.get("answers", [])
    if isinstance(listed, str):
        listed = listed.split(_ANSWER_MARK)
    if not isinstance(listed, list) or any(isinstance(each, dict | list) for each in listed):
        raise InvalidQuestions("'answers' must be a list of accepted answers.")
    given = [row["answer"], *listed] if "answer" in row else listed
    answers = tuple(dict.fromkeys(str(each).strip() for each in given if each is not None))
    if not all(any(map(str.isalnum, each)) for each in answers):
        raise InvalidQuestions("an accepted answer has neither a letter nor a digit.")
    return answers


def _truth(row: Row, name: str) -> bool:
    value = row.get(name, False)
    if isinstance(value, str | int) and str(value).strip().lower() in _TRUTHS:
        return _TRUTHS[str(value).strip().lower()]
    raise InvalidQuestions(f"{name!r} must be true or false, not {value!r}.")


def _relevant(line: int, given: object) -> Relevant:
    if isinstance(given, str):
        given = {"document": given}
    if not isinstance(given, dict):
        raise InvalidQuestions("what is relevant must be a file name or an object.")
    row = _plain_names({name: value for name, value in given.items() if value is not None})
    unknown = sorted(set(row) - set(_PLACE_FIELDS))
    if unknown:
        raise InvalidQuestions(f"{unknown[0]!r} is not known there. Use {', '.join(_PLACE_FIELDS)}.")
    document, quote = row.get("document"), row.get("quote")
    if not isinstance(document, str) or not document.strip():
        raise InvalidQuestions("'document' is missing: the name or the id of the document that is relevant.")
    if quote is not None and (not isinstance(quote, str) or not any(map(str.isalnum, quote))):
        raise InvalidQuestions("'quote' must be words that stand in the document.")
    start, end = _number(row, "start", 0), _number(row, "end", 1)
    page, grade = _number(row, "page", 1), _number(row, "grade", 0)
    if (start is None) != (end is None):
        raise InvalidQuestions("'start' and 'end' need one another.")
    if start is not None and end is not None and start >= end:
        raise InvalidQuestions(f"'end' ({end}) must be greater than 'start' ({start}).")
    if start is not None and page is not None:
        raise InvalidQuestions("give either 'page' or 'start' and 'end'.")
    return Relevant(line, document.strip(), quote, start, end, page, 1 if grade is None else grade)


def _plain_names(row: Row) -> Row:
    """The fields under their first names; a name that is probably a slip is refused."""
    known = (*_PLACE_FIELDS, *_QUESTION_FIELDS, *_ALIASES)
    found: Row = {}
    for name, value in row.items():
        plain = _ALIASES.get(name, name)
        if plain in found:
            raise InvalidQuestions(f"{name!r} gives {plain!r} a second time.")
        if name not in known and (near := difflib.get_close_matches(name.lower(), known, 1, _SLIP)):
            raise InvalidQuestions(
                f"{name!r} is not known. Is {near[0]!r} meant? Other fields need other names."
            )
        found[plain] = value
    return found


def _number(row: Row, name: str, least: int) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidQuestions(f"{name!r} must be a whole number from {least}, not {value!r}.")
    return value


def _joined(first: EvaluationQuestion, other: EvaluationQuestion) -> EvaluationQuestion:
    """One question of two rows that agree in all but what is relevant."""
    if first.text != other.text:
        raise InvalidQuestions(f"id {other.id!r} belongs to another question in line {first.line}.")
    if other.group and first.group not in {"", other.group}:
        raise InvalidQuestions(f"the same question is in group {first.group!r} in line {first.line}.")
    return _consistent(
        replace(
            first,
            relevant=first.relevant + tuple(each for each in other.relevant if each not in first.relevant),
            group=first.group or other.group,
            answers=tuple(dict.fromkeys((*first.answers, *other.answers))),
            unanswerable=first.unanswerable or other.unanswerable,
        )
    )
