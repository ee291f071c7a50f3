"""``footnote eval retrieval``, run as a person runs it, from files to the report."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from api.evaluation.configure import Configuration, names
from api.settings import Settings
from rag.evaluation.errors import InvalidComparison
from tests.api.test_cli import ROOT, environment, run

if TYPE_CHECKING:
    from pathlib import Path

RULES = "# Lending\n\nMembers may borrow seven books at a time. A late book costs 50 cents a day.\n\n"
GARDEN = "The garden opens in May. Roses are pruned in March. Nobody may pick the apples.\n\n"
FILLER = "".join(f"Shelf {number} holds volumes about subject {number * 7}.\n\n" for number in range(40))
PAGE = f"<html><head><title>Garden</title></head><body><p>{GARDEN}</p></body></html>"
QUESTIONS = [
    {
        "question": "How many books may members borrow?",
        "document": "rules.md",
        "quote": "Members may borrow\nseven books",
        "group": "books & $5",
    },
    {"question": "What <b>zebra</b>?", "document": "rules.md", "quote": "Shelf 33 holds volumes"},
    {
        "question": "When does the garden open?",
        "document": "garden.html",
        "quote": "The garden opens in May.",
    },
    {"question": "When are roses pruned?", "document": "garden.html", "quote": "Roses are cut in March"},
    {"question": "Who is the mayor?"},
    {"question": "What is in the annex?", "document": "annex.pdf"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus with its question file inside, as people keep them."""
    place = tmp_path_factory.mktemp("evaluation")
    corpus = place / "corpus"
    corpus.mkdir()
    (corpus / "rules.md").write_text(RULES + FILLER)
    (corpus / "garden.html").write_text(PAGE)
    lines = [json.dumps(question) for question in QUESTIONS]
    (corpus / "questions.jsonl").write_text("\n".join(lines) + "\n")
    (place / "sheet.csv").write_text(
        "question;document;page\nWhen does the garden open?;garden.html;\nWhat of a late book?;rules.md;\n"
    )
    return place


@pytest.fixture(scope="module")
def report(folder: Path) -> tuple[str, dict[str, object], Path]:
    """Two configurations that need two ingestions, compared: what was printed, the JSON, and the folder."""
    done = run(
        folder, "eval", "retrieval", "--questions", "corpus/questions.jsonl", "--corpus", "corpus",
        "--budgets", "100,200", "--compare", "max_tokens=32", "--compare", "mode=lexical", "--out", "out",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "out" / "report.json").read_text()), folder / "out"


def test_the_terminal_says_what_was_measured_and_what_was_not(
    report: tuple[str, dict[str, object], Path],
) -> None:
    """Tables for both configurations, the questions counted, and every problem with its line."""
    printed = " ".join(report[0].split())

    assert "hold the questions: questions.jsonl" in printed
    assert "2 documents" in printed
    assert "mode=hybrid, max_tokens=128" in printed
    assert "recall, 100 characters" in printed
    assert (
        "4 of 6 questions measured, 3 of them in characters; 1 with nothing relevant; 1 left out." in printed
    )
    assert "line 4: garden.html: 'Roses are cut in March' does not stand in its text" in printed
    assert "line 6: No document 'annex.pdf'" in printed
    assert "Written to out: report.html, report.json, recall.svg, kinds.svg, groups.svg" in printed


def test_the_json_has_versions_settings_means_and_rows(report: tuple[str, dict[str, object], Path]) -> None:
    """Everything that a program needs to compare runs, down to each question."""
    found = report[1]
    first, second = found["configurations"]  # type: ignore[misc]

    assert found["versions"]["python"] == sys.version.split()[0]  # type: ignore[index]
    assert found["questions"]["measured"] == 4  # type: ignore[index]
    assert found["questions"]["nothing_relevant"] == ["line 5"]  # type: ignore[index]
    assert (first["settings"]["max_tokens"], second["settings"]["max_tokens"]) == (128, 32)
    assert (first["settings"]["mode"], second["settings"]["mode"]) == ("hybrid", "lexical")
    assert second["passages"] > first["passages"]
    assert [problem["line"] for problem in first["problems"]] == [4, 6]
    assert set(first["by_kind"]) == {"HTML", "Markdown"}
    assert set(first["by_group"]) == {"books & $5", "no group"}
    for configuration in (first, second):
        estimate = configuration["means"]["recall_200_characters"]
        values = [
            row["results"][configuration["name"]]["values"].get("recall_200_characters")
            for row in found["rows"]  # type: ignore[attr-defined]
        ]
        values = [value for value in values if value is not None]
        assert estimate["count"] == len(values) == 3
        assert estimate["mean"] == pytest.approx(sum(values) / 3)
        assert 0 <= estimate["low"] <= estimate["mean"] <= estimate["high"] <= 1
    assert first["means"]["documents_RR"]["count"] == 4
    assert second["means"]["recall_200_characters"]["mean"] > 0.5
    comparison = found["comparisons"]["recall_200_characters"]  # type: ignore[index]
    assert comparison["wins"] + comparison["losses"] + comparison["ties"] == 3
    assert 0 < comparison["p"] <= 1


def test_the_offsets_in_the_json_are_those_of_the_text(report: tuple[str, dict[str, object], Path]) -> None:
    """A Markdown file is its own canonical text, so the places can be checked against the file."""
    rows = report[1]["rows"]
    place = rows[0]["relevant"][0]  # type: ignore[index]

    assert RULES[place["start"] : place["end"]] == "Members may borrow seven books"


def test_the_page_needs_nothing_else_and_escapes(report: tuple[str, dict[str, object], Path]) -> None:
    """Questions are shown as they are written, drawings are inside, and nothing is fetched or run."""
    page = (report[2] / "report.html").read_text()

    assert "What &lt;b&gt;zebra&lt;/b&gt;?" in page
    assert "<b>zebra" not in page
    assert "books &amp; $5" in page
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "<script" not in page
    assert "http" not in page
    assert "Roses are cut in March" in page


def test_the_drawings_are_svg_with_their_words(report: tuple[str, dict[str, object], Path]) -> None:
    """Each is well-formed and says what it shows, with names as they are."""
    texts = {}
    for name in ("recall", "kinds", "groups"):
        root = ET.parse(report[2] / f"{name}.svg").getroot()
        texts[name] = "".join(root.itertext())

        assert root.tag.endswith("svg")
        assert "mode=lexical, max_tokens=32" in texts[name]
    assert "budget of retrieved characters" in texts["recall"]
    assert "Markdown  (2)" in texts["kinds"]
    assert "books & $5  (1)" in texts["groups"]


def test_the_sample_handbook(tmp_path: Path) -> None:
    """The example of docs/evaluation.md: every place that its questions name is found in the ingested files."""
    handbook = ROOT / "docs" / "handbook"

    done = run(
        tmp_path, "eval", "retrieval", "--questions", handbook / "questions.jsonl", "--corpus", handbook,
        "--budgets", "500,1000,2000",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "18 of 24 questions measured, 18 of them in characters; 6 with nothing relevant." in done.stdout
    found = json.loads((tmp_path / "footnote-eval" / "report.json").read_text())
    (only,) = found["configurations"]
    assert only["problems"] == []
    assert set(only["by_kind"]) == {"HTML", "Markdown", "PDF", "Word"}
    assert only["means"]["recall_2000_characters"]["mean"] > 0.9
    assert found["comparisons"] == {}


def test_a_collection_as_it_is(folder: Path) -> None:
    """Without --corpus the data folder is asked; a table without places is measured by documents."""
    ingested = run(folder, "ingest", "corpus/rules.md", "corpus/garden.html", "--data", "data", "-c", "shop")
    assert ingested.returncode == 0, ingested.stderr
    arguments = ("eval", "retrieval", "--questions", "sheet.csv", "--data", "data", "-c", "shop")

    done = run(folder, *arguments, "--compare", "weights.dense=0.9", "--top-k", "1", "--out", "two")
    again = run(folder, *arguments, "--compare", "max_tokens=64")
    other = run(folder, "eval", "retrieval", "--questions", "sheet.csv", "--data", "data", "-c", "none")

    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "two" / "report.json").read_text())
    assert found["settings"]["primary"] == "documents_nDCG@10"
    assert found["configurations"][1]["settings"]["weights.dense"] == 0.9
    assert found["configurations"][0]["means"]["documents_nDCG@10"]["mean"] == 1
    assert "max_tokens" not in found["configurations"][0]["settings"]
    assert not (folder / "two" / "recall.svg").exists()
    assert "for 2 questions 1 passages hold fewer than 8,000 characters" in " ".join(done.stdout.split())
    assert again.returncode == 2
    assert "Give them with --corpus" in again.stderr
    assert other.returncode == 2
    assert "There is no such collection" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--compare", "size=3"), "give NAME=VALUE, with one of mode, weights.dense"),
        (("--compare", "mode=both"), "mode is one of hybrid, dense, lexical"),
        (("--compare", "mode=hybrid"), "that is the first configuration"),
        (("--budgets", "2000,many"), "numbers of characters with commas"),
        (("--data", "nowhere"), "nowhere is not a data folder"),
    ],
)
def test_mistakes_end_with_a_message(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """Nothing is ingested, nothing is written, and what to change is said."""
    done = run(folder, "eval", "retrieval", "--questions", "sheet.csv", *arguments, "--out", "never")

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "never").exists()
    assert not (folder / "nowhere").exists()


def test_a_wrong_question_file_is_named_with_its_line(folder: Path) -> None:
    """Before anything is ingested."""
    (folder / "wrong.jsonl").write_text('{"question": "Fine?"}\n{"question": 7}\n')

    done = run(folder, "eval", "retrieval", "--questions", "wrong.jsonl", "--corpus", "corpus")

    assert done.returncode == 2
    assert "line 2: 'question' is missing" in done.stderr
    assert "ingested" not in done.stdout


def test_missing_libraries_are_named() -> None:
    """Without the extra the command says what to install."""
    program = (
        "import sys, runpy\n"
        "sys.modules['ir_measures'] = None\n"
        f"sys.argv = ['footnote', 'eval', 'retrieval', '--questions', {str(ROOT / 'README.md')!r}]\n"
        "runpy.run_module('api.cli', run_name='__main__')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "Install them with: pip install ir-measures (" in done.stderr


def test_help_loads_no_library() -> None:
    """The options are shown without matplotlib, scipy or a model."""
    heavy = ("torch", "matplotlib", "scipy", "ir_measures", "numpy", "sqlalchemy")
    program = (
        "import sys, runpy\n"
        "sys.argv = ['footnote', 'eval', 'retrieval', '--help']\n"
        "try:\n    runpy.run_module('api.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print('LOADED', [name for name in {heavy!r} if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "LOADED []" in done.stdout
    assert "--compare" in done.stdout


def test_settings_of_every_stage_can_be_compared() -> None:
    """Search, cutting and embedding; values are read as the type of the setting and checked."""
    first = Configuration.of(Settings(_env_file=None), "hybrid")  # type: ignore[call-arg]

    second = first.changed(["weights.dense=0.7", "candidates=30", "precision=float32", "max_tokens=64"])

    assert second.retrieve.weights == {"dense": 0.7, "lexical": 0.5}
    assert (second.retrieve.candidates, second.chunk.max_tokens, second.embed.precision) == (
        30,
        64,
        "float32",
    )
    assert first.needs != second.needs
    assert first.needs == first.changed(["mode=dense"]).needs
    assert names(first, first.changed(["mode=dense"])) == ("mode=hybrid", "mode=dense")
    for wrong in (
        "candidates=many",
        "candidates=-1",
        "candidates=0",
        "precision=int3",
        "weights=1",
        "candidates",
    ):
        with pytest.raises(InvalidComparison, match=wrong.partition("=")[0]):
            first.changed([wrong])
