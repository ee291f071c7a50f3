"""What every command shares: its options, settings, the files it is given, and errors as messages."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from api import COLLECTION_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.settings import Settings


def _checked_collection(name: str) -> str:
    """Only names that the HTTP interface can address."""
    if not re.fullmatch(COLLECTION_NAME, name):
        fail(
            "--collection: letters, digits, '.', '_' and '-', at most 100, beginning with a letter or digit."
        )
    return name


Data = Annotated[Path | None, typer.Option("--data", help="Data folder. Default: footnote-data.")]
Collection = Annotated[
    str,
    typer.Option("--collection", "-c", help="Collection to use.", callback=_checked_collection),
]


def read_settings(**given: Any) -> Settings:
    """Settings with what the command line gives; a wrong one ends the command with its variable's name."""
    from pydantic import ValidationError  # noqa: PLC0415

    from api import logs  # noqa: PLC0415
    from api.settings import Settings  # noqa: PLC0415

    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [
            f"FOOTNOTE_{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()
        ]
        fail("\n".join(lines))
    logs.configure(settings.log_level)
    return settings


@contextmanager
def messages() -> Iterator[None]:
    """What goes wrong on purpose ends the command with its message."""
    from index.errors import IndexingError  # noqa: PLC0415
    from ingest.errors import IngestError  # noqa: PLC0415
    from rag.errors import RagError  # noqa: PLC0415

    try:
        yield
    except (IndexingError, IngestError, RagError) as error:
        fail(str(error))


def named_files(paths: list[Path]) -> dict[Path, str]:
    """Files with the names to store them under: those inside a folder keep their way into it.

    A link inside a folder is left out: it could lead to any file of the machine.
    """
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.is_file() and not each.is_symlink())
            for each in inside:
                way = each.relative_to(path)
                if not any(part.startswith(".") for part in way.parts):
                    found[each] = way.as_posix()
        else:
            found[path] = path.name
    return found


def fail(message: str) -> NoReturn:
    """End the command with a message for its user."""
    typer.echo(f"footnote: {message}", err=True)
    raise typer.Exit(2)
