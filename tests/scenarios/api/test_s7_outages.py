"""The event store is away: writes are told to come again, and it is left alone until it answers (V7.5)."""

from __future__ import annotations

from statistics import median
from time import perf_counter

from tests.fakes import FakeClock
from tests.gateway.signalling import FickleLog
from tests.scenarios.api import signs
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import Wired, guarded_log_of
from tests.scenarios.api.world import World

THRESHOLD = 5
BEYOND_THE_PAUSE_S = 3
"""Of a circuit that is open."""
STATE = ("dits_circuit_state", frozenset({("name", "event_store")}))


def log_of(world: World) -> FickleLog:
    log = guarded_log_of(world).log
    assert isinstance(log, FickleLog)
    return log


async def without_event_store(stage: Stage) -> World:
    world = await stage.world("std", **Wired(FakeClock()).with_event_store())
    assert (await world.ask("$RES", auth="key_ok")).status == 200  # the key is known
    log_of(world).be_away()
    return world


@case
async def test_v7_5a_a_write_is_told_to_come_again(stage: Stage) -> World:
    world = await without_event_store(stage)
    began = world.mark()
    answer = await world.send(stage.case.given["request"])
    await stage.expect(world, answer)
    while guarded_log_of(world).circuit.phase == "closed":
        assert (await world.send(stage.case.given["request"])).status == 503
    told, since = stage.case.scenario.told, world.since(began)
    assert signs.log_findings(told["log"], since.lines) == []
    assert signs.metric_findings(told["metrics"], since.before, since.after) == []
    assert world.is_telling  # the events wait for the store, too
    world.began = began
    return world


@case
async def test_v7_5a_what_happened_is_recorded_when_the_store_is_back(stage: Stage) -> None:
    world = await stage.after("V7.5a")
    log_of(world).trouble = None
    world.advance(BEYOND_THE_PAUSE_S)
    events = [*stage.case.scenario.told["events"], "CircuitClosed{name: event_store}"]
    await stage.expect(world, None, world.began, events=events)
    assert (await world.send(stage.case.given["request"])).status == 201
    assert world.samples()[STATE] == 0


@case
async def test_v7_5b_an_open_circuit_leaves_the_store_alone(stage: Stage) -> World:
    world = await stage.after("V7.5a")
    assert guarded_log_of(world).circuit.phase == "open"
    assert world.samples()[STATE] == 1
    calls, took_ms = log_of(world).calls, list[float]()
    for _ in range(50):
        began_s = perf_counter()
        assert (await world.ask("$RES", method="POST", auth="key_ok")).status == 503
        took_ms.append((perf_counter() - began_s) * 1_000)
    assert log_of(world).calls - calls == stage.case.expect["further_calls_to_dependency"]
    assert median(took_ms) < 5
    return world
