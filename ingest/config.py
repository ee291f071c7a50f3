"""Settings of the ingest stages, each with its unit and the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParseConfig:
    """Ceilings for one file inside the parser's child process."""

    # Seconds of wall clock for one file before its parser is killed.
    timeout_s: float = 120.0
    # Address space of the child, in bytes. The libraries themselves map about 300 MiB.
    memory_bytes: int = 1536 * MEBIBYTE
    # Seconds of processor time for one file, of the parser itself; a program that it starts has as many.
    cpu_s: float = 120.0
    # Files and pipes that the child may have open at once. Text recognition needs most, about 20.
    max_open_files: int = 64
    # Whether the operating system must keep the child from files and network ("required"), does so where it can, or
    # is not asked to.
    sandbox: Literal["auto", "required", "off"] = "auto"
    # Whether the child may start tesseract. ``Parser`` allows it only to a child that reads a scan.
    programs: bool = True
    # Bytes of one original.
    max_bytes: int = 200 * MEBIBYTE
    # Code points of canonical text: about 25 million tokens of English.
    max_chars: int = 100_000_000
    # Pages of one original.
    max_pages: int = 20_000
    # Headings, tables, pages and other marks in one text.
    max_blocks: int = 500_000
    # Languages of scanned PDF pages, as tesseract names them ("eng", "deu+fra"); empty to leave such pages alone.
    # They are read only where the program tesseract is installed, at 1 to 5 seconds a page.
    ocr_languages: str = "eng"
    # Whether a PDF's pages that are pictures, and its figures, are listed for a model that reads them.
    pictures: bool = False
    # Share of its page from which a picture is a figure; 1 lists none.
    figure_share: float = 0.1


@dataclass(frozen=True, slots=True)
class ChunkConfig:
    """Sizes of the chunk tree."""

    # Word pieces of the embedder in one passage, its special tokens not counted.
    max_tokens: int = 128
    # Passages of one document: their vectors are in memory together, about 3 KiB for each.
    max_passages: int = 100_000
    # Seconds for embedding one document. Two idle cores embed about 50 passages a second.
    embed_timeout_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class EmbedConfig:
    """Which model embeds, and how."""

    # "bundled" is all-MiniLM-L6-v2 as installed; any other name goes to sentence-transformers.
    model: str = "bundled"
    # Word pieces in one forward pass of an ingestion at most: a third of a second of one core. Larger is not faster.
    batch_tokens: int = 2048
    # The same where somebody waits: when all cores are at one, the next question waits for the first to end.
    waiting_tokens: int = 512
    # "auto" computes in bfloat16 on a CPU with instructions for it and in float32 elsewhere. Vectors of the
    # two differ by less than 0.0001 in cosine, so a data folder may move between such machines.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
