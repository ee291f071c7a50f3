"""Archives over HTTP and on the command line: one document for each file."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.test_cli import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx


def packed(files: Mapping[str, bytes]) -> bytes:
    """An archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def post(
    client: httpx.Client, data: bytes, collection: str, filename: str = "rules.zip"
) -> list[dict[str, Any]]:
    """Upload an archive and wait."""
    response = client.post(
        "/v1/documents",
        files={"file": (filename, data)},
        data={"collection": collection, "wait": "true", "metadata": '{"year": 2024}'},
    )
    assert response.status_code == 201
    documents: list[dict[str, Any]] = response.json()["documents"]
    return documents


def test_each_file_is_a_document(client: httpx.Client) -> None:
    """Good files are ready, bad ones fail alone, hidden ones are left out; the same archive changes nothing."""
    data = packed(
        {
            "fees.csv": b"Tool,Fee\nSaw,3\n",
            "2024/loans.md": b"# Loans\n\nSeven books at a time.",
            "photo.png": b"\x89PNG\r\n\x1a\n",
            "inner.zip": packed({"a.txt": b"x"}),
            "__MACOSX/._fees.csv": b"x",
        }
    )

    documents = post(client, data, "bundle")

    assert {d["filename"]: (d["status"], (d["error"] or {}).get("code")) for d in documents} == {
        "rules.zip/fees.csv": ("ready", None),
        "rules.zip/2024/loans.md": ("ready", None),
        "rules.zip/photo.png": ("failed", "unsupported_type"),
        "rules.zip/inner.zip": ("failed", "unsupported_type"),
    }
    assert all(document["metadata"] == {"year": 2024} for document in documents)
    found = client.post("/v1/search", json={"query": "how many books", "collection": "bundle"}).json()
    assert found["passages"][0]["filename"] == "rules.zip/2024/loans.md"
    assert post(client, data, "bundle") == documents


def test_a_changed_archive_brings_next_versions_and_another_archive_other_documents(
    client: httpx.Client,
) -> None:
    """Members are known by the archive's name and their path."""
    (first,) = post(client, packed({"a.txt": b"The first wording."}), "bundles")
    (second,) = post(client, packed({"a.txt": b"The second wording."}), "bundles")
    (other,) = post(client, packed({"a.txt": b"Other words."}), "bundles", "other.zip")

    assert (second["id"], second["version"]) == (first["id"], 2)
    assert other["id"] != first["id"]


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(99), packed({"folder/": b""})])
def test_what_cannot_be_taken_apart_is_one_failed_document(client: httpx.Client, data: bytes) -> None:
    """The upload succeeds, and the document says what is wrong."""
    (document,) = post(client, data, "bundles")

    assert document["filename"] == "rules.zip"
    assert document["status"] == "failed"
    assert document["error"]["code"] in {"unsupported_type", "no_text", "corrupt_file"}


def test_a_locked_member_fails_with_its_code(client: httpx.Client) -> None:
    """The others are ready."""
    data = bytearray(packed({"locked.txt": b"secret", "open.txt": b"An open text."}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1

    locked, opened = post(client, bytes(data), "bundles")

    assert (locked["status"], locked["error"]["code"]) == ("failed", "encrypted")
    assert opened["status"] == "ready"


def test_the_command_line_takes_archives(tmp_path: Path) -> None:
    """As the HTTP interface does."""
    (tmp_path / "x.zip").write_bytes(
        packed({"a.txt": b"Saws cost 3 pounds.", "b/c.txt": b"Planes cost 5 pounds."})
    )

    done = run(tmp_path, "ingest", "x.zip", "--data", "data")

    assert done.returncode == 0, done.stderr
    assert "2 documents" in done.stdout
