"""Kinds of text files: mail, data, markup and source code, told apart by name and by their first lines."""

from __future__ import annotations

import re
from pathlib import PurePath

EML = "message/rfc822"
MBOX = "application/mbox"
MSG = "application/vnd.ms-outlook"
CSV = "text/csv"
TSV = "text/tab-separated-values"
JSON = "application/json"
JSON_LINES = "application/jsonl"
NOTEBOOK = "application/x-ipynb+json"
RST = "text/x-rst"
ORG = "text/org"
XML = "application/xml"

# Source code is text/x- and the name that Pygments has for the language.
SOURCE_PREFIX = "text/x-"

_SUFFIXES = {
    EML: ".eml .mht .mhtml",
    MBOX: ".mbox",
    CSV: ".csv .psv",
    TSV: ".tsv .tab",
    JSON: ".json .geojson .jsonld .webmanifest",
    JSON_LINES: ".jsonl .ndjson",
    NOTEBOOK: ".ipynb",
    RST: ".rst .rest",
    ORG: ".org",
    XML: ".xml .rss .atom .dbk .docbook .tei .fb2 .xsd .xsl .xslt .rdf .wsdl .opml .jats .nxml .dita .plist",
}
_LANGUAGES = {
    "ada": ".adb .ads",
    "awk": ".awk",
    "bash": ".sh .bash .zsh .ksh",
    "bat": ".bat .cmd",
    "c": ".c .h",
    "clojure": ".clj .cljs .edn",
    "cmake": ".cmake",
    "cobol": ".cob .cbl",
    "cpp": ".cpp .cc .cxx .hpp .hh .hxx .ino",
    "csharp": ".cs",
    "css": ".css",
    "cuda": ".cu .cuh",
    "cython": ".pyx .pxd",
    "dart": ".dart",
    "docker": ".dockerfile",
    "elixir": ".ex .exs",
    "elm": ".elm",
    "erlang": ".erl .hrl",
    "fortran": ".f .f90 .f95 .for",
    "fsharp": ".fs .fsx",
    "go": ".go",
    "graphql": ".graphql .gql",
    "groovy": ".groovy .gradle",
    "haskell": ".hs",
    "hcl": ".tf .hcl .tfvars",
    "ini": ".ini .cfg .conf .properties .editorconfig .env",
    "java": ".java",
    "javascript": ".js .mjs .cjs .jsx",
    "julia": ".jl",
    "kotlin": ".kt .kts",
    "less": ".less",
    "lisp": ".lisp .el .scm",
    "lua": ".lua",
    "make": ".mk .mak",
    "nim": ".nim",
    "nix": ".nix",
    "objective-c": ".m .mm",
    "ocaml": ".ml .mli",
    "pascal": ".pas .dpr",
    "perl": ".pl .pm",
    "php": ".php",
    "powershell": ".ps1 .psm1",
    "prolog": ".pro",
    "protobuf": ".proto",
    "python": ".py .pyi .pyw",
    "r": ".r",
    "ruby": ".rb .rake",
    "rust": ".rs",
    "scala": ".scala .sc",
    "scss": ".scss .sass",
    "solidity": ".sol",
    "sql": ".sql .ddl",
    "swift": ".swift",
    "tcl": ".tcl",
    "toml": ".toml",
    "typescript": ".ts .tsx .mts .cts",
    "vbnet": ".vb .bas .vbs",
    "verilog": ".v .sv",
    "vhdl": ".vhd .vhdl",
    "vue": ".vue .svelte",
    "yaml": ".yaml .yml",
    "zig": ".zig",
}
_FILE_NAMES = {
    "dockerfile": "docker",
    "containerfile": "docker",
    "makefile": "make",
    "gnumakefile": "make",
    "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy",
    "gemfile": "ruby",
    "rakefile": "ruby",
    "vagrantfile": "ruby",
}
_INTERPRETERS = {
    "sh": "bash",
    "bash": "bash",
    "zsh": "bash",
    "ksh": "bash",
    "dash": "bash",
    "python": "python",
    "perl": "perl",
    "ruby": "ruby",
    "node": "javascript",
    "php": "php",
    "lua": "lua",
    "awk": "awk",
}
SOURCE_TYPES = frozenset(SOURCE_PREFIX + language for language in _LANGUAGES)

_BY_SUFFIX = {
    **{suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()},
    **{
        suffix: SOURCE_PREFIX + language
        for language, suffixes in _LANGUAGES.items()
        for suffix in suffixes.split()
    },
}
# Names under which people keep text that they want as it is.
_PLAIN_SUFFIXES = {".txt", ".text", ".log", ".md", ".markdown", ".mdown", ".mkd"}
_HEADER = re.compile(
    rb"(?:\AFrom [^\r\n]+\r?\n)?(?:[A-Za-z][A-Za-z0-9-]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n)+"
)
# What only mail programs write; people begin a memo with From and To as well.
_MACHINE_HEADER = re.compile(
    rb"^(?:message-id|mime-version|received|return-path|delivered-to):", re.IGNORECASE | re.MULTILINE
)
_PERSON_HEADER = re.compile(rb"^(?:from|subject|to):", re.IGNORECASE | re.MULTILINE)
_MBOX_START = re.compile(rb"\AFrom \S+.*\d\d:\d\d")
_SHEBANG = re.compile(rb"\A#!\s*\S*/(?:env\s+(?:-\S+\s+)*)?([a-z]+)")


def kind_by_name(filename: str) -> str | None:
    """The media type that a file's name promises, where the content can be any text, or None."""
    path = PurePath(filename.replace("\\", "/").lower())
    if path.name in _FILE_NAMES:
        return SOURCE_PREFIX + _FILE_NAMES[path.name]
    if path.name.startswith("dockerfile."):
        return SOURCE_PREFIX + "docker"
    if path.suffix == ".txt" and _BY_SUFFIX.get(PurePath(path.stem).suffix) in {CSV, TSV}:
        # Exported so that a double click opens it as text.
        return _BY_SUFFIX[PurePath(path.stem).suffix]
    # A file like .editorconfig is all suffix, but has none by Python's count.
    return _BY_SUFFIX.get(path.suffix or path.name)


def kind_by_content(head: bytes, filename: str) -> str | None:
    """The media type that a text's first lines show, or None.

    Args:
        head: The first kilobytes, in an encoding that contains ASCII.
        filename: As uploaded. A text that is called .txt stays what it is, whatever it looks like.
    """
    if PurePath(filename.lower()).suffix in _PLAIN_SUFFIXES:
        return None
    if found := _SHEBANG.match(head):
        language = _INTERPRETERS.get(found[1].decode())
        return SOURCE_PREFIX + language if language else None
    if head.lstrip().startswith(b"<?xml"):
        return XML
    headers = _HEADER.match(head.lstrip(b"\r\n"))
    if headers and _MACHINE_HEADER.search(headers[0]) and _PERSON_HEADER.search(headers[0]):
        return MBOX if _MBOX_START.match(head) else EML
    return None
