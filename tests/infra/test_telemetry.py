"""OTLP's JSON: spans and metrics as a strict collector reads them."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary

from domain.errors import SettingsError
from infra.metrics import Metrics
from infra.telemetry.endpoint import Endpoint, headers_in
from infra.telemetry.otlp import Resource, Slot, metrics_json, metrics_request, span_json, traces_request
from tests.collector import check
from tests.fakes import FakeClock

RESOURCE = Resource("0.1.0", "instance-1")
SLOT = Slot(1_000, 2_000)
NOON_NS = 1_795_348_800_000_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A span as anybody may hand it over."""

    name: str = "GET /repos/{repo}"
    trace_id: str = "4bf92f3577b34da6a3ce929d0e0e4736"
    span_id: str = "00f067aa0ba902b7"
    parent_id: str = ""
    began_ns: int = NOON_NS
    ended_ns: int = NOON_NS + 2_500_000
    is_failed: bool = False
    attributes: tuple[tuple[str, str | int], ...] = (("http.response.status_code", 200),)


def read(request: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(request))
    return found


def span_of(recorded: Recorded) -> dict[str, Any]:
    request = read(traces_request(RESOURCE, [span_json(recorded)]))
    check("/v1/traces", request)
    span: dict[str, Any] = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return span


def metrics_of(registry: CollectorRegistry) -> dict[str, dict[str, Any]]:
    written = [metric for family in registry.collect() for metric in metrics_json(family, SLOT)]
    request = read(metrics_request(RESOURCE, written))
    check("/v1/metrics", request)
    return {each["name"]: each for each in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


# ------------------------------------------------------------------ spans
def test_a_span_is_written_as_the_specification_has_it() -> None:
    assert span_of(Recorded()) == {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "spanId": "00f067aa0ba902b7",
        "name": "GET /repos/{repo}",
        "kind": 2,
        "startTimeUnixNano": "1795348800000000000",
        "endTimeUnixNano": "1795348800002500000",
        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "200"}}],
        "flags": 1,
    }


def test_a_span_names_the_one_it_hangs_under() -> None:
    assert span_of(Recorded(parent_id="b7ad6b7169203331"))["parentSpanId"] == "b7ad6b7169203331"


def test_a_failed_span_says_so() -> None:
    assert span_of(replace(Recorded(), is_failed=True))["status"] == {"code": 2}


@given(st.text(), st.text())
def test_any_text_survives_the_encoding(name: str, value: str) -> None:
    named = Recorded(name=name, attributes=(("a", value),))
    request = read(traces_request(RESOURCE, [span_json(named)]))
    span = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (span["name"], span["attributes"][0]["value"]["stringValue"]) == (name, value)


def test_a_process_names_itself() -> None:
    request = read(traces_request(RESOURCE, []))
    said = request["resourceSpans"][0]["resource"]["attributes"]
    assert {each["key"]: each["value"]["stringValue"] for each in said} == {
        "service.name": "dits",
        "service.version": "0.1.0",
        "service.instance.id": "instance-1",
    }


# ------------------------------------------------------------------ metrics
def test_a_counter_is_a_monotonic_cumulative_sum_under_its_own_name(registry: CollectorRegistry) -> None:
    Counter("dits_a_total", "What.", ("kind",), registry=registry).labels("x").inc(3)
    total = metrics_of(registry)["dits_a_total"]["sum"]
    assert (total["isMonotonic"], total["aggregationTemporality"]) == (True, 2)
    (point,) = total["dataPoints"]
    assert point["asDouble"] == 3
    assert point["attributes"] == [{"key": "kind", "value": {"stringValue": "x"}}]


def test_a_counter_counts_from_when_it_was_made(registry: CollectorRegistry) -> None:
    counter = Counter("dits_a_total", "What.", registry=registry)
    created = next(
        sample.value for sample in next(iter(registry.collect())).samples if "_created" in sample.name
    )
    (point,) = metrics_of(registry)["dits_a_total"]["sum"]["dataPoints"]
    assert int(point["startTimeUnixNano"]) == pytest.approx(created * 1e9)
    assert counter


def test_a_gauge_is_a_gauge(registry: CollectorRegistry) -> None:
    Gauge("dits_g", "What.", registry=registry).set(1.5)
    (point,) = metrics_of(registry)["dits_g"]["gauge"]["dataPoints"]
    assert (point["asDouble"], point["timeUnixNano"]) == (1.5, "2000")


def test_a_histograms_buckets_hold_their_own_only(registry: CollectorRegistry) -> None:
    histogram = Histogram("dits_h_seconds", "What.", buckets=(1.0, 2.0), registry=registry)
    for value in (0.5, 1.5, 1.7, 9.0):
        histogram.observe(value)
    (point,) = metrics_of(registry)["dits_h_seconds"]["histogram"]["dataPoints"]
    assert (point["bucketCounts"], point["explicitBounds"]) == (["1", "2", "1"], [1.0, 2.0])
    assert (point["count"], point["sum"]) == ("4", pytest.approx(12.7))


def test_each_child_of_a_histogram_is_a_point(registry: CollectorRegistry) -> None:
    histogram = Histogram("dits_h_seconds", "What.", ("route",), buckets=(1.0,), registry=registry)
    histogram.labels("/a").observe(0.5)
    histogram.labels("/b").observe(5)
    points = metrics_of(registry)["dits_h_seconds"]["histogram"]["dataPoints"]
    assert [point["bucketCounts"] for point in points] == [["1", "0"], ["0", "1"]]


@pytest.mark.parametrize(
    ("value", "said"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (0.1, 0.1)]
)
def test_a_number_that_json_has_not_is_written_as_text(
    registry: CollectorRegistry, value: float, said: object
) -> None:
    Gauge("dits_g", "What.", registry=registry).set(value)
    assert metrics_of(registry)["dits_g"]["gauge"]["dataPoints"][0]["asDouble"] == said


def test_other_kinds_of_metrics_are_shown_as_gauges(registry: CollectorRegistry) -> None:
    Info("dits_i", "What.", registry=registry).info({"build": "1"})
    Summary("dits_s", "What.", registry=registry).observe(2)
    assert {"dits_i_info", "dits_s_count", "dits_s_sum"} <= metrics_of(registry).keys()


def test_all_that_a_process_measures_can_be_read() -> None:
    metrics = Metrics(version="0.1.0")
    shown = metrics_of(metrics.registry)
    unlabelled = {line.name for line in metrics.lines() if not line.labels}
    assert unlabelled | {"process_cpu_seconds_total", "dits_build_info"} <= shown.keys()


# ------------------------------------------------------------------ settings
def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    assert headers_in("authorization=Bearer%20abc%3D, x-tenant=a,") == {
        "authorization": "Bearer abc=",
        "x-tenant": "a",
    }


@pytest.mark.parametrize("text", ["canary", "=canary", "a b=canary", "a=canary%0d%0aX: y", "a=canary%00"])
def test_wrong_headers_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        headers_in(text)
    assert "canary" not in refusal.value.message


@pytest.mark.parametrize("url", ["collector:4318", "ftp://canary/v1/traces", "http://", ""])
def test_an_address_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Endpoint(url, {}, FakeClock())
    assert "canary" not in refusal.value.message
