"""Questions in bulk: JSON and CSV in and out, across a restart, with progress, cancelling and a limit of money."""

from __future__ import annotations

import csv
import io
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from api.settings import Settings
from tests.api.server import error_of, events, serving, upload, wait_until_ready
from tests.api.tenants import bearer
from tests.doubles.scripted_gateway import Scene, ScriptedGateway
from tests.rag.test_answer import says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "fn_admin-of-the-batches"
BOOKS = "# Lending\n\nMembers may borrow seven books at a time. A fine is two euros a week."
WHERE = "/v1/ask/batch"


@contextmanager
def served(data: Path, gateway: ScriptedGateway | None = None, **more: Any) -> Iterator[httpx.Client]:
    """Serve."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=data,
        gateway_url=gateway.url if gateway else None,
        admin_key=SecretStr(ADMIN),
        **more,
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(ADMIN)) as client:
        wait_until_ready(client)
        yield client


def made(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """A new batch."""
    response = client.post(WHERE, json={"collection": "lending", **body})
    assert response.status_code == 202, response.text
    return dict(response.json())


def finished(client: httpx.Client, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch, once it is over."""
    while True:
        found = client.get(f"{WHERE}/{batch['id']}").json()
        if found["status"] in ("finished", "cancelled"):
            return dict(found)
        time.sleep(0.05)


def test_questions_are_answered_in_their_order(tmp_path: Path) -> None:
    """Each as /v1/ask answers it; progress is told while they are."""
    with served(tmp_path) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        questions = [
            "How many books may members borrow?",
            {"id": "fine", "question": "What is a fine a week?"},
        ]

        batch = made(client, questions=questions)
        told = events(client.get(f"{WHERE}/{batch['id']}/events"))
        found = client.get(f"{WHERE}/{batch['id']}/results").json()

        assert {each.name for each in told} == {"progress"}
        assert told[-1].data["status"] == "finished"
        assert [(each["id"], each["status"]) for each in found["results"]] == [
            ("1", "done"),
            ("fine", "done"),
        ]
        first = found["results"][0]["answer"]
        assert "seven books" in first["answer"]
        assert first["citations"][0]["quote"] in BOOKS
        assert client.get(f"/v1/answers/{first['id']}").status_code == 200
        assert found["next_offset"] is None
        listed = client.get(WHERE).json()["batches"]
        assert [each["id"] for each in listed] == [batch["id"]]


def test_csv_in_and_out(tmp_path: Path) -> None:
    """A table from a spreadsheet, and one back, in which no cell is taken for a formula."""
    table = (
        '\ufeffNr;Question;ID\r\n1;How many books may members borrow?;a\r\n2;"=1+1 what; is it?";\r\n;;\r\n'
    )
    with served(tmp_path) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        response = client.post(
            WHERE,
            params={"collection": "lending"},
            content=table.encode(),
            headers={"Content-Type": "text/csv"},
        )
        assert response.status_code == 202, response.text
        batch = finished(client, response.json())
        got = client.get(f"{WHERE}/{batch['id']}/results.csv")
        rows = list(csv.DictReader(io.StringIO(got.text)))

        assert got.headers["content-type"].startswith("text/csv")
        assert "attachment" in got.headers["content-disposition"]
        assert [row["id"] for row in rows] == ["a", "2"]
        assert "seven books" in rows[0]["answer"]
        assert "lending.md" in rows[0]["sources"]
        assert rows[1]["question"] == "'=1+1 what; is it?"
        for body, kind in (
            (b"a,b\n1,2", "text/csv"),
            (b"\xff", "text/csv"),
            (b'question\n"How many?\nHow few?\n', "text/csv"),
            (b"id,question\na,How many books, and when?\n", "text/csv"),
            (b'{"questions": []}', "application/json"),
        ):
            error_of(client.post(WHERE, content=body, headers={"Content-Type": kind}), 422)
        error_of(client.post(WHERE, content=b"x", headers={"Content-Type": "text/plain"}), 415)
        error_of(
            client.post(WHERE, content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed"
        )
        asked = {"questions": ["How many?"], "collection": "lending"}
        error_of(client.post(WHERE, json={**asked, "filter": {"$no": 1}}), 422, "invalid_filter")
        error_of(client.post(WHERE, json={**asked, "max_cost_usd": 1e300}), 422, "invalid_field")


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    """What was done is not done again, and what was not is."""
    slow = replace(
        Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time")), delay_s=0.3
    )
    with ScriptedGateway([slow]) as gateway:
        with served(tmp_path, gateway, batch_workers=1, answer_cache_hours=0) as client:
            upload(client, BOOKS, "lending.md", collection="lending")
            batch = made(client, questions=[f"How many books, asked {at}?" for at in range(8)])
            while client.get(f"{WHERE}/{batch['id']}").json()["done"] < 2:
                time.sleep(0.05)
        with served(tmp_path, gateway, batch_workers=4, answer_cache_hours=0) as client:
            end = finished(client, batch)
            rows = client.get(f"{WHERE}/{batch['id']}/results").json()["results"]

        assert (end["done"], end["failed"], end["waiting"]) == (8, 0, 0)
        assert len({row["answer"]["id"] for row in rows}) == 8
        # One was cut off.
        assert 8 <= len(gateway.chats) <= 9


def test_the_same_request_makes_one_batch(tmp_path: Path) -> None:
    """With an Idempotency-Key; another key of the service is another caller."""
    with served(tmp_path, batch_workers=0) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        body = {"questions": ["How many books?"], "collection": "lending"}
        sent = [
            client.post(WHERE, json=body, headers={"Idempotency-Key": "k1"}).json()["id"] for _ in range(3)
        ]
        other = client.post(WHERE, json=body, headers={"Idempotency-Key": "k2"}).json()["id"]

        assert len(set(sent)) == 1
        assert other not in sent
        for changed in ({"questions": ["How few?"]}, {"mode": "extractive"}, {"max_cost_usd": 1.0}):
            again = client.post(WHERE, json={**body, **changed}, headers={"Idempotency-Key": "k1"})
            error_of(again, 422, "idempotency_key_reused")


def test_cancelling_and_deleting(tmp_path: Path) -> None:
    """No further question is answered; what is answered stays until the batch is deleted, the answers longer."""
    with served(tmp_path, batch_workers=0) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        batch = made(client, questions=["How many books?", "What is a fine?"])
        address = f"{WHERE}/{batch['id']}"
        ended = client.post(f"{address}/cancel").json()

        assert (ended["status"], ended["cancelled"]) == ("cancelled", 2)
        assert client.post(f"{address}/cancel").json()["status"] == "cancelled"
        assert client.delete(address).json() == {"id": batch["id"], "deleted": True}
        error_of(client.get(address), 404, "not_found")


def test_a_question_in_work_is_let_go_when_its_batch_is_cancelled(tmp_path: Path) -> None:
    """Its answer is not waited for."""
    with (
        ScriptedGateway([Scene.hang()]) as gateway,
        served(tmp_path, gateway, gateway_deadline_s=3) as client,
    ):
        upload(client, BOOKS, "lending.md", collection="lending")
        batch = made(client, questions=["How many books?"])
        while not gateway.chats:
            time.sleep(0.02)
        assert client.post(f"{WHERE}/{batch['id']}/cancel").json()["status"] == "cancelled"
        assert finished(client, batch)["done"] == 0


def test_a_batch_stays_inside_its_money(tmp_path: Path) -> None:
    """Questions for which nothing is left fail with the reason; the sum of the answers is under the limit."""
    scene = Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time"))
    with ScriptedGateway([replace(scene, usage=False)]) as gateway, served(tmp_path, gateway) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        batch = made(
            client, questions=[f"How many books, asked {at}?" for at in range(6)], max_cost_usd=0.005
        )
        end = finished(client, batch)
        rows = client.get(f"{WHERE}/{batch['id']}/results").json()["results"]

        assert end["done"] >= 1
        assert end["failed"] >= 1
        assert end["spent_usd"] <= 0.005
        assert {row["error"]["code"] for row in rows if row["error"]} == {"budget_exceeded"}


def test_questions_wait_for_what_others_hold(tmp_path: Path) -> None:
    """Four at once, money for two: none fails, because each costs a twentieth of what it holds; errors cost nothing."""
    scene = replace(
        Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time")), delay_s=0.2
    )
    script = [Scene.refusal(400), *[scene] * 20]
    with ScriptedGateway(script) as gateway, served(tmp_path, gateway, batch_workers=4) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        batch = made(
            client, questions=[f"How many books, asked {at}?" for at in range(12)], max_cost_usd=0.01
        )
        end = finished(client, batch)
        rows = client.get(f"{WHERE}/{batch['id']}/results").json()["results"]

        assert (end["done"], end["failed"]) == (11, 1)
        assert {row["error"]["code"] for row in rows if row["error"]} == {"gateway_bad_request"}
        costs = [row["answer"]["cost_usd"] for row in rows if row["answer"]]
        assert sum(costs) <= end["spent_usd"] <= sum(costs) + 1e-6 * len(costs)


def test_a_key_with_little_money_does_not_stop_for_an_hour(tmp_path: Path) -> None:
    """What others of the batch hold for a moment is waited for, and each question counts once."""
    scene = replace(
        Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time")), delay_s=0.2
    )
    with ScriptedGateway([scene]) as gateway, served(tmp_path, gateway, batch_workers=3) as client:
        upload(client, BOOKS, "lending.md", collection="lending")
        limits = {"usd_per_day": 0.04, "questions_per_day": 6}
        key = client.post("/v1/keys", json={"name": "t", "scopes": ["ask:*"], "limits": limits}).json()
        body = {"questions": [f"How many books, asked {at}?" for at in range(6)], "collection": "lending"}
        batch = client.post(WHERE, json=body, headers=bearer(key["token"])).raise_for_status().json()
        started = time.monotonic()

        assert finished(client, batch)["done"] == 6
        assert time.monotonic() - started < 30


def test_what_goes_wrong_is_a_result(tmp_path: Path) -> None:
    """A gateway that refuses fails its question and no other; a revoked key is answered nothing more."""
    good = Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time"))
    with (
        ScriptedGateway([Scene.refusal(401), good]) as gateway,
        served(tmp_path, gateway, batch_workers=1) as client,
    ):
        upload(client, BOOKS, "lending.md", collection="lending")
        end = finished(client, made(client, questions=["First: how many books?", "Then: how many books?"]))
        assert (end["done"], end["failed"]) == (1, 1)
    with served(tmp_path, batch_workers=0) as client:
        key = client.post("/v1/keys", json={"name": "t", "scopes": ["ask:lending"]}).json()
        body = {"questions": ["How many books?"], "collection": "lending"}
        batch = client.post(WHERE, json=body, headers=bearer(key["token"])).json()
        client.delete(f"/v1/keys/{key['id']}").raise_for_status()
    with served(tmp_path) as client:
        assert finished(client, batch)["failed"] == 1


def test_deleted_evidence_leaves_no_answer(tmp_path: Path) -> None:
    """The results say that it is gone, and show nothing of it."""
    with served(tmp_path) as client:
        document = upload(client, BOOKS, "lending.md", collection="lending")
        batch = made(client, questions=["How many books may members borrow?"])
        finished(client, batch)
        client.delete(f"/v1/documents/{document['id']}").raise_for_status()
        got = client.get(f"{WHERE}/{batch['id']}/results")
        (row,) = got.json()["results"]

        assert (row["status"], row["answer"], row["error"]["code"]) == ("gone", None, "evidence_deleted")
        assert "seven" not in got.text
        assert "seven" not in client.get(f"{WHERE}/{batch['id']}/results.csv").text
