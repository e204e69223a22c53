"""A process that was blocked serves as soon as it is given a file that can be served from (V2.1)."""

from __future__ import annotations

from gateway.versions.file import BUILT_IN
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World


@case
async def test_v2_1e_the_default_configuration_opens_a_blocked_process(stage: Stage) -> World:
    world = await stage.world()
    assert (await world.ask("$RES")).status == 503
    began = world.mark()
    await world.write(BUILT_IN)
    await stage.expect(world, await world.send(stage.case.given["then"]), began)
    assert (await world.ask("/health/live")).status == 200
    return world
