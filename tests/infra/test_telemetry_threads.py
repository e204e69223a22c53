"""Telemetry as a process runs it, against collectors that hang or drip: nobody waits for it (V10.2a)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
import structlog

from domain.errors import SettingsError
from infra.clock import SystemClock, SystemIds
from infra.metrics import Metrics
from infra.telemetry.spans import BATCH_SPANS, QUEUE_SPANS_MAX
from infra.telemetry.telemetry import Collectors, Telemetry, telemetry
from tests.collector import Behaviour, Collector, collecting
from tests.infra.test_telemetry import Recorded

STOPPED_WITHIN_S = 5.0


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    structlog.configure(processors=[structlog.testing.LogCapture()])
    yield
    structlog.reset_defaults()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def running(url: str | None, metrics: Metrics | None = None) -> AbstractContextManager[Telemetry]:
    collectors = Collectors(url and f"{url}/v1/traces", url and f"{url}/v1/metrics")
    return telemetry(
        collectors,
        metrics or Metrics(version="0.1.0"),
        version="0.1.0",
        clock=SystemClock(),
        ids=SystemIds(),
        alert=lambda *_: None,
    )


def ours() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"spans", "metrics"}


def test_what_is_not_configured_costs_no_thread() -> None:
    with running(None) as found:
        assert (found.spans, found.pusher, ours()) == (None, None, set())


def test_a_wrong_address_refuses_the_start() -> None:
    with pytest.raises(SettingsError), running("collector"):
        pass
    assert ours() == set()


def test_what_is_left_is_sent_at_the_end(collector: Collector) -> None:
    with running(collector.url) as found:
        assert found.spans is not None
        found.spans.put(Recorded())
    assert len(collector.spans()) == 1
    assert "resourceMetrics" in str(collector.requests), "the last slot"
    assert (collector.wrong, ours()) == ([], set())


def test_a_full_batch_does_not_wait_for_its_time(collector: Collector) -> None:
    with running(collector.url) as found:
        assert found.spans is not None
        for _ in range(BATCH_SPANS):
            found.spans.put(Recorded())
        until = time.monotonic() + 3
        while len(collector.spans()) < BATCH_SPANS and time.monotonic() < until:
            time.sleep(0.01)
        assert len(collector.spans()) == BATCH_SPANS


@pytest.mark.parametrize("behaviour", ["hang", "drip", 503])
def test_a_process_ends_within_five_seconds_whatever_its_collector_does(
    collector: Collector, behaviour: Behaviour
) -> None:
    """V10.2a"""
    collector.behaviour = behaviour
    with running(collector.url) as found:
        assert found.spans is not None
        for _ in range(QUEUE_SPANS_MAX):
            found.spans.put(Recorded())
        time.sleep(0.3)
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_WITHIN_S


def test_a_request_hands_its_span_over_in_microseconds_while_the_collector_hangs(
    collector: Collector,
) -> None:
    """V10.2a: measured at 0.2 us; the bound leaves room for a busy machine and one switch of threads."""
    collector.behaviour = "hang"
    took: list[float] = []
    with running(collector.url) as found:
        assert found.spans is not None
        for _ in range(5_000):
            began = time.perf_counter()
            found.spans.put(Recorded())
            took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 20e-6
    assert collector.asked > 0
