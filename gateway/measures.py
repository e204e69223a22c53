"""What the HTTP edge counts; `docs/metrics.md` names all the others.

Promises: a label is a route's template, a known method, a status or an API version, never a client's value;
children of known labels are bound once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway.challenges import Failure

MEDIA_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NATS"})
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
AUTH_REASONS: tuple[Failure, ...] = get_args(Failure)
RATE_BUCKETS = ("anonymous", "consumer", "invalid_key", "injection")
Bound = tuple[Counter, Histogram]


class Count(Protocol):
    """A counter that somebody else named."""

    def inc(self, amount: float = 1) -> None: ...


class Dial(Protocol):
    """A gauge that somebody else named."""

    def set(self, value: float) -> None: ...


class Measures:
    """One a process. `idempotency` (executed, replayed, refused) and `waits` (reads that waited for a read
    model) are counters of the process."""

    def __init__(
        self, registry: CollectorRegistry, *, idempotency: Mapping[str, Count], waits: Count
    ) -> None:
        self.registry = registry
        self.idempotency = idempotency
        self.waits = waits
        self._requests = Counter(
            "dits_http_requests_total",
            "Answered requests; route is the template, never the path.",
            ("method", "route", "status", "api_version"),
            registry=registry,
        )
        self._seconds = Histogram(
            "dits_http_request_duration_seconds",
            "From the request's first byte to the answer's last.",
            ("route", "api_version"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        refused = Counter(
            "dits_auth_failures_total", "Requests turned away at the door.", ("reason",), registry=registry
        )
        self.auth_failures: dict[Failure, Counter] = {each: refused.labels(each) for each in AUTH_REASONS}
        limited = Counter(
            "dits_rate_limited_total", "Requests beyond a rate limit.", ("bucket",), registry=registry
        )
        self.rate_limited = {bucket: limited.labels(bucket) for bucket in RATE_BUCKETS}
        self.ready = Gauge("dits_ready", "1 while this process takes requests.", registry=registry)
        self._bound: dict[tuple[str, str, int, str], Bound] = {}

    def answered(self, method: str, route: str, status: int, version: str, seconds: float) -> None:
        method = method if method in METHODS else "other"
        requests, durations = self._bound_to(method, route, status, version)
        requests.inc()
        durations.observe(seconds)

    def text(self) -> bytes:
        """What `/metrics` shows."""
        return generate_latest(self.registry)

    def _bound_to(self, method: str, route: str, status: int, version: str) -> Bound:
        key = (method, route, status, version)
        bound = self._bound.get(key)
        if bound is None:
            requests = self._requests.labels(method, route, str(status), version)
            bound = self._bound[key] = (requests, self._seconds.labels(route, version))
        return bound
