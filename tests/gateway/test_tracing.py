"""Trace context as W3C has it: continued, begun, passed on, and never a burden (V10.1d, V10.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from time import thread_time
from timeit import repeat
from types import MappingProxyType

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.tracing import EndedSpan, Ending, Span, Tracer, passed_on, traceparent
from infra.clock import SystemClock, SystemIds
from tests.fakes import FakeClock, FakeIds

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"
NONE: MappingProxyType[str, str] = MappingProxyType({})
ENDING = Ending("GET", "/repos/{repo}", 200, "v2", "corr-1", "key")


class Kept:
    """A sink that keeps."""

    def __init__(self) -> None:
        self.spans: list[EndedSpan] = []

    def put(self, span: EndedSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tracer(kept: Kept, clock: FakeClock) -> Iterator[Tracer]:
    tracer = Tracer(clock, FakeIds(), sink=kept)
    yield tracer
    tracer.ended(None, ENDING)


def ids_passed_on() -> tuple[str, str, str]:
    _, trace, span, flags = traceparent().split("-")
    return trace, span, flags


# ------------------------------------------------------------------ continuing
def test_a_callers_trace_goes_on_under_its_span(tracer: Tracer, kept: Kept) -> None:
    span = tracer.began({"traceparent": GIVEN})
    assert span is not None
    tracer.ended(span, ENDING)
    (ended,) = kept.spans
    assert (ended.trace_id, ended.parent_id) == (TRACE, PARENT)
    assert ended.span_id not in {PARENT, "0" * 16}


def test_what_a_request_causes_hangs_under_its_own_span(tracer: Tracer) -> None:
    span = tracer.began({"traceparent": GIVEN})
    assert span is not None
    assert passed_on() == {"traceparent": f"00-{TRACE}-{span.span_id}-01"}


def test_a_trace_that_its_caller_does_not_sample_is_only_passed_on(tracer: Tracer) -> None:
    unsampled = f"00-{TRACE}-{PARENT}-00"
    assert tracer.began({"traceparent": unsampled}) is None
    assert traceparent() == unsampled


def test_a_later_version_is_read_as_far_as_it_is_known(tracer: Tracer) -> None:
    span = tracer.began({"traceparent": f"cc-{TRACE}-{PARENT}-01-what-comes-next"})
    assert span is not None
    assert (span.trace_id, traceparent()[:2]) == (TRACE, "00")


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "garbage",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01\n",
        f" 00-{TRACE}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.what",
        f"00-{TRACE}-{PARENT[:-1]}\uff10-01",
    ],
)
def test_a_malformed_header_begins_a_new_trace(tracer: Tracer, malformed: str) -> None:
    span = tracer.began({"traceparent": malformed})
    assert span is not None
    assert span.trace_id != TRACE
    assert span.parent_id == ""


@given(st.text(max_size=80))
def test_whatever_comes_as_a_header_what_goes_out_is_well_formed(text: str) -> None:
    tracer = Tracer(FakeClock(), FakeIds(), sink=Kept())
    tracer.began({"traceparent": text})
    trace, span, flags = ids_passed_on()
    assert (len(trace), len(span)) == (32, 16)
    assert flags in {"00", "01"}
    assert int(trace, 16)


# ------------------------------------------------------------------ beginning
def test_a_request_without_a_trace_begins_one(tracer: Tracer) -> None:
    span = tracer.began(NONE)
    assert span is not None
    assert ids_passed_on() == (span.trace_id, span.span_id, "01")


def test_no_two_traces_have_one_name() -> None:
    tracer = Tracer(SystemClock(), SystemIds(), sink=Kept())
    begun = [tracer.began(NONE) for _ in range(1_000)]
    assert len({span.trace_id for span in begun if span}) == 1_000


def test_the_ratio_is_the_share_of_new_traces_that_are_recorded(kept: Kept) -> None:
    tracer = Tracer(FakeClock(), FakeIds(), sink=kept, ratio=0.25)
    recorded = sum(tracer.began(NONE) is not None for _ in range(4_000))
    assert 850 < recorded < 1_150


def test_a_trace_that_is_not_recorded_says_so_to_those_it_reaches() -> None:
    tracer = Tracer(FakeClock(), FakeIds(), sink=Kept(), ratio=0)
    assert tracer.began(NONE) is None
    assert ids_passed_on()[2] == "00"


def test_a_caller_that_samples_is_followed_whatever_the_ratio() -> None:
    tracer = Tracer(FakeClock(), FakeIds(), sink=Kept(), ratio=0)
    assert tracer.began({"traceparent": GIVEN}) is not None


# ------------------------------------------------------------------ ending
def test_a_span_says_how_long_its_request_took(tracer: Tracer, kept: Kept, clock: FakeClock) -> None:
    span = tracer.began(NONE)
    clock.advance(timedelta(microseconds=12_345))
    tracer.ended(span, ENDING)
    assert kept.spans[0].ended_ns - kept.spans[0].began_ns == 12_345_000


def test_a_step_of_the_clock_is_no_part_of_a_span(tracer: Tracer, kept: Kept, clock: FakeClock) -> None:
    span = tracer.began(NONE)
    clock.advance(timedelta(milliseconds=7))
    clock.step_wall(timedelta(hours=-1))
    tracer.ended(span, ENDING)
    assert kept.spans[0].ended_ns - kept.spans[0].began_ns == 7_000_000


def test_a_span_names_the_template_and_nothing_of_the_client(tracer: Tracer, kept: Kept) -> None:
    tracer.ended(tracer.began(NONE), ENDING)
    assert kept.spans[0].name == "GET /repos/{repo}"
    assert dict(kept.spans[0].attributes) == {
        "http.request.method": "GET",
        "http.route": "/repos/{repo}",
        "http.response.status_code": 200,
        "dits.api_version": "v2",
        "dits.correlation_id": "corr-1",
        "dits.consumer_kind": "key",
    }


@pytest.mark.parametrize(("status", "is_failed"), [(200, False), (404, False), (499, False), (503, True)])
def test_a_span_has_failed_if_the_server_did(
    tracer: Tracer, kept: Kept, status: int, is_failed: bool
) -> None:
    tracer.ended(tracer.began(NONE), Ending("GET", "/repos", status, "v2", "corr-1", "anonymous"))
    assert kept.spans[0].is_failed is is_failed


def test_a_method_that_a_client_made_up_is_not_said_again(tracer: Tracer, kept: Kept) -> None:
    tracer.ended(tracer.began(NONE), Ending("CANARY", "unknown", 405, "unknown", "corr-1", "anonymous"))
    assert kept.spans[0].name == "_OTHER unknown"
    assert "CANARY" not in str(kept.spans)


def test_nothing_is_passed_on_after_the_end(tracer: Tracer) -> None:
    tracer.ended(tracer.began(NONE), ENDING)
    assert passed_on() == {}


# ------------------------------------------------------------------ passing on
def test_the_correlation_id_goes_along(tracer: Tracer) -> None:
    tracer.began({"traceparent": f"00-{TRACE}-{PARENT}-00"})
    with structlog.contextvars.bound_contextvars(correlation_id="corr-1"):
        assert passed_on() == {"X-Correlation-ID": "corr-1", "traceparent": f"00-{TRACE}-{PARENT}-00"}


def test_without_an_exporter_a_callers_trace_is_passed_on_as_it_came() -> None:
    tracer = Tracer(FakeClock(), FakeIds())
    assert tracer.began({"traceparent": GIVEN}) is None
    assert traceparent() == GIVEN
    assert tracer.began({"traceparent": "garbage"}) is None
    assert traceparent() == ""


def test_requests_at_once_do_not_take_each_others_trace(tracer: Tracer) -> None:
    async def served() -> bool:
        span = tracer.began(NONE)
        await asyncio.sleep(0)
        seen = await asyncio.to_thread(traceparent)
        return span is not None and span.span_id in seen

    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(served() for _ in range(200)))

    assert all(asyncio.run(all_at_once()))


# ------------------------------------------------------------------ what it costs
@pytest.mark.parametrize("headers", [{}, {"traceparent": f"00-{TRACE}-{PARENT}-00"}])
@pytest.mark.parametrize("sink", [None, Kept()])
def test_a_request_that_is_not_recorded_costs_a_few_microseconds_at_most(
    headers: dict[str, str], sink: Kept | None
) -> None:
    """Measured below one; the bound leaves room for a busy machine."""
    tracer = Tracer(SystemClock(), SystemIds(), sink=sink, ratio=0)

    def served() -> Span | None:
        span = tracer.began(headers)
        tracer.ended(span, ENDING)
        return span

    assert min(repeat(served, number=2_000, repeat=5, timer=thread_time)) / 2_000 < 5e-6
