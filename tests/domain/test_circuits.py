"""A circuit opens when it is closed and closes when it is open; all else is no news (V7.5)."""

from __future__ import annotations

from functools import reduce

from hypothesis import given as over
from hypothesis import strategies as st

from domain import circuits
from domain.circuits import CircuitClosed, CircuitEvent, CircuitOpened, CloseCircuit, OpenCircuit, circuit_id
from tests.spec import Spec

given = Spec(circuits.DECIDER).given
OPENED = CircuitOpened(name="event_store", failures=5)
CLOSED = CircuitClosed(name="event_store")
OPEN, CLOSE = OpenCircuit("event_store", 5), CloseCircuit("event_store")


def test_a_closed_circuit_opens() -> None:
    given().when(OPEN).then(OPENED)
    given(OPENED, CLOSED).when(OPEN).then(OPENED)


def test_an_open_circuit_closes() -> None:
    given(OPENED).when(CLOSE).then(CLOSED)


def test_another_process_that_notices_the_same_is_no_news() -> None:
    given(OPENED).when(OpenCircuit("event_store", 9)).then_nothing()
    given().when(CLOSE).then_nothing()
    given(OPENED, CLOSED).when(CLOSE).then_nothing()


@over(st.lists(st.sampled_from([OPEN, CLOSE]), max_size=20))
def test_openings_and_closings_take_turns(asked: list[OpenCircuit | CloseCircuit]) -> None:
    state, told = circuits.Circuit(), list[CircuitEvent]()
    for command in asked:
        events = circuits.decide(state, command)
        state, told = reduce(circuits.evolve, events, state), [*told, *events]
    kinds = [type(event) for event in told]
    assert kinds == [CircuitOpened if place % 2 == 0 else CircuitClosed for place in range(len(kinds))]


def test_a_circuits_name_may_stand_in_a_subject() -> None:
    assert circuit_id("event_store") == "event-store"
