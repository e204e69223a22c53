"""A circuit: whether something that Dits depends on is still asked, or left alone until it answers again.

Promises: it opens only when it is closed and closes only when it is open, so several processes that notice
the same outage make one fact of it (V7.5). The aggregate's id is the circuit's name, with dashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.event import Event, Producer


class CircuitOpened(Event):
    """It failed `failures` times in a row, and is not asked any more."""

    TOPIC: ClassVar[str] = "circuit.opened.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    name: str
    failures: int


class CircuitClosed(Event):
    """It answered again."""

    TOPIC: ClassVar[str] = "circuit.closed.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    name: str


CircuitEvent = CircuitOpened | CircuitClosed


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    name: str
    failures: int


@dataclass(frozen=True, slots=True)
class CloseCircuit:
    name: str


CircuitCommand = OpenCircuit | CloseCircuit


@dataclass(frozen=True, slots=True)
class Circuit:
    is_open: bool = False


def circuit_id(name: str) -> str:
    """As it may stand in a subject."""
    return name.replace("_", "-")


def decide(state: Circuit, command: CircuitCommand) -> tuple[CircuitEvent, ...]:
    match command:
        case OpenCircuit(name, failures):
            return () if state.is_open else (CircuitOpened(name=name, failures=failures),)
        case CloseCircuit(name):
            return (CircuitClosed(name=name),) if state.is_open else ()
        case _:
            assert_never(command)


def evolve(_state: Circuit, event: CircuitEvent) -> Circuit:
    return Circuit(is_open=isinstance(event, CircuitOpened))


DECIDER = Decider("circuit", Circuit(), decide, evolve, get_args(CircuitEvent))
