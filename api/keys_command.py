"""The commands ``footnote keys`` and ``footnote audit``."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.terminal import Data, fail, messages, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from api.keyring import Keyring
    from api.schemas.keys import KeyOut, NewKeyOut

keys = typer.Typer(
    help="Create, list, rotate and revoke keys.", no_args_is_help=True, pretty_exceptions_enable=False
)

Url = Annotated[
    str | None, typer.Option("--url", help="Address of the running service. Default: that of the settings.")
]
KeyId = Annotated[str, typer.Argument(help="The key's id, as `footnote keys list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DAY_S = 86_400


@keys.command()
def create(
    *,
    name: Annotated[str, typer.Argument(help="What the key is for, to tell it from others.")],
    scope: Annotated[
        list[str],
        typer.Option(
            help="admin, read:COLLECTION, ask:COLLECTION, write:COLLECTION or publishable:COLLECTION; * for every "
            "collection. Several times for several."
        ),
    ],
    principal: Annotated[
        list[str] | None, typer.Option(help="Who requests with this key are; * to let each request say so.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Pages that may use a publishable key, as https://example.org.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option()] = None,
    questions_per_day: Annotated[int | None, typer.Option()] = None,
    upload_bytes_per_day: Annotated[int | None, typer.Option()] = None,
    usd_per_day: Annotated[float | None, typer.Option()] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires. Default: never.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its token, this once."""
    from pydantic import ValidationError  # noqa: PLC0415

    from api.schemas.keys import KeyIn, LimitsIn  # noqa: PLC0415

    try:
        wanted = KeyIn(
            name=name,
            scopes=scope,
            principals=principal or [],
            origins=origin or [],
            limits=LimitsIn(
                requests_per_minute=requests_per_minute,
                questions_per_day=questions_per_day,
                upload_bytes_per_day=upload_bytes_per_day,
                usd_per_day=usd_per_day,
            ),
            expires_at=None if days is None else time.time() + days * _DAY_S,
        )
    except ValidationError as error:
        fail(
            "; ".join(f"{'.'.join(map(str, each['loc'])) or 'key'}: {each['msg']}" for each in error.errors())
        )
    with _opened(data, url) as ring:
        _show_new(ring.create(wanted), as_json=as_json)


@keys.command("list")
def list_keys(data: Data = None, url: Url = None, as_json: AsJson = False) -> None:
    """List every key, revoked ones too."""
    with _opened(data, url) as ring:
        found = ring.all()
    if as_json:
        typer.echo(json.dumps([each.model_dump() for each in found]))
        return
    for each in found:
        who = f" as {', '.join(each.principals)}" if each.principals else ""
        typer.echo(f"{each.id}  {_state(each):8}  {each.name}: {' '.join(each.scopes)}{who}")


@keys.command()
def revoke(key_id: KeyId, data: Data = None, url: Url = None) -> None:
    """Revoke a key. It opens nothing from now on."""
    with _opened(data, url) as ring:
        typer.echo(f"{ring.revoke(key_id).id} is revoked.")


@keys.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        float, typer.Option(help="Seconds for which the secret before stays good.", min=0)
    ] = 0,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print its token, this once."""
    with _opened(data, url) as ring:
        _show_new(ring.rotate(key_id, overlap), as_json=as_json)


def audit(
    after: Annotated[int, typer.Option(help="Only entries behind the one with this number.", min=0)] = 0,
    data: Data = None,
    url: Url = None,
) -> None:
    """Print the audit log as JSON lines, oldest first."""
    with _opened(data, url) as ring:
        for entry in ring.audit(after):
            typer.echo(entry.model_dump_json())


@contextmanager
def _opened(data: Path | None, url: str | None) -> Iterator[Keyring]:
    from api.keyring import ServiceRefused, keyring  # noqa: PLC0415

    with messages():
        try:
            with keyring(read_settings(data=data), url) as ring:
                yield ring
        except ServiceRefused as error:
            fail(str(error))


def _show_new(made: NewKeyOut, *, as_json: bool) -> None:
    if as_json:
        typer.echo(made.model_dump_json())
        return
    typer.echo(made.token)
    typer.echo(f"Key {made.id}. This is the only time that its token is shown.", err=True)


def _state(key: KeyOut) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= time.time() else "live"
