"""What structlog's loggers say, in every thread, with the level and the logger's name."""

from __future__ import annotations

from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog

LEVEL_OF_METHOD = {"exception": "error", "warn": "warning", "fatal": "critical"}
SOURCE = "_source"
"""Under this `infra.logs` binds a logger's name."""

Lines = list[MutableMapping[str, Any]]


class _Named(NamedTuple):
    """The end of every logger: it has a name and says nothing."""

    name: str = ""


@contextmanager
def heard() -> Generator[Lines]:
    """Every line as it is said; structlog is as it was afterwards."""
    lines: Lines = []

    def hear(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        name = line.pop(SOURCE, None) or getattr(logger, "name", "")
        level = LEVEL_OF_METHOD.get(method, method)
        lines.append({**({"logger": name} if name else {}), **line, "log_level": level})
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, hear],
        logger_factory=lambda *names: _Named(*names[:1]),
    )
    try:
        yield lines
    finally:
        structlog.reset_defaults()
