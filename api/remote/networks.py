"""Which addresses are public. Pure arithmetic on what a name resolved to; no name is looked at here.

The lists are IANA's registries of special-purpose addresses
(https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry),
written out rather than left to ``ipaddress.is_global``, which differs between versions of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network: Linux takes 0.0.0.0 for itself
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' translators, and metadata at one cloud
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud's own agent, on an otherwise public address
            "169.254.0.0/16",  # link-local, and metadata at most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocols, and metadata at one cloud
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # relays into IPv6
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
# Everything that is handed out to anybody is in here. It leaves out loopback, IPv4 in all its disguises (mapped,
# compatible, translated by NAT64), unique local, link-local, site-local and multicast.
_PUBLIC_6 = ip_network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocols: Teredo, which carries an IPv4 address, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which carries an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)


def listed(text: str) -> list[str]:
    """What a setting lists, parted by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def networks(text: str) -> tuple[Network, ...]:
    """Networks as a setting lists them, parted by commas.

    Raises:
        ValueError: One is none, or has bits beyond its length.
    """
    return tuple(map(ip_network, listed(text)))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one that anybody on the internet reaches as well."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    # An address with a zone, fe80::1%eth0, is one of this machine's own networks.
    if address.scope_id is not None or address not in _PUBLIC_6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6)


def is_permitted(text: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether a connection to an address may be opened.

    Args:
        text: As a resolver gives it.
        allowed: Networks that are not public and are allowed all the same. An IPv4 network says nothing about IPv6
            addresses that carry its addresses.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return is_public(address) or any(
        address.version == network.version and address in network for network in allowed
    )
