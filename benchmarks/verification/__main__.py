"""Fits and measures the verifier.

    python -m benchmarks.verification DATA [--fit] [--keep FOLDER]

DATA holds attributionbench, wice, scifact, squad2, clapnq, cuad and qmsum. Every figure comes from five-fold
cross-validation over groups (question, article, abstract, contract or meeting), with the models refitted in
each fold on all sets together; ``--fit`` then writes the shipped models, fitted on everything. The verifier's
thresholds were chosen on two of the folds of the mutated pairs, and these pairs are measured on the other
three.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.report import write_result
from benchmarks.verification.collect import collect, evidence_of
from benchmarks.verification.fit import PARTS, fit, held_out, probability, scaling, write
from benchmarks.verification.measure import contradiction, mutations, sentences, support, sweep
from benchmarks.verification.pairs import attributionbench, wice
from ingest.config import EmbedConfig
from ingest.embed import SentenceTransformerEmbedder
from rag.verification.model import CURRENT, load_models
from rag.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.verification.collect import Row
    from ingest.embed import Embedder

HERE = Path(__file__).resolve().parent.parent
NEEDED = ("attributionbench", "wice", "scifact", "squad2", "clapnq", "cuad", "qmsum")
ABOUT = (
    "attributionbench dev, wice dev (CC BY-SA), scifact train (CC BY 4.0, ODC-By), and pairs made from SQuAD 2.0 and "
    "CLAP NQ (CC BY-SA 4.0, Apache-2.0), CUAD (CC BY 4.0) and QMSum (MIT) by benchmarks/verification"
)


def measure(
    sets: Mapping[str, Sequence[Row]], data: Path, seed: int, *, show: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Figures of one kind of features, and the models fitted on everything."""
    rows = [row for each in sets.values() for row in each]
    where = {name: np.array([row.set == name for row in rows]) for name in sets}
    found, parts = {}, {}
    for part in PARTS:
        raw = held_out(part, rows, seed)
        slope, offset = scaling(part, rows, raw)
        found[part.name] = probability(raw, slope, offset)
        parts[part.name] = fit(part, rows, slope, offset, seed)
    carried, wrong, opposed = (found[part.name] for part in PARTS)
    at = where["mutated"]
    if show:
        for line in sweep(sets["mutated"], carried[at], wrong[at]):
            print(line)
    figures = {
        "attributionbench": support(sets["attributionbench"], carried[where["attributionbench"]]),
        "wice": support(sets["wice"], carried[where["wice"]])
        | {"sentences": sentences(sets["wice"], {pair.id: pair for pair in wice(data)})},
        "scifact": contradiction(sets["scifact"], opposed[where["scifact"]]),
        "mutations": mutations(sets["mutated"], carried[at], wrong[at], opposed[at]),
    }
    return figures, [parts]


def speed(data: Path, embedder: Embedder) -> dict[str, float]:
    """Milliseconds of a check against ten passages, and of reading these once for an answer."""
    pairs = [pair for pair in attributionbench(data) if len(pair.sources[0]) < 1500][:200]
    first, later, busy = [], [], []
    for start in range(0, 100, 10):
        pieces = [evidence_of(pair)[0] for pair in pairs[start : start + 10]]
        verifier = Verifier(pieces, embedder, lambda words: dict.fromkeys(words, 1.0))
        for at, pair in enumerate(pairs[start : start + 10]):
            begun, worked = time.perf_counter(), time.process_time()
            verifier.check(pair.claim)
            (later if at else first).append(1000 * (time.perf_counter() - begun))
            if at:
                busy.append(1000 * (time.process_time() - worked))
    return {
        "first_claim_ms_median": round(statistics.median(first), 1),
        "claim_ms_median": round(statistics.median(later), 1),
        "claim_cpu_ms_median": round(statistics.median(busy), 1),
        "claim_ms_p95": round(float(np.quantile(later, 0.95)), 1),
    }


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with the evaluation sets")
    parser.add_argument("--fit", action="store_true", help="write the shipped models")
    parser.add_argument("--keep", type=Path, help="folder for features, which take minutes to compute")
    parser.add_argument("--pairs", type=int, default=2000, help="true pairs of the mutation test")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "verification.json")
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if not (arguments.data / name).is_dir()]
    if missing:
        parser.error(
            f"{arguments.data} has no {', '.join(missing)}. Give the folder with the evaluation data."
        )
    keep = arguments.keep or arguments.out.parent / "local" / "verification"
    embedder = SentenceTransformerEmbedder(EmbedConfig())
    figures, models = {}, []
    for name, vectors in (("full", True), ("without_vectors", False)):
        sets = collect(arguments.data, keep, arguments.pairs, arguments.seed, embedder, vectors=vectors)
        figures[name], (parts,) = measure(sets, arguments.data, arguments.seed, show=vectors)
        models.append({"embedder": embedder.fingerprint.split("/")[0] if vectors else ""} | parts)
    if arguments.fit:
        write(HERE.parent / "rag" / "models" / f"{CURRENT}.json", models, ABOUT)
        load_models.cache_clear()
    result = figures | {"speed": speed(arguments.data, embedder)}
    write_result(arguments.out, "verification", HERE.parent, result)
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
