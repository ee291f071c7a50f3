"""Documents over HTTP: upload, list, read, replace, watch, delete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.server import error_of, events, upload

if TYPE_CHECKING:
    import httpx

    from tests.api.conftest import PdfMaker

EMOJI = "Ein 😀 Satz über Höhe. Second 👩‍👩‍👧 sentence."
FIELDS = {
    "id", "collection", "title", "filename", "media_type", "sha256", "bytes", "status", "version", "pages",
    "passages", "error", "progress",
}  # fmt: skip


def test_several_files_in_one_request(client: httpx.Client) -> None:
    """Each file is a document of the named collection with the metadata given, ready when asked to wait."""
    files = [("file", ("a.md", b"# Alpha\n\nAlpha is first.")), ("file", ("b.txt", b"Beta is second."))]
    data = {"collection": "several", "metadata": '{"year": 2024}', "wait": "true"}

    response = client.post("/v1/documents", files=files, data=data)

    assert response.status_code == 201
    first, second = response.json()["documents"]
    assert set(first) >= FIELDS
    assert (first["status"], first["title"], first["media_type"]) == ("ready", "Alpha", "text/markdown")
    assert (second["status"], second["title"], second["bytes"]) == ("ready", "b.txt", 15)
    assert first["collection"] == second["collection"] == "several"
    assert first["metadata"] == {"year": 2024}
    assert (first["version"], first["error"], first["pages"]) == (1, None, None)
    assert first["passages"] >= 1


def test_without_wait_the_upload_is_accepted_and_comes_ready(client: httpx.Client) -> None:
    """202 at once; the events tell of the way to ready, and end there."""
    response = client.post("/v1/documents", files={"file": ("later.txt", b"It will be ready later.")})

    assert response.status_code == 202
    document_id = response.json()["documents"][0]["id"]
    told = events(client.get(f"/v1/documents/{document_id}/events"))
    assert {each.name for each in told} == {"progress"}
    assert told[-1].data == client.get(f"/v1/documents/{document_id}").json()
    assert told[-1].data["status"] == "ready"


def test_a_text_as_json(client: httpx.Client) -> None:
    """A text with a title is a document like any other."""
    body = {"text": "The kiln is at the quay.", "title": "Kiln", "metadata": {"tag": "x"}, "wait": True}

    response = client.post("/v1/documents", json=body)

    (document,) = response.json()["documents"]
    assert response.status_code == 201
    assert (document["title"], document["status"], document["metadata"]) == ("Kiln", "ready", {"tag": "x"})
    assert client.get(f"/v1/documents/{document['id']}/text").json()["text"] == body["text"]


def test_texts_without_a_name_are_documents_of_their_own(client: httpx.Client) -> None:
    """A text that says neither title nor file name replaces no other one."""
    ids = [
        client.post("/v1/documents", json={"text": text, "collection": "unnamed"}).json()["documents"][0][
            "id"
        ]
        for text in ("The first note.", "The second note.")
    ]

    assert len(set(ids)) == 2


def test_the_same_bytes_are_the_same_document(client: httpx.Client) -> None:
    """Again under any name: the same id and version and no new work; in another collection, another document."""
    first = upload(client, "The same bytes.", "one.md", collection="same")
    again = upload(client, "The same bytes.", "other.md", collection="same")
    new = upload(client, "The same bytes.", "one.md", collection="same", on_conflict="new")
    elsewhere = upload(client, "The same bytes.", "one.md", collection="same-elsewhere")

    assert again == first == new
    assert elsewhere["id"] != first["id"]


def test_two_files_of_one_name_in_one_request_are_two_documents(client: httpx.Client) -> None:
    """Two folders may each have a readme; neither replaces the other."""
    files = [
        ("file", ("readme.md", b"# Pumps\n\nAbout pumps.")),
        ("file", ("readme.md", b"# Sails\n\nOn sails.")),
    ]

    response = client.post("/v1/documents", files=files, data={"wait": "true", "collection": "twins"})

    documents = response.json()["documents"]
    assert [(each["title"], each["version"], each["status"]) for each in documents] == [
        ("Pumps", 1, "ready"),
        ("Sails", 1, "ready"),
    ]


def test_another_file_of_the_same_name_is_a_new_version(client: httpx.Client) -> None:
    """The id stays, the version counts up, the old text can still be read by its version."""
    first = upload(client, "The fee is 5 euros.", "fee.md", collection="versions")
    second = upload(client, "The fee is 6 euros.", "fee.md", collection="versions")
    text = f"/v1/documents/{first['id']}/text"

    assert (second["id"], second["version"], second["live_version"]) == (first["id"], 2, 2)
    assert client.get(text).json()["text"] == "The fee is 6 euros."
    assert client.get(text, params={"version": 1}).json()["text"] == "The fee is 5 euros."
    error_of(client.get(text, params={"version": 3}), 404, "not_found")


def test_on_conflict_new_keeps_both(client: httpx.Client) -> None:
    """Asked to, another file of the same name is another document."""
    first = upload(client, "Twins: one.", "twin.md", collection="twins")
    second = upload(client, "Twins: two.", "twin.md", collection="twins", on_conflict="new")

    assert first["id"] != second["id"]


def test_put_replaces(client: httpx.Client) -> None:
    """PUT makes a new version whatever the file is called; a failed one leaves the present one live."""
    document = upload(client, "The gate is green.", "gate.md", collection="put")
    address = f"/v1/documents/{document['id']}"
    search = {"query": "gate colour", "collection": "put"}

    replaced = client.put(address, files={"file": ("gate-2.md", b"The gate is red.")}, data={"wait": "true"})
    assert replaced.status_code == 201
    assert replaced.json()["documents"][0]["version"] == 2
    assert client.post("/v1/search", json=search).json()["passages"][0]["text"] == "The gate is red."

    broken = client.put(address, files={"file": ("gate.pdf", b"%PDF-1.7 broken")}, data={"wait": "true"})
    (failed,) = broken.json()["documents"]
    assert (failed["version"], failed["status"], failed["live_version"]) == (3, "failed", 2)
    assert client.post("/v1/search", json=search).json()["passages"][0]["text"] == "The gate is red."

    two = [("file", ("a", b"a a a")), ("file", ("b", b"b b b"))]
    error_of(client.put(address, files=two), 422, "invalid_field")
    error_of(client.put("/v1/documents/doc_none", files={"file": ("a", b"a")}), 404, "not_found")


def test_list_by_pages_and_status(client: httpx.Client) -> None:
    """Documents come in the order of their arrival, page by page, each once; filters hold."""
    made = [upload(client, f"Listed number {n}.", f"{n}.md", collection="listed")["id"] for n in range(5)]
    failed = upload(client, "", "empty.md", collection="listed")
    assert failed["status"] == "failed"

    seen: list[str] = []
    query: dict[str, Any] = {"collection": "listed", "status": "ready", "limit": 2}
    for pages in range(1, 4):
        page = client.get("/v1/documents", params=query).json()
        seen += [document["id"] for document in page["documents"]]
        query["cursor"] = page["next_cursor"]
        assert (page["next_cursor"] is None) == (pages == 3)

    assert seen == made
    only = client.get("/v1/documents", params={"collection": "listed", "status": "failed"}).json()
    assert [document["id"] for document in only["documents"]] == [failed["id"]]
    nothing = client.get("/v1/documents", params={"collection": "no-such"}).json()
    assert nothing == {"documents": [], "next_cursor": None}
    assert client.get("/v1/documents", params={"status": "deleted"}).json() == nothing


@pytest.mark.parametrize(("start", "end"), [(0, None), (4, 5), (0, 0), (5, 13), (len(EMOJI), None)])
def test_text_ranges_count_code_points(client: httpx.Client, start: int, end: int | None) -> None:
    """Offsets are those of a Python string, also behind characters that take two units elsewhere."""
    document = upload(client, EMOJI, "emoji.txt", collection="emoji")
    query = {"start": start} | ({} if end is None else {"end": end})

    found = client.get(f"/v1/documents/{document['id']}/text", params=query).json()

    last = len(EMOJI) if end is None else end
    assert found == {
        "document_id": document["id"],
        "version": 1,
        "start": start,
        "end": last,
        "text": EMOJI[start:last],
    }


@pytest.mark.parametrize(
    "query", [{"start": 9, "end": 5}, {"end": 9999}, {"start": -1}, {"start": 9999}, {"version": 0}]
)
def test_a_range_outside_of_the_text_is_refused(client: httpx.Client, query: dict[str, int]) -> None:
    """The error says which range there is."""
    document = upload(client, EMOJI, "emoji.txt", collection="emoji")

    error_of(client.get(f"/v1/documents/{document['id']}/text", params=query), 422, "invalid_field")


def test_the_original_is_never_shown_by_a_browser(client: httpx.Client) -> None:
    """Bytes as they were, always as an attachment of no telling type, named as it was uploaded."""
    page = b"<!doctype html><title>T</title><p>Hello there, reader.<script>alert(1)</script>"
    response = client.post(
        "/v1/documents", files={"file": ('Übersicht "1".html', page)}, data={"wait": "true"}
    )
    (document,) = response.json()["documents"]
    assert (document["status"], document["media_type"]) == ("ready", "text/html")

    original = client.get(f"/v1/documents/{document['id']}/original")

    assert original.content == page
    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["x-content-type-options"] == "nosniff"
    assert original.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%C3%9Cbersicht")
    assert "script-src 'self'" in original.headers["content-security-policy"]


def test_nothing_is_kept_on_the_way(client: httpx.Client) -> None:
    """No browser and no proxy may keep a text or an original, where it would outlive the document."""
    response = client.post(
        "/v1/documents",
        files={"file": ("kept.md", b"# Kept\n\nThe kettle whistles at six.\n")},
        data={"wait": "true"},
    )
    (document,) = response.json()["documents"]

    for path in ("", "/text", "/original"):
        assert client.get(f"/v1/documents/{document['id']}{path}").headers["cache-control"] == "no-store"
    asked = client.post("/v1/ask", json={"question": "When does the kettle whistle?"})
    assert asked.headers["cache-control"] == "no-store"


def test_a_page_with_its_quote_marked(client: httpx.Client, make_pdf: PdfMaker) -> None:
    """A citation of a PDF leads to a picture of its page, on which the quote is marked."""
    data = make_pdf("First page says nothing.", "The crane lifts nine tonnes. It is yellow.")
    client.post(
        "/v1/documents", files={"file": ("crane.pdf", data)}, data={"wait": "true", "collection": "crane"}
    )
    question = {
        "question": "How many tonnes does the crane lift?",
        "collection": "crane",
        "mode": "extractive",
    }
    (citation,) = client.post("/v1/ask", json=question).json()["citations"]

    marked = client.get(citation["url"])
    plain = client.get(citation["url"].partition("?")[0])

    assert citation["pages"] == [2, 2]
    assert citation["boxes"][0]["page"] == 2
    assert "/pages/2.png?citation=1:" in citation["url"]
    for response in (marked, plain):
        assert response.status_code == 200
        assert response.headers["content-type"] == "image/png"
        assert response.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert marked.content != plain.content
    root = f"/v1/documents/{citation['document_id']}/pages"
    error_of(client.get(f"{root}/3.png"), 404, "page_not_found")
    error_of(client.get(f"{root}/0.png"), 404, "page_not_found")
    error_of(client.get(f"{root}/2.png?citation=x"), 422, "invalid_field")
    assert client.get(f"{root}/2.png?citation=1:999999-1000000").status_code == 200


def test_a_text_file_has_no_pages(client: httpx.Client) -> None:
    """The error says where its text is."""
    document = upload(client, "No pages here.", "plain.txt")

    error = error_of(client.get(f"/v1/documents/{document['id']}/pages/1.png"), 404, "page_not_found")

    assert f"/v1/documents/{document['id']}/text" in error["message"]


def test_deleted_is_gone_everywhere(client: httpx.Client) -> None:
    """A receipt, and from then on every route answers as if the document had never been."""
    document = upload(client, "The password of the safe is Zanzibar.", "safe.md", collection="gone")
    asked = {"question": "What is the password of the safe?", "collection": "gone", "mode": "extractive"}
    answer = client.post("/v1/ask", json=asked).json()
    assert "Zanzibar" in answer["answer"]
    assert client.get(f"/v1/answers/{answer['id']}").status_code == 200

    receipt = client.delete(f"/v1/documents/{document['id']}")

    assert receipt.status_code == 200
    count = document["passages"]
    assert receipt.json() == {
        "id": document["id"],
        "deleted": True,
        "removed": {"passages": count, "vectors": count, "cached_answers": 1, "original": True},
    }
    unknown = "doc_00000000deadbeefdeadbeef"
    for method, path in [
        ("GET", ""), ("DELETE", ""), ("GET", "/text"), ("GET", "/text?version=1"), ("GET", "/original"),
        ("GET", "/events"), ("GET", "/pages/1.png"),
    ]:  # fmt: skip
        there, never = (
            client.request(method, f"/v1/documents/{each}{path}") for each in (document["id"], unknown)
        )
        error_of(there, 404, "not_found")
        bodies = [
            response.text.replace(each, "ID").replace(response.headers["x-request-id"], "TRACE")
            for response, each in ((there, document["id"]), (never, unknown))
        ]
        assert bodies[0] == bodies[1]
    for mode in ("hybrid", "dense", "lexical"):
        search = {"query": "password of the safe Zanzibar", "collection": "gone", "mode": mode}
        assert client.post("/v1/search", json=search).json()["passages"] == []
    assert client.post("/v1/ask", json=asked).json()["abstained"]
    error_of(client.get(f"/v1/answers/{answer['id']}"), 404, "not_found")
    grounding = {"text": "The password of the safe is Zanzibar.", "collection": "gone"}
    assert client.post("/v1/ground", json=grounding).json()["citations"] == []


PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.mark.parametrize(
    ("filename", "data", "code"),
    [
        ("corrupt.pdf", b"%PDF-1.7\n" + b"\x00\xff" * 200, "corrupt_file"),
        ("corrupt.docx", b"PK\x03\x04 no zip at all", "corrupt_file"),
        ("empty.txt", b"", "no_text"),
        ("blank.md", b" \n\t\n", "no_text"),
        ("image.png", PNG, "unsupported_type"),
        ("image-called.txt", PNG, "unsupported_type"),
        ("program.bin", b"\x7fELF" + bytes(range(256)) * 4, "unsupported_type"),
    ],
)
def test_an_unreadable_file_is_a_result(client: httpx.Client, filename: str, data: bytes, code: str) -> None:
    """The upload succeeds, that document alone fails with its code, and the one beside it is ready."""
    files = [("file", (filename, data)), ("file", ("good.txt", f"Good beside {filename}.".encode()))]

    response = client.post("/v1/documents", files=files, data={"wait": "true", "collection": "unreadable"})

    assert response.status_code == 201
    bad, good = response.json()["documents"]
    assert (bad["status"], bad["error"]["code"], bad["passages"]) == ("failed", code, 0)
    assert bad["error"]["message"]
    assert good["status"] == "ready"
    error_of(client.get(f"/v1/documents/{bad['id']}/text"), 404)
    assert client.get("/livez").status_code == 200


def test_an_encrypted_pdf_fails_with_its_code(client: httpx.Client, make_pdf: PdfMaker) -> None:
    """The message says what its owner can do."""
    files = {"file": ("secret.pdf", make_pdf("Secret.", password="user"))}

    response = client.post("/v1/documents", files=files, data={"wait": "true"})

    (document,) = response.json()["documents"]
    assert (document["status"], document["error"]["code"]) == ("failed", "encrypted_pdf")
    assert "password" in document["error"]["message"]


def test_bytes_that_look_like_nothing_do_not_stop_the_service(client: httpx.Client) -> None:
    """Random binary data ends as a document of its own state, whatever that is."""
    data = bytes((n * 7919) % 256 for n in range(5000))

    response = client.post("/v1/documents", files={"file": ("noise", data)}, data={"wait": "true"})

    assert response.status_code == 201
    assert response.json()["documents"][0]["status"] == "failed"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/absolute/name.md", "name.md"),
        ("harmless\u202egpj.md", "harmlessgpj.md"),
        ("a\u200bb\u2066c.md", "abc.md"),
        ("<img src=x onerror=alert(1)>.md", "<img src=x onerror=alert(1)>.md"),
        ("x" * 400 + ".md", "x" * 252 + ".md"),
    ],
)
def test_file_names_are_for_showing_only(client: httpx.Client, given: str, shown: str) -> None:
    """Folders, control characters and bidirectional marks are left out of a name, and no name is a path."""
    text = f"Named {given}."
    body = {"text": text, "filename": given[-500:], "collection": "named", "wait": True}

    (document,) = client.post("/v1/documents", json=body).json()["documents"]

    assert (document["filename"], document["status"]) == (shown, "ready")
    assert client.get(f"/v1/documents/{document['id']}/original").content == text.encode()


def test_a_traversing_name_in_multipart(client: httpx.Client) -> None:
    """The same for the name in a part's own header."""
    document = upload(client, "Nothing is written to etc.", "../../etc/passwd")

    assert document["filename"] == "passwd"


def test_metadata_is_kept_until_it_is_given_anew(client: httpx.Client) -> None:
    """A new version without metadata keeps the old; with metadata it has the new."""
    first = upload(client, "Meta one.", "meta.md", collection="meta", metadata=json.dumps({"a": 1}))
    second = upload(client, "Meta two.", "meta.md", collection="meta")
    third = upload(client, "Meta three.", "meta.md", collection="meta", metadata=json.dumps({"b": [True]}))

    assert [each["metadata"] for each in (first, second, third)] == [{"a": 1}, {"a": 1}, {"b": [True]}]


def nested(levels: int) -> dict[str, Any]:
    """Metadata of so many levels of lists and objects."""
    found: Any = 1
    for level in range(levels - 1):
        found = [found] if level % 2 else {"a": found}
    return {"nested": found}


def test_metadata_that_nests_too_deep_is_refused(client: httpx.Client) -> None:
    """Deeper than can be read again is refused in both forms, and the list of documents can be read afterwards."""
    deepest = upload(client, "Deep enough.", "deep.md", collection="deep", metadata=json.dumps(nested(16)))
    for levels in (17, 190, 500):
        body = {"text": "Too deep.", "title": "Deep", "collection": "deep", "metadata": nested(levels)}
        message = error_of(client.post("/v1/documents", json=body), 422, "invalid_field")["message"]
        assert "16 levels" in message
        fields = {"collection": "deep", "metadata": json.dumps(nested(levels))}
        parts = {"file": ("deep.md", b"Too deep.")}
        error_of(client.post("/v1/documents", files=parts, data=fields), 422, "invalid_field")

    listed = client.get("/v1/documents", params={"collection": "deep"})
    assert listed.status_code == 200
    assert [each["metadata"] for each in listed.json()["documents"]] == [deepest["metadata"]]


def test_a_title_beside_a_file_is_no_longer_than_one_beside_a_text(client: httpx.Client) -> None:
    """500 characters, in both forms."""
    for title, status in (("t" * 500, 202), ("t" * 501, 422), ("a\x00b", 422)):
        parts = {"file": ("titled.md", b"With a title.")}
        got = client.post("/v1/documents", files=parts, data={"collection": "titled", "title": title})
        assert got.status_code == status, got.text
