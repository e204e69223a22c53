"""Many at once: every answer is right, whatever turns or fails meanwhile (V6.1, V6.2, V6.3).

Rates and latencies are `make bench-gateway`'s to say, under the same ids; here a small load is judged by its
answers.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from dataclasses import FrozenInstanceError, replace
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from domain import version_spec
from domain.version_spec import Asked, Asker, Entry
from gateway import admission, edge, negotiation
from gateway.versions import registry, snapshot
from tests.fakes import FakeClock
from tests.gateway.signalling import FickleLog
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.sending import over_asgi
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import Held, Wired, guarded_log_of
from tests.scenarios.api.turns import heirs, lists_findings, turning, with_heirs
from tests.scenarios.api.world import World

REQUESTS, TRANSITIONS = 200, 8
UNCHANGED = 3.0
"""Times as long as before is still no change, on a machine that does other things."""
ON_THE_READ_PATH = (edge, admission, negotiation, registry, snapshot, version_spec)
WAITS = frozenset({"Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Barrier"})


async def many(world: World, path: str, count: int = REQUESTS, **request: Any) -> list[Answer]:
    return await asyncio.gather(
        *(world.ask(path, ip=f"10.1.0.{number % 200}", **request) for number in range(count))
    )


@case
async def test_v6_1a_many_lists_at_once_are_all_the_same(stage: Stage) -> None:
    world = await stage.world("std")
    began = world.mark()
    answers = await many(world, "/versions")
    assert {answer.status for answer in answers} == {200}
    assert {answer.body for answer in answers} == {world.versions.capture().pages["list:anonymous:00"].body}
    await stage.expect(world, None, began, events=[])


class Counting(dict[str, Entry]):
    """How often somebody looked something up in it."""

    looks = 0

    def get(self, *args: Any) -> Any:
        self.looks += 1
        return super().get(*args)

    def __getitem__(self, name: str) -> Entry:
        self.looks += 1
        return super().__getitem__(name)


@case
async def test_v6_1c_a_version_is_found_by_one_look_at_what_never_changes(stage: Stage) -> None:
    live = (await stage.world("n(100)")).versions.capture().live
    counting = Counting(live.entries)
    for version_id in ("v1", "v50", "v100"):
        counting.looks = 0
        choice = version_spec.choose(
            Asked(version_id, "header", ()), replace(live, entries=counting), Asker()
        )
        assert (choice.serving.version_id, counting.looks) == (version_id, 1)
    with pytest.raises(FrozenInstanceError):
        live.default = "v1"  # type: ignore[misc]


@case
async def test_v6_1d_lists_do_not_notice_that_a_dependency_fails(stage: Stage) -> None:
    world = await stage.world("std", **Wired(FakeClock()).with_event_store())
    assert (await world.ask("$RES", auth="key_ok")).status == 200  # the key is known
    before_ms = await time_of_lists_ms(world)
    guarded = guarded_log_of(world)
    assert isinstance(guarded.log, FickleLog)
    guarded.log.be_away()
    while guarded.circuit.phase == "closed":
        assert (await world.ask("$RES", method="POST", auth="key_ok")).status == 503
    calls, after_ms = guarded.log.calls, await time_of_lists_ms(world)
    assert world.samples()["dits_circuit_state", frozenset({("name", "event_store")})] == 1
    assert guarded.log.calls == calls
    assert after_ms < UNCHANGED * before_ms


async def time_of_lists_ms(world: World) -> float:
    took_ms = list[float]()
    for number in range(REQUESTS):
        began_s = perf_counter()
        assert (await world.ask("/versions", ip=f"10.2.0.{number}")).status == 200
        took_ms.append((perf_counter() - began_s) * 1_000)
    return median(took_ms)


@case
async def test_v6_2d_the_hundred_and_first_version_is_refused(stage: Stage) -> None:
    world = await stage.world()
    admin = {"method": "POST", "auth": "admin", "headers": {"Idempotency-Key": "one"}}
    world.credential("admin")
    began, before = world.mark(), (await world.ask("/config/status")).json
    answer = await world.ask("/admin/versions", body={"version_id": "v101"}, **admin)
    await stage.expect(world, answer, began, registry=None, events=[])
    assert (await world.ask("/config/status")).json == before
    assert (await world.ask("/versions")).member("total_count") == 100


@case
async def test_v6_2f_fifty_versions_are_listed_as_fast_as_few(stage: Stage) -> None:
    world = await stage.world()
    answers = await many(world, "/versions")
    assert {(answer.status, answer.member("total_count")) for answer in answers} == {(200, 50)}
    assert len({answer.body for answer in answers}) == 1


@case
async def test_v6_3a_no_request_fails_while_versions_turn(stage: Stage) -> None:
    world = await stage.world(with_heirs(TRANSITIONS))
    began, answers, lists = world.mark(), list[Answer](), list[Answer]()
    async for heir in turning(world, TRANSITIONS):
        answers += await many(world, "$RES", REQUESTS // TRANSITIONS)
        lists += await many(world, "/versions", REQUESTS // TRANSITIONS)
        assert answers[-1].header("X-API-Version") == heir
    assert {answer.status for answer in answers} == {200}
    assert lists_findings(lists) == []
    served = [str(answer.header("X-API-Version")) for answer in answers]
    assert list(dict.fromkeys(served)) == heirs(TRANSITIONS)  # in their order, and none twice
    await stage.expect(world, None, began)


@case
async def test_v6_3b_what_began_before_the_turn_ends_as_before_it(stage: Stage) -> World:
    held = Held()
    world = await stage.world(with_heirs(1), operations=held.operations)
    async with held.holding(world.ask("$RES")) as request:
        await world.operate("v10/release")
    answer: Answer = await request
    assert (answer.status, answer.header("X-API-Version")) == (200, "v1")
    assert answer.values("Deprecation") == []
    return world


@case
async def test_v6_3c_what_begins_after_the_turn_sees_all_of_it(stage: Stage) -> None:
    world = await stage.after("V6.3b")
    assert (await world.ask("$RES")).header("X-API-Version") == "v10"
    old = await world.ask("$RES", headers={"X-API-Version": "v1"})
    assert (old.header("X-API-Version"), len(old.values("Deprecation"))) == ("v1", 1)
    (swaps,) = [
        value for key, value in world.samples().items() if key[0] == "dits_registry_swap_seconds_count"
    ]
    assert swaps >= 2


@case
async def test_v6_3e_a_list_is_answered_without_ever_waiting(stage: Stage) -> None:
    world = await stage.world("std")
    await world.settle()
    asking = over_asgi(world.application.asgi, world.prepared({"path": "/versions"}))
    with pytest.raises(StopIteration) as ended:
        asking.send(None)  # the whole way from the scope to the answer's last byte, in one step
    answer: Answer = ended.value.value
    assert answer.status == 200


@case
def test_v6_3e_nothing_on_the_way_to_the_snapshot_locks_or_awaits(stage: Stage) -> None:
    for module in ON_THE_READ_PATH:
        names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(parsed(module))}
        assert names & WAITS == set(), module
    for step in (registry.Versions.capture, registry.Versions.refuse_unusable):
        assert not inspect.iscoroutinefunction(step)
    admit = next(node for node in ast.walk(parsed(admission)) if getattr(node, "name", "") == "admit")
    assert isinstance(admit, ast.AsyncFunctionDef)
    first = next(node for node in admit.body if not isinstance(node, ast.Expr))
    assert "self.versions.capture()" in ast.unparse(first)
    assert not any(isinstance(node, ast.Await) for node in ast.walk(first))


def parsed(module: Any) -> ast.Module:
    return ast.parse(inspect.getsource(module))
