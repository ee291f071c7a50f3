"""Tables of the figures, written between marks into the documentation, so that no figure is copied by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = {
    "squad2": "SQuAD 2.0",
    "clapnq": "CLAP NQ",
    "chroma": "Chroma's corpora",
    "cuad": "clauses of one contract",
    "clauses": "clauses of a contract named in the question",
    "qmsum": "meetings (QMSum)",
    "xquad": "XQuAD, English",
    "tatqa": "tables (TAT-QA)",
    "financebench": "filings (FinanceBench)",
}


def write_tables(page: Path, result: dict[str, Any]) -> None:
    """Replace what stands between ``<!-- reading:NAME -->`` and ``<!-- end -->`` in a page."""
    text = page.read_text(encoding="utf-8")
    for name, lines in (
        ("unseen", _unseen(result["unseen_sets"])),
        ("halves", _halves(result)),
        ("targets", _targets(result)),
        ("withheld", _withheld(result)),
    ):
        mark = re.compile(rf"(<!-- reading:{name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not mark.search(text):
            raise ValueError(
                f"{page} has no place for {name}: it needs <!-- reading:{name} --> and <!-- end -->."
            )
        table = "\n".join(["", *lines, "", ""])
        text = mark.sub(lambda found, table=table: f"{found[1]}{table}{found[2]}", text)
    page.write_text(text, encoding="utf-8")


def _unseen(found: dict[str, Any]) -> list[str]:
    rows = [
        "| set left out | questions | mean confidence | right | ECE | ECE if exact | AUROC, right or not |",
        _rule(7),
    ]
    for name, each in found["sets"].items():
        rows.append(
            f"| {_NAMES[name]} | {each['questions']} | {_two(each['confidence'])} | {_two(each['right'])} | "
            f"{_three(each['ece'])} | {_three(each['ece_if_exact'])} | {_three(each['auroc_right'])} |"
        )
    rows.append(
        f"| mean of the sets | | | | {_three(found['mean_ece'])} | {_three(found['mean_ece_if_exact'])} | |"
    )
    rows.append(f"| all together | | | | {_three(found['ece'])} | {_three(found['ece_if_exact'])} | |")
    return rows


def _halves(result: dict[str, Any]) -> list[str]:
    parts = [result["squad2"]["confidence"], result["clapnq"]["confidence"], result["unseen"]]
    lines = [
        ("questions", [str(each["questions"]) for each in parts]),
        ("AUROC, answerable or not", [_interval(each["auroc_answerable"]) for each in parts]),
        ("AUROC, answer right or not", [_interval(each["auroc_right"]) for each in parts]),
        ("ECE, ten equally filled bins", [_three(each["ece"]) for each in parts]),
        ("ECE if exact", [_three(each["ece_if_exact"]) for each in parts]),
    ]
    return [
        "| | SQuAD 2.0, six other articles | CLAP NQ, other half | both |",
        _rule(4),
        *(f"| {name} | {' | '.join(values)} |" for name, values in lines),
    ]


def _targets(result: dict[str, Any]) -> list[str]:
    rows = [
        "| target | sets left out: answered | wrong among them (95 %) | other halves: answered | wrong |",
        _rule(5),
    ]
    for target, each in result["unseen_sets"]["targets"].items():
        half = result["halves"]["targets"][target]
        rows.append(
            f"| {_percent(float(target))} | {_given(each)} | {_wrong(each)} | {_given(half)} | {_wrong(half)} |"
        )
    return rows


def _withheld(result: dict[str, Any]) -> list[str]:
    head = ("set, other half", "given of answers that are right", "withheld: no answer of its own")
    rows = [f"| {' | '.join((*head, 'answer taken away', 'other documents'))} |", _rule(5)]
    for name, each in result["halves"]["sets"].items():
        cells = [each.get(f"withheld_{kind}") for kind in ("own", "held_back", "elsewhere")]
        shown = " | ".join("" if cell is None else _percent(cell) for cell in cells)
        rows.append(f"| {_NAMES[name]} | {_percent(each['given_of_right'])} | {shown} |")
    return rows


def _given(each: dict[str, Any]) -> str:
    return f"{_percent(each['coverage'])} ({each['answers']})"


def _wrong(each: dict[str, Any]) -> str:
    if each["error"] is None:
        return ""
    return f"{_percent(each['error'])} ({_percent(each['low'])}-{_percent(each['high'])})"


def _interval(found: list[float]) -> str:
    return f"{_three(found[0])} ({_three(found[1])}-{_three(found[2])})"


def _three(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _two(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _rule(columns: int) -> str:
    return f"|{'---|' * columns}"
