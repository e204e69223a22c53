"""Events as a client reads them, and something that happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain import consumer as consumers
from domain import repository as repositories
from domain.event import Recorded
from domain.ids import repo_id
from domain.repository import ShowRepository
from gateway.client.events import Message, messages
from tests.gateway.house import SYSTEM, House

FILM = repo_id("film")


def news(h: House, count: int = 1, *, repo: str = FILM) -> None:
    """That many messages, of one event each."""
    for _ in range(count):
        public = h.core.log.load(repositories.DECIDER, repo).state.public
        h.core.log.ask(repositories.DECIDER.ask(repo, ShowRepository(not public)), context=SYSTEM)


def everything(h: House) -> list[Recorded]:
    feed, found = h.log.feed(), list[Recorded]()
    while batch := feed.read(found[-1].position if found else None, 1_000):
        found += batch
    return found


async def noted(h: House, *names: str) -> None:
    """Until it is recorded that these consumers have used the API today: then the log is silent."""
    for name in names:
        at = consumers.consumer_id(name)
        while not h.core.log.load(consumers.DECIDER, at).state.version_days:
            await asyncio.sleep(0.01)


async def followed(h: House) -> None:
    end = h.core.log.end()
    assert end is not None
    assert await h.application.gateway.following.reached(end, 5)


def places(events: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["position"], event["index"]) for event in events]


def reading(key: str) -> dict[str, str]:
    """In the version that `House.ask` speaks: the first use of another one is news."""
    return {"x-api-key": key, "x-api-version": "v1"}


async def page(h: House, key: str, path: str = "/repos/film/events", **query: Any) -> dict[str, Any]:
    await followed(h)
    answer = await h.http.get(path, params=query, headers=reading(key))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@dataclass
class Listener:
    """A reader of server-sent events, straight on the ASGI application."""

    house: House
    key: str
    path: str = "/repos/film/events"
    query: str = ""
    after: str | None = None
    delay_s: float = 0
    """Before it takes each block: a slow reader."""
    blocks: list[bytes] = field(default_factory=list[bytes])
    status: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[Message]:
        return list(messages(self.blocks))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message.data) for message in self.messages]

    async def run(self) -> None:
        headers = {**reading(self.key), "accept": "text/event-stream"}
        if self.after is not None:
            headers["last-event-id"] = self.after
        scope = {
            "type": "http",
            "method": "GET",
            "path": self.path,
            "query_string": self.query.encode(),
            "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        }
        first = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if first:
                return first.pop()
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.status = message.get("status", self.status)
            await asyncio.sleep(self.delay_s)
            self.blocks.append(message.get("body", b""))

        await self.house.application.asgi(scope, receive, send)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Listen until it holds, then go away."""
        running = asyncio.ensure_future(self.run())
        async with asyncio.timeout(10):
            while not holds():
                assert not running.done(), (self.status, self.blocks)
                await asyncio.sleep(0.005)
        self.gone.set()
        await running
