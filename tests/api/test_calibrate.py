"""``footnote calibrate``: from judged answers to a confidence of one's own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api.calibrate import from_feedback
from api.deps import CALIBRATION, GENERATIVE_CALIBRATION
from index.store import Store
from rag.calibration import load_calibration, read_calibration
from rag.types import Mode
from tests.api.test_cli import run
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple", "Oak", "Pine", "Rowan", "Yew")


def line(name: str) -> str:
    """A sentence about one of the trees, with a number that belongs to it alone."""
    return f"The {name} stands in row {100 + NAMES.index(name)} of the garden."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder about trees, with questions of which a third are said to have another answer."""
    place = tmp_path_factory.mktemp("calibrate")
    (place / "trees.md").write_text("\n\n".join(line(name) for name in NAMES))
    rows = [
        {"question": f"{asked} {name}{rest}?", "answers": [f"row {row + 100}"]}
        for at, name in enumerate(NAMES)
        for asked, rest, row in (
            ("In which row of the garden stands the", "", at),
            ("Which row of the garden is that of the", "", at),
            ("In which row of the park stood the", " once", at + 50),
        )
    ]
    (place / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    done = run(place, "ingest", "trees.md", "--data", "data")
    assert done.returncode == 0, done.stderr
    return place


def body(answer_id: str, *, abstained: bool = False, mode: str = "extractive") -> dict[str, Any]:
    """A stored answer, as the service stores it."""
    signals = dict.fromkeys(load_calibration().signals, 0.5)
    return {
        "id": answer_id,
        "question": f"Question {answer_id}?",
        "collection": "default",
        "abstained": abstained,
        "mode": mode,
        "confidence": {"value": 0.5, "level": "medium", "signals": signals, "calibration": "test"},
    }


def test_a_dry_run_shows_what_it_would_be_worth(folder: Path) -> None:
    """Both reliabilities, the error before and after, the warning; and nothing changes."""
    done = run(folder, "calibrate", "--questions", "questions.jsonl", "--data", "data", "--dry-run")
    printed = " ".join(done.stdout.split())

    assert done.returncode == 0, done.stderr
    assert "Confidence on 36 judged answers" in printed
    assert "calibration error, ECE" in printed
    assert "Fitted on 36 judged answers; 200 are wanted." in printed
    assert "Dry run: the calibration in use stays as it is." in printed
    assert not (folder / "data" / CALIBRATION).exists()
    found = json.loads((folder / "footnote-calibration" / "report.json").read_text())
    assert sum(part["count"] for part in found["reliability"]["after"]) == 36
    assert found["refitted"] is False
    page = (folder / "footnote-calibration" / "report.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 1


def test_the_calibration_is_used_from_then_on(folder: Path) -> None:
    """It lies in the data folder, and the next answer names it; without the file the shipped one is back."""
    done = run(
        folder, "calibrate", "--questions", "questions.jsonl", "--data", "data", "--force", "--out", "report"
    )
    file = folder / "data" / CALIBRATION
    asked = run(folder, "ask", "In which row of the garden stands the Oak?", "--data", "data", "--json")

    assert done.returncode == 0, done.stderr
    own = read_calibration(file)
    assert own.id.startswith("own-extractive-")
    assert own.answers == 36
    assert "36 to questions of questions.jsonl" in own.fitted_on
    assert json.loads(asked.stdout)["confidence"]["calibration"] == own.id
    assert "Oak" not in file.read_text()
    file.unlink()
    again = run(folder, "ask", "In which row of the garden stands the Oak?", "--data", "data", "--json")
    assert json.loads(again.stdout)["confidence"]["calibration"] == load_calibration().id


def test_feedback_is_what_readers_said_last_and_most_clearly(folder: Path) -> None:
    """Correctness goes before a rating; silence, other modes and other collections are left out."""
    store = Store(folder / "feedback")
    try:
        blob = store.blobs.writer()
        blob.write(b"Text.")
        store.add(blob, collection="default", filename="a.txt")
        collection = store.catalog.collection("default").id
        for name in ("liked", "wrong", "changed"):
            store.answers.save(name, collection, body(name), [])
        store.answers.save("silent", collection, body("silent", abstained=True), [])
        store.answers.save("written", collection, body("written", mode="generative"), [])
        for name, rating, correct in (
            ("liked", 1, None),
            ("wrong", 1, False),
            ("wrong", 1, None),
            ("changed", -1, None),
            ("changed", 1, None),
            ("silent", 1, True),
            ("written", -1, None),
        ):
            store.answers.add_feedback(name, rating, correct=correct, comment=None)

        rated = from_feedback(store.answers, Mode.EXTRACTIVE, None)

        assert {each.question: each.right for each in rated} == {
            "Question liked?": True,
            "Question wrong?": False,
            "Question changed?": True,
        }
        assert rated[0].signals.keys() == set(load_calibration().signals)
        assert [each.right for each in from_feedback(store.answers, Mode.GENERATIVE, "default")] == [False]
        assert from_feedback(store.answers, Mode.EXTRACTIVE, "other") == []
    finally:
        store.close()


def test_each_mode_has_a_calibration_of_its_own(folder: Path) -> None:
    """Ratings of answers by a model calibrate such answers, by the same command; quotations keep theirs."""
    place = folder / "both"
    store = Store(place)
    try:
        blob = store.blobs.writer()
        blob.write(b"Text.")
        store.add(blob, collection="default", filename="a.txt")
        collection = store.catalog.collection("default").id
        for at in range(40):
            name = f"answer{at}"
            store.answers.save(name, collection, body(name, mode="generative"), [])
            store.answers.add_feedback(name, 1 if at % 4 else -1, correct=None, comment=None)
        store.answers.save("quoted", collection, body("quoted"), [])
        store.answers.add_feedback("quoted", 1, correct=None, comment=None)
    finally:
        store.close()
    quoted = replace(load_calibration(), id="own-quotations")
    quoted.save(place / CALIBRATION)

    done = run(folder, "calibrate", "--feedback", "--data", "both", "--out", "report-both")
    with ScriptedGateway([Scene.answer("Text.")]) as server:
        ids = {
            mode: json.loads(
                run(
                    folder, "ask", "What is text?", "--mode", mode, "--data", "both", "--json",
                    FOOTNOTE_GATEWAY_URL=server.url,
                ).stdout
            )["confidence"]["calibration"]
            for mode in Mode
        }  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "1 extractive and 40 generative. Generative ones are calibrated" in " ".join(done.stdout.split())
    own = read_calibration(place / GENERATIVE_CALIBRATION)
    assert (own.mode, own.answers) == ("generative", 40)
    assert ids == {Mode.EXTRACTIVE: "own-quotations", Mode.GENERATIVE: own.id}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--questions FILE, --feedback, or both"),
        (("--feedback", "--data", "data"), "0 judged answers, 0 of them right, are too few"),
        (("--feedback", "--data", "nowhere"), "nowhere is not a data folder"),
        (
            ("--questions", "questions.jsonl", "--data", "nowhere"),
            "nowhere is not a data folder: it has no catalog. Name one with --data, or ingest documents first.",
        ),
        (("--feedback", "--data", "data", "--mode", "both"), "--mode is auto, extractive, generative"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """With what to do, and without a trace in the folder."""
    done = run(folder, "calibrate", *arguments, "--out", "never")

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "never").exists()
    assert not (folder / "nowhere").exists()
    assert not (folder / "data" / CALIBRATION).exists()
