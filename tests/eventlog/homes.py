"""Where a log lives while a test opens it, once or from several processes: in memory, or on a real server."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Protocol

from domain.ports import Clock, Ids
from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.jetstream_api import Patience
from infra.eventlog.mapper import Topics
from infra.eventlog.memory import MemoryRecorder
from infra.eventlog.message import Shard
from infra.eventlog.opening import LogAddress, OpenedJetStream, OpenedLog, open_jetstream, open_memory
from infra.eventlog.stream import StreamLimits
from tests.eventlog.sample import TOPICS

LOG_BYTES = 8 << 20
_names = count(1)


class Home(Protocol):
    """One log; each `open` is a process of its own."""

    def open(self, clock: Clock | None = None, topics: Topics = TOPICS) -> OpenedLog: ...

    def close(self) -> None: ...


class MemoryHome:
    def __init__(self, bytes_max: int = LOG_BYTES) -> None:
        self.recorder = MemoryRecorder(bytes_max=bytes_max)
        self.ids: Ids = SystemIds()

    def open(self, clock: Clock | None = None, topics: Topics = TOPICS) -> OpenedLog:
        return open_memory(topics=topics, clock=clock or SystemClock(), ids=self.ids, recorder=self.recorder)

    def close(self) -> None:
        """Nothing is held."""


class JetStreamHome:
    """A stream of its own on a server that others may share."""

    def __init__(
        self, server: NatsEndpoints, bytes_max: int = LOG_BYTES, patience: Patience | None = None
    ) -> None:
        self.address = LogAddress(
            server.url,
            server.system_url,
            StreamLimits(bytes_max),
            Shard(f"t{next(_names)}"),
            patience or Patience(),
        )
        self._opened: list[OpenedJetStream] = []

    def open(self, clock: Clock | None = None, topics: Topics = TOPICS) -> OpenedJetStream:
        opened = open_jetstream(
            self.address, topics=topics, clock=_WallOf(clock) if clock else SystemClock(), ids=SystemIds()
        )
        self._opened.append(opened)
        return opened

    @staticmethod
    def at(address: LogAddress, limits: StreamLimits) -> JetStreamHome:
        """The same log with another limit."""
        other = object.__new__(JetStreamHome)
        other.address = replace(address, limits=limits)
        other._opened = []
        return other

    def through(self, url: str) -> JetStreamHome:
        """The same log by another way, such as a proxy."""
        other = JetStreamHome.at(replace(self.address, url=url), self.address.limits)
        other._opened = self._opened
        return other

    def close(self) -> None:
        for opened in self._opened:
            opened.close()
        self._opened.clear()


class _WallOf(SystemClock):
    """A test's wall time; deadlines of real sockets still need time that passes."""

    def __init__(self, wall: Clock) -> None:
        self.now = wall.now  # type: ignore[method-assign]
