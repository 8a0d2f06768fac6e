"""Fixtures of the end-to-end tests; what they are made of is in support/."""

import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.browser import Browser  # noqa: E402
from support.first_day import FirstDay  # noqa: E402
from support.gateway import BINARY, Gateway  # noqa: E402
from support.house import Nginx, People, catalog  # noqa: E402
from support.upstream import Upstream  # noqa: E402
from support.waiting import until  # noqa: E402


def pytest_sessionstart():
    if not BINARY.exists():
        pytest.exit(f"there is no binary at {BINARY}: run `swift build`, or set PORTCULLIS_BIN", returncode=3)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def nginx(tmp_path_factory):
    server = Nginx(tmp_path_factory.mktemp("nginx"), _free_port())
    until("nginx", lambda: _answers(server.port))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def upstream():
    server = Upstream()
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser():
    chromium = Browser()
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def day(tmp_path_factory, browser, upstream):
    """A gateway of the module's own, and its owner in a browser."""
    folder = tmp_path_factory.mktemp("day")
    gateway = Gateway(folder / "data").start()
    day = FirstDay(gateway, browser, upstream.url, folder)
    yield day
    day.owner.close()
    gateway.stop()


@pytest.fixture(scope="session")
def _house(tmp_path_factory, people, upstream, nginx):
    gateway = Gateway(tmp_path_factory.mktemp("house") / "data").start()
    gateway.apply(catalog(people, upstream.url, nginx.url))
    yield gateway
    gateway.stop()


@pytest.fixture
def house(_house):
    """The gateway that most tests share, with the standard catalog; it must outlive every one of them."""
    assert _house.is_running, f"the gateway had ended before this test:\n{_house.log[-3000:]}"
    yield _house
    assert _house.is_running, f"the gateway ended in this test:\n{_house.log[-3000:]}"


@pytest.fixture
def start(tmp_path, request):
    """Starts a gateway of the test's own; ends it with the test."""
    gateways: list[Gateway] = []

    def begin(*arguments, name: str = "data", **options) -> Gateway:
        gateway = Gateway(tmp_path / name, *arguments, **options)
        gateways.append(gateway)
        return gateway.start()

    yield begin
    for gateway in gateways:
        if gateway.is_running:
            gateway.stop()


@pytest.fixture
def own(start, people, upstream):
    """A gateway of the test's own with the standard catalog, for tests that change or break it."""
    gateway = start()
    gateway.apply(catalog(people, upstream.url))
    return gateway
