"""What a request causes on the bus says which request and which trace it was (V10.1d, R50)."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator

import pytest

from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.append import Append, Guard
from infra.eventlog.connection import Outgoing
from infra.eventlog.opening import OpenedJetStream, open_jetstream
from tests.contracts.test_event_log import appended, written
from tests.eventlog.homes import JetStreamHome
from tests.eventlog.sample import TOPICS

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
under_way = contextvars.ContextVar[str]("under_way", default="")


def context() -> dict[str, str]:
    return {"traceparent": under_way.get(), "X-Correlation-ID": "of-the-request"} if under_way.get() else {}


@pytest.fixture
def opened(nats_server: NatsEndpoints) -> Iterator[OpenedJetStream]:
    address = JetStreamHome(nats_server).address
    log = open_jetstream(address, topics=TOPICS, clock=SystemClock(), ids=SystemIds(), context=context)
    yield log
    log.close()


@pytest.fixture
def traced() -> Iterator[None]:
    token = under_way.set(TRACE)
    yield
    under_way.reset(token)


def headers(opened: OpenedJetStream) -> list[dict[str, str]]:
    """Of every message of the log."""
    return [dict(each.headers) for batch in opened.messages.messages(None) for each in batch]


@pytest.mark.usefixtures("traced")
def test_an_append_carries_the_trace_and_its_envelopes_correlation_id(opened: OpenedJetStream) -> None:
    opened.recorder.append(appended(1, written("tally.a", 0)))
    (carried,) = headers(opened)
    assert (carried["traceparent"], carried["X-Correlation-ID"]) == (TRACE, "correlation")


@pytest.mark.usefixtures("traced")
def test_every_message_of_a_batch_carries_it(opened: OpenedJetStream) -> None:
    opened.recorder.append(appended(1, written("tally.a", 0)))
    batch = Append(b"x" * 16, "correlation", (written("tally.b", 0),), (Guard("tally.a", 1),))
    opened.recorder.append(batch)
    assert [each["traceparent"] for each in headers(opened)] == [TRACE] * 3


@pytest.mark.usefixtures("traced")
def test_a_message_without_headers_of_its_own_carries_the_requests() -> None:
    assert Outgoing("dits.t", b"").carrying(context()).headers == context()


@pytest.mark.usefixtures("traced")
def test_a_question_to_the_server_carries_nothing() -> None:
    assert Outgoing("$JS.API.INFO", b"").carrying(context()).headers is None


def test_outside_a_trace_no_message_names_one(opened: OpenedJetStream) -> None:
    opened.recorder.append(appended(1, written("tally.a", 0)))
    assert "traceparent" not in headers(opened)[0]
