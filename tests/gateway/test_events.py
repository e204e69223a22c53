"""Events from any position on: pages and streams, each event once, and to nobody who may not see it (S5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import repository as repositories
from domain.consumer import consumer_id
from domain.event import Recorded
from domain.ids import repo_id
from domain.position import Position
from domain.repository import ShowRepository
from gateway.client.events import Message, messages
from tests.gateway.conftest import QUICK, Tell, living
from tests.gateway.house import SYSTEM, House, expect_problem
from tests.gateway.uploading import Client, bytes_of

STREAM = {"Accept": "text/event-stream"}
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


async def followed(h: House) -> None:
    end = h.core.log.end()
    assert end is not None
    assert await h.application.gateway.following.reached(end, 5)


def places(events: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["position"], event["index"]) for event in events]


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
        headers = {"x-api-key": self.key, "accept": "text/event-stream"}
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


async def page(h: House, key: str, path: str = "/repos/film/events", **query: Any) -> dict[str, Any]:
    answer = await h.http.get(path, params=query, headers={"X-API-Key": key})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


# ------------------------------------------------------------------ pages
def test_an_event_tells_what_happened_who_did_it_and_where_it_stands(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        read = await page(h, ann)
        (created,) = read["events"]
        assert created["topic"] == "repository.created.v2"
        assert (created["aggregate"], created["version"]) == (f"repository.{FILM}", 1)
        assert created["actor"] == consumer_id("ann")
        assert created["event"]["name"] == "film"
        assert created["recorded_at"].endswith("Z")
        assert (read["next"], read["end"]) == (created["position"], True)

    tell(story)


def test_pages_go_on_from_next_to_the_end(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        news(h, 10)
        found, read = list[dict[str, Any]](), await page(h, ann, limit=3)
        while read["events"]:
            assert len(read["events"]) <= 3
            found += read["events"]
            read = await page(h, ann, limit=3, after=read["next"])
        assert read["end"]
        assert [event["version"] for event in found] == list(range(1, 12))

    tell(story)


def test_a_message_is_never_split_between_pages(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        await ann.put(await ann.session(), "a.mov", bytes_of(1, 100_000))
        read = await page(h, ann.key, limit=1)
        while read["events"]:
            positions = {event["position"] for event in read["events"]}
            assert len(positions) == 1
            assert [event["index"] for event in read["events"]] == list(range(len(read["events"])))
            read = await page(h, ann.key, limit=1, after=read["next"])

    tell(story)


def test_events_that_do_not_name_their_repository_belong_to_it_all_the_same(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        await ann.publish({"a.mov": b"aaaa"})
        await h.ask("POST", "/repos", key=ann.key, body={"name": "other"})
        topics = [event["topic"] for event in (await page(h, ann.key))["events"]]
        assert {"session.upload_progressed.v1", "commit.verified.v1", "branch.moved.v1"} <= set(topics)
        other = (await page(h, ann.key, "/repos/other/events"))["events"]
        assert [event["topic"] for event in other] == ["repository.created.v2"]

    tell(story)


def test_a_page_may_wait_for_news(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        after = (await page(h, ann))["next"]
        waiting = asyncio.ensure_future(page(h, ann, after=after, follow=True))
        await h.ask("POST", "/repos", key=ann, body={"name": "other"})
        await asyncio.sleep(0.05)
        assert not waiting.done()
        news(h)
        assert [event["version"] for event in (await waiting)["events"]] == [2]

    tell(story)


def test_a_page_that_waited_in_vain_is_empty(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        after = (await page(h, ann))["next"]
        headers = {"X-API-Key": ann, "Prefer": "wait=0"}
        address = f"/repos/film/events?follow=true&after={after}"
        answer = await h.http.get(address, headers=headers)
        assert answer.json() == {"events": [], "next": after, "end": True}

    tell(story)


@pytest.mark.parametrize("how", ["garbage", "future", "another log", "another message"])
def test_a_position_that_is_none_of_this_log_is_refused(tell: Tell, how: str) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        news(h, 2)
        end = h.core.log.end()
        assert end is not None
        after = {
            "garbage": "x",
            "future": Position(end.incarnation, end.sequence + 1, end.digest).encode(),
            "another log": Position("11" * 8, 1, end.digest).encode(),
            "another message": Position(end.incarnation, end.sequence - 1, end.digest).encode(),
        }[how]
        for headers in ({}, STREAM):
            answer = await h.ask("GET", f"/repos/film/events?after={after}", key=ann, headers=headers)
            expect_problem(answer, 400, "INVALID_POSITION")

    tell(story)


# ------------------------------------------------------------------ who sees what
def test_a_key_for_one_repository_sees_no_other_one_and_no_keys(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        await h.ask("POST", "/repos", key=ann, body={"name": "other"})
        bob = h.key("bob", "read", repos=(FILM,))
        news(h, 2)
        events = (await page(h, bob))["events"]
        assert {event["aggregate"] for event in events} == {f"repository.{FILM}"}
        expect_problem(await h.ask("GET", "/events", key=bob), 403, "FORBIDDEN")
        expect_problem(await h.ask("GET", "/events", key=bob, headers=STREAM), 403, "FORBIDDEN")
        expect_problem(await h.ask("GET", "/repos/other/events", key=bob), 404, "NOT_FOUND")
        expect_problem(await h.ask("GET", "/repos/film/events"), 401, "UNAUTHORIZED")
        expect_problem(await h.ask("GET", "/events"), 401, "UNAUTHORIZED")

    tell(story)


def test_keys_are_told_without_their_digests(tell: Tell) -> None:
    """I9"""

    async def story(h: House) -> None:
        ann = await h.repo()
        for key in (ann, h.key("ops", "admin:events", repos=(FILM,))):
            read = await page(h, key, "/events")
            issued = [event for event in read["events"] if event["topic"] == "consumer.api_key_issued.v1"]
            assert [event["event"]["digest"] for event in issued] == [None] * len(h.keys)
        listener = Listener(h, ann, "/events", "follow=false")
        await listener.run()
        digests = [h.core.keys.of(text).hex() for text in h.keys.values()]
        assert not [digest for digest in digests if digest.encode() in b"".join(listener.blocks)]

    tell(story)


def test_a_lock_token_is_told_to_its_holder_alone(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, bob = await h.repo(), h.key("bob", "read")
        body, headers = {"paths": ["a.mov"]}, {"Idempotency-Key": "one"}
        locked = await h.ask("POST", "/repos/film/locks", key=ann, body=body, headers=headers)
        assert locked.status_code == 201, locked.text
        told = {key: (await page(h, key))["events"][-1]["event"] for key in (ann, bob)}
        assert told[ann]["fencing_token"] == locked.json()["locks"][0]["token"]
        assert told[bob]["fencing_token"] is None

    tell(story)


# ------------------------------------------------------------------ streams
def test_a_stream_tells_the_past_and_then_the_present(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        news(h, 3)
        listener = Listener(h, ann)
        listening = asyncio.ensure_future(listener.until(lambda: len(listener.events) == 6))
        while len(listener.events) < 4:
            await asyncio.sleep(0.005)
        news(h, 2)
        await listening
        assert [event["version"] for event in listener.events] == [1, 2, 3, 4, 5, 6]
        assert [message.topic for message in listener.messages][:2] == [
            "repository.created.v2",
            "repository.made_public.v1",
        ]

    tell(story)


def test_a_stream_that_does_not_follow_ends_at_the_present_end(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        news(h, 300)
        listener = Listener(h, ann, query="follow=false")
        await listener.run()
        assert [event["version"] for event in listener.events] == list(range(1, 302))
        again = Listener(h, ann, query="follow=false", after=listener.messages[-1].id)
        await again.run()
        assert again.events == []

    tell(story)


def test_a_message_is_named_by_its_last_event_so_that_none_of_it_is_missed(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        await ann.put(await ann.session(), "a.mov", bytes_of(1, 100_000))
        listener = Listener(h, ann.key, query="follow=false")
        await listener.run()
        told = list(zip(listener.messages, listener.events, strict=True))
        for (message, event), (_, later) in pairwise(told):
            is_last = event["position"] != later["position"]
            assert message.id == (event["position"] if is_last else "")
        whole = places(listener.events)
        for message, event in told:
            if message.id:
                rest = Listener(h, ann.key, query="follow=false", after=message.id)
                await rest.run()
                assert places(rest.events) == whole[whole.index((event["position"], event["index"])) + 1 :]

    tell(story)


def test_past_and_present_are_told_without_gap_or_repetition_while_others_write() -> None:
    steps = st.lists(st.integers(1, 40), min_size=1, max_size=4)
    with living() as tell:

        @settings(max_examples=20)
        @given(before=st.integers(0, 30), steps=steps, held_back=st.none() | st.integers(0, 20))
        def check(before: int, steps: list[int], held_back: int | None) -> None:
            async def story(h: House) -> None:
                ann = h.key("ann", "write")
                begin = h.core.log.end()
                assert begin is not None
                await asyncio.to_thread(news, h, before)
                # The archive may be behind, and the recent events may not reach back far enough.
                h.archive.held_back_at = None if held_back is None else begin.sequence + held_back
                listener = Listener(h, ann, after=begin.encode())
                count = before + sum(steps)
                listening = asyncio.ensure_future(listener.until(lambda: len(listener.events) >= count))
                for step in steps:
                    await asyncio.to_thread(news, h, step)
                h.archive.held_back_at = None
                await listening
                expected = [each for each in everything(h) if each.position.sequence > begin.sequence]
                assert places(listener.events) == [(e.position.encode(), e.index) for e in expected]

            tell(story)

        tell(House.repo)
        check()


def test_who_is_further_behind_than_memory_reads_the_archive(tell: Tell) -> None:
    async def story(h: House) -> None:
        h.core.history.recent.events_max = 5
        ann = await h.repo()
        news(h, 20)
        await followed(h)
        assert h.core.history.recent.after(None, 10) is None
        h.archive.held_back_at = 6
        listener = Listener(h, ann)
        listening = asyncio.ensure_future(listener.until(lambda: len(listener.events) == 21))
        await asyncio.sleep(0.1)
        assert 0 < len(listener.events) < 21
        h.archive.held_back_at = None
        await listening
        assert [event["version"] for event in listener.events] == list(range(1, 22))

    tell(story)


def test_a_slow_reader_misses_nothing_and_delays_nobody(tell: Tell) -> None:
    async def story(h: House) -> None:
        h.core.history.recent.events_max = 5
        ann = await h.repo()
        slow, quick = Listener(h, ann, delay_s=0.02), Listener(h, ann)
        slowly = asyncio.ensure_future(slow.until(lambda: len(slow.events) == 61))
        quickly = asyncio.ensure_future(quick.until(lambda: len(quick.events) == 61))
        for _ in range(60):
            await asyncio.to_thread(news, h)
        await quickly
        await slowly
        assert places(slow.events) == places(quick.events)

    tell(story)


def test_a_silent_stream_is_kept_alive(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        listener = Listener(h, ann)
        await listener.until(lambda: b"".join(listener.blocks).count(b": still here") == 3)
        assert len(listener.events) == 1

    tell(story, replace(QUICK, heartbeat_s=0.02))


def test_a_stream_ends_when_the_process_does(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        listener = Listener(h, ann)
        running = asyncio.ensure_future(listener.run())
        while not listener.events:
            await asyncio.sleep(0.005)
        h.application.gateway.stopping.set()
        await running

    tell(story)
