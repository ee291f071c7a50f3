"""Checks that cannot pass by being empty, percentiles, events, processes and the CUDA test."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.client import parse_events
from benchmarks.demo_figures import cuda_packages
from benchmarks.questions import Question, clause_questions, company_names, deal
from benchmarks.report import Checks, markdown_table, percentile
from benchmarks.server import descendants, identity


def test_a_check_without_cases_fails() -> None:
    """A run that looked at nothing has proved nothing."""
    checks = Checks()
    assert not checks.passed

    checks.expect("quotes")
    checks.see("other", holds=True)
    assert not checks.passed

    checks.see("quotes", holds=True)
    assert checks.passed

    checks.see("quotes", holds=False, why="row 3")
    assert not checks.passed
    assert checks.as_json()[0]["failures"] == ["row 3"]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5.0), (0.95, 10.0), (0.0, 1.0), (1.0, 10.0)])
def test_percentiles_are_nearest_rank(share: float, expected: float) -> None:
    """The p50 of one to ten is the fifth value, the p95 the tenth."""
    assert expected == percentile([float(n) for n in range(10, 0, -1)], share)


def test_tables_are_markdown() -> None:
    """Columns line up and floats have three decimals."""
    assert markdown_table(["a", "b"], [["one", 1 / 3]]) == "| a   | b     |\n|-----|-------|\n| one | 0.333 |"


def test_events_join_data_lines_and_drop_an_unfinished_one() -> None:
    """Comments are skipped, JSON is decoded, and what no blank line ended is not delivered."""
    lines = [": hello", "event: claim", 'data: {"a":', "data: 1}", "", "data: plain", "", "data: lost"]

    events = list(parse_events(lines))

    assert events == [{"event": "claim", "data": {"a": 1}}, {"event": "message", "data": "plain"}]


def test_descendants_of_a_process_are_found_and_their_end_is_seen() -> None:
    """A grandchild is listed while it lives; after its end its identity is empty."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        family = descendants(os.getpid())
        assert child.pid in dict(family)
        assert any(pid != child.pid and (pid, who) in descendants(child.pid) for pid, who in family)
        child.communicate(b"\n")

    assert identity(child.pid) == ""


def test_cuda_packages_are_recognised() -> None:
    """NVIDIA's packages count under any spelling, and torch counts unless it is the CPU build."""
    listed = [("nvidia_cublas", "13"), ("Triton", "3"), ("torch", "2.13.0"), ("numpy", "2.4")]

    assert cuda_packages(listed) == ["Triton 3", "nvidia_cublas 13", "torch 2.13.0"]
    assert cuda_packages([("torch", "2.13.0+cpu"), ("tritonclient-docs", "1")]) == []
    assert cuda_packages([("torch", "2.13.0")], linux=False) == []


def test_company_names_leave_roles_and_prose_out() -> None:
    """Names of companies are kept, the longest first; roles, short forms and sentences are not."""
    clauses = [
        "Licensor",
        "Acme",
        "Acme Works, Inc.",
        "Beta Co.",
        '(each a "Party")',
        "collectively the Parties",
    ]

    assert company_names(clauses) == ["Acme Works, Inc.", "Beta Co."]


def test_clause_questions_name_the_contract_and_its_parties() -> None:
    """A question is made where name, two parties, the clause and the PDF are known, and only there."""
    whole = {"Document Name": ["SUPPLY  AGREEMENT"], "Parties": ["Acme Works, Inc.", "Beta Co."]}
    rows: list[dict[str, object]] = [
        {"file": file, "category": category, "spans": [], "clause": clause}
        for file in ("one.txt", "two.txt")
        for category, clauses in {**whole, "Governing Law": ["the laws of Utah"]}.items()
        for clause in clauses
    ]

    made = clause_questions(rows, {"one": "one.PDF"}, 5, seed=1)

    text = "What is the governing law of the Supply Agreement between Acme Works, Inc. and Beta Co.?"
    assert [Question(text, "cuad", "one.PDF", clause="the laws of Utah")] == made


def test_dealing_takes_each_file_once_before_any_twice() -> None:
    """Questions spread over files and piles, the same for the same seed, and end when all are taken."""
    piles = [[Question(f"{pile}{n}", "s", f"{pile}{n % 2}") for n in range(4)] for pile in "ab"]

    dealt = deal(piles, 4, seed=5)

    assert {"a0", "a1", "b0", "b1"} == {question.filename for question in dealt}
    assert dealt == deal(piles, 4, seed=5)
    assert len(deal(piles, 100, seed=5)) == 8
