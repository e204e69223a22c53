"""The ports EventLog and Feed, and the guarded recorder below them, on JetStream and in memory alike."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Timer
from typing import cast

import pytest

from domain.decider import AnyDecider, Context, Decider
from domain.errors import (
    ConcurrencyConflictError,
    EventTooLargeError,
    ForbiddenError,
    IdempotencyKeyReusedError,
    IdempotencyKeyringFullError,
    LogFullError,
    LogRegressedError,
    UnknownTopicError,
)
from domain.event import UnreadableEvent
from domain.idempotency import LIVE_KEYS_MAX
from domain.ids import AggregateId
from domain.position import Position
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.append import Append, Guard, IntegrityError, Write
from infra.eventlog.application import LogApplication
from infra.eventlog.mapper import Topics
from infra.eventlog.message import FIRST, StoredState, digest, unpack
from tests.eventlog.homes import Home, JetStreamHome, MemoryHome
from tests.eventlog.sample import (
    CONTEXT,
    DOOR,
    TALLY,
    TOPICS,
    Close,
    DoorClosed,
    PassThrough,
    Raise,
    TallyRaised,
    keyed,
)
from tests.fakes import FakeClock


@pytest.fixture(params=["memory", "jetstream"])
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    on_server = request.param == "jetstream"
    made: Home = JetStreamHome(request.getfixturevalue("nats_server")) if on_server else MemoryHome()
    yield made
    made.close()


@pytest.fixture(params=["memory", "jetstream"])
def small_home(request: pytest.FixtureRequest) -> Iterator[Home]:
    """Room for a few hundred small events."""
    server: NatsEndpoints | None = None
    if request.param == "jetstream":
        server = request.getfixturevalue("nats_server")
    made: Home = MemoryHome(100_000) if server is None else JetStreamHome(server, 100_000)
    yield made
    made.close()


@pytest.fixture
def log(home: Home) -> LogApplication:
    return home.open().events


# -------------------------------------------------------------------- loading and asking
def test_an_aggregate_without_events_stands_at_version_0_in_its_empty_state(log: LogApplication) -> None:
    loaded = log.load(TALLY, "a")
    assert (loaded.state, loaded.version) == (0, 0)


def test_what_was_asked_is_there_for_every_process(home: Home) -> None:
    home.open().events.ask(TALLY.ask("a", Raise(by=2, times=3)), context=CONTEXT)
    loaded = home.open().events.load(TALLY, "a")
    assert (loaded.state, loaded.version) == (6, 3)


def test_an_outcome_tells_the_new_facts_and_where_they_stand(log: LogApplication) -> None:
    outcome = log.ask(TALLY.ask("a", Raise(by=2, times=2)), context=CONTEXT)
    assert [fact.version for fact in outcome.events] == [1, 2]
    assert [fact.index for fact in outcome.events] == [0, 1]
    assert {fact.position for fact in outcome.events} == {outcome.position} == {log.end()}
    assert outcome.events == tuple(log.history(AggregateId("tally", "a")))


def test_the_envelope_tells_on_whose_behalf_and_why(log: LogApplication) -> None:
    context = Context("anna", "correlation-7", causation="earlier")
    envelope = log.ask(TALLY.ask("a", Raise()), context=context).events[0].envelope
    assert (envelope.actor, envelope.correlation_id, envelope.causation) == (
        "anna",
        "correlation-7",
        "earlier",
    )
    assert len(envelope.append_id) == 16


def test_several_aggregates_are_written_in_one_step_side_by_side(log: LogApplication) -> None:
    outcome = log.ask(*(TALLY.ask(name, Raise()) for name in "abc"), context=CONTEXT)
    sequences = [fact.position.sequence for fact in outcome.events]
    assert sequences == list(range(sequences[0], sequences[0] + 3))
    assert outcome.position == outcome.events[-1].position == log.end()


def test_a_refused_decision_leaves_no_trace(log: LogApplication) -> None:
    log.ask(DOOR.ask("d", Close()), context=CONTEXT)
    before = log.end()
    with pytest.raises(ForbiddenError):
        log.ask(TALLY.ask("a", Raise()), DOOR.ask("d", PassThrough()), context=CONTEXT)
    assert log.end() == before


def test_asks_without_an_event_append_nothing(log: LogApplication) -> None:
    before = log.ask(TALLY.ask("a", Raise()), context=CONTEXT).position
    outcome = log.ask(TALLY.ask("a", Raise(by=0)), DOOR.ask("d", PassThrough()), context=CONTEXT)
    assert (outcome.events, outcome.position, log.end()) == ((), before, before)


def test_asks_without_an_event_stand_at_the_beginning_of_an_empty_log(home: Home) -> None:
    opened = home.open()
    outcome = opened.events.ask(TALLY.ask("a", Raise(by=0)), context=CONTEXT)
    assert outcome.position.sequence == 0
    assert opened.events.end() is None
    assert opened.feed().read(outcome.position, 10) == ()


def test_two_asks_to_one_aggregate_are_decided_in_turn_and_land_as_one(log: LogApplication) -> None:
    log.ask(TALLY.ask("a", Raise(by=1)), TALLY.ask("a", Raise(by=10)), context=CONTEXT)
    with pytest.raises(ForbiddenError):
        log.ask(DOOR.ask("d", Close()), DOOR.ask("d", PassThrough()), context=CONTEXT)
    facts = tuple(log.history(AggregateId("tally", "a")))
    assert [fact.index for fact in facts] == [0, 1]
    assert log.load(TALLY, "a").state == 11


def test_history_starts_after_a_version_within_a_message(log: LogApplication) -> None:
    log.ask(TALLY.ask("a", Raise(times=5)), context=CONTEXT)
    log.ask(TALLY.ask("a", Raise(times=2)), context=CONTEXT)
    versions = [fact.version for fact in log.history(AggregateId("tally", "a"), after_version=3)]
    assert versions == [4, 5, 6, 7]


def test_a_long_history_is_read_in_pages(log: LogApplication) -> None:
    for _ in range(3):
        log.ask(TALLY.ask("a", Raise(times=1_000)), context=CONTEXT)
    assert [fact.version for fact in log.history(AggregateId("tally", "a"))] == list(range(1, 3_001))


# -------------------------------------------------------------------- guards
def written(aggregate: str, expected: int, times: int = 1) -> Write:
    states = (StoredState(expected + number, "tally.raised.v1", b"state") for number in range(1, times + 1))
    return Write(aggregate, expected, tuple(states))


def appended(id_: int, *writes: Write, guards: tuple[Guard, ...] = ()) -> Append:
    return Append(id_.to_bytes(16, "big"), "correlation", writes, guards)


def test_a_guard_that_did_not_move_lets_the_append_land(home: Home) -> None:
    recorder = home.open().recorder
    recorder.append(appended(1, written("tally.a", 0, times=2)))
    guards = (Guard("tally.a", 2), Guard("tally.none", 0))
    positions = recorder.append(appended(2, written("tally.b", 0), written("tally.c", 0), guards=guards))
    assert positions[1] == recorder.end()


@pytest.mark.parametrize(
    "guard", [Guard("tally.a", 0), Guard("tally.a", 1), Guard("tally.a", 3), Guard("tally.none", 1)]
)
def test_a_guard_that_does_not_hold_refuses_the_whole_append(home: Home, guard: Guard) -> None:
    recorder = home.open().recorder
    before = recorder.append(appended(1, written("tally.a", 0, times=2)))
    with pytest.raises(IntegrityError):
        recorder.append(appended(2, written("tally.b", 0), written("tally.c", 0), guards=(guard,)))
    assert recorder.end() == before[0]
    assert recorder.recorder.select_events("tally.b") == []


def test_a_guard_moved_by_another_process_is_noticed(home: Home) -> None:
    ours, theirs = home.open().recorder, home.open().recorder
    ours.append(appended(1, written("tally.a", 0)))
    theirs.append(appended(2, written("tally.a", 1)))
    with pytest.raises(IntegrityError):
        ours.append(appended(3, written("tally.b", 0), guards=(Guard("tally.a", 1),)))


def test_a_write_moved_by_another_process_refuses_the_whole_batch(home: Home) -> None:
    ours, theirs = home.open().recorder, home.open().recorder
    ours.append(appended(1, written("tally.a", 0)))
    theirs.append(appended(2, written("tally.a", 1)))
    with pytest.raises(IntegrityError):
        ours.append(appended(3, written("tally.b", 0), written("tally.a", 1)))
    assert ours.recorder.select_events("tally.b") == []


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A decider during whose decisions somebody else is quicker, `times` times."""

    rival: LogApplication
    aggregate: str
    left: list[int]

    def door(self) -> Decider[bool, Close | PassThrough, DoorClosed]:
        return replace(DOOR, decide=self._decide)

    def _decide(self, state: bool, command: Close | PassThrough) -> tuple[DoorClosed, ...]:
        if self.left[0]:
            self.left[0] -= 1
            self.rival.ask(TALLY.ask(self.aggregate, Raise()), context=CONTEXT)
        return DOOR.decide(state, command)


def test_a_decision_whose_guard_moved_is_made_anew(home: Home) -> None:
    ours, rival = home.open().events, home.open().events
    door = Interrupted(rival, "a", [3]).door()
    outcome = ours.ask(
        TALLY.ask("a", Raise(by=0)),
        door.ask("d", Close()),
        context=CONTEXT,
    )
    assert [str(fact.aggregate) for fact in outcome.events] == ["door.d"]
    assert ours.load(TALLY, "a").version == 3


def test_a_decision_that_loses_its_race_four_times_is_given_up(home: Home) -> None:
    ours, rival = home.open().events, home.open().events
    door = Interrupted(rival, "a", [4]).door()
    with pytest.raises(ConcurrencyConflictError):
        ours.ask(TALLY.ask("a", Raise()), door.ask("d", Close()), context=CONTEXT)
    assert ours.load(DOOR, "d").version == 0


def test_no_raise_is_lost_between_many_threads_of_two_processes(home: Home) -> None:
    processes = [home.open().events, home.open().events]

    def raise_(number: int) -> None:
        for attempt in range(100):
            try:
                processes[number % 2].ask(
                    TALLY.ask("a", Raise()), TALLY.ask(f"b{number % 3}", Raise()), context=keyed(str(number))
                )
                return
            except ConcurrencyConflictError:
                assert attempt < 99

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(raise_, range(60)))
    assert home.open().events.load(TALLY, "a").state == 60
    assert sum(home.open().events.load(TALLY, f"b{n}").state for n in range(3)) == 60


# -------------------------------------------------------------------- idempotency: I6
def test_a_retry_with_its_key_answers_from_the_events_of_the_first_time(log: LogApplication) -> None:
    first = log.ask(TALLY.ask("a", Raise(by=2, times=3)), context=keyed("k"))
    log.ask(TALLY.ask("a", Raise()), context=keyed("other"))
    again = log.ask(TALLY.ask("a", Raise(by=2, times=3)), context=keyed("k"))
    assert (again.events, again.position) == (first.events, first.position)
    assert (first.replayed, again.replayed) == (False, True)
    assert log.load(TALLY, "a").state == 7


def test_a_retry_in_another_process_answers_with_all_aggregates_of_the_append(home: Home) -> None:
    asks = (DOOR.ask("d", PassThrough()), TALLY.ask("b", Raise(times=2)), TALLY.ask("a", Raise()))
    first = home.open().events.ask(*asks, context=keyed("k"))
    home.open().events.ask(TALLY.ask("c", Raise()), context=keyed("other"))
    again = home.open().events.ask(*asks, context=keyed("k"))
    assert (again.events, again.position, again.replayed) == (first.events, first.position, True)


def test_a_key_with_another_body_is_refused(log: LogApplication) -> None:
    log.ask(TALLY.ask("a", Raise()), context=keyed("k"))
    with pytest.raises(IdempotencyKeyReusedError):
        log.ask(TALLY.ask("a", Raise(by=2)), context=keyed("k", body=b"another"))


def test_a_key_means_nothing_to_another_consumer(log: LogApplication) -> None:
    log.ask(TALLY.ask("a", Raise()), context=keyed("k"))
    assert not log.ask(TALLY.ask("a", Raise()), context=keyed("k", actor="bert")).replayed


def test_a_full_keyring_refuses_new_keys_for_a_day(home: Home) -> None:
    clock = FakeClock()
    log = home.open(clock).events
    log.ask(TALLY.ask("a", Raise()), context=keyed("k"))
    keyring = log.fold(cast("AnyDecider", TALLY), AggregateId("tally", "a")).keyring
    use = next(iter(keyring.uses.values()))
    keyring.uses.update({("anna", "raise", str(n)): use for n in range(LIVE_KEYS_MAX)})
    with pytest.raises(IdempotencyKeyringFullError):
        log.ask(TALLY.ask("a", Raise()), context=keyed("new"))
    clock.advance(timedelta(hours=24, seconds=1))
    assert len(log.ask(TALLY.ask("a", Raise()), context=keyed("new")).events) == 1


# -------------------------------------------------------------------- time, chain, limits
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


# -------------------------------------------------------------------- feeds
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
