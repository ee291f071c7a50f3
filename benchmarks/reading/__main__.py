"""Fits and measures what answers by quotation read: sentences, short answers, sufficiency, confidence.

    python -m benchmarks.reading DATA [--sets squad2,clapnq,...] [--fit] [--draw]

Every second article, title, contract, meeting, page or question fits, the others measure; financebench only measures.
Beside that every set is left out in turn, with all else that is fitted to the rest of them. ``--fit`` writes
``rag/models`` and ``rag/calibrations``. ``--choice`` fits the choice of sentences and of short answers too; run that
twice, because what is computed from the choice of sentences is fitted with the choice that was there before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.reading.collect import collect
from benchmarks.reading.draw import draw
from benchmarks.reading.fit import fit_sentences, fit_spans, write
from benchmarks.reading.results import answering, choosing, clauses, probabilities, rated, short_answers
from benchmarks.reading.rows import halves
from benchmarks.reading.sets import DEFAULT, SETS
from benchmarks.reading.sufficiency import LeftOut, fit_sufficiency, left_out, mixture, origin
from benchmarks.reading.tables import write_tables
from benchmarks.reading.unseen import at_targets, kind_figures, unseen_figures
from benchmarks.report import data_folder, write_result
from rag.calibration import load_calibration
from rag.learned import load_linear

if TYPE_CHECKING:
    from benchmarks.reading.rows import Row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Sets whose questions have answers to be chosen; talk, tables and clauses spoilt the choice of sentences.
CHOICE = ("squad2", "clapnq", "chroma")


def fit(rows: dict[str, list[Row]], choice: bool) -> None:
    """Write the models and the calibration."""
    models = ROOT / "rag" / "models"
    parts = {name: halves(part)[0] for name, part in rows.items() if name != "financebench"}
    if choice:
        plain = [row for name in CHOICE for row in parts[name] if origin(row) == "own" and not row.asked.only]
        write(models, fit_sentences(plain))
        write(models, fit_spans([row for row in parts["squad2"] if origin(row) == "own"]))
    model, calibration = fit_sufficiency(parts)
    write(models, model)
    calibration.save(ROOT / "rag" / "calibrations" / f"{calibration.id}.json")
    load_linear.cache_clear()
    load_calibration.cache_clear()


def measure(rows: dict[str, list[Row]], diagrams: Path | None) -> dict[str, Any]:
    """All figures, on what was not fitted on; the diagrams go into a folder, or nowhere."""
    aside = {name: halves(part)[1] if name != "financebench" else part for name, part in rows.items()}
    asked = {name: [row for row in part if origin(row) == "own"] for name, part in aside.items()}
    result: dict[str, Any] = {name: {"choice": choosing(part)} for name, part in asked.items()}
    for name in ("squad2", "clapnq"):
        if name in asked:
            result[name] |= {"confidence": rated(asked[name])}
    if "squad2" in asked:
        result["squad2"] |= {"short": short_answers(asked["squad2"]), "answering": answering(asked["squad2"])}
    if "cuad" in asked:
        result["cuad"] |= {"clauses": clauses(asked["cuad"])}
    both = [row for name in ("squad2", "clapnq") for row in asked.get(name, [])]
    if both:
        result["unseen"] = rated(both)
    result["halves"] = _halves(aside)
    many = {name: part for name, part in rows.items() if name != "financebench"}
    if len(many) > 2:
        found = left_out(many)
        result["unseen_sets"] = unseen_figures(found)
        if diagrams:
            draw(found, diagrams)
    return result


def _halves(aside: dict[str, list[Row]]) -> dict[str, Any]:
    """The shipped confidence on the halves that it was not fitted on, each brought to the mixture of all sets."""
    mixed = {name: mixture(name, part) for name, part in aside.items()}
    rows = [row for part in mixed.values() for row in part]
    names = [name for name, part in mixed.items() for _ in part]
    confidence = {name: probabilities(part) for name, part in mixed.items()}
    shipped = load_calibration()
    together = np.concatenate(list(confidence.values()))
    found = LeftOut(rows, np.array(names), together, together, dict.fromkeys(mixed, shipped))
    return {
        "sets": {
            name: kind_figures(part, confidence[name], shipped.abstain_below) for name, part in mixed.items()
        },
        "targets": at_targets(found, found.calibrations),
    }


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--sets", default=",".join(DEFAULT), help="some of: %(default)s,financebench")
    parser.add_argument(
        "--per-group", type=int, help="questions of each group, instead of each set's own number"
    )
    parser.add_argument(
        "--fit", action="store_true", help="write a new sufficiency and a new calibration first"
    )
    parser.add_argument(
        "--choice", action="store_true", help="with --fit: the choice of sentences and spans too"
    )
    parser.add_argument("--draw", action="store_true", help="write diagrams and tables into docs/")
    parser.add_argument(
        "--processes", type=int, default=min(2, os.cpu_count() or 1), help="sets read at once"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "reading.json")
    arguments = parser.parse_args()
    names = arguments.sets.split(",")
    if unknown := set(names) - set(SETS):
        parser.error(f"There is no set {', '.join(sorted(unknown))}. There are: {', '.join(SETS)}.")
    if (arguments.fit or arguments.draw) and not set(DEFAULT) <= set(names):
        parser.error(f"--fit and --draw need the sets {', '.join(DEFAULT)}.")
    # Each process reads one set on one core.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        parts = pool.map(partial(collect, data=arguments.data, per_group=arguments.per_group), names)
        rows = {kind: found for part in parts for kind, found in part.items()}
    if arguments.fit:
        fit(rows, arguments.choice)
    result = measure(rows, ROOT / "docs" if arguments.draw else None)
    write_result(arguments.out, "reading", ROOT, result)
    if arguments.draw:
        write_tables(ROOT / "docs" / "confidence.md", result)
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
