"""Every read model over a real log, memory and JetStream: live, rebuilt, archived, one answer (I4, I5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from domain import consumer, repository, tag
from domain.api_registry import decider as registry
from domain.api_registry.commands import PromoteVersion
from domain.consumer import IssueKey
from domain.ids import Digest, KeyId
from domain.repository import CreateRepository
from domain.tag import CreateTag
from infra.eventlog.opening import OpenedLog
from infra.postgres.migrate import migrate
from infra.postgres.pool import open_pool
from projections import ALL, archive
from projections.operating import digest, drop, standings
from projections.reading import reading
from projections.refcounts import queries
from projections.refcounts.queries import KIND_OF, REFCOUNTS, LivePresence
from projections.transactions import Pool, transaction
from tests.domain.examples import ADA, CUT_1, FILM
from tests.domain.registries import STD, applying, soon
from tests.eventlog.homes import Home, JetStreamHome, MemoryHome
from tests.fakes import FakeClock, FakeIds
from tests.machines.film import TOPICS, Film
from workers.archive import Archivist
from workers.projector import Projector
from workers.rebuild import Rebuilder


class FilmAt(Film):
    """The film, at a home of our choice."""

    def __init__(self, home: Home) -> None:
        self._home = home
        super().__init__()

    def process(self) -> OpenedLog:
        return self._home.open(topics=TOPICS)


@dataclass(slots=True)
class Workers:
    """Everything that folds, over one log and one database."""

    pool: Pool
    log: OpenedLog
    clock: FakeClock

    def follow(self, batch_messages: int = 3) -> None:
        self.rebuilder().make_missing()
        log = self.log
        ids = FakeIds()
        projector = Projector(self.pool, log.feed(), log.events, self.clock, ids, ALL, batch_messages)
        while projector.step():
            pass

    def rebuilder(self, *, bulk: bool = True) -> Rebuilder:
        log = self.log
        return Rebuilder(self.pool, log.feed(), log.messages, log.events, self.clock, ALL, bulk=bulk)

    def archivist(self) -> Archivist:
        return Archivist(self.pool, self.log.messages, self.log.feed(), self.clock)


@pytest.fixture(params=["memory", "jetstream"])
def film(request: pytest.FixtureRequest) -> Iterator[FilmAt]:
    on_server = request.param == "jetstream"
    home: Home = JetStreamHome(request.getfixturevalue("nats_server")) if on_server else MemoryHome()
    yield FilmAt(home)
    home.close()


@pytest.fixture
def workers(film: FilmAt, postgres_dsn: str, clock: FakeClock) -> Iterator[Workers]:
    migrate(postgres_dsn, clock)
    with open_pool(postgres_dsn, connections_max=4, wait_s=5) as pool:
        yield Workers(pool, film.log, clock)


def make(film: FilmAt) -> None:
    """Something of everything: three commits, one that failed, a tag, a lock, a key, content, versions."""
    film.ask(repository.DECIDER.ask(FILM, CreateRepository(FILM, "film", ADA, public=False)))
    key = IssueKey(ADA, "ada", KeyId("k"), bytes(32), ("read",), None)
    film.ask(consumer.DECIDER.ask(ADA, key))
    first = film.commit("one", {"a/clip.mov": b"abcdefgh", "a/sound.wav": b"12345678"})
    second = film.commit("two", {"a/clip.mov": b"abcdEFGH"}, base=first)
    film.commit("three", {"a/clip.mov": b"conflict"}, base=first, fixed_head=True)
    film.ask(tag.DECIDER.ask(CUT_1, CreateTag(FILM, CUT_1, "cut-1", second, Digest(bytes(32)))))
    film.lock("a/clip.mov", ADA)
    film.send(film.session("unfinished"), b"xyz")
    for command in (applying(STD), PromoteVersion("v3-beta", soon())):
        film.ask(registry.DECIDER.ask(registry.REGISTRY_ID, command))


def digests(workers: Workers) -> dict[str, object]:
    return {projection.name: digest(workers.pool, projection) for projection in ALL}


def test_read_models_that_are_rebuilt_hold_what_they_held_live(film: FilmAt, workers: Workers) -> None:
    workers.follow()
    make(film)
    workers.follow()
    before = digests(workers)
    assert all(digest(workers.pool, projection).rows for projection in ALL)
    for projection in ALL:
        drop(workers.pool, projection)
    workers.rebuilder(bulk=True).make_missing()
    assert digests(workers) == before
    for projection in ALL:
        workers.rebuilder(bulk=False).rebuild(projection)
    assert digests(workers) == before


def test_no_read_model_is_behind_or_has_parked_anything(film: FilmAt, workers: Workers) -> None:
    make(film)
    workers.follow()
    found = standings(workers.pool, ALL, film.log.events.end())
    assert [one for one in found if not one.is_current] == []


def test_what_two_commits_hold_is_alive_and_what_a_third_sent_in_vain_is_not(
    film: FilmAt, workers: Workers
) -> None:
    make(film)
    workers.follow()
    with reading(workers.pool, REFCOUNTS) as (cursor, _):
        alive = queries.alive(cursor, FILM)
    assert (alive.manifests, alive.recipes, alive.chunks) == (2, 3, 5)


def test_presence_answers_at_the_position_of_the_write(film: FilmAt, workers: Workers) -> None:
    make(film)
    workers.follow()
    end = film.log.events.end()
    assert end is not None
    live = refcounts_of(film)
    missing = LivePresence(workers.pool).missing
    assert frozenset.intersection(*(missing(FILM, kind, live, end) for kind in KIND_OF)) == frozenset()


def refcounts_of(film: FilmAt) -> list[Digest]:
    return list(film.edges().live())


def test_the_archive_is_the_log_guards_included(film: FilmAt, workers: Workers) -> None:
    make(film)
    archivist = workers.archivist()
    kept = archivist.step()
    assert kept == film.log.reader.last_sequence()
    assert archivist.audit() == kept
    with transaction(workers.pool) as cursor:
        found = archive.events_after(cursor, None, limit=10_000, repo=FILM)
    subjects = {message.subject.split(".")[3] for message in found}
    assert subjects == {"repository", "session", "commit", "branch", "references", "tag", "locks"}
