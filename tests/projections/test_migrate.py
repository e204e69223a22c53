"""Migrations: up, down, side by side, and a failure that changes nothing (seed S6.1)."""

from __future__ import annotations

import threading

import psycopg
import pytest

from domain.errors import MigrationFailedError, UnavailableError
from infra.postgres.migrate import Migration, known, migrate, runs
from tests.fakes import FakeClock

GOOD = Migration(1, "good", "CREATE TABLE dits.good (a INT)", "DROP TABLE dits.good")
BROKEN = Migration(2, "broken", "CREATE TABLE dits.half (a INT); SELECT 1 / 0", "DROP TABLE dits.half")
MENDED = Migration(2, "broken", "CREATE TABLE dits.half (a INT)", "DROP TABLE dits.half")
SLOW = Migration(1, "slow", "SELECT PG_SLEEP(0.3); CREATE TABLE dits.slow (a INT)", "DROP TABLE dits.slow")
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'dits' ORDER BY 1"


def tables(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {row[0] for row in connection.execute(TABLES)}


def test_all_go_up_and_down_and_up_again(postgres_dsn: str, clock: FakeClock) -> None:
    newest = len(known())
    assert migrate(postgres_dsn, clock) == tuple(range(1, newest + 1))
    there = tables(postgres_dsn)
    assert "event_archive" in there
    assert migrate(postgres_dsn, clock, to=0) == tuple(range(newest, 0, -1))
    assert tables(postgres_dsn) == {"migrations"}
    migrate(postgres_dsn, clock)
    assert tables(postgres_dsn) == there


def test_a_second_start_finds_nothing_to_do(postgres_dsn: str, clock: FakeClock) -> None:
    migrate(postgres_dsn, clock)
    assert migrate(postgres_dsn, clock) == ()
    assert {run.status for run in runs(postgres_dsn)} == {"completed"}


def test_a_failure_leaves_the_schema_as_it_was_and_says_so(postgres_dsn: str, clock: FakeClock) -> None:
    with pytest.raises(MigrationFailedError, match="division by zero"):
        migrate(postgres_dsn, clock, steps=(GOOD, BROKEN))
    assert tables(postgres_dsn) == {"migrations", "good"}
    assert [run.status for run in runs(postgres_dsn)] == ["completed", "failed"]


def test_a_failed_migration_is_run_again_once_it_is_mended(postgres_dsn: str, clock: FakeClock) -> None:
    with pytest.raises(MigrationFailedError):
        migrate(postgres_dsn, clock, steps=(GOOD, BROKEN))
    assert migrate(postgres_dsn, clock, steps=(GOOD, MENDED)) == (2,)
    assert tables(postgres_dsn) == {"migrations", "good", "half"}


def test_of_two_processes_one_runs_and_one_waits(postgres_dsn: str, clock: FakeClock) -> None:
    ran: list[tuple[int, ...]] = []

    def start() -> None:
        ran.append(migrate(postgres_dsn, clock, steps=(SLOW,)))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == [(), (1,)]


def test_a_database_that_was_never_migrated_says_nothing(postgres_dsn: str) -> None:
    assert runs(postgres_dsn) == ()


def test_a_server_that_is_not_there_is_named(clock: FakeClock) -> None:
    with pytest.raises(UnavailableError):
        migrate("postgresql://dits@127.0.0.1:1/dits?connect_timeout=1", clock)
