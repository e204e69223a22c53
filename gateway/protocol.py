"""The HTTP server's protocol, on guard: what is no acceptable request is answered before the application.

Promises: 400, 408, 414, 431 and, when there are too many connections, 503 come from here as the whole
envelope, are logged and counted, and close the connection (pipeline step 1; R34, V8.2f, V8.3); the memory of
a head that never ends is bounded; a refusal waits for its turn behind requests that came earlier on the
connection; whenever nothing is being answered a timer runs, so no connection is held for nothing.
"""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, NoReturn

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from domain.errors import DitsError
from gateway.errors import (
    BusyError,
    HeaderFieldsTooLargeError,
    HeadTimeoutError,
    MalformedRequestError,
    UriTooLongError,
    problem_of,
)
from gateway.heads import (
    FIELD_OVERHEAD_BYTES,
    REQUEST_LINE_OVERHEAD_BYTES,
    VERSION_HEADERS,
    HeadLimits,
    Refusal,
    SecurityKind,
    Watch,
    beyond_version,
    malformed,
)

LINGER_S: Final = 2.0
"""After a refusal what still arrives is read and dropped: closing on unread bytes makes the kernel send a
reset, which takes the answer away from a client that is still sending (RFC 9112 section 9.6)."""
LINGER_BYTES_MAX: Final = 8 * 1024 * 1024
TRANSFER_ENCODING: Final = b"transfer-encoding"
PIECE_BYTES_MAX: Final = 16 * 1024
"""Of anything but a body: between two pieces it is seen whether a head may go on."""
VERSIONS: Final = frozenset({"1.1", "1.0"})
OPERATIONAL: Final = b"/health"
"""Paths that are answered also when there are too many connections."""
SECURITY_KINDS: Final[Mapping[str, SecurityKind]] = {
    "INVALID_VERSION_FORMAT": "header_injection",
    "REQUEST_HEADER_FIELDS_TOO_LARGE": "header_too_large",
}
"""By the error's code."""
LOGGED_FACTS: Final = ("source", "provided_value", "rule")
"""A client's value is escaped already (R40)."""
UNKNOWN: Final = "unknown"
"""The route and the version of what never was routed."""

IDLE, BODY, HEAD, TRAILER, REFUSED = range(5)
"""Where the parser stands: between requests, or in one; TRAILER is what follows a chunk's size."""

NOTHING: Final = -1

log = structlog.get_logger("gateway.protocol")
security = structlog.get_logger(_source="security")
"""Bound as infra.logs names a logger: its name is part of the contract (V8.2)."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    limits: ClassVar[HeadLimits]
    watch: ClassVar[Watch]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        # uvicorn's own answer to too many is not our envelope.
        self._crowd, self.limit_concurrency = self.limit_concurrency or sys.maxsize, None
        self._fields_max = self.limits.header_fields_max
        self._phase = IDLE
        self._piece_bytes = 0
        """That the parser was fed last."""
        self._has_ended = False
        """A request, within that piece; so it is not all of the next one's."""
        self._fed = NOTHING
        """Bytes of a head, or of a trailer, that is not all there."""
        self._held = bytearray()
        """Of such a head: what arrived so far."""
        self._began = 0.0
        """When its first piece came."""
        self._is_upgrade = False
        self._found: DitsError | None = None
        """What is wrong, if it was our limits that stopped the parser."""
        self._refusal: Refusal | None = None
        """Waiting for its turn."""
        self._running: RequestResponseCycle | None = None
        """The newest whose turn has come; `cycle` is the newest of all."""

    # ------------------------------------------------------------------ the connection
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running is not None:
            # uvicorn tells the newest request only: a live answer before it would go on for ever.
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._phase == REFUSED:
            self._drop(data)
            return
        piece_bytes = self._piece_bytes = len(data)
        if piece_bytes > PIECE_BYTES_MAX and self._phase != BODY:
            self.data_received(data[:PIECE_BYTES_MAX])
            self.data_received(data[PIECE_BYTES_MAX:])
            return
        self._has_ended = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(self._found or self._misread(data, error))
        else:
            if self._phase >= HEAD:
                self._wait_for_the_rest(data)

    # ------------------------------------------------------------------ what happens
    # `super()` takes three times as long as what it is called for, here for each request.
    def on_message_begin(self) -> None:
        HttpToolsProtocol.on_message_begin(self)
        self._phase = HEAD
        self._fed = NOTHING
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()

    def on_headers_complete(self) -> None:
        fields = dict(self.headers)
        if len(fields) != len(self.headers) or len(fields) > self._fields_max or TRANSFER_ENCODING in fields:
            self._look_at_fields()
        if self._piece_bytes > self.limits.version_header_bytes_max or self._held:
            self._look_at_sizes()
        if self.parser.get_http_version() not in VERSIONS:
            self._stop(MalformedRequestError(reason="HTTP/1.1 and HTTP/1.0 are spoken here"))
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._stop(MalformedRequestError(reason="this is no proxy"))
            self._is_upgrade = True
            return
        if self.pipeline or len(self.connections) >= self._crowd or len(self.tasks) >= self._crowd:
            self._look_at_crowd()
        HttpToolsProtocol.on_headers_complete(self)
        if not self.pipeline:
            self._running = self.cycle
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if self._held:
            self._held = bytearray()
        self._phase = BODY
        # A trailer field is no header: the application must not see it, least of all while it is at work.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        if self._phase == TRAILER:
            self._phase = BODY
        HttpToolsProtocol.on_body(self, body)

    def on_chunk_header(self) -> None:
        self._phase = TRAILER
        self._fed = NOTHING

    def on_message_complete(self) -> None:
        if self._is_upgrade:
            return
        self._phase = IDLE
        self._has_ended = True
        HttpToolsProtocol.on_message_complete(self)

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._running = self.pipeline[-1][0]
            HttpToolsProtocol.on_response_complete(self)
            return
        HttpToolsProtocol.on_response_complete(self)
        if self._refusal is not None and not self.transport.is_closing():
            self._say(self._refusal)
        elif self._phase == HEAD:
            self._wait(self.limits.head_timeout_s, self._time_out)

    # ------------------------------------------------------------------ what is wrong
    def _look_at_fields(self) -> None:
        """Only if there are many, one comes twice, or a body comes in an unusual way."""
        names = [name for name, _ in self.headers]
        if len(names) > self._fields_max:
            self._stop(self._too_many())
        if names.count(b"host") > 1:
            self._stop(MalformedRequestError(reason="there are several Host fields"))
        for name, value in self.headers:
            if name == TRANSFER_ENCODING and value.strip(b" \t").lower() != b"chunked":
                self._stop(MalformedRequestError(reason="Transfer-Encoding is chunked, if anything"))

    def _look_at_sizes(self) -> None:
        """Only of a head that can be too large."""
        if len(self.url) > self.limits.target_bytes_max:
            self._stop(self._too_long())
        version_bytes = max(
            (len(value) for name, value in self.headers if name in VERSION_HEADERS), default=0
        )
        if version_bytes > self.limits.version_header_bytes_max:
            self._stop(beyond_version(self.limits.version_header_bytes_max))
        total_bytes = sum(len(name) + len(value) + FIELD_OVERHEAD_BYTES for name, value in self.headers)
        if total_bytes > self.limits.header_bytes_max:
            self._stop(self._too_large())

    def _look_at_crowd(self) -> None:
        is_crowded = len(self.connections) >= self._crowd or len(self.tasks) >= self._crowd
        if is_crowded and not self.url.startswith(OPERATIONAL):
            self._stop(BusyError())
        if len(self.pipeline) >= self.limits.pipelined_max:
            # The newest in the queue ends the connection; the rest is asked again on another one (RFC 9112
            # section 9.3.2).
            self.cycle.keep_alive = False
            self._stop(BusyError())

    def _stop(self, error: DitsError) -> NoReturn:
        """Out of the parser, into `data_received`."""
        self._found = error
        raise error

    def _too_long(self) -> DitsError:
        return UriTooLongError(limit_bytes=self.limits.target_bytes_max)

    def _too_many(self) -> DitsError:
        return _beyond(f"at most {self._fields_max} fields")

    def _too_large(self) -> DitsError:
        return _beyond(f"at most {self.limits.header_bytes_max} bytes together")

    def _misread(self, data: bytes, error: httptools.HttpParserError) -> DitsError:
        ours = isinstance(error, httptools.HttpParserCallbackError)
        return malformed(bytes(self._held) + data, self.url, "Invalid target" if ours else str(error))

    def _is_busy(self) -> bool:
        running = self._running
        return running is not None and not (running.response_complete or running.disconnected)

    # ------------------------------------------------------------------ what is not all there
    def _wait_for_the_rest(self, data: bytes) -> None:
        """Of a head or a trailer, which has begun in `data` or before."""
        if self._fed != NOTHING:
            self._fed += len(data)
        else:
            self._fed = 0 if self._has_ended or self._phase == TRAILER else len(data)
            self._held = bytearray()
            self._began = self.loop.time()
        if self._phase == HEAD:
            self._held += data
        target_bytes = len(self.url) + REQUEST_LINE_OVERHEAD_BYTES if self._phase == HEAD else 0
        if len(self.url) > self.limits.target_bytes_max:
            self._refuse(self._too_long())
        elif len(self.headers) > self._fields_max:
            self._refuse(self._too_many())
        elif self._fed - target_bytes > self.limits.header_bytes_max:
            self._refuse(self._too_large())
        elif self._phase == HEAD and self.timeout_keep_alive_task is None and not self._is_busy():
            self._wait(self.limits.head_timeout_s, self._time_out)

    def _wait(self, seconds: float, then: Callable[[], object]) -> None:
        """There is one timer a connection, for whatever it waits for."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(seconds, then)

    def _time_out(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HeadTimeoutError(limit_s=int(self.limits.head_timeout_s)))

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """An upgrade may be ignored (RFC 9110 section 7.8); but the parser takes the body for the other
        protocol's, so a new one reads the head again, without that field."""
        version = self.parser.get_http_version().encode()
        line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        fields = [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
        self._is_upgrade = False
        self._phase = IDLE
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"\r\n".join([line, *fields, b"", b""]) + rest)

    # ------------------------------------------------------------------ what is said
    def _refuse(self, error: DitsError) -> None:
        in_body = self._phase in {BODY, TRAILER}
        refusal = self._refusal_of(error)
        self._phase = REFUSED
        self._fed = 0
        self._unset_keepalive_if_required()
        if in_body and not self._is_given_up():
            self.transport.close()
        elif self._is_busy():
            self._refusal = refusal
        else:
            self._say(refusal)

    def _is_given_up(self) -> bool:
        """The request whose body is broken; its answer must not have begun."""
        cycle = self.cycle
        if cycle is not self._running:
            self.pipeline.popleft()
            return True
        if cycle.response_complete:
            return True
        cycle.disconnected = True
        cycle.message_event.set()
        return not cycle.response_started

    def _refusal_of(self, error: DitsError) -> Refusal:
        problem, correlation_id = problem_of(error), self.watch.fresh_id()
        kind = SECURITY_KINDS.get(error.code)
        if kind is not None:
            facts = {name: error.facts[name] for name in LOGGED_FACTS if name in error.facts}
            security.warning(f"security.{kind}", correlation_id=correlation_id, **facts)
            self.watch.security_event(kind, self.scope, correlation_id)
        if kind == "header_injection":
            problem = replace(problem, headers=(*problem.headers, *self.watch.version_headers()))
        # The parser knows a method before it has read one.
        method = self.parser.get_method().decode() if self.url else UNKNOWN
        path = self.url.partition(b"?")[0].decode("latin-1") or "/"
        seconds = self.loop.time() - self._began if self._held else 0.0
        return Refusal(problem, correlation_id, method, path, seconds)

    def _say(self, refusal: Refusal) -> None:
        text = refusal.text(self.server_state.default_headers)
        self._refusal = None
        self.transport.write(text)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._wait(LINGER_S, self.transport.abort)
        self.watch.answered(refusal.method, UNKNOWN, refusal.problem.status, UNKNOWN, refusal.seconds)
        log.info(
            "request",
            correlation_id=refusal.correlation_id,
            method=refusal.method,
            route=UNKNOWN,
            operation=None,
            status=refusal.problem.status,
            code=refusal.problem.code,
            whole=True,
            bytes_sent=len(text),
            took_ms=int(refusal.seconds * 1000),
            consumer=None,
        )

    def _drop(self, data: bytes) -> None:
        self._fed += len(data)
        if self._fed > LINGER_BYTES_MAX:
            self.transport.abort()


def _beyond(rule: str) -> DitsError:
    return HeaderFieldsTooLargeError(rule=rule)
