"""Audits what the project is made of: locked dependencies, secrets in its files, known advisories.

    python scripts/audit.py [--require-advisories]

Locks and secrets need no network. Advisories are asked for through pip-audit (https://github.com/pypa/pip-audit), whose
database is on the network: where it cannot be reached, this says so loudly and ends with "incomplete", or with an error
when ``--require-advisories`` is given. Nothing that was not checked is reported as clean.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
IGNORED = ROOT / "scripts" / "audit-ignored.txt"
# Installed by scripts/install.sh in its CPU build, whose hash differs from platform to platform.
UNLOCKED = {"torch"}
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_TIMEOUT_S = 300
_LARGEST_SEARCHED = 2_000_000

# Shapes of keys that services give out, as their owners document them, and private keys of any kind.
SECRETS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}\b",
    "OpenAI key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]*[A-Za-z][A-Za-z0-9_-]*\d[A-Za-z0-9_-]{24,}\b",
    "Anthropic key": r"\bsk-ant-[A-Za-z0-9_-]{24,}\b",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}\b",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "Stripe key": r"\b[rs]k_live_[0-9A-Za-z]{20,}\b",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}\b",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b",
    "key of this service": r"\bfn_[A-Za-z0-9_-]{32,}\b",
    "password in an address": r"\b[a-z][a-z0-9+]{2,10}://[^\s:/@'\"{}<>$]+:(?!\*)[^\s:/@'\"{}<>$]{8,}@(?!127\.|localhost|host\b|example\.|[\w.-]*example\b)",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in SECRETS.items()}


@dataclass(frozen=True, slots=True)
class Locked:
    """One requirement of a lock file."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        """As pip compares names."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str | None:
        """The one version that it allows, or None when it allows others."""
        pins = list(self.requirement.specifier)
        exact = len(pins) == 1 and pins[0].operator == "==" and "*" not in pins[0].version
        return pins[0].version if exact and self.requirement.url is None else None

    @property
    def meant_here(self) -> bool:
        """Whether it is for this version of Python and this system."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read_lock(text: str) -> list[Locked]:
    """The requirements of a lock file."""
    found = []
    for line in re.sub(r"\\\r?\n\s*", " ", text).splitlines():
        stated = _HASH.sub("", line).partition("#")[0].strip()
        if stated and not stated.startswith("--"):
            found.append(Locked(Requirement(stated), len(_HASH.findall(line))))
    return found


def lock_problems(project: Mapping[str, Any], locks: Mapping[str, Sequence[Locked]]) -> Iterator[str]:
    """What is wrong with the lock files.

    Args:
        project: Table ``project`` of pyproject.toml.
        locks: Requirements by file; of several, each later one holds all of those before.
    """
    wanted = [Requirement(each) for each in project["dependencies"]]
    for name, lock in locks.items():
        for each in lock:
            if each.version is None:
                yield f"{name}: {each.requirement} is not pinned to one version"
            if not each.hashes:
                yield f"{name}: {each.requirement} has no sha256"
        by_name = {each.name: each for each in lock}
        for need in wanted:
            found = by_name.get(canonicalize_name(need.name))
            if found is None and need.name not in UNLOCKED:
                yield f"{name}: {need.name} of pyproject.toml is missing; run make lock"
            elif found is not None and found.version and not need.specifier.contains(found.version):
                yield f"{name}: {found.requirement} does not meet {need} of pyproject.toml; run make lock"
    first, last = (
        set(map(str, (each.requirement for each in lock))) for lock in (*locks.values(),)[:: len(locks) - 1]
    )
    for missing in sorted(first - last):
        yield f"the lock files differ in {missing}; run make lock"


def installed_problems(lock: Iterable[Locked]) -> Iterator[str]:
    """Where what is installed differs from the lock file."""
    for each in lock:
        if not each.meant_here:
            continue
        try:
            version = metadata.version(each.name)
        except metadata.PackageNotFoundError:
            continue
        if each.version is not None and version != each.version:
            yield f"{each.name} {version} is installed and {each.version} is locked; run make lock or install again"


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """Lines of a text that hold what looks like a secret, and what it looks like. The secret itself is not given."""
    for name, pattern in _PATTERNS.items():
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, name


def secret_problems(root: Path) -> Iterator[str]:
    """Secrets in the files that git knows."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_SEARCHED:
            continue
        for line, kind in secrets_in(path.read_bytes().decode("utf-8", errors="replace")):
            yield f"{name}:{line}: looks like a {kind}"


def ignored_advisories(text: str, today: date) -> tuple[set[str], list[str]]:
    """Advisories that do not count, each with an end and a reason, and what is wrong with their list."""
    found: set[str] = set()
    problems = []
    for line in text.splitlines():
        entry = line.partition("#")[0].split()
        if not entry:
            continue
        if len(entry) < 3:  # noqa: PLR2004 - an id, a date, and a reason of at least a word.
            problems.append(f"{line!r} is not: advisory, date until which it is ignored, reason")
        elif date.fromisoformat(entry[1]) < today:
            problems.append(f"{entry[0]} was ignored until {entry[1]}: look at it again")
        else:
            found.add(entry[0])
    return found, problems


class NotChecked(Exception):
    """The advisories could not be asked for."""


def advisories(lock: Sequence[Locked], command: Sequence[str]) -> list[tuple[str, str, str]]:
    """Known advisories on locked versions: package with version, advisory, and the versions that mend it.

    Args:
        lock: What to ask about.
        command: pip-audit's; a file of requirements is added.

    Raises:
        NotChecked: There is no answer, with the reason.
    """
    lock = [each for each in lock if each.meant_here]
    asked = [f"{each.name}=={each.version}" for each in lock if each.version]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(asked))
        file.flush()
        try:
            done = subprocess.run(
                [*command, "--format", "json", "--disable-pip", "--no-deps", "-r", file.name],
                capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
            )  # fmt: skip
            answered = json.loads(done.stdout)["dependencies"]
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotChecked(str(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            said = " ".join(done.stderr.split())[-300:]
            raise NotChecked(said or f"pip-audit ended with {done.returncode} and no report") from error
    skipped = [each["name"] for each in answered if "skip_reason" in each]
    if skipped or len(answered) < len({each.name for each in lock}):
        raise NotChecked(f"of {len(asked)} packages {len(answered)} were looked up; without {skipped[:10]}")
    return [
        (f"{each['name']} {each['version']}", found["id"], ", ".join(found["fix_versions"]) or "none")
        for each in answered
        for found in each["vulns"]
    ]


def torch_line() -> Locked:
    """PyTorch as scripts/install.sh pins it: it stands in no lock file."""
    script = (ROOT / "scripts" / "install.sh").read_text()
    found = re.search(r"^torch=(\S+)$", script, re.MULTILINE)
    if found is None:
        raise SystemExit("scripts/install.sh pins no version of torch any more; mend scripts/audit.py")
    return Locked(Requirement(f"torch=={found[1]}"), 0)


def main() -> int:
    """Run every check and print what was found.

    Returns:
        0 when nothing was found, 1 when something was.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locks = {name: read_lock((ROOT / name).read_text()) for name in LOCKS}
    problems = [
        *lock_problems(project, locks),
        *installed_problems(locks[LOCKS[-1]]),
        *secret_problems(ROOT),
    ]
    ignored, wrong = ignored_advisories(IGNORED.read_text(), datetime.now(UTC).date())
    problems += wrong
    unchecked = ""
    try:
        tool = str(Path(sys.argv[sys.argv.index("--with") + 1])) if "--with" in sys.argv else "pip-audit"
        for package, advisory, mended in advisories([*locks[LOCKS[-1]], torch_line()], [tool]):
            if advisory not in ignored:
                problems.append(f"{package}: {advisory}, mended in {mended}")
    except NotChecked as error:
        unchecked = str(error)
    for problem in problems:
        print(f"audit: {problem}")
    if unchecked:
        print(f"\n!!! audit: ADVISORIES WERE NOT CHECKED: {unchecked}\n", file=sys.stderr)
        if "--require-advisories" in sys.argv:
            problems.append("advisories were not checked")
    count = sum(map(len, locks.values()))
    state = "incomplete (locks and secrets only)" if unchecked else "complete"
    print(f"audit: {len(problems)} problems; {count} locked requirements; {state}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
