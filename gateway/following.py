"""The one follower of this process: reads the log's end and wakes whoever waits for it at the async edge.

Promises: waiting for a position or for an aggregate's event holds no thread and no connection; the access
directory is as new as `position`; recent events are kept for live readers, so that a slow one costs nothing
but its own delay. When the log is away it goes on where it was; when the log regressed it stops and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock, Thread

import structlog
from pydantic import ValidationError

from domain.catalogue import TOPICS
from domain.errors import DitsError, MalformedEventError, UnavailableError, UnknownTopicError
from domain.event import Event, Recorded, UnreadableEvent
from domain.ids import AggregateId
from domain.ports import Feed, Messages, RawEvent
from domain.position import Position
from gateway.caller import ACCESS_EVENTS, ACCESS_FAMILIES, Directory
from gateway.recent import RecentEvents

MESSAGES_PER_READ = 500
PAUSE_S = 0.25
"""Between two tries while the log is away."""

log = structlog.get_logger("gateway.following")


@dataclass(eq=False, slots=True)
class _Waiter:
    """Somebody at the edge."""

    woken: asyncio.Future[None]
    sequence: int = 0
    aggregate: AggregateId | None = None
    ends: tuple[type[Event], ...] = ()


@dataclass(slots=True)
class Following:
    """Reads in a thread of its own; everything async belongs to the loop that called `start`."""

    feed: Feed
    directory: Directory
    messages: Messages | None = None
    recent: RecentEvents = field(default_factory=RecentEvents)
    """What was read last, for live readers."""
    look_s: float = 0.2
    """Between two looks at a silent log, and so the longest that `stop` takes."""
    _news: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    """Who is told, in the loop, of events of a family."""
    _trouble: DitsError | None = None
    _caught_up: bool = False
    _lock: Lock = field(default_factory=Lock)
    _waiters: set[_Waiter] = field(default_factory=set[_Waiter])
    _stopping: Flag = field(default_factory=Flag)
    _thread: Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    # ---------------------------------------------------------------- from the loop
    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._run, name="follower", daemon=True)
        self._thread.start()

    def news_of(self, family: str, told: Callable[[], None]) -> None:
        """From `start` on, call this in the loop after events of a family, and once when all was read."""
        self._news[family] = told

    def stop(self) -> None:
        """Ends the thread; may block for `look_s`."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def position(self) -> Position | None:
        return self.directory.position

    @property
    def sequence(self) -> int:
        position = self.directory.position
        return position.sequence if position is not None else 0

    def check(self) -> None:
        """Raises what keeps it from following; not caught up yet is also trouble (readiness asks)."""
        if self._trouble is not None:
            raise self._trouble
        if not self._caught_up or self._thread is None or not self._thread.is_alive():
            raise FollowerBehindError()

    async def reached(self, position: Position, timeout_s: float) -> bool:
        """True once this position has been folded, False when the time is up."""
        return await self.moved(position.sequence - 1, timeout_s)

    async def moved(self, after_sequence: int, timeout_s: float) -> bool:
        """True once anything after this sequence has been folded."""
        return await self._wait(sequence=after_sequence + 1, timeout_s=timeout_s)

    def expect(self, aggregate: AggregateId | None, ends: tuple[type[Event], ...]) -> Expectation:
        """From now on, notice one of these events of this aggregate; of None, anything that is news."""
        return Expectation(self, self._enter(aggregate=aggregate, ends=ends))

    async def _wait(self, *, sequence: int, timeout_s: float) -> bool:
        if self.sequence >= sequence:
            return True
        waiter = self._enter(sequence=sequence)
        if self.sequence >= sequence:
            self.leave(waiter)
            return True
        return await self.woken(waiter, timeout_s)

    def _enter(
        self, sequence: int = 0, aggregate: AggregateId | None = None, ends: tuple[type[Event], ...] = ()
    ) -> _Waiter:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), sequence, aggregate, ends)
        with self._lock:
            self._waiters.add(waiter)
        return waiter

    def leave(self, waiter: _Waiter) -> None:
        with self._lock:
            self._waiters.discard(waiter)

    async def woken(self, waiter: _Waiter, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.woken
        except TimeoutError:
            return False
        finally:
            self.leave(waiter)
        return True

    # ---------------------------------------------------------------- in its thread
    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except DitsError as error:
                self._say(error)
                self._stopping.wait(PAUSE_S)

    def _follow(self) -> None:
        if self.position is None and self.messages is not None:
            self._fold_access(self.messages)
        while not self._stopping.is_set():
            batch = self.feed.read(self.position, MESSAGES_PER_READ)
            if batch:
                self._take(batch)
                continue
            if not self._caught_up:
                self._tell(frozenset(self._news))
            self._caught_up = True
            self._say(None)
            self.feed.wait(self.position, self.look_s)

    def _fold_access(self, messages: Messages) -> None:
        """The whole past, but only what decides who may do what: much faster than event by event."""
        topics = frozenset(event.TOPIC for event in ACCESS_EVENTS)
        for position, events in messages.raw_events(None, topics):
            for raw in events:
                self.directory.fold(_parsed(raw))
            self.directory.position = position
            self.recent.begin(position)
            if self._stopping.is_set():
                return

    def _take(self, batch: Sequence[Recorded]) -> None:
        for recorded in batch:
            _refuse_unreadable_access(recorded)
            self.directory.fold(recorded.event)
        self.recent.add(batch)
        with self._lock:
            self.directory.position = batch[-1].position
            woken = [waiter for waiter in self._waiters if self._concerns(waiter, batch)]
        self._wake(woken)
        self._tell({recorded.aggregate.family for recorded in batch})

    def _tell(self, families: AbstractSet[str]) -> None:
        loop = self._loop
        for family in families & self._news.keys():
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._news[family])

    def _concerns(self, waiter: _Waiter, batch: Sequence[Recorded]) -> bool:
        if waiter.aggregate is None:
            return self.sequence >= waiter.sequence
        return any(
            recorded.aggregate == waiter.aggregate and isinstance(recorded.event, waiter.ends)
            for recorded in batch
        )

    def _wake(self, waiters: list[_Waiter]) -> None:
        loop = self._loop
        if not waiters or loop is None or loop.is_closed():
            return
        loop.call_soon_threadsafe(_wake_all, waiters)

    def _say(self, trouble: DitsError | None) -> None:
        """Said once when it begins and once when it is over."""
        before, self._trouble = self._trouble, trouble
        if trouble is not None and type(trouble) is not type(before):
            log.error("follower_stopped", code=trouble.code, reason=trouble.message)
        if trouble is None and before is not None:
            log.info("follower_resumed", sequence=self.sequence)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A promise to notice an event; `forget` it when it is not needed any more."""

    following: Following
    waiter: _Waiter

    async def met(self, timeout_s: float) -> bool:
        return await self.following.woken(self.waiter, timeout_s)

    def forget(self) -> None:
        self.following.leave(self.waiter)


class FollowerBehindError(UnavailableError):
    """This process has not read the log to its end yet"""


def _parsed(raw: RawEvent) -> Event:
    try:
        return TOPICS[raw.topic].model_validate(raw.fields)
    except ValidationError as error:
        raise MalformedEventError(topic=raw.topic, problem=f"{error.error_count()} fields") from error


def _refuse_unreadable_access(recorded: Recorded) -> None:
    """Who may do what is not guessed: such an event ends the following until an operator has looked."""
    if isinstance(recorded.event, UnreadableEvent) and recorded.aggregate.family in ACCESS_FAMILIES:
        raise UnknownTopicError(topic=recorded.event.topic)


def _wake_all(waiters: list[_Waiter]) -> None:
    for waiter in waiters:
        if not waiter.woken.done():
            waiter.woken.set_result(None)
