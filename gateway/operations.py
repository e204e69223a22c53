"""The one table of operations: HTTP routes, NATS doors, OpenAPI and docs follow from it.

A new route is one handler and one row in its module; a new module is one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.operation import AnyOperation
from gateway.routes import (
    branches,
    commits,
    contents,
    events,
    keys,
    locks,
    media,
    projections,
    repos,
    salvage,
    sessions,
    tags,
    trees,
    uploads,
    versions,
)

OPERATIONS: tuple[AnyOperation, ...] = (
    *repos.OPERATIONS,
    *branches.OPERATIONS,
    *tags.OPERATIONS,
    *commits.OPERATIONS,
    *trees.OPERATIONS,
    *media.OPERATIONS,
    *salvage.OPERATIONS,
    *sessions.OPERATIONS,
    *uploads.OPERATIONS,
    *contents.OPERATIONS,
    *events.OPERATIONS,
    *locks.OPERATIONS,
    *keys.OPERATIONS,
    *projections.OPERATIONS,
    *versions.OPERATIONS,
)


def by_path(operations: tuple[AnyOperation, ...]) -> Mapping[str, Mapping[str, AnyOperation]]:
    """Path -> method -> operation, in the order of the table: the first path that matches is taken."""
    paths: dict[str, dict[str, AnyOperation]] = {}
    for operation in operations:
        methods = paths.setdefault(operation.path, {})
        assert operation.method not in methods, operation.name
        methods[operation.method] = operation
    return MappingProxyType(paths)


def by_subject(operations: tuple[AnyOperation, ...]) -> Mapping[str, tuple[AnyOperation, ...]]:
    """The NATS doors; an operation with several addresses has one door."""
    doors: dict[str, tuple[AnyOperation, ...]] = {}
    for operation in operations:
        if operation.subject is not None:
            doors[operation.subject] = (*doors.get(operation.subject, ()), operation)
    return MappingProxyType(doors)
