"""The port Timers on JetStream and in memory alike, and the bucket of kept answers beside them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from time import monotonic

import pytest

from domain.ports import Timers
from infra.clock import SystemClock
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.answers import AnswerBucket
from infra.eventlog.timers import JetStreamTimers, MemoryTimers
from tests.eventlog.homes import JetStreamHome

_streams = count(1)


@pytest.fixture(params=["memory", "jetstream"])
def timers(request: pytest.FixtureRequest) -> Iterator[Timers]:
    if request.param == "memory":
        yield MemoryTimers(SystemClock())
        return
    home = JetStreamHome(request.getfixturevalue("nats_server"))
    yield JetStreamTimers(home.open().api, stream=f"TIMERS_{next(_streams)}")
    home.close()


def test_nothing_is_due_before_its_time(timers: Timers) -> None:
    timers.set("later", 60)
    assert timers.due(0) == ()
    assert timers.due(0.05) == ()


def test_a_key_comes_due_once_its_time_has_come(timers: Timers) -> None:
    started = monotonic()
    timers.set("lock film/a b*>.mov", 0.3)
    assert timers.due(5) == ("lock film/a b*>.mov",)
    assert monotonic() - started >= 0.29
    assert timers.due(0.05) == ()


def test_setting_a_key_again_moves_it(timers: Timers) -> None:
    timers.set("moved", 0.2)
    timers.set("moved", 60)
    timers.set("other", 0.4)
    assert timers.due(5) == ("other",)


def test_a_time_that_has_passed_is_due_at_once(timers: Timers) -> None:
    timers.set("past", -5)
    assert timers.due(5) == ("past",)


def test_a_key_can_be_set_again_after_it_came_due(timers: Timers) -> None:
    for _ in range(2):
        timers.set("again", 0)
        assert timers.due(5) == ("again",)


def test_a_deadline_outlives_the_process_that_set_it(nats_server: NatsEndpoints) -> None:
    home = JetStreamHome(nats_server)
    stream = f"TIMERS_{next(_streams)}"
    JetStreamTimers(home.open().api, stream=stream).set("key", 0.2)
    home.close()
    assert JetStreamTimers(home.open().api, stream=stream).due(5) == ("key",)
    home.close()


def test_kept_answers_are_found_by_every_process(nats_server: NatsEndpoints) -> None:
    home = JetStreamHome(nats_server)
    AnswerBucket(home.open().api, bucket="ANSWERS_1").put("a1", b"no")
    bucket = AnswerBucket(home.open().api, bucket="ANSWERS_1")
    assert (bucket.get("a1"), bucket.get("b2")) == (b"no", None)
    bucket.put("a1", b"still no")
    assert bucket.get("a1") == b"still no"
    home.close()
