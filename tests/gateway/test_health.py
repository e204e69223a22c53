"""Readiness with its hysteresis, health without (S2.4, R22, R45)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from domain.errors import UnavailableError
from gateway.bridge import Bridge
from gateway.health import Health, Readiness
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


async def watched(dependency: Dependency, *states: bool) -> list[tuple[bool, bool]]:
    """(well, ready) after each round in which the dependency is as `states` says."""
    metrics, bridge = Metrics(version="test"), Bridge(2, 10)
    measures = Measures(CollectorRegistry(), idempotency=metrics.idempotency, waits=metrics.consistency_waits)
    health, seen = Health({"it": dependency.check}, bridge, measures), list[tuple[bool, bool]]()
    async with asyncio.TaskGroup() as group:
        for dependency.is_up in states:
            await health.round(group)
            seen.append((health.is_well, health.is_ready))
    bridge.close()
    return seen


def test_health_follows_at_once_and_readiness_with_patience() -> None:
    seen = asyncio.run(watched(Dependency(), True, False, False, False, True, True))
    assert seen == [(True, True), (False, True), (False, True), (False, False), (True, False), (True, True)]


def test_nothing_is_well_before_the_first_round() -> None:
    metrics = Metrics(version="test")
    measures = Measures(CollectorRegistry(), idempotency=metrics.idempotency, waits=metrics.consistency_waits)
    bridge = Bridge(1, 1)
    health = Health({}, bridge, measures)
    assert (health.is_well, health.is_ready, health.body()["status"]) == (False, False, "unhealthy")
    bridge.close()
