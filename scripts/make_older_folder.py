"""Makes data folders with older versions of Footnote, for the test that this one opens them.

    .venv/bin/python scripts/make_older_folder.py v0.1.0 ...

For each tag or commit its own code, checked out into a temporary folder, ingests a few documents, replaces one,
deletes one and stores an answer; the folder becomes tests/index/folders/NAME.zip. Run it once for each release, with
the release's tag. A commit that was never released is given with a name: NAME=COMMIT.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ROOT / "tests" / "index" / "folders"
# What every version since the first has had under these names.
FILL = """
import sys
from pathlib import Path
from index.config import JobConfig
from index.jobs import JobRunner
from index.store import Store
from ingest.config import ChunkConfig, ParseConfig
from ingest.parse import Parser
from ingest.pipeline import Pipeline
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import add, search

store = Store(Path(sys.argv[1]))
with Parser(ParseConfig()) as parser:
    pipeline = Pipeline(parser, HashingEmbedder(), ParseConfig(), ChunkConfig(max_tokens=24))
    runner = JobRunner(store, pipeline, JobConfig(workers=1))
    runner.start()
    add(store, runner, "opening.md", "# Opening hours\\n\\nThe room opens at nine. On Sundays it stays closed.\\n")
    lending = add(store, runner, "lending.md", "# Lending\\n\\nMembers borrow five books at a time.\\n")
    second = "# Lending\\n\\nMembers borrow seven books at a time. Tools are lent for a week.\\n"
    add(store, runner, "lending.md", second)
    add(store, runner, "films.txt", "Films are lent for two days.", metadata={"shelf": 4})
    add(store, runner, "broken.pdf", "%PDF-1.7 nothing")
    gone = add(store, runner, "gone.txt", "The cellar floods in April.")
    store.delete_document(gone.id)
    add(store, runner, "other.txt", "A text of another collection.", collection="other")
    search(store, "books")
    store.answers.save("ans_older", store.catalog.collection("default").id, {"text": "Seven."}, [lending.id])
    store.answers.add_feedback("ans_older", 1, correct=True, comment="yes")
    runner.stop()
    # Waiting still when the folder was closed.
    blob = store.blobs.writer()
    blob.write(b"Slides are lent overnight.")
    store.add(blob, collection="default", filename="slides.txt")
store.close()
"""


def make(name: str, commit: str) -> None:
    """Make one folder, with the bytes of every file as that version left them."""
    with tempfile.TemporaryDirectory() as temporary:
        code, data = Path(temporary) / "code", Path(temporary) / "data"
        code.mkdir()
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", "--format=tar", commit], capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", str(code)], input=archive.stdout, check=True)
        environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, "-c", FILL, str(data)], cwd=code, env=environment, check=True)
        FOLDERS.mkdir(exist_ok=True)
        with zipfile.ZipFile(FOLDERS / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(data.rglob("*")):
                if path.is_file() and path.name != "lock":
                    # The same folder gives the same archive.
                    entry = zipfile.ZipInfo(path.relative_to(data).as_posix())
                    packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    print(f"{FOLDERS / name}.zip, {(FOLDERS / f'{name}.zip').stat().st_size:,} bytes")


if __name__ == "__main__":
    for given in sys.argv[1:]:
        label, _, reference = given.partition("=")
        make(label, reference or label)
