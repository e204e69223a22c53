"""The port Messages: the log in bulk, on JetStream and in memory alike."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from domain.errors import LogRegressedError, UnknownTopicError
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedLog
from tests.eventlog.homes import Home
from tests.eventlog.sample import CONTEXT, DOOR, TALLY, Close, PassThrough, Raise, TallyRaised

RAISED = frozenset({TallyRaised.TOPIC})


@pytest.fixture
def opened(home: Home) -> OpenedLog:
    """Six messages: a batch of a guard and two writes, then three tallies."""
    log = home.open()
    asks = (DOOR.ask("d", PassThrough()), TALLY.ask("a", Raise(times=2)), TALLY.ask("b", Raise()))
    log.events.ask(*asks, context=CONTEXT)
    for by in (1, 2, 3):
        log.events.ask(TALLY.ask("a", Raise(by=by)), context=CONTEXT)
    return log


def test_every_message_comes_in_order_guards_included(opened: OpenedLog) -> None:
    messages = list(chain.from_iterable(opened.messages.messages(None)))
    assert [message.position.sequence for message in messages] == list(range(1, 7))
    assert messages[0].subject.endswith(".guard")
    assert [message.append_id == b"" for message in messages] == [True, *[False] * 5]
    assert messages[-1].position == opened.events.end()


def test_messages_after_a_position_start_behind_it(opened: OpenedLog) -> None:
    messages = list(chain.from_iterable(opened.messages.messages(None)))
    rest = list(chain.from_iterable(opened.messages.messages(messages[3].position)))
    assert rest == messages[4:]
    assert list(opened.messages.messages(messages[-1].position)) == []


def test_raw_events_are_those_of_the_topics_with_their_fields(opened: OpenedLog) -> None:
    opened.events.ask(DOOR.ask("d", Close()), context=CONTEXT)
    *_, (end, _) = batches = list(opened.messages.raw_events(None, RAISED))
    events = [event for _, batch in batches for event in batch]
    assert [(event.aggregate, event.place, event.fields["by"]) for event in events[:3]] == [
        ("tally.a", 0, 1),
        ("tally.a", 1, 1),
        ("tally.b", 0, 1),
    ]
    assert (len(events), end) == (6, opened.events.end())


def test_raw_events_are_the_facts_that_a_feed_tells(opened: OpenedLog) -> None:
    raw = [event for _, batch in opened.messages.raw_events(None, RAISED) for event in batch]
    facts = [fact for fact in opened.feed().read(None, 100) if fact.event.TOPIC in RAISED]
    assert [(event.position, event.place) for event in raw] == [(fact.position, fact.index) for fact in facts]
    assert [TallyRaised.model_validate(event.fields) for event in raw] == [fact.event for fact in facts]


def test_a_topic_that_nobody_knows_stops_the_read(home: Home, opened: OpenedLog) -> None:
    with pytest.raises(UnknownTopicError):
        list(home.open(topics=Topics({})).messages.raw_events(None, frozenset()))


def test_old_topics_come_lifted(home: Home, opened: OpenedLog) -> None:
    lifted = Topics({"tally.raised.v2": TallyRaised}, lambda _, old: ("tally.raised.v2", {**old, "by": 9}))
    batches = home.open(topics=lifted).messages.raw_events(None, frozenset({"tally.raised.v2"}))
    assert {event.fields["by"] for _, batch in batches for event in batch} == {9}


def test_a_position_that_the_log_never_had_is_noticed(opened: OpenedLog) -> None:
    end = opened.events.end()
    assert end is not None
    with pytest.raises(LogRegressedError):
        list(opened.messages.messages(replace(end, digest=bytes(32))))


def test_more_than_two_pulls_of_messages_come_whole(opened: OpenedLog) -> None:
    for number in range(20):
        opened.events.ask(TALLY.ask(f"n{number}", Raise(note=b"x" * 200_000)), context=CONTEXT)
    messages = list(chain.from_iterable(opened.messages.messages(None)))
    assert [message.position.sequence for message in messages] == list(range(1, 27))
    assert sum(len(message.payload) for message in messages) > 4_000_000
