"""Durable appends against a bare nats-py publish of the same bytes, and against the library on PostgreSQL.

All three run in turns, append by append, on servers of this run, so that the machine's moods meet all of them
alike; medians are compared. A command is `ask`: load, decide, append, on an aggregate that grows.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import nats
from eventsourcing.persistence import ApplicationRecorder, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from bench.row import Row
from domain.decider import Context, Decider
from domain.event import Envelope, Event, HybridTime, Producer
from domain.position import Position
from infra.clock import SystemClock, SystemIds
from infra.dev.cluster import Cluster, Endpoints
from infra.eventlog.append import Append
from infra.eventlog.mapper import EventMapper, Fact, Topics
from infra.eventlog.memory import MemoryRecorder
from infra.eventlog.message import FIRST, StoredState, pack
from infra.eventlog.opening import LogAddress, OpenedJetStream, OpenedLog, memory_parts, open_jetstream
from infra.eventlog.stream import StreamLimits
from infra.settings import Settings

ROUNDS = 600
"""Of each: one append of ours, one of each peer."""
AGGREGATE_APPENDS = 50
"""Then a new aggregate is begun."""
LOG_BYTES = 1 << 30
SINGLE_RATIO = 1.8
HUNDRED_RATIO = 1.6
COMMAND_MS = 3.0
CONTEXT = Context("bench", "bench-correlation")


class Counted(Event):
    """About as large as a small event of ours."""

    TOPIC: ClassVar[str] = "bench.counted.v1"
    PRODUCER: ClassVar[Producer] = "client"

    by: int
    digest: bytes
    path: str


@dataclass(frozen=True, slots=True)
class Count:
    """Count one more."""


EVENT = Counted(by=1, digest=bytes(32), path="shots/020/plate/v003/020_plate_v003.mov")
COUNTER: Decider[int, Count, Counted] = Decider(
    "counter", 0, lambda _state, _command: (EVENT,), lambda state, event: state + event.by, (Counted,)
)
TOPICS = Topics({Counted.TOPIC: Counted})


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        settings = Settings(event_log_bytes_max=LOG_BYTES)
        endpoints = stack.enter_context(Cluster(Path(directory), settings))
        log = opened(endpoints)
        stack.callback(log.close)
        peer = PostgresPeer(endpoints.postgres_dsn)
        stack.callback(peer.close)
        bare = stack.enter_context(BarePublish(endpoints.nats_url))
        return [
            *append_rows(log, bare, peer, 1, SINGLE_RATIO),
            *append_rows(log, bare, peer, 100, HUNDRED_RATIO),
            *command_rows(log, peer),
            bulk_row(log, bare),
        ]


def opened(endpoints: Endpoints) -> OpenedJetStream:
    address = LogAddress(endpoints.nats_url, endpoints.nats_system_url, StreamLimits(LOG_BYTES))
    return open_jetstream(address, topics=TOPICS, clock=SystemClock(), ids=SystemIds())


# -------------------------------------------------------------------- the three ways
class BarePublish:
    """nats-py alone, in one event loop, awaiting each acknowledgement."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._url = url

    def __enter__(self) -> BarePublish:
        self._runner.run(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._bus.close())
        self._runner.close()

    async def _connect(self) -> None:
        self._bus = await nats.connect(self._url)
        self.stream: JetStreamContext = self._bus.jetstream()

    def publish(self, payload: bytes) -> float:
        """Seconds until the acknowledgement."""
        return self._runner.run(self._publish(payload))

    async def _publish(self, payload: bytes) -> float:
        began = perf_counter()
        await self.stream.publish("dits.evt.0.bare.publish", payload)
        return perf_counter() - began

    def fetched(self, messages: int) -> float:
        """Seconds that nats-py's own fetch takes for so many messages."""
        return self._runner.run(self._fetched(messages))

    async def _fetched(self, messages: int) -> float:
        config = ConsumerConfig(ack_policy=AckPolicy.NONE)
        subscription = await self.stream.pull_subscribe("dits.evt.0.>", stream="DITS_0", config=config)
        began, seen = perf_counter(), 0
        while seen < messages:
            seen += len(await subscription.fetch(1_000, timeout=5))
        return perf_counter() - began


class PostgresPeer:
    """The library's PostgreSQL recorder, durable as it is by default, and our application over it."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        self._datastore = PostgresDatastore(
            dbname=parts.path.lstrip("/"),
            host=parts.hostname or "",
            port=str(parts.port),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            originator_id_type="text",
        )
        self.recorder: ApplicationRecorder = PostgresApplicationRecorder(
            self._datastore, events_table_name="stored_events"
        )
        self.recorder.create_table()

    def append(self, append: Append) -> tuple[Position, ...]:
        """As our application asks it; this recorder knows no guards."""
        events = [StoredEvent(write.aggregate, *event) for write in append.writes for event in write.events]
        self.recorder.insert_events(events)
        return tuple(Position("00" * 8, 1, FIRST) for _ in append.writes)

    def end(self) -> Position | None:
        return None

    def close(self) -> None:
        self._datastore.close()


# -------------------------------------------------------------------- what is measured
def append_rows(
    log: OpenedJetStream, bare: BarePublish, peer: PostgresPeer, events: int, reach: float
) -> list[Row]:
    states = [
        StoredState(event.originator_version, event.topic, event.state) for event in batch("x", 1, events)
    ]
    payload = pack(bytes(16), FIRST, states)
    ours, library = Growing(log.recorder.recorder, events), Growing(peer.recorder, events)
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append()
        theirs.append(bare.publish(payload))
        library.append()
    us, them, lib = median(ours.times), median(theirs), median(library.times)
    what = f"durable append of {events} event{'s' if events > 1 else ''} ({len(payload)} B)"
    return [
        Row(what, ms(us), f"nats-py publish {ms(them)}", us / them, f"<= {reach} x", us <= reach * them),
        Row(what, ms(us), f"library on PostgreSQL {ms(lib)}", us / lib, "faster", us < lib),
    ]


class Growing:
    """Appends to one aggregate after another, and the seconds each append took."""

    def __init__(self, recorder: ApplicationRecorder, events: int) -> None:
        self._recorder = recorder
        self._events = events
        self.times: list[float] = []

    def append(self) -> None:
        aggregate, number = divmod(len(self.times), AGGREGATE_APPENDS)
        stored = batch(f"counter.n{self._events}-{aggregate}", number * self._events + 1, self._events)
        began = perf_counter()
        self._recorder.insert_events(stored)
        self.times.append(perf_counter() - began)


def batch(name: str, first: int, events: int) -> list[StoredEvent]:
    mapper = EventMapper(TOPICS)
    envelope = Envelope(bytes(16), HybridTime(1 << 56), "bench", "bench-correlation")
    return [mapper.to_stored_event(Fact(name, first + n, envelope, EVENT)) for n in range(events)]


def command_rows(log: OpenedJetStream, peer: PostgresPeer) -> list[Row]:
    over_postgres = on_postgres(peer)
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(ROUNDS):
        ours.append(command(log, number))
        theirs.append(command(over_postgres, number))
    us, them = median(ours), median(theirs)
    what = "command from load to append, p50"
    return [
        Row(what, ms(us), "", None, f"< {COMMAND_MS:.0f} ms", us * 1000 < COMMAND_MS),
        Row(what, ms(us), f"library on PostgreSQL {ms(them)}", us / them, "faster", us < them),
    ]


def on_postgres(peer: PostgresPeer) -> OpenedLog:
    """Our application over the library's recorder: the rest of the parts are memory's and stay unused."""
    parts = replace(memory_parts(MemoryRecorder()), recorder=peer)
    return OpenedLog(parts, topics=TOPICS, clock=SystemClock(), ids=SystemIds())


def command(log: OpenedLog, number: int) -> float:
    """Seconds of one `ask`."""
    began = perf_counter()
    log.events.ask(COUNTER.ask(f"c{number // AGGREGATE_APPENDS}", Count()), context=CONTEXT)
    return perf_counter() - began


def bulk_row(log: OpenedJetStream, bare: BarePublish) -> Row:
    """The whole log, which the rows above have written, as a rebuild reads it."""
    events, messages = timed_events(log), log.reader.last_sequence()
    rate = events[0] / events[1]
    fetch = messages / bare.fetched(messages)
    return Row(
        "log read in bulk, events parsed",
        f"{rate:,.0f} events/s ({events[0]:,} events)",
        f"nats-py fetch {fetch:,.0f} messages/s, unparsed",
        None,
        "printed",
        None,
    )


def timed_events(log: OpenedJetStream) -> tuple[int, float]:
    began = perf_counter()
    seen = sum(len(batch) for _, batch in log.messages.raw_events(None, frozenset({Counted.TOPIC})))
    return seen, perf_counter() - began


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
