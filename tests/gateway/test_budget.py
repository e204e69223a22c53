"""Memory for whole bodies is shared, and the recent events are bounded by their weight."""

from __future__ import annotations

import asyncio

import pytest

from domain.event import Envelope, HybridTime, Recorded
from domain.ids import AggregateId, Digest, RepoId, SessionId
from domain.position import Position
from domain.session.events import RecipeRecorded
from gateway.budget import Budget
from gateway.errors import BusyError
from gateway.recent import WEIGHT_MAX, RecentEvents, weight
from tests.gateway.house import run_story

ENVELOPE = Envelope(bytes(16), HybridTime(0), "ann", "correlation")


def heavy(sequence: int) -> Recorded:
    """One full part of a recipe."""
    event = RecipeRecorded(
        session=SessionId("s"),
        repo=RepoId("r"),
        recipe=Digest(bytes(32)),
        size_bytes=1,
        part=0,
        parts=1,
        chunks=bytes(32 * 8_192),
    )
    position = Position("00" * 8, sequence, bytes(32))
    return Recorded(AggregateId("session", "s"), sequence, position, 0, ENVELOPE, event)


def test_who_wants_more_than_is_left_waits_until_it_is_given_back() -> None:
    async def story() -> None:
        budget = Budget(100, 5)
        async with budget.share(70):
            waiting = asyncio.ensure_future(budget.share(31).__aenter__())
            async with budget.share(30), budget.share(0):
                await asyncio.sleep(0.01)
                assert not waiting.done()
        await waiting

    run_story(story)


def test_who_waits_too_long_is_told_to_come_back_and_takes_nothing() -> None:
    async def story() -> None:
        budget = Budget(100, 0.01)
        async with budget.share(1_000):
            with pytest.raises(BusyError):
                await budget.share(1).__aenter__()
        async with budget.share(100):
            pass

    run_story(story)


def test_heavy_events_are_kept_in_bounded_memory() -> None:
    recent = RecentEvents()
    for sequence in range(1, 101):
        recent.add([heavy(sequence)])
    kept = recent.after(Position("00" * 8, 99, bytes(32)), 10)
    assert kept is not None
    assert len(kept) == 1
    held = WEIGHT_MAX // weight(heavy(1).event)
    assert recent.after(Position("00" * 8, 100 - held - 1, bytes(32)), 10) is None
    assert len(recent.after(Position("00" * 8, 100 - held, bytes(32)), 100) or ()) == held
