"""What the chosen arithmetic costs: cosine to sentence-transformers in float32, and nDCG@10 of three retrieval sets.

Dense search over whole documents, exact, so that nothing but the vectors differs. "mixed" asks with the library's
vectors among documents in the chosen arithmetic, as in a folder that moved between machines.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.baseline import load_minilm
from benchmarks.report import Checks, add_result_argument, data_folder, print_table, progress, write_result
from benchmarks.retrieval.documents import read_classic, read_scifact
from benchmarks.server import ROOT
from ingest.config import EmbedConfig
from ingest.embed import SentenceTransformerEmbedder
from rag.evaluation.ranking import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.retrieval.types import Corpus

    Rows = NDArray[np.float32]
    Encode = Callable[[Sequence[str]], Rows]

DEPTH = 100
BOUND = 0.005
# What vectors that are in one index may differ by.
LEAST_MEAN_COSINE = 0.9999


def main() -> int:
    """Measures, prints and writes the result file; 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=data_folder, metavar="DATA", help="the evaluation data")
    parser.add_argument("--precision", choices=("auto", "bfloat16", "float32"), default="auto")
    parser.add_argument("--documents", type=int, help="of each set at most so many; default: all")
    add_result_argument(parser, "precision")
    arguments = parser.parse_args()
    corpora = [
        corpus
        for read in (
            lambda: read_classic("cranfield", arguments.data),
            lambda: read_classic("cisi", arguments.data),
            lambda: read_scifact(arguments.data),
        )
        for corpus in read()
    ]
    library, chosen = load_minilm(), SentenceTransformerEmbedder(EmbedConfig(precision=arguments.precision))
    checks = Checks()
    sets: dict[str, Any] = {}
    for corpus in corpora:
        progress(f"{corpus.name}: {len(corpus.documents)} documents")
        sets[corpus.name] = measured(
            corpus,
            lambda texts: np.asarray(
                library.encode(list(texts), batch_size=32, normalize_embeddings=True), dtype=np.float32
            ),
            lambda texts: chosen.embed_passages(texts, [()] * len(texts), lambda _: None)[0],
            arguments.documents,
        )
        judge(corpus.name, sets[corpus.name], checks)
    print_table(
        ["set", "nDCG@10 float32", "chosen", "mixed", "cosine mean", "least 1 in 1,000", "least"],
        [
            [name, *row["ndcg"].values(), *(f"{value:.6f}" for value in row["cosine"].values())]
            for name, row in sets.items()
        ],
    )
    checks.show()
    write_result(
        arguments.out,
        "precision",
        ROOT,
        {"precision": arguments.precision, "sets": sets, "checks": checks.as_json()},
    )
    return 0 if checks.passed else 1


def measured(corpus: Corpus, library: Encode, chosen: Encode, most: int | None = None) -> dict[str, Any]:
    """nDCG@10 and cosines of one set.

    Args:
        corpus: Documents, and questions whose relevant documents are named.
        library: The reference: unit rows of texts.
        chosen: The same in the arithmetic that is measured.
        most: Only so many documents.
    """
    documents = corpus.documents[:most]
    names = [document.name for document in documents]
    texts = [document.data.decode() for document in documents]
    grades = {
        str(number): {name: 1 for name in question.documents if name in set(names)}
        for number, question in enumerate(corpus.questions)
    }
    asked = [question.text for question in corpus.questions]
    rows, other = library(texts), chosen(texts)
    questions, others = library(asked), chosen(asked)
    cosines = np.concatenate([(rows * other).sum(axis=1), (questions * others).sum(axis=1)])
    return {
        "documents": len(documents),
        "questions": sum(map(any, grades.values())),
        "ndcg": {
            "float32": ndcg(names, grades, questions @ rows.T),
            "chosen": ndcg(names, grades, others @ other.T),
            "mixed": ndcg(names, grades, questions @ other.T),
        },
        "cosine": {
            "mean": float(cosines.mean()),
            "permille": float(np.quantile(cosines, 0.001)),
            "least": float(cosines.min()),
        },
    }


def ndcg(names: Sequence[str], grades: Mapping[str, Mapping[str, int]], scores: Rows) -> float:
    """Mean nDCG@10 of questions, of which row ``n`` of ``scores`` belongs to question ``n``."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    rankings = {str(number): [names[at] for at in row] for number, row in enumerate(best)}
    values = evaluate(grades, rankings)
    return float(np.mean([each["nDCG@10"] for each in values.values()]))


def judge(name: str, found: Mapping[str, Any], checks: Checks) -> None:
    """Holds one set against the bounds."""
    reference = found["ndcg"]["float32"]
    for which in ("chosen", "mixed"):
        value = found["ndcg"][which]
        checks.see(
            f"nDCG@10 is within {BOUND} of float32",
            abs(value - reference) <= BOUND,
            f"{name}, {which}: {value:.4f} against {reference:.4f}",
        )
    mean = found["cosine"]["mean"]
    checks.see(
        f"mean cosine to float32 is at least {LEAST_MEAN_COSINE}",
        mean >= LEAST_MEAN_COSINE,
        f"{name}: {mean:.6f}",
    )


if __name__ == "__main__":
    sys.exit(main())
