"""OTLP 1.x requests as JSON, compressed: pure functions from spans and metric families to bytes.

Promises: the JSON mapping of protobuf as OTLP rules it: ids in lower-case hexadecimal, camelCase names,
enumerations as numbers, 64-bit integers and numbers that JSON has not as text.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.samples import Sample

Json = dict[str, object]

SPAN_KIND_SERVER = 2
STATUS_ERROR = 2
CUMULATIVE = 2
FLAG_SAMPLED = 1
GZIP_LEVEL = 5
"""Every collector reads gzip; a slot of metrics shrinks from 73 to 4 kB, and sixty of them are kept."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class FinishedSpan(Protocol):
    """A span as whoever traces hands it over; callers may rely on its being read at any time later."""

    @property
    def name(self) -> str: ...
    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str: ...
    @property
    def began_ns(self) -> int: ...
    @property
    def ended_ns(self) -> int: ...
    @property
    def is_failed(self) -> bool: ...
    @property
    def attributes(self) -> tuple[tuple[str, str | int], ...]: ...


@dataclass(frozen=True, slots=True)
class Resource:
    """Which process speaks."""

    version: str
    instance: str
    """Unlike every other process's: two that share one would seem to count backwards."""

    def facts(self) -> Json:
        named = {
            "service.name": "dits",
            "service.version": self.version,
            "service.instance.id": self.instance,
        }
        return {"attributes": [_attribute(key, value) for key, value in named.items()]}

    def scope(self) -> Json:
        return {"name": "dits", "version": self.version}


def nanoseconds(at: datetime) -> int:
    """Since 1970, exact to the microsecond."""
    return (at - EPOCH) // timedelta(microseconds=1) * 1_000


def _request(resource: Resource, outer: str, inner: str, name: str, items: Iterable[str]) -> bytes:
    """Put together from text, so that its parts can be written one by one."""
    about, scope = _encode(resource.facts()), _encode(resource.scope())
    scoped = f'{{"scope":{scope},"{name}":[{",".join(items)}]}}'
    text = f'{{"{outer}":[{{"resource":{about},"{inner}":[{scoped}]}}]}}'
    return gzip.compress(text.encode(), GZIP_LEVEL, mtime=0)


# ------------------------------------------------------------------ traces
def traces_request(resource: Resource, spans: Iterable[str]) -> bytes:
    """An ExportTraceServiceRequest of spans that `span_json` wrote."""
    return _request(resource, "resourceSpans", "scopeSpans", "spans", spans)


def span_json(span: FinishedSpan) -> str:
    shown: Json = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": SPAN_KIND_SERVER,
        "startTimeUnixNano": str(span.began_ns),
        "endTimeUnixNano": str(span.ended_ns),
        "attributes": [_attribute(key, value) for key, value in span.attributes],
        "flags": FLAG_SAMPLED,
    }
    if span.parent_id:
        shown["parentSpanId"] = span.parent_id
    if span.is_failed:
        shown["status"] = {"code": STATUS_ERROR}
    return _encode(shown)


# ------------------------------------------------------------------ metrics
@dataclass(frozen=True, slots=True)
class Slot:
    """The span of time that cumulative values stand for."""

    began_ns: int
    at_ns: int

    def times(self, began_ns: int | None = None) -> Json:
        began_ns = self.began_ns if began_ns is None else began_ns
        return {"startTimeUnixNano": str(began_ns), "timeUnixNano": str(self.at_ns)}


def metrics_request(resource: Resource, metrics: Iterable[str]) -> bytes:
    """An ExportMetricsServiceRequest of metrics that `metrics_json` wrote."""
    return _request(resource, "resourceMetrics", "scopeMetrics", "metrics", metrics)


def metrics_json(family: Metric, slot: Slot) -> Sequence[str]:
    """All that a family of a registry shows; names stay as they are."""
    return [_encode(metric) for metric in _metrics(family, slot)]


def _metrics(family: Metric, slot: Slot) -> Iterator[Json]:
    created = {
        _key(sample): int(sample.value * 1e9) for sample in family.samples if sample.name.endswith("_created")
    }
    samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    if not samples:
        return
    about: Json = {"name": samples[0].name, "description": family.documentation}
    match family.type:
        case "counter":
            points = [_number(sample, slot.times(created.get(_key(sample)))) for sample in samples]
            totals: Json = {"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": True}
            yield about | {"sum": totals}
        case "histogram":
            piles: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
            for sample in samples:
                piles.setdefault(_key(sample), []).append(sample)
            points = [_histogram(key, pile, slot.times(created.get(key))) for key, pile in piles.items()]
            yield about | {
                "name": family.name,
                "histogram": {"dataPoints": points, "aggregationTemporality": CUMULATIVE},
            }
        case _:
            now: Json = {"timeUnixNano": str(slot.at_ns)}
            named: dict[str, list[Json]] = {}
            for sample in samples:
                named.setdefault(sample.name, []).append(_number(sample, now))
            for name, points in named.items():
                yield about | {"name": name, "gauge": {"dataPoints": points}}


def _key(sample: Sample) -> tuple[tuple[str, str], ...]:
    """Which child a sample is of: its labels, but for the bucket's bound."""
    return tuple((key, value) for key, value in sample.labels.items() if key != "le")


def _number(sample: Sample, times: Json) -> Json:
    return {**times, "attributes": _labels(_key(sample)), "asDouble": _double(sample.value)}


def _histogram(key: tuple[tuple[str, str], ...], samples: Sequence[Sample], times: Json) -> Json:
    """Prometheus' buckets hold all that lie below them; OTLP's hold their own."""
    buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
    below = [int(sample.value) for sample in buckets]
    own = [count - before for count, before in zip(below, [0, *below[:-1]], strict=True)]
    total = next((sample.value for sample in samples if sample.name.endswith("_sum")), 0.0)
    bounds = [float(sample.labels["le"]) for sample in buckets]
    return {
        **times,
        "attributes": _labels(key),
        "count": str(below[-1] if below else 0),
        "sum": _double(total),
        "bucketCounts": [str(count) for count in own],
        "explicitBounds": [bound for bound in bounds if not math.isinf(bound)],
    }


def _labels(key: tuple[tuple[str, str], ...]) -> list[Json]:
    return [_attribute(name, value) for name, value in key]


def _attribute(key: str, value: str | int) -> Json:
    said: Json = {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}
    return {"key": key, "value": said}


def _double(value: float) -> float | str:
    """Protobuf's words for what JSON cannot say."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
