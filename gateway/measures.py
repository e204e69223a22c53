"""What the gateway counts: the process's metrics as the edge sees them (`docs/metrics.md` names them all).

Promises: a label is a route's template, a known method, a status or an API version, never a client's value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NATS"})


class Count(Protocol):
    """A counter's child."""

    def inc(self, amount: float = 1) -> None: ...


class Gauge(Protocol):
    """A gauge's child."""

    def set(self, value: float) -> None: ...


class Observe(Protocol):
    """A histogram's child."""

    def observe(self, amount: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Measures:
    """Made by whoever composes, from the one place that names every metric."""

    requests: Callable[[str, str, str, str], Count]
    """By method, route, status, API version."""
    seconds: Callable[[str, str], Observe]
    """By route, API version."""
    auth_failures: Mapping[str, Count]
    """By reason: ``missing``, ``invalid_api_key``, ``scope``."""
    idempotency: Mapping[str, Count]
    """By outcome: ``executed``, ``replayed``, ``refused``."""
    waits: Count
    """Reads that waited for a read model."""
    ready: Gauge
    text: Callable[[], bytes]
    """What `/metrics` shows."""
    media_type: str

    def answered(self, method: str, route: str, status: int, version: str, seconds: float) -> None:
        method = method if method in METHODS else "other"
        self.requests(method, route, str(status), version).inc()
        self.seconds(route, version).observe(seconds)
