"""Opens the event log of one process, on JetStream or in memory: the one place that puts its parts together.

Promises: what opens was checked: the servers sync before they acknowledge, the stream is what the log needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import LogRegressedError
from domain.ports import Clock, Ids
from infra.eventlog.appender import JetStreamLog
from infra.eventlog.application import LogApplication, Parts
from infra.eventlog.bulk import LogMessages, MemoryBulk
from infra.eventlog.bulk_reader import BulkReader
from infra.eventlog.connection import Connection, Context
from infra.eventlog.durability import refuse_lazy_servers
from infra.eventlog.feed import LogFeed, Narrator
from infra.eventlog.hybrid_clock import HybridClock
from infra.eventlog.jetstream import JetStreamApplicationRecorder, JetStreamFactory
from infra.eventlog.jetstream_api import JetStreamApi, Patience
from infra.eventlog.jetstream_reader import JetStreamReader
from infra.eventlog.jetstream_shelf import JetStreamShelf
from infra.eventlog.mapper import EventMapper, Topics
from infra.eventlog.memory import MemoryFactory, MemoryReader, MemoryRecorder
from infra.eventlog.message import Shard
from infra.eventlog.places import Places
from infra.eventlog.sentinel import Sentinel
from infra.eventlog.snapshots import MemoryShelf
from infra.eventlog.stream import LogUse, StreamLimits, log_use, open_stream


@dataclass(frozen=True, slots=True)
class LogAddress:
    """Where the log is, and how it is treated."""

    url: str = field(repr=False)
    system_url: str = field(repr=False)
    limits: StreamLimits
    shard: Shard = field(default_factory=Shard)
    patience: Patience = field(default_factory=Patience)
    unsafe_lazy_fsync: bool = False


class OpenedLog:
    """The log as one process holds it: the command side, feeds, and what an operator asks about it."""

    def __init__(self, parts: Parts, *, topics: Topics, clock: Clock, ids: Ids) -> None:
        mapper = EventMapper(topics)
        self.recorder = parts.recorder
        self.reader = parts.reader
        self.sentinel = sentinel = parts.sentinel
        self.messages = LogMessages(parts.bulk, self.reader, sentinel, shard=parts.shard, topics=topics)
        self.narrator = Narrator(parts.shard, self.reader.incarnation, mapper)
        self._hybrid_clock = HybridClock(clock)
        self.events = LogApplication(
            parts, mapper, narrator=self.narrator, hybrid_clock=self._hybrid_clock, ids=ids
        )

    @property
    def regressed(self) -> LogRegressedError | None:
        """What the log lost; None as long as it holds everything this process saw."""
        return self.sentinel.regressed

    def feed(self) -> LogFeed:
        """One a follower."""
        return LogFeed(self.reader, self.narrator, self.sentinel, self._hybrid_clock)


class OpenedJetStream(OpenedLog):
    """The real one, with its connection."""

    def __init__(self, log: JetStreamLog, address: LogAddress, *, topics: Topics, clock: Clock) -> None:
        """Raises UnfitLogError, UnavailableError."""
        self.log = log
        parts = Parts(
            log.shard,
            JetStreamApplicationRecorder(log),
            log.reader,
            log.sentinel,
            BulkReader(address.url, log.shard.stream, log.api, log.ids),
            JetStreamShelf(log, address.limits),
            JetStreamFactory(log),
        )
        super().__init__(parts, topics=topics, clock=clock, ids=log.ids)

    @property
    def api(self) -> JetStreamApi:
        """For what lives beside the log on the same connection: leases, timers, kept answers."""
        return self.log.api

    def use(self) -> LogUse:
        """How full the log is. Raises UnavailableError."""
        return log_use(self.log.api, self.log.shard)

    def close(self) -> None:
        self.events.close()
        self.log.api.connection.close()


def open_jetstream(
    address: LogAddress,
    *,
    topics: Topics,
    clock: Clock,
    ids: Ids,
    name: str = "dits",
    context: Context = dict,
) -> OpenedJetStream:
    """`context` names the headers of what is under way; every message carries them (V10.1d).

    Raises LazyFsyncError, ServerTooOldError, UnfitLogError, UnavailableError.
    """
    refuse_lazy_servers(address.system_url, unsafe=address.unsafe_lazy_fsync)
    log = connected(address, clock, ids, name, context)
    try:
        return OpenedJetStream(log, address, topics=topics, clock=clock)
    except BaseException:
        log.api.connection.close()
        raise


def connected(
    address: LogAddress, clock: Clock, ids: Ids, name: str, context: Context = dict
) -> JetStreamLog:
    """The parts below the application. Raises UnfitLogError, UnavailableError."""
    connection = Connection(
        address.url, name=name, connect_timeout_s=address.patience.read_s, context=context
    )
    try:
        api = JetStreamApi(connection, clock, address.patience)
        incarnation = open_stream(api, address.shard, address.limits, ids)
        reader = JetStreamReader(api, address.shard, incarnation)
    except BaseException:
        connection.close()
        raise
    sentinel = Sentinel(reader, lambda: connection.epoch)
    return JetStreamLog(api, address.shard, reader, sentinel, Places(), ids)


def open_memory(
    *, topics: Topics, clock: Clock, ids: Ids, recorder: MemoryRecorder | None = None
) -> OpenedLog:
    """The same parts over a list, for tests. A recorder that is handed in outlives its first process."""
    return OpenedLog(memory_parts(recorder or MemoryRecorder()), topics=topics, clock=clock, ids=ids)


def memory_parts(recorder: MemoryRecorder) -> Parts:
    reader = MemoryReader(recorder)
    sentinel = Sentinel(reader, lambda: 0)
    return Parts(
        recorder.shard, recorder, reader, sentinel, MemoryBulk(reader), MemoryShelf(), MemoryFactory(None)
    )
