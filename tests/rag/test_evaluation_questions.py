"""Question files: what is read, and what is said about files that are wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rag.evaluation.errors import InvalidQuestions
from rag.evaluation.questions import Relevant, read_questions

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *rows: dict[str, Any] | str, name: str = "questions.jsonl") -> Path:
    """A question file with these lines."""
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_way_to_say_what_is_relevant(tmp_path: Path) -> None:
    """A document alone, a list, a quote, offsets, a page, a grade, and nothing at all."""
    path = write(
        tmp_path,
        {"question": "One?", "document": "a.pdf"},
        {
            "question": "Two?",
            "id": "two",
            "group": "g",
            "relevant": ["a.pdf", {"filename": "b.md", "text": "w w"}],
        },
        "",
        {"question": "Three?", "relevant": [{"document": "c", "start": 0, "end": 9, "grade": 3}]},
        {"question": "Four?", "document_id": "doc_1", "page": 2, "quote": "words", "answer": 5},
        {"question": "None?", "file": None, "answer": None, "kind": "unanswerable", "difficulty": "high"},
    )

    one, two, three, four, none = read_questions(path)

    assert (one.id, one.relevant) == ("line 1", (Relevant(1, "a.pdf"),))
    assert (two.id, two.group) == ("two", "g")
    assert two.relevant == (Relevant(2, "a.pdf"), Relevant(2, "b.md", "w w"))
    assert three.relevant == (Relevant(4, "c", start=0, end=9, grade=3),)
    assert four.relevant == (Relevant(5, "doc_1", "words", page=2),)
    assert four.answers == ("5",)
    assert (none.relevant, none.group) == ((), "unanswerable")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_rows_of_one_question_are_joined(tmp_path: Path, delimiter: str) -> None:
    """A table from any spreadsheet: a byte order mark, its delimiter, empty cells, several rows of a question."""
    rows = [
        ["question", "document", "quote", "page", "grade"],
        ["When?", "a.pdf", '"on ""Monday"""', "3", ""],
        ["Where?", "b.md", "", "", "2"],
        ["When?", "c.pdf", "", "", ""],
        ["Who?", "", "", "", ""],
    ]
    path = tmp_path / "questions.csv"
    path.write_text("\ufeff" + "\r\n".join(delimiter.join(row) for row in rows), encoding="utf-8", newline="")

    when, where, who = read_questions(path)

    assert when.relevant == (Relevant(2, "a.pdf", 'on "Monday"', page=3), Relevant(4, "c.pdf"))
    assert where.relevant == (Relevant(3, "b.md", grade=2),)
    assert who.relevant == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": "a"', "not JSON"),
        ("[1]", "a JSON object is needed"),
        ({"document": "a.pdf"}, "'question' is missing"),
        ({"question": " "}, "'question' is missing"),
        ({"question": "\ud800?"}, "surrogate"),
        ({"question": "a", "quote": "words"}, "'document' is missing"),
        ({"question": "a", "document": "b", "qoute": "words"}, "Is 'quote' meant"),
        ({"question": "a", "relevant": [{"document": "b", "note": "x"}]}, "'note' is not known there"),
        ({"question": "a", "relevant": "b"}, "must be a list"),
        ({"question": "a", "relevant": [3]}, "a file name or an object"),
        ({"question": "a", "relevant": ["b"], "document": "b"}, "beside one another"),
        ({"question": "a", "document": "b", "file": "c"}, "a second time"),
        ({"question": "a", "document": "b", "quote": " ... "}, "must be words"),
        ({"question": "a", "document": "b", "start": 3}, "need one another"),
        ({"question": "a", "document": "b", "start": 3, "end": 3}, "must be greater"),
        ({"question": "a", "document": "b", "start": 3, "end": 5, "page": 1}, "either 'page' or"),
        ({"question": "a", "document": "b", "page": 0}, "whole number from 1"),
        ({"question": "a", "document": "b", "grade": -1}, "whole number from 0"),
        ({"question": "a", "document": "b", "grade": True}, "whole number from 0"),
        ({"question": "a", "document": "b", "page": "three"}, "whole number from 1"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, row: dict[str, Any] | str, message: str) -> None:
    """What is wrong is said with its line."""
    path = tmp_path / "questions.jsonl"
    line = row if isinstance(row, str) else json.dumps(row)
    path.write_text('{"question": "Fine?", "document": "a.pdf"}\n' + line)

    with pytest.raises(InvalidQuestions, match=f"line 2: .*{message}"):
        read_questions(path)


def test_all_errors_are_shown_up_to_ten(tmp_path: Path) -> None:
    """A file of another form is not mended line by line."""
    path = write(tmp_path, *['{"query": 1}'] * 14)

    with pytest.raises(InvalidQuestions) as raised:
        read_questions(path)

    assert str(raised.value).count("\nline ") == 10
    assert "and 4 more" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("q.csv", b"frage,document\nx,y\n", "no column 'question'"),
        ("q.csv", b"question,document\nx,y,z\n", "line 2: more cells"),
        ("q.csv", b'question,document\n"x,y\n', "not CSV"),
        ("q.jsonl", b"\n\n", "holds no question"),
        ("q.csv", b"", "no column 'question'"),
        ("q.jsonl", b"\xff\xfe", "UTF-8"),
    ],
)
def test_files_that_are_no_question_files(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    """Said at once, with what to change."""
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(InvalidQuestions, match=message):
        read_questions(path)


def test_rows_that_contradict_one_another(tmp_path: Path) -> None:
    """One id for two questions, or two groups for one question, is a mistake."""
    same_id = write(tmp_path, {"id": 1, "question": "a?"}, {"id": 1, "question": "b?"})
    with pytest.raises(InvalidQuestions, match="line 2: id '1' belongs to another question in line 1"):
        read_questions(same_id)

    groups = write(tmp_path, {"question": "a?", "group": "x"}, {"question": "a?", "group": "y"})
    with pytest.raises(InvalidQuestions, match="line 2: the same question is in group 'x'"):
        read_questions(groups)


def test_accepted_answers_and_unanswerable_questions(tmp_path: Path) -> None:
    """A single answer, a list, numbers; a question that nothing answers says so."""
    path = write(
        tmp_path,
        {"question": "One?", "answers": ["seven", 7, "seven"], "answer": "VII"},
        {"question": "Two?", "unanswerable": True, "relevant": [{"document": "a", "grade": 0}]},
        {"question": "Three?", "unanswerable": False, "answers": []},
    )

    one, two, three = read_questions(path)

    assert one.answers == ("VII", "seven", "7")
    assert (two.unanswerable, two.answers) == (True, ())
    assert (three.unanswerable, three.answers) == (False, ())


def test_accepted_answers_in_a_table(tmp_path: Path) -> None:
    """Several in a cell with strokes between; rows of one question are joined."""
    path = tmp_path / "sheet.csv"
    path.write_text(
        "question,answers,unanswerable\nOne?,seven | 7,\nOne?,VII,no\nTwo?,,yes\n", encoding="utf-8"
    )

    one, two = read_questions(path)

    assert one.answers == ("seven", "7", "VII")
    assert (one.unanswerable, two.unanswerable) == (False, True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "A?", "unanswerable": True, "answers": ["seven"]}, "contradict one another"),
        ({"question": "A?", "unanswerable": True, "document": "a.md"}, "contradict one another"),
        ({"question": "A?", "unanswerable": "perhaps"}, "must be true or false"),
        ({"question": "A?", "answers": {"a": 1}}, "must be a list"),
        ({"question": "A?", "answers": ["…"]}, "neither a letter nor a digit"),
    ],
)
def test_answers_that_cannot_be_meant(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    """The line is refused, with what is the matter."""
    with pytest.raises(InvalidQuestions, match=f"line 1: .*{message}"):
        read_questions(write(tmp_path, row))
