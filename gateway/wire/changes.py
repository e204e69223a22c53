"""What each edition of the wire changed against the one before it, as data: the whole difference is here.

Promises: a change names the operations that it concerns and gives a pair of models for each body it changed,
with the pure functions between them; nothing else knows that older editions exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

N = TypeVar("N", bound=BaseModel)
O = TypeVar("O", bound=BaseModel)  # noqa: E741 -- older


@dataclass(frozen=True, slots=True)
class Twin(Generic[N, O]):
    """One body in two neighbouring editions."""

    newer: type[N]
    older: type[O]
    up: Callable[[O], N]
    down: Callable[[N], O]


AnyTwin = Twin[Any, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an edition says otherwise."""

    title: str
    about: str
    """What a client has to do."""
    operations: tuple[str, ...]
    twins: tuple[AnyTwin, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """All that lies between two neighbouring editions."""

    older: str
    newer: str
    changes: tuple[Change, ...]

    def by_newer(self, operation: str, model: type[BaseModel]) -> AnyTwin | None:
        return next((twin for twin in self._twins(operation) if twin.newer is model), None)

    def by_older(self, operation: str, model: type[BaseModel]) -> AnyTwin | None:
        return next((twin for twin in self._twins(operation) if twin.older is model), None)

    def _twins(self, operation: str) -> list[AnyTwin]:
        return [twin for change in self.changes if operation in change.operations for twin in change.twins]


STEPS: tuple[Step, ...] = (Step("v1", "v2", ()),)
"""Oldest first."""
