"""Events from any position on, in pages, and to nobody who may not see them (S5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.consumer import consumer_id
from domain.position import Position
from tests.gateway.conftest import Tell
from tests.gateway.house import House, expect_problem
from tests.gateway.listening import FILM, Listener, news, noted, page, reading
from tests.gateway.uploading import Client, bytes_of

STREAM = {"Accept": "text/event-stream"}


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
        await noted(h, "ann")
        after = (await page(h, ann))["next"]
        headers = {**reading(ann), "Prefer": "wait=0"}
        address = f"/repos/film/events?follow=true&after={after}"
        answer = await h.http.get(address, headers=headers)
        assert answer.json() == {"events": [], "next": after, "end": True}

    tell(story)


NOT_OF_THIS_LOG: dict[str, Callable[[Position], str]] = {
    "garbage": lambda _: "x",
    "future": lambda end: replace(end, sequence=end.sequence + 1).encode(),
    "another log": lambda end: replace(end, incarnation="11" * 8).encode(),
    "another message": lambda end: replace(end, sequence=end.sequence - 1).encode(),
}


@pytest.mark.parametrize("how", NOT_OF_THIS_LOG)
def test_a_position_that_is_none_of_this_log_is_refused(tell: Tell, how: str) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        news(h, 2)
        await noted(h, "ann")
        end = h.core.log.end()
        assert end is not None
        after = NOT_OF_THIS_LOG[how](end)
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
