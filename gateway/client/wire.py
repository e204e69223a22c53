"""What passes between the client and a transport: a call, its answer, and the two ways to carry them.

Promises: a transport hands on whatever the server said, errors included, and raises `ConnectionLostError`
if it cannot know what the server said; it never repeats a call by itself (`calls` does, with the same
key).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from .errors import NotDitsError, ProblemError
from .operations import Operation

Buffer = bytes | bytearray | memoryview
Json = Mapping[str, object]
Plain = str | int | bool

API_VERSION = "v2"
"""Whose wire form we write and read; named with every call, so that no server's default chooses another."""
MESSAGE_CHARS_MAX = 500
"""Of a body that is not ours, shown to a person."""


class Content(Protocol):
    """Bytes to send, piece by piece and, if it must be, again from the start."""

    @property
    def size_bytes(self) -> int: ...

    def __iter__(self) -> Iterator[Buffer]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Content that is in memory already; it is sent without being joined."""

    parts: Sequence[Buffer]

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Buffer]:
        return iter(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one operation."""

    operation: Operation
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, Plain] = field(default_factory=dict[str, Plain])
    body: Json | None = None
    content: Content | None = None
    """Bytes to send instead of a body."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes

    def json(self, server: str) -> Json:
        """The body as an object; empty if there is none. Raises NotDitsError."""
        if not self.content:
            return {}
        try:
            parsed: object = json.loads(self.content)
        except ValueError as error:
            raise NotDitsError(server=server, reason="no JSON") from error
        if not isinstance(parsed, dict):
            raise NotDitsError(server=server, reason="no JSON object")
        return cast("Json", parsed)

    def problem(self, server: str) -> ProblemError:
        """The error this answer is; only for a status of 400 and more."""
        try:
            body = self.json(server)
        except NotDitsError:
            body = {}
        details = body.get("details")
        return ProblemError(
            status=self.status,
            code=str(body.get("code", f"HTTP_{self.status}")),
            message=str(body.get("message", self._as_text())),
            details=cast("Json", details) if isinstance(details, dict) else {},
            correlation_id=self.headers.get("x-correlation-id", ""),
            retry_after_s=_seconds(self.headers.get("retry-after")),
        )

    def _as_text(self) -> str:
        text = self.content.decode(errors="replace")[:MESSAGE_CHARS_MAX]
        return text or f"the server answered {self.status}"


def standing_headers(key: str | None) -> dict[str, str]:
    """What every call of a client says."""
    headers = {"X-API-Version": API_VERSION}
    return headers if key is None else {**headers, "X-API-Key": key}


class Transport(Protocol):
    """A way to the server. Both answer the same; one instance may be used by many threads."""

    @property
    def server(self) -> str:
        """The address, without a secret, for messages."""
        ...

    def carry(self, call: Call) -> Answer:
        """Raises ConnectionLostError if no answer came."""
        ...

    def close(self) -> None: ...


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
