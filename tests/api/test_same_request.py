"""Several files of one request, and archives again: none takes the place of another."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

SAWS, PLANES, DRILLS = "Saws cost 3 pounds.", "Planes cost 9 pounds.", "Drills cost 9 pounds."


def packed(**texts: str) -> bytes:
    """A ZIP archive with these text files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.txt", text)
    return target.getvalue()


def texts_after(client: httpx.Client, collection: str, *archives: bytes) -> set[str]:
    """What a collection's documents say after an archive was uploaded in these states, one after another."""
    for archive in archives:
        sent = client.post(
            "/v1/documents",
            files={"file": ("r.zip", archive)},
            data={"wait": "true", "collection": collection},
        )
        assert sent.status_code == 201, sent.text
    listed = client.get("/v1/documents", params={"collection": collection}).json()["documents"]
    return {client.get(f"/v1/documents/{each['id']}/text").json()["text"] for each in listed}


def test_a_file_that_took_anothers_place_in_an_archive_is_not_lost(client: httpx.Client) -> None:
    """Bytes that moved to another name stay, whatever comes under their old name."""
    found = texts_after(
        client, "moved", packed(a=SAWS, b=SAWS), packed(a=PLANES, b=SAWS), packed(a=SAWS, b=DRILLS)
    )

    assert {SAWS, DRILLS} <= found


def test_a_file_renamed_and_replaced_in_one_archive_is_not_lost(client: httpx.Client) -> None:
    """The old bytes under the new name, and the new bytes under the old one, are both there."""
    assert {SAWS, PLANES} <= texts_after(client, "renamed", packed(a=SAWS), packed(c=SAWS, a=PLANES))
