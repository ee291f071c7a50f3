"""How well and how fast files become text: ``python benchmarks/parsing.py DATA_DIR [--out FILE] [--brief]``.

Reads, through the sandboxed parser, every file of three public sets under DATA_DIR:

- ``doc_pile``: odd, damaged, encrypted and textless files. MANIFEST.jsonl says what two other readers
  made of the PDFs; the text should be at least 90 % as long as that of the better one.
- ``cuad``: contracts as PDF and as TXT; the share of the TXT's words that the PDF's text holds, and how many
  of the clauses marked in the TXT are found in it and then on the page that it gives for them.
- ``financebench``: long filings; speed, headings, tables, and the share of the questions' evidence lines
  whose words and numbers stand on one line of the evidence's page.

Prints a table and writes one JSON file with every outcome, the commit and the hardware. The peak of the
child's memory is Linux's, reset before each file.
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

from ingest.chunk import PageFinder
from ingest.config import ParseConfig
from ingest.errors import IngestError
from ingest.parse import Parser
from ingest.types import Parsed

Outcome = dict[str, Any]

# Left out of the comparison of rows: the evidence has no dashes for nothing and not all apostrophes.
_SIGNS = r"[\s$—–'’]+"

# What may become of a file of each class. Of two readers that disagree nobody says which is right.
EXPECTED = {
    "normal": {"text"},
    "damaged_repaired": {"text"},
    "no_text": {"no_text"},
    "encrypted": {"text", "encrypted_pdf"},
    "unreadable_both": {"corrupt_file", "unsupported_type", "no_text", "encrypted_pdf", "limit_exceeded"},
    "readers_disagree": {"text", "corrupt_file", "no_text", "encrypted_pdf", "limit_exceeded"},
    "office/other": {"text", "unsupported_type", "encrypted_pdf"},
}


def read(parser: Parser, path: Path) -> tuple[Outcome, Parsed]:
    """What becomes of one file, and what was read of it.

    Args:
        parser: The service's own.
        path: The file.

    Returns:
        Outcome with seconds, and either characters and parser or the error's code; the text with its blocks.
    """
    forget_peak(parser)
    start = time.perf_counter()
    outcome: Outcome = {"file": path.name}
    parsed = Parsed("", (), "", "")
    try:
        media_type, parsed = parser.parse(path, path.name)
    except IngestError as error:
        outcome |= {"error": error.code, "message": str(error)}
    else:
        outcome |= {
            "media_type": media_type,
            "chars": len(parsed.text),
            "pages": sum(block.kind == "page" for block in parsed.blocks),
            "headings": sum(block.kind == "heading" for block in parsed.blocks),
            "tables": sum(block.kind == "table" for block in parsed.blocks),
            "margins": sum(block.kind == "margin" for block in parsed.blocks),
            "title": parsed.title,
            "parser": parsed.parser,
        }
    outcome["seconds"] = round(time.perf_counter() - start, 3)
    outcome["peak_mib"] = peak_mib(parser)
    return outcome, parsed


def forget_peak(parser: Parser) -> None:
    """Let the kernel measure the peak of the child's memory anew."""
    for pid in pids(parser):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mib(parser: Parser) -> float:
    """Peak of the child's resident memory since it was last forgotten, in MiB; 0 when the child has ended."""
    peaks = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in pids(parser)]
    return max((int(peak[1]) / 1024 for peak in peaks if peak), default=0.0)


def pids(parser: Parser) -> list[int]:
    """Process ids of the parser's running children."""
    found = [child.pid for child in parser._children]  # noqa: SLF001 -- nothing else needs them
    return [pid for pid in found if pid and Path(f"/proc/{pid}/status").exists()]


def doc_pile(parser: Parser, folder: Path) -> tuple[list[Outcome], Outcome]:
    """Outcomes of the pile of odd files, and their summary by class of the manifest."""
    outcomes: list[Outcome] = []
    by_class: dict[str, Counter[str]] = {}
    by_format: dict[str, Counter[str]] = {}
    short = []
    for line in (folder / "MANIFEST.jsonl").read_text().splitlines():
        row = json.loads(line)
        outcome, parsed = read(parser, folder / row["file"])
        readers = [row[name] for name in ("pypdf", "mupdf")]
        best = max((reader["chars"] for reader in readers if isinstance(reader, dict)), default=0)
        # Page separators are ours; they are not in the manifest's counts.
        length = len(parsed.text) - max(outcome.get("pages", 0) - 1, 0)
        outcome |= {"file": row["file"], "class": row["class"], "best_other": best}
        outcomes.append(outcome)
        result = outcome.get("error", "text")
        outcome["as_expected"] = result in EXPECTED[row["class"]]
        by_class.setdefault(row["class"], Counter())[result] += 1
        by_format.setdefault(Path(row["file"]).suffix, Counter())[result] += 1
        if length < 0.9 * best and row["class"] in {"normal", "damaged_repaired"}:
            short.append({"file": row["file"], "chars": length, "best_other": best, "result": result})
    compared = sum(outcome["class"] in {"normal", "damaged_repaired"} for outcome in outcomes)
    return outcomes, {
        "files": len(outcomes),
        "outcome_as_expected": sum(outcome["as_expected"] for outcome in outcomes),
        "length_within_10_percent": f"{compared - len(short)} of {compared}",
        "slowest_seconds": max(outcome["seconds"] for outcome in outcomes),
        "peak_mib": round(max(outcome["peak_mib"] for outcome in outcomes)),
        "by_class": by_class,
        "by_format": by_format,
        "shorter_than_90_percent": short,
    }


def words(text: str) -> Counter[str]:
    """Words in lower case with their counts."""
    return Counter(re.findall(r"\w+", text.lower()))


def letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits in lower case, and where each stands."""
    kept = [(letter, at) for at, letter in enumerate(text.lower()) if letter.isalnum()] if text else []
    return "".join(letter for letter, _ in kept), [at for _, at in kept]


def cuad(parser: Parser, folder: Path) -> tuple[list[Outcome], Outcome]:
    """Outcomes of the contracts, the words of each TXT that its PDF's text holds, and the clauses found."""
    texts = {path.stem.strip(): path for path in (folder / "txt").glob("*.txt")}
    clauses: dict[str, list[tuple[int, int]]] = {}
    for line in (folder / "clause_spans.jsonl").read_text().splitlines():
        row = json.loads(line)
        clauses.setdefault(Path(row["file"]).stem.strip(), []).extend(map(tuple, row["spans"]))
    outcomes = []
    for path in sorted((folder / "pdf").iterdir()):
        outcome, parsed = read(parser, path)
        plain, exact = read(parser, texts[path.stem.strip()])
        expected, found = words(exact.text), words(parsed.text)
        share = sum(min(count, found[word]) for word, count in expected.items()) / expected.total()
        unchanged = exact.text == texts[path.stem.strip()].read_bytes().decode("utf-8-sig")
        spans = sorted(set(clauses.get(path.stem.strip(), [])))
        quotes = [exact.text[start:end] for start, end in spans]
        outcome |= {"word_share": round(share, 4), "txt_unchanged": unchanged, "txt": plain}
        outcomes.append(outcome | find_clauses(parser, path, parsed, quotes))
    shares = [outcome["word_share"] for outcome in outcomes]
    return outcomes, {
        "word_share_median": statistics.median(shares),
        "word_share_min": min(shares),
        "txt_unchanged": all(outcome["txt_unchanged"] for outcome in outcomes),
        **{key: sum(outcome[key] for outcome in outcomes) for key in ("clauses", "found", "on_page")},
        **structure(outcomes),
    }


def find_clauses(parser: Parser, path: Path, parsed: Parsed, quotes: list[str]) -> Outcome:
    """How many quotes stand in the text in one piece, and on the pages that it gives for them."""
    text, owners = letters(parsed.text)
    pages = PageFinder(parsed.blocks)
    ends = {block.number: block.end for block in parsed.blocks if block.kind == "page"}
    found = on_page = 0
    for quote in quotes:
        wanted = letters(quote)[0]
        at = text.find(wanted) if wanted else -1
        if at < 0:
            continue
        found += 1
        start, end = owners[at], owners[at + len(wanted) - 1] + 1
        number = (pages.of(start, end) or (0, 0))[0]
        on_page += bool(parser.locate(path, number, parsed.text[start : min(end, ends[number])]))
    return {"clauses": len(quotes), "found": found, "on_page": on_page}


def financebench(parser: Parser, folder: Path) -> tuple[list[Outcome], Outcome]:
    """Outcomes of the filings, the pages read in a second, and rows of the evidence that are one line."""
    evidence: dict[str, list[Outcome]] = {}
    for line in (folder / "questions.jsonl").read_text().splitlines():
        for each in json.loads(line)["evidence"]:
            evidence.setdefault(each["doc_name"], []).append(each)
    outcomes = []
    for path in sorted((folder / "pdfs").glob("*.pdf")):
        outcome, parsed = read(parser, path)
        rows = [row for each in evidence.get(path.stem, []) for row in evidence_rows(parsed, each)]
        outcomes.append(outcome | {"rows": len(rows), "rows_on_one_line": sum(rows)})
    pages, seconds = (sum(outcome.get(key, 0) for outcome in outcomes) for key in ("pages", "seconds"))
    return outcomes, {
        "pages": pages,
        "seconds": round(seconds, 2),
        "pages_per_second": round(pages / seconds, 1),
        "peak_mib": round(max(outcome["peak_mib"] for outcome in outcomes)),
        **{key: sum(outcome[key] for outcome in outcomes) for key in ("rows", "rows_on_one_line")},
        **structure(outcomes),
    }


def evidence_rows(parsed: Parsed, evidence: Outcome) -> list[bool]:
    """For each label of the evidence with two and more numbers after it: whether they share a line of its page."""
    number = evidence["evidence_page_num"] + 1
    page = next((b for b in parsed.blocks if b.kind == "page" and b.number == number), None)
    lines = parsed.text[page.start : page.end].splitlines() if page else []
    flat = [re.sub(_SIGNS, "", line) for line in lines]
    parts = [part.strip() for part in evidence["evidence_text"].split("\n") if part.strip(" $\xa0")]
    found = []
    at = 0
    while at < len(parts):
        end = at + 1
        while end < len(parts) and re.fullmatch(r"[$(]*\s*\d[\d,.]*\s*[)%]*", parts[end]):
            end += 1
        if end - at > 2 and re.match(r"[A-Za-z][a-z]", parts[at]):
            row = re.sub(_SIGNS, "", "".join(parts[at:end]))
            found.append(any(row in line for line in flat))
        at = end
    return found


def structure(outcomes: list[Outcome]) -> Outcome:
    """Sums of what was told from the pages."""
    return {
        kind: sum(outcome.get(kind, 0) for outcome in outcomes) for kind in ("headings", "tables", "margins")
    }


def show(summary: Outcome) -> None:
    """Print the figures, one a line, without the lists of files."""
    for name, figures in summary.items():
        for key, value in figures.items():
            if not isinstance(value, dict | list):
                print(f"{name:13} {key:26} {value}")
    print()
    for name, counts in summary["doc_pile"]["by_class"].items():
        print(f"{name:18}", ", ".join(f"{count} {code}" for code, count in counts.most_common()))
    print()
    for each in summary["doc_pile"]["shorter_than_90_percent"]:
        print("shorter:", *each.values())


def main() -> None:
    """Run all three and write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("data", type=Path, help="folder with doc_pile, cuad and financebench")
    arguments.add_argument("--out", type=Path, default=Path("benchmarks/results/local/parsing.json"))
    arguments.add_argument(
        "--brief", action="store_true", help="leave the outcomes of single files out of the file"
    )
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
    # Without text recognition, so that a machine with tesseract gives the same figures.
    with Parser(ParseConfig(ocr_languages="")) as parser:
        for name, measure in sets.items():
            result["files"][name], result["summary"][name] = measure(parser, options.data / name)
    everything = [outcome for outcomes in result["files"].values() for outcome in outcomes]
    slowest = max(everything, key=lambda outcome: outcome["seconds"])
    result["summary"]["slowest"] = {key: slowest[key] for key in ("file", "seconds")}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.brief:
        del result["files"]
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    show(result["summary"])


if __name__ == "__main__":
    main()
