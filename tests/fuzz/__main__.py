"""Serves two tenants from an empty folder and has schemathesis call every route with each tenant's key.

No answer may be a fault of the service, undocumented, or somebody else's. Exits with 1 when one is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from api import logs
from tests.api.tenants import ADMIN, CANARIES, World, bearer, world

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "nothing_foreign",
)


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=45, help="for all keys together")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logs.configure("error")
    with tempfile.TemporaryDirectory() as folder, world(Path(folder) / "data") as made:
        keys = {
            "acme": (made.acme.token, (CANARIES["globex"], CANARIES["sealed"])),
            "globex": (made.globex.token, (CANARIES["acme"], CANARIES["sealed"])),
            # Last, because it may delete what the others need.
            "admin": (ADMIN, ()),
        }
        found = 0
        for name, (token, forbidden) in keys.items():
            if name == "admin" and not sealed_is_intact(made):
                sys.stderr.write("A key changed or deleted a document that it may not see.\n")
                return 1
            found |= fuzz(made, token, forbidden, folder, max(1, given.seconds // len(keys)), given.seed)
    return found


def sealed_is_intact(made: World) -> bool:
    """Whether the document that no tenant's key may see still says what it said."""
    read = made.client.get(f"/v1/documents/{made.sealed}/text", headers=bearer(ADMIN))
    return read.is_success and CANARIES["sealed"] in read.text


def fuzz(made: World, token: str, forbidden: tuple[str, ...], folder: str, seconds: int, seed: int) -> int:
    """Call every route with one key; 0 when something was called and nothing found."""
    both = (made.acme, made.globex)
    names = [each.name for each in both]
    known = {
        "document_id": [*(each.document_id for each in both), made.sealed],
        "answer_id": [each.answer_id for each in both],
        # Batches of questions and batches of files.
        "batch_id": [batch for each in both for batch in (each.batch_id, each.file_batch_id)],
        "conversation_id": [each.conversation_id for each in both],
        "response_id": [each.response_id for each in both],
        "file_id": [*(each.file_id for each in both), made.acme.document_id, made.sealed],
        "key_id": [each.key_id for each in both],
        "name": names,
        "vector_store_id": names,
        "model": names,
    }
    counted = Path(folder) / "counted"
    # A revoked key opens nothing, and stays to be read with when it was revoked. Tenants delete documents only.
    checks = [each for each in CHECKS if forbidden or each != "use_after_free"]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{made.client.base_url}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(checks)),
        *("--seed", str(seed)),
        *("--max-time", str(seconds)),
        *("--phases", "examples,coverage,fuzzing,stateful"),
        *("--suppress-health-check", "all"),
        *("--request-timeout", "30"),
        "--continue-on-failure",
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FUZZED_WORLD": json.dumps({"known": known, "forbidden": forbidden, "counted": str(counted)}),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    # In a folder of its own: schemathesis keeps what it found beside it.
    status = subprocess.run(command, env=environment, cwd=folder, check=False).returncode
    answers = counted.stat().st_size if counted.exists() else 0
    sys.stderr.write(f"{answers} answers looked at with this key\n")
    counted.unlink(missing_ok=True)
    # In too little time nothing is called, which proves nothing.
    return status or int(answers == 0)


if __name__ == "__main__":
    sys.exit(main())
