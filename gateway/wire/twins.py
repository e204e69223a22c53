"""The shape of a difference between two neighbouring editions: twins of a body, changes, steps.

Promises: a twin's functions are pure and total over its models: what one edition allows, the other can say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

Newer = TypeVar("Newer", bound=BaseModel)
Older = TypeVar("Older", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Twin(Generic[Newer, Older]):
    """One body in two neighbouring editions."""

    newer: type[Newer]
    older: type[Older]
    up: Callable[[Older], Newer]
    down: Callable[[Newer], Older]


AnyTwin = Twin[Any, Any]
ByModel = Mapping[tuple[str, type[BaseModel]], AnyTwin]
"""Operation and model to the twin."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an edition says otherwise than the one before."""

    title: str
    about: str
    """What was, what is, and what a client has to do."""
    operations: tuple[str, ...]
    twins: tuple[AnyTwin, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """All that lies between two neighbouring editions."""

    older: str
    newer: str
    changes: tuple[Change, ...]
    by_older: ByModel
    by_newer: ByModel


def step(older: str, newer: str, *changes: Change) -> Step:
    by_older = {(operation, twin.older): twin for operation, twin in _named(changes)}
    by_newer = {(operation, twin.newer): twin for operation, twin in _named(changes)}
    return Step(older, newer, changes, by_older, by_newer)


def _named(changes: tuple[Change, ...]) -> Iterator[tuple[str, AnyTwin]]:
    for change in changes:
        for operation in change.operations:
            for twin in change.twins:
                yield operation, twin
