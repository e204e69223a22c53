"""Lost races are retried, then locked, then said; all else is not (seed S3.5)."""

from __future__ import annotations

import contextlib

import pytest
from psycopg import errors

from domain.errors import SerializationFailureError, UnavailableError
from infra.postgres.pool import open_pool
from projections.transactions import Cursor, Pool, alone, transacted, transaction
from tests.fakes import FakeClock, FakeIds

ADVISORY_LOCKS = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = PG_BACKEND_PID()"


class Work:
    """Loses the first `races`, then answers how many advisory locks it runs under."""

    def __init__(self, races: int, error: type[Exception] = errors.SerializationFailure) -> None:
        self.races = races
        self.error = error
        self.tries = 0

    def __call__(self, cursor: Cursor) -> int:
        self.tries += 1
        if self.tries <= self.races:
            raise self.error
        row = cursor.execute(ADVISORY_LOCKS).fetchone()
        assert row is not None
        return int(row[0])


def run(pool: Pool, work: Work, clock: FakeClock, jitter: float = 0.5) -> int:
    return transacted(pool, work, name="test", clock=clock, ids=FakeIds(jitter=jitter))


@pytest.mark.parametrize("error", [errors.SerializationFailure, errors.DeadlockDetected])
@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_two_lost_races_cost_two_growing_pauses(
    module_pool: Pool, clock: FakeClock, error: type[Exception], jitter: float
) -> None:
    assert run(module_pool, Work(2, error), clock, jitter) == 0
    first, second = clock.slept_s
    assert 0.1 <= first < 0.2
    assert 0.2 <= second < 0.3


def test_after_three_lost_races_the_lock_is_taken_once(module_pool: Pool, clock: FakeClock) -> None:
    work = Work(3)
    assert run(module_pool, work, clock) == 1
    assert work.tries == 4


def test_losing_under_the_lock_is_said(module_pool: Pool, clock: FakeClock) -> None:
    work = Work(99)
    with pytest.raises(SerializationFailureError):
        run(module_pool, work, clock)
    assert work.tries == 4


def test_another_error_is_not_retried(module_pool: Pool, clock: FakeClock) -> None:
    work = Work(1, errors.UniqueViolation)
    with pytest.raises(errors.UniqueViolation):
        run(module_pool, work, clock)
    assert (work.tries, clock.slept_s) == (1, [])


def test_a_server_that_is_not_there_is_named() -> None:
    nowhere = "postgresql://dits@127.0.0.1:1/dits"
    with (
        open_pool(nowhere, connections_max=1, wait_s=0.2) as pool,
        pytest.raises(UnavailableError),
        transaction(pool),
    ):
        pass


def test_being_alone_ends_with_the_block_whatever_happens(module_pool: Pool) -> None:
    with contextlib.suppress(ZeroDivisionError), alone(module_pool, "door") as first:
        with alone(module_pool, "door") as second:
            assert (first, second) == (True, False)
        raise ZeroDivisionError
    with alone(module_pool, "door") as third:
        assert third
