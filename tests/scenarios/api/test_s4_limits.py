"""Wrong keys and too many requests, counted in windows of a minute (V4.1, V4.2, V4.5)."""

from __future__ import annotations

from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World

ANONYMOUS, CONSUMER, GUESSES = 100, 1_000, 10
"""In a minute (R29, R30)."""


@case
async def test_v4_1e_each_address_has_a_limit_of_its_own(stage: Stage) -> None:
    world = await stage.world("std")
    for address in ("203.0.113.1", "203.0.113.2"):
        answers = [await world.ask("$RES", ip=address) for _ in range(ANONYMOUS)]
        assert {answer.status for answer in answers} == {200}


@case
async def test_v4_2b_ten_wrong_keys_are_told_so(stage: Stage) -> World:
    world = await stage.world("std")
    assert {(await world.ask("$RES", auth="key_bad")).status for _ in range(GUESSES)} == {401}
    return world


@case
async def test_v4_2c_the_eleventh_wrong_key_of_a_minute_is_throttled(stage: Stage) -> World:
    world = await stage.after("V4.2b")
    await stage.expect(world, await world.ask("$RES", auth="key_bad"))
    assert (await world.ask("$RES", auth="key_ok")).status == 200
    return world


@case
async def test_v4_5a_one_request_too_many_of_an_address_is_throttled(stage: Stage) -> World:
    world = await stage.world("std")
    for _ in range(ANONYMOUS):
        assert (await world.ask("$RES")).status == 200
    world.advance(20.5)
    began = world.mark()
    answer = await world.ask("$RES")
    headers = {**stage.case.expect["headers"], "Retry-After": "40"}
    await stage.expect(world, answer, began, headers=headers)
    return world


@case
async def test_v4_5c_one_request_too_many_of_a_consumer_is_throttled(stage: Stage) -> None:
    world = await stage.world("std")
    for _ in range(CONSUMER):
        assert (await world.ask("$RES", auth="key_ok")).status == 200
    await stage.expect(world, await world.ask("$RES", auth="key_ok"))
