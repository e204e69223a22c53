"""Which wire form serves a version, and the way between that form and the one that handlers speak.

Promises: a handler knows the head form alone; what an older edition asks is raised to it step by step, and
what is answered is lowered the same way back, by pure functions over closed models; raising never refuses,
because what an older edition allows, the head can say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from pydantic import BaseModel

from gateway.operation import AnyOperation
from gateway.wire.changes import STEPS
from gateway.wire.twins import Step

EDITIONS: tuple[str, ...] = (STEPS[0].older, *(step.newer for step in STEPS))
"""Every published wire form, oldest first."""
HEAD = EDITIONS[-1]
NUMBER = re.compile(r"v([0-9]{1,9})(?:-[a-z]+)?")


def edition_of(version_id: str) -> str:
    """The wire form that serves a version: that of its number, else the newest below it, else the oldest.

    What is no version id is served by the head; negotiation refuses it before it comes here.
    """
    found = NUMBER.fullmatch(version_id)
    if found is None:
        return HEAD
    not_above = [each for each in EDITIONS if int(each[1:]) <= int(found[1])]
    return not_above[-1] if not_above else EDITIONS[0]


def asks_of(operation: AnyOperation, edition: str) -> type[BaseModel]:
    """The model of what is asked in this edition."""
    return _older(operation, edition, operation.asks)


def answers_of(operation: AnyOperation, edition: str) -> type[BaseModel] | None:
    """The model of what is answered in this edition."""
    return None if operation.answers is None else _older(operation, edition, operation.answers)


def upgraded(operation: AnyOperation, edition: str, asked: BaseModel) -> BaseModel:
    """What was asked in this edition, in the head form."""
    for step in reversed(list(_steps_down(edition))):
        twin = step.by_older.get((operation.name, type(asked)))
        asked = asked if twin is None else twin.up(asked)
    return asked


def downgraded(operation: AnyOperation, edition: str, body: BaseModel) -> BaseModel:
    """A body in the head form, as this edition says it."""
    for step in _steps_down(edition):
        twin = step.by_newer.get((operation.name, type(body)))
        body = body if twin is None else twin.down(body)
    return body


def _older(operation: AnyOperation, edition: str, model: type[BaseModel]) -> type[BaseModel]:
    for step in _steps_down(edition):
        twin = step.by_newer.get((operation.name, model))
        model = model if twin is None else twin.older
    return model


def _steps_down(edition: str) -> Iterator[Step]:
    """From the head to this edition."""
    assert edition in EDITIONS, edition
    return takewhile(lambda step: step.newer != edition, reversed(STEPS))
