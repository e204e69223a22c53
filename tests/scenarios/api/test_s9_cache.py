"""Versions are told from what was made before the first request, and made anew beside requests (V9.1, V9.2).

Rates and latencies are `make bench-gateway`'s to say, under the same ids; here a small load is judged by its
answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping, Sequence
from statistics import median
from time import perf_counter
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send

from domain.api_registry.commands import Moment, PromoteVersion
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from gateway.issuer_keys import IssuerKeys
from gateway.oauth import Tokens
from gateway.versions.registry import BUILD_EVERY_S, LOOK_EVERY_S
from tests.fakes import FakeClock
from tests.gateway.house import SYSTEM
from tests.gateway.signalling import FickleLog
from tests.issuer import ISSUER, FakeIssuer
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.sending import over_asgi
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import AwayAtFirst, SlowLog, SlowSource
from tests.scenarios.api.world import SETTLE_EVERY_S, World

READY = "/health/ready"
NEXT_REQUESTS, TRIGGERS, TRIGGER_EVERY_S = 100, 50, 0.02
REBUILDS = ("dits_cache_rebuilds_total", frozenset[tuple[str, str]]())
WAITING = 4
"""For one fetch of the issuer's keys; more are told to come again."""


async def timed_ms(asking: Any) -> tuple[Answer, float]:
    began_s = perf_counter()
    answer: Answer = await asking
    return answer, (perf_counter() - began_s) * 1_000


async def until(world: World, path: str, status: int) -> Answer:
    async with asyncio.timeout(10):
        while (answer := await world.ask(path)).status != status:
            await asyncio.sleep(SETTLE_EVERY_S)
    return answer


# ------------------------------------------------------------------ cold start
@case
async def test_v9_1a_the_first_list_of_a_process_is_as_fast_as_any(stage: Stage) -> World:
    world = await stage.world("std", via="wire")
    await until(world, READY, 200)
    answer, took_ms = await timed_ms(world.ask("/versions"))
    await stage.expect(world, answer, world.began, latency_ms=None, status=200)
    assert took_ms < 50
    return world


@case
async def test_v9_1b_the_next_hundred_say_the_same(stage: Stage) -> None:
    world = await stage.after("V9.1a")
    asked = [await timed_ms(world.ask("/versions", auth="key_ok")) for _ in range(NEXT_REQUESTS)]
    assert {answer.status for answer, _ in asked} == {200}
    assert len({answer.body for answer, _ in asked}) == 1
    assert median(took_ms for _, took_ms in asked) < 10


@case
async def test_v9_1c_before_the_registry_is_loaded_a_process_is_not_ready(stage: Stage) -> None:
    world = await stage.world("std", through=AwayAtFirst, settles=False)
    await until(world, READY, 503)
    answer, took_ms = await timed_ms(world.ask(READY))
    assert (answer.status, answer.member("status")) == (stage.case.expect[READY], "unhealthy")
    assert (await world.ask("$RES")).member("code") == "SERVICE_UNAVAILABLE"
    assert took_ms < 50  # not ready rather than slow
    cast("FickleLog", world.parts.core.log).trouble = None
    assert (await until(world, "$RES", 200)).header("X-API-Version") == "v2"
    await until(world, READY, 200)


@case
async def test_v9_1d_bodies_and_headers_were_made_with_the_snapshot(stage: Stage) -> None:
    world = await stage.world("std")
    for path, name in (("/versions", "list:anonymous:00"), ("/versions/v1", "version:v1")):
        page = world.versions.capture().pages[name]
        start, body = await messages_of(world, path)
        assert body["body"] is page.body
        assert holds(start["headers"], page.headers)
    for version_id in ("v1", "v2"):
        served = world.versions.capture().served[version_id]
        start, _ = await messages_of(world, f"/{version_id}/repos")
        assert holds(start["headers"], served)


def holds(said: Sequence[object], made: Sequence[object]) -> bool:
    """The very same, not equal ones."""
    return {id(each) for each in made} <= {id(each) for each in said}


async def messages_of(world: World, path: str) -> list[MutableMapping[str, Any]]:
    """What the application sends, as it is."""
    said: list[MutableMapping[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            said.append(message)
            await send(message)

        await world.application.asgi(scope, receive, note)

    await over_asgi(app, world.prepared({"path": path}))
    return said


# ------------------------------------------------------------------ made anew
@case
async def test_v9_2a_a_storm_of_reloads_builds_ten_snapshots_a_second_at_most(stage: Stage) -> None:
    world = await stage.world("std")
    world.credential("key_ok")
    began, answers = world.mark(), list[Answer]()
    for _ in range(TRIGGERS):
        world.versions.wake()
        answers += await asyncio.gather(*(world.ask("/versions", auth="key_ok") for _ in range(4)))
        await asyncio.sleep(TRIGGER_EVERY_S)
    since = world.since(began)
    assert since.after[REBUILDS] - since.before[REBUILDS] <= 10 * (1 + TRIGGERS * TRIGGER_EVERY_S)
    assert {answer.status for answer in answers} == {200}
    await stage.expect(world, None, began)


@case
async def test_v9_2b_news_that_come_together_are_one_build(stage: Stage) -> None:
    world = await stage.world("std")
    await asyncio.sleep(2 * (LOOK_EVERY_S + BUILD_EVERY_S))  # what the start itself found out is built
    before = world.samples()[REBUILDS]
    for _ in range(TRIGGERS):
        world.versions.wake()
    async with asyncio.timeout(10):
        while world.samples()[REBUILDS] == before:
            await asyncio.sleep(SETTLE_EVERY_S)
    await asyncio.sleep(20 * SETTLE_EVERY_S)
    assert world.samples()[REBUILDS] - before == stage.case.expect["loads"]


@case
async def test_v9_2b_tokens_that_come_together_fetch_the_issuer_s_keys_once(stage: Stage) -> None:
    clock = FakeClock()
    issuer = FakeIssuer(clock)
    tokens = Tokens(ISSUER, IssuerKeys(SlowSource(issuer), clock), clock)
    world = await stage.world("std", clock=clock, tokens=tokens)
    bearers = [{"Authorization": f"Bearer {issuer.token(sub=f's{number}')}"} for number in range(WAITING)]
    answers = await asyncio.gather(*(world.ask("$RES", headers=bearer) for bearer in bearers))
    assert {answer.status for answer in answers} == {200}
    assert issuer.fetched == stage.case.expect["loads"]


@case
async def test_v9_2d_the_old_snapshot_serves_until_the_new_one_is_complete(stage: Stage) -> None:
    world = await stage.world("std", through=SlowLog)
    slow, now = cast("SlowLog", world.parts.core.log), world.clock.now()
    async with slow.held():
        promotion = DECIDER.ask(REGISTRY_ID, PromoteVersion("v3-beta", Moment(now, now)))
        await asyncio.to_thread(world.parts.log.events.ask, promotion, context=SYSTEM)
        await asyncio.to_thread(slow.entered.wait, 10)
        answers = [await world.ask("$RES") for _ in range(10)]
    assert {(answer.status, answer.header("X-API-Version")) for answer in answers} == {(200, "v2")}
    async with asyncio.timeout(10):
        while (await world.ask("$RES", auth="key_ok")).header("X-API-Version") != "v3":
            await asyncio.sleep(SETTLE_EVERY_S)
