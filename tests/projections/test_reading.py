"""Reading: one moment, never older than asked for, whatever is rebuilt meanwhile (seed S3.3)."""

from __future__ import annotations

import pytest

from domain.errors import InvalidPositionError, NotYetConsistentError
from domain.ids import ConsumerId, RepoId
from domain.position import Position
from domain.repository import RepositoryCreated
from projections import repositories
from projections.operating import drop
from projections.reading import positions, reading, require
from projections.repositories import REPOSITORIES
from projections.transactions import Cursor
from tests.projections.conftest import House
from tests.projections.handmade import INCARNATION, position


def record(house: House, name: str) -> Position:
    event = RepositoryCreated(repo=RepoId(name), name=name, owner=ConsumerId("ada"), public=True)
    return house.log.record(f"repository.{name}", event)


def names(cursor: Cursor) -> list[str]:
    return [row.name for row in repositories.listed(cursor, None, limit=10)]


def test_a_read_shows_the_position_of_its_rows(house: House) -> None:
    house.follow()
    with reading(house.pool, REPOSITORIES) as (cursor, nothing):
        assert (names(cursor), nothing) == ([], None)
    at = record(house, "a")
    house.follow()
    with reading(house.pool, REPOSITORIES, at) as (cursor, reached):
        assert (names(cursor), reached) == (["a"], at)


def test_a_read_never_answers_older_than_was_asked_for(house: House) -> None:
    house.follow()
    at = record(house, "a")
    with pytest.raises(NotYetConsistentError), reading(house.pool, REPOSITORIES, at):
        pass


def test_a_read_goes_on_in_its_moment_while_the_world_moves(house: House) -> None:
    record(house, "a")
    house.follow()
    with reading(house.pool, REPOSITORIES) as (cursor, _):
        record(house, "b")
        house.follow()
        house.rebuilder().rebuild(REPOSITORIES)
        assert names(cursor) == ["a"]
    with reading(house.pool, REPOSITORIES) as (cursor, _):
        assert names(cursor) == ["a", "b"]


def test_a_read_model_that_was_dropped_answers_nothing(house: House) -> None:
    house.follow()
    drop(house.pool, REPOSITORIES)
    with pytest.raises(NotYetConsistentError), reading(house.pool, REPOSITORIES):
        pass
    assert "repositories" not in positions(house.pool)


BEGINNING = Position(INCARNATION, 0, bytes(32))


@pytest.mark.parametrize(
    ("reached", "asked"),
    [(None, None), (None, BEGINNING), (position(3), BEGINNING), (position(3), position(3))],
)
def test_a_position_that_was_reached_is_enough(reached: Position | None, asked: Position | None) -> None:
    require(reached, asked)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (position(4), NotYetConsistentError),
        (Position("11" * 8, 3, position(3).digest), InvalidPositionError),
        (Position(INCARNATION, 3, bytes(32)), InvalidPositionError),
    ],
)
def test_another_position_is_not(asked: Position, error: type[Exception]) -> None:
    with pytest.raises(error):
        require(position(3), asked)
