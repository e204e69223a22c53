"""The port Counters on JetStream and in memory alike (V4.5f)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from queue import SimpleQueue
from typing import NamedTuple

import nats
import pytest

from domain.errors import UnavailableError
from gateway.counters import Counters, MemoryCounters
from infra.clock import SystemClock
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.connection import STOP_TIMEOUT_S, Connection
from infra.eventlog.counters import ANSWER_S, JetStreamCounters
from infra.eventlog.jetstream_api import JetStreamApi, Patience
from tests.conftest import StartNats

PATIENT_S = 5.0
"""A machine that runs tests may be slow for longer than a request should wait."""
_names = count(1)


class Pair(NamedTuple):
    """The same counts as two processes hold them."""

    one: Counters
    other: Counters


@contextmanager
def connected(server: NatsEndpoints, answer_s: float = PATIENT_S) -> Generator[JetStreamCounters]:
    connection = Connection(server.url)
    try:
        yield JetStreamCounters(JetStreamApi(connection, SystemClock(), Patience()), answer_s=answer_s)
    finally:
        connection.close()


@contextmanager
def paused(pid: int) -> Generator[None]:
    """There, and not answering: harder than gone."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(params=["memory", "jetstream"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "memory":
        counters = MemoryCounters()
        yield Pair(counters, counters)
        return
    server = request.getfixturevalue("nats_server")
    with connected(server) as one, connected(server) as other:
        yield Pair(one, other)


@pytest.fixture
def name() -> str:
    """The store is one for all tests."""
    return f"anonymous.29.{next(_names)}"


def test_an_addition_tells_the_total(pair: Pair, name: str) -> None:
    assert [pair.one.add(name, 1), pair.one.add(name, 25), pair.one.add(name, 1)] == [1, 26, 27]


def test_what_one_process_adds_the_other_counts_on(pair: Pair, name: str) -> None:
    assert pair.one.add(name, 40) == 40
    assert pair.other.add(name, 2) == 42


def test_names_are_counted_apart(pair: Pair, name: str) -> None:
    pair.one.add(name, 7)
    assert pair.one.add(f"{name}-b", 1) == 1


def test_of_many_that_add_at_once_no_two_see_the_same_total(pair: Pair, name: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        adders = [(pair.one, pair.other)[each % 2] for each in range(400)]
        totals = list(threads.map(lambda adder: adder.add(name, 1), adders))
    assert sorted(totals) == list(range(1, 401))


def test_what_is_added_without_waiting_is_counted_before_what_comes_after_it(pair: Pair, name: str) -> None:
    pair.one.add(name, 1)
    pair.one.add_soon(name, 20)
    assert pair.one.add(name, 1) == 22


def test_a_call_is_heard_by_every_process_the_caller_too(pair: Pair, name: str) -> None:
    one, other = SimpleQueue[str](), SimpleQueue[str]()
    pair.one.hear(one.put)
    pair.other.hear(other.put)
    pair.one.add(name, 1)  # the server knows of both listeners before it answers
    pair.other.add(name, 1)
    pair.one.call("anonymous 29 2001:db8::/64")
    assert one.get(timeout=5) == other.get(timeout=5) == "anonymous 29 2001:db8::/64"


def test_memory_forgets_everything_rather_than_grow(name: str) -> None:
    counters = MemoryCounters(names_max=2)
    assert [counters.add(each, 1) for each in ("a", "b", "a", "c", "a")] == [1, 1, 2, 1, 1]


def test_a_server_that_was_restarted_counts_anew(start_nats: StartNats) -> None:
    server = start_nats()
    with connected(server.wait_until_ready(10), 1.0) as counters:
        counters.add("anonymous.1.a", 90)
        server.stop()
        with pytest.raises(UnavailableError):
            counters.add("anonymous.1.a", 1)
        server.start()
        assert _until_answered(counters) == 1


def test_a_silent_server_is_not_waited_for(start_nats: StartNats) -> None:
    server = start_nats()
    clock = SystemClock()
    with connected(server.wait_until_ready(10), ANSWER_S) as counters:
        _until_answered(counters)
        with paused(server.child.pid):
            began_ms = clock.monotonic_ms()
            with pytest.raises(UnavailableError):
                counters.add("anonymous.1.a", 1)
            waited_ms = clock.monotonic_ms() - began_ms
    assert waited_ms < STOP_TIMEOUT_S * 1000, "as long as whoever insists on an answer"


def test_a_stream_that_was_deleted_is_made_again(nats_server: NatsEndpoints) -> None:
    with connected(nats_server) as counters:
        counters.add("anonymous.1.gone", 5)
        asyncio.run(_delete_stream(nats_server.url))
        with pytest.raises(UnavailableError):
            counters.add("anonymous.1.gone", 1)
        assert counters.add("anonymous.1.gone", 1) == 1


def test_a_client_of_the_bus_cannot_count(nats_server: NatsEndpoints) -> None:
    with connected(nats_server) as counters:
        counters.add("anonymous.1.mine", 1)
        asyncio.run(_add_as_client(nats_server.client_url, "dits.limits.at.anonymous.1.mine"))
        assert counters.add("anonymous.1.mine", 1) == 2


def _until_answered(counters: Counters) -> int:
    for _ in range(100):
        try:
            return counters.add("anonymous.1.a", 1)
        except UnavailableError:
            SystemClock().sleep(0.05)
    raise AssertionError("it did not come back")


async def _delete_stream(url: str) -> None:
    bus = await nats.connect(url)
    await bus.request("$JS.API.STREAM.DELETE.DITS_LIMITS", b"", timeout=5)
    await bus.close()


async def _add_as_client(url: str, subject: str) -> None:
    async def refused(_: Exception) -> None:
        """The server says so."""

    bus = await nats.connect(url, error_cb=refused)
    await bus.publish(subject, b"", headers={"Nats-Incr": "+50"})
    await bus.flush()
    await bus.close()
