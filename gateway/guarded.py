"""The ports of the core behind circuits: decorators that add nothing but leaving alone what is away (V7.5).

The log, the remembered answers and the leases lie on one server, so they share one circuit.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from domain.decider import Ask, Context, Decider, Loaded, Outcome
from domain.event import Event, Recorded
from domain.ids import AggregateId, RepoId
from domain.ports import EventLog, Heartbeat, Leases
from domain.position import Position
from gateway.answers import Answers, Refusal, Scope
from gateway.circuit import Circuit
from projections.transactions import Connection, Pool, server_named

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class GuardedLog:
    """An EventLog."""

    log: EventLog
    circuit: Circuit

    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002 -- the port's word
        with self.circuit.guarding():
            return self.log.load(decider, id)

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        with self.circuit.guarding():
            return self.log.ask(*asks, context=context)

    def history(self, aggregate: AggregateId, after: Position | None = None) -> Iterator[Recorded]:
        """Read while it is asked for, so guarded while it is."""
        with self.circuit.guarding():
            yield from self.log.history(aggregate, after)

    def end(self) -> Position | None:
        with self.circuit.guarding():
            return self.log.end()


@dataclass(frozen=True, slots=True)
class GuardedAnswers:
    """Remembered refusals."""

    answers: Answers
    circuit: Circuit

    def recall(self, scope: Scope) -> Refusal | None:
        with self.circuit.guarding():
            return self.answers.recall(scope)

    def keep(self, scope: Scope, refusal: Refusal) -> None:
        with self.circuit.guarding():
            self.answers.keep(scope, refusal)


@dataclass(frozen=True, slots=True)
class GuardedLeases:
    """Heartbeats of locks."""

    leases: Leases
    circuit: Circuit

    def beat(self, repo: RepoId, token: int) -> bool:
        with self.circuit.guarding():
            return self.leases.beat(repo, token)

    def look(self, repo: RepoId, token: int) -> Heartbeat:
        with self.circuit.guarding():
            return self.leases.look(repo, token)

    def bury(self, repo: RepoId, token: int, seen: Heartbeat) -> bool:
        with self.circuit.guarding():
            return self.leases.bury(repo, token, seen)


@dataclass(frozen=True, slots=True)
class GuardedPool:
    """A Pool: the server's troubles count, a lost race or a wrong statement does not."""

    pool: Pool
    circuit: Circuit

    @contextmanager
    def connection(self, timeout: float | None = None) -> Generator[Connection]:
        with self.circuit.guarding(), server_named(), self.pool.connection(timeout) as connection:
            yield connection
