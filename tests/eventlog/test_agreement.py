"""One machine drives the recorder on JetStream and the one in memory: they agree, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from eventsourcing.persistence import IntegrityError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.append import Append, Guard, Write
from infra.eventlog.appender import JetStreamLog
from infra.eventlog.connection import Connection
from infra.eventlog.jetstream import JetStreamApplicationRecorder
from infra.eventlog.jetstream_api import JetStreamApi, Patience
from infra.eventlog.jetstream_reader import JetStreamReader
from infra.eventlog.memory import MemoryReader, MemoryRecorder
from infra.eventlog.message import Shard, StoredState
from infra.eventlog.places import Places
from infra.eventlog.sentinel import Sentinel
from infra.eventlog.stream import StreamLimits, open_stream

NAMES = ("x.a", "x.b", "x.c")
LOG_BYTES = 4 << 20
_shards = count(1)

names = st.sampled_from(NAMES)
slips = st.sampled_from((0, 0, 0, 0, 1, -1))
"""How far an expected version is off: mostly not at all."""
parts = st.dictionaries(names, st.tuples(slips, st.integers(0, 3)), min_size=1)
sizes = st.sampled_from((1, 1, 1, 3_000))


class BothLogs(RuleBasedStateMachine):
    """`api` is set by the test, which owns the server."""

    api: JetStreamApi

    def __init__(self) -> None:
        super().__init__()
        self.shard = Shard(f"agree{next(_shards)}")
        incarnation = open_stream(self.api, self.shard, StreamLimits(LOG_BYTES), SystemIds())
        self.reader = JetStreamReader(self.api, self.shard, incarnation)
        self.memory = MemoryRecorder(self.shard)
        self.processes = [self._process(), self._process()]
        self.versions = dict.fromkeys(NAMES, 0)
        self.appends = 0

    def _process(self) -> JetStreamApplicationRecorder:
        sentinel = Sentinel(self.reader, lambda: 0)
        log = JetStreamLog(self.api, self.shard, self.reader, sentinel, Places(), SystemIds())
        return JetStreamApplicationRecorder(log)

    @rule(parts=parts, size=sizes, process=st.integers(0, 1))
    def append(self, parts: dict[str, tuple[int, int]], size: int, process: int) -> None:
        """Events where there are some, guards where there are none, both at versions that may be off."""
        self.appends += 1
        expected = {name: max(0, self.versions[name] + slip) for name, (slip, _) in parts.items()}
        writes = tuple(
            Write(name, expected[name], self._states(expected[name], times, size))
            for name, (_, times) in parts.items()
            if times
        )
        guards = tuple(Guard(name, expected[name]) for name, (_, times) in parts.items() if not times)
        if not writes:
            return
        append = Append(self.appends.to_bytes(16, "big"), "correlation", writes, guards)
        in_memory = _outcome(self.memory, append)
        assert _outcome(self.processes[process], append) == in_memory
        if in_memory is not None:
            self.versions |= {write.aggregate: write.events[-1].version for write in writes}

    def _states(self, expected: int, times: int, size: int) -> tuple[StoredState, ...]:
        return tuple(StoredState(expected + n, "t.v1", b"s" * size) for n in range(1, times + 1))

    @rule(name=names, process=st.integers(0, 1), after=st.integers(0, 4))
    def select(self, name: str, process: int, after: int) -> None:
        there = self.processes[process].select_events(name, gt=after)
        assert there == self.memory.select_events(name, gt=after)

    @invariant()
    def both_hold_the_same_bytes(self) -> None:
        expected = MemoryReader(self.memory).by_sequence(0, 1_000)
        assert list(self.reader.by_sequence(0, 1_000)) == expected

    def teardown(self) -> None:
        self.api.ask(f"STREAM.DELETE.{self.shard.stream}")


def _outcome(
    recorder: MemoryRecorder | JetStreamApplicationRecorder, append: Append
) -> list[tuple[int, bytes]] | None:
    try:
        return [(position.sequence, position.digest) for position in recorder.append(append)]
    except IntegrityError:
        return None


@pytest.fixture
def machine(nats_server: NatsEndpoints) -> Iterator[type[BothLogs]]:
    connection = Connection(nats_server.url)
    BothLogs.api = JetStreamApi(connection, SystemClock(), Patience())
    # A server that deletes its last stream removes their directory, which races with making the next one.
    open_stream(BothLogs.api, Shard("stays"), StreamLimits(LOG_BYTES), SystemIds())
    yield BothLogs
    connection.close()


def test_both_recorders_agree_on_every_append(machine: type[BothLogs]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=30, stateful_step_count=20, deadline=None)
    )


@pytest.mark.long
def test_both_recorders_agree_on_every_append_of_a_long_run(machine: type[BothLogs]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=500, stateful_step_count=40, deadline=None)
    )
