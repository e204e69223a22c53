"""The line that every request leaves in the log: what it says, and the port that writes it (V10.1).

Promises: words of ours, templates and registered names only, never a client's own text; who writes it may
rely on that a word of it comes again and again, and only the id, the bytes and the time differ.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import structlog

EVENT = "request"

log = structlog.get_logger("gateway.edge")


class AccessLine(NamedTuple):
    """What is said alike of many requests."""

    method: str
    route: str
    """The template."""
    operation: str | None
    status: int
    whole: bool
    """The answer went out to its end."""
    consumer: str
    api_version: str


NAMES = tuple(AccessLine.__annotations__)


class AccessLog(Protocol):
    """Where these lines go. Callers may rely on: it raises nothing, and waits for nothing but the log."""

    def __call__(self, line: AccessLine, correlation_id: str, bytes_sent: int, took_ms: int, /) -> None: ...


def logged(line: AccessLine, correlation_id: str, bytes_sent: int, took_ms: int) -> None:
    """As any other line."""
    facts = dict(zip(NAMES, line, strict=True))
    log.info(EVENT, correlation_id=correlation_id, bytes_sent=bytes_sent, took_ms=took_ms, **facts)
