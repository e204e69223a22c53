"""What a start refuses: servers that sync lazily or are old, streams that are not the log (I1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from domain.errors import LazyFsyncError, ServerTooOldError, UnavailableError, UnfitLogError
from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints, NatsServer
from infra.eventlog.connection import Connection
from infra.eventlog.durability import OLDEST, refuse_lazy_servers, refuse_old_version
from infra.eventlog.jetstream_api import JetStreamApi, Patience
from infra.eventlog.opening import open_jetstream
from infra.eventlog.stream import LogUse, StreamLimits, open_stream, required
from tests.eventlog.homes import JetStreamHome
from tests.eventlog.sample import CONTEXT, TALLY, TOPICS, Raise

QUICK = Patience(answer_s=0.2, read_s=0.5, append_s=0.5)


@pytest.fixture(scope="module")
def lazy(start_nats: Callable[..., NatsServer]) -> NatsEndpoints:
    return start_nats(syncs_lazily=True).wait_until_ready(timeout_s=30)


@pytest.fixture
def api(nats_server: NatsEndpoints) -> Iterator[JetStreamApi]:
    connection = Connection(nats_server.url)
    yield JetStreamApi(connection, SystemClock(), QUICK)
    connection.close()


def test_a_server_that_syncs_always_is_welcome(nats_server: NatsEndpoints) -> None:
    refuse_lazy_servers(nats_server.system_url, unsafe=False)


def test_a_server_that_syncs_lazily_is_refused(lazy: NatsEndpoints) -> None:
    with pytest.raises(LazyFsyncError):
        open_jetstream(JetStreamHome(lazy).address, topics=TOPICS, clock=SystemClock(), ids=SystemIds())


def test_a_server_that_syncs_lazily_passes_if_told_so(lazy: NatsEndpoints) -> None:
    home = JetStreamHome(lazy)
    home.address = replace(home.address, unsafe_lazy_fsync=True)
    home.open().events.ask(TALLY.ask("a", Raise()), context=CONTEXT)
    home.close()


def test_a_server_that_does_not_tell_is_refused(nats_server: NatsEndpoints) -> None:
    with pytest.raises(LazyFsyncError):
        refuse_lazy_servers(nats_server.url, unsafe=False)


def test_an_older_server_is_refused_by_its_version() -> None:
    refuse_old_version(OLDEST)
    with pytest.raises(ServerTooOldError, match=r"2\.15\.0; Dits needs 2\.15\.1"):
        refuse_old_version((2, 15, 0))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        Connection("nats://house:x@127.0.0.1:1", connect_timeout_s=0.5)


def test_the_stream_is_made_once_and_keeps_its_incarnation(nats_server: NatsEndpoints) -> None:
    home = JetStreamHome(nats_server)
    assert home.open().reader.incarnation == home.open().reader.incarnation
    home.close()


def test_the_stream_neither_deletes_nor_purges(nats_server: NatsEndpoints, api: JetStreamApi) -> None:
    home = JetStreamHome(nats_server)
    home.open().events.ask(TALLY.ask("a", Raise()), context=CONTEXT)
    for verb, body in (("PURGE", None), ("MSG.DELETE", {"seq": 1})):
        with pytest.raises(Exception, match=r"purge|delete"):
            api.ask(f"STREAM.{verb}.{home.address.shard.stream}", body)
    assert home.open().reader.last_sequence() == 1
    home.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"storage": "memory"},
        {"deny_purge": False},
        {"discard": "old"},
        {"allow_atomic": False},
        {"max_age": 10**12},
    ],
)
def test_a_stream_of_another_shape_is_refused_by_name(
    nats_server: NatsEndpoints, api: JetStreamApi, wrong: dict[str, object]
) -> None:
    shard, limits = JetStreamHome(nats_server).address.shard, StreamLimits(1 << 20)
    config = required(shard, limits) | {"metadata": {"dits.incarnation": "00" * 8}} | wrong
    api.ask(f"STREAM.CREATE.{shard.stream}", config)
    with pytest.raises(UnfitLogError, match=next(iter(wrong))):
        open_stream(api, shard, limits, SystemIds())


def test_a_stream_that_dits_did_not_make_is_refused(nats_server: NatsEndpoints, api: JetStreamApi) -> None:
    shard, limits = JetStreamHome(nats_server).address.shard, StreamLimits(1 << 20)
    api.ask(f"STREAM.CREATE.{shard.stream}", required(shard, limits))
    with pytest.raises(UnfitLogError, match="incarnation"):
        open_stream(api, shard, limits, SystemIds())


@pytest.mark.parametrize(("size_bytes", "level"), [(79, "ok"), (80, "high"), (94, "high"), (95, "critical")])
def test_a_log_says_when_it_fills_up(size_bytes: int, level: str) -> None:
    assert LogUse(size_bytes, 100).level == level
