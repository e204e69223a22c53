"""Real servers for tests, started only when a test asks for one, and the order in which tests run.

- ``nats_server``: a fresh nats-server for each test module (starts in about 0.05 s); names in it are free.
- ``start_nats``: starts further servers, or the same directory again after ``stop``.
- ``postgres_dsn``: a fresh database for each test, in one PostgreSQL for the whole run.
- ``postgres_module_dsn``: the same, one for each module.
- ``laptop``: the whole product for the whole run: servers, gateway and worker as `dits up` starts them.

Hypothesis profiles: ``fast`` (default) and ``long`` (by itself with ``-m long``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier

from infra.clock import SystemIds
from infra.dev.nats_server import NatsEndpoints, NatsServer
from infra.dev.ports import Ports
from infra.dev.postgres_server import DATABASE, PostgresServer
from tests.fakes import FakeClock, FakeIds

if TYPE_CHECKING:
    from infra.dev.laptop import Laptop

settings.register_profile(
    "fast", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

MEMORY_DISK = Path("/dev/shm")  # of Linux; elsewhere servers are on the disk
MEMORY_NAME = "dits-tests-"
MEMORY_FREE_BYTES_MIN = 4 << 30
"""A run takes some hundred MB of it."""
_numbers = count(1)

ORDER = ("domain", "house", "contracts", "machines")
"""Folders of tests/ in the order they run; all others follow, e2e last."""

CREATE_DATABASE = SQL("CREATE DATABASE {name}")
DROP_DATABASE = SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--table", metavar="FILE", help="run tests/scenarios/api on this acceptance table, not on its own"
    )


def pytest_configure(config: pytest.Config) -> None:
    only_long = str(config.getoption("markexpr", "")).strip() == "long"
    settings.load_profile("long" if only_long else "fast")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    root = Path(__file__).parent
    items.sort(key=lambda item: _rank(item.path.relative_to(root).parts))


def _rank(parts: tuple[str, ...]) -> int:
    if parts[0] == "e2e":
        return len(ORDER) + 1
    return ORDER.index(parts[0]) if parts[0] in ORDER else len(ORDER)


@pytest.fixture(scope="session", autouse=True)
def no_process_stays_behind() -> Iterator[None]:
    """Whatever a test starts, it stops: the run fails if a child process outlives it."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=3)
    commands = [" ".join(child.cmdline()[:4]) for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    for child in alive:
        child.kill()
    assert not commands, f"left running: {commands}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> FakeIds:
    return FakeIds()


@pytest.fixture(scope="session")
def memory_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """For servers that sync each write although no test cuts their power: in memory, where there is room.

    What they prove is the same; how long it takes no longer depends on what else uses the disk.
    """
    if not MEMORY_DISK.is_dir() or shutil.disk_usage(MEMORY_DISK).free < MEMORY_FREE_BYTES_MIN:
        yield tmp_path_factory.mktemp("servers")
        return
    for left in MEMORY_DISK.glob(f"{MEMORY_NAME}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(MEMORY_NAME))):
            shutil.rmtree(left, ignore_errors=True)
    place = MEMORY_DISK / f"{MEMORY_NAME}{os.getpid()}"
    place.mkdir(mode=0o700)
    yield place
    shutil.rmtree(place, ignore_errors=True)


StartNats = Callable[..., NatsServer]


@pytest.fixture(scope="module")
def start_nats(memory_place: Path) -> Iterator[StartNats]:
    """`start_nats(directory=None, syncs_lazily=False)`: launched; stopped with the module."""
    started: list[NatsServer] = []

    def start(directory: Path | None = None, *, syncs_lazily: bool = False) -> NatsServer:
        place = directory or memory_place / f"nats-{next(_numbers)}"
        place.mkdir(mode=0o700, exist_ok=True)
        ports = Ports(place / "ports.json", say=print)
        server = NatsServer(place, ids=SystemIds(), ports=ports, syncs_lazily=syncs_lazily)
        started.append(server)
        server.launch()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def nats_server(start_nats: StartNats) -> NatsEndpoints:
    return start_nats().wait_until_ready(timeout_s=30)


@pytest.fixture(scope="session")
def postgres_server(memory_place: Path) -> Iterator[str]:
    """One PostgreSQL a run, without fsync: no test of ours cuts its power, and databases come and go."""
    place = memory_place / "postgres"
    place.mkdir(mode=0o700)
    config = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "200",
    }
    ports = Ports(place / "ports.json", say=print)
    server = PostgresServer(place, ids=SystemIds(), ports=ports, say=print, config=config)
    yield server.start(timeout_s=60).dsn
    server.stop()


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Everything in it is shared by all tests of a run: take a repository of your own."""
    from infra.cli.output import Output  # loads the whole product, which most tests do not need
    from infra.cli.up import laptop_of

    place = tmp_path_factory.mktemp("laptop")
    port = Ports(place / "gateway-port.json", say=print).of("gateway")
    laptop = laptop_of({"data_dir": place, "gateway_port": port}, Output(as_json=True))
    laptop.start()
    yield laptop
    laptop.stop()


def _fresh_database(server_dsn: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(CREATE_DATABASE.format(name=Identifier(name)))
        yield server_dsn.removesuffix(DATABASE) + name
        connection.execute(DROP_DATABASE.format(name=Identifier(name)))


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    yield from _fresh_database(postgres_server)


@pytest.fixture(scope="module")
def postgres_module_dsn(postgres_server: str) -> Iterator[str]:
    yield from _fresh_database(postgres_server)
