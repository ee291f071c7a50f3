"""A web address, taken apart once: what is checked is what is connected to.

Whatever two parsers could read in two ways is refused rather than interpreted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from api.remote.errors import UrlInvalid
from ingest.hidden import without_hidden

if TYPE_CHECKING:
    from typing import Self

PORTS = {"http": 80, "https": 443}
_MAX_CHARS = 2_000
_MAX_HOST = 253
_MAX_NAME = 255
# Signs that parsers disagree about, among them the backslash, line ends and every kind of white space.
_ODD = re.compile(
    r"[\x00-\x20\x7f\\<>\"^`{|}\u0080-\u00a0\u2000-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff]"
)
_AUTHORITY = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
# What inet_aton reads as an address although it is none in dotted form: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|\d+)", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Attributes:
        scheme: ``http`` or ``https``.
        host: In ASCII and lower case; an IPv6 address without brackets.
        port: Always stated.
        path: With the query, as it is sent.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Take an address apart.

        Raises:
            UrlInvalid: It is not http or https, holds a user name or odd signs, or names its host in a disguise.
        """
        if len(text) > _MAX_CHARS:
            raise UrlInvalid(f"The address is longer than {_MAX_CHARS} characters.")
        authority = _AUTHORITY.match(text)
        if _ODD.search(text) or authority is None:
            raise UrlInvalid(
                "The address must begin with http:// or https:// and hold no spaces or odd signs."
            )
        if "@" in authority[1]:
            raise UrlInvalid("The address must not hold a user name or a password.")
        try:
            url = httpx.URL(text)
            host, port = url.raw_host.decode("ascii").lower(), url.port
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise UrlInvalid("The address cannot be read.") from error
        if url.scheme not in PORTS:
            raise UrlInvalid("The address must begin with http:// or https://.")
        path = url.raw_path.decode("ascii")
        return cls(url.scheme, _checked_host(host), PORTS[url.scheme] if port is None else port, path)

    def join(self, location: str) -> Target:
        """Where a redirect leads.

        Raises:
            UrlInvalid: As in ``of``, or it leaves https.
        """
        if _ODD.search(location):
            raise UrlInvalid("The address leads on to one with odd signs.")
        try:
            joined = str(httpx.URL(self.text).join(location))
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise UrlInvalid("The address leads on to one that cannot be read.") from error
        found = Target.of(joined)
        if (self.scheme, found.scheme) == ("https", "http"):
            raise UrlInvalid("The address leads on from https to http.")
        return found

    @property
    def authority(self) -> str:
        """Host and, if it is not the usual one, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The address in full."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def filename(self) -> str:
        """A name for the document: host, path and query, the suffix last. It never becomes a path."""
        path, _, query = unquote(self.path, errors="replace").partition("?")
        name = PurePosixPath(path)
        shown = f"{self.host}{path.removesuffix(name.suffix)}{f'?{query}' if query else ''}{name.suffix}"
        plain = "".join(each for each in without_hidden(shown) if each.isprintable()).rstrip("/")
        return plain[:_MAX_NAME] if len(plain) <= _MAX_NAME else plain[-_MAX_NAME:]


def _checked_host(host: str) -> str:
    bare = host.strip("[]")
    if ":" in bare:
        try:
            return str(IPv6Address(bare))
        except ValueError as error:
            raise UrlInvalid("The address names no host.") from error
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlInvalid("The address names no host.")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return str(ip_address(host))
        except ValueError as error:
            raise UrlInvalid("The address names its host by a number that is not four numbers.") from error
    return host
