"""What is written about the interface is what the interface is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from api.ceilings import ceilings_table
from api.cli import app
from api.local import settings_table
from api.schemas.keys import KeyIn
from api.settings import Settings

if TYPE_CHECKING:
    import httpx

ROOT = Path(__file__).resolve().parents[2]
ROUTES = {
    "/v1/documents": {"get", "post"},
    "/v1/documents/{document_id}": {"get", "put", "delete"},
    "/v1/documents/{document_id}/text": {"get"},
    "/v1/documents/{document_id}/chunks": {"get"},
    "/v1/documents/{document_id}/original": {"get"},
    "/v1/documents/{document_id}/pages/{page}.png": {"get"},
    "/v1/documents/{document_id}/events": {"get"},
    "/v1/collections": {"get", "post"},
    "/v1/collections/{name}": {"get", "delete"},
    "/v1/search": {"post"},
    "/v1/ask": {"post"},
    "/v1/ask/batch": {"get", "post"},
    "/v1/ask/batch/{batch_id}": {"get", "delete"},
    "/v1/ask/batch/{batch_id}/events": {"get"},
    "/v1/ask/batch/{batch_id}/results": {"get"},
    "/v1/ask/batch/{batch_id}/results.csv": {"get"},
    "/v1/ask/batch/{batch_id}/cancel": {"post"},
    "/v1/usage": {"get"},
    "/v1/collections/{name}/budget": {"put"},
    "/v1/ground": {"post"},
    "/v1/answers/{answer_id}": {"get"},
    "/v1/answers/{answer_id}/feedback": {"post"},
    "/v1/conversations": {"get", "delete"},
    "/v1/conversations/{conversation_id}": {"get", "delete"},
    "/v1/preferences": {"get", "put", "delete"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key_id}": {"get", "delete"},
    "/v1/keys/{key_id}/rotate": {"post"},
    "/v1/audit": {"get"},
    "/v1/activity": {"get"},
    "/v1/settings": {"get"},
    "/v1/models": {"get"},
    "/v1/models/{model}": {"get"},
    "/v1/chat/completions": {"post"},
    "/v1/responses": {"post"},
    "/v1/responses/{response_id}": {"get", "delete"},
    "/v1/responses/{response_id}/input_items": {"get"},
    "/v1/files": {"get", "post"},
    "/v1/files/{file_id}": {"get", "delete"},
    "/v1/files/{file_id}/content": {"get"},
    "/v1/vector_stores": {"get", "post"},
    "/v1/vector_stores/{vector_store_id}": {"get", "post", "delete"},
    "/v1/vector_stores/{vector_store_id}/search": {"post"},
    "/v1/vector_stores/{vector_store_id}/files": {"get", "post"},
    "/v1/vector_stores/{vector_store_id}/files/{file_id}": {"get", "post", "delete"},
    "/v1/vector_stores/{vector_store_id}/files/{file_id}/content": {"get"},
    "/v1/vector_stores/{vector_store_id}/file_batches": {"post"},
    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}": {"get"},
    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel": {"post"},
    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files": {"get"},
    "/v1/ai-sdk/chat": {"post"},
    "/mcp": {"post"},
    "/retrieval": {"post"},
    "/livez": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


def test_the_page_on_limits_has_the_table_of_the_code() -> None:
    """docs/limits.md holds what ``footnote limits`` prints."""
    assert ceilings_table() in (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")


def test_the_page_on_settings_has_the_table_of_the_code() -> None:
    """docs/settings.md holds what ``footnote settings`` prints, so neither is changed alone."""
    assert settings_table() in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_commands_on_the_page_on_keys_work(tmp_path: Path) -> None:
    """Each key that docs/keys.md makes can be made, by the command or with the body that is sent."""
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    commands = re.findall(r"^footnote (keys .+|audit)", page, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        done = CliRunner().invoke(app, [*shlex.split(command), "--data", str(tmp_path / "data")])
        assert done.exit_code == 0, (command, done.output)
    (body,) = re.findall(r"/v1/keys -d '(.+?)'", page, re.DOTALL)
    assert KeyIn.model_validate_json(body).grant().limits.usd_per_day == 2


def test_every_setting_is_described() -> None:
    """No setting without a sentence, and none with a secret as its default."""
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`FOOTNOTE_{name.upper()}`" in settings_table()


def test_the_description_of_the_interface_lists_every_route(client: httpx.Client) -> None:
    """Each route of the contract, with its methods and a sentence about each."""
    found = client.get("/openapi.json").json()

    assert {path: set(methods) for path, methods in found["paths"].items()} == ROUTES
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)
    body = found["paths"]["/v1/documents"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
