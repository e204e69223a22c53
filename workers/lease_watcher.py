"""Ends leases: watches every lock that is held and says LockExpired when its time is up (seed S3.4).

Promises: expiry has one winner, because a tombstone takes the place of the last heartbeat before the event
is appended; a lease is judged by this process's monotonic clock since it first saw the heartbeat, so a
restart or a step of the wall clock can only lengthen it; a lock ends by an event and by nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from domain import locks
from domain.decider import Context
from domain.event import Recorded
from domain.ids import RepoId
from domain.locks import ExpireLock, LockAcquired, LockExpired, LockForceReleased, LockReleased
from domain.ports import Clock, EventLog, Feed, Heartbeat, Leases
from domain.position import Position

log = structlog.get_logger(__name__)

ACTOR = "system:lease-watcher"
MESSAGES_PER_READ = 1_000
LOOKS_PER_LEASE = 10
"""A heartbeat is noticed this often; one that was missed lengthens the lease by a tenth at most."""
LOOK_MIN_MS = 100
WAIT_S = 0.5

Held = tuple[RepoId, int]
Known = Callable[[], tuple[Iterable[RepoId], Position | None]]
"""The repositories in which a read model knows locks, and the position up to which it knows."""


@dataclass(slots=True)
class Watched:
    """A lock, the heartbeat that was seen last, and since when."""

    acquired: LockAcquired
    heartbeat: Heartbeat
    since_ms: int
    look_at_ms: int

    def look_again(self, now_ms: int) -> None:
        """When the lease may be over, and often in between if it is one that beats."""
        lease_ms = self.acquired.lease_ms
        due_ms = self.since_ms + lease_ms + 1
        often_ms = now_ms + max(LOOK_MIN_MS, lease_ms // LOOKS_PER_LEASE)
        self.look_at_ms = min(due_ms, often_ms) if self.acquired.lease == "beating" else due_ms
        self.look_at_ms = max(self.look_at_ms, now_ms + LOOK_MIN_MS)


@dataclass(slots=True)
class LeaseWatcher:
    """The loop behind lock expiry."""

    feed: Feed
    events: EventLog
    leases: Leases
    clock: Clock
    known: Known
    expired: Callable[[LockAcquired], None] = lambda _: None
    """Told of each lock that this watcher ended (a counter)."""
    _watched: dict[Held, Watched] = field(default_factory=dict[Held, Watched])

    def run(self, stopping: threading.Event) -> None:
        repos, after = self.known()
        self._watched = {}
        for repo in repos:
            for acquired in self.events.load(locks.DECIDER, repo).state.locks.values():
                self._watch(acquired)
        while not stopping.is_set():
            batch = self.feed.read(after, MESSAGES_PER_READ)
            for recorded in batch:
                self._fold(recorded)
            if batch:
                after = batch[-1].position
                continue
            self._judge_all()
            self.feed.wait(after, WAIT_S)

    def _fold(self, recorded: Recorded) -> None:
        match recorded.event:
            case LockAcquired() as acquired:
                self._watch(acquired)
            case LockReleased() | LockForceReleased() | LockExpired() as ended:
                self._watched.pop((ended.repo, ended.fencing_token), None)
            case _:
                pass

    def _watch(self, acquired: LockAcquired) -> None:
        now_ms = self.clock.monotonic_ms()
        watched = Watched(acquired, Heartbeat(0, buried=False), now_ms, now_ms)
        watched.look_again(now_ms)
        self._watched[acquired.repo, acquired.fencing_token] = watched

    def _judge_all(self) -> None:
        now_ms = self.clock.monotonic_ms()
        for held, watched in list(self._watched.items()):
            if now_ms >= watched.look_at_ms:
                self._judge(held, watched, now_ms)

    def _judge(self, held: Held, watched: Watched, now_ms: int) -> None:
        lease_ms = watched.acquired.lease_ms
        heartbeat = self.leases.look(*held)
        if heartbeat.revision != watched.heartbeat.revision:
            watched.heartbeat, watched.since_ms = heartbeat, now_ms
        if heartbeat.buried or now_ms - watched.since_ms > lease_ms:
            self._end(held, watched)
        watched.look_again(now_ms)

    def _end(self, held: Held, watched: Watched) -> None:
        """Tombstone first: a heartbeat that comes later finds its lock lost, one that came before wins."""
        repo, token = held
        if not self.leases.bury(repo, token, watched.heartbeat):
            return
        acquired = watched.acquired
        outcome = self.events.ask(
            locks.DECIDER.ask(repo, ExpireLock(acquired.path, token)),
            context=Context(ACTOR, correlation_id=f"lease-{token}"),
        )
        if outcome.events:
            log.warning("lock_expired", repo=repo, path=acquired.path, holder=acquired.holder_name)
            self.expired(acquired)
