"""Ended spans on their way to a collector: a bounded queue, sent in batches by whoever calls `step`.

Promises: `put` waits for nothing; a batch is sent once, never again, and what a collector does not take is
said locally instead, as one line a span, so many a second; a full queue drops the newest and counts it
(seed S10.2, V10.2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from domain.ports import Clock, Ids
from infra.logs import get_logger
from infra.metrics import Metrics
from infra.telemetry.endpoint import SEND_TIMEOUT_S, Answer, Endpoint, Verdict
from infra.telemetry.otlp import FinishedSpan, Resource, span_json, traces_request
from infra.telemetry.pause import Pause

BATCH_SPANS = 512
QUEUE_SPANS_MAX = 8_192
"""Eight seconds of a thousand sampled requests a second: longer than a time-out; about 8 MB."""
EVERY_S = 5.0
"""Between two batches that are not full."""
WARN_EVERY_MS = 60_000
LINES_PER_S = 100
"""Local lines in place of a collector: enough to see what goes on, too few to be felt by a request."""
LINES_AT_ONCE_MAX = 500
SLICE_SPANS = 16
"""Written between two breaths: 0.3 ms. Without breaths 512 at once kept requests waiting for 40 ms."""

log = get_logger("infra.telemetry.spans")


class SpanExporter:
    """`put` from any thread; all else from one, which calls `breathe` often: it waits a moment in which
    requests go on."""

    def __init__(
        self,
        endpoint: Endpoint,
        resource: Resource,
        metrics: Metrics,
        *,
        clock: Clock,
        ids: Ids,
        breathe: Callable[[], object] = lambda: None,
    ) -> None:
        self._endpoint = endpoint
        self._resource = resource
        self._metrics = metrics
        self._clock = clock
        self._breathe = breathe
        self._pause = Pause(clock, ids)
        self._queue: deque[FinishedSpan] = deque()
        self._warned_ms: int | None = None
        self._lines = _Allowance(clock)
        self.wake: Callable[[], object] = lambda: None
        """Called when a batch is full."""

    def put(self, span: FinishedSpan) -> None:
        if len(self._queue) >= QUEUE_SPANS_MAX:
            self._metrics.trace_spans_dropped.inc()
            return
        self._queue.append(span)
        if len(self._queue) == BATCH_SPANS:
            self.wake()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def step(self) -> None:
        """Send what waits now; what comes meanwhile waits for the next step."""
        for _ in range(-(-len(self._queue) // BATCH_SPANS)):
            self._deliver(self._batch(), SEND_TIMEOUT_S)

    def last(self, within_s: float) -> None:
        """Send what is left in the time there is; the rest is dropped and counted."""
        until_ms = self._clock.monotonic_ms() + int(within_s * 1_000)
        while self._queue:
            left_s = (until_ms - self._clock.monotonic_ms()) / 1_000
            if left_s <= 0:
                self._metrics.trace_spans_dropped.inc(len(self._queue))
                self._queue.clear()
                return
            self._deliver(self._batch(), min(left_s, SEND_TIMEOUT_S))

    def _batch(self) -> Sequence[FinishedSpan]:
        return [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_SPANS))]

    def _deliver(self, batch: Sequence[FinishedSpan], timeout_s: float) -> None:
        if self._pause.is_on:
            self._say(batch)
            return
        written = [span_json(span) for span in self._slowly(batch)]
        answer = self._endpoint.send(traces_request(self._resource, written), timeout_s)
        if answer.verdict is Verdict.TAKEN:
            self._pause.after_success()
            self._metrics.trace_spans_dropped.inc(answer.rejected)
            return
        self._pause.after_failure(answer.retry_after_s)
        self._metrics.trace_export_failures.inc()
        self._warn(answer, len(batch))
        self._say(batch)

    def _warn(self, answer: Answer, spans: int) -> None:
        now_ms = self._clock.monotonic_ms()
        if self._warned_ms is None or now_ms - self._warned_ms >= WARN_EVERY_MS:
            self._warned_ms = now_ms
            log.warning("trace.export_failed", reason=answer.reason, spans=spans)

    def _say(self, batch: Sequence[FinishedSpan]) -> None:
        """The local fallback (V10.2c)."""
        said = batch[: self._lines.take(len(batch))]
        for span in self._slowly(said):
            duration_ms = (span.ended_ns - span.began_ns) / 1_000_000
            log.info("span", name=span.name, duration_ms=round(duration_ms, 3), trace_id=span.trace_id)
        self._metrics.trace_spans_dropped.inc(len(batch) - len(said))

    def _slowly(self, spans: Sequence[FinishedSpan]) -> Iterator[FinishedSpan]:
        for place, span in enumerate(spans, start=1):
            yield span
            if place % SLICE_SPANS == 0:
                self._breathe()


class _Allowance:
    """So many lines a second, saved up to a limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_ms = clock.monotonic_ms()
        self._saved = float(LINES_AT_ONCE_MAX)

    def take(self, wanted: int) -> int:
        """How many of them may be written."""
        now_ms = self._clock.monotonic_ms()
        gained = (now_ms - self._since_ms) * LINES_PER_S / 1_000
        self._saved, self._since_ms = min(self._saved + gained, LINES_AT_ONCE_MAX), now_ms
        taken = min(wanted, int(self._saved))
        self._saved -= taken
        return taken
