"""Given facts, when somebody asks, then these facts or this refusal: how every aggregate's tests read.

    given(created).when(ShowRepository(public=True)).then(made_public)

A refusal is exact in its class and in every fact the test names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

from domain.decider import Decider
from domain.errors import DitsError
from domain.event import Event
from domain.format.errors import Fact

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Answer(Generic[E]):
    """What came of a command: facts, or a refusal."""

    events: tuple[E, ...]
    refusal: DitsError | None

    def then(self, *expected: E) -> None:
        if self.refusal is not None:
            raise self.refusal
        assert self.events == expected

    def then_nothing(self) -> None:
        """No fact: the command is no news, and in an append it becomes a guard."""
        self.then()

    def then_refused(self, error: type[DitsError], **facts: Fact) -> None:
        assert type(self.refusal) is error, f"{self.refusal!r} after {self.events}"
        told = self.refusal.facts
        assert {name: told.get(name) for name in facts} == facts


@dataclass(frozen=True)
class Story(Generic[S, C, E]):
    """An aggregate as its facts left it."""

    decider: Decider[S, C, E]
    state: S

    def when(self, command: C) -> Answer[E]:
        try:
            return Answer(self.decider.decide(self.state, command), None)
        except DitsError as refusal:
            return Answer((), refusal)


@dataclass(frozen=True)
class Spec(Generic[S, C, E]):
    """The specification of one aggregate."""

    decider: Decider[S, C, E]

    def given(self, *history: E) -> Story[S, C, E]:
        return Story(self.decider, reduce(self.decider.evolve, history, self.decider.initial))
