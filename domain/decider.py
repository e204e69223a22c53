"""How a command becomes facts: the decider pattern, as frozen data.

``decide(state, command) -> events`` says what follows, ``evolve(state, event) -> state`` remembers it.
Time and ids travel inside the command. An empty decision is a fact too: the log turns it into a guard on
the version it was decided on (house: an append is writes and guards).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from domain.event import Event, Events, IdempotencyKey, Recorded
from domain.ids import AggregateId
from domain.position import Position

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Decider(Generic[S, C, E]):
    """One aggregate: its family, its empty state, its two functions and its events."""

    family: str
    initial: S
    decide: Callable[[S, C], tuple[E, ...]]
    evolve: Callable[[S, E], S]
    events: tuple[type[E], ...]
    fold: int = 1
    """Version of `evolve`; a snapshot of another version is ignored."""

    def at(self, id: str) -> AggregateId:  # noqa: A002 -- the house's word
        return AggregateId(self.family, id)

    def ask(self, id: str, command: C) -> Ask:  # noqa: A002
        return Ask(self.at(id), cast("AnyDecider", self), command)


AnyDecider = Decider[object, object, Event]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to one aggregate; several asked together are answered by one append or not at all."""

    aggregate: AggregateId
    decider: AnyDecider
    command: object

    def decide(self, state: object) -> Events:
        return self.decider.decide(state, self.command)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A fold and the version it stands at; version 0 is an aggregate that has no event."""

    state: S
    version: int


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf a command runs. The idempotency key, if any, is looked up in the first ask's fold."""

    actor: str
    correlation_id: str
    causation: str | None = None
    idempotency: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking: the new facts (none if all were guards) and where the log stood then."""

    events: tuple[Recorded, ...]
    position: Position
    replayed: bool = False
    """The key was known: these are the events of the first time (I6)."""
