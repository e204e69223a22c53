"""A repository's lock table: who may change which path (seed S3.4, I7).

Promises: acquiring many paths is all or nothing; the fencing token is the version of the lock's event in
this table, so it is known when it is decided and never used twice; a lock ends by an event and by nothing
else, and nothing here compares a clock with an expiry; authority is principal and token together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, assert_never, get_args

from domain.decider import Decider
from domain.errors import LockHeldError, LockLostError
from domain.event import Event, Producer
from domain.ids import ConsumerId, FilePath, RepoId

Lease = Literal["beating", "until"]


class LockAcquired(Event):
    """Only this holder, showing this token, may change the path until the lock ends."""

    TOPIC: ClassVar[str] = "locks.acquired.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    path: FilePath
    holder: ConsumerId
    holder_name: str
    fencing_token: int
    lease: Lease
    lease_ms: int
    """How long it lasts without a heartbeat (beating) or in all (until)."""
    since: str
    """When it was acquired, RFC 3339; for people, never compared."""


class LockReleased(Event):
    """The holder gave the path back."""

    TOPIC: ClassVar[str] = "locks.released.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    path: FilePath
    holder: ConsumerId
    fencing_token: int


class LockForceReleased(Event):
    """An administrator ended somebody's lock, with a reason."""

    TOPIC: ClassVar[str] = "locks.force_released.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    repo: RepoId
    path: FilePath
    holder: ConsumerId
    fencing_token: int
    actor: ConsumerId
    reason: str


class LockExpired(Event):
    """The lease ran out: no heartbeat came, or the agreed end was reached."""

    TOPIC: ClassVar[str] = "locks.expired.v1"
    PRODUCER: ClassVar[Producer] = "lease watcher"
    repo: RepoId
    path: FilePath
    holder: ConsumerId
    fencing_token: int
    cause: Literal["heartbeat", "until"]


LocksEvent = LockAcquired | LockReleased | LockForceReleased | LockExpired


@dataclass(frozen=True, slots=True)
class AcquireLocks:
    """Lock all of `paths` or none. A path that this holder has locked already stays as it is."""

    repo: RepoId
    paths: tuple[FilePath, ...]
    holder: ConsumerId
    holder_name: str
    lease: Lease
    lease_ms: int
    since: str


@dataclass(frozen=True, slots=True)
class ReleaseLocks:
    """Give back paths with the tokens they were locked under."""

    holder: ConsumerId
    tokens: Mapping[FilePath, int]


@dataclass(frozen=True, slots=True)
class ForceReleaseLocks:
    paths: tuple[FilePath, ...]
    actor: ConsumerId
    reason: str


@dataclass(frozen=True, slots=True)
class ExpireLock:
    path: FilePath
    fencing_token: int


@dataclass(frozen=True, slots=True)
class HonourLocks:
    """May `holder`, showing `tokens`, change `paths`? Decides no event, so it guards the table."""

    paths: tuple[FilePath, ...]
    holder: ConsumerId
    tokens: Mapping[FilePath, int]


LocksCommand = AcquireLocks | ReleaseLocks | ForceReleaseLocks | ExpireLock | HonourLocks


@dataclass(frozen=True, slots=True)
class LockTable:
    version: int = 0
    locks: Mapping[FilePath, LockAcquired] = field(default_factory=dict[FilePath, LockAcquired])


def decide(state: LockTable, command: LocksCommand) -> tuple[LocksEvent, ...]:
    match command:
        case AcquireLocks():
            return _acquire(state, command)
        case ReleaseLocks(holder, tokens):
            return tuple(
                LockReleased(repo=lock.repo, path=path, holder=holder, fencing_token=lock.fencing_token)
                for path, token in sorted(tokens.items())
                for lock in [_held(state, path, holder, token)]
            )
        case ForceReleaseLocks(paths, actor, reason):
            return tuple(
                LockForceReleased(
                    repo=lock.repo,
                    path=lock.path,
                    holder=lock.holder,
                    fencing_token=lock.fencing_token,
                    actor=actor,
                    reason=reason,
                )
                for path in sorted(set(paths))
                if (lock := state.locks.get(path)) is not None
            )
        case ExpireLock(path, token):
            return _expire(state, path, token)
        case HonourLocks():
            _honour(state, command)
            return ()
        case _:
            assert_never(command)


def _acquire(state: LockTable, command: AcquireLocks) -> tuple[LocksEvent, ...]:
    wanted: list[FilePath] = []
    for path in sorted(set(command.paths)):
        lock = state.locks.get(path)
        if lock is None:
            wanted.append(path)
        elif lock.holder != command.holder:
            raise _held_by_another(lock)
    return tuple(
        LockAcquired(
            repo=command.repo,
            path=path,
            holder=command.holder,
            holder_name=command.holder_name,
            fencing_token=state.version + place,
            lease=command.lease,
            lease_ms=command.lease_ms,
            since=command.since,
        )
        for place, path in enumerate(wanted, start=1)
    )


def _expire(state: LockTable, path: FilePath, token: int) -> tuple[LocksEvent, ...]:
    lock = state.locks.get(path)
    if lock is None or lock.fencing_token != token:
        return ()
    return (
        LockExpired(
            repo=lock.repo,
            path=path,
            holder=lock.holder,
            fencing_token=token,
            cause="heartbeat" if lock.lease == "beating" else "until",
        ),
    )


def _honour(state: LockTable, command: HonourLocks) -> None:
    for path in command.paths:
        lock, token = state.locks.get(path), command.tokens.get(path)
        if lock is None and token is None:
            continue
        if lock is not None and lock.holder != command.holder:
            raise _held_by_another(lock)
        if lock is None or token != lock.fencing_token:
            raise LockLostError(path=path, token=token if token is not None else 0)


def _held(state: LockTable, path: FilePath, holder: ConsumerId, token: int) -> LockAcquired:
    lock = state.locks.get(path)
    if lock is not None and lock.holder != holder:
        raise _held_by_another(lock)
    if lock is None or lock.fencing_token != token:
        raise LockLostError(path=path, token=token)
    return lock


def _held_by_another(lock: LockAcquired) -> LockHeldError:
    return LockHeldError(path=lock.path, holder=lock.holder_name, since=lock.since)


def evolve(state: LockTable, event: LocksEvent) -> LockTable:
    match event:
        case LockAcquired():
            return LockTable(state.version + 1, {**state.locks, event.path: event})
        case LockReleased() | LockForceReleased() | LockExpired():
            left = {path: lock for path, lock in state.locks.items() if path != event.path}
            return LockTable(state.version + 1, left)
        case _:
            assert_never(event)


DECIDER = Decider("locks", LockTable(), decide, evolve, get_args(LocksEvent))
