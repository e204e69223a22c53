"""The port Leases on JetStream and in memory alike (seed S3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from domain.ids import RepoId, repo_id
from domain.ports import Heartbeat, Leases
from infra.eventlog.leases import JetStreamLeases, MemoryLeases
from tests.eventlog.homes import JetStreamHome

_names = count(1)


@pytest.fixture(params=["memory", "jetstream"])
def leases(request: pytest.FixtureRequest) -> Iterator[Leases]:
    if request.param == "memory":
        yield MemoryLeases()
        return
    home = JetStreamHome(request.getfixturevalue("nats_server"))
    yield JetStreamLeases(home.open().api)
    home.close()


@pytest.fixture
def repo() -> RepoId:
    """The bucket is one for all tests."""
    return repo_id(f"film-{next(_names)}")


def test_a_lock_that_never_beat_has_no_entry(leases: Leases, repo: RepoId) -> None:
    assert leases.look(repo, 1) == Heartbeat(0, buried=False)


def test_each_heartbeat_replaces_the_one_before(leases: Leases, repo: RepoId) -> None:
    assert leases.beat(repo, 1)
    first = leases.look(repo, 1)
    assert leases.beat(repo, 1)
    second = leases.look(repo, 1)
    assert 0 < first.revision < second.revision
    assert not second.buried


def test_locks_are_told_apart_by_repository_and_token(leases: Leases, repo: RepoId) -> None:
    leases.beat(repo, 1)
    assert leases.look(repo, 2).revision == 0
    assert leases.look(repo_id("other"), 1).revision == 0


def test_a_tombstone_in_place_of_the_last_heartbeat_ends_the_lease(leases: Leases, repo: RepoId) -> None:
    leases.beat(repo, 1)
    assert leases.bury(repo, 1, leases.look(repo, 1))
    assert leases.look(repo, 1).buried
    assert not leases.beat(repo, 1)


def test_a_lock_that_never_beat_can_be_buried(leases: Leases, repo: RepoId) -> None:
    assert leases.bury(repo, 1, Heartbeat(0, buried=False))
    assert not leases.beat(repo, 1)


def test_a_heartbeat_that_came_first_wins_over_the_tombstone(leases: Leases, repo: RepoId) -> None:
    leases.beat(repo, 1)
    seen = leases.look(repo, 1)
    leases.beat(repo, 1)
    assert not leases.bury(repo, 1, seen)
    assert leases.beat(repo, 1)


def test_burying_twice_is_one_burial(leases: Leases, repo: RepoId) -> None:
    leases.beat(repo, 1)
    seen = leases.look(repo, 1)
    assert leases.bury(repo, 1, seen)
    assert leases.bury(repo, 1, seen)
    assert leases.bury(repo, 1, leases.look(repo, 1))


def test_heartbeats_of_one_holder_may_overtake_one_another(leases: Leases, repo: RepoId) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda _: leases.beat(repo, 1), range(20)))


@pytest.mark.parametrize("round_", range(8))
def test_between_a_heartbeat_and_a_tombstone_exactly_one_wins(
    leases: Leases, repo: RepoId, round_: int
) -> None:
    leases.beat(repo, 1)
    seen = leases.look(repo, 1)
    with ThreadPoolExecutor(2) as threads:
        beat = threads.submit(leases.beat, repo, 1)
        buried = threads.submit(leases.bury, repo, 1, seen)
    assert beat.result() != buried.result()
    assert leases.look(repo, 1).buried is buried.result()
