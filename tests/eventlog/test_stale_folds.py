"""A process that asks on the folds it holds is never led by what they have missed."""

from __future__ import annotations

import pytest

from domain import locks
from domain.catalogue import TOPICS, upcast
from domain.decider import Context
from domain.errors import LockHeldError
from domain.ids import ConsumerId, FilePath, RepoId
from domain.locks import AcquireLocks, ReleaseLocks
from infra.eventlog.mapper import Topics
from infra.eventlog.memory import MemoryRecorder
from infra.eventlog.opening import OpenedLog, open_memory
from tests.fakes import FakeClock, FakeIds

REPO, PATH = RepoId("a" * 32), FilePath("film.mp4")
ANN, BEN = ConsumerId("ann"), ConsumerId("ben")


@pytest.fixture
def processes() -> tuple[OpenedLog, OpenedLog]:
    recorder, ids = MemoryRecorder(), FakeIds()
    topics = Topics(TOPICS, upcast)
    one, other = (open_memory(topics=topics, clock=FakeClock(), ids=ids, recorder=recorder) for _ in range(2))
    return one, other


def acquire(log: OpenedLog, holder: ConsumerId, path: FilePath = PATH) -> int:
    command = AcquireLocks(REPO, (path,), holder, holder, "until", 1_000, "2026-11-22T12:00:00Z")
    outcome = log.events.ask(locks.DECIDER.ask(REPO, command), context=Context(holder, "c"))
    return outcome.events[0].version


def test_a_refusal_does_not_rest_on_a_lock_that_is_gone(processes: tuple[OpenedLog, OpenedLog]) -> None:
    one, other = processes
    token = acquire(one, ANN)
    with pytest.raises(LockHeldError):
        acquire(other, BEN)
    release = locks.DECIDER.ask(REPO, ReleaseLocks(ANN, {PATH: token}))
    one.events.ask(release, context=Context(ANN, "c"))
    assert acquire(other, BEN) == token + 2


def test_a_lock_that_was_not_seen_yet_is_honoured(processes: tuple[OpenedLog, OpenedLog]) -> None:
    one, other = processes
    acquire(other, BEN, FilePath("another.mp4"))
    acquire(one, ANN)
    with pytest.raises(LockHeldError):
        acquire(other, BEN)
