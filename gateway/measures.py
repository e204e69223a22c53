"""What the HTTP edge counts; `docs/metrics.md` names all the others.

Promises: a label is a route's template, a known method, a status or an API version, never a client's value;
children of known labels are bound once; what every request counts is a plain number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from domain.counting import Count
from gateway.challenges import Failure

MEDIA_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NATS"})
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BOUNDS = (*map(str, BUCKETS_S), "+Inf")
AUTH_REASONS: tuple[Failure, ...] = get_args(Failure)
RATE_BUCKETS = ("anonymous", "consumer", "invalid_key", "injection")


class Measures:
    """One a process. `idempotency` (executed, replayed, refused) and `waits` (reads that waited for a read
    model) are counters of the process."""

    def __init__(
        self, registry: CollectorRegistry, *, idempotency: Mapping[str, Count], waits: Count
    ) -> None:
        self.registry = registry
        self.idempotency = idempotency
        self.waits = waits
        self._answers = Answers()
        registry.register(self._answers)
        refused = Counter(
            "dits_auth_failures_total", "Requests turned away at the door.", ("reason",), registry=registry
        )
        self.auth_failures: dict[Failure, Counter] = {each: refused.labels(each) for each in AUTH_REASONS}
        limited = Counter(
            "dits_rate_limited_total", "Requests beyond a rate limit.", ("bucket",), registry=registry
        )
        self.rate_limited = {bucket: limited.labels(bucket) for bucket in RATE_BUCKETS}
        self.ready = Gauge("dits_ready", "1 while this process takes requests.", registry=registry)

    def answered(self, method: str, route: str, status: int, version: str, seconds: float) -> None:
        """In the event loop."""
        self._answers.note(method if method in METHODS else "other", route, status, version, seconds)

    def text(self) -> bytes:
        """What `/metrics` shows."""
        return generate_latest(self.registry)


@dataclass(slots=True)
class _Durations:
    """Of one route and version."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    """In each bucket alone; the last one has no bound."""
    sum_s: float = 0.0


class Answers(Collector):
    """Answered requests, counted as plain numbers by one thread and told when somebody looks: a counter and
    a histogram of the library take 6 us for each request, this one."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int, str], int] = {}
        self._durations: dict[tuple[str, str], _Durations] = {}

    def note(self, method: str, route: str, status: int, version: str, seconds: float) -> None:
        key = method, route, status, version
        self._requests[key] = self._requests.get(key, 0) + 1
        durations = self._durations.get((route, version))
        if durations is None:
            durations = self._durations[route, version] = _Durations()
        durations.counts[bisect_left(BUCKETS_S, seconds)] += 1
        durations.sum_s += seconds

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "dits_http_requests",
            "Answered requests; route is the template, never the path.",
            labels=("method", "route", "status", "api_version"),
        )
        for (method, route, status, version), count in tuple(self._requests.items()):
            requests.add_metric((method, route, str(status), version), count)
        yield requests
        seconds = HistogramMetricFamily(
            "dits_http_request_duration_seconds",
            "From the request's first byte to the answer's last.",
            labels=("route", "api_version"),
        )
        for labels, durations in tuple(self._durations.items()):
            seconds.add_metric(labels, _buckets(durations.counts), durations.sum_s)
        yield seconds


def _buckets(counts: Sequence[int]) -> list[tuple[str, float]]:
    """Cumulative, by their upper bound."""
    return list(zip(BOUNDS, accumulate(tuple(counts)), strict=True))
