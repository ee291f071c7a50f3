"""The audit finds what it is for, says what it could not check, and finds nothing here."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
HASH = "--hash=sha256:" + "a" * 64


def _audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


audit: Any = _audit()


def test_the_lock_files_are_whole() -> None:
    """Every dependency is pinned and hashed, and meets what pyproject.toml asks for."""
    project = audit.tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locks = {name: audit.read_lock((ROOT / name).read_text()) for name in audit.LOCKS}

    assert all(len(lock) > 50 for lock in locks.values())
    assert list(audit.lock_problems(project, locks)) == []


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (f"a==1.0 {HASH}", f"a==1.0 {HASH}", None),
        ("a==1.0", "a==1.0", "no sha256"),
        (f"a>=1.0 {HASH}", f"a==1.0 {HASH}", "not pinned"),
        (f"a==1.* {HASH}", f"a==1.* {HASH}", "not pinned"),
        (f"a @ https://example.org/a.whl {HASH}", f"a==1.0 {HASH}", "not pinned"),
        (f"a==0.9 {HASH}", f"a==0.9 {HASH}", "does not meet"),
        (f"b==1.0 {HASH}", f"b==1.0 {HASH}", "is missing"),
        (f"a==1.0 {HASH}", f"a==1.1 {HASH}", "differ"),
    ],
)
def test_a_lock_file_that_is_not_whole(first: str, second: str, problem: str | None) -> None:
    """Each fault is told."""
    locks = {"one": audit.read_lock(first), "two": audit.read_lock(second)}

    found = list(audit.lock_problems({"dependencies": ["a>=1.0"]}, locks))

    assert (found == []) if problem is None else any(problem in each for each in found), found


def secrets() -> dict[str, str]:
    """One of each kind, put together here so that this file holds none."""
    return {
        "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AWS access key": "AKIA" + "ABCDEFGHIJKLMNOP",
        "GitHub token": "ghp_" + "a1" * 18,
        "GitLab token": "glpat-" + "a1" * 10,
        "OpenAI key": "sk-proj-" + "Ab3" * 14,
        "Anthropic key": "sk-ant-" + "Ab3" * 14,
        "Slack token": "xoxb-" + "1234567890-" * 2 + "abc",
        "Google key": "AIza" + "Ab3_x" * 7,
        "Stripe key": "sk_live_" + "a1" * 12,
        "PyPI token": "pypi-" + "Ab3" * 20,
        "Hugging Face token": "hf_" + "Ab" * 17,
        "JSON web token": "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 12,
        "key of this service": "fn_" + "Ab3-" * 10,
        "password in an address": "postgres://user:" + "correcthorse" + "@db.internal/x",
    }


@pytest.mark.parametrize("kind", sorted(audit.SECRETS))
def test_a_secret_of_each_kind_is_found(kind: str) -> None:
    """With its line, and without being repeated."""
    found = list(audit.secrets_in(f"first\nkey = '{secrets()[kind]}'\n"))

    assert (2, kind) in found


@pytest.mark.parametrize(
    "text",
    [
        "sk-gateway-key-that-nobody-may-see",
        "fn_admin-key-of-the-tests",
        "http://user:password1@127.0.0.1/",
        "http://{user}:{password}@example.org",
        "sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "FOOTNOTE_GATEWAY_KEY=...",
    ],
)
def test_what_is_no_secret_is_left(text: str) -> None:
    """Names, hashes and examples are not reported."""
    assert list(audit.secrets_in(text)) == []


def test_no_secret_is_in_the_project() -> None:
    """In no file that git knows or would add."""
    if not (ROOT / ".git").exists():
        pytest.skip("This is no clone: there is no list of its files.")

    assert list(audit.secret_problems(ROOT)) == []


def script(tmp_path: Path, printed: str, code: int = 0, said: str = "") -> list[str]:
    """A program in the place of pip-audit, that prints what it is told."""
    path = tmp_path / "audits.py"
    path.write_text(f"import sys\nprint({printed!r})\nprint({said!r}, file=sys.stderr)\nsys.exit({code})\n")
    return [sys.executable, str(path)]


def report(*found: dict[str, Any]) -> str:
    """What pip-audit prints."""
    return json.dumps({"dependencies": list(found), "fixes": []})


LOCK = audit.read_lock(f"a==1.0 {HASH}\nb==2.0 {HASH}")
CLEAN = {"name": "a", "version": "1.0", "vulns": []}


def test_advisories_are_reported(tmp_path: Path) -> None:
    """With the package, its version, and what mends it."""
    bad = {"name": "b", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}

    assert audit.advisories(LOCK, script(tmp_path, report(CLEAN, bad), 1)) == [("b 2.0", "CVE-1", "2.1")]


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("", "ConnectionError: the database cannot be reached"),
        ("not json", ""),
        (report(CLEAN), ""),
        (report(CLEAN, {"name": "b", "skip_reason": "not found"}), ""),
        ("{}", ""),
    ],
)
def test_what_was_not_checked_is_never_clean(tmp_path: Path, printed: str, said: str) -> None:
    """No network, no report, and a report on fewer packages than asked for are all told."""
    with pytest.raises(audit.NotChecked) as told:
        audit.advisories(LOCK, script(tmp_path, printed, 1, said))

    assert str(told.value)
    assert said in str(told.value)


def test_without_the_tool_it_is_told(tmp_path: Path) -> None:
    """A program that is not there is no clean report."""
    with pytest.raises(audit.NotChecked):
        audit.advisories(LOCK, [str(tmp_path / "nothing")])


def test_ignored_advisories_have_an_end_and_a_reason() -> None:
    """What is ignored for ever, or without a word, is a problem itself."""
    text = "# comment\nCVE-1 2026-12-01 only on Windows\nCVE-2 2026-01-01 too old\nCVE-3\n"

    ignored, problems = audit.ignored_advisories(text, date(2026, 11, 1))

    assert ignored == {"CVE-1"}
    assert len(problems) == 2
