"""scifact for the retrieval program: abstracts ranked for claims, nDCG@10 and R@100 over documents."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.baseline import Baseline
from benchmarks.client import Client, ServiceError, Upload
from benchmarks.questions import read_rows
from benchmarks.report import print_table, progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

COLLECTION = "scifact"
MODES = ("hybrid", "dense", "lexical")
BATCH = 50
# Passages to ask for so that 100 different abstracts are among them, and what to try if that is refused.
DEPTHS = (300, 100, 50)

Run = dict[str, dict[str, float]]


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Relevance by claim and abstract."""
    qrels: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        claim, abstract, score = line.split("\t")
        qrels.setdefault(claim, {})[abstract] = int(score)
    return qrels


def document_scores(documents: Iterable[str], depth: int = 100) -> dict[str, float]:
    """Falling scores for documents in the order in which their first passage was found."""
    first = list(dict.fromkeys(documents))[:depth]
    return {document: 1.0 / rank for rank, document in enumerate(first, start=1)}


def measure(client: Client, data: Path, timeout_s: float, limit: int | None) -> dict[str, Any]:
    """Uploads the abstracts, runs every judged claim in each mode and the baseline, prints the table."""
    folder = data / "scifact"
    texts = {
        row["_id"]: f"{row['title']}\n\n{' '.join(row['sentences'])}\n"
        for row in read_rows(folder / "corpus.jsonl")
    }
    qrels = read_qrels(folder / "qrels_train.tsv")
    claims = {
        row["_id"]: row["text"] for row in read_rows(folder / "claims_train.jsonl") if row["_id"] in qrels
    }
    claims = dict(list(claims.items())[:limit])
    began = time.monotonic()
    abstracts = upload(client, texts, timeout_s)
    ingest_s = time.monotonic() - began

    figures: dict[str, dict[str, float]] = {}
    for mode in MODES:
        figures[f"footnote {mode}"] = evaluate(qrels, service_run(client, claims, abstracts, mode))
    progress("embedding the baseline")
    baseline = Baseline(texts, depth=400)
    for mode in MODES:
        run = {
            claim: document_scores(p.document for p in baseline.rank(text, mode))
            for claim, text in claims.items()
        }
        figures[f"baseline {mode}"] = evaluate(qrels, run)
    print("\n## scifact")
    print_table(
        ["system", "nDCG@10", "R@100"], [[name, *values.values()] for name, values in figures.items()]
    )
    return {"claims": len(claims), "abstracts": len(texts), "figures": figures, "ingest_s": ingest_s}


def upload(client: Client, texts: Mapping[str, str], timeout_s: float) -> dict[str, str]:
    """Uploads the abstracts in batches, waiting for each; returns the abstract by document id."""
    abstracts: dict[str, str] = {}
    names = list(texts)
    for at in range(0, len(names), BATCH):
        batch = names[at : at + BATCH]
        uploads = [Upload(f"{name}.txt", texts[name].encode("utf-8"), "text/plain") for name in batch]
        ids = [document["id"] for document in client.upload(uploads, COLLECTION)]
        states = client.wait_final(ids, timeout_s=timeout_s)
        broken = [state for state in states.values() if state["status"] != "ready"]
        if broken:
            raise SystemExit(f"{broken[0]['filename']} ended as {broken[0]['status']}: {broken[0]['error']}")
        # Abstracts with the same text share one document: the first name stands for it.
        for document_id, name in zip(ids, batch, strict=True):
            abstracts.setdefault(document_id, name)
        progress(f"ingested {len(abstracts)} of {len(names)} abstracts")
    return abstracts


def service_run(client: Client, claims: Mapping[str, str], abstracts: Mapping[str, str], mode: str) -> Run:
    """The service's ranking of abstracts for each claim."""
    depths = list(DEPTHS)
    run: Run = {}
    for number, (claim, text) in enumerate(claims.items(), start=1):
        while True:
            try:
                passages = client.search(text, COLLECTION, mode=mode, top_k=depths[0])
                break
            except ServiceError as error:
                if error.status != 422 or len(depths) == 1:
                    raise
                progress(f"top_k {depths.pop(0)} was refused, trying {depths[0]}: R@100 may be cut short")
        run[claim] = document_scores(abstracts[passage["document_id"]] for passage in passages)
        if number % 100 == 0 or number == len(claims):
            progress(f"footnote {mode}: {number} of {len(claims)}")
    return run


def evaluate(qrels: Mapping[str, Mapping[str, int]], run: Run) -> dict[str, float]:
    """nDCG@10 and R@100, means over the claims of the run, a claim without hits counting as zero."""
    # Imported here: only this set needs it, and it is not among the project's dependencies.
    import ir_measures  # noqa: PLC0415

    asked = {claim: dict(qrels[claim]) for claim in run}
    # A claim for which nothing was found still needs an entry to count.
    found = {claim: scores or {"nothing": 0.0} for claim, scores in run.items()}
    values = ir_measures.calc_aggregate([ir_measures.nDCG @ 10, ir_measures.R @ 100], asked, found)
    return {str(measure): float(values[measure]) for measure in (ir_measures.nDCG @ 10, ir_measures.R @ 100)}
