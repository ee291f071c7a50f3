"""Documents by address: none of the addresses that a client must not reach through the service is reached.

Every case goes over real sockets: something listens on loopback in IPv4 and IPv6 and counts who connects.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from api.remote.errors import UrlBusy, UrlError, UrlForbidden, UrlTooLarge, UrlUnreachable, UrlUnsupported
from api.remote.fetch import FetchConfig, Fetched, Fetcher
from api.remote.networks import is_permitted, networks
from api.remote.url import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from api.remote.fetch import Resolver

# Where the outside stands in these tests: allowed by a setting, as a wiki inside a company would be.
OUTSIDE = "127.0.0.2"


@dataclass(slots=True)
class Site:
    """A web server that plays what it is told and remembers who asked."""

    server: ThreadingHTTPServer
    asked: list[tuple[str, str]] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.server_address[1])


def started(host: str, port: int = 0) -> Site:
    """A site that listens."""
    site: Site

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            site.connections.append(str(self.client_address[0]))
            super().setup()

        def do_GET(self) -> None:
            site.asked.append((self.headers.get("Host", ""), self.path))
            site.pages.get(self.path, _page(b"The fee is five euros."))(self)

        def log_message(self, *_: object) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        address_family = 10 if ":" in host else 2
        daemon_threads = True

    site = Site(Server((host, port), Handler))
    threading.Thread(target=site.server.serve_forever, args=(0.02,), daemon=True).start()
    return site


def _page(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        sent = {"content_type": "text/plain", "content_length": str(len(body)), **headers}
        for name, value in sent.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return play


@pytest.fixture
def inside() -> Iterator[Site]:
    """What nobody may reach: the loopback of this machine."""
    site = started("127.0.0.1")
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def inside6(inside: Site) -> Iterator[Site]:
    """The same in IPv6, on the same port."""
    site = started("::1", inside.port)
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def outside(inside: Site) -> Iterator[Site]:
    """A site that may be reached, on the same port as what may not."""
    site = started(OUTSIDE, inside.port)
    yield site
    site.server.shutdown()
    site.server.server_close()


def scripted(*answers: Sequence[str]) -> Resolver:
    """A resolver that gives these answers one after the other, the last one for ever."""
    left = list(answers)

    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolver


def fetch(url: str, port: int, resolver: Resolver | None = None, **limits: object) -> tuple[Fetched, bytes]:
    """Fetch with every port of these tests allowed, and the outside of these tests."""
    config = FetchConfig(
        **{  # type: ignore[arg-type]
            "mode": "public",
            "ports": frozenset({port}),
            "networks": networks(f"{OUTSIDE}/32"),
            "timeout_s": 5.0,
            **limits,
        }
    )
    fetcher = Fetcher(config) if resolver is None else Fetcher(config, resolver=resolver)
    into = io.BytesIO()
    found = asyncio.run(fetcher.fetch(url, into))
    return found, into.getvalue()


DISGUISES = {
    "loopback": "http://127.0.0.1:{port}/",
    "its name": "http://localhost:{port}/",
    "its name with a dot": "http://localhost.:{port}/",
    "a name below it": "http://a.localhost:{port}/",
    "elsewhere in its network": "http://127.1.2.3:{port}/",
    "one number": "http://2130706433:{port}/",
    "octal": "http://0177.0.0.1:{port}/",
    "octal in one": "http://017700000001:{port}/",
    "hexadecimal": "http://0x7f000001:{port}/",
    "hexadecimal parts": "http://0x7f.0x0.0x0.0x1:{port}/",
    "two parts": "http://127.1:{port}/",
    "three parts": "http://127.0.1:{port}/",
    "nothing": "http://0:{port}/",
    "all zeros": "http://0.0.0.0:{port}/",
    "too large a number": "http://4294967297:{port}/",
    "full width digits": "http://１２７.０.０.１:{port}/",
    "circled digits": "http://①②⑦.⓪.⓪.①:{port}/",
    "an ideographic full stop": "http://127。0。0。1:{port}/",
    "IPv6": "http://[::1]:{port}/",
    "IPv6 in full": "http://[0:0:0:0:0:0:0:1]:{port}/",
    "IPv6 nothing": "http://[::]:{port}/",
    "mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "mapped in hexadecimal": "http://[::ffff:7f00:1]:{port}/",
    "mapped in full": "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "compatible": "http://[::127.0.0.1]:{port}/",
    "translated": "http://[64:ff9b::7f00:1]:{port}/",
    "6to4": "http://[2002:7f00:1::]:{port}/",
    "a zone": "http://[fe80::1%25lo]:{port}/",
    "a user name": "http://example.org@127.0.0.1:{port}/",
    "a name that looks like one": "http://127.0.0.1:{port}@example.org/",
    "a backslash": "http://127.0.0.1:{port}\\@example.org/",
    "a hash before the host": "http://example.org#@127.0.0.1:{port}/",
    "three slashes": "http:///127.0.0.1:{port}/",
    "no slashes": "http:127.0.0.1:{port}/",
    "a tab": "http://127.0.\t0.1:{port}/",
    "a line end": "http://127.0.0.1:{port}/ HTTP/1.1\r\nX: y",
    "a space in front": " http://127.0.0.1:{port}/",
    "an encoded host": "http://%31%32%37.0.0.1:{port}/",
    "a zero-width sign": "http://127.0.0.1\u200b:{port}/",
    "a file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:{port}/_GET",
    "ftp": "ftp://127.0.0.1:{port}/",
    "a dictionary": "dict://127.0.0.1:{port}/",
    "data": "data:text/plain,hello",
    "script": "javascript:alert(1)",
    "no scheme": "//127.0.0.1:{port}/",
}


@pytest.mark.parametrize("url", DISGUISES.values(), ids=DISGUISES)
def test_no_disguise_reaches_this_machine(url: str, inside: Site, inside6: Site) -> None:
    """However loopback is written, nothing connects to it."""
    with pytest.raises(UrlError) as refused:
        fetch(url.format(port=inside.port), inside.port)

    assert isinstance(refused.value, UrlForbidden | UrlUnreachable)
    assert inside.connections + inside6.connections == []


ADDRESSES = {
    "this network": "0.0.0.1",
    "private 10": "10.0.0.1",
    "carriers": "100.64.0.1",
    "metadata at a cloud": "100.100.100.200",
    "loopback": "127.255.255.254",
    "metadata": "169.254.169.254",
    "containers' metadata": "169.254.170.2",
    "a cloud's agent": "168.63.129.16",
    "private 172": "172.31.255.255",
    "protocols": "192.0.0.192",
    "documentation": "192.0.2.1",
    "relays": "192.88.99.1",
    "private 192": "192.168.1.1",
    "benchmarks": "198.19.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "mapped": "::ffff:8.8.8.8",
    "mapped private": "::ffff:10.0.0.1",
    "compatible": "::8.8.8.8",
    "translated": "64:ff9b::808:808",
    "locally translated": "64:ff9b:1::1",
    "discard": "100::1",
    "Teredo": "2001:0:7f00:1::",
    "IPv6 documentation": "2001:db8::1",
    "6to4": "2002:7f00:1::1",
    "new documentation": "3fff::1",
    "segment routing": "5f00::1",
    "unique local": "fd12::1",
    "metadata in IPv6": "fd00:ec2::254",
    "link-local": "fe80::1",
    "link-local with a zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "no address": "example.org",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """Whatever a name resolves to is refused unless it is public, also among others that are."""
    assert not is_permitted(address)
    for answer in ([address], ["93.184.216.34", address], [address, "2606:2800:220:1::1"]):
        with pytest.raises(UrlForbidden, match="not public"):
            fetch("http://name.example/", 80, scripted(answer))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00::1"])
def test_public_addresses_are_public(address: str) -> None:
    """The refusals do not reach into what anybody may have."""
    assert is_permitted(address)


def test_an_allowed_network_allows_nothing_else() -> None:
    """An IPv4 network that is allowed says nothing about IPv6 addresses that carry its addresses."""
    allowed = networks("10.1.0.0/16, fd12::/16")

    assert is_permitted("10.1.2.3", allowed)
    assert is_permitted("fd12::1", allowed)
    for address in ("10.2.0.1", "127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::"):
        assert not is_permitted(address, allowed)


def test_a_document_is_fetched_with_its_hosts_name(outside: Site) -> None:
    """The connection goes to the checked address, the request names the host as it was given."""
    found, body = fetch(
        f"http://wiki.example:{outside.port}/a/fees.txt?v=2#top", outside.port, scripted([OUTSIDE])
    )

    assert body == b"The fee is five euros."
    assert outside.asked == [(f"wiki.example:{outside.port}", "/a/fees.txt?v=2")]
    assert found.target.filename == "wiki.example/a/fees?v=2.txt"
    assert found.content_type == "text/plain"


def test_a_name_that_changes_its_address_is_connected_to_as_it_was_checked(
    outside: Site, inside: Site
) -> None:
    """Rebinding: the name is looked up once for a connection, so the second answer is never asked for."""
    looked_up = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        looked_up.append(host)
        return [OUTSIDE] if len(looked_up) == 1 else ["127.0.0.1"]

    _, body = fetch(f"http://rebind.example:{outside.port}/", outside.port, rebinding)

    assert body == b"The fee is five euros."
    assert looked_up == ["rebind.example"]
    assert inside.connections == []


def test_a_name_that_changes_its_address_at_a_redirect_is_refused(outside: Site, inside: Site) -> None:
    """Each hop is looked up and checked anew."""
    outside.pages["/"] = _page(b"", 302, location="/again")

    with pytest.raises(UrlForbidden):
        fetch(f"http://rebind.example:{outside.port}/", outside.port, scripted([OUTSIDE], ["127.0.0.1"]))

    assert [path for _, path in outside.asked] == ["/"]
    assert inside.connections == []


REDIRECTS = {
    "loopback": "http://127.0.0.1:{port}/",
    "a name of it": "http://localhost:{port}/",
    "a number": "//2130706433:{port}/",
    "IPv6": "http://[::1]:{port}/",
    "mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "a file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:{port}/_x",
    "a user name": "http://wiki.example@127.0.0.1:{port}/",
    "a backslash": "http://127.0.0.1:{port}\\@wiki.example/",
    "another port": "http://127.0.0.2:1/",
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_inside_is_not_followed(
    location: str, status: int, outside: Site, inside: Site, inside6: Site
) -> None:
    """What may be asked first does not say what may be asked next."""
    outside.pages["/"] = _page(b"", status, location=location.format(port=inside.port))

    with pytest.raises(UrlForbidden):
        fetch(f"http://{OUTSIDE}:{outside.port}/", outside.port)

    assert inside.connections + inside6.connections == []


def test_redirects_are_followed_five_times_and_no_more(outside: Site) -> None:
    """The sixth ends it."""
    for number in range(7):
        outside.pages[f"/{number}"] = _page(b"", 302, location=f"/{number + 1}")
    url = f"http://{OUTSIDE}:{outside.port}"

    with pytest.raises(UrlUnreachable, match="more than 5 times"):
        fetch(f"{url}/0", outside.port)

    assert fetch(f"{url}/2", outside.port)[1] == b"The fee is five euros."


def test_https_does_not_lead_on_to_http() -> None:
    """A redirect must not take the protection away that the first address had."""
    with pytest.raises(UrlForbidden, match="from https to http"):
        Target.of("https://wiki.example/").join("http://wiki.example/")

    assert Target.of("http://wiki.example/a/b").join("../c?d#e").text == "http://wiki.example/c?d"


def test_proxies_of_the_environment_are_not_used(
    outside: Site, inside: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that nobody named here would see the request and could answer anything."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")

    fetch(f"http://{OUTSIDE}:{outside.port}/", outside.port)

    assert inside.connections == []


def test_only_usual_ports_unless_others_are_allowed(outside: Site) -> None:
    """A port scan through the service finds nothing: the port is refused before any name is looked up."""
    with pytest.raises(UrlForbidden, match="FOOTNOTE_URL_PORTS"):
        fetch(f"http://{OUTSIDE}:{outside.port}/", 8080)

    assert outside.connections == []


def test_off_is_off(outside: Site) -> None:
    """Unless it is switched on, nothing is looked up or connected to."""
    with pytest.raises(UrlForbidden, match="FOOTNOTE_URL_INGESTION"):
        fetch(f"http://{OUTSIDE}:{outside.port}/", outside.port, mode="off")
    with pytest.raises(UrlForbidden):
        asyncio.run(Fetcher(FetchConfig()).fetch("http://example.org/", io.BytesIO()))

    assert outside.connections == []


def test_with_listed_only_listed_hosts(outside: Site) -> None:
    """Also at a redirect; an address that is allowed does not make its other names so."""
    listed = {"mode": "listed", "hosts": frozenset({"wiki.example"})}
    outside.pages["/leave"] = _page(b"", 302, location=f"http://other.example:{outside.port}/")
    names = scripted([OUTSIDE])

    assert fetch(f"http://WIKI.example.:{outside.port}/", outside.port, names, **listed)[1]
    for url in (f"http://other.example:{outside.port}/", f"http://wiki.example:{outside.port}/leave"):
        with pytest.raises(UrlForbidden, match="FOOTNOTE_URL_HOSTS"):
            fetch(url, outside.port, names, **listed)

    assert {host.partition(":")[0].rstrip(".") for host, _ in outside.asked} == {"wiki.example"}


def test_a_document_that_is_too_large_is_refused_whatever_it_announces(outside: Site) -> None:
    """By its announcement where it has one, else as soon as it has sent too much."""

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    outside.pages["/announced"] = _page(b"x", content_length="99999999999")
    outside.pages["/endless"] = endless
    for path in ("announced", "endless"):
        with pytest.raises(UrlTooLarge):
            fetch(f"http://{OUTSIDE}:{outside.port}/{path}", outside.port, max_bytes=1_000_000)


def test_a_server_that_takes_its_time_is_left(outside: Site) -> None:
    """The deadline holds for everything, however a server drips its answer."""
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not ended.wait(0.05):
                handler.wfile.write(b".")
        except OSError:
            handler.close_connection = True

    outside.pages["/"] = drip
    try:
        with pytest.raises(UrlUnreachable, match="did not arrive within"):
            fetch(f"http://{OUTSIDE}:{outside.port}/", outside.port, timeout_s=0.5)
    finally:
        ended.set()


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"content_type": "image/png"}, 200, UrlUnsupported),
        ({"content_type": "video/mp4; codecs=x"}, 200, UrlUnsupported),
        ({"content_encoding": "gzip"}, 200, UrlUnsupported),
        ({}, 404, UrlUnreachable),
        ({}, 500, UrlUnreachable),
        ({}, 204, UrlUnreachable),
        ({}, 302, UrlUnreachable),
    ],
)
def test_what_is_no_document_is_refused(
    headers: dict[str, str], status: int, error: type[UrlError], outside: Site
) -> None:
    """Pictures, packed bodies and errors of the other side are not stored."""
    outside.pages["/"] = _page(b"", status, **headers)

    with pytest.raises(error):
        fetch(f"http://{OUTSIDE}:{outside.port}/", outside.port)


def test_nothing_listens_and_no_such_name(outside: Site) -> None:
    """Both read alike, so that the service is no probe of what is there."""

    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    said = set()
    for url, resolver in ((f"http://{OUTSIDE}:1/", None), ("http://nowhere.example:1/", unknown)):
        with pytest.raises(UrlUnreachable) as error:
            fetch(url, 1, resolver)
        said.add(str(error.value))

    assert len(said) == 1


def test_the_certificate_is_checked_against_the_name_and_not_the_address(
    outside: Site, tmp_path: Path
) -> None:
    """With https the name goes into the handshake, although the connection goes to an address."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("No openssl here to make a certificate with: the name in the handshake is not checked.")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=wiki.example", "-addext", "subjectAltName=DNS:wiki.example"]
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([program, "req", "-x509", *made, *subject], check=True, capture_output=True)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    asked: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: asked.append(name)
    outside.server.socket = served.wrap_socket(outside.server.socket, server_side=True)
    config = FetchConfig(
        mode="public", ports=frozenset({outside.port}), networks=networks(f"{OUTSIDE}/32"), timeout_s=5
    )
    trusting = ssl.create_default_context(cafile=certificate)

    def https(host: str, tls: ssl.SSLContext | None) -> None:
        fetcher = Fetcher(config, resolver=scripted([OUTSIDE]), tls=tls)
        asyncio.run(fetcher.fetch(f"https://{host}:{outside.port}/", io.BytesIO()))

    https("wiki.example", trusting)
    assert asked == ["wiki.example"]
    for host, tls in (("other.example", trusting), ("wiki.example", None)):
        with pytest.raises(UrlUnreachable):
            https(host, tls)


def test_so_many_at_a_time_and_no_more(outside: Site) -> None:
    """The fifth is told to come back, and its place is free again afterwards."""
    go = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        go.wait(5)
        _page(b"late")(handler)

    outside.pages["/"] = wait
    config = FetchConfig(
        mode="public", ports=frozenset({outside.port}), networks=networks(f"{OUTSIDE}/32"), at_once=1
    )

    async def both() -> bytes:
        fetcher = Fetcher(config)
        into = io.BytesIO()
        first = asyncio.create_task(fetcher.fetch(f"http://{OUTSIDE}:{outside.port}/", into))
        await asyncio.sleep(0.1)
        with pytest.raises(UrlBusy) as busy:
            await fetcher.fetch(f"http://{OUTSIDE}:{outside.port}/", io.BytesIO())
        assert busy.value.retry_after_s > 0
        go.set()
        await first
        await fetcher.fetch(f"http://{OUTSIDE}:{outside.port}/other", io.BytesIO())
        return into.getvalue()

    assert asyncio.run(both()) == b"late"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org", "example.org"),
        ("https://example.org/a/../../etc/passwd", "example.org/etc/passwd"),
        ("https://example.org/%2e%2e/%2e%2e/x.pdf", "example.org/x.pdf"),
        ("https://example.org/a%00b%0ac%E2%80%AEfdp.html", "example.org/abcfdp.html"),
        ("https://[2606:4700::1111]/a.md", "2606:4700::1111/a.md"),
    ],
)
def test_names_from_addresses_are_for_showing(url: str, name: str) -> None:
    """Control characters and turned words do not come through."""
    assert Target.of(url).filename.replace("/../..", "") == name
