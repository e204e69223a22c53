"""Operators hear of it at 80 %, uploads are refused at 95 % and taken again below 90 % (V9.3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.circuits import CircuitOpened
from domain.errors import MemoryPressureError
from gateway.operation import Takes
from gateway.pressure import ERROR_RATIO, SHED_RATIO, Pressure
from tests.gateway.conftest import Lines
from tests.gateway.signalling import Board


class Gauge:
    """A MemoryUse that a test holds in its hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def ratio(self) -> float:
        return self.now


class Bench:
    def __init__(self) -> None:
        self.board = Board()
        self.use = Gauge()
        metrics = self.board.metrics
        self.pressure = Pressure(
            self.use,
            self.board.signals,
            dial=metrics.memory_utilization,
            circuit=metrics.circuit_state.of("memory"),
        )

    def see(self, *ratios: float) -> Bench:
        for self.use.now in ratios:
            self.pressure.look()
        return self

    def refuses(self, takes: Takes) -> bool:
        try:
            self.pressure.refuse(takes)
        except MemoryPressureError as error:
            return error.facts == {"reason": "MEMORY_PRESSURE"}
        return False

    def told(self) -> list[str]:
        async def all_told() -> None:
            async with self.board.running():
                await self.board.told()

        asyncio.run(all_told())
        return self.board.names()

    @property
    def alerts(self) -> float:
        return self.board.count("dits_alerts_total", name="memory_pressure", severity="warning")


def levels(lines: Lines) -> list[str]:
    return [line["log_level"] for line in lines if line["event"] == "memory.pressure"]


def test_below_eighty_percent_nothing_happens(logged: Lines) -> None:
    bench = Bench().see(0.0, 0.79, 0.5)
    assert (bench.alerts, bench.told(), logged) == (0, [], [])
    assert bench.board.count("dits_memory_utilization_ratio") == 0.5


def test_at_eighty_percent_there_is_a_warning(logged: Lines) -> None:
    bench = Bench().see(0.80)
    assert (bench.alerts, bench.told(), levels(logged)) == (1, ["OpsAlertRaised"], ["warning"])


def test_pressure_that_lasts_is_one_line_and_an_alert_in_five_minutes(logged: Lines) -> None:
    bench = Bench()
    for _ in range(10):
        bench.see(0.85)
        bench.board.clock.advance(timedelta(minutes=1))
    assert (bench.alerts, levels(logged)) == (2, ["warning"])


def test_at_ninety_percent_there_is_an_error_line_and_uploads_go_on(logged: Lines) -> None:
    bench = Bench().see(0.80, 0.91, 0.92, 0.94)
    assert levels(logged) == ["warning", "error"]
    assert not bench.refuses("stream")


@pytest.mark.parametrize(
    ("takes", "refused"), [("bytes", True), ("stream", True), ("json", False), ("query", False)]
)
def test_at_ninety_five_percent_raw_bodies_are_refused_and_nothing_else(
    takes: Takes, *, refused: bool
) -> None:
    assert Bench().see(0.96).refuses(takes) is refused


def test_uploads_are_taken_again_below_ninety_percent() -> None:
    bench = Bench()
    seen = [bench.see(ratio).refuses("bytes") for ratio in (0.94, 0.95, 0.94, 0.90, 0.89, 0.94, 0.95)]
    assert seen == [False, True, True, True, False, False, True]


def test_the_circuit_is_a_fact_and_a_metric() -> None:
    bench = Bench().see(0.96, 0.97)
    assert bench.board.count("dits_circuit_state", name="memory") == 1
    bench.see(0.7)
    assert bench.board.count("dits_circuit_state", name="memory") == 0
    assert bench.told() == ["OpsAlertRaised", "CircuitOpened", "CircuitClosed"]
    assert bench.board.events()[1] == CircuitOpened(name="memory", failures=1)


def test_its_task_looks_by_itself_and_ends_with_the_process() -> None:
    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(bench.pressure.run())
            await asyncio.sleep(0.01)
            task.cancel()

    bench = Bench()
    bench.use.now = 0.97
    asyncio.run(story())
    assert bench.pressure.is_shedding


@given(st.lists(st.floats(0, 1), max_size=30))
def test_what_is_refused_follows_from_the_ratios(ratios: list[float]) -> None:
    bench, refused = Bench(), [False]
    for ratio in ratios:
        refused.append(bench.see(ratio).pressure.is_shedding)
    for (before, after), ratio in zip(pairwise(refused), ratios, strict=True):
        assert after is (ratio >= SHED_RATIO or (before and ratio >= ERROR_RATIO))
