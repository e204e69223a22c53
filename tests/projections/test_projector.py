"""The projector: poison, skips, retries, races, servers that go away (seeds S3.5, S1.4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from domain.errors import LogRegressedError, NotFoundError
from domain.event import Recorded, UnreadableEvent
from domain.ids import ConsumerId, RepoId
from domain.references import ManifestReleased, ManifestRetained
from domain.repository import RepositoryCreated, RepositoryMadePrivate, RepositoryMadePublic
from projections import parked, repositories
from projections.operating import drop, parked_events, retry, skip, standings
from projections.projection import Projection
from projections.reading import positions, reading
from projections.repositories import REPOSITORIES
from projections.transactions import Cursor
from tests.projections.conftest import House, wait_for
from tests.projections.stories import name

A, B = RepoId("a"), RepoId("b")


def created(repo: RepoId, called: str | None = None) -> RepositoryCreated:
    return RepositoryCreated(repo=repo, name=called or repo, owner=ConsumerId("ada"), public=False)


def record_poison(house: House) -> None:
    """Sequence 2 cannot be folded, 3 follows it, 4 is of another repository."""
    house.log.record("repository.a", created(A))
    house.log.record("repository.x", RepositoryMadePublic(repo=RepoId("x")))
    house.log.record("repository.x", RepositoryMadePrivate(repo=RepoId("x")), created(RepoId("x")))
    house.log.record("repository.b", created(B), RepositoryMadePublic(repo=B))


def names(house: House) -> list[str]:
    with reading(house.pool, REPOSITORIES) as (cursor, _):
        return [row.name for row in repositories.listed(cursor, None, limit=100)]


@pytest.mark.parametrize("batch_messages", [1, 2, 500])
def test_poison_parks_with_its_stream_and_all_else_goes_on(house: House, batch_messages: int) -> None:
    house.follow()
    record_poison(house)
    house.follow(batch_messages)
    assert names(house) == ["a", "b"]
    waiting = [(event.sequence, event.index, event.is_poison) for event in parked_events(house.pool)]
    assert waiting == [(2, 0, True), (3, 0, False), (3, 1, False)]
    assert positions(house.pool)["repositories"] == house.log.end()


def test_a_parked_event_says_why(house: House) -> None:
    house.log.record("repository.a", created(A, "nul\0"))
    house.follow()
    (event,) = parked_events(house.pool)
    assert (event.projection, event.aggregate, event.topic) == (
        "repositories",
        "repository.a",
        "repository.created.v2",
    )
    assert (event.code, "NUL" in event.reason) == ("DataError", True)


def test_an_event_that_this_version_cannot_read_parks(house: House) -> None:
    unreadable = UnreadableEvent(topic="repository.painted.v9", code="UNKNOWN_TOPIC", reason="unknown")
    house.log.record("repository.a", created(A), unreadable, RepositoryMadePublic(repo=A))
    house.follow()
    codes = [(event.projection, event.index, event.code) for event in parked_events(house.pool)]
    assert codes == [("repositories", 1, "UNKNOWN_TOPIC"), ("repositories", 2, "BEHIND_PARKED")]


def test_a_skip_lets_the_rest_of_the_stream_go_on(house: House) -> None:
    record_poison(house)
    house.follow()
    house.log.ask(skip(house.pool, REPOSITORIES, 2, 0, "a bug of 0.1"))
    house.follow()
    assert [(event.sequence, event.index) for event in parked_events(house.pool)] == [(3, 0), (3, 1)]
    house.log.ask(skip(house.pool, REPOSITORIES, 3, 0, "follows from it"))
    house.follow()
    assert names(house) == ["a", "b", "x"]
    assert parked_events(house.pool) == ()


def test_a_skip_survives_a_rebuild(house: House) -> None:
    record_poison(house)
    house.follow()
    for sequence in (2, 3):
        house.log.ask(skip(house.pool, REPOSITORIES, sequence, 0, "a bug of 0.1"))
        house.follow()
    before = house.digests()
    house.rebuilder().rebuild(REPOSITORIES)
    assert house.digests() == before
    assert parked_events(house.pool) == ()


def test_skips_in_one_batch_with_their_poison_are_obeyed(house: House) -> None:
    record_poison(house)
    house.follow()
    asks = [skip(house.pool, REPOSITORIES, sequence, 0, "a bug of 0.1") for sequence in (2, 3)]
    house.log.ask(*asks)
    drop(house.pool, REPOSITORIES)
    house.follow()
    assert names(house) == ["a", "b", "x"]


def test_only_what_is_parked_can_be_skipped_or_retried(house: House) -> None:
    record_poison(house)
    house.follow()
    with pytest.raises(NotFoundError):
        skip(house.pool, REPOSITORIES, 1, 0, "why not")
    with pytest.raises(NotFoundError):
        retry(house.pool, REPOSITORIES, "repository.a", "why not")


def test_a_retry_after_a_mend_applies_the_stream_in_order(house: House) -> None:
    broken = Mendable()
    house.all = (broken.projection,)
    record_poison(house)
    house.follow()
    assert len(parked_events(house.pool)) == 6
    broken.is_broken = False
    house.log.ask(retry(house.pool, broken.projection, "repository.b", "mended"))
    house.follow()
    assert names(house) == ["b"]
    assert {event.aggregate for event in parked_events(house.pool)} == {"repository.a", "repository.x"}


class Mendable:
    """Repositories, by a fold that has a bug until it is mended."""

    def __init__(self) -> None:
        self.is_broken = True
        self.projection: Projection = replace(REPOSITORIES, apply=self.apply)

    def apply(self, cursor: Cursor, batch: Sequence[Recorded]) -> None:
        if self.is_broken:
            raise ValueError("a bug")
        REPOSITORIES.apply(cursor, batch)


def test_a_release_of_what_is_not_held_parks_and_is_never_hidden(house: House) -> None:
    held, other = name("held"), name("other")
    house.log.record("references.a", ManifestRetained(repo=A, holder="branch:x", manifest=held))
    house.log.record("references.a", ManifestReleased(repo=A, holder="branch:x", manifest=other))
    house.follow()
    (event,) = parked_events(house.pool)
    assert (event.projection, event.code) == ("refcounts", "REFCOUNT_UNDERFLOW")
    standing = next(one for one in standings(house.pool, house.all, house.log.end()) if one.parked)
    assert (standing.name, standing.is_current) == ("refcounts", False)


def test_a_count_below_zero_is_refused_by_the_table(house: House) -> None:
    house.log.record("references.a", ManifestRetained(repo=A, holder="branch:x", manifest=name("m")))
    house.follow()
    with house.pool.connection() as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE refcounts_v2_1.counts SET ref_count = -1")


def test_more_failing_streams_than_poison_explains_halt_the_projection(house: House) -> None:
    house.follow()
    for number in range(parked.AGGREGATES_MAX + 1):
        house.log.record(f"repository.{number}", RepositoryMadePublic(repo=RepoId(str(number))))
    house.log.record("references.a", ManifestRetained(repo=A, holder="branch:x", manifest=name("m")))
    house.follow()
    assert positions(house.pool)["repositories"] is None
    assert positions(house.pool)["refcounts"] == house.log.end()


def test_rows_and_position_commit_together(house: House) -> None:
    house.follow()
    house.log.record("repository.a", created(A))
    with house.pool.connection() as connection:
        connection.execute(BREAK_POSITIONS.encode())
    with pytest.raises(psycopg.errors.RaiseException):
        house.projector().step()
    assert names(house) == []
    with house.pool.connection() as connection:
        connection.execute("DROP FUNCTION dits.refuse() CASCADE")
    house.follow()
    assert names(house) == ["a"]


BREAK_POSITIONS = """
    CREATE FUNCTION dits.refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON dits.live_projections
    FOR EACH ROW WHEN (NEW.name = 'repositories') EXECUTE FUNCTION dits.refuse()
"""


def test_a_projector_that_looked_too_early_takes_nothing_back(house: House) -> None:
    house.follow()
    late = house.projector()
    seen = late._lives()
    record_poison(house)
    house.follow()
    before = house.digests()
    late._advance(seen, house.log.read(None, 1))
    assert house.digests() == before
    assert set(positions(house.pool).values()) == {house.log.end()}


def test_a_projector_that_runs_obeys_a_skip_when_it_comes(house: House) -> None:
    record_poison(house)
    house.follow()
    projector = house.projector()
    house.log.record("repository.x", RepositoryMadePublic(repo=RepoId("x")))
    assert projector.step() > 0
    asks = [skip(house.pool, REPOSITORIES, sequence, 0, "a bug of 0.1") for sequence in (2, 3)]
    house.log.ask(*asks)
    assert projector.step() > 0
    assert (names(house), parked_events(house.pool)) == (["a", "b", "x"], ())


def test_a_batch_that_comes_twice_changes_nothing(house: House) -> None:
    record_poison(house)
    house.follow()
    before = house.digests()
    with house.pool.connection() as connection:
        connection.execute(FORGET)
    house.follow()
    assert house.digests() == before


def test_a_projector_stops_at_a_log_that_lost_its_place(house: House) -> None:
    record_poison(house)
    house.follow()
    with house.pool.connection() as connection:
        connection.execute("UPDATE dits.live_projections SET digest = %s", (bytes(32),))
    with pytest.raises(LogRegressedError):
        house.projector().step()


def test_a_projection_that_is_behind_does_not_hold_up_the_others(house: House) -> None:
    record_poison(house)
    house.follow()
    with house.pool.connection() as connection:
        connection.execute(FORGET + " WHERE name = 'tags'")
    house.log.record("repository.c", created(RepoId("c")))
    house.follow(1)
    assert len(set(positions(house.pool).values())) == 1


FORGET = "UPDATE dits.live_projections SET incarnation = NULL, sequence = NULL, digest = NULL"


def test_a_projector_waits_out_a_database_that_goes_away(house: House, postgres_server: str) -> None:
    house.follow()
    stopping = threading.Event()
    thread = threading.Thread(target=house.projector().run, args=(stopping,))
    thread.start()
    try:
        with psycopg.connect(postgres_server, autocommit=True) as outside:
            shut(outside, house, is_open=False)
            house.log.record("repository.a", created(A))
            time.sleep(0.3)
            shut(outside, house, is_open=True)
        wait_for(lambda: positions(house.pool)["repositories"] == house.log.end())
    finally:
        stopping.set()
        thread.join(10)


def shut(outside: psycopg.Connection[tuple[object, ...]], house: House, *, is_open: bool) -> None:
    """Close the database to everybody and end who is in, or open it again."""
    assert isinstance(house.pool, ConnectionPool)
    database = str(house.pool.conninfo).rpartition("/")[2]
    outside.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS {is_open}".encode())
    if not is_open:
        outside.execute(END_SESSIONS, {"name": database})


END_SESSIONS = "SELECT PG_TERMINATE_BACKEND(pid) FROM pg_stat_activity WHERE datname = %(name)s"
