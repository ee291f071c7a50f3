"""Where a question may go: endpoints, and chains of a model at an endpoint."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.config import GatewayConfig

# The endpoint that FOOTNOTE_GATEWAY_URL names.
PLAIN = "gateway"
# Parts of a configuration that no log may hold. A proxy's address may hold a password.
SECRET = frozenset({"key", "proxy"})


class Balance(StrEnum):
    """Which of a chain's targets is asked first.

    ``order``: as they are written. ``spread``: the one with the fewest questions under way, drawn by weight where
    these are equal. ``fastest``: the one that has been quickest to begin its answers. ``cheapest``: by price.
    """

    ORDER = "order"
    SPREAD = "spread"
    FASTEST = "fastest"
    CHEAPEST = "cheapest"


def masked(config: object) -> str:
    """Shows every setting of a dataclass, with what is secret masked."""
    shown = (
        f"{each.name}={'***' if each.name in SECRET and value is not None else value!r}"
        for each in fields(config)  # type: ignore[arg-type]
        for value in [getattr(config, each.name)]
    )
    return f"{type(config).__name__}({', '.join(shown)})"


@dataclass(frozen=True, slots=True, repr=False)
class EndpointConfig:
    """One OpenAI-compatible gateway. The key never appears in the repr.

    Attributes:
        name: What chains, metrics and traces call it.
        url: Its address.
        key: Sent as a bearer token; None for gateways without keys.
        proxy: Address of an HTTP proxy on the way to it.
        images: Whether it may be sent images of pages.
    """

    name: str
    url: str | None
    key: str | None = None
    proxy: str | None = None
    images: bool = False

    def __repr__(self) -> str:
        return masked(self)


@dataclass(frozen=True, slots=True)
class Target:
    """A model at an endpoint; ``weight`` is its share where questions are spread."""

    endpoint: str
    model: str
    weight: float = 1.0

    @property
    def name(self) -> str:
        """As files and traces have it."""
        return f"{self.endpoint}/{self.model}"


@dataclass(frozen=True, slots=True)
class Chain:
    """What a question tries, until one answers.

    Attributes:
        name: What a question asks for, in the place of a model.
        hedge_s: Seconds without a word after which the next one is asked too, and the quicker one taken; None never.
            Both may be billed.
        first_byte_s: Seconds that each has for its first byte, instead of the configured ones.
    """

    name: str
    targets: tuple[Target, ...]
    balance: Balance = Balance.ORDER
    hedge_s: float | None = None
    first_byte_s: float | None = None


def endpoints_of(config: GatewayConfig) -> tuple[EndpointConfig, ...]:
    """Every endpoint: those of a file, or the one of the plain settings."""
    if config.endpoints:
        return config.endpoints
    return (EndpointConfig(PLAIN, config.url, config.key, config.proxy, config.images),)


def resolve(config: GatewayConfig, wanted: str | None) -> Chain:
    """The chain that a question goes to.

    Args:
        config: With the chains.
        wanted: A chain, a model at an endpoint (``spare/gpt-4.1``), or a model, which goes to every endpoint that some
            chain has it at, or else to the first one under that name; None for the configured one.
    """
    name = wanted or config.model
    if name in config.chains:
        return config.chains[name]
    endpoint, _, model = name.partition("/")
    if model and endpoint in {each.name for each in config.endpoints}:
        return Chain(name, (Target(endpoint, model),))
    known = [each for chain in config.chains.values() for each in chain.targets if each.model == name]
    if known:
        return Chain(name, tuple(dict.fromkeys(known)))
    default = config.chains.get(config.model)
    first = default.targets[0].endpoint if default else endpoints_of(config)[0].name
    return Chain(name, (Target(first, name),))
