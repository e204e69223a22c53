"""Puts telemetry together for one process: which of spans and metrics are sent, by which threads.

Promises: what is not configured costs nothing, not even a thread; both threads stop together, within
STOP_S whatever the collectors do (V10.2a).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from domain.ports import Clock, Ids
from infra.metrics import Metrics
from infra.telemetry import pushing, spans
from infra.telemetry.endpoint import SEND_TIMEOUT_S, Endpoint
from infra.telemetry.otlp import Resource
from infra.telemetry.pulse import Pulse
from infra.telemetry.pushing import Alert, MetricPusher
from infra.telemetry.spans import SpanExporter

STOP_S = 4.5
"""A user waits 5 s at most for a process to end."""
LAST_S = STOP_S - SEND_TIMEOUT_S
"""A request may be under way when the end begins."""
BREATH_S = 0.001
"""What a thread waits between two slices of work, so that a request need not wait for it."""
INSTANCE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Collectors:
    """Where an operator wants telemetry to go; None is nowhere."""

    traces_url: str | None = None
    metrics_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What runs; None is what is not configured."""

    spans: SpanExporter | None
    pusher: MetricPusher | None


@contextmanager
def telemetry(
    collectors: Collectors, metrics: Metrics, *, version: str, clock: Clock, ids: Ids, alert: Alert
) -> Generator[Telemetry]:
    """Runs while it is entered. Raises SettingsError for an address that is none.

    `alert` is called from a thread of its own for the collector's sake: it may wait, but must not raise.
    """
    resource = Resource(version, ids.token(INSTANCE_BYTES).hex())
    exporter = pusher = None
    stopping = Event()
    breathe = partial(stopping.wait, BREATH_S)
    pulses: list[Pulse] = []
    if collectors.traces_url:
        endpoint = Endpoint(collectors.traces_url, collectors.headers, clock)
        exporter = SpanExporter(endpoint, resource, metrics, clock=clock, ids=ids, breathe=breathe)
        pulse = Pulse("spans", exporter.step, partial(exporter.last, LAST_S), every_s=spans.EVERY_S)
        exporter.wake = pulse.wake
        pulses.append(pulse)
    if collectors.metrics_url:
        endpoint = Endpoint(collectors.metrics_url, collectors.headers, clock)
        pusher = MetricPusher(endpoint, resource, metrics, clock=clock, ids=ids, alert=alert, breathe=breathe)
        pulses.append(Pulse("metrics", pusher.step, partial(pusher.last, LAST_S), every_s=pushing.EVERY_S))
    for each in pulses:
        each.start()
    try:
        yield Telemetry(exporter, pusher)
    finally:
        stopping.set()
        _stop(pulses, clock)


def _stop(pulses: list[Pulse], clock: Clock) -> None:
    until_ms = clock.monotonic_ms() + int(STOP_S * 1_000)
    for pulse in pulses:
        pulse.stop()
    for pulse in pulses:
        pulse.ended(max(until_ms - clock.monotonic_ms(), 0) / 1_000)
