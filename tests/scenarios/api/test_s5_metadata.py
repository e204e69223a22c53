"""A version that goes away, and what is told of versions while the read model is away (V5.3, V5.4)."""

from __future__ import annotations

import asyncio
from typing import cast

from psycopg import OperationalError

from tests.fakes import FakeClock
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import Held, PooledReading, Wired
from tests.scenarios.api.world import SETTLE_EVERY_S, Mark, World

BEYOND_THE_PAUSE_S = 3
"""Of a circuit that is open."""
DEGRADED = "X-Degraded-Mode"


@case
async def test_v5_3c_a_request_in_flight_ends_on_the_version_it_began_with(stage: Stage) -> World:
    held = Held()
    world = await stage.world("std", operations=held.operations)
    await world.operate("v3-beta/promote")
    asking = world.ask("$RES", headers={"X-API-Version": "v3"})
    async with held.holding(asking) as request:
        await world.operate("v3/rollback", key="another", reason="p1 incident")
        assert (await world.ask("$RES", headers={"X-API-Version": "v3"})).header("X-API-Version") == "v2"
    await stage.expect(world, await request)
    return world


@case
async def test_v5_3f_the_only_version_is_not_rolled_back(stage: Stage) -> None:
    world = await stage.world("single")
    assert (await world.operate("v1/rollback", key="trial", reason="a trial", dry_run=True)).status == 409
    began = world.mark()
    answer = await world.operate("v1/rollback", reason="p1 incident")
    await stage.expect(world, answer, began, events=[])
    assert (await world.ask("$RES")).header("X-API-Version") == "v1"


async def without_metadata(stage: Stage) -> World:
    """The database is down from the start, so nothing was ever read from it."""
    wired = Wired(FakeClock())
    wired.pool.trouble = OperationalError("no connection")
    return await stage.world("std", **wired.with_projections())


@case
async def test_v5_4a_a_version_is_its_id_and_its_status(stage: Stage) -> World:
    world = await without_metadata(stage)
    told = {**stage.case.scenario.told, "events": ["CircuitOpened{name: projections}"]}
    await stage.expect(world, await world.ask("/versions/v1"), Mark(), **told)
    opened = [each for each in world.since(Mark()).happened if each.name == "CircuitOpened"]
    assert len(opened) == 1
    return world


@case
async def test_v5_4b_versions_are_listed_by_id_and_status(stage: Stage) -> None:
    world = await without_metadata(stage)
    await stage.expect(world, await world.ask("/versions"))


@case
async def test_v5_4c_what_needs_no_database_is_served(stage: Stage) -> None:
    world = await without_metadata(stage)
    answer = await world.ask("$RES", headers={"X-API-Version": "v1"})
    await stage.expect(world, answer, status=200)
    assert answer.values(DEGRADED) == []


@case
async def test_v5_4d_when_the_database_is_back_everything_is_told(stage: Stage) -> None:
    world = await stage.after("V5.4a")
    began = world.mark()
    cast("PooledReading", world.parts.core.reading).server.trouble = None
    world.advance(BEYOND_THE_PAUSE_S)
    async with asyncio.timeout(10):
        while (await world.ask("/versions/v1", auth="key_ok")).values(DEGRADED):
            await asyncio.sleep(10 * SETTLE_EVERY_S)
    answer = await world.ask("/versions/v1")
    await stage.expect(world, answer, began, events=["CircuitClosed{name: projections}"])
    assert answer.member("successor_version") == "v2"
