"""A prerelease becomes the current version, and is rolled back (V3.4, V5.3)."""

from __future__ import annotations

from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World

ONE_APPEND = (
    "VersionRegistered{version_id: v3}",
    "VersionStatusChanged{version_id: v2, from: current, to: deprecated, cause: promotion}",
    "VersionStatusChanged{version_id: v3-beta, from: prerelease, to: deprecated, cause: promotion}",
    "VersionPromoted{from_id: v3-beta, to_id: v3, previous_current: v2}",
    "DefaultVersionChanged{from: v2, to: v3}",
)


@case
async def test_v3_4a_a_promotion_is_one_append(stage: Stage) -> World:
    world = await stage.world("std")
    began = world.mark()
    await world.operate("v3-beta/promote")
    await stage.expect(world, await world.ask("/versions"), began, events=list(ONE_APPEND))
    recorded = world.recorded(began.position)
    assert len({position for position, event in recorded if event.TOPIC.startswith("api_registry.")}) == 1
    return world


@case
async def test_v5_3a_a_version_rolled_back_gives_way_to_the_one_before(stage: Stage) -> World:
    world = await stage.after("V3.4a")
    began = world.mark()
    await world.operate("v3/rollback", reason="p1 incident")
    await stage.expect(world, await world.ask("$RES"), began)
    return world
