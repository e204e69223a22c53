"""Locks: acquire many or none, give back, beat, and end somebody's by force, with a reason (S3.4)."""

from __future__ import annotations

from collections.abc import Iterable

from domain import locks
from domain.errors import LockLostError, UnavailableError
from domain.ids import FilePath, RepoId, parse_path
from domain.locks import (
    AcquireLocks,
    ForceReleaseLocks,
    LockAcquired,
    LockForceReleased,
    LockReleased,
    ReleaseLocks,
)
from gateway.caller import Caller, Principal
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.reading import Page as Rows
from gateway.times import written
from gateway.wire import v2
from projections.locks import LockRow


def list_locks(core: Core, call: Call[v2.Page]) -> Answer:
    page = call.asked
    seen = core.reading.locks(call.repo, call.after, Rows(page.limit, page.after))
    rows = [_lock(row, call.caller) for row in seen.rows]
    more = rows[-1].path if len(rows) == page.limit else None
    return Answer(v2.Locks(items=rows, page=v2.Onward(next=more)), seen.position)


def acquire(core: Core, call: Call[v2.AcquireLocks]) -> Answer:
    """All of them are the caller's afterwards, or none is new."""
    paths, principal, repo = _paths(call.asked.paths), call.principal, call.repo
    command = AcquireLocks(
        repo=repo,
        paths=paths,
        holder=principal.consumer,
        holder_name=principal.name,
        lease=call.asked.lease.kind,
        lease_ms=_lease_ms(core, call.asked.lease),
        since=written(core.clock.now()),
    )
    outcome = core.log.ask(locks.DECIDER.ask(repo, command), context=call.context)
    news = {each.event.path: each.event for each in outcome.events if isinstance(each.event, LockAcquired)}
    held = {**core.log.load(locks.DECIDER, repo).state.locks, **news} if len(news) < len(paths) else news
    mine = [held[path] for path in paths if path in held and held[path].holder == principal.consumer]
    _begin_leases(core, repo, news.values())
    body = v2.Locks(items=[_lock(lock, principal) for lock in mine], page=v2.THE_END)
    return Answer(body, outcome.position, replayed=outcome.replayed)


def release(core: Core, call: Call[v2.ReleaseLocks]) -> Answer:
    command = ReleaseLocks(call.principal.consumer, _tokens(call.asked))
    outcome = core.log.ask(locks.DECIDER.ask(call.repo, command), context=call.context)
    released = [each.event.path for each in outcome.events if isinstance(each.event, LockReleased)]
    return Answer(v2.Released(released=list(released)), outcome.position, replayed=outcome.replayed)


def force(core: Core, call: Call[v2.ForceRelease]) -> Answer:
    command = ForceReleaseLocks(_paths(call.asked.paths), call.principal.consumer, call.asked.reason)
    outcome = core.log.ask(locks.DECIDER.ask(call.repo, command), context=call.context)
    released = [each.event.path for each in outcome.events if isinstance(each.event, LockForceReleased)]
    return Answer(v2.Released(released=list(released)), outcome.position, replayed=outcome.replayed)


def beat(core: Core, call: Call[v2.ReleaseLocks]) -> Answer:
    """Not an event: one entry a lock, unless its lease is over. Raises LockLostError."""
    table = core.log.load(locks.DECIDER, call.repo).state.locks
    for path, token in _tokens(call.asked).items():
        lock = table.get(path)
        mine = lock is not None and lock.holder == call.principal.consumer and lock.fencing_token == token
        if not mine or not core.leases.beat(call.repo, token):
            raise LockLostError(path=path, token=token)
    return Answer(Nothing(), core.directory.position)


def _begin_leases(core: Core, repo: RepoId, acquired: Iterable[LockAcquired]) -> None:
    """The first heartbeat; if it is lost, the watcher counts from when it first saw the lock."""
    for lock in acquired:
        if lock.lease == "beating":
            try:
                core.leases.beat(repo, lock.fencing_token)
            except UnavailableError:
                return


def _lease_ms(core: Core, asked: v2.AskedLease) -> int:
    if asked.seconds is not None:
        return asked.seconds * 1000
    return core.limits.lease_beating_ms if asked.kind == "beating" else core.limits.lease_until_ms


def _paths(asked: Iterable[str]) -> tuple[FilePath, ...]:
    """Each once, in the order asked. Raises InvalidPathError."""
    return tuple(dict.fromkeys(parse_path(path) for path in asked))


def _tokens(asked: v2.ReleaseLocks) -> dict[FilePath, int]:
    return {parse_path(shown.path): shown.token for shown in asked.tokens}


def _lock(lock: LockAcquired | LockRow, caller: Caller) -> v2.Lock:
    is_mine = isinstance(caller, Principal) and caller.consumer == lock.holder
    return v2.Lock(
        path=lock.path,
        holder=lock.holder_name,
        token=lock.fencing_token if is_mine else None,
        lease=v2.Lease(kind=lock.lease, seconds=lock.lease_ms // 1000),
        since=lock.since,
    )


PATH = "/repos/{repo}/locks"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation("locks.list", "GET", PATH, "read", v2.Page, list_locks, "Locks held now, by path.", v2.Locks),
    Operation(
        "locks.acquire",
        "POST",
        PATH,
        "write",
        v2.AcquireLocks,
        acquire,
        "Lock all of the paths or none; `until` lasts, `beating` ends without heartbeats.",
        v2.Locks,
        success=201,
        takes="json",
        needs_key=True,
    ),
    Operation(
        "locks.release",
        "POST",
        PATH + "/release",
        "write",
        v2.ReleaseLocks,
        release,
        "Give locks back, showing their tokens.",
        v2.Released,
        takes="json",
        needs_key=True,
    ),
    Operation(
        "locks.force",
        "POST",
        PATH + "/force-release",
        "admin:locks",
        v2.ForceRelease,
        force,
        "End locks of others, with a reason.",
        v2.Released,
        takes="json",
        needs_key=True,
    ),
    Operation(
        "locks.beat",
        "POST",
        PATH + "/heartbeat",
        "write",
        v2.ReleaseLocks,
        beat,
        "Keep beating locks alive; 409 LOCK_LOST if one of them is over.",
        Nothing,
        takes="json",
    ),
)
