"""The bulk reader's own wire: many messages, large ones, a part of the log, a line that breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.errors import UnavailableError
from infra.clock import SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.bulk_reader import PULL_BYTES, PULL_MESSAGES, BulkReader
from infra.eventlog.connection import Outgoing
from infra.eventlog.opening import OpenedJetStream
from tests.contracts.test_event_log import appended, written
from tests.eventlog.homes import JetStreamHome
from tests.tcp_faults import TcpProxy


@pytest.fixture(scope="module")
def home(nats_server: NatsEndpoints) -> Iterator[JetStreamHome]:
    made = JetStreamHome(nats_server, bytes_max=64 << 20)
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(home: JetStreamHome) -> OpenedJetStream:
    """More messages than two pulls hold, and then more bytes."""
    log = home.open()
    subject = home.address.shard.subject("bulk.a")
    small = [Outgoing(subject, b"x", {"N": str(n)}) for n in range(2 * PULL_MESSAGES + 500)]
    log.api.connection.collect(small, timeout_s=60)
    large = [Outgoing(subject, bytes(500_000), {"N": "large"}) for _ in range(3 * PULL_BYTES // 500_000)]
    log.api.connection.collect(large, timeout_s=60)
    return log


@pytest.fixture
def reader(home: JetStreamHome, opened: OpenedJetStream) -> BulkReader:
    return BulkReader(home.address.url, home.address.shard.stream, opened.api, SystemIds())


def test_everything_comes_once_and_in_order(reader: BulkReader, opened: OpenedJetStream) -> None:
    last = opened.reader.last_sequence()
    sequences = [message.sequence for batch in reader.read(1, last) for message in batch]
    assert sequences == list(range(1, last + 1))


def test_a_part_is_read_exactly(reader: BulkReader) -> None:
    sequences = [message.sequence for batch in reader.read(37, 4_444) for message in batch]
    assert sequences == list(range(37, 4_445))
    assert list(reader.read(5, 4)) == []


def test_the_same_message_comes_as_a_direct_read_gives_it(
    reader: BulkReader, opened: OpenedJetStream
) -> None:
    [[message]] = list(reader.read(77, 77))
    assert (message.sequence, message.subject, message.payload) == opened.reader.at(77)
    assert b"N: 76\r\n" in message.headers


def test_a_broken_line_is_an_error_not_an_end(
    home: JetStreamHome, opened: OpenedJetStream, nats_server: NatsEndpoints
) -> None:
    proxy = TcpProxy(nats_server.port)
    url = home.address.url.replace(str(nats_server.port), str(proxy.port))
    reader = BulkReader(url, home.address.shard.stream, opened.api, SystemIds())
    reading = reader.read(1, opened.reader.last_sequence())
    next(reading)
    proxy.cut()
    with pytest.raises(UnavailableError):
        list(reading)
    proxy.stop()


def test_several_servers_are_tried_in_turn(home: JetStreamHome, opened: OpenedJetStream) -> None:
    urls = f"nats://house:x@127.0.0.1:1,{home.address.url}"
    reader = BulkReader(urls, home.address.shard.stream, opened.api, SystemIds())
    assert len(list(reader.read(1, 1))) == 1


def test_wrong_credentials_are_unavailable(home: JetStreamHome, opened: OpenedJetStream) -> None:
    url = home.address.url.replace("house:", "house:wrong")
    with pytest.raises(UnavailableError):
        list(BulkReader(url, home.address.shard.stream, opened.api, SystemIds()).read(1, 1))


def test_what_was_written_by_the_recorder_can_be_read(home: JetStreamHome, opened: OpenedJetStream) -> None:
    [position] = opened.recorder.append(appended(1, written("tally.a", 0)))
    reader = BulkReader(home.address.url, home.address.shard.stream, opened.api, SystemIds())
    [[message]] = list(reader.read(position.sequence, position.sequence))
    assert b"X-Correlation-ID: correlation" in message.headers
