"""The ``footnote`` command. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.backups import backup, restore
from api.evaluation.command import check_extra, evaluation
from api.keys_command import audit, keys
from api.terminal import Collection, Data, fail, messages, named_files, read_settings

if TYPE_CHECKING:
    from asyncio import Runner
    from collections.abc import Iterator

    from api.deps import Service

# Characters of an admin key. Letters and digits drawn at random make 80 bits of them.
_LONG_ENOUGH = 16

app = typer.Typer(
    help="Answers from your documents, every sentence with a checked footnote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(evaluation, name="eval")
app.command()(backup)
app.command()(restore)
app.add_typer(keys, name="keys")
app.command()(audit)


@app.command()
def serve(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: 8000.")] = None,
) -> None:
    """Serve the HTTP interface and the page."""
    from api.app import LOOPBACK  # noqa: PLC0415
    from api.deps import build  # noqa: PLC0415
    from api.keyring import any_admin_key  # noqa: PLC0415
    from api.serving import run  # noqa: PLC0415

    settings = read_settings(data=data, host=host, port=port)
    with messages():
        if settings.host not in LOOPBACK and settings.admin_key is None and not any_admin_key(settings.data):
            fail(
                f"Listening on {settings.host!r} needs an admin key, or anybody on the network could read every "
                "document. Make one first with `footnote keys create NAME --scope admin`, or set FOOTNOTE_ADMIN_KEY "
                "to a long random one, or listen on 127.0.0.1."
            )
        service = build(settings)
    if settings.admin_key and len(settings.admin_key.get_secret_value()) < _LONG_ENOUGH:
        typer.echo("FOOTNOTE_ADMIN_KEY is short enough to be guessed. Set it to a long random one.", err=True)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.echo(f"Footnote serves http://{host}:{settings.port} from {settings.data}", err=True)
    if not run(settings, service):
        raise typer.Exit(1)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with files.", exists=True)],
    collection: Collection = "default",
    data: Data = None,
) -> None:
    """Ingest files into a collection."""
    from api.local import ingest_files  # noqa: PLC0415

    with _opened(data) as (service, _):
        failed = ingest_files(service, named_files(paths), collection)
    if failed:
        raise typer.Exit(1)


@app.command()
def ask(
    questions: Annotated[list[str], typer.Argument(help="One question or several.")],
    collection: Collection = "default",
    data: Data = None,
    mode: Annotated[str, typer.Option(help="auto, extractive or generative.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as the HTTP interface gives it.")
    ] = False,
) -> None:
    """Ask a collection, and print the answer with its footnotes."""
    from api.local import answer, show_answer  # noqa: PLC0415

    if mode not in ("auto", "extractive", "generative"):
        fail("--mode is auto, extractive or generative.")
    with _opened(data) as (service, loop):
        for question in questions:
            found = answer(service, loop, question, collection, mode)
            if as_json:
                typer.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False))
            else:
                show_answer(question, found)


@app.command()
def doctor(
    data: Data = None,
    repair: Annotated[bool, typer.Option(help="Rebuild what does not agree.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check that catalog, originals and indexes agree. Exits with 1 when something is left unrepaired."""
    from sqlalchemy.exc import DatabaseError  # noqa: PLC0415

    from api.local import show_report  # noqa: PLC0415
    from index.doctor import examine  # noqa: PLC0415
    from index.errors import FolderInUse  # noqa: PLC0415
    from index.store import Store  # noqa: PLC0415

    settings = read_settings(data=data)
    if not (settings.data / "catalog.sqlite3").is_file():
        fail(f"{settings.data} is not a data folder: it has no catalog. Name one with --data.")
    try:
        store = Store(settings.data, settings.views)
    except FolderInUse as error:
        fail(str(error))
    except DatabaseError as error:
        fail(f"{settings.data / 'catalog.sqlite3'} cannot be opened: {error.orig}. Restore it from a backup.")
    try:
        report = examine(
            store, repair=repair, progress=lambda step: None if as_json else typer.echo(f"checking {step}")
        )
    finally:
        store.close()
    show_report(report, as_json=as_json)
    if not all(finding.repaired for finding in report.findings):
        raise typer.Exit(1)


@app.command("probe-deletion")
def probe_deletion(
    document_id: Annotated[str, typer.Argument(help="Id of a deleted document, as its receipt names it.")],
    data: Data = None,
    phrase: Annotated[
        str | None, typer.Option(help="Words that stood in it alone, looked for in every file.")
    ] = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Write the lexical indexes anew first: they forget terms late.")
    ] = False,
    backups: Annotated[
        Path | None,
        typer.Option(
            help="Folder of backups, to be told which of them still hold it.", exists=True, file_okay=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is left as JSON.")] = False,
) -> None:
    """Look for what is left of a deleted document, with the service stopped. Exits with 1 when there is something."""
    from api.local import show_traces  # noqa: PLC0415
    from index import erasure  # noqa: PLC0415
    from index.store import Store  # noqa: PLC0415

    settings = read_settings(data=data)
    if not (settings.data / "catalog.sqlite3").is_file():
        fail(f"{settings.data} is not a data folder: it has no catalog. Name one with --data.")
    with messages():
        store = Store(settings.data, settings.views)
    try:
        if purge:
            erasure.purge(store)
        found = erasure.traces(store, document_id, phrase)
        recorded = erasure.is_recorded(store, document_id)
    finally:
        store.close()
    if backups is not None:
        with messages():
            found += erasure.backups_holding(backups, document_id)
    if not recorded:
        typer.echo(f"No deletion of {document_id} is recorded here: look whether the id is right.", err=True)
    show_traces(found, as_json=as_json, backups=backups is not None)
    if found:
        raise typer.Exit(1)


@app.command()
def calibrate(
    *,
    questions: Annotated[
        Path | None,
        typer.Option(
            help="Questions that say what is right: see docs/evaluation.md.", exists=True, dir_okay=False
        ),
    ] = None,
    feedback: Annotated[bool, typer.Option("--feedback", help="Use what readers said of answers.")] = False,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help='Collection to ask, and whose feedback to use. Default: "default", and all.',
        ),
    ] = None,
    data: Data = None,
    mode: Annotated[str, typer.Option(help="auto, extractive or generative.")] = "auto",
    top_k: Annotated[int, typer.Option(help="Passages read for each question.", min=1, max=200)] = 10,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would be worth, and stop.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also with too few answers, or where it is no better.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the report.", file_okay=False)] = Path(
        "footnote-calibration"
    ),
) -> None:
    """Fit the confidence to your own judged answers, if that makes it better on answers held out."""
    if questions is None and not feedback:
        fail("Give judged answers: --questions FILE, --feedback, or both.")
    check_extra()
    settings = read_settings(data=data)

    from api.calibrate import Options  # noqa: PLC0415
    from api.calibrate import calibrate as fit  # noqa: PLC0415

    with messages():
        fit(Options(settings, questions, feedback, collection, mode, top_k, dry_run, force, out))


@app.command("settings")
def show_settings() -> None:
    """List every setting with its variable, default and meaning."""
    from api.local import settings_table  # noqa: PLC0415

    typer.echo(settings_table())


@app.command("limits")
def show_limits() -> None:
    """List every ceiling: what is bounded, by how much, and what happens beyond it."""
    from api.ceilings import ceilings_table  # noqa: PLC0415

    typer.echo(ceilings_table())


def main() -> None:
    """Entry point of the ``footnote`` command."""
    app()


@contextmanager
def _opened(data: Path | None) -> Iterator[tuple[Service, Runner]]:
    """The service on a data folder, and the event loop that it is used in."""
    from api.local import opened  # noqa: PLC0415

    with messages(), opened(read_settings(data=data)) as both:
        yield both


if __name__ == "__main__":
    main()
