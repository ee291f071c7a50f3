"""Names from outside are shown and never become paths."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from email.message import EmailMessage
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from api.settings import Settings
from api.terminal import named_files
from tests.api.server import error_of, serving, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = (
    "../../../etc/cron.d/footnote",
    "..\\..\\windows\\system32\\x.txt",
    "/etc/passwd",
    "C:\\boot.ini",
    "~/.ssh/authorized_keys",
    "a\x00b.md",
    "....//....//x.md",
    "%2e%2e%2fx.md",
    "con.txt",
    "\u202etxt.exe.md",
    ".",
    "..",
    "x" * 400 + ".md",
)
# The catalog with its log, the lock, originals by their hash, views by number.
STORED = re.compile(
    r"catalog\.sqlite3(?:-wal|-shm)?|lock|originals/[0-9a-f]{2}/[0-9a-f]{64}|views/\d+/[\w./-]+|calibration\.json"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service stores, inside a folder in which nothing else may appear."""
    return tmp_path_factory.mktemp("names") / "inner" / "data"


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[httpx.Client]:
    """A service on that folder."""
    settings = Settings(_env_file=None, data=folder, gateway_key=SecretStr("k"))  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        yield client


def stored(folder: Path) -> list[str]:
    """Every file there is, two folders up as well."""
    root = folder.parents[1]
    files = [path for path in root.rglob("*") if not path.is_dir()]
    assert not any(path.is_symlink() for path in files)
    assert all(path.is_relative_to(folder) for path in files)
    return [path.relative_to(folder).as_posix() for path in files]


def test_names_of_files_and_of_files_in_archives_and_mails(service: httpx.Client, folder: Path) -> None:
    """Whatever a file is called, it lies under its hash and nowhere else, and is shown without its path."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for number, name in enumerate(NAMES):
            packed.writestr(zipfile.ZipInfo(name.replace("\x00", "")), f"Packed text number {number}.")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    mail = EmailMessage()
    mail["Subject"] = "Files"
    mail.set_content("See the attachments.")
    for number, name in enumerate(NAMES):
        mail.add_attachment(
            f"Attached text number {number}.".encode(), "text", "plain", filename=name.replace("\x00", "")
        )
    files = [(name, f"Text number {number} of a file.".encode()) for number, name in enumerate(NAMES)]
    files += [("all.zip", archive.getvalue()), ("mail.eml", mail.as_bytes())]

    for name, data in files:
        response = service.post("/v1/documents", files={"file": (name, data)}, data={"wait": "true"})
        assert response.status_code in (201, 422, 400), response.text
    names = [each["filename"] for each in service.get("/v1/documents?limit=1000").json()["documents"]]

    assert len(names) > len(NAMES)
    assert not any("link.txt" in name for name in names)
    assert not any(part == ".." for name in names for part in re.split(r"[/\\]", name))
    assert all(name.isprintable() and len(name) <= 255 for name in names)
    files_now = stored(folder)
    assert [name for name in files_now if not STORED.fullmatch(name)] == []


@pytest.mark.parametrize(
    "name", ["..", "../x", "..%2fx", "a/b", "/etc", "a\x00b", "%00", ".hidden", "a b", "é", "x" * 101]
)
def test_a_collection_is_no_path(service: httpx.Client, folder: Path, name: str) -> None:
    """A name that could be one is refused on every route, or is not found."""
    before = stored(folder)
    posted = service.post("/v1/documents", files={"file": ("a.md", b"Text.")}, data={"collection": name})
    made = service.post("/v1/collections", json={"name": name})
    read = service.get(f"/v1/collections/{name.replace(chr(0), '%00')}")
    asked = service.post("/v1/search", json={"query": "x", "collection": name})

    error_of(posted, 422)
    error_of(made, 422)
    error_of(asked, 422)
    assert read.status_code in (200, 404, 405, 422)
    assert read.status_code != 200 or name in ("..", "../x", "/etc", "..%2fx")
    assert [each for each in stored(folder) if each not in before and each.startswith("originals/")] == []


def test_links_inside_a_folder_are_left_out(tmp_path: Path) -> None:
    """A folder that came from elsewhere must not bring a file of this machine with it."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.md").write_text("a")
    (outside / "secret.md").write_text("secret")
    (inside / "b.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)

    assert named_files([inside]) == {inside / "a.md": "a.md"}
