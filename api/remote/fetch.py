"""Fetches a document: every address checked after its name is resolved, and connected to as it was checked.

A name is resolved once for a connection, and the connection is opened to the very address that was checked: a second
look-up could give another one (DNS rebinding). Each redirect begins anew. Nothing of the environment is used: no
proxies, no netrc, no cookies.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import httpcore
import httpx

from api.remote.errors import (
    UrlBusy,
    UrlForbidden,
    UrlTooLarge,
    UrlUnreachable,
    UrlUnsupported,
)
from api.remote.networks import is_permitted
from api.remote.url import PORTS, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from api.remote.networks import Network

    # Host and port to addresses. Tests bring one that plays tricks.
    Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_OK = 200
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_REDIRECTS = 5
_CONNECT_S = 10.0
# Kinds of content that hold no text, whatever their bytes are. All else is told by its content later on.
_NO_TEXT = ("image/", "audio/", "video/", "font/", "model/", "multipart/")
_UNREACHABLE = (
    "The address cannot be reached, or does not answer as a web server does. Check it, and try again."
)
_HEADERS = [
    (b"User-Agent", b"footnote"),
    (b"Accept", b"*/*"),
    # A packed answer would have to be unpacked under a ceiling of its own.
    (b"Accept-Encoding", b"identity"),
    (b"Connection", b"close"),
]


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """What may be fetched, and how much of it.

    Attributes:
        mode: ``off`` for nothing, ``listed`` for the named hosts alone, ``public`` for every public address.
        hosts: Names of hosts; with ``listed``.
        networks: Networks that are not public and are allowed all the same, such as that of a wiki.
        ports: Ports allowed beside 80 for http and 443 for https.
        timeout_s: Seconds for everything, redirects included.
        max_bytes: Of one document.
        at_once: Documents fetched at the same time.
    """

    mode: str = "off"
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset()
    timeout_s: float = 30.0
    max_bytes: int = 200 * 1024 * 1024
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document that has arrived.

    Attributes:
        target: Where it came from, after redirects.
        content_type: As stated, without parameters; perhaps empty.
        size: In bytes.
    """

    target: Target
    content_type: str
    size: int


async def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host, by the system's resolver.

    Raises:
        OSError: There is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """Fetches documents for a service, a few at a time.

    Args:
        config: Every limit.
        resolver: Host and port to addresses.
        tls: Instead of the usual authorities.
    """

    def __init__(
        self, config: FetchConfig, *, resolver: Resolver = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._config = config
        self._resolver = resolver
        self._tls = tls
        self._running = 0

    async def fetch(self, url: str, into: IO[bytes]) -> Fetched:
        """Fetch a document.

        Args:
            url: As a client gave it.
            into: Takes the bytes. Whatever is in it after a failure is no document.

        Raises:
            UrlError: One of its children, saying what to change.
        """
        config = self._config
        if config.mode == "off":
            raise UrlForbidden(
                "Documents are not fetched from addresses here. Set FOOTNOTE_URL_INGESTION to listed or public, "
                "or download the file and upload it."
            )
        target = self._permitted(Target.of(url))
        if self._running >= config.at_once:
            raise UrlBusy(f"{config.at_once} documents are being fetched at this moment. Try again later.")
        self._running += 1
        try:
            async with asyncio.timeout(config.timeout_s):
                return await self._follow(target, into)
        except TimeoutError as error:
            raise UrlUnreachable(
                f"The document did not arrive within {config.timeout_s:g} seconds. Try again, or raise "
                "FOOTNOTE_URL_TIMEOUT_S."
            ) from error
        finally:
            self._running -= 1

    async def _follow(self, target: Target, into: IO[bytes]) -> Fetched:
        for _ in range(_MAX_REDIRECTS + 1):
            async with self._opened(target) as response:
                headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
                if response.status in _REDIRECTS and b"location" in headers:
                    target = self._permitted(target.join(headers[b"location"].strip()))
                    continue
                return await self._take(target, response, headers, into)
        raise UrlUnreachable(f"The address leads on more than {_MAX_REDIRECTS} times.")

    async def _take(
        self, target: Target, response: httpcore.Response, headers: dict[bytes, str], into: IO[bytes]
    ) -> Fetched:
        """Take in the answer to the last request."""
        if response.status != _OK:
            raise UrlUnreachable(
                f"The address answers with status {response.status} and not with a document."
            )
        kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        if kind.startswith(_NO_TEXT):
            raise UrlUnsupported(f"The address answers with {kind[:100]}, which holds no text.")
        if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
            raise UrlUnsupported("The address answers in a packed form that was not asked for.")
        size, most = 0, self._config.max_bytes
        stated = headers.get(b"content-length", "")
        if stated.isdecimal() and int(stated[:20]) > most:
            raise _too_large(most)
        async for part in response.aiter_stream():
            size += len(part)
            if size > most:
                raise _too_large(most)
            await asyncio.to_thread(into.write, part)
        return Fetched(target, kind, size)

    @asynccontextmanager
    async def _opened(self, target: Target) -> AsyncIterator[httpcore.Response]:
        """One request on a connection of its own."""
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._context() if target.scheme == "https" else None,
            network_backend=_Pinned(self._resolver, self._config.networks),
            max_connections=1,
            max_keepalive_connections=0,
        )
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        headers = [(b"Host", target.authority.encode()), *_HEADERS]
        limits = {"connect": _CONNECT_S, "read": None, "write": None, "pool": None}
        try:
            async with (
                pool,
                pool.stream("GET", url, headers=headers, extensions={"timeout": limits}) as response,
            ):
                yield response
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            ssl.SSLError,
        ) as error:
            raise UrlUnreachable(_UNREACHABLE) from error

    def _permitted(self, target: Target) -> Target:
        config = self._config
        if target.port != PORTS[target.scheme] and target.port not in config.ports:
            raise UrlForbidden(
                f"Port {target.port} may not be fetched from. FOOTNOTE_URL_PORTS can allow others than 80 and 443."
            )
        if config.mode == "listed" and target.host.removesuffix(".") not in config.hosts:
            raise UrlForbidden("The address is not of a host that FOOTNOTE_URL_HOSTS lists.")
        return target

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _Pinned(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that were checked, and to nothing else."""

    def __init__(self, resolver: Resolver, allowed: tuple[Network, ...]) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's own.
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, and connect to the first that answers."""
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise UrlUnreachable(_UNREACHABLE) from error
        # One that is not public among several is a sign of a name made for an attack.
        if not addresses or not all(is_permitted(each, self._allowed) for each in addresses):
            raise UrlForbidden(
                "The address leads into a network that is not public. FOOTNOTE_URL_NETWORKS can allow one."
            )
        failure: Exception | None = None
        for each in addresses:
            try:
                return await self._backend.connect_tcp(
                    each, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise UrlUnreachable(_UNREACHABLE) from failure

    async def connect_unix_socket(self, *_arguments: Any, **_options: Any) -> httpcore.AsyncNetworkStream:
        """Refused: no web address is a socket of this machine."""
        raise UrlForbidden("The address is not one of the web.")

    async def sleep(self, seconds: float) -> None:
        """See ``AsyncNetworkBackend``."""
        await asyncio.sleep(seconds)


def _too_large(most: int) -> UrlTooLarge:
    return UrlTooLarge(
        f"The document is larger than {most // 2**20} MiB. Split it, or raise FOOTNOTE_MAX_UPLOAD_MIB."
    )
