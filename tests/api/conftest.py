"""One server for all tests of the HTTP interface, and a guarded one that refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from fpdf import FPDF
from fpdf.enums import EncryptionMethod
from pydantic import SecretStr

from api import logs
from api.deps import Service, build
from api.settings import Settings
from tests.api.server import serving, wait_until_ready
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from pathlib import Path

ADMIN_KEY = "fn_admin-key-of-the-tests"
GATEWAY_KEY = "sk-gateway-key-that-nobody-may-see"

PdfMaker = Callable[..., bytes]


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Only what went wrong is logged, as the command line would set it up."""
    logs.configure("error")


@pytest.fixture(scope="session")
def gateway() -> Iterator[ScriptedGateway]:
    """The gateway that the service asks; each test that asks it says what it plays."""
    with ScriptedGateway([Scene.refusal(500, "no test has said what to play")]) as server:
        yield server


@pytest.fixture(scope="session")
def opened(gateway: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The service with the scripted gateway, which the server closes."""
    return build(settings_of(gateway, tmp_path_factory.mktemp("served")))


@pytest.fixture(autouse=True)
def _rested(request: pytest.FixtureRequest) -> None:
    """What a gateway was told to wait for in one test is nothing to the next."""
    if "address" in request.fixturenames:
        service: Service = request.getfixturevalue("opened")
        if service.gateway is not None:
            service.gateway.standings.clear()


def settings_of(gateway: ScriptedGateway, data: Path) -> Settings:
    """What the service is built from."""
    return Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=data,
        gateway_url=gateway.url,
        gateway_key=SecretStr(GATEWAY_KEY),
        gateway_deadline_s=3.0,
        # Tests ask the same question and play something else; tests/api/test_answer_cache.py has a service of its own.
        answer_cache_hours=0,
    )


@pytest.fixture(scope="session")
def address(gateway: ScriptedGateway, opened: Service) -> Iterator[str]:
    """Where the service is, ready."""
    settings = opened.settings
    with serving(settings, opened) as url:
        with httpx.Client(base_url=url, timeout=60) as first:
            wait_until_ready(first)
        yield url


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx.Client]:
    """A client of the service."""
    with httpx.Client(base_url=address, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with an admin key and a small ceiling for bodies; the key is not sent by itself."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("guarded"),
        admin_key=SecretStr(ADMIN_KEY),
        max_upload_mib=1,
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="session")
def make_pdf() -> PdfMaker:
    """A function that turns pages of text into a PDF, behind a password if one is given."""

    def make(*pages: str, password: str = "") -> bytes:
        pdf = FPDF(format="A4")
        pdf.set_font("helvetica", size=12)
        if password:
            pdf.set_encryption("owner", password, encryption_method=EncryptionMethod.RC4)
        for page in pages:
            pdf.add_page()
            pdf.multi_cell(0, text=page)
        return bytes(pdf.output())

    return make
