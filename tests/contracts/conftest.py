"""Where the event log of a contract test lives: in memory, and on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.eventlog.application import LogApplication
from tests.eventlog.homes import LOG_BYTES, Home, JetStreamHome, MemoryHome

SMALL_BYTES = 100_000


def _home(request: pytest.FixtureRequest, bytes_max: int) -> Iterator[Home]:
    made: Home = MemoryHome(bytes_max)
    if request.param == "jetstream":
        made = JetStreamHome(request.getfixturevalue("nats_server"), bytes_max)
    yield made
    made.close()


@pytest.fixture(params=["memory", "jetstream"])
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    yield from _home(request, LOG_BYTES)


@pytest.fixture(params=["memory", "jetstream"])
def small_home(request: pytest.FixtureRequest) -> Iterator[Home]:
    """Room for a few hundred small events."""
    yield from _home(request, SMALL_BYTES)


@pytest.fixture
def log(home: Home) -> LogApplication:
    return home.open().events
