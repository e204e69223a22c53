"""Live events: the past, then the present, each event once, whoever is slow or behind (S5)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.conftest import QUICK, Tell, living
from tests.gateway.house import House
from tests.gateway.listening import FILM, Listener, everything, followed, news, places
from tests.gateway.uploading import Client, bytes_of

CREATED, PUBLISHED = "repository.created.v2", "repository.made_public.v1"


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
        assert [message.topic for message in listener.messages[:2]] == [CREATED, PUBLISHED]

    tell(story)


def test_a_stream_that_does_not_follow_ends_at_the_present_end(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        news(h, 300)
        listener = await past(h, ann)
        assert [event["version"] for event in listener.events] == list(range(1, 302))
        assert (await past(h, ann, listener.messages[-1].id)).events == []

    tell(story)


async def past(h: House, key: str, after: str | None = None) -> Listener:
    """All there is after a position."""
    listener = Listener(h, key, query="follow=false", after=after)
    await listener.run()
    return listener


def test_a_message_is_named_by_its_last_event_so_that_none_of_it_is_missed(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        await ann.put(await ann.session(), "a.mov", bytes_of(1, 100_000))
        whole = await past(h, ann.key)
        told = list(zip(whole.messages, places(whole.events), strict=True))
        for (message, place), (_, later) in pairwise(told):
            assert message.id == (place[0] if place[0] != later[0] else "")
        for number, (message, _) in enumerate(told, start=1):
            if message.id:
                rest = await past(h, ann.key, message.id)
                assert places(rest.events) == places(whole.events)[number:]

    tell(story)


async def expect_no_gap(h: House, before: int, steps: list[int], held_back: int | None) -> None:
    """The archive may be behind, and the recent events may not reach back far enough."""
    begin = h.core.log.end()
    assert begin is not None
    await asyncio.to_thread(news, h, before)
    h.archive.held_back_at = None if held_back is None else begin.sequence + held_back
    listener, count = Listener(h, h.key("ann", "write"), after=begin.encode()), before + sum(steps)
    listening = asyncio.ensure_future(listener.until(lambda: len(listener.events) >= count))
    for step in steps:
        await asyncio.to_thread(news, h, step)
    h.archive.held_back_at = None
    await listening
    expected = [
        each
        for each in everything(h)
        if each.aggregate.id == FILM and each.position.sequence > begin.sequence
    ]
    assert places(listener.events) == [(each.position.encode(), each.index) for each in expected]


def test_past_and_present_are_told_without_gap_or_repetition_while_others_write() -> None:
    steps = st.lists(st.integers(1, 40), min_size=1, max_size=4)
    with living() as tell:

        @settings(max_examples=20)
        @given(st.integers(0, 30), steps, st.none() | st.integers(0, 20), st.sampled_from([4, 16, 4_096]))
        def check(before: int, steps: list[int], held_back: int | None, kept: int) -> None:
            async def story(h: House) -> None:
                h.core.history.recent.events_max = kept
                await expect_no_gap(h, before, steps, held_back)

            tell(story)

        tell(House.repo)
        check()


def test_who_is_further_behind_than_memory_reads_the_archive(tell: Tell) -> None:
    async def story(h: House) -> None:
        h.core.history.recent.events_max, h.archive.held_back_at = 5, 6
        listener = Listener(h, await h.repo())
        news(h, 20)
        await followed(h)
        assert h.core.history.recent.after(None, 10) is None
        listening = asyncio.ensure_future(listener.until(lambda: len(listener.events) == 21))
        while not listener.events:
            await asyncio.sleep(0.01)
        assert len(listener.events) < 21
        h.archive.held_back_at = None
        await listening

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
