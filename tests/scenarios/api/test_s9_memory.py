"""When memory runs short operators hear of it, and uploads are turned away before anything else (V9.3)."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.gateway.house import Memory
from tests.infra.test_memory_use import BOTH, MACHINE, plant, v1, v2
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World

REQUESTS = 200
UPLOAD = f"/repos/film/sessions/{'a' * 32}/chunks"
RATIO = ("dits_memory_utilization_ratio", frozenset[tuple[str, str]]())
SHED = ("dits_circuit_state", frozenset({("name", "memory")}))
PRESSURE = "memory.pressure"


async def used(stage: Stage, memory: Memory | None = None) -> World:
    """As much of the memory as the row injects, and it was looked at."""
    memory = memory or Memory()
    world = await stage.world("std", memory=memory)
    world.have_repository("film")
    world.credential("key_ok")
    await world.settle()
    world.began = world.mark()
    memory.used = float(str(stage.case.given["inject"]).rpartition(" ")[2])
    world.application.around.pressure.look()
    assert world.samples()[RATIO] == memory.used
    return world


def levels(world: World) -> list[str]:
    return [line["log_level"] for line in world.since(world.began).lines if line["event"] == PRESSURE]


@case
async def test_v9_3a_below_eighty_percent_nothing_is_said(stage: Stage) -> World:
    world = await used(stage)
    await stage.expect(world, None, world.began, log={"level": "none"}, events=[])
    assert levels(world) == []
    return world


@case
async def test_v9_3b_at_eighty_percent_operators_hear_of_it(stage: Stage) -> None:
    world = await used(stage)
    alert = f"OpsAlertRaised{{name: {stage.case.expect['alert']}, severity: {stage.case.expect['severity']}}}"
    metrics = ["dits_alerts_total{name=memory_pressure,severity=warning}"]
    log = {"level": "WARNING", "event": PRESSURE}
    await stage.expect(world, None, world.began, events=[alert], metrics=metrics, log=log)
    assert world.samples()[SHED] == 0


@case
async def test_v9_3c_at_ninety_percent_lists_go_on_and_a_line_is_an_error(stage: Stage) -> None:
    world = await used(stage)
    answers = await asyncio.gather(*(world.ask("/versions", auth="key_ok") for _ in range(REQUESTS)))
    assert {answer.status for answer in answers} == {200}
    assert levels(world) == ["error"]
    assert (await upload(world)).member("details.reason") != "MEMORY_PRESSURE"


async def upload(world: World, **request: Any) -> Answer:
    headers = {"Content-Type": "application/octet-stream"}
    return await world.ask(UPLOAD, method="POST", auth="key_ok", headers=headers, body="film", **request)


@case
async def test_v9_3d_at_ninety_five_percent_uploads_are_turned_away(stage: Stage) -> World:
    world = await used(stage)
    events = ["CircuitOpened{name: memory}", "OpsAlertRaised{name: memory_pressure}"]
    await stage.expect(world, await upload(world), world.began, events=events)
    assert world.samples()[SHED] == 1
    assert levels(world) == ["error"]
    assert (await world.ask("/repos", method="POST", auth="key_ok")).status == 201  # JSON is small
    return world


@case
async def test_v9_3d_uploads_are_taken_again_below_ninety_percent(stage: Stage) -> None:
    memory = Memory()
    world = await used(stage, memory)
    memory.used = 0.85
    world.application.around.pressure.look()
    await stage.expect(world, None, world.began, events=["CircuitClosed{name: memory}"])
    assert (await upload(world)).status != 503


@case
async def test_v9_3e_at_ninety_five_percent_lists_go_on(stage: Stage) -> None:
    world = await used(stage)
    await stage.expect(world, await world.ask("/versions"))
    assert (await world.ask("/health")).status == 200


@case
def test_v9_3f_the_tightest_source_that_is_there_counts(stage: Stage) -> None:
    newer, older = v2("__new", 80, 100), v1("__old", 60, 100)
    groups = [{**newer, **older}, older, {}]
    roots = [stage.place / source for source in ("v2", "v1", "system")]
    ratios = [
        plant(root, proc__self__cgroup=BOTH, **files).ratio()
        for root, files in zip(roots, groups, strict=True)
    ]
    assert ratios == [0.8, 0.6, MACHINE.ratio]
    assert [str(each).partition(" ")[0] for each in stage.case.expect["order"]] == [
        "cgroup",
        "cgroup",
        "system",
    ]
