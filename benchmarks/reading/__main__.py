"""Fits and measures what answers by quotation read: sentences, short answers, sufficiency, confidence.

    python -m benchmarks.reading DATA [--sets squad2,clapnq,...] [--fit] [--per-group 100]

Every second article, title, contract or question fits, the others measure; qmsum only measures, and the clauses of
the contracts fit sufficiency alone. ``--fit`` writes
``rag/models`` and ``rag/calibrations``; run it twice, because what is computed from the choice of sentences is fitted
with the choice that was there before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.deps import build
from api.settings import Settings
from benchmarks.reading.fit import fit_sentences, fit_spans, fit_sufficiency, write
from benchmarks.reading.results import answering, choosing, clauses, draw, rated, short_answers
from benchmarks.reading.rows import halves, read
from benchmarks.reading.sets import SETS, ReadingSet, sampled
from benchmarks.report import data_folder, write_result
from rag.calibration import load_calibration
from rag.learned import load_linear

if TYPE_CHECKING:
    from benchmarks.reading.rows import Row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FITTED = ("squad2", "clapnq", "filings", "cuad")


def collect(found: ReadingSet, per_group: int) -> list[Row]:
    """Store a set's documents in a new store and read its questions."""
    with tempfile.TemporaryDirectory() as folder:
        service = build(Settings(data=Path(folder), log_level="warning"))
        service.runner.start()
        ids = {}
        for filename, title, content in found.documents:
            blob = service.store.blobs.writer()
            blob.write(content)
            added = service.store.add(blob, collection=found.name, filename=filename, title=title)
            ids[filename] = added.document_id
        service.runner.notify()
        service.runner.drain()
        rows = read(service, found.name, sampled(found.questions, per_group), ids)
        asyncio.run(service.close())
    return rows


def fit(rows: dict[str, list[Row]]) -> None:
    """Write the models and the calibration."""
    models = ROOT / "rag" / "models"
    parts = {name: halves(rows[name])[0] for name in FITTED if name in rows}
    # Questions that name a contract are asked of it alone, without its name, which is not what is read here.
    plain = [row for part in parts.values() for row in part if not row.asked.clause]
    write(models, fit_sentences([row for row in plain if not row.asked.only]))
    write(models, fit_spans(parts.get("squad2", [])))
    model, calibration = fit_sufficiency([row for row in plain if row.features])
    write(models, model)
    calibration.save(ROOT / "rag" / "calibrations" / f"{calibration.id}.json")
    load_linear.cache_clear()
    load_calibration.cache_clear()


def measure(rows: dict[str, list[Row]], diagrams: Path | None) -> dict[str, Any]:
    """All figures, on what was not fitted on; the diagrams go into a folder, or nowhere."""
    aside = {name: halves(part)[1] if name in FITTED else part for name, part in rows.items()}
    result: dict[str, Any] = {name: {"choice": choosing(part)} for name, part in aside.items()}
    for name in ("squad2", "clapnq"):
        if name in aside:
            result[name] |= {"confidence": rated(aside[name])}
    if "squad2" in aside:
        result["squad2"] |= {"short": short_answers(aside["squad2"]), "answering": answering(aside["squad2"])}
    if "cuad" in aside:
        result["cuad"] |= {"clauses": clauses(aside["cuad"])}
    both = [row for name in ("squad2", "clapnq") for row in aside.get(name, [])]
    if both:
        result["unseen"] = rated(both)
        if diagrams:
            draw(both, diagrams)
    return result


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--sets", default=",".join(SETS), help="some of: %(default)s")
    parser.add_argument("--per-group", type=int, default=100, help="questions of each article or contract")
    parser.add_argument("--fit", action="store_true", help="write new models and a new calibration first")
    parser.add_argument("--draw", action="store_true", help="draw the diagrams in docs/")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "reading.json")
    arguments = parser.parse_args()
    names = arguments.sets.split(",")
    if unknown := set(names) - set(SETS):
        parser.error(f"There is no set {', '.join(sorted(unknown))}. There are: {', '.join(SETS)}.")
    if arguments.fit and not set(FITTED) <= set(names):
        parser.error(f"Fitting needs the sets {', '.join(FITTED)}.")
    rows = {name: collect(SETS[name](arguments.data), arguments.per_group) for name in names}
    if arguments.fit:
        fit(rows)
    result = measure(rows, ROOT / "docs" if arguments.draw else None)
    write_result(arguments.out, "reading", ROOT, result)
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
