"""The ``footnote`` command, run as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from index.database import Database
from index.keys import KeyGrant, Keys
from index.store import Store
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "api.cli"]


def environment(**settings: str) -> dict[str, str]:
    """The process environment with these settings and none of the developer's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTNOTE_")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "NO_COLOR": "1", **settings}


def run(folder: Path, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Return when something answers there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"Nothing answers at {url}.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that were ingested by the command."""
    place = tmp_path_factory.mktemp("cli")
    files = place / "files"
    (files / "deep" / ".hidden").mkdir(parents=True)
    (files / "a.md").write_text("# Lending\n\nMembers may borrow seven books at a time.")
    (files / "deep" / "b.txt").write_text("The drill costs 5 euros a day.")
    (files / "deep" / ".hidden" / "c.txt").write_text("Nobody sees this hidden file.")

    done = run(place, "ingest", "files", "--data", "data", "--collection", "shop")

    assert done.returncode == 0, done.stderr
    assert "2 documents" in done.stdout
    return place


def test_ask_shows_who_says_otherwise(folder: Path) -> None:
    """With the footnote that is spoken against, the other document and its words."""
    disputed = folder / "disputed"
    disputed.mkdir()
    (disputed / "a.md").write_text("# Museum\n\nA ticket to the museum costs 12 euros for adults.")
    (disputed / "b.md").write_text("# Leaflet\n\nA ticket to the museum costs 15 euros for adults.")
    run(folder, "ingest", "disputed", "--data", "data", "--collection", "museum")

    done = run(
        folder, "ask", "What does a ticket to the museum cost?", "--data", "data", "--collection", "museum"
    )

    printed = " ".join(done.stdout.split())
    assert re.search(r"contradicts \[\d\] (Museum|Leaflet) \([ab]\.md\): ", printed), printed
    assert "12 euros" in printed
    assert "15 euros" in printed


def test_help_is_quick_and_loads_no_model() -> None:
    """The overview of all commands needs neither torch nor a database."""
    heavy = ("torch", "sentence_transformers", "faiss", "sqlalchemy", "fastapi", "httpx", "numpy")
    program = (
        "import sys, runpy\n"
        "sys.argv = ['footnote', '--help']\n"
        "try:\n    runpy.run_module('api.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print('LOADED', [name for name in {heavy!r} if name in sys.modules])\n"
    )
    started = time.perf_counter()

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert time.perf_counter() - started < 5
    assert "LOADED []" in done.stdout
    for command in ("serve", "ingest", "ask", "doctor", "settings"):
        assert command in done.stdout


def test_ask_in_words(folder: Path) -> None:
    """An answer for a person, with its footnotes."""
    done = run(folder, "ask", "How many books may members borrow at a time?", "-c", "shop", "--data", "data")

    assert done.returncode == 0, done.stderr
    assert "Members may borrow seven books at a time. [1]" in done.stdout
    assert "(a.md)" in done.stdout
    assert "Confidence:" in done.stdout


def test_several_questions_through_a_gateway(folder: Path) -> None:
    """Each is answered, as JSON in the HTTP interface's form; the gateway's connections last from one to the next."""

    def cite(sent: dict[str, list[dict[str, str]]]) -> str:
        key = re.search(r'<source key="(\w+)"[^>]*>\n[^<]*drill', sent["messages"][0]["content"])
        assert key
        return f"The drill costs 5 euros a day [{key[1]}]."

    with ScriptedGateway([Scene.answer(cite)]) as gateway:
        done = run(
            folder, "ask", "What does the drill cost?", "What is the price of the drill?",
            "-c", "shop", "--data", "data", "--json", FOOTNOTE_GATEWAY_URL=gateway.url,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["mode"] for answer in answers] == ["generative"] * 2
    assert [answer["claims"][0]["verdict"] for answer in answers] == ["supported"] * 2


def test_a_file_that_fails_is_named_and_the_command_fails(folder: Path) -> None:
    """The others are ingested; the exit status says that something was not."""
    bad = folder / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7 broken")

    done = run(folder, "ingest", "bad.pdf", "--data", "data", "--collection", "bad")

    assert done.returncode == 1
    assert "bad.pdf: corrupt_file" in done.stdout


def test_doctor(folder: Path) -> None:
    """A folder in order is called clean, in words or as JSON; a folder without a catalog is refused."""
    done = run(folder, "doctor", "--data", "data", "--json")
    report = json.loads(done.stdout)

    assert done.returncode == 0
    assert report["clean"] is True
    assert report["documents"] >= 2
    refused = run(folder, "doctor", "--data", "files")
    assert refused.returncode == 2
    assert "not a data folder" in refused.stderr


def test_an_unknown_collection_ends_with_its_message(folder: Path) -> None:
    """No traceback."""
    done = run(folder, "ask", "Anything?", "-c", "no-such", "--data", "data")

    assert done.returncode == 2
    assert "There is no such collection" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("settings", [{}, {"FOOTNOTE_ADMIN_KEY": ""}], ids=["no key", "an empty key"])
def test_serving_others_without_a_key_is_refused(tmp_path: Path, settings: dict[str, str]) -> None:
    """An address that others reach needs a key, and an empty one is none."""
    done = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0", **settings)

    assert done.returncode == 2
    assert "FOOTNOTE_ADMIN_KEY" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [None, "reader", "revoked admin"])
def test_serving_others_needs_a_live_admin_key(tmp_path: Path, kept: str | None) -> None:
    """Keys that open a part, or nothing any more, are none that others may be served with."""
    database = Database(tmp_path / "data")
    try:
        keys = Keys(database)
        if kept is not None:
            keys.create(KeyGrant("reader", ("read:*",)))
        if kept == "revoked admin":
            keys.revoke(keys.create(KeyGrant("admin", ("admin",)))[0].id)
    finally:
        database.close()

    done = run(tmp_path, "serve", "--data", "data", "--host", "0.0.0.0", "--port", "0")

    assert done.returncode == 2
    assert "needs an admin key" in done.stderr


@pytest.mark.parametrize(
    "key", ["   ", "two words of a key", "key-of-a-file\n", "schl\u00fcssel-schl\u00fcssel"]
)
def test_a_key_that_no_client_could_send_is_refused(tmp_path: Path, key: str) -> None:
    """At the start, with the variable's name and without the key, whatever the address."""
    done = run(tmp_path, "serve", "--port", "0", FOOTNOTE_ADMIN_KEY=key)

    assert done.returncode == 2
    assert "FOOTNOTE_ADMIN_KEY" in done.stderr
    assert key.strip() == "" or key.strip() not in done.stderr


@pytest.mark.parametrize(("key", "warned"), [("papers", True), ("k" * 16, False)])
def test_a_key_that_can_be_guessed_is_warned_of(tmp_path: Path, key: str, *, warned: bool) -> None:
    """Serving begins all the same: whether somebody can try keys is for the operator to know."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "serve", "--data", "data", "--port", port, FOOTNOTE_ADMIN_KEY=key)

    assert "Footnote serves" in done.stderr
    assert ("short enough to be guessed" in done.stderr) is warned


def test_a_folder_in_use_is_named(tmp_path: Path) -> None:
    """Every command that needs the folder says who has it and what to do, without a traceback."""
    store = Store(tmp_path / "data")
    try:
        for arguments in (("ask", "Anything?"), ("doctor",), ("serve", "--port", "0")):
            (tmp_path / "data" / "catalog.sqlite3").touch()

            done = run(tmp_path, *arguments, "--data", "data")

            assert done.returncode != 0, arguments
            assert "data" in done.stderr
            assert re.search(r"in use|another process|other process", done.stderr, re.IGNORECASE), done.stderr
            assert "Traceback" not in done.stderr, arguments
    finally:
        store.close()


def test_settings_from_the_environment_are_checked(tmp_path: Path) -> None:
    """A wrong value is named by its variable."""
    done = run(tmp_path, "doctor", FOOTNOTE_PORT="ninety")

    assert done.returncode == 2
    assert "FOOTNOTE_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_answers_and_stops(tmp_path: Path) -> None:
    """The server says where it is, answers, and leaves in good order when told to."""
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--data", "data", "--port", "18643"],
            cwd=tmp_path,
            env=environment(),
            stderr=errors,
        )
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    alive = httpx.get("http://127.0.0.1:18643/livez")
                    break
                except httpx.ConnectError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < until, log.read_text()
                    time.sleep(0.1)
            assert alive.json() == {"status": "alive"}
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)
        finally:
            process.kill()
            process.wait()

    assert process.returncode in (0, -signal.SIGTERM)
    assert "http://127.0.0.1:18643" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_keys_on_a_folder_and_through_its_service(tmp_path: Path) -> None:
    """Made on the folder; then listed, rotated and revoked by the service that holds it; noted in its log."""
    made = run(tmp_path, "keys", "create", "ops", "--scope", "admin", "--json", "--data", "data")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    listed = run(tmp_path, "keys", "list", "--data", "data").stdout
    assert f"{key['id']}  live" in listed
    assert key["token"] not in listed
    assert run(tmp_path, "keys", "create", "x", "--scope", "root", "--data", "data").returncode == 2
    assert run(tmp_path, "keys", "revoke", "unknown", "--data", "data").returncode == 2

    port = free_port()
    service = {"FOOTNOTE_PORT": str(port), "FOOTNOTE_DATA": "data"}
    # Others may be served now: whoever calls needs a key.
    process = subprocess.Popen(
        [*COMMAND, "serve", "--host", "0.0.0.0"],
        cwd=tmp_path,
        env=environment(**service),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/livez")
        keyless = run(tmp_path, "keys", "list", **service)
        assert keyless.returncode == 2
        assert "FOOTNOTE_ADMIN_KEY" in keyless.stderr
        service["FOOTNOTE_ADMIN_KEY"] = key["token"]
        reader = run(
            tmp_path, "keys", "create", "reader", "--scope", "read:shop", "--scope", "ask:*", **service
        )
        (token,) = reader.stdout.split()
        own = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"http://127.0.0.1:{port}/v1/models", headers=own).status_code == 200
        reader_id = token.split("_")[1]
        rotated = run(tmp_path, "keys", "rotate", reader_id, **service).stdout.split()
        assert rotated[0] != token
        assert "revoked" in run(tmp_path, "keys", "revoke", reader_id, **service).stdout
        assert f"{reader_id}  revoked" in run(tmp_path, "keys", "list", **service).stdout
        lines = run(tmp_path, "audit", **service).stdout.splitlines()
        assert {"key.create", "key.rotate", "key.revoke"} <= {json.loads(line)["action"] for line in lines}
        nowhere = run(tmp_path, "keys", "list", "--url", "http://127.0.0.1:9", **service)
        assert "--url" in nowhere.stderr
        assert key["token"] not in nowhere.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    entries = [json.loads(line) for line in run(tmp_path, "audit", "--data", "data").stdout.splitlines()]
    assert entries[0]["key_id"] == "command"
    assert [each["number"] for each in entries] == sorted(each["number"] for each in entries)
