"""What goes wrong in a case: ports that misbehave for as long as it says, and handlers that wait or break.

Promises: everything is handed to `stage.world(..., **made_with)`; nothing of the product is replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from threading import Event as Signal
from time import monotonic
from typing import Any, TypeVar

from domain.catalogue import TOPICS, upcast
from domain.decider import Ask, Context, Decider, Loaded, Outcome
from domain.errors import UnavailableError
from domain.event import Event
from domain.ports import EventLog, Feed
from domain.position import Position
from gateway.circuit import Circuit
from gateway.guarded import GuardedLog, GuardedPool
from gateway.issuer_keys import KeySource
from gateway.operation import Answer as Answered
from gateway.operation import AnyOperation, Call, Follows
from gateway.operations import OPERATIONS
from gateway.signals import Signals
from gateway.versions.metadata import Metadata
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import open_memory
from infra.metrics import Metrics
from tests.fakes import FakeClock, FakeIds
from tests.gateway.house import MemoryBackup
from tests.gateway.reading import FoldedReading
from tests.gateway.signalling import FickleLog, signal_counts
from tests.gateway.troubled_pool import TroubledPool
from tests.scenarios.api.world import World

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)

HELD_S_MAX = 10
FETCHING_S = 0.1
LIST = "repos.list"
"""What `$RES` is."""
Made = dict[str, Any]
"""For `stage.world`."""


class UnreadableLog(FickleLog):
    """Takes what it is told, but nothing can be folded from it while there is trouble."""

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        return self._log.ask(*asks, context=context)

    def end(self) -> Position | None:
        return self._log.end()


class AwayAtFirst(FickleLog):
    """Away from the start, until somebody says otherwise."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.be_away()


class SlowLog(FickleLog):
    """Folding waits while it is held."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.entered, self._open = Signal(), Signal()
        self._open.set()

    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002 -- the port's word
        if not self._open.is_set():
            self.entered.set()
            assert self._open.wait(HELD_S_MAX)
        return super().load(decider, id)

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()


class SlowSource:
    """An issuer's keys take a while (port KeySource)."""

    def __init__(self, source: KeySource) -> None:
        self._source = source

    def fetch(self) -> bytes:
        Signal().wait(FETCHING_S)
        return self._source.fetch()


class LostBackup(MemoryBackup):
    """Cannot be read while it is lost; knows when somebody tried."""

    def __init__(self) -> None:
        super().__init__()
        self.is_lost = True
        self.tried_at_s: list[float] = []

    def read(self) -> str:
        self.tried_at_s.append(monotonic())
        if self.is_lost:
            raise UnavailableError(dependency="the backup")
        return super().read()


# ------------------------------------------------------------------ what is behind a circuit
@dataclass(slots=True)
class Wired:
    """A gateway's surroundings with circuits, as the composition makes them, before there is a gateway."""

    clock: FakeClock
    metrics: Metrics = field(default_factory=lambda: Metrics(version="test"))
    logs: list[FickleLog] = field(default_factory=list[FickleLog])
    pool: TroubledPool = field(default_factory=TroubledPool)

    @property
    def log(self) -> FickleLog:
        return self.logs[0]

    def circuit(self, name: Any, signals: Signals) -> Circuit:
        return Circuit(name, self.clock, signals, self.metrics.circuit_state.of(name))

    def with_event_store(self) -> Made:
        signals = Signals(self.clock, signal_counts(self.metrics))
        circuit = self.circuit("event_store", signals)

        def guarded(log: EventLog) -> EventLog:
            self.logs.append(FickleLog(log))
            return GuardedLog(self.log, circuit)

        return {"clock": self.clock, "metrics": self.metrics, "signals": signals, "through": guarded}

    def with_projections(self) -> Made:
        signals = Signals(self.clock, signal_counts(self.metrics))
        circuit = self.circuit("projections", signals)
        opened = open_memory(topics=Topics(TOPICS, upcast), clock=self.clock, ids=FakeIds())
        reading = PooledReading(opened.feed, self.pool, circuit)
        made: Made = {"clock": self.clock, "metrics": self.metrics, "signals": signals}
        return {**made, "opened": opened, "read": reading, "metadata": reading.versions}


def guarded_log_of(world: World) -> GuardedLog:
    """Of a world that was made `with_event_store`."""
    log = world.parts.core.log
    assert isinstance(log, GuardedLog)
    return log


class PooledReading(FoldedReading):
    """Each question takes a connection first, as it would of a database."""

    def __init__(self, feed: Callable[[], Feed], server: TroubledPool, circuit: Circuit) -> None:
        super().__init__(feed)
        self.server = server
        self._pool = GuardedPool(server, circuit)

    def versions(self) -> Metadata:
        with self._pool.connection():
            return super().versions()

    def check(self) -> None:
        with self._pool.connection():
            pass


# ------------------------------------------------------------------ handlers
def operations_where(name: str, handler: Callable[[Any, Call[Any]], Follows]) -> tuple[AnyOperation, ...]:
    """All of them, one with another handler."""
    return tuple(replace(each, handler=handler) if each.name == name else each for each in OPERATIONS)


def raising(error: Callable[[], Exception]) -> tuple[AnyOperation, ...]:
    """`$RES` meets a bug, a fresh one each time."""

    def handler(core: Any, call: Call[Any]) -> Follows:
        raise error()

    return operations_where(LIST, handler)


class Held:
    """`$RES` waits in its handler while it is to be held."""

    def __init__(self) -> None:
        self._holds = False
        self._entered, self._released = Signal(), Signal()
        inner = next(each.handler for each in OPERATIONS if each.name == LIST)

        def handler(core: Any, call: Call[Any]) -> Follows:
            if self._holds:
                self._entered.set()
                assert self._released.wait(HELD_S_MAX)
            return inner(core, call)

        self.operations = operations_where(LIST, handler)

    @asynccontextmanager
    async def holding(self, asking: Any) -> AsyncGenerator[asyncio.Task[Any]]:
        """The request has come to its handler and stays there; its task is done afterwards."""
        self._holds = True
        task = asyncio.ensure_future(asking)
        assert await asyncio.to_thread(self._entered.wait, HELD_S_MAX)
        self._holds = False
        try:
            yield task
        finally:
            self._released.set()
            await asyncio.wait((task,))


def broken_off() -> tuple[AnyOperation, ...]:
    """`$RES` begins to answer, and then meets a bug."""

    def body() -> Any:
        yield b"the first part"
        raise RuntimeError("secret /srv/db.py")

    return operations_where(LIST, lambda core, call: Answered(body()))
