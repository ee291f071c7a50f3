"""What a document and a question cost as a collection grows: make growth DATA=folder CACHE=folder.

    python -m benchmarks.growth DATA --cache FOLDER [--sizes 1000,10000,100000,1000000] [--draw FILE]

One composed collection (see ``benchmarks.composed``) is filled step by step. At each size a new process opens it, which
is what a restart is for all but the files that the system has read before, and asks questions whose vectors are known:
what is measured is everything of a search but the encoding. Then documents are added and deleted, one after the other,
while it goes on asking. Recall is that of the search by meaning, against
all vectors of the catalog compared one by one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.composed import COLLECTION, Composing, compose
from benchmarks.report import (
    add_result_argument,
    data_folder,
    percentile,
    print_table,
    progress,
    write_result,
)
from benchmarks.server import ROOT
from index.sight import EVERYTHING
from index.store import Store
from index.types import Query
from rag.config import RetrieveConfig
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.client import Json
    from index.collection import Collection
    from ingest.types import FloatMatrix

QUESTIONS, LIMIT = 200, 10
# Documents added and documents deleted, together, while searches go on.
CHANGES = 1000
# Vectors compared at a time.
_AT_ONCE = 20_000


def memory_bytes() -> int:
    """What this process alone holds, without files that it has mapped."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("This system does not say what a process holds.")


def exact(collection: Collection, composing: Composing, vectors: FloatMatrix) -> list[set[int]]:
    """The ids of the nearest passages of each question, of all that the catalog holds."""
    ids = np.array(sorted(composing.store.catalog.live_ids(collection.id)[1]), np.int64)
    best_ids = np.empty((len(vectors), 0), np.int64)
    best = np.empty((len(vectors), 0), np.float32)
    for at in range(0, len(ids), _AT_ONCE):
        progress(f"{at} of {len(ids)} vectors compared")
        found = composing.store.catalog.vectors(ids[at : at + _AT_ONCE].tolist())
        part = np.fromiter(found, np.int64)
        scores = np.hstack([best, vectors @ np.stack(list(found.values())).T])
        every = np.hstack([best_ids, np.broadcast_to(part, (len(vectors), len(part)))])
        top = np.argpartition(-scores, min(LIMIT, scores.shape[1] - 1), axis=1)[:, :LIMIT]
        best, best_ids = (np.take_along_axis(each, top, axis=1) for each in (scores, every))
    return [set(row.tolist()) for row in best_ids]


class Asking:
    """Asks the same questions again and again, and notes how long each search takes."""

    def __init__(self, composing: Composing, questions: Sequence[str], vectors: FloatMatrix) -> None:
        self.composing, self.questions, self.vectors = composing, questions, vectors
        self.collection = composing.store.collection(COLLECTION)
        self.milliseconds: list[float] = []

    def one(self, number: int) -> None:
        """Search for one of them."""
        at = number % len(self.questions)
        began = time.perf_counter()
        found = retrieve(
            self.questions[at],
            collection=self.collection,
            catalog=self.composing.store.catalog,
            embedder=self.composing.embedder,
            config=RetrieveConfig(),
            limit=LIMIT,
            sight=EVERYTHING,
            vector=self.vectors[at],
        )
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        if not found:
            raise RuntimeError(f"Nothing was found for {self.questions[at]!r}.")

    def until(self, done: threading.Event) -> None:
        """Go on until something else is done."""
        number = 0
        while not done.is_set():
            self.one(number)
            number += 1


def add(composing: Composing, texts: Iterable[tuple[str, str]]) -> tuple[list[str], float]:
    """Put documents in; returns their ids, and the milliseconds that each took until it could be found."""
    began = time.perf_counter()
    ids = list(composing.add((f"added-{name}", text) for name, text in texts))
    composing.settle()
    return ids, (time.perf_counter() - began) * 1000 / len(ids)


def change(asking: Asking, seed: int, changes: int) -> tuple[float, list[float]]:
    """Add documents one after the other and delete them again, first alone, then while searches go on.

    What was added is deleted before the next comes, so that the collection stays as large as it is.

    Returns:
        Milliseconds that a document took with nothing beside it, and those of each search.
    """
    composing = asking.composing
    done = threading.Event()
    own = Asking(composing, asking.questions, asking.vectors)
    # Of a seed of their own, so that no later filling finds them there already.
    texts = compose(composing.texts, seed + 1, len(composing.texts))
    taken = []
    for each in islice(texts, max(1, changes // 20)):
        ids, spent = add(composing, [each])
        taken.append(spent)
        composing.store.delete_document(ids[0])
    with ThreadPoolExecutor(1) as pool:
        searching = pool.submit(own.until, done)
        try:
            for each in islice(texts, changes // 2):
                composing.store.delete_document(add(composing, [each])[0][0])
        finally:
            done.set()
        searching.result()
    return percentile(taken, 0.5), own.milliseconds


def point(folder: Path, data: Path, seed: int, changes: int) -> Json:
    """The figures of a collection as it is, in a process that has not opened it yet."""
    began = time.perf_counter()
    Store(folder).close()
    opened = time.perf_counter() - began
    with Composing(folder, data, seed) as composing:
        composing.embedder.learn([text for pair in composing.texts for text in pair])
        questions = list(composing.questions)
        random.Random(seed).shuffle(questions)
        questions = questions[:QUESTIONS]
        vectors = np.stack([composing.embedder.embed_query(each) for each in questions])
        before, began = memory_bytes(), time.perf_counter()
        asking = Asking(composing, questions, vectors)
        asking.one(0)
        ready = opened + time.perf_counter() - began
        for number in range(2 * QUESTIONS):
            asking.one(number)
        held = memory_bytes() - before
        documents, passages = composing.held()
        cold, warm = asking.milliseconds[1 : QUESTIONS + 1], asking.milliseconds[QUESTIONS + 1 :]
        view = asking.collection.views()["dense"]
        truth = exact(asking.collection, composing, vectors)
        hits = [
            {hit.passage_id for hit in view.search(Query(text, vector), LIMIT)}
            for text, vector in zip(questions, vectors, strict=True)
        ]
        recall = [len(a & b) / len(b) for a, b in zip(hits, truth, strict=True)]
        document_ms, during = change(asking, seed, changes)
        views = sum(each.stat().st_size for each in (folder / "views").rglob("*") if each.is_file())
        size = views + (folder / "catalog.sqlite3").stat().st_size
    return {
        "documents": documents,
        "passages": passages,
        "ready_s": round(ready, 2),
        "bytes_a_passage": round(held / passages),
        "cold_p50_ms": round(percentile(cold, 0.5), 2),
        "search_p50_ms": round(percentile(warm, 0.5), 2),
        "search_p95_ms": round(percentile(warm, 0.95), 2),
        "search_p99_ms": round(percentile(warm, 0.99), 2),
        "recall_at_10": round(float(np.mean(recall)), 4),
        "document_ms": round(document_ms, 1),
        "changing_p50_ms": round(percentile(during, 0.5), 2),
        "changing_most_ms": round(max(during), 1),
        "disk_bytes_a_passage": round(size / passages),
    }


def draw(points: Sequence[Json], file: Path) -> None:
    """Draws what a question and a document cost over the number of passages, as SVG."""
    # Imported here: only drawing needs it.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = {
        "a search without its encoding": {"median": "search_p50_ms", "95 of 100": "search_p95_ms"},
        "a document taken in, without its encoding": {"median": "document_ms"},
    }
    with mpl.rc_context({"svg.hashsalt": "footnote", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8.8, 3.2), layout="constrained")
        FigureCanvasSVG(figure)
        axes: Any = figure.subplots(1, len(panels))
        for panel, (title, lines) in zip(axes, panels.items(), strict=True):
            for (label, key), (colour, style) in zip(
                lines.items(), (("#1f5fa8", "-"), ("#e08a1e", "--")), strict=False
            ):
                xs, ys = [each["passages"] for each in points], [each[key] for each in points]
                panel.plot(xs, ys, style, color=colour, label=label, marker=".")
            panel.set(title=title, xlabel="passages", ylabel="milliseconds", xscale="log")
            panel.set_ylim(0, None)
            panel.grid(visible=True, color="#dfe3e8")
            panel.spines[["top", "right"]].set_visible(False)
            panel.legend(frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--cache", type=Path, required=True, help="folder in which the collection is kept")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", help="default: %(default)s")
    parser.add_argument("--changes", type=int, default=CHANGES, help="at each size; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--draw", type=Path, help="write the curves here, as SVG")
    parser.add_argument("--point", action="store_true", help=argparse.SUPPRESS)
    add_result_argument(parser, "growth")
    options = parser.parse_args()
    folder = options.cache / "growth"
    if options.point:
        print(json.dumps(point(folder, options.data, options.seed, options.changes)))
        return 0
    points: list[Json] = []
    for size in map(int, options.sizes.split(",")):
        with Composing(folder, options.data, options.seed) as composing:
            composing.fill(size)
        progress(f"{size} passages: a new process")
        command = [sys.executable, "-m", "benchmarks.growth", *sys.argv[1:], "--point"]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True, check=True
        )
        points.append(json.loads(done.stdout.splitlines()[-1]))
        print_table(list(points[0]), [list(each.values()) for each in points])
    if options.draw:
        draw(points, options.draw)
    write_result(options.out, "growth", ROOT, {"points": points})
    return 0


if __name__ == "__main__":
    sys.exit(main())
