"""Signals over a log in memory that a test can take away, and what the log then holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from domain.catalogue import TOPICS, upcast
from domain.decider import Ask, Context, Decider, Loaded, Outcome
from domain.errors import DitsError, UnavailableError
from domain.event import Event, Recorded
from domain.ids import AggregateId
from domain.ports import EventLog
from domain.position import Position
from gateway.bridge import Bridge
from gateway.signals import SignalCounts, Signals
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedLog, open_memory
from infra.metrics import Metrics
from tests.fakes import FakeClock, FakeIds

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


class FickleLog:
    """An EventLog that is away for as long as `trouble` says so; every call is counted."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.trouble: DitsError | None = None
        self.calls = 0

    def be_away(self) -> None:
        self.trouble = UnavailableError(dependency="the event log")

    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002 -- the port's word
        self._maybe()
        return self._log.load(decider, id)

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        self._maybe()
        return self._log.ask(*asks, context=context)

    def history(self, aggregate: AggregateId, after: Position | None = None) -> Iterator[Recorded]:
        self._maybe()
        return self._log.history(aggregate, after)

    def end(self) -> Position | None:
        self._maybe()
        return self._log.end()

    def _maybe(self) -> None:
        self.calls += 1
        if self.trouble is not None:
            raise self.trouble


@dataclass
class Board:
    """A process's signals, and the world around them."""

    clock: FakeClock = field(default_factory=FakeClock)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="test"))
    signals: Signals = field(init=False)
    opened: OpenedLog = field(init=False)
    log: FickleLog = field(init=False)

    def __post_init__(self) -> None:
        self.signals = Signals(self.clock, signal_counts(self.metrics))
        self.opened = open_memory(topics=Topics(TOPICS, upcast), clock=self.clock, ids=FakeIds())
        self.log = FickleLog(self.opened.events)

    def recorded(self) -> list[Recorded]:
        return list(self.opened.feed().read(None, 10_000))

    def events(self) -> list[Event]:
        return [each.event for each in self.recorded()]

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events()]

    def count(self, metric: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(metric, labels) or 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """With its task, which is ended as a process ends."""
        bridge = Bridge(2, 10)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.signals.run(self.log, bridge))
            yield
            task.cancel()
        bridge.close()

    async def told(self) -> None:
        """Everything that waited is in the log."""
        async with asyncio.timeout(10):
            while self.signals.waiting:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)


def signal_counts(metrics: Metrics) -> SignalCounts:
    """As the composition does it."""
    return SignalCounts(metrics.alerts, metrics.security_events, metrics.signals_dropped)
