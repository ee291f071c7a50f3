"""How fast text and PDFs are taken in over HTTP, what share of that the bare encoder is, and beside other programs.

The clock runs from the first upload to the last document that is ready, on a new data folder, with the model warm. The
bare encoder is what remains when the very passages that the service embeds are given to its encoder and to nothing
else. Peers run in environments of their own (scripts/peers.sh), get the same text cut into passages already, and keep
what they make in memory; the clock runs from the warm model to the finished index. Rounds alternate the order.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.client import Client, Upload
from benchmarks.report import add_result_argument, data_folder, print_table, progress, write_result
from benchmarks.server import DEFAULT_COMMAND, ROOT, Server
from ingest.config import ChunkConfig, EmbedConfig, ParseConfig
from ingest.embed import SentenceTransformerEmbedder
from ingest.parse import Parser
from ingest.pipeline import Original, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.sentences import Span
    from ingest.types import FloatMatrix

SERVICE = "footnote"
PEERS = ("sentence_transformers_faiss", "llama_index_faiss", "txtai_hybrid", "haystack_memory")
SCRIPTS = ROOT / "benchmarks" / "peers"
# How often a document's state is asked for: each look costs the service some milliseconds.
POLL_S = 0.1


@dataclass(slots=True)
class Recorder:
    """The service's embedder, remembering what passages it was given."""

    inner: SentenceTransformerEmbedder
    texts: list[str] = field(default_factory=list)
    parts: list[Sequence[Span]] = field(default_factory=list)

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], done: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``ingest.embed.Embedder``."""
        self.texts += texts
        self.parts += parts
        return self.inner.embed_passages(texts, parts, done)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def main() -> None:
    """Measures and prints, then writes the result file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=data_folder, metavar="DATA", help="the evaluation data")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="environments made by scripts/peers.sh")
    parser.add_argument("--rounds", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--kb", type=int, default=400, help="text in a round; default: %(default)s")
    parser.add_argument("--pdfs", type=int, default=8, help="PDFs in a round; default: %(default)s")
    add_result_argument(parser, "ingestion")
    arguments = parser.parse_args()
    texts = some(sorted((arguments.data / "cuad" / "txt").glob("*.txt")), arguments.kb * 1000)
    pdfs = sorted(
        each for each in (arguments.data / "cuad" / "pdf").glob("*") if each.suffix.lower() == ".pdf"
    )
    pdfs = pdfs[: arguments.pdfs]
    if not texts or (arguments.pdfs and not pdfs):
        raise SystemExit(
            f"{arguments.data} lacks cuad/txt or cuad/pdf: give the folder of the evaluation data."
        )
    embedder = SentenceTransformerEmbedder(EmbedConfig())
    embedder.load()
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for path in texts:
            (folder / path.name).with_suffix(".txt").write_bytes(path.read_bytes())
        names = [SERVICE, *(available(arguments.peers) if arguments.peers else ())]
        for number in range(arguments.rounds):
            found: dict[str, Any] = {}
            for name in order(names, number):
                progress(f"round {number + 1}: {name}")
                found[name] = (
                    service(texts, embedder) if name == SERVICE else peer(arguments.peers, name, folder)
                )
            if pdfs:
                progress(f"round {number + 1}: PDFs")
                found["pdf"] = service(pdfs, embedder)
            rounds.append(found)
    summary = summed(rounds)
    show(summary)
    write_result(arguments.out, "ingestion", ROOT, {"summary": summary, "rounds": rounds})


def some(paths: Sequence[Path], size: int) -> list[Path]:
    """The first files that together have at least ``size`` bytes, or all."""
    chosen: list[Path] = []
    for path in paths:
        if size <= 0:
            break
        chosen.append(path)
        size -= path.stat().st_size
    return chosen


def order(names: Sequence[str], number: int) -> list[str]:
    """Who runs when: every second round backwards, so that whoever comes first is not always the same."""
    return list(names) if number % 2 == 0 else list(reversed(names))


def available(folder: Path) -> list[str]:
    """Peers whose environment is there.

    Raises:
        SystemExit: None is.
    """
    found = [name for name in PEERS if environment(folder, name).exists()]
    if not found:
        raise SystemExit(f"No environment was found in {folder}. Make them with scripts/peers.sh {folder}.")
    return found


def environment(folder: Path, name: str) -> Path:
    """The Python of a peer: environments have the name of the program alone."""
    return folder / name.rpartition("_")[0] / "bin" / "python"


def peer(folder: Path, name: str, texts: Path, *options: str) -> dict[str, Any]:
    """What a peer's script measured.

    Raises:
        SystemExit: It failed.
    """
    command = [str(environment(folder, name)), str(SCRIPTS / f"{name}.py"), str(texts), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def service(paths: Sequence[Path], embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """Takes files in over HTTP, then gives the same passages to the bare encoder.

    Raises:
        SystemExit: A document did not become ready.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        Server(DEFAULT_COMMAND, Path(scratch) / "data") as server,
        Client(server.url) as client,
    ):
        warm = client.upload([Upload("warm.txt", b"A warm word. " * 200)], "warm")
        client.wait_final([each["id"] for each in warm], timeout_s=300)
        began = time.perf_counter()
        ids = [client.upload([Upload(path.name, path.read_bytes())], "texts")[0]["id"] for path in paths]
        # One after the other, so that only one is asked for at a time.
        states = [client.wait_final([each], timeout_s=3600, interval_s=POLL_S)[each] for each in ids]
        seconds = time.perf_counter() - began
        bad = {state["filename"]: state for state in states if state["status"] != "ready"}
        if bad:
            raise SystemExit(f"Not ready: {bad}")
        size = sum(len(client.text(each).encode()) for each in ids)
    passages, bare = bare_encoder(paths, embedder)
    return {
        "documents": len(paths),
        "passages": passages,
        "kb": round(size / 1000, 1),
        "seconds": round(seconds, 3),
        "kb_per_s": round(size / 1000 / seconds, 2),
        "bare_encoder_s": round(bare, 3),
        "encoder_share": round(bare / seconds, 4),
    }


def bare_encoder(paths: Sequence[Path], embedder: SentenceTransformerEmbedder) -> tuple[int, float]:
    """Passages of files, and the seconds that the encoder alone takes for all of them."""
    recorder = Recorder(embedder)
    with Parser(ParseConfig()) as parser:
        pipeline = Pipeline(parser, recorder, ParseConfig(), ChunkConfig())
        for path in paths:
            pipeline.run(Original(path, path.stem, 1, "0" * 64, path.name), lambda *_: None)
    began = time.perf_counter()
    embedder.embed_passages(recorder.texts, recorder.parts, lambda _: None)
    return len(recorder.texts), time.perf_counter() - began


def summed(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over rounds, and for peers how many times as fast the service was in the same round."""
    found: dict[str, Any] = {}
    for name in rounds[0]:
        rates = [each[name]["kb_per_s"] for each in rounds]
        found[name] = {"kb_per_s": statistics.median(rates)}
        if "encoder_share" in rounds[0][name]:
            found[name]["encoder_share"] = statistics.median(each[name]["encoder_share"] for each in rounds)
        else:
            ratios = [each[SERVICE]["kb_per_s"] / each[name]["kb_per_s"] for each in rounds]
            found[name]["service_is_faster"] = {
                "median": round(statistics.median(ratios), 3),
                "least": round(min(ratios), 3),
                "most": round(max(ratios), 3),
            }
    return found


def show(summary: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints the summary."""
    rows = []
    for name, row in summary.items():
        faster = row.get("service_is_faster")
        times = f"{faster['median']:.2f} ({faster['least']:.2f}-{faster['most']:.2f})" if faster else ""
        share = f"{row['encoder_share']:.1%}" if "encoder_share" in row else ""
        rows.append([name, f"{row['kb_per_s']:.1f}", times, share])
    print_table(["program", "KB/s", "the service is faster (spread)", "bare encoder's share"], rows)


if __name__ == "__main__":
    sys.exit(main())
