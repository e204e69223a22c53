"""What a file of versions must say before anything is served from it (V2.1, V2.3, V2.5)."""

from __future__ import annotations

from gateway.versions.file import BUILT_IN
from tests.scenarios.api.program import check_by_command, dits
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World


@case
def test_v2_1d_a_file_without_versions_stops_a_deployment(stage: Stage) -> None:
    assert "dits versions check" in check_by_command(stage).err  # what to do about it


@case
async def test_v2_1e_the_default_configuration_opens_a_blocked_process(stage: Stage) -> World:
    world = await stage.world()
    assert (await world.ask("$RES")).status == 503
    began = world.mark()
    await world.write(BUILT_IN)
    await stage.expect(world, await world.send(stage.case.given["then"]), began)
    assert (await world.ask("/health/live")).status == 200
    return world


@case
def test_v2_3d_a_file_without_a_current_version_stops_a_deployment(stage: Stage) -> None:
    assert check_by_command(stage).out == ""


@case
def test_v2_5e_a_sunset_that_has_passed_is_a_warning(stage: Stage) -> None:
    ended = check_by_command(stage)
    assert "v1" in ended.err
    assert "v1" in ended.out  # it would be served from


@case
def test_v2_5e_a_strict_check_refuses_what_it_warns_of(stage: Stage) -> None:
    file = stage.place / "checked.yaml"
    check_by_command(stage)
    assert dits("versions", "check", "--strict", str(file)).code == 1
