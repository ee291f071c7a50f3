"""Each page in docs/clients holds a snippet that runs, with the clients of others, over real HTTP."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from api.settings import Settings
from tests.api.server import serving, wait_until_ready
from tests.api.tenants import ADMIN, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "clients").glob("*.md"))
# An environment of their own, which ``make clients`` sets up: they pull in far more than the service does.
PYTHON = Path(os.environ.get("FOOTNOTE_CLIENTS_PYTHON", ROOT / ".venv-clients" / "bin" / "python"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and key of a service with a small library, a restricted document in it."""
    folder = tmp_path_factory.mktemp("clients")
    settings = Settings(_env_file=None, data=folder, admin_key=SecretStr(ADMIN))  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(ADMIN)) as client:
        wait_until_ready(client)
        for text, allow in (
            ("Members may borrow seven books at a time.", None),
            ("The board may borrow ninety books at a time.", ["board"]),
        ):
            metadata = {"allow": allow} if allow else {}
            body = {
                "text": text,
                "title": text[:20],
                "collection": "library",
                "wait": True,
                "metadata": metadata,
            }
            client.post("/v1/documents", json=body).raise_for_status()
        scopes = [f"{scope}:{name}" for scope in ("read", "ask", "write") for name in ("library", "handbook")]
        key = client.post("/v1/keys", json={"name": "clients", "scopes": scopes}).json()["token"]
        yield url, key


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_snippet_of_a_page_runs(page: Path, served: tuple[str, str]) -> None:
    """As it stands there, against a service that needs a key; nobody is told what is not theirs to see."""
    found = re.findall(
        r"^```(python|sh)\n(.+?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found, page
    url, key = served
    for kind, snippet in found:
        if kind == "python" and not PYTHON.exists():
            pytest.skip("The clients' environment is set up by `make clients`.")
        command = (
            [str(PYTHON), "-c", snippet] if kind == "python" else ["bash", "-euo", "pipefail", "-c", snippet]
        )
        environment = {
            **os.environ,
            "FOOTNOTE_URL": url,
            "FOOTNOTE_KEY": key,
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "HAYSTACK_TELEMETRY_ENABLED": "false",
        }
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=200, check=False
        )

        assert done.returncode == 0, done.stderr[-2000:]
        assert "ninety" not in done.stdout
