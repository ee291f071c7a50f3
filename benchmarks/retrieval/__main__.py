"""The command line."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchmarks.retrieval
from benchmarks.report import (
    Checks,
    add_result_argument,
    commit,
    data_folder,
    progress,
    require,
    write_result,
)
from benchmarks.retrieval import characters, documents, pages
from benchmarks.retrieval.encoder import MiniLm
from benchmarks.retrieval.library import Library, ingestion_digest
from benchmarks.retrieval.plot import draw
from benchmarks.retrieval.run import limited, measure
from benchmarks.retrieval.show import show_ablations, show_set
from benchmarks.retrieval.summary import summarise
from benchmarks.retrieval.systems import BASELINE, BUDGET, LETTER, SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.retrieval.types import TestSet

ROOT = Path(__file__).resolve().parents[2]
SETS = {
    test.name: test
    for test in (
        characters.CHROMA,
        characters.QMSUM,
        characters.SQUAD,
        documents.XQUAD,
        documents.COOKBOOK,
        documents.CRANFIELD,
        documents.CISI,
        pages.TATQA,
        pages.FINANCEBENCH,
        documents.SCIFACT,
    )
}


def main() -> int:
    """Runs the program; returns its exit status."""
    arguments = _arguments()
    tests = [SETS[name] for name in arguments.sets.split(",")]
    for test in tests:
        require(arguments.data, *test.needs)
    checks, found = Checks(), _earlier(arguments.out) if arguments.add else {}
    checks.expect(LETTER, *([BUDGET] if any(test.curve for test in tests) else []))
    # Asked before the result file changes the tree.
    tree = commit(ROOT)
    with _folder(arguments.keep) as folder:
        model = MiniLm(folder / "baseline.npz")
        for test in tests:
            found[test.name] = {"commit": tree, **_one(test, arguments, folder, model, checks)}
            show_set(found[test.name])
            # Written after each set, so that a run that is broken off has not been for nothing.
            _write(arguments.out, found, checks)
    if arguments.ablations:
        show_ablations({test.name: found[test.name] for test in tests})
    curves = {each["title"].partition(":")[0]: each["curve"] for each in found.values() if each["curve"]}
    if curves:
        drawing = arguments.out.with_suffix(".svg")
        draw(curves, drawing)
        print(f"Drawn in {drawing}")
    checks.show()
    return 0 if checks.passed else 1


def _one(
    test: TestSet, arguments: argparse.Namespace, folder: Path, model: MiniLm, checks: Checks
) -> dict[str, Any]:
    corpora = limited(test.read(arguments.data), arguments.limit)
    progress(f"{test.name}: {sum(len(each.documents) for each in corpora)} documents")
    with Library(folder / f"{test.name}-{ingestion_digest()}") as library:
        outcome = measure(test, corpora, library, model, checks, ablate=arguments.ablations)
    found = summarise(test, outcome)
    if arguments.limit is None:
        for name in test.primary:
            ours, plain = (found["systems"][system][name]["mean"] for system in (SERVICE, BASELINE))
            why = f"{ours:.3f} against {plain:.3f}"
            checks.see(f"{test.name}: {name} is not below the plain hybrid", ours >= plain, why)
    return found


def _write(out: Path, found: dict[str, Any], checks: Checks) -> None:
    body = {"passed": checks.passed, "checks": checks.as_json(), "sets": found}
    write_result(out, "retrieval", ROOT, body)


def _earlier(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))["sets"] if out.exists() else {}
    return found


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="footnote-retrieval-") as folder:
        yield Path(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retrieval",
        description=benchmarks.retrieval.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--sets", default=",".join(SETS), help="with commas; default: %(default)s")
    parser.add_argument("--ablations", action="store_true", help="also ask without one idea at a time")
    parser.add_argument("--limit", type=int, help="ask only about so many questions of each set")
    parser.add_argument("--keep", type=Path, help="folder to keep stores in, for the next run")
    parser.add_argument("--add", action="store_true", help="keep the other sets of the result file")
    add_result_argument(parser, "retrieval")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.sets.split(",")) - set(SETS))
    if unknown:
        parser.error(f"--sets: there is no {', '.join(unknown)}; choose from {', '.join(SETS)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
