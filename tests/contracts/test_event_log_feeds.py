"""Feeds, time, the hash chain and the limits of the log, on JetStream and in memory alike (I11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Timer

import pytest

from domain.errors import (
    EventTooLargeError,
    LogFullError,
    LogRegressedError,
    UnknownTopicError,
)
from domain.event import UnreadableEvent
from domain.position import Position
from infra.eventlog.application import LogApplication
from infra.eventlog.mapper import Topics
from infra.eventlog.message import FIRST, digest, unpack
from tests.eventlog.homes import Home
from tests.eventlog.sample import (
    CONTEXT,
    DOOR,
    TALLY,
    TOPICS,
    PassThrough,
    Raise,
    TallyRaised,
)
from tests.fakes import FakeClock


def test_recorded_at_grows_though_the_wall_clock_steps_back(home: Home) -> None:
    clock = FakeClock()
    ours = home.open(clock).events
    first = ours.ask(TALLY.ask("a", Raise()), context=CONTEXT).events[0].envelope.recorded_at
    clock.step_wall(timedelta(hours=-1))
    second = ours.ask(TALLY.ask("a", Raise()), context=CONTEXT).events[0].envelope.recorded_at
    behind = FakeClock()
    behind.step_wall(timedelta(days=-1))
    third = home.open(behind).events.ask(TALLY.ask("a", Raise()), context=CONTEXT).events[0]
    assert first < second < third.envelope.recorded_at


def test_every_message_names_the_one_before_it(home: Home) -> None:
    opened = home.open()
    for _ in range(3):
        opened.events.ask(TALLY.ask("a", Raise()), TALLY.ask("b", Raise()), context=CONTEXT)
    messages = list(opened.reader.of_aggregate("tally.a"))
    named = [unpack(stored.sequence, stored.payload).previous for stored in messages]
    assert named == [FIRST, *(digest(stored.subject, stored.payload) for stored in messages[:-1])]


def test_an_append_beyond_the_limit_of_a_message_is_refused_whole(log: LogApplication) -> None:
    for too_much in (Raise(times=1_001), Raise(note=b"x" * 600_000)):
        with pytest.raises(EventTooLargeError):
            log.ask(TALLY.ask("b", Raise()), TALLY.ask("a", too_much), context=CONTEXT)
    assert log.end() is None


def test_a_full_log_refuses_and_goes_on_being_read(small_home: Home) -> None:
    log = small_home.open().events
    log.ask(TALLY.ask("a", Raise()), context=CONTEXT)
    with pytest.raises(LogFullError, match="100000 bytes"):
        log.ask(TALLY.ask("a", Raise(note=b"x" * 100_000)), context=CONTEXT)
    with pytest.raises(LogFullError):
        log.ask(*(TALLY.ask(name, Raise(note=b"x" * 60_000)) for name in "ab"), context=CONTEXT)
    log.ask(TALLY.ask("a", Raise()), context=CONTEXT)
    assert log.load(TALLY, "a").state == 2


def test_a_feed_tells_every_event_in_order_whole_messages_only(home: Home) -> None:
    opened = home.open()
    feed = opened.feed()
    asked = [
        opened.events.ask(
            TALLY.ask(name, Raise(times=3)), DOOR.ask("d", PassThrough()), context=CONTEXT
        ).events
        for name in "abc"
    ]
    told, after = [], None
    while batch := feed.read(after, 1):
        told.append(tuple(batch))
        after = batch[-1].position
    assert told == asked


def test_a_feed_waits_until_something_stands_after_a_position(home: Home) -> None:
    opened = home.open()
    feed = opened.feed()
    assert not feed.wait(None, 0.01)
    later = Timer(0.05, lambda: opened.events.ask(TALLY.ask("a", Raise()), context=CONTEXT))
    later.start()
    assert feed.wait(None, 5)
    later.join()
    position = feed.read(None, 10)[-1].position
    assert not feed.wait(position, 0.01)


@pytest.mark.parametrize(
    ("wrong", "first_bad"),
    [({"incarnation": "ff" * 8}, 1), ({"digest": bytes(32)}, 1), ({"sequence": 9}, 9)],
)
def test_a_position_that_this_log_never_had_is_noticed(
    home: Home, wrong: dict[str, object], first_bad: int
) -> None:
    opened = home.open()
    position = opened.events.ask(TALLY.ask("a", Raise()), context=CONTEXT).position
    strange: Position = replace(position, **wrong)  # type: ignore[arg-type]
    with pytest.raises(LogRegressedError) as caught:
        opened.feed().read(strange, 10)
    assert caught.value.facts["sequence"] == first_bad
    assert opened.regressed is caught.value


def test_nothing_is_appended_after_a_loss_was_noticed_and_reads_go_on(home: Home) -> None:
    opened = home.open()
    position = opened.events.ask(TALLY.ask("a", Raise()), context=CONTEXT).position
    with pytest.raises(LogRegressedError):
        opened.feed().read(replace(position, sequence=2), 10)
    with pytest.raises(LogRegressedError):
        opened.events.ask(TALLY.ask("b", Raise()), context=CONTEXT)
    assert opened.events.load(TALLY, "a").state == 1


def test_an_event_of_an_unknown_topic_is_told_as_unreadable_and_stops_its_fold(home: Home) -> None:
    home.open().events.ask(TALLY.ask("a", Raise()), context=CONTEXT)
    older = home.open(topics=Topics({}))
    fact = older.feed().read(None, 10)[0]
    assert isinstance(fact.event, UnreadableEvent)
    assert (fact.event.topic, fact.event.code, fact.envelope.actor) == (
        "tally.raised.v1",
        "UNKNOWN_TOPIC",
        "anna",
    )
    with pytest.raises(UnknownTopicError):
        older.events.load(TALLY, "a")


def test_an_old_event_is_lifted_to_its_newest_form(home: Home) -> None:
    class TallyRaised2(TallyRaised):
        TOPIC = "tally.raised.v2"
        why: str

    home.open().events.ask(TALLY.ask("a", Raise(by=4)), context=CONTEXT)
    lifted = Topics(
        {"tally.raised.v2": TallyRaised2},
        lambda topic, old: ("tally.raised.v2", {**old, "why": "v1 did not say"}),
    )
    fact = home.open(topics=lifted).feed().read(None, 10)[0]
    assert fact.event == TallyRaised2(by=4, why="v1 did not say")
    assert TOPICS.upcast("tally.raised.v1", {}) == ("tally.raised.v1", {})
