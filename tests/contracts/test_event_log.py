"""The port EventLog and the guarded recorder below it, on JetStream and in memory alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from domain.decider import Context, Decider
from domain.errors import (
    ConcurrencyConflictError,
    ForbiddenError,
)
from domain.ids import AggregateId
from infra.eventlog.append import Append, Guard, IntegrityError, Write
from infra.eventlog.application import LogApplication
from infra.eventlog.message import StoredState
from tests.eventlog.homes import Home
from tests.eventlog.sample import (
    CONTEXT,
    DOOR,
    TALLY,
    Close,
    DoorClosed,
    PassThrough,
    Raise,
    keyed,
)


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


def test_history_goes_on_after_a_position(log: LogApplication) -> None:
    first = log.ask(TALLY.ask("a", Raise(times=5)), context=CONTEXT)
    other = log.ask(TALLY.ask("b", Raise(times=1)), context=CONTEXT)
    log.ask(TALLY.ask("a", Raise(times=2)), context=CONTEXT)
    for position in (first.position, other.position):
        assert [each.version for each in log.history(AggregateId("tally", "a"), position)] == [6, 7]


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


def insist(log: LogApplication, number: int) -> None:
    """As a client would: a lost race is tried again with the same key."""
    for _ in range(100):
        try:
            asks = (TALLY.ask("a", Raise()), TALLY.ask(f"b{number % 3}", Raise()))
            log.ask(*asks, context=keyed(str(number)))
            return
        except ConcurrencyConflictError:
            continue
    raise AssertionError(f"raise {number} never won")


def test_no_raise_is_lost_between_many_threads_of_two_processes(home: Home) -> None:
    processes = [home.open().events, home.open().events]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: insist(processes[number % 2], number), range(60)))
    log = home.open().events
    assert log.load(TALLY, "a").state == 60
    assert sum(log.load(TALLY, f"b{n}").state for n in range(3)) == 60
