"""The port Archive, on the real archive over a real log in memory, and on the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from domain import repository as repositories
from domain.catalogue import TOPICS, upcast
from domain.decider import Context
from domain.errors import InvalidPositionError
from domain.event import Recorded
from domain.ids import ConsumerId, FilePath, RepoId, SessionId, derived_id, repo_id
from domain.position import Position
from domain.repository import CreateRepository
from domain.session import decider as sessions
from domain.session.commands import StartSession, StartUpload
from gateway.archive import Archive, PostgresArchive
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedLog, open_memory
from infra.postgres.migrate import migrate
from infra.postgres.pool import open_pool
from projections.transactions import Pool
from tests.fakes import FakeClock, FakeIds
from tests.gateway.ports import FeedArchive
from workers.archive import Archivist

ANN = ConsumerId("a" * 32)
FILM, OTHER = repo_id("film"), repo_id("other")
CONTEXT = Context(ANN, "correlation")


class Shelf(NamedTuple):
    """An archive that holds all of a log."""

    archive: Archive
    events: tuple[Recorded, ...]


@pytest.fixture(scope="module")
def pool(postgres_module_dsn: str) -> Iterator[Pool]:
    migrate(postgres_module_dsn, FakeClock())
    with open_pool(postgres_module_dsn, connections_max=2, wait_s=5) as opened:
        yield opened


@pytest.fixture(params=["postgres", "feed"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    log = open_memory(topics=Topics(TOPICS, upcast), clock=FakeClock(), ids=FakeIds())
    for name in ("film", "other"):
        live(log, repo_id(name), name)
    archive: Archive = FeedArchive(log.feed)
    if request.param == "postgres":
        pool: Pool = request.getfixturevalue("pool")
        with pool.connection() as connection:
            connection.execute("TRUNCATE dits.event_archive, dits.archive_audit")
        archivist = Archivist(pool, log.messages, log.feed(), FakeClock())
        while archivist.step():
            pass
        archive = PostgresArchive(pool, log.narrator.archived)
    return Shelf(archive, tuple(log.feed().read(None, 1_000)))


def live(log: OpenedLog, repo: RepoId, name: str) -> None:
    """A repository and a session in it; how a file begins does not name the repository."""
    session = SessionId(derived_id("session", name))
    log.events.ask(repositories.DECIDER.ask(repo, CreateRepository(repo, name, ANN, False)), context=CONTEXT)
    log.events.ask(sessions.DECIDER.ask(session, StartSession(session, repo, ANN, "")), context=CONTEXT)
    for number in range(3):
        upload = StartUpload(FilePath(f"{number}.mov"), 5, 0)
        log.events.ask(sessions.DECIDER.ask(session, upload), context=CONTEXT)


def test_everything_is_told_as_the_log_told_it(shelf: Shelf) -> None:
    stretch = shelf.archive.after(None, None, 100)
    assert tuple(stretch.events) == shelf.events
    assert stretch.reached == shelf.events[-1].position


def test_a_repository_is_told_with_what_names_it_only_through_its_aggregate(shelf: Shelf) -> None:
    mine = shelf.archive.after(FILM, None, 100).events
    assert tuple(mine) == shelf.events[:5]
    assert len(shelf.archive.after(OTHER, None, 100).events) == 5


@pytest.mark.parametrize("repo", [None, FILM, OTHER])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_stretches_add_up_to_the_whole(shelf: Shelf, repo: RepoId | None, limit: int) -> None:
    whole, found = shelf.archive.after(repo, None, 100), list[Recorded]()
    at: Position | None = None
    while (stretch := shelf.archive.after(repo, at, limit)).reached != at:
        assert len(stretch.events) <= limit
        found += stretch.events
        at = stretch.reached
    assert found == list(whole.events)
    assert at == shelf.events[-1].position


def test_a_position_of_another_log_is_refused(shelf: Shelf) -> None:
    known = shelf.events[3].position
    for wrong in (
        Position(known.incarnation, known.sequence, bytes(32)),
        Position("11" * 8, known.sequence, known.digest),
    ):
        with pytest.raises(InvalidPositionError):
            shelf.archive.after(None, wrong, 10)
