"""The file that FOOTNOTE_GATEWAY_FILE names: endpoints, chains and prices. See docs/gateway.md for its form.

Keys do not stand in it: it names the environment variable or the file that holds each. What is not known is refused, so
that a misspelt setting does not go unnoticed.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.cost import IMAGE_TOKENS, Price, foreign_margin
from rag.errors import GatewayNotConfigured
from rag.gateway.routes import Balance, Chain, EndpointConfig, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_ENDPOINT = {"url", "key_env", "key_file", "proxy", "images"}
_CHAIN = {"targets", "balance", "hedge_s", "first_byte_s"}
_PRICE = {"input", "output", "cached", "image", "image_tokens", "margin"}


@dataclass(frozen=True, slots=True)
class GatewayFile:
    """What such a file says."""

    endpoints: tuple[EndpointConfig, ...] = ()
    chains: dict[str, Chain] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)


def read_gateway_file(path: Path, environment: Mapping[str, str]) -> GatewayFile:
    """Read it.

    Args:
        path: Where it is.
        environment: Where keys are looked for by name.

    Raises:
        GatewayNotConfigured: It cannot be read, is not of the documented form, or names a key that is not there.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GatewayNotConfigured(
            f"The file {path} that FOOTNOTE_GATEWAY_FILE names cannot be read: {error}."
        ) from None
    try:
        _only(found, {"endpoints", "chains", "prices"}, "the file")
        endpoints = tuple(
            _endpoint(name, each, path.parent, environment)
            for name, each in _tables(found, "endpoints").items()
        )
        names = {each.name for each in endpoints}
        return GatewayFile(
            endpoints,
            {name: _chain(name, each, names) for name, each in _tables(found, "chains").items()},
            {name: _price(name, each) for name, each in _tables(found, "prices").items()},
        )
    except ValueError as error:
        raise GatewayNotConfigured(f"{path}: {error} See docs/gateway.md.") from None


def _endpoint(
    name: str, given: dict[str, Any], folder: Path, environment: Mapping[str, str]
) -> EndpointConfig:
    where = f"endpoints.{name}"
    _only(given, _ENDPOINT, where)
    if not name or "/" in name:
        raise ValueError(f"{where}: a name is not empty and holds no slash.")
    if "key_env" in given and "key_file" in given:
        raise ValueError(f"{where}: either key_env or key_file.")
    key: str | None = None
    if "key_env" in given:
        variable = _text(given, "key_env", where)
        key = environment.get(variable) or None
        if key is None:
            raise ValueError(f"{where}: the environment has no variable {variable}.")
    if "key_file" in given:
        file = folder / _text(given, "key_file", where)
        try:
            key = file.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{where}: key_file cannot be read ({type(error).__name__}).") from None
    proxy = _text(given, "proxy", where) if "proxy" in given else None
    images = given.get("images", False)
    if not isinstance(images, bool):
        raise ValueError(f"{where}: images is true or false.")  # noqa: TRY004 - a mistake in a file.
    return EndpointConfig(name, _text(given, "url", where), key, proxy, images)


def _chain(name: str, given: dict[str, Any], endpoints: set[str]) -> Chain:
    where = f"chains.{name}"
    _only(given, _CHAIN, where)
    if "/" in name:
        raise ValueError(f"{where}: a name holds no slash.")
    targets = given.get("targets")
    if not isinstance(targets, list) or not targets:
        raise ValueError(f'{where}: targets is a list such as ["main/gpt-4.1-mini"].')
    balance = given.get("balance", Balance.ORDER.value)
    if balance not in list(Balance):
        raise ValueError(f"{where}: balance is one of {', '.join(Balance)}.")
    return Chain(
        name,
        tuple(_target(each, where, endpoints) for each in targets),
        Balance(balance),
        _number(given, "hedge_s", where),
        _number(given, "first_byte_s", where),
    )


def _target(given: object, where: str, endpoints: set[str]) -> Target:
    table = {"model": given} if isinstance(given, str) else given
    if not isinstance(table, dict):
        raise ValueError(f"{where}: a target is ENDPOINT/MODEL, or a table with model and weight.")  # noqa: TRY004
    _only(table, {"model", "weight"}, where)
    endpoint, _, model = _text(table, "model", where).partition("/")
    if endpoint not in endpoints or not model:
        raise ValueError(f"{where}: {endpoint!r} is no endpoint of this file; a target is ENDPOINT/MODEL.")
    weight = _number(table, "weight", where)
    return Target(endpoint, model, 1.0 if weight is None else weight)


def _price(name: str, given: dict[str, Any]) -> Price:
    where = f"prices.{name!r}"
    _only(given, _PRICE, where)
    if "input" not in given or "output" not in given:
        raise ValueError(f"{where}: input and output are US dollars for a million tokens.")
    read = {each: _number(given, each, where, least=0.0) for each in _PRICE if each in given}
    values = {each: value for each, value in read.items() if value is not None}
    if values.setdefault("margin", foreign_margin(name)) < 1:
        raise ValueError(f"{where}: margin is 1 or more.")
    return Price(
        values["input"],
        values["output"],
        values.get("cached"),
        values.get("image", 0.0),
        values["margin"],
        math.ceil(values.get("image_tokens", IMAGE_TOKENS)),
    )


def _tables(found: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    tables = found.get(name, {})
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise ValueError(f"[{name}.NAME] are tables.")
    return tables


def _only(given: dict[str, Any], known: set[str], where: str) -> None:
    if strange := sorted(set(given) - known):
        raise ValueError(f"{where}: {strange[0]!r} is not known; there are {', '.join(sorted(known))}.")


def _text(given: dict[str, Any], name: str, where: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {name} is a text.")
    return value.strip()


def _number(given: dict[str, Any], name: str, where: str, least: float | None = None) -> float | None:
    if name not in given:
        return None
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not (_fits(least)(value)):
        raise ValueError(f"{where}: {name} is a number {'over 0' if least is None else f'from {least:g}'}.")
    return float(value)


def _fits(least: float | None) -> Callable[[float], bool]:
    return lambda value: 0 < value < float("inf") if least is None else least <= value < float("inf")
