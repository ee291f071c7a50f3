"""The commands ``footnote backup`` and ``footnote restore``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer evaluates the annotations.
from typing import Annotated

import typer

from api.terminal import Data, messages, read_settings


def backup(
    target: Annotated[Path, typer.Argument(help="Folder of backups; this one becomes a new folder in it.")],
    data: Data = None,
    keep: Annotated[
        int | None, typer.Option(help="Keep only so many of the newest backups, this one included.", min=1)
    ] = None,
    expire: Annotated[
        float | None, typer.Option(help="Remove backups that are older than so many days.", min=0)
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy originals also where hard links could be made.")
    ] = False,
) -> None:
    """Make a backup, also while the service runs. It is complete, or not there at all."""
    from index.backup import back_up  # noqa: PLC0415

    settings = read_settings(data=data)
    with messages():
        made = back_up(
            settings.data,
            target,
            keep=keep,
            expire_days=expire,
            copy=copy,
            progress=lambda step: typer.echo(f"taking {step}", err=True),
        )
    for path in made.expired:
        typer.echo(f"removed {path}", err=True)
    size = sum(entry.bytes for entry in made.manifest.files.values())
    typer.echo(
        f"{made.folder}: {made.manifest.documents} documents, {len(made.manifest.files)} files, {size:,} bytes"
    )


def restore(
    source: Annotated[Path, typer.Argument(help="A backup, or a folder of backups, whose newest is taken.")],
    data: Data = None,
    deletions: Annotated[
        list[Path] | None,
        typer.Option(
            help="A former data folder, catalog or deletions.json: what was deleted or revoked there stays so. "
            "The list beside the backups is read in any case, and the data folder that was backed up where it still is."
        ),
    ] = None,
    bring_back: Annotated[
        bool, typer.Option("--bring-back", help="Restore also documents that were deleted after the backup.")
    ] = False,
) -> None:
    """Restore a backup into a folder that is new or empty."""
    from index.restore import restore as put_back  # noqa: PLC0415

    settings = read_settings(data=data)
    with messages():
        done = put_back(
            source,
            settings.data,
            deletions=deletions or (),
            bring_back=bring_back,
            progress=lambda step: typer.echo(f"restoring {step}", err=True),
        )
    typer.echo(
        f"{settings.data}: {done.manifest.documents - len(done.deleted_again)} documents from {done.backup}"
        + (f"; {len(done.deleted_again)} deleted since were left out" if done.deleted_again else "")
    )
    if done.former is None and not deletions:
        typer.echo(
            "What was deleted or revoked after the newest backup is not known and may be back: the data folder "
            f"{done.manifest.source or 'that was backed up'} is not there or cannot be read. Give what is left of it "
            "with --deletions, or delete these documents again.",
            err=True,
        )
