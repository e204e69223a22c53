"""W3C trace context at the edge: continue the caller's trace or begin one, and pass it on (seed S10.1).

Promises: a request's path through here is a dictionary look-up and, if its trace is sampled, one append to a
queue: no exporter's state can slow it. A malformed `traceparent` begins a new trace. A span holds the route's
template, never a path, query, name or key (I9). Answers carry no trace context.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, Protocol

import structlog

from domain.ports import Clock, Ids
from gateway.measures import METHODS

HEADER = "traceparent"
CORRELATION_HEADER = "X-Correlation-ID"
IDS = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
READABLE = re.compile(rf"00{IDS}|(?!00|ff)[0-9a-f]{{2}}{IDS}(?:-.*)?").fullmatch
"""W3C Trace Context, section 3.2: a later version may say more, after what version 00 knows."""
TRACE, PARENT, FLAGS = slice(3, 35), slice(36, 52), slice(53, 55)
SAMPLED = 1
OTHER_METHOD = "_OTHER"
"""OpenTelemetry's word for a method that is none."""
TRACE_DIGITS = 32
SPAN_DIGITS = 16
RANDOM_DIGITS = 14
"""The last 7 bytes of a trace id, by which a sampling decision is made (OpenTelemetry, TraceIdRatioBased)."""
BLOCK_BYTES = 4_096
"""Random bytes drawn at once: a draw costs more than all the rest of beginning a trace."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CLOCK_STEP_MS = 2
"""Wall and monotonic time that differ by more were pulled apart by a step of the clock (seed S7.5)."""

_passed_on: ContextVar[str] = ContextVar("dits_traceparent", default="")

ConsumerKind = Literal["anonymous", "key", "token"]


class Span(NamedTuple):
    """A sampled request under way."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first of its trace."""
    began_at: datetime
    began_ms: int


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a request, in words of ours alone."""

    method: str
    """As the client sent it; one that nobody knows is not said again."""
    route: str
    """The template."""
    status: int
    api_version: str
    correlation_id: str
    consumer_kind: ConsumerKind


@dataclass(frozen=True, slots=True)
class EndedSpan:
    """What an exporter takes."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    """Since 1970."""
    ended_ns: int
    is_failed: bool
    attributes: tuple[tuple[str, str | int], ...]


class SpanSink(Protocol):
    """Where ended spans go. Callers may rely on: `put` waits for nothing and raises nothing."""

    def put(self, span: EndedSpan) -> None: ...


class Headers(Protocol):
    """The client's, by lower-case name."""

    def get(self, name: str, /) -> str | None: ...


class Tracer:
    """One an event loop. Without a sink it records nothing and passes the caller's trace on as it came.

    `ratio` is the share of traces begun here that are sampled; a trace that comes in was decided elsewhere.
    """

    def __init__(self, clock: Clock, ids: Ids, *, sink: SpanSink | None = None, ratio: float = 1.0) -> None:
        self._clock = clock
        self._sink = sink
        self._digits = _Digits(ids)
        self._sampled_below = "g" if ratio >= 1 else f"{int(ratio * (1 << 56)):014x}"

    @property
    def is_recording(self) -> bool:
        """Are spans wanted at all?"""
        return self._sink is not None

    def began(self, headers: Headers) -> Span | None:
        """The span of this request, None if it is not recorded; from here on `passed_on` names its trace."""
        given = headers.get(HEADER)
        if self._sink is None:
            _passed_on.set(given if given and READABLE(given) else "")
            return None
        if not given or not READABLE(given):
            return self._first()
        if not int(given[FLAGS], 16) & SAMPLED:
            _passed_on.set(f"00-{given[TRACE]}-{given[PARENT]}-00")
            return None
        return self._opened(given[TRACE], self._digits.take(SPAN_DIGITS), given[PARENT])

    def left(self) -> None:
        """A request that is not recorded is over: what is published afterwards belongs to no trace."""
        _passed_on.set("")

    def ended(self, span: Span | None, ending: Ending) -> None:
        """Hand the span over, if there is one; what is published afterwards belongs to no trace."""
        _passed_on.set("")
        if span is None or self._sink is None:
            return
        began_ns = (span.began_at - EPOCH) // MICROSECOND * 1_000
        self._sink.put(
            EndedSpan(
                f"{_method(ending)} {ending.route}",
                span.trace_id,
                span.span_id,
                span.parent_id,
                began_ns,
                began_ns + self._took_ns(span),
                ending.status >= 500,
                _attributes(ending),
            )
        )

    def _first(self) -> Span | None:
        """The first span of a new trace."""
        digits = self._digits.take(TRACE_DIGITS + SPAN_DIGITS)
        trace_id, span_id = digits[:TRACE_DIGITS], digits[TRACE_DIGITS:]
        if trace_id[-RANDOM_DIGITS:] < self._sampled_below:
            return self._opened(trace_id, span_id, "")
        _passed_on.set(f"00-{trace_id}-{span_id}-00")
        return None

    def _opened(self, trace_id: str, span_id: str, parent_id: str) -> Span:
        _passed_on.set(f"00-{trace_id}-{span_id}-01")
        return Span(trace_id, span_id, parent_id, self._clock.now(), self._clock.monotonic_ms())

    def _took_ns(self, span: Span) -> int:
        """Wall time is finer than the monotonic clock of the port, but may step."""
        steady_ms = self._clock.monotonic_ms() - span.began_ms
        wall_ns = (self._clock.now() - span.began_at) // MICROSECOND * 1_000
        if abs(wall_ns // 1_000_000 - steady_ms) > CLOCK_STEP_MS:
            return steady_ms * 1_000_000
        return max(wall_ns, 0)


def traceparent() -> str:
    """Of the request being served; empty if it belongs to no trace."""
    return _passed_on.get()


def passed_on() -> dict[str, str]:
    """The headers of whatever this request causes: messages and requests to others (V10.1d)."""
    headers: dict[str, str] = {}
    correlation_id = structlog.contextvars.get_contextvars().get("correlation_id")
    if correlation_id:
        headers[CORRELATION_HEADER] = str(correlation_id)
    if trace := _passed_on.get():
        headers[HEADER] = trace
    return headers


class _Digits:
    """Random hexadecimal digits, drawn in blocks."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._block = ""
        self._used = 0

    def take(self, digits: int) -> str:
        end = self._used + digits
        if end > len(self._block):
            self._block, end = self._ids.token(BLOCK_BYTES).hex(), digits
        self._used = end
        return self._block[end - digits : end]


def _method(ending: Ending) -> str:
    """A client may send any word."""
    return ending.method if ending.method in METHODS else OTHER_METHOD


def _attributes(ending: Ending) -> tuple[tuple[str, str | int], ...]:
    """OpenTelemetry's names where it has one."""
    return (
        ("http.request.method", _method(ending)),
        ("http.route", ending.route),
        ("http.response.status_code", ending.status),
        ("dits.api_version", ending.api_version),
        ("dits.correlation_id", ending.correlation_id),
        ("dits.consumer_kind", ending.consumer_kind),
    )
