"""The follower: it wakes who waits, and survives a log that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from domain import repository as repositories
from domain.catalogue import TOPICS, upcast
from domain.errors import DitsError, LogRegressedError, UnavailableError
from domain.event import Recorded, UnreadableEvent
from domain.ids import ConsumerId, repo_id
from domain.ports import Feed
from domain.position import Position
from domain.repository import CreateRepository, RepositoryCreated, RepositoryMadePublic, ShowRepository
from gateway.caller import Directory
from gateway.following import Following
from infra.clock import SystemClock
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedLog, open_memory
from tests.fakes import FakeIds
from tests.gateway.house import SYSTEM

ANN = ConsumerId("a" * 32)
UNREADABLE = UnreadableEvent(topic="repository.hidden.v9", code="UNKNOWN_TOPIC", reason="newer")


class MoodyFeed:
    """A feed that fails for as long as a test wants."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.trouble: DitsError | None = None
        self.unreadable = False

    def read(self, after: Position | None, limit: int) -> Sequence[Recorded]:
        if self.trouble is not None:
            raise self.trouble
        batch = self._feed.read(after, limit)
        return [replace(each, event=UNREADABLE) for each in batch] if self.unreadable else batch

    def wait(self, after: Position | None, timeout_s: float) -> bool:
        return self._feed.wait(after, min(timeout_s, 0.01))


def opened() -> OpenedLog:
    return open_memory(topics=Topics(TOPICS, upcast), clock=SystemClock(), ids=FakeIds())


def create(log: OpenedLog, name: str) -> Position:
    command = CreateRepository(repo_id(name), name, ANN, False)
    return log.events.ask(repositories.DECIDER.ask(repo_id(name), command), context=SYSTEM).position


def show(log: OpenedLog, name: str, *, public: bool) -> Position:
    ask = repositories.DECIDER.ask(repo_id(name), ShowRepository(public))
    return log.events.ask(ask, context=SYSTEM).position


def trouble_of(following: Following) -> str | None:
    try:
        following.check()
    except DitsError as error:
        return error.code
    return None


def follow(story: Callable[[OpenedLog, Following, MoodyFeed], Awaitable[None]]) -> None:
    async def whole() -> None:
        log = opened()
        feed = MoodyFeed(log.feed())
        following = Following(feed, Directory())
        following.start()
        try:
            async with asyncio.timeout(10):
                await story(log, following, feed)
        finally:
            await asyncio.to_thread(following.stop)

    asyncio.run(whole())


def test_a_position_is_waited_for_until_it_is_folded() -> None:
    async def story(log: OpenedLog, following: Following, _: MoodyFeed) -> None:
        waiting = asyncio.ensure_future(following.moved(0, 5))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        position = create(log, "film")
        assert await waiting
        assert await following.reached(position, 5)
        assert following.directory.repos[repo_id("film")].name == "film"

    follow(story)


def test_waiting_ends_when_the_time_is_up() -> None:
    async def story(_log: OpenedLog, following: Following, _: MoodyFeed) -> None:
        assert not await following.moved(10, 0.02)

    follow(story)


def test_an_event_of_one_aggregate_wakes_who_expects_it() -> None:
    async def story(log: OpenedLog, following: Following, _: MoodyFeed) -> None:
        film = repositories.DECIDER.at(repo_id("film"))
        expected = following.expect(film, (RepositoryMadePublic,))
        other = following.expect(repositories.DECIDER.at(repo_id("x")), (RepositoryCreated,))
        create(log, "film")
        assert not await expected.met(0.05)
        again = following.expect(film, (RepositoryMadePublic,))
        show(log, "film", public=True)
        assert await again.met(5)
        assert not await other.met(0.01)

    follow(story)


def test_a_log_that_goes_away_is_followed_again_when_it_is_back() -> None:
    async def story(log: OpenedLog, following: Following, feed: MoodyFeed) -> None:
        feed.trouble = UnavailableError(dependency="the event log")
        position = create(log, "film")
        assert not await following.reached(position, 0.1)
        assert trouble_of(following) == "SERVICE_UNAVAILABLE"
        feed.trouble = None
        assert await following.reached(position, 5)
        await asyncio.sleep(0.05)
        assert trouble_of(following) is None

    follow(story)


def test_a_log_that_regressed_is_said() -> None:
    async def story(_log: OpenedLog, following: Following, feed: MoodyFeed) -> None:
        feed.trouble = LogRegressedError(sequence=7)
        await asyncio.sleep(0.1)
        assert trouble_of(following) == "LOG_REGRESSED"

    follow(story)


def test_an_unreadable_event_about_access_ends_the_following() -> None:
    async def story(log: OpenedLog, following: Following, feed: MoodyFeed) -> None:
        create(log, "film")
        assert await following.moved(0, 5)
        feed.unreadable = True
        position = show(log, "film", public=True)
        assert not await following.reached(position, 0.1)
        assert trouble_of(following) == "UNKNOWN_TOPIC"

    follow(story)
