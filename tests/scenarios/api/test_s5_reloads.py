"""A file that cannot be taken changes nothing, and a mended one is taken (V5.1)."""

from __future__ import annotations

import asyncio

from tests.scenarios.api.registries import file_text, parsed
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World

TAGGED = "versions: {v2: {status: current, released_at: !!python/object/apply:os.getcwd []}}\n"
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nversions: {v2: {status: current, released_at: *b}}\n"
REJECTED = {"rejected": None, "kept_revision": None, "body": {"revision": "unchanged", "state": "degraded"}}
"""Beside what the scenario says of its log line, its metric and its events."""
WRITTEN_IN_S = 0.15


def content(stage: Stage, expression: str) -> str:
    return file_text(parsed(expression, stage.table.registries).content or {})


@case
async def test_v5_1d_a_file_that_is_mended_is_taken(stage: Stage) -> World:
    world = await stage.after("V5.1a")
    began = world.mark()
    await world.write(content(stage, "std + id v7"))
    await stage.expect(world, await world.ask("/config/status"), began)
    assert (await world.ask("/config/status")).member("state") == "ok"
    assert (await world.ask("$RES", headers={"X-API-Version": "v7"})).status == 200
    return world


async def rejects(stage: Stage, text: str) -> World:
    world = await stage.world("std")
    began = world.mark()
    await world.write(text)
    told = {**REJECTED, **stage.case.scenario.told}
    await stage.expect(world, await world.ask("/config/status"), began, **told)
    (rejection,) = [each for each in world.since(began).happened if each.name == "RegistryReloadRejected"]
    assert rejection.facts["kept_revision"] == world.versions.capture().revision
    assert (await world.ask("$RES")).header("X-API-Version") == "v2"
    return world


@case
async def test_v5_1e_a_file_that_names_python_s_objects_is_rejected(stage: Stage) -> None:
    await rejects(stage, TAGGED)


@case
async def test_v5_1e_a_file_with_an_alias_bomb_is_rejected(stage: Stage) -> None:
    world = await rejects(stage, BOMB)
    assert (await world.ask("/config/status")).member("last_error.line") == 2


@case
async def test_v5_1f_the_same_content_once_more_is_no_news(stage: Stage) -> None:
    world = await stage.world("std")
    began, text = world.mark(), world.file.read_text()
    await world.write(f"# touched\n{text}")
    answer = await world.ask("/config/status")
    await stage.expect(world, answer, began, revision=None, body={"revision": "unchanged", "state": "ok"})


@case
async def test_v5_1g_a_file_seen_half_written_is_waited_for(stage: Stage) -> None:
    world = await stage.world("std")
    whole = content(stage, "std + id v7")
    began, half = world.mark(), len(whole) // 2
    for text in (whole[:half], whole[:-20], whole):
        world.file.write_text(text)
        assert not await asyncio.to_thread(world.versions.wishes.look)
        world.advance(WRITTEN_IN_S)
    world.advance(WRITTEN_IN_S)
    await asyncio.to_thread(world.versions.wishes.look)
    told = {"at_most_one_alert": None, "final": None, "events": ["RegistryLoaded"]}
    await stage.expect(world, None, began, **told)
    assert [each for each in world.since(began).happened if each.name == "OpsAlertRaised"] == []


@case
async def test_v5_1h_a_sunset_before_the_deprecation_is_rejected(stage: Stage) -> None:
    await rejects(stage, content(stage, "std with v1.sunset_at: 2025-01-01T00:00:00Z"))
