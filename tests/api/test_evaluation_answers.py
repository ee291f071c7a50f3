"""``footnote eval answers``, run as a person and a CI job run it, from files to the report and the exit status."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from api.evaluation.answers.configure import AnswerConfiguration
from api.evaluation.configure import changed, values
from api.settings import Settings
from rag.calibration import load_calibration
from rag.config import AnswerConfig, ExtractConfig
from rag.evaluation.errors import InvalidComparison
from tests.api.test_cli import ROOT, run
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from pathlib import Path

RULES = "# Lending\n\nMembers may borrow seven books at a time. A late book costs 50 cents a day.\n\n"
GARDEN = "The garden opens in May. Roses are pruned in March. Nobody may pick the apples.\n\n"
PAGE = f"<html><head><title>Garden</title></head><body><p>{GARDEN}</p></body></html>"
QUESTIONS = [
    {
        "question": "How many books may members borrow at a time?",
        "document": "rules.md",
        "quote": "Members may borrow seven books at a time.",
        "answers": ["seven books", "7"],
        "group": "books & $5",
    },
    {"question": "What does a late book cost a day?", "answers": ["fifty euros"]},
    {"question": "When does the <b>garden</b> open?", "document": "garden.html", "quote": "opens in May"},
    {"question": "Who insures the zeppelin of the emperor?", "unanswerable": True},
    {"question": "What is in the annex?", "document": "annex.pdf"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus with its question file inside, as people keep them."""
    place = tmp_path_factory.mktemp("answers")
    corpus = place / "corpus"
    corpus.mkdir()
    (corpus / "rules.md").write_text(RULES)
    (corpus / "garden.html").write_text(PAGE)
    lines = [json.dumps(question) for question in QUESTIONS]
    (corpus / "questions.jsonl").write_text("\n".join(lines) + "\n")
    ingested = run(place, "ingest", "corpus/rules.md", "corpus/garden.html", "--data", "data")
    assert ingested.returncode == 0, ingested.stderr
    return place


@pytest.fixture(scope="module")
def report(folder: Path) -> tuple[str, dict[str, Any], Path]:
    """Two configurations compared, with a threshold that is kept: what was printed, the JSON, and the folder."""
    done = run(
        folder, "eval", "answers", "--questions", "corpus/questions.jsonl", "--corpus", "corpus",
        "--compare", "abstain_below=0.99", "--require", "quotes_exact>=1", "--require", "citation_recall>=0.9",
        "--out", "out",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout, json.loads((folder / "out" / "report.json").read_text()), folder / "out"


def test_the_terminal_says_what_was_measured_and_what_was_not(
    report: tuple[str, dict[str, Any], Path],
) -> None:
    """Figures of both configurations with the names that thresholds use, counts, and every problem."""
    printed = " ".join(report[0].split())

    assert "hold the questions: questions.jsonl" in printed
    assert "right outcome accuracy" in printed
    assert "abstain_below=None" in printed
    assert "of 3 answerable questions answered" in printed
    assert "1 of 1 unanswerable questions not answered, as they should." in printed
    assert "1 questions left out, because what they name is not in the corpus." in printed
    assert "quotes are the stored text, to the letter." in printed
    assert "Fewer than 100 judged answers say little about calibration." in printed
    assert "line 5: No document 'annex.pdf'" in printed
    assert printed.endswith("2 of 2 requirements kept.")


def test_the_json_has_every_answer_and_what_was_thought_of_it(
    report: tuple[str, dict[str, Any], Path],
) -> None:
    """What a program needs to follow a figure down to the claim."""
    found = report[1]
    first, second = found["configurations"]
    rows = {row["question"]: row for row in found["rows"]}
    books = rows[QUESTIONS[0]["question"]]["results"][first["name"]]
    held = rows[QUESTIONS[0]["question"]]["results"][second["name"]]

    assert found["measures"] == "answers"
    assert found["questions"] | {"sha256": ""} == {
        "file": "questions.jsonl",
        "sha256": "",
        "total": 5,
        "asked": 4,
        "answerable": 3,
        "unanswerable": 1,
    }
    assert (first["settings"]["abstain_below"], second["settings"]["abstain_below"]) == (None, 0.99)
    assert books["right"] is True
    assert books["values"]["contained"] == 1
    assert books["answer"]["claims"][0]["verdict"] == "supported"
    cited = books["answer"]["citations"][0]
    assert RULES[cited["start"] : cited["end"]] == "Members may borrow seven books at a time."
    # The second configuration says nothing at all, and what it withheld is judged all the same.
    assert held["answer"]["abstained"] is True
    assert held["withheld"]["claims"][0]["text"] == "Members may borrow seven books at a time."
    assert (held["right"], held["confidence"]) == (True, books["confidence"])
    assert second["figures"]["over_abstention"]["mean"] == 1
    assert second["figures"]["ece"] == first["figures"]["ece"]
    assert rows[QUESTIONS[1]["question"]]["results"][first["name"]]["right"] is False
    assert found["comparisons"]["over_abstention"]["wins"] == 0
    assert found["comparisons"]["over_abstention"]["losses"] >= 1
    assert set(first["by_kind"]) == {"HTML", "Markdown"}
    assert first["figures"]["quotes_exact"]["mean"] == 1
    assert first["misquotes"] == []
    assert first["risk_coverage"][-1]["coverage"] == 1
    assert sum(part["count"] for part in first["reliability"]) == len(first["risk_coverage"])


def test_the_page_needs_nothing_else_and_escapes(report: tuple[str, dict[str, Any], Path]) -> None:
    """Questions and answers are shown as they are written, drawings are inside, and nothing is fetched or run."""
    page = (report[2] / "report.html").read_text()

    assert "What does a late book cost a day?" in page
    assert "fifty euros" in page
    assert "<b>garden" not in page
    assert page.count("data:image/svg+xml;base64,") == 4
    assert "<script" not in page
    assert "http" not in page


def test_the_drawings_are_svg_with_their_words(report: tuple[str, dict[str, Any], Path]) -> None:
    """Each is well-formed and says what it shows."""
    for name, says in (("reliability", "share of right answers"), ("risk", "share of wrong answers")):
        root = ET.parse(report[2] / f"{name}.svg").getroot()

        assert root.tag.endswith("svg")
        assert says in "".join(root.itertext())


def test_a_requirement_that_is_not_kept_fails_the_job(folder: Path) -> None:
    """Exit status 1, a plain sentence for each at the end, and the report is written all the same."""
    done = run(
        folder, "eval", "answers", "--questions", "corpus/questions.jsonl", "--data", "data",
        "--require", "f1 >= 0.99", "--require", "cost_usd<=1", "--require", "quotes_exact>=1", "--out", "failing",
    )  # fmt: skip
    printed = " ".join(done.stdout.split())

    assert done.returncode == 1, done.stderr
    assert re.search(r"Token F1 \(f1\) is 0\.\d+, but must be at least 0\.99\.", printed)
    assert "US dollars for a question (cost_usd) could not be measured" in printed
    assert printed.endswith("1 of 3 requirements kept.")
    assert "Traceback" not in done.stderr
    found = json.loads((folder / "failing" / "report.json").read_text())
    assert [each.split()[0] for each in found["shortfalls"]] == ["Token", "US"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--require", "precision>=0.9"),
            "give FIGURE>=NUMBER or FIGURE<=NUMBER, with one of accuracy, right",
        ),
        (("--mode", "generative"), "Set FOOTNOTE_GATEWAY_URL"),
        (("--mode", "both"), "mode is one of auto, extractive, generative"),
        (("--compare", "max_tokens=64"), "Give them with --corpus"),
        (("--compare", "calibration=none.json"), "none.json cannot be read"),
    ],
)
def test_mistakes_end_with_a_message(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """Nothing is asked, nothing is written, and what to change is said."""
    done = run(
        folder, "eval", "answers", "--questions", "corpus/questions.jsonl", "--data", "data", *arguments,
        "--out", "never",
    )  # fmt: skip

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "never").exists()


def test_answers_of_a_model(folder: Path) -> None:
    """Unsupported claims are counted, costs are added up, and a question that ends in an error is one."""

    def cite(sent: dict[str, list[dict[str, str]]]) -> str:
        asked = sent["messages"][-1]["content"]
        if "garden" in asked:
            return "The moon is made of green cheese."
        key = re.search(r'<source key="(\w+)"[^>]*>\n[^<]*seven books', sent["messages"][0]["content"])
        assert key
        return f"Members may borrow seven books at a time [{key[1]}]."

    scenes = [Scene.answer(cite)] * 3 + [Scene.refusal(400)]
    with ScriptedGateway(scenes) as gateway:
        done = run(
            folder, "eval", "answers", "--questions", "corpus/questions.jsonl", "--data", "data",
            "--out", "model", "--require", "failed<=0", FOOTNOTE_GATEWAY_URL=gateway.url,
        )  # fmt: skip
    printed = " ".join(done.stdout.split())

    assert done.returncode == 1, done.stderr
    assert "The questions go to gpt-4.1-mini at the gateway." in printed
    assert "1 questions ended in an error. The first:" in printed
    assert "Ended in an error (failed) is 0.25, but must be at most 0." in printed
    assert "US dollars." in printed
    found = json.loads((folder / "model" / "report.json").read_text())
    (only,) = found["configurations"]
    assert only["figures"]["cost_usd"]["mean"] > 0
    results = [row["results"][only["name"]] for row in found["rows"]]
    assert results[0]["values"]["citation_recall"] == 1
    assert results[0]["answer"]["mode"] == "generative"
    assert "error" in results[3]


def test_a_gateway_that_never_answers_stops_the_evaluation(folder: Path) -> None:
    """Not every question of a long file has to fail first."""
    many = [json.dumps({"question": f"Question {at}?"}) for at in range(40)]
    (folder / "many.jsonl").write_text("\n".join(many))

    with ScriptedGateway([Scene.refusal(400)]) as gateway:
        done = run(
            folder, "eval", "answers", "--questions", "many.jsonl", "--data", "data",
            FOOTNOTE_GATEWAY_URL=gateway.url,
        )  # fmt: skip

        assert len(gateway.requests) <= 6
    assert done.returncode == 2
    assert "The first 5 questions all ended in an error." in done.stderr


def test_settings_of_every_stage_can_be_compared(tmp_path: Path) -> None:
    """Answering, search, cutting and embedding; a calibration is read from its file and shown by its id."""
    first = AnswerConfiguration.of(Settings(_env_file=None), "auto", 10)  # type: ignore[call-arg]
    load_calibration().save(tmp_path / "own.json")

    second = first.changed(
        [
            "mode=extractive",
            "top_k=3",
            "max_sentences=4",
            "abstain_below=0.3",
            f"calibration={tmp_path / 'own.json'}",
        ]
    )

    assert (second.mode, second.top_k, second.extract.max_sentences) == ("extractive", 3, 4)
    assert second.answer.abstain_below == 0.3
    assert second.values()["calibration"] == load_calibration().id
    assert first.values()["calibration"] is None
    assert first.needs == second.needs
    for wrong in ("top_k=0", "mode=both", "abstain_below=low", "speed=9"):
        with pytest.raises(InvalidComparison, match=wrong.partition("=")[0]):
            first.changed([wrong])


def test_settings_inside_settings_can_be_compared() -> None:
    """A dataclass of settings in another one is named with a point, and read as its own annotations say."""

    @dataclass(frozen=True)
    class Outer:
        part: AnswerConfig
        weights: ExtractConfig

    @dataclass(frozen=True)
    class Whole:
        mode: str
        outer: Outer

        def values(self) -> dict[str, Any]:
            return values(self, ("mode",), ("outer",))

    first = Whole("a", Outer(AnswerConfig(), ExtractConfig()))

    second = changed(first, ["part.nearest=5", "mode=b"], {"mode": str}, ("outer",))

    assert first.values()["part.nearest"] == 3
    assert (second.outer.part.nearest, second.mode) == (5, "b")
    assert second.outer.weights == first.outer.weights
    with pytest.raises(InvalidComparison, match=r"part\.nearest=few|nearest=few"):
        changed(first, ["part.nearest=few"], {"mode": str}, ("outer",))


def test_the_sample_handbook(tmp_path: Path) -> None:
    """The example of docs/evaluation.md: every question is asked and judged, and nothing is misquoted."""
    handbook = ROOT / "docs" / "handbook"

    done = run(
        tmp_path, "eval", "answers", "--questions", handbook / "questions.jsonl", "--corpus", handbook,
        "--require", "quotes_exact>=1", "--require", "citation_recall>=0.9",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads((tmp_path / "footnote-eval" / "report.json").read_text())
    assert (found["questions"]["asked"], found["questions"]["unanswerable"]) == (24, 6)
    assert found["configurations"][0]["figures"]["accuracy"]["count"] == 24
