"""Metrics pushed slot by slot: kept while the backend is away, in order when it is back (V10.3, R38)."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from infra.metrics import Metrics
from infra.telemetry.endpoint import Endpoint
from infra.telemetry.otlp import Resource
from infra.telemetry.pushing import SLOT_S, SLOTS_MAX, MetricPusher
from tests.collector import Behaviour, Collector, collecting
from tests.fakes import FakeClock, FakeIds

Alerts = list[tuple[str, str, str]]


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    capture = LogCapture()
    structlog.configure(processors=[capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="0.1.0")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def alerts() -> Alerts:
    return []


@pytest.fixture
def pusher(collector: Collector, metrics: Metrics, clock: FakeClock, alerts: Alerts) -> MetricPusher:
    return MetricPusher(
        Endpoint(f"{collector.url}/v1/metrics", {}, clock),
        Resource("0.1.0", "one"),
        metrics,
        clock=clock,
        ids=FakeIds(),
        alert=lambda *alert: alerts.append(alert),
    )


def pass_by(pusher: MetricPusher, clock: FakeClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(timedelta(seconds=1))
        pusher.step()


def dropped(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("dits_metrics_buffer_dropped_total")


def times(collector: Collector) -> list[int]:
    """Of each slot that arrived, in seconds since the first."""
    found = [
        int(collector.metrics(place)["dits_locks_active"]["gauge"]["dataPoints"][0]["timeUnixNano"])
        for place in range(len(collector.requests))
    ]
    return [(at - found[0]) // 1_000_000_000 for at in found]


def test_a_slot_is_pushed_every_ten_seconds(
    pusher: MetricPusher, collector: Collector, clock: FakeClock
) -> None:
    pass_by(pusher, clock, 35)
    assert collector.wrong == []
    assert times(collector) == [0, SLOT_S, 2 * SLOT_S]


def test_a_slot_shows_what_the_process_counted_by_then(
    pusher: MetricPusher, collector: Collector, clock: FakeClock, metrics: Metrics
) -> None:
    collector.behaviour = 503
    for _ in range(3):
        metrics.upload_bytes.inc(100)
        pass_by(pusher, clock, SLOT_S)
    collector.behaviour = "take"
    pass_by(pusher, clock, 60)
    points = [collector.metrics(place)["dits_upload_bytes_total"]["sum"]["dataPoints"] for place in range(3)]
    assert [point["asDouble"] for (point,) in points] == [100, 200, 300]


@pytest.mark.parametrize("behaviour", [503, 429, 401])
def test_a_backend_that_is_down_for_five_minutes_costs_no_slot(
    pusher: MetricPusher, collector: Collector, clock: FakeClock, metrics: Metrics, behaviour: Behaviour
) -> None:
    """V10.3a"""
    collector.behaviour = behaviour
    pass_by(pusher, clock, 300)
    assert pusher.buffered == 30
    assert dropped(metrics) == 0


def test_after_recovery_all_that_was_kept_arrives_in_order(
    pusher: MetricPusher, collector: Collector, clock: FakeClock
) -> None:
    """V10.3c"""
    collector.behaviour = 503
    pass_by(pusher, clock, 300)
    collector.behaviour = "take"
    pass_by(pusher, clock, 60)
    assert pusher.buffered == 0
    assert times(collector) == [SLOT_S * place for place in range(36)]


def test_after_ten_minutes_the_oldest_goes_first_and_is_counted(
    pusher: MetricPusher, collector: Collector, clock: FakeClock, metrics: Metrics
) -> None:
    collector.behaviour = 503
    pass_by(pusher, clock, 630)
    assert (pusher.buffered, dropped(metrics)) == (SLOTS_MAX, 3)
    collector.behaviour = "take"
    pass_by(pusher, clock, 60)
    assert len(collector.requests) + (dropped(metrics) or 0) == 69
    assert times(collector) == [SLOT_S * place for place in range(len(collector.requests))]


def test_a_backend_that_is_down_is_warned_of_and_raises_an_alert(
    pusher: MetricPusher,
    collector: Collector,
    clock: FakeClock,
    alerts: Alerts,
    logged: list[MutableMapping[str, Any]],
) -> None:
    collector.behaviour = 503
    pass_by(pusher, clock, SLOT_S)
    assert [(line["log_level"], line["event"], line["reason"]) for line in logged] == [
        ("warning", "metrics.push_failed", "503")
    ]
    assert [(name, severity) for name, severity, _ in alerts] == [("metrics_backend_down", "warning")]


def test_a_backend_that_is_down_is_asked_no_more_than_pauses_allow(
    pusher: MetricPusher, collector: Collector, clock: FakeClock
) -> None:
    collector.behaviour = 503
    pass_by(pusher, clock, 600)
    assert 8 <= collector.asked <= 17


def test_a_slot_that_can_never_be_taken_does_not_hold_up_the_others(
    pusher: MetricPusher, collector: Collector, clock: FakeClock, metrics: Metrics
) -> None:
    collector.behaviour = 400
    pass_by(pusher, clock, SLOT_S)
    collector.behaviour = "take"
    pass_by(pusher, clock, SLOT_S)
    assert (pusher.buffered, dropped(metrics), len(collector.requests)) == (0, 1, 1)


def test_a_process_that_slept_takes_one_slot_and_keeps_the_beat(
    pusher: MetricPusher, collector: Collector, clock: FakeClock
) -> None:
    clock.advance(timedelta(seconds=47))
    pusher.step()
    pass_by(pusher, clock, 3)
    assert times(collector) == [0, 3]


def test_the_pull_side_knows_nothing_of_it(
    pusher: MetricPusher, collector: Collector, clock: FakeClock, metrics: Metrics
) -> None:
    """V10.3d"""
    collector.behaviour = 503
    pass_by(pusher, clock, 20)
    assert b"dits_metrics_buffer_dropped_total 0.0" in metrics.text()
