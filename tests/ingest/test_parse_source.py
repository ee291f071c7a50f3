"""Source code: the decoded file unchanged, with headings at definitions."""

from __future__ import annotations

import time

import pytest

from ingest.kinds import SOURCE_PREFIX, SOURCE_TYPES, kind_by_name
from ingest.parsers import source
from ingest.parsers.definitions import definition_pattern
from ingest.types import BlockKind, heading_text

CASES = {
    "python": (
        'class A(B):\n    """\n    class of its own\n    """\n    async def f(self):\n        g()\n\ndef h(): ...\n',
        ["1 class A", "2 async def f", "1 def h"],
    ),
    "javascript": (
        (
            "export default class A {\n  m(a) { f() }\n}\n// function no()\nfunction f() {}\n"
            "const g = async (x) => x;\n"
            "if (x) {\n  run(function () {\n  });\n}\n"
        ),
        ["1 export default class A", "2 m", "1 function f", "1 const g"],
    ),
    "java": (
        (
            "public class A extends B {\n  @Override\n  public int m(int a) { return f(a); }\n"
            "  List<X> n(\n    int b) {\n"
            "    if (a) { f(b); }\n    return new A(b) {\n"
        ),
        ["1 public class A", "2 public int m", "2 List<X> n"],
    ),
    "cpp": (
        "namespace n {\nclass API_X A : public B {};\nvoid A::q(int a)\n{\n  std::string s(a);\n}\nint f(int);\n}\n",
        ["1 namespace n", "1 class API_X A", "1 void A::q"],
    ),
    "go": (
        "package main\nfunc (s *S) M() {}\nfunc f(a int) error {\n\tg()\n}\ntype S struct {\n}\n",
        ["1 func (s *S) M", "1 func f", "1 type S"],
    ),
    "rust": (
        "pub struct S;\nimpl Tr for S {\n    pub(crate) fn m(&self) -> i32 { g() }\n}\n/* fn no() */\n",
        ["1 pub struct S", "1 impl Tr for S", "2 pub(crate) fn m"],
    ),
    "ruby": ("module M\n  class A < B\n    def m?(a)\n    end\n", ["1 module M", "2 class A", "3 def m?"]),
    "bash": ("f() {\n  echo a\n}\nfunction g {\n  f\n}\n", ["1 f", "1 function g"]),
    "sql": (
        "create table if not exists t (a int);\nCREATE OR REPLACE FUNCTION f() RETURNS int\nselect create from t;\n",
        ["1 create table if not exists t", "1 CREATE OR REPLACE FUNCTION f"],
    ),
    "toml": ("a = 1\n[tool.x]\nb = [1]\n[[y]]\n", ["1 [tool.x]", "1 [[y]]"]),
    "yaml": ("a:\n  - b\n", []),
}


@pytest.mark.parametrize("language", CASES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_headings_at_definitions(language: str, line_end: str) -> None:
    """Classes and functions with their nesting; none in comments and strings, none at calls."""
    content, expected = CASES[language]
    content = content.replace("\n", line_end)

    parsed = source.parse(content.encode(), language, "src/file")

    assert (parsed.text, parsed.title) == (content, "src/file")
    assert (parsed.blocks[0].kind, parsed.blocks[0].end) == (BlockKind.CODE, len(content))
    found = [f"{b.number} {heading_text(parsed.text, b)}" for b in parsed.blocks[1:]]
    assert found == expected


def test_every_language_is_known_to_the_lexers() -> None:
    """A name that Pygments does not have would fail every file of that language."""
    for kind in SOURCE_TYPES:
        assert source.parse(b"x", kind.removeprefix(SOURCE_PREFIX), "f").text == "x"


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("src/a.PY", "text/x-python"),
        ("Makefile", "text/x-make"),
        ("Dockerfile.prod", "text/x-docker"),
        ("CMakeLists.txt", "text/x-cmake"),
        ("a\\b\\query.sql", "text/x-sql"),
        ("notes.txt", None),
        ("README", None),
    ],
)
def test_names_of_files(filename: str, kind: str | None) -> None:
    """By the suffix or the whole name, in any capitals."""
    assert kind_by_name(filename) == kind


@pytest.mark.parametrize(
    "line", ["a " * 200, "a(b" * 130, "public " * 60, "template<" * 45, "a:" * 200, "a b(c, " * 60, "[" * 400]
)
def test_patterns_take_little_time(line: str) -> None:
    """A long line of one thing repeated does not make a pattern try everything."""
    started = time.perf_counter()
    for kind in SOURCE_TYPES:
        pattern = definition_pattern(kind.removeprefix(SOURCE_PREFIX))
        if pattern is not None:
            pattern.match(line[:400])

    assert time.perf_counter() - started < 2
