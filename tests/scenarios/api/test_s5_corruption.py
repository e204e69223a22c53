"""A broken copy serves nothing, and is made again from the best source that answers (V5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import cast

from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import LostBackup, UnreadableLog
from tests.scenarios.api.world import SETTLE_EVERY_S, World

CORRUPTED = "REGISTRY_CORRUPTED"
FIRST_PAUSE_S = 0.2
"""Between the first two tries to make the copy again; each pause is twice the one before."""
TRIES = 4
UNDER_WAY_S = 0.1
"""A snapshot that is being built from what was read before is complete by then."""


async def unmendable(stage: Stage) -> World:
    """No source answers: neither the log nor the backup nor the file."""
    world = await with_its_file_alone(stage)
    world.file.unlink()
    return world


async def with_its_file_alone(stage: Stage) -> World:
    world = await stage.world("std", through=UnreadableLog, backup=LostBackup())
    log_of(world).be_away()
    await asyncio.sleep(UNDER_WAY_S)
    return world


def log_of(world: World) -> UnreadableLog:
    return cast("UnreadableLog", world.parts.core.log)


def backup_of(world: World) -> LostBackup:
    return cast("LostBackup", world.application.around.backup)


async def corrupted(stage: Stage, breaking: Callable[[World], None]) -> World:
    """The request that meets the broken copy is refused, and so is every later one."""
    world = await unmendable(stage)
    began = world.mark()
    breaking(world)
    expect = {**stage.table.case("V5.2a").expect, **stage.case.scenario.told}
    await stage.expect(world, await world.ask("$RES"), began, **expect)
    assert (await world.ask("$RES", headers={"X-API-Version": "v1"})).member("details.reason") == CORRUPTED
    return world


def without_status(world: World) -> None:
    object.__delattr__(world.versions.capture().live.entries["v2"], "phase")


def another_checksum(world: World) -> None:
    object.__setattr__(world.versions.capture(), "checksum", "0" * 64)


@case
async def test_v5_2a_an_entry_without_its_status_is_found_by_the_request_it_would_serve(
    stage: Stage,
) -> World:
    return await corrupted(stage, without_status)


@case
async def test_v5_2a_a_snapshot_with_another_checksum_serves_nothing(stage: Stage) -> World:
    return await corrupted(stage, another_checksum)


@case
async def test_v5_2c_the_copy_is_made_again_from_the_log(stage: Stage) -> World:
    world = await stage.after("V5.2a")
    began = world.mark()
    log_of(world).trouble = None
    await made_again(stage, world, "events")
    await stage.expect(world, await world.ask("$RES"), began)
    return world


async def made_again(stage: Stage, world: World, source: str) -> None:
    async with asyncio.timeout(10):
        while (await world.ask("$RES", auth="key_ok")).status != 200:
            await asyncio.sleep(10 * SETTLE_EVERY_S)
    await stage.expect(world, None, world.began, events=[f"RegistryRebuilt{{source: {source}}}"])


@case
async def test_v5_2e_while_no_source_answers_it_is_tried_less_and_less(stage: Stage) -> None:
    world = await stage.after("V5.2a")
    tried_at_s = backup_of(world).tried_at_s
    async with asyncio.timeout(10):
        while len(tried_at_s) < TRIES:
            await asyncio.sleep(SETTLE_EVERY_S)
    assert (await world.ask("$RES")).member("details.reason") == CORRUPTED
    asked = [line["source"] for line in world.lines if line["event"] == "registry_source_failed"]
    assert asked[:6] == 2 * ["events", "backup", "configuration"]
    pauses_s = [after - before for before, after in pairwise(tried_at_s)]
    assert all(pause_s > 0.9 * FIRST_PAUSE_S * 2**n for n, pause_s in enumerate(pauses_s)), pauses_s


@case
async def test_v5_2e_the_backup_serves_while_the_log_cannot_be_read(stage: Stage) -> None:
    world = await stage.after("V5.2a")
    backup_of(world).is_lost = False
    await made_again(stage, world, "backup")


@case
async def test_v5_2e_the_file_serves_when_nothing_else_does(stage: Stage) -> None:
    world = await with_its_file_alone(stage)
    without_status(world)
    assert (await world.ask("$RES")).status == 503
    await made_again(stage, world, "configuration")
