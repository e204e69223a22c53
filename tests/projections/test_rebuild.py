"""Rebuilds: beside the live one, cancelled, killed, of a new version, of a lost database (I5)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import NotYetConsistentError, RebuildCancelledError, RebuildRunningError
from domain.event import Recorded
from domain.ids import ConsumerId, RepoId
from domain.ports import RawEvent
from domain.position import Position
from domain.references import ManifestReleased
from domain.repository import RepositoryCreated
from projections import builds, operating
from projections.operating import digest, drop, parked_events, standings
from projections.projection import Projection
from projections.reading import positions, reading
from projections.refcounts.queries import REFCOUNTS
from projections.repositories import REPOSITORIES
from projections.transactions import Cursor, alone, transaction
from tests.projections import handmade
from tests.projections.conftest import House, wait_for
from tests.projections.handmade import HandmadeLog
from tests.projections.stories import HOLDERS, REPOS, Story, name
from workers.rebuild import Phase, Progress

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname ~ '_v[0-9]+_[0-9]+$' ORDER BY 1"
LOGGED = """
    SELECT BOOL_AND(relpersistence = 'p') FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid
    WHERE relkind IN ('r', 'i') AND nspname ~ '_v[0-9]+_[0-9]+$'
"""


def schemas(house: House) -> list[str]:
    with transaction(house.pool) as cursor:
        return [row[0] for row in cursor.execute(SCHEMAS)]


def record_repositories(house: House, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        repo = RepoId(f"r{number}")
        event = RepositoryCreated(repo=repo, name=repo, owner=ConsumerId("ada"), public=False)
        house.log.record(f"repository.{repo}", event)


def record_film(house: House) -> None:
    story = Story(house.log)
    story.recipe(REPOS[0], "s1", [1, 2, 3], 2)
    story.tree(REPOS[0], "s1", [0])
    story.manifest(REPOS[0], 0, [0])
    story.move(REPOS[0], HOLDERS[0], 0)


def test_a_rebuild_switches_to_a_new_schema_with_the_same_digest(house: House) -> None:
    record_repositories(house, 9)
    house.follow()
    before = digest(house.pool, REPOSITORIES)
    rebuilt = house.rebuilder(batch_messages=2).rebuild(REPOSITORIES)
    assert digest(house.pool, REPOSITORIES) == before
    assert (rebuilt.schema, rebuilt.rows, rebuilt.events) == ("repositories_v1_2", 9, 9)
    assert rebuilt.position == house.log.end()


def test_every_read_model_comes_back_from_the_log_alone(house: House) -> None:
    record_repositories(house, 3)
    record_film(house)
    house.follow()
    before = house.digests()
    for projection in house.all:
        drop(house.pool, projection)
    assert schemas(house) == []
    house.rebuilder().make_missing()
    assert house.digests() == before


@pytest.mark.parametrize("projection", [REPOSITORIES, REFCOUNTS])
@pytest.mark.parametrize("phase", ["reading", "settling", "catching up"])
def test_a_cancelled_rebuild_leaves_nothing(house: House, projection: Projection, phase: Phase) -> None:
    record_repositories(house, 5)
    record_film(house)
    house.follow()
    before, there = house.digests(), schemas(house)
    cancel = Cancel(phase, house)
    with pytest.raises(RebuildCancelledError):
        house.rebuilder(batch_messages=1).rebuild(projection, tell=cancel.tell, cancelled=lambda: cancel.now)
    assert (house.digests(), schemas(house)) == (before, there)


class Cancel:
    """Somebody who changes their mind at a phase; meanwhile the log goes on."""

    def __init__(self, phase: Phase, house: House) -> None:
        self.phase = phase
        self.house = house
        self.now = False

    def tell(self, progress: Progress) -> None:
        if progress.phase == "settling":
            record_repositories(self.house, 1, first=100)
        self.now = self.now or progress.phase == self.phase


def test_progress_tells_events_and_ends_in_the_switch(house: House) -> None:
    record_repositories(house, 5)
    told: list[Progress] = []
    house.rebuilder(batch_messages=2).rebuild(REPOSITORIES, tell=told.append)
    assert [progress.events for progress in told if progress.phase == "reading"] == [2, 4, 5]
    assert told[-1].phase == "switched"


def test_what_a_killed_rebuild_left_is_cleared_by_the_next(house: House) -> None:
    record_repositories(house, 2)
    house.follow()
    with transaction(house.pool) as cursor:
        left = builds.create(cursor, REPOSITORIES, house.clock.now(), indexed=True)
    assert left in schemas(house)
    house.rebuilder().rebuild(REPOSITORIES)
    assert left not in schemas(house)


def test_the_name_of_a_dropped_schema_never_comes_again(house: House) -> None:
    for number in (1, 2):
        house.follow()
        assert f"repositories_v1_{number}" in schemas(house)
        drop(house.pool, REPOSITORIES)


def test_two_rebuilds_of_one_read_model_do_not_run_at_once(house: House) -> None:
    with alone(house.pool, "rebuild repositories"), pytest.raises(RebuildRunningError):
        house.rebuilder().rebuild(REPOSITORIES)


def test_a_new_version_is_built_beside_the_old_one(house: House) -> None:
    record_repositories(house, 2)
    house.follow()
    newer = replace(REPOSITORIES, version=2)
    with pytest.raises(NotYetConsistentError), reading(house.pool, newer):
        pass
    house.all = (newer,)
    house.follow()
    assert digest(house.pool, newer).tables == digest(house.pool, REPOSITORIES).tables
    assert {"repositories_v1_1", "repositories_v2_1"} <= set(schemas(house))


def test_retired_schemas_are_dropped_after_a_day(house: House) -> None:
    house.follow()
    house.rebuilder().rebuild(REPOSITORIES)
    house.clock.advance(timedelta(hours=23))
    house.rebuilder().sweep()
    assert "repositories_v1_1" in schemas(house)
    house.clock.advance(timedelta(hours=1))
    house.rebuilder().sweep()
    assert [schema for schema in schemas(house) if schema.startswith("rep")] == ["repositories_v1_2"]


def test_an_old_version_ends_a_day_after_its_successor_came(house: House) -> None:
    house.follow()
    house.all = (*house.all, replace(REPOSITORIES, version=2))
    house.follow()
    for _ in range(2):
        house.clock.advance(timedelta(days=1))
        house.rebuilder().sweep()
    assert [schema for schema in schemas(house) if schema.startswith("rep")] == ["repositories_v2_1"]


def test_tables_are_logged_when_they_go_live(house: House) -> None:
    record_film(house)
    house.follow()
    with transaction(house.pool) as cursor:
        assert cursor.execute(LOGGED).fetchone() == (True,)


def test_a_bulk_load_that_meets_poison_gives_way_to_the_fold_that_parks_it(house: House) -> None:
    record_film(house)
    house.all = (replace(REFCOUNTS, fill=refusing),)
    house.follow()
    before = digest(house.pool, REFCOUNTS)
    house.rebuilder().rebuild(REFCOUNTS)
    assert digest(house.pool, REFCOUNTS) == before
    assert parked_events(house.pool) == ()


def refusing(cursor: Cursor, batches: Iterable[Sequence[RawEvent]]) -> None:
    next(iter(batches))
    raise KeyError("children")


def test_a_switch_never_takes_readers_back(house: House) -> None:
    """The live one folds another event in the moment between the last catching up and the switch."""
    record_repositories(house, 3)
    house.follow()
    rebuilder = replace(house.rebuilder(), feed=LateNews(house))
    rebuilder.rebuild(REPOSITORIES)
    assert house.log.end() == handmade.position(5)
    assert positions(house.pool)["repositories"] == house.log.end()


class LateNews(HandmadeLog):
    """A feed that has just said "this is the end" when one more event comes and is folded, twice."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.news = [60, 50]

    def read(self, after: Position | None, limit: int) -> Sequence[Recorded]:
        batch = self.house.log.read(after, limit)
        if not batch and self.news:
            record_repositories(self.house, 1, first=self.news.pop())
            while self.house.projector().step():
                pass
        return batch


def test_a_bulk_load_passes_over_what_is_skipped(house: House) -> None:
    record_film(house)
    released = ManifestReleased(repo=REPOS[0], holder=HOLDERS[1], manifest=name("never held"))
    place = house.log.record(f"references.{REPOS[0]}", released)
    house.follow()
    house.log.ask(operating.skip(house.pool, REFCOUNTS, place.sequence, 0, "never held"))
    house.follow()
    before = digest(house.pool, REFCOUNTS)
    house.rebuilder().rebuild(replace(REFCOUNTS, apply=refusing_to_fold))
    assert digest(house.pool, REFCOUNTS) == before


def refusing_to_fold(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    raise AssertionError("the bulk load gave way to the ordinary fold")


def test_the_worker_makes_what_is_missing_and_stops_when_told(house: House) -> None:
    record_repositories(house, 3)
    stopping = threading.Event()
    thread = threading.Thread(target=house.rebuilder().run, args=(stopping,))
    thread.start()
    try:
        wait_for(lambda: all(one.schema for one in standings(house.pool, house.all, house.log.end())))
    finally:
        stopping.set()
        thread.join(5)
    assert not thread.is_alive()


def test_lag_is_counted_from_the_logs_end(house: House) -> None:
    house.follow()
    record_repositories(house, 4)
    assert {one.lag_messages for one in standings(house.pool, house.all, house.log.end())} == {4}
    assert operating.by_name(house.all, "tags").name == "tags"
