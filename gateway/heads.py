"""What the head of a request may be, and what is said of one that may not be, before anything is routed.

Promises: a refusal is the whole envelope, with a fresh correlation id and `Connection: close`, and holds no
byte of the client's that is not escaped (R33, R34, R43); a line break within a version header is told apart
from other malformed HTTP, because nobody sends one by mistake. Seeds 8.2, 8.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from domain.errors import DitsError
from domain.version_spec import HEADER_NAMES, LINE_BYTES_MAX, escaped, pattern_error
from gateway.errors import MEDIA_TYPE, VARY, HeaderFieldsTooLargeError, MalformedRequestError, Problem

Headers = tuple[tuple[str, str], ...]
KnownScope = Mapping[str, object]
"""An ASGI scope, as far as it is known; `client` and `headers` are there."""
SecurityKind = Literal["header_injection", "header_too_large"]

VERSION_HEADERS = frozenset(name.lower().encode() for name in HEADER_NAMES)
FIELD_OVERHEAD_BYTES = 4
"""A colon, a blank and the line's end: what a field takes beside its name and its value."""
REQUEST_LINE_OVERHEAD_BYTES = 32
"""What a request line takes beside its target, at most."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """R34; the proxy in deploy/nginx.conf has the same."""

    header_bytes_max: int = 16 * 1024
    """Of all header fields together, as they travel."""
    header_fields_max: int = 100
    version_header_bytes_max: int = LINE_BYTES_MAX
    target_bytes_max: int = 8 * 1024
    head_timeout_s: float = 10.0
    """From a head's first byte to its last: a slow one holds a connection, and there are not many."""
    pipelined_max: int = 32
    """Requests of one connection waiting for those before them; their heads are all held in memory."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of a refusal."""

    fresh_id: Callable[[], str]
    answered: Callable[[str, str, int, str, float], None]
    """`Measures.answered`."""
    security_event: Callable[[SecurityKind, KnownScope, str], None] = lambda _kind, _scope, _correlation: None
    """With the correlation id, once the line is logged: to be counted, and an injection is an incident."""
    version_headers: Callable[[], Headers] = tuple
    """What every version error carries (R39)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said instead of serving, once it is this request's turn to be answered."""

    problem: Problem
    correlation_id: str
    method: str
    instance: str
    seconds: float

    def text(self, default_headers: list[tuple[bytes, bytes]]) -> bytes:
        body = self.problem.body(self.instance, self.correlation_id)
        status = HTTPStatus(self.problem.status)
        more = [(name, value) for name, value in self.problem.headers if name != "Connection"]
        headers = [
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("X-Correlation-ID", self.correlation_id),
            ("Cache-Control", "no-store"),
            ("Vary", VARY),
            ("X-Content-Type-Options", "nosniff"),
            *more,
            ("Connection", "close"),
        ]
        raw = [*default_headers, *((name.encode(), value.encode("latin-1")) for name, value in headers)]
        lines = [f"HTTP/1.1 {status} {status.phrase}".encode(), *(b"%b: %b" % each for each in raw), b"", b""]
        return b"\r\n".join(lines) + (b"" if self.method == "HEAD" else body)


def head_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Header lines as they travel; the values hold no line break."""
    return b"".join([b"%b: %b\r\n" % (name.lower(), value) for name, value in headers])


def malformed(head: bytes, target: bytes, reason: str) -> DitsError:
    """What the parser refused: `head` is what arrived up to there, maybe behind earlier requests."""
    start = head.rfind(b" " + target + b" HTTP/") if target else -1
    injected = _injected(head[start:]) if start >= 0 else None
    if injected is None:
        return MalformedRequestError(reason=reason)
    if len(injected) > LINE_BYTES_MAX:
        return beyond_version(LINE_BYTES_MAX)
    return pattern_error(escaped(injected.decode("latin-1")), "header")


def beyond_version(bytes_max: int) -> DitsError:
    """Whatever else is wrong with it, a version is too large first (R02)."""
    return HeaderFieldsTooLargeError(rule=f"a version has at most {bytes_max} bytes")


def _injected(head: bytes) -> bytes | None:
    """The value of a version header with a control character in it."""
    for line in head.split(b"\r\n")[1:]:
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.lower() in VERSION_HEADERS and _CONTROL.search(value):
            return value.strip(b" \t")
    return None
