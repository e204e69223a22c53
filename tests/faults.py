"""Ports that fail on purpose: decorators around an adapter, each with a seed or a plan of its own.

A crash is a BaseException, as a kill is: nothing in the product may catch it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Protocol, TypeVar

from domain.decider import Ask, Context, Decider, Loaded, Outcome
from domain.errors import DitsError, OutcomeUnknownError, UnavailableError
from domain.event import Event, Recorded
from domain.ids import AggregateId, Digest, RepoId
from domain.ports import EventLog, LiveKind, ObjectName, ObjectStore, Presence, StoredObject
from domain.position import Position

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


class CrashedError(BaseException):
    """The process died here."""


class Moments:
    """A CrashPoints adapter: does something once when a point is reached for the n-th time."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, int], list[Callable[[], object]]] = {}
        self.reached_points: list[str] = []

    def plan(self, point: str, what: Callable[[], object], *, nth: int = 1) -> None:
        self._plans.setdefault((point, nth), []).append(what)

    def reached(self, point: str) -> None:
        self.reached_points.append(point)
        for what in self._plans.pop((point, self.reached_points.count(point)), ()):
            what()


def crash() -> None:
    raise CrashedError


class Coin:
    """Falls on its bad side with a probability; the same in every run of a seed."""

    def __init__(self, seed: int, chance: float) -> None:
        self._random = Random(seed)
        self._chance = chance

    def bad(self) -> bool:
        return self._random.random() < self._chance


class Chance(Protocol):
    """Whether this time is a bad one."""

    def bad(self) -> bool: ...


class FlakyStore:
    """An object store that is often away; what it did before it failed stays done."""

    def __init__(self, store: ObjectStore, coin: Coin, error: DitsError | None = None) -> None:
        self._store = store
        self._coin = coin
        self._error = error or UnavailableError(dependency="the object store")

    @property
    def location(self) -> str:
        return self._store.location

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        for one in objects:
            self._maybe()
            self._store.put((one,))
        return self._store.put(objects)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        self._maybe()
        return self._store.read_back(names)

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        self._maybe()
        self._store.mend(name, content)

    def get(self, name: ObjectName) -> bytes:
        self._maybe()
        return self._store.get(name)

    def size(self, name: ObjectName) -> int | None:
        self._maybe()
        return self._store.size(name)

    def list(self, kind: str) -> Iterator[ObjectName]:
        self._maybe()
        return self._store.list(kind)

    def check(self) -> None:
        self._maybe()
        self._store.check()

    def _maybe(self) -> None:
        if self._coin.bad():
            raise self._error


class FlakyPresence:
    """A read model that often does not answer."""

    def __init__(self, presence: Presence, coin: Coin) -> None:
        self._presence = presence
        self._coin = coin

    def missing(
        self, repo: RepoId, kind: LiveKind, names: Iterable[Digest], at_least: Position | None
    ) -> frozenset[Digest]:
        if self._coin.bad():
            raise UnavailableError(dependency="the read model")
        return self._presence.missing(repo, kind, names, at_least)


class UncertainLog:
    """A log whose answers get lost: half of the lost appends had landed, half had not."""

    def __init__(self, log: EventLog, coin: Chance) -> None:
        self._log = log
        self._coin = coin

    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002 -- the port's word
        return self._log.load(decider, id)

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        if self._coin.bad():
            raise OutcomeUnknownError(dependency="the event log")
        outcome = self._log.ask(*asks, context=context)
        if self._coin.bad():
            raise OutcomeUnknownError(dependency="the event log")
        return outcome

    def history(self, aggregate: AggregateId, after: Position | None = None) -> Iterator[Recorded]:
        return self._log.history(aggregate, after)

    def end(self) -> Position | None:
        return self._log.end()


class ScriptedLog(UncertainLog):
    """A log that answers asks of one command with these errors first, one each."""

    def __init__(self, log: EventLog, command: type, errors: list[DitsError]) -> None:
        super().__init__(log, Coin(0, 0.0))
        self._command = command
        self._errors = errors

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        if self._errors and isinstance(asks[0].command, self._command):
            raise self._errors.pop(0)
        return super().ask(*asks, context=context)
