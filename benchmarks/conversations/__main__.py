"""The command line."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import benchmarks.conversations
from benchmarks.conversations.sets import SETS
from benchmarks.report import (
    Checks,
    add_result_argument,
    data_folder,
    print_table,
    progress,
    require,
    write_result,
)
from benchmarks.retrieval.library import Library, ingestion_digest
from benchmarks.retrieval.systems import Service
from rag.conversation import standalone
from rag.types import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.conversations.compose import Case
    from benchmarks.conversations.sets import TalkSet

ROOT = Path(__file__).resolve().parents[2]
# Kinds that need no other turn: they must stay what they are.
WHOLE = ("same subject", "other subject")
HALF_WAY = 0.5
# What must be half way. Single kinds are shown: of some the bare follow-ups find nearly all, and there is hardly a way.
MIXED = ("follow-ups", "mixed turns")
# How much of the full questions' figure may be lost where nothing was to be done.
HARMLESS = 0.02
_DRAWS = 1000
_SEED = 3
Row = dict[str, float]


def rewritten(case: Case) -> str:
    """What the service searches for."""
    return standalone(Question(case.follow_up, "", history=case.history))


def joined(case: Case) -> str:
    """The plainest way: the follow-up behind the question before."""
    asked = [text for role, text in case.history if role == "user"]
    return f"{asked[-1]} {case.follow_up}"


SYSTEMS: dict[str, Callable[[Case], str]] = {
    "bare": lambda case: case.follow_up,
    "joined": joined,
    "rewritten": rewritten,
    "full": lambda case: case.full.text,
}


def main() -> int:
    """Runs the program; returns its exit status."""
    arguments = _arguments()
    chosen = [each for each in SETS if each.name in arguments.sets.split(",")]
    for each in chosen:
        require(arguments.data, each.needs)
    checks, found = Checks(), {}
    with _folder(arguments.keep) as folder:
        for each in chosen:
            found[each.name] = _one(each, arguments, folder, checks)
            _show(each.name, found[each.name]["kinds"])
    for half in ("train", "test"):
        rows = [
            row for each in chosen if each.half == half and _english(each) for row in found[each.name]["rows"]
        ]
        if rows:
            found[f"all of {half}"] = {"kinds": _kinds(rows)}
            _show(f"all of {half}, English", found[f"all of {half}"]["kinds"])
            _promise(half, found[f"all of {half}"]["kinds"], checks)
    for each in chosen:
        if not _english(each):
            _harmless(each.name, found[each.name]["kinds"], checks)
        if not arguments.rows:
            del found[each.name]["rows"]
    checks.show()
    write_result(
        arguments.out,
        "conversations",
        ROOT,
        {"passed": checks.passed, "checks": checks.as_json(), "sets": found},
    )
    return 0 if checks.passed else 1


def way(rows: Sequence[Row], system: str = "rewritten") -> float | None:
    """How far from the bare follow-up to the full question, 0 to 1; None where there is no way to go."""
    bare, mine, full = (fmean(row[name] for row in rows) for name in ("bare", system, "full"))
    return None if full - bare <= 0 else (mine - bare) / (full - bare)


def interval(rows: Sequence[Row], system: str = "rewritten") -> tuple[float, float] | None:
    """95 % of the bootstrap's ways, over the cases."""
    drawn = random.Random(_SEED)
    ways = [way(drawn.choices(rows, k=len(rows)), system) for _ in range(_DRAWS)]
    known = sorted(each for each in ways if each is not None)
    if len(known) < _DRAWS // 2:
        return None
    return known[int(0.025 * len(known))], known[int(0.975 * len(known))]


def _one(talk: TalkSet, arguments: argparse.Namespace, folder: Path, checks: Checks) -> dict[str, Any]:
    corpus, cases = talk.read(arguments.data)
    if arguments.limit:
        cases = random.Random(_SEED).sample(cases, min(arguments.limit, len(cases)))
    rows = []
    with Library(folder / f"{corpus.name}-{ingestion_digest()}") as library:
        stored = library.fill(corpus, corpus.name)
        service = Service(library, stored, checks)
        for number, case in enumerate(cases):
            texts = {name: write(case) for name, write in SYSTEMS.items()}
            known: dict[str, float] = {}
            for text in texts.values():
                if text not in known:
                    known[text] = talk.measure.value(service, replace(case.full, text=text))
            figures = {name: known[text] for name, text in texts.items()}
            rows.append(
                {"kind": case.kind, **figures, "texts": texts, "before": [t for _, t in case.history]}
            )
            if number % 100 == 0:
                progress(f"{talk.name}: {number} of {len(cases)}")
    return {"half": talk.half, "measure": talk.measure.name, "kinds": _kinds(rows), "rows": rows}


def _kinds(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kinds = sorted({row["kind"] for row in rows})
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in kinds}
    groups["follow-ups"] = [row for row in rows if row["kind"] not in WHOLE]
    groups["mixed turns"] = list(rows)
    return {
        kind: {
            "cases": len(mine),
            **{name: fmean(row[name] for row in mine) for name in SYSTEMS},
            "changed": fmean(row["texts"]["rewritten"] != row["texts"]["bare"] for row in mine),
            **(
                {}
                if kind in WHOLE
                else {"way": way(mine), "interval": interval(mine), "way joined": way(mine, "joined")}
            ),
        }
        for kind, mine in groups.items()
        if mine
    }


def _show(name: str, kinds: dict[str, Any]) -> None:
    print(f"\n{name}")
    header = ["turns", "cases", *SYSTEMS, "changed", "way", "95 %", "way joined"]
    rows = []
    for kind, found in kinds.items():
        between = found.get("interval")
        figures = [found["cases"], *(found[each] for each in SYSTEMS), found["changed"]]
        span = f"{between[0]:.2f}-{between[1]:.2f}" if between else ""
        rows.append([kind, *figures, _figure(found.get("way")), span, _figure(found.get("way joined"))])
    print_table(header, rows)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _promise(half: str, kinds: dict[str, Any], checks: Checks) -> None:
    for kind, found in kinds.items():
        if kind in WHOLE:
            lost = found["full"] - found["rewritten"]
            checks.see(f"{half}: {kind}, nothing lost", lost <= HARMLESS, f"{lost:.3f} lost")
        elif kind in MIXED:
            checks.see(f"{half}: {kind}, at least half way", found["way"] >= HALF_WAY, f"{found['way']:.2f}")


def _harmless(name: str, kinds: dict[str, Any], checks: Checks) -> None:
    for kind, found in kinds.items():
        if kind in (*WHOLE, "mixed turns"):
            lost = found["bare"] - found["rewritten"]
            checks.see(f"{name}: no harm", lost <= HARMLESS, f"{kind}: {lost:.3f} lost")


def _english(talk: TalkSet) -> bool:
    return talk.name.startswith(("squad2", "tatqa", "xquad-en"))


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="footnote-conversations-") as folder:
        yield Path(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conversations", description=benchmarks.conversations.__doc__
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    names = ",".join(each.name for each in SETS)
    parser.add_argument("--sets", default=names, help="with commas; default: %(default)s")
    parser.add_argument("--limit", type=int, help="only so many turns of each set")
    parser.add_argument("--keep", type=Path, help="folder to keep stores in, for the next run")
    parser.add_argument("--rows", action="store_true", help="write each turn into the result file")
    add_result_argument(parser, "conversations")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
