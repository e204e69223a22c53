"""Spans on their way: in batches, once, and without anybody waiting for them (V10.2)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from infra.metrics import Metrics
from infra.telemetry.endpoint import Endpoint
from infra.telemetry.otlp import Resource
from infra.telemetry.spans import BATCH_SPANS, LINES_AT_ONCE_MAX, QUEUE_SPANS_MAX, SpanExporter
from tests.collector import Behaviour, Collector, collecting
from tests.fakes import FakeClock, FakeIds
from tests.infra.test_telemetry import Recorded

Lines = list[MutableMapping[str, Any]]
Make = Callable[..., SpanExporter]


@pytest.fixture
def logged() -> Iterator[Lines]:
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
def exporter(collector: Collector, metrics: Metrics, clock: FakeClock, logged: Lines) -> SpanExporter:
    return made(f"{collector.url}/v1/traces", metrics, clock)


def made(url: str, metrics: Metrics, clock: FakeClock) -> SpanExporter:
    endpoint = Endpoint(url, {"authorization": "Bearer canary"}, clock)
    return SpanExporter(endpoint, Resource("0.1.0", "one"), metrics, clock=clock, ids=FakeIds())


def put(exporter: SpanExporter, count: int) -> None:
    for number in range(count):
        exporter.put(Recorded(span_id=f"{number + 1:016x}"))


def count(metrics: Metrics, name: str) -> float:
    value = metrics.registry.get_sample_value(name)
    assert value is not None
    return value


def failures(metrics: Metrics) -> float:
    return count(metrics, "dits_trace_export_failures_total")


def dropped(metrics: Metrics) -> float:
    return count(metrics, "dits_trace_spans_dropped_total")


def named(logged: Lines, event: str) -> Lines:
    return [line for line in logged if line["event"] == event]


def nobody() -> str:
    """An address where nobody listens."""
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}/v1/traces"


# ------------------------------------------------------------------ while all is well
def test_spans_arrive_in_order_in_batches(exporter: SpanExporter, collector: Collector) -> None:
    put(exporter, BATCH_SPANS + 3)
    exporter.step()
    assert collector.wrong == []
    assert [int(span["spanId"], 16) for span in collector.spans()] == list(range(1, BATCH_SPANS + 4))
    assert len(collector.requests) == 2


def test_nothing_is_sent_when_there_is_nothing(exporter: SpanExporter, collector: Collector) -> None:
    exporter.step()
    assert collector.asked == 0


def test_the_operators_headers_go_along(exporter: SpanExporter, collector: Collector) -> None:
    put(exporter, 1)
    exporter.step()
    assert collector.headers[0]["authorization"] == "Bearer canary"
    assert collector.headers[0]["content-type"] == "application/json"


def test_a_full_batch_wakes_the_sender_once(exporter: SpanExporter) -> None:
    woken: list[int] = []
    exporter.wake = lambda: woken.append(exporter.waiting)
    put(exporter, BATCH_SPANS + 10)
    assert woken == [BATCH_SPANS]


def test_spans_that_a_collector_rejects_are_counted_and_not_sent_again(
    exporter: SpanExporter, collector: Collector, metrics: Metrics
) -> None:
    collector.answer = b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}'
    put(exporter, 5)
    exporter.step()
    assert (dropped(metrics), failures(metrics), exporter.waiting) == (2, 0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[" * 60_000,
        b"[]",
        b'{"partialSuccess": null}',
        b'{"partialSuccess": {"rejectedSpans": "-1"}}',
        b'{"partialSuccess": {"rejectedSpans": "%s"}}' % (b"9" * 50_000),
        b'{"partialSuccess": {"rejectedSpans": [1]}}',
        b" " * 300_000,
    ],
)
def test_whatever_a_collector_says_beside_yes_is_a_yes(
    exporter: SpanExporter, collector: Collector, metrics: Metrics, answer: bytes
) -> None:
    collector.answer = answer
    for _ in range(2):
        put(exporter, 1)
        exporter.step()
    assert (len(collector.spans()), dropped(metrics), failures(metrics)) == (2, 0, 0)


# ------------------------------------------------------------------ while it is not
def test_a_refused_batch_is_counted_and_told_of_locally(
    metrics: Metrics, clock: FakeClock, logged: Lines
) -> None:
    exporter = made(nobody(), metrics, clock)
    put(exporter, 2)
    exporter.step()
    assert failures(metrics) == 1
    (warning,) = named(logged, "trace.export_failed")
    assert warning["log_level"] == "warning"
    assert [
        (line["log_level"], line["name"], line["duration_ms"], line["trace_id"]) for line in logged[1:]
    ] == [("info", "GET /repos/{repo}", 2.5, Recorded().trace_id)] * 2


@pytest.mark.parametrize("behaviour", [400, 401, 429, 503])
def test_an_answer_that_is_no_yes_is_a_failure(
    exporter: SpanExporter, collector: Collector, metrics: Metrics, logged: Lines, behaviour: Behaviour
) -> None:
    collector.behaviour = behaviour
    put(exporter, 1)
    exporter.step()
    assert failures(metrics) == 1
    assert named(logged, "trace.export_failed")[0]["reason"] == str(behaviour)
    assert len(named(logged, "span")) == 1


def test_a_collector_that_hangs_is_left_after_its_time(
    exporter: SpanExporter, collector: Collector, metrics: Metrics
) -> None:
    collector.behaviour = "hang"
    put(exporter, 1)
    began = time.monotonic()
    exporter.step()
    assert 1.5 < time.monotonic() - began < 4
    assert failures(metrics) == 1


def test_a_collector_that_does_not_answer_is_asked_no_more_than_pauses_allow(
    exporter: SpanExporter, collector: Collector, clock: FakeClock
) -> None:
    collector.behaviour = 503
    for _ in range(600):
        put(exporter, 1)
        exporter.step()
        clock.advance(timedelta(seconds=1))
    assert 10 <= collector.asked <= 17, "ten minutes: 5, 10, 20, 40 s, then every 45 s"


def test_a_collector_that_says_when_to_come_back_is_not_asked_sooner(
    exporter: SpanExporter, collector: Collector, clock: FakeClock
) -> None:
    collector.behaviour, collector.retry_after = 429, "30"
    for _ in range(29):
        put(exporter, 1)
        exporter.step()
        clock.advance(timedelta(seconds=1))
    assert collector.asked == 1


@pytest.mark.parametrize("retry_after", ["-1", "\u00b2", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 400])
def test_a_strange_time_to_come_back_is_no_more_than_a_pause(
    exporter: SpanExporter, collector: Collector, clock: FakeClock, retry_after: str
) -> None:
    collector.behaviour, collector.retry_after = 503, retry_after
    put(exporter, 1)
    exporter.step()
    clock.advance(timedelta(minutes=1))
    put(exporter, 1)
    exporter.step()
    assert collector.asked == 2


def test_a_failure_is_warned_of_once_a_minute(
    exporter: SpanExporter, collector: Collector, clock: FakeClock, logged: Lines
) -> None:
    collector.behaviour = 503
    for _ in range(55):
        put(exporter, 1)
        exporter.step()
        clock.advance(timedelta(seconds=1))
    assert collector.asked > 1
    assert len(named(logged, "trace.export_failed")) == 1
    assert len(named(logged, "span")) == 55


def test_local_lines_are_so_many_a_second_and_the_rest_is_counted(
    exporter: SpanExporter, collector: Collector, metrics: Metrics, logged: Lines
) -> None:
    collector.behaviour = 503
    put(exporter, LINES_AT_ONCE_MAX + 500)
    exporter.step()
    assert len(named(logged, "span")) == LINES_AT_ONCE_MAX
    assert dropped(metrics) == 500


def test_after_a_recovery_spans_arrive_again_and_none_is_said_locally(
    exporter: SpanExporter, collector: Collector, clock: FakeClock, logged: Lines
) -> None:
    collector.behaviour = 503
    put(exporter, 1)
    exporter.step()
    logged.clear()
    collector.behaviour = "take"
    clock.advance(timedelta(minutes=1))
    put(exporter, 3)
    exporter.step()
    assert (len(collector.spans()), logged) == (3, [])


def test_a_full_queue_drops_the_newest_and_counts_it(exporter: SpanExporter, metrics: Metrics) -> None:
    put(exporter, QUEUE_SPANS_MAX + 7)
    assert exporter.waiting == QUEUE_SPANS_MAX
    assert dropped(metrics) == 7


def test_nothing_secret_is_in_a_line(exporter: SpanExporter, collector: Collector, logged: Lines) -> None:
    collector.behaviour = 401
    put(exporter, 1)
    exporter.step()
    assert logged
    assert "canary" not in str(logged)
    assert "127.0.0.1" not in str(logged)
