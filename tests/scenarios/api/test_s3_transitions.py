"""Versions turn between requests, never within one, and at their exact time (V3.1, V3.2, V3.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from domain.catalogue import TOPICS, upcast
from gateway.versions.registry import OBSERVE_EVERY_S
from infra.eventlog.mapper import Topics
from tests.eventlog.homes import MemoryHome
from tests.fakes import FakeClock
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.table import Case
from tests.scenarios.api.troubles import Held
from tests.scenarios.api.turns import lists_findings, turning, with_heirs
from tests.scenarios.api.world import World

TURN_AT = "2026-12-01T00:00:00Z"
ANNOUNCED = {
    "versions": {
        "v1": {"status": "current", "released_at": "2024-01-01T00:00:00Z", "deprecated_at": TURN_AT},
        "v2": {"status": "current", "released_at": TURN_AT},
    }
}
"""What V3.2 says in words."""
TURNED = f"VersionStatusChanged{{from: current, to: deprecated, cause: scheduled, effective_at: {TURN_AT}}}"
REQUESTS, SWAPS, AT_ONCE, A_WHILE_S = 1_000, 20, 20, 0.005
HEIR = {"version_id": "v3", "status": "prerelease", "opt_in_required": False}


@case
async def test_v3_1a_a_request_in_its_handler_sees_nothing_of_the_turn(stage: Stage) -> World:
    held = Held()
    world = await stage.world("std", operations=held.operations)
    admin = {"method": "POST", "auth": "admin", "headers": {"Idempotency-Key": "heir"}}
    assert (await world.ask("/admin/versions", body=HEIR, **admin)).status == 200
    await world.turn()
    began, revision = world.mark(), world.versions.capture().revision
    async with held.holding(world.ask("$RES", headers={"X-API-Version": "v2"})) as request:
        await world.operate("v3/release")
        assert world.versions.capture().revision == revision + 1
    expect = stage.case.expect["slow_request"]
    await stage.expect(world, await request, began, slow_request=None, **expect)
    return world


@case
async def test_v3_1b_the_next_request_sees_all_of_it(stage: Stage) -> World:
    world = await stage.after("V3.1a")
    await stage.expect(world, await world.ask("$RES", headers={"X-API-Version": "v2"}))
    assert (await world.ask("$RES")).header("X-API-Version") == "v3"
    return world


@case
async def test_v3_1c_every_body_is_of_one_snapshot(stage: Stage) -> None:
    world = await stage.world(with_heirs(SWAPS))
    asking = asyncio.ensure_future(lists_during(world, REQUESTS))
    turned = [heir async for heir in turning(world, SWAPS)]
    answers = await asking
    assert {answer.status for answer in answers} == {200}
    assert lists_findings(answers) == []
    assert len({answer.member("default_version") for answer in answers}) > 1
    assert (await world.ask("/versions")).member("default_version") == turned[-1]


async def lists_during(world: World, count: int) -> list[Answer]:
    """Each from an address of its own, a wave at a time, so that a turn may come between any two."""
    answers = list[Answer]()
    for wave in range(count // AT_ONCE):
        asking = [world.ask("/versions", ip=f"10.0.{wave}.{number}") for number in range(AT_ONCE)]
        answers += await asyncio.gather(*asking)
        await asyncio.sleep(A_WHILE_S)
    return answers


@case
async def test_v3_1d_a_snapshot_cannot_be_changed(stage: Stage) -> None:
    world = await stage.world("std")
    snapshot = world.versions.capture()
    entry, page = snapshot.live.entries["v2"], snapshot.pages["version:v2"]
    for thing, name in ((snapshot, "revision"), (snapshot.live, "default"), (entry, "phase"), (page, "body")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, None)
    mappings: list[Any] = [snapshot.live.entries, snapshot.pages, snapshot.served, snapshot.lifecycle]
    for mapping in mappings:
        with pytest.raises(TypeError):
            mapping["v9"] = entry


def request_of(row: Case) -> Mapping[str, Any]:
    assert isinstance(row.request, Mapping)
    return row.request


@case
async def test_v3_2a_an_announced_deprecation_is_said_before_it_holds(stage: Stage) -> World:
    world = await stage.world(ANNOUNCED, clock=str(stage.case.clock))
    began = world.mark()
    await stage.expect(world, await world.send(request_of(stage.case)))
    await world.pass_announced_time()
    await stage.expect(world, None, began, events=[TURNED], body_of_versions=None)
    return world


@case
async def test_v3_2b_it_holds_from_its_time_on(stage: Stage) -> World:
    before = stage.table.case("V3.2a")
    world = await stage.world(ANNOUNCED, clock=str(before.clock))
    began = world.mark()
    assert (await world.send(request_of(before))).status == 200
    world.advance(1)
    await stage.expect(world, await world.send(request_of(stage.case)), began, events=[TURNED])
    return world


@case
async def test_v3_2b_it_holds_for_a_process_that_starts_at_its_time(stage: Stage) -> None:
    world = await stage.world(ANNOUNCED, clock=str(stage.case.clock))
    answer = await world.send(request_of(stage.case))
    await stage.expect(world, answer, began=None)


def turns_of(world: World) -> list[Mapping[str, Any]]:
    happened = world.since(world.began).happened
    return [each.facts for each in happened if each.name == "VersionStatusChanged"]


@case
async def test_v3_2c_a_turn_that_nobody_asked_for_is_recorded_once(stage: Stage) -> None:
    world = await stage.world(ANNOUNCED, clock="2026-11-30T23:59:59Z")
    world.advance(1)
    await world.run_the_job()
    await stage.expect(world, None, world.began, events=[TURNED])
    assert not await world.run_the_job()
    assert len(turns_of(world)) == stage.case.expect["events"]


@case
async def test_v3_2d_a_turn_that_two_processes_see_is_recorded_once(stage: Stage) -> None:
    clock, home = FakeClock(), MemoryHome()
    topics = Topics(TOPICS, upcast)
    worlds = [await stage.world(ANNOUNCED, clock=clock, opened=home.open(clock, topics)) for _ in range(2)]
    until = worlds[0].versions.capture().valid_until
    assert until is not None
    clock.advance(until - clock.now())
    answers = await asyncio.gather(*(world.ask("/versions") for world in worlds))
    await asyncio.gather(*(world.run_the_job() for world in worlds for _ in range(3)))
    assert {answer.member("default_version") for answer in answers} == {"v2"}
    assert [len(turns_of(world)) for world in worlds] == 2 * [stage.case.expect["events"]]


@case
def test_v3_2e_the_job_runs_every_minute(stage: Stage) -> None:
    assert stage.case.expect["seconds"] == OBSERVE_EVERY_S


@case
async def test_v3_3e_there_is_no_way_back_from_sunset(stage: Stage) -> None:
    world = await stage.world("std")
    assert (await world.operate("v0/deprecate", key="trial", dry_run=True)).status == 409
    for decision in ("deprecate", "release"):
        began = world.mark()
        answer = await world.operate(f"v0/{decision}", key=decision)
        await stage.expect(world, answer, began, rejected=None, events=[])
    assert (await world.ask("$RES", headers={"X-API-Version": "v0"})).status == 410


@case
async def test_v3_4h_a_promotion_with_the_same_key_is_answered_as_before(stage: Stage) -> None:
    world = await stage.world("std")
    first = await world.operate("v3-beta/promote")
    began = world.mark()
    again = await world.operate("v3-beta/promote")
    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert again.header("Idempotency-Replayed") == "true"
    await stage.expect(world, None, began, events=[])
