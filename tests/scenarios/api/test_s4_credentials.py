"""Who is let in, who is not, and that neither time nor words tell a guess from the truth (V4.2-V4.5)."""

from __future__ import annotations

from statistics import median
from time import perf_counter_ns

from gateway.auth import known_caller
from gateway.counters import MemoryCounters
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.credentials import WantedKey, WantedToken
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World

LEEWAY_S, LIFETIME_S = 30, 600
ROUNDS, LOOKS_A_ROUND = 1_000, 20
OF_EACH_REQUEST = frozenset({"x-correlation-id", "content-length"})


@case
async def test_v4_2i_a_key_is_looked_up_in_the_same_time_whatever_it_is(stage: Stage) -> None:
    world = await stage.world("std")
    texts = keys_of(world)
    said = {
        name: (await world.ask("$RES", headers={"X-API-Key": text})).status for name, text in texts.items()
    }
    assert said == {"valid": 200, "revoked": 401, "unknown": 401, "near": 401}
    took_ns: dict[str, list[int]] = {name: [] for name in texts}
    for _ in range(ROUNDS):
        for name, text in texts.items():
            took_ns[name].append(time_of_looks_ns(world, text))
    half = [median(each) for each in took_ns.values()]
    assert max(half) < 1.1 * min(half), dict(zip(texts, half, strict=True))


def keys_of(world: World) -> dict[str, str]:
    """One that is valid, one that was revoked, one of nobody, and one that differs in its last character."""
    valid = world.key("guessed", WantedKey())
    revoked = world.key("guessed", WantedKey(("read",), is_revoked=True))
    near = valid[:-1] + ("A" if valid[-1] != "A" else "E")
    return {"valid": valid, "revoked": revoked, "unknown": valid[:-43] + 43 * "A", "near": near}


def time_of_looks_ns(world: World, text: str) -> int:
    core, headers = world.parts.core, {"x-api-key": text}
    began_ns = perf_counter_ns()
    for _ in range(LOOKS_A_ROUND):
        known_caller(core.directory, core.keys, None, headers)
    return perf_counter_ns() - began_ns


@case
async def test_v4_3d_a_token_holds_for_a_little_longer_than_it_says(stage: Stage) -> World:
    world = await stage.world("std")
    token = world.issuer.token(WantedToken(), "late", world.clock.now())
    headers = {"Authorization": f"Bearer {token}"}
    world.advance(LIFETIME_S + 20)
    assert (await world.ask("$RES", headers=headers)).status == 200  # verified for the first time
    world.advance(LEEWAY_S - 20 - 1)
    assert (await world.ask("$RES", headers=headers)).status == 200
    world.advance(1)
    expired = stage.table.case("V4.3a").expect
    await stage.expect(world, await world.ask("$RES", headers=headers), **expired)
    return world


@case
async def test_v4_4d_a_hidden_version_looks_like_one_that_never_was(stage: Stage) -> None:
    world = await stage.world("std")
    for path in ("$RES", "/{}$RES", "$RES?version={}", "/versions/{}"):
        for opted_in in ("true", "false"):
            hidden, unknown = [
                await world.ask(path.format(name), headers=naming(path, name, opted_in), ip=f"203.0.113.{n}")
                for n, name in enumerate(IDS)
            ]
            assert seen(hidden, IDS[0]) == seen(unknown, IDS[1]), path
            assert hidden.status == 404


def naming(path: str, version_id: str, opted_in: str) -> dict[str, str]:
    """The version in a header, if nothing else names it."""
    headers = {"X-API-Prerelease-Opt-In": opted_in}
    return {**headers, "X-API-Version": version_id} if path == "$RES" else headers


IDS = ("v3-beta", "v9-beta")


def seen(answer: Answer, version_id: str) -> tuple[int, list[tuple[str, str]], str]:
    """Everything but the correlation id and the id that was asked for."""
    correlation = str(answer.header("X-Correlation-ID"))
    headers = [each for each in answer.headers if each[0].lower() not in OF_EACH_REQUEST]
    return answer.status, headers, answer.text.replace(correlation, "-").replace(version_id, "v")


@case
async def test_v4_5f_two_processes_share_a_limit(stage: Stage) -> None:
    counters = MemoryCounters()
    worlds = [await stage.world("std", counters=counters, processes=2) for _ in range(2)]
    answers = [await worlds[number % 2].ask("$RES") for number in range(300)]
    accepted = [answer for answer in answers if answer.status == 200]
    assert len(accepted) == stage.case.expect["accepted"]
    assert {answer.member("code") for answer in answers if answer.status != 200} == {"RATE_LIMIT_EXCEEDED"}


@case
async def test_v4_5f_a_limit_holds_however_requests_are_spread(stage: Stage) -> None:
    counters = MemoryCounters()
    worlds = [await stage.world("std", counters=counters, processes=2) for _ in range(2)]
    statuses = [(await worlds[int(number % 7 == 0)].ask("$RES")).status for number in range(300)]
    assert statuses.count(200) == stage.case.expect["accepted"]
    assert set(statuses[-100:]) == {429}
