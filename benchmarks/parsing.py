"""How well and how fast files become text: ``python benchmarks/parsing.py DATA_DIR [--out FILE]``.

Reads, through the sandboxed parser, every file of three public sets under DATA_DIR:

- ``doc_pile``: odd, damaged, encrypted and textless files. MANIFEST.jsonl says what two other readers
  made of the PDFs; the text should be at least 90 % as long as that of the better one.
- ``cuad``: contracts as PDF and as TXT; the share of the TXT's words that the PDF's text holds.
- ``financebench``: long filings; speed.

Prints a summary and writes one JSON file with every outcome, the commit and the hardware.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ingest.errors import IngestError
from ingest.parse import Parser

Outcome = dict[str, Any]


def read(parser: Parser, path: Path) -> tuple[Outcome, str]:
    """What becomes of one file, and its text.

    Args:
        parser: The service's own.
        path: The file.

    Returns:
        Outcome with seconds, and either characters and parser or the error's code; the text.
    """
    start = time.perf_counter()
    outcome: Outcome = {"file": path.name}
    text = ""
    try:
        media_type, parsed = parser.parse(path, path.name)
    except IngestError as error:
        outcome |= {"error": error.code, "message": str(error)}
    else:
        text = parsed.text
        outcome |= {
            "media_type": media_type,
            "chars": len(text),
            "pages": sum(block.kind == "page" for block in parsed.blocks),
            "headings": sum(block.kind == "heading" for block in parsed.blocks),
            "title": parsed.title,
            "parser": parsed.parser,
        }
    outcome["seconds"] = round(time.perf_counter() - start, 3)
    return outcome, text


def doc_pile(parser: Parser, folder: Path) -> tuple[list[Outcome], Outcome]:
    """Outcomes of the pile of odd files, and their summary by class of the manifest."""
    outcomes, by_class, by_format = [], {}, {}
    short = []
    for line in (folder / "MANIFEST.jsonl").read_text().splitlines():
        row = json.loads(line)
        outcome, text = read(parser, folder / row["file"])
        readers = [row[name] for name in ("pypdf", "mupdf")]
        best = max((reader["chars"] for reader in readers if isinstance(reader, dict)), default=0)
        # Page separators are ours; they are not in the manifest's counts.
        length = len(text) - max(outcome.get("pages", 0) - 1, 0)
        outcome |= {"file": row["file"], "class": row["class"], "best_other": best}
        outcomes.append(outcome)
        result = outcome.get("error", "text")
        by_class.setdefault(row["class"], Counter())[result] += 1
        by_format.setdefault(Path(row["file"]).suffix, Counter())[result] += 1
        if length < 0.9 * best:
            short.append({"file": row["file"], "chars": length, "best_other": best, "result": result})
    return outcomes, {"by_class": by_class, "by_format": by_format, "shorter_than_90_percent": short}


def words(text: str) -> Counter[str]:
    """Words in lower case with their counts."""
    return Counter(re.findall(r"\w+", text.lower()))


def cuad(parser: Parser, folder: Path) -> tuple[list[Outcome], Outcome]:
    """Outcomes of the contracts, and the share of each TXT's words that its PDF's text holds."""
    texts = {path.stem.strip(): path for path in (folder / "txt").glob("*.txt")}
    outcomes = []
    for path in sorted((folder / "pdf").iterdir()):
        outcome, text = read(parser, path)
        plain, exact = read(parser, texts[path.stem.strip()])
        expected, found = words(exact), words(text)
        share = sum(min(count, found[word]) for word, count in expected.items()) / expected.total()
        unchanged = exact == texts[path.stem.strip()].read_bytes().decode("utf-8-sig")
        outcomes.append(outcome | {"word_share": round(share, 4), "txt_unchanged": unchanged, "txt": plain})
    shares = [outcome["word_share"] for outcome in outcomes]
    return outcomes, {
        "word_share_median": statistics.median(shares),
        "word_share_min": min(shares),
        "txt_unchanged": all(outcome["txt_unchanged"] for outcome in outcomes),
    }


def financebench(parser: Parser, folder: Path) -> tuple[list[Outcome], Outcome]:
    """Outcomes of the filings, and the pages read in a second."""
    outcomes = [read(parser, path)[0] for path in sorted((folder / "pdfs").glob("*.pdf"))]
    pages, seconds = (sum(outcome.get(key, 0) for outcome in outcomes) for key in ("pages", "seconds"))
    return outcomes, {
        "pages": pages,
        "seconds": round(seconds, 2),
        "pages_per_second": round(pages / seconds, 1),
    }


def main() -> None:
    """Run all three and write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("data", type=Path, help="folder with doc_pile, cuad and financebench")
    arguments.add_argument("--out", type=Path, default=Path("benchmarks/results/local/parsing.json"))
    options = arguments.parse_args()
    sets = {"doc_pile": doc_pile, "cuad": cuad, "financebench": financebench}
    if missing := [name for name in sets if not (options.data / name).is_dir()]:
        sys.exit(f"{options.data} has no {', '.join(missing)}: give the folder that holds the public sets.")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout
    result: Outcome = {
        "commit": commit.strip(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "summary": {},
        "files": {},
    }
    with Parser() as parser:
        for name, measure in sets.items():
            result["files"][name], result["summary"][name] = measure(parser, options.data / name)
    everything = [outcome for outcomes in result["files"].values() for outcome in outcomes]
    slowest = max(everything, key=lambda outcome: outcome["seconds"])
    result["summary"]["slowest"] = {key: slowest[key] for key in ("file", "seconds")}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1))
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
