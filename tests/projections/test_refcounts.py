"""References against a plain Python model, live and in bulk (I4, I5, seed S1.4)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidPositionError, NotYetConsistentError
from domain.event import Recorded
from domain.ids import AggregateId
from domain.position import Position
from projections import builds
from projections.reading import reading
from projections.refcounts import queries
from projections.refcounts.queries import REFCOUNTS, Alive, LivePresence
from projections.refcounts.tables import Kind
from projections.transactions import Cursor, Pool, transaction
from tests.fakes import FakeClock, FakeIds
from tests.projections.conftest import House, emptied
from tests.projections.handmade import HandmadeLog, position
from tests.projections.stories import HOLDERS, REPOS, Story, name, stories

COUNTS = "SELECT repo, kind, digest, ref_count FROM counts"
MAIN, EDIT = HOLDERS[:2]
REPO, OTHER = REPOS
drawn = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def house_of(pool: Pool, log: HandmadeLog) -> House:
    return House(emptied(pool), log, FakeClock(), FakeIds(), (REFCOUNTS,))


def counts(cursor: Cursor) -> dict[tuple[str, int, bytes], int]:
    return {(row[0], row[1], bytes(row[2])): row[3] for row in cursor.execute(COUNTS)}


def live_counts(house: House) -> dict[tuple[str, int, bytes], int]:
    with reading(house.pool, REFCOUNTS) as (cursor, _):
        return counts(cursor)


@drawn
@given(story=stories(), batch_messages=st.integers(1, 50))
def test_live_counts_are_those_of_the_model(module_pool: Pool, story: Story, batch_messages: int) -> None:
    house = house_of(module_pool, HandmadeLog())
    house.follow()
    house.log = story.log
    house.follow(batch_messages)
    assert live_counts(house) == story.counts()


@drawn
@given(story=stories())
def test_a_bulk_load_has_the_digest_of_the_live_fold(module_pool: Pool, story: Story) -> None:
    house = house_of(module_pool, story.log)
    house.rebuilder(bulk=False, batch_messages=7).rebuild(REFCOUNTS)
    before = house.digests()
    house.rebuilder(bulk=True).rebuild(replace(REFCOUNTS, apply=not_needed))
    assert live_counts(house) == story.counts()
    assert house.digests() == before


def not_needed(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    raise AssertionError("the bulk load gave way to the ordinary fold")


@drawn
@given(story=stories(), seed=st.integers(0, 1000))
def test_aggregates_may_come_in_any_order(module_pool: Pool, story: Story, seed: int) -> None:
    with transaction(emptied(module_pool)) as cursor:
        builds.create(cursor, REFCOUNTS, FakeClock().now(), indexed=True)
        for recorded in shuffled(story.log.recorded, random.Random(seed)):
            REFCOUNTS.apply(cursor, [recorded])
        assert counts(cursor) == story.counts()


def shuffled(recorded: list[Recorded], chance: random.Random) -> Iterator[Recorded]:
    """Each aggregate's events in order, the aggregates in any."""
    queues: dict[AggregateId, list[Recorded]] = {}
    for one in recorded:
        queues.setdefault(one.aggregate, []).append(one)
    while queues:
        aggregate = chance.choice(sorted(queues, key=str))
        yield queues[aggregate].pop(0)
        if not queues[aggregate]:
            del queues[aggregate]


@pytest.fixture
def film(house: House) -> Story:
    """One commit of one file of two chunks on main, in one of two repositories."""
    house.all = (REFCOUNTS,)
    story = Story(house.log)
    story.recipe(REPO, "s1", [1, 2], 1)
    story.tree(REPO, "s1", [0])
    story.manifest(REPO, 0, [0])
    story.move(REPO, MAIN, 0)
    return story


def test_what_lives_is_there_for_its_own_repository_only(house: House, film: Story) -> None:
    house.follow()
    presence, end = LivePresence(house.pool), film.log.end()
    assert end is not None
    asked = [name("chunk", 1), name("chunk", 2), name("chunk", 3)]
    assert presence.missing(REPO, "chunks", asked, end) == {name("chunk", 3)}
    assert presence.missing(OTHER, "chunks", asked, end) == set(asked)
    assert presence.missing(REPO, "chunks", [], end) == set()


def test_recording_anothers_recipe_makes_nothing_present(house: House, film: Story) -> None:
    film.recipe(OTHER, "s2", [1, 2], 1)
    house.follow()
    asked = [name("chunk", 1), *film.recipes]
    presence = LivePresence(house.pool)
    assert presence.missing(OTHER, "chunks", asked, position(5)) == set(asked)
    assert presence.missing(OTHER, "recipes", asked, position(5)) == set(asked)


def test_a_chunk_does_not_pass_for_the_recipe_that_it_spells(house: House, film: Story) -> None:
    film.recipe(OTHER, "s2", [900], 1)
    film.tree(OTHER, "s2", [1])
    film.manifest(OTHER, 1, [1])
    film.move(OTHER, MAIN, 1)
    house.follow()
    spelled, presence = film.recipes[0], LivePresence(house.pool)
    assert presence.missing(OTHER, "chunks", [spelled], position(8)) == set()
    assert presence.missing(OTHER, "recipes", [spelled], position(8)) == {spelled}


def test_presence_refuses_to_answer_before_the_position_that_was_asked_for(house: House, film: Story) -> None:
    house.follow()
    presence = LivePresence(house.pool)
    with pytest.raises(NotYetConsistentError):
        presence.missing(REPO, "chunks", [name("x")], position(5))
    with pytest.raises(InvalidPositionError):
        presence.missing(REPO, "chunks", [name("x")], Position("11" * 8, 2, bytes(32)))


def test_a_release_takes_everything_that_nothing_else_holds(house: House, film: Story) -> None:
    film.recipe(REPO, "s1", [2, 3], 1)
    film.tree(REPO, "s1", [1])
    film.manifest(REPO, 1, [1])
    film.move(REPO, EDIT, 1)
    film.move(REPO, MAIN, None)
    house.follow(1)
    with reading(house.pool, REFCOUNTS) as (cursor, _):
        assert queries.alive(cursor, REPO) == Alive(1, 1, 1, 2, 2)
        assert queries.missing(cursor, REPO, [name("chunk", n) for n in (1, 2, 3)]) == {name("chunk", 1)}


def test_a_commit_on_a_commit_keeps_its_parent_alive(house: House, film: Story) -> None:
    film.manifest(REPO, 1, [0, 0])
    film.move(REPO, MAIN, 1)
    house.follow()
    with reading(house.pool, REFCOUNTS) as (cursor, _):
        assert [queries.count(cursor, REPO, Kind.MANIFEST, m) for m in film.manifests] == [1, 1]
        assert queries.count(cursor, REPO, Kind.TREE, film.trees[0]) == 2
        assert queries.count(cursor, REPO, Kind.CHUNK, name("chunk", 1)) == 1


def test_a_recipe_rises_although_a_chunk_that_spells_it_is_alive_already(house: House, film: Story) -> None:
    film.recipe(OTHER, "s2", [900], 1)
    film.tree(OTHER, "s2", [1])
    film.manifest(OTHER, 1, [1])
    film.move(OTHER, MAIN, 1)
    house.follow()
    film.tree(OTHER, "s2", [0, 1])
    film.manifest(OTHER, 2, [2])
    film.move(OTHER, EDIT, 2)
    house.follow(1)
    assert live_counts(house) == film.counts()


def test_late_edges_hang_on_the_recipe_not_on_a_chunk_that_spells_it(house: House, film: Story) -> None:
    recorded, house.log = list(film.log.recorded), HandmadeLog()
    story = Story(house.log, children=dict(film.children), recipes=list(film.recipes))
    story.recipe(OTHER, "s2", [900], 1)
    story.tree(OTHER, "s2", [1])
    story.manifest(OTHER, 1, [0])
    story.move(OTHER, MAIN, 0)
    with transaction(house.pool) as cursor:
        builds.create(cursor, REFCOUNTS, house.clock.now(), indexed=True)
        for event in (*house.log.recorded, *recorded):
            REFCOUNTS.apply(cursor, [event])
        found = counts(cursor)
    assert {key: n for key, n in found.items() if key[0] == OTHER} == story.counts()
