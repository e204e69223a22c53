"""Metrics on their way to a collector: a slot every ten seconds, ten minutes of them kept, pushed in order.

Promises: a slot is what the registry showed at its time, whenever it arrives; while the collector is away
nothing is lost for ten minutes, then the oldest slot goes first and is counted; `/metrics` knows nothing of
all this (seed S10.3, V10.3, R38).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Literal

from domain.ports import Clock, Ids
from infra.logs import get_logger
from infra.metrics import Metrics
from infra.telemetry.endpoint import SEND_TIMEOUT_S, Answer, Endpoint, Verdict
from infra.telemetry.otlp import Resource, Slot, metrics_json, metrics_request, nanoseconds
from infra.telemetry.pause import Pause

SLOT_S = 10
SLOTS_MAX = 60
EVERY_S = 1.0
"""Between two looks at the clock."""
ALERT: Final = "metrics_backend_down"

Alert = Callable[[Literal["metrics_backend_down"], Literal["warning"], str], object]
"""Name, severity, summary. It may be called again and again while the collector is away."""

log = get_logger("infra.telemetry.pushing")


class MetricPusher:
    """For one thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        resource: Resource,
        metrics: Metrics,
        *,
        clock: Clock,
        ids: Ids,
        alert: Alert,
        breathe: Callable[[], object] = lambda: None,
    ) -> None:
        self._endpoint = endpoint
        self._resource = resource
        self._metrics = metrics
        self._clock = clock
        self._alert = alert
        self._breathe = breathe
        self._pause = Pause(clock, ids)
        self._slots: deque[bytes] = deque()
        self._began_ns = nanoseconds(clock.now())
        self._next_slot_ms = clock.monotonic_ms() + SLOT_S * 1_000

    @property
    def buffered(self) -> int:
        """Slots that no collector has taken yet."""
        return len(self._slots)

    def step(self) -> None:
        """Take a slot if one is due; push what waits, unless the collector is left alone."""
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._next_slot_ms:
            missed = (now_ms - self._next_slot_ms) // (SLOT_S * 1_000)
            self._next_slot_ms += (missed + 1) * SLOT_S * 1_000
            self._take_slot()
        if not self._pause.is_on:
            self._push(SEND_TIMEOUT_S * SLOTS_MAX)

    def last(self, within_s: float) -> None:
        """One more slot, and what can be pushed in the time there is."""
        self._take_slot()
        if not self._pause.is_on:
            self._push(within_s)

    def _take_slot(self) -> None:
        slot = Slot(self._began_ns, nanoseconds(self._clock.now()))
        if len(self._slots) == SLOTS_MAX:
            self._slots.popleft()
            self._metrics.metrics_buffer_dropped.inc()
        self._slots.append(metrics_request(self._resource, self._written(slot)))

    def _written(self, slot: Slot) -> Iterator[str]:
        for family in self._metrics.registry.collect():
            yield from metrics_json(family, slot)
            self._breathe()

    def _push(self, within_s: float) -> None:
        """In order; the first slot that is not taken ends it."""
        until_ms = self._clock.monotonic_ms() + int(within_s * 1_000)
        while self._slots and (left_ms := until_ms - self._clock.monotonic_ms()) > 0:
            answer = self._endpoint.send(self._slots[0], min(left_ms / 1_000, SEND_TIMEOUT_S))
            if answer.verdict is not Verdict.TAKEN:
                self._failed(answer)
            if answer.verdict is Verdict.LATER:
                self._pause.after_failure(answer.retry_after_s)
                return
            self._slots.popleft()
            self._pause.after_success()

    def _failed(self, answer: Answer) -> None:
        if answer.verdict is Verdict.NEVER:
            self._metrics.metrics_buffer_dropped.inc()
        log.warning("metrics.push_failed", reason=answer.reason, buffered_slots=len(self._slots))
        self._alert(ALERT, "warning", f"metrics are not taken ({answer.reason}); ten minutes are kept")
