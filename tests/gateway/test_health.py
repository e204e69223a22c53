"""Readiness with its hysteresis, health without (S2.4, R22, R45)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from domain.errors import UnavailableError
from gateway.bridge import Bridge
from gateway.health import Check, Conditions, Health, Readiness
from gateway.measures import Measures
from infra.metrics import Metrics


def after(*rounds: bool) -> Readiness:
    readiness = Readiness()
    for well in rounds:
        readiness = readiness.after(well=well)
    return readiness


def test_a_process_starts_not_ready_and_its_first_success_makes_it_ready() -> None:
    assert not after(False, False).ready
    assert after(False, True).ready


@pytest.mark.parametrize(
    ("rounds", "ready"),
    [
        ((True, False, False), True),
        ((True, False, False, True, False, False), True),
        ((True, False, False, False), False),
        ((True, False, False, False, True), False),
        ((True, False, False, False, True, True), True),
        ((True, False, False, False, True, False, True), False),
    ],
)
def test_three_failures_and_two_successes(rounds: tuple[bool, ...], *, ready: bool) -> None:
    assert after(*rounds).ready is ready


@given(st.integers(1, 200))
def test_a_check_that_alternates_never_changes_readiness(rounds: int) -> None:
    assert after(True, *(number % 2 == 0 for number in range(rounds))).ready


class Dependency:
    """Up or away, as a test says."""

    def __init__(self) -> None:
        self.is_up = True

    def check(self) -> None:
        if not self.is_up:
            raise UnavailableError(dependency="it")


def health_of(check: Check, bridge: Bridge, conditions: Callable[[], Conditions] = Conditions) -> Health:
    metrics = Metrics(version="test")
    measures = Measures(CollectorRegistry(), idempotency=metrics.idempotency, waits=metrics.consistency_waits)
    return Health({"it": check}, bridge, measures, conditions)


async def watched(dependency: Dependency, *states: bool) -> list[tuple[bool, bool]]:
    """(well, ready) after each round in which the dependency is as `states` says."""
    bridge = Bridge(2, 10)
    health, seen = health_of(dependency.check, bridge), list[tuple[bool, bool]]()
    async with asyncio.TaskGroup() as group:
        for dependency.is_up in states:
            await health.round(group)
            seen.append((health.is_well, health.is_ready))
    bridge.close()
    return seen


def test_health_follows_at_once_and_readiness_with_patience() -> None:
    seen = asyncio.run(watched(Dependency(), True, False, False, False, True, True))
    assert seen == [(True, True), (False, True), (False, True), (False, False), (True, False), (True, True)]


class Condition:
    """As it is now; the dependency is well all the time."""

    def __init__(self) -> None:
        self.now = Conditions()
        self.bridge = Bridge(1, 10)
        self.health = health_of(lambda: None, self.bridge, lambda: self.now)

    def after(self, *rounds: Conditions) -> list[tuple[bool, object, object]]:
        """Ready, status and reasons after each round."""
        return asyncio.run(self._after(rounds))

    async def _after(self, rounds: tuple[Conditions, ...]) -> list[tuple[bool, object, object]]:
        said = list[tuple[bool, object, object]]()
        async with asyncio.TaskGroup() as group:
            for self.now in rounds:
                await self.health.round(group)
                body = self.health.body()
                said.append((self.health.is_ready, body["status"], body["reasons"]))
        self.bridge.close()
        return said


FAIR = Conditions()
BLOCKED = Conditions(unhealthy=("registry_not_initialized",))
STALE = Conditions(degrading=("config_reload_failed",))


def test_a_registry_that_cannot_be_used_makes_it_unhealthy_and_never_ready() -> None:
    """V2.1b, V9.1c."""
    said = Condition().after(BLOCKED, BLOCKED, FAIR)
    blocked = (False, "unhealthy", ["registry_not_initialized"])
    assert said == [blocked, blocked, (True, "healthy", [])]


def test_readiness_judges_conditions_with_the_same_patience() -> None:
    said = Condition().after(FAIR, BLOCKED, BLOCKED, BLOCKED, FAIR, FAIR)
    assert [ready for ready, _, _ in said] == [True, True, True, False, False, True]
    assert [status for _, status, _ in said] == ["healthy", *["unhealthy"] * 3, "healthy", "healthy"]


def test_what_only_degrades_is_told_and_requests_keep_coming() -> None:
    """V5.1b, V2.5d."""
    assert Condition().after(*[STALE] * 5) == [(True, "healthy", ["config_reload_failed"])] * 5


def test_a_degraded_process_says_so_and_what_ended_is_gone_at_once() -> None:
    condition = Condition()
    condition.after(STALE)
    body = {
        "status": "healthy",
        "degraded": True,
        "reasons": ["config_reload_failed"],
        "checks": {"it": "up"},
    }
    assert condition.health.body() == body
    condition.now = FAIR
    assert condition.health.body() == {**body, "degraded": False, "reasons": []}


def test_nothing_is_well_before_the_first_round() -> None:
    condition = Condition()
    condition.now = BLOCKED
    assert (condition.health.is_well, condition.health.is_ready) == (False, False)
    assert condition.health.body() == {
        "status": "unhealthy",
        "reasons": ["registry_not_initialized", "starting"],
    }
    condition.bridge.close()
