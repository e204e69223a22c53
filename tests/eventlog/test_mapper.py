"""What is stored of an event is validated on its way back in, strictly."""

from __future__ import annotations

from datetime import UTC, datetime

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import MalformedEventError, UnknownTopicError
from domain.event import Envelope, HybridTime, IdempotencyKey
from infra.eventlog.mapper import EventMapper, Fact, PackedTranscoder
from tests.eventlog.sample import TOPICS, Mark, TallyRaised

MAPPER = EventMapper(TOPICS)
ENVELOPE = Envelope(bytes(16), HybridTime(7 << 16), "anna", "correlation")

keys = st.builds(IdempotencyKey, st.text(max_size=9), st.text(max_size=9), st.binary(max_size=32))
envelopes = st.builds(
    Envelope,
    append_id=st.binary(min_size=16, max_size=16),
    recorded_at=st.integers(0, 1 << 62).map(HybridTime),
    actor=st.text(max_size=9),
    correlation_id=st.text(max_size=9),
    causation=st.none() | st.text(max_size=9),
    idempotency=st.none() | keys,
)
tallies = st.builds(TallyRaised, by=st.integers(-(1 << 62), 1 << 62), note=st.binary(max_size=20))
marks = st.builds(
    Mark,
    at=st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    words=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    raised=st.lists(tallies, max_size=3).map(tuple),
    maybe=st.none() | st.integers(0, 9),
)


@given(envelopes, tallies | marks, st.integers(1, 1 << 40))
def test_an_event_comes_back_as_it_was_stored(
    envelope: Envelope, event: TallyRaised | Mark, version: int
) -> None:
    fact = Fact("tally.a", version, envelope, event)
    stored = MAPPER.to_stored_event(fact)
    assert stored.topic == event.TOPIC
    assert MAPPER.to_domain_event(stored) == fact


def stored_as(payload: object) -> bytes:
    packed = msgpack.unpackb(MAPPER.to_stored_event(Fact("a.a", 1, ENVELOPE, TallyRaised(by=1))).state)[0]
    return PackedTranscoder().encode((packed, payload))


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"by": "1", "note": b""}, "by"),
        ({"note": b""}, "by"),
        ({"by": 1, "note": b"", "more": 2}, "more"),
        ({"by": 1, "note": "text"}, "note"),
    ],
)
def test_what_does_not_fit_its_schema_is_named(payload: object, problem: str) -> None:
    with pytest.raises(MalformedEventError, match=problem):
        MAPPER.read(TallyRaised.TOPIC, stored_as(payload))


def test_an_unknown_topic_is_an_error_but_its_envelope_can_be_read() -> None:
    state = stored_as({"by": 1, "note": b""})
    with pytest.raises(UnknownTopicError, match=r"strange\.v9"):
        MAPPER.read("strange.v9", state)
    assert MAPPER.opened("strange.v9", state)[0] == ENVELOPE


@given(st.binary(max_size=60))
def test_bytes_that_are_no_event_are_malformed(garbage: bytes) -> None:
    with pytest.raises(MalformedEventError):
        MAPPER.read(TallyRaised.TOPIC, garbage)
    with pytest.raises(MalformedEventError):
        MAPPER.opened("any.v1", garbage)
