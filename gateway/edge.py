"""The one ASGI edge around the router: every request goes through its pipeline, whatever becomes of it.

Promises: every answer carries a correlation id (R33, V10.1), and every error is the same envelope;
operational paths pass before anything else is asked (R10), versions are told from prebuilt bytes, everything
else reaches the router with the version that was settled; an exception after the answer began closes the
connection instead of pretending (V7.4d); one log line and one measurement a request, without a client's value
in a label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import DitsError, InvalidPathError
from domain.ports import Clock, Ids
from gateway.access import AccessLine, AccessLog, logged
from gateway.addresses import Network, client_address
from gateway.admission import Admission, Arrival, Passage
from gateway.caller import Caller, Principal
from gateway.correlation import bound, correlation_id
from gateway.discovering import ALLOWED, discovered
from gateway.errors import MEDIA_TYPE, VARY, BusyError, escaped
from gateway.http_door import headers_of
from gateway.measures import METHODS, Measures
from gateway.negotiation import spoken_in
from gateway.refusals import Refusals, Refused
from gateway.tracing import Ending, Span, Tracer

OPERATIONAL = re.compile(r"/|/health(?:/.*)?|/metrics|/config/status|/openapi(?:\.json|/.*)")
"""Never versioned, limited or refused for what a header says; `/` and the descriptions are of that kind."""
DISCOVERY = "/versions"
UNKNOWN_ROUTE = "unknown"
CLIENT_GONE_STATUS = 499
"""In logs and metrics only: nobody hears it."""
FAULT_STATUS = 500
"""What a request that nobody answered is measured as."""
COMMON = ((b"Vary", VARY.encode()), (b"X-Content-Type-Options", b"nosniff"))
NO_STORE = (b"Cache-Control", b"no-store")


class Met(NamedTuple):
    """A request that is over: what is measured, logged and traced of it."""

    method: str
    """As the client sent it."""
    route: str
    operation: str | None
    status: int
    """0 if no answer was begun."""
    whole: bool
    caller: Caller | None
    version: str
    correlation: str
    bytes_sent: int
    took_ms: int


@dataclass(frozen=True, slots=True)
class Edge:
    """Pure ASGI; `app` raises what it likes."""

    app: ASGIApp
    admission: Admission
    measures: Measures
    tracer: Tracer
    clock: Clock
    ids: Ids
    requests_max: int
    trusted_proxies: Sequence[Network] = ()
    is_draining: Callable[[], bool] = lambda: False
    access_log: AccessLog = logged
    _in_progress: set[int] = field(default_factory=set[int])
    """Requests being answered, by the identity of their scope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = headers_of(scope)
        correlation = correlation_id(headers.get("x-correlation-id"), self.ids)
        scope["app"], scope["dits.correlation_id"] = self.app, correlation
        visit = _Visit(self, scope, send, correlation, Passage(), self.tracer.began(headers))
        if_match = "if-match" in headers
        refusals = Refusals(self.measures, self.admission.signals, correlation, if_match=if_match)
        began_ms = self.clock.monotonic_ms()
        before = bound().set(correlation)
        self._in_progress.add(id(scope))
        try:
            refused = await refusals.of(visit.served(receive, headers))
            if refused is not None:
                await visit.refuse(refused)
            elif not visit.status:
                visit.status = CLIENT_GONE_STATUS
        finally:
            self._in_progress.discard(id(scope))
            self.note(visit.met(self.clock.monotonic_ms() - began_ms), visit.span)
            bound().reset(before)

    @property
    def is_full(self) -> bool:
        return len(self._in_progress) > self.requests_max

    def note(self, met: Met, span: Span | None) -> None:
        """Measured, logged and traced: every request, whoever answered it."""
        known = met.caller if isinstance(met.caller, Principal) else None
        name = known.name if known is not None else "anonymous"
        status = met.status or FAULT_STATUS
        self.measures.answered(met.method, met.route, status, met.version, met.took_ms / 1000)
        said = met.method if met.method in METHODS else escaped(met.method, characters_max=16)
        line = AccessLine(said, met.route, met.operation, met.status, met.whole, name, met.version)
        self.access_log(line, met.correlation, met.bytes_sent, met.took_ms)
        if span is None:
            self.tracer.left()
            return
        kind = known.kind if known is not None else "anonymous"
        self.tracer.ended(span, Ending(met.method, met.route, status, met.version, met.correlation, kind))


@dataclass(slots=True)
class _Visit:
    """One request on its way through the edge."""

    edge: Edge
    scope: Scope
    send: Send
    correlation: str
    passage: Passage
    span: Span | None
    status: int = 0
    """Of the answer that was begun; this and the next two say what was sent."""
    bytes_sent: int = 0
    finished: bool = False

    async def served(self, receive: Receive, headers: dict[str, str]) -> None:
        scope, edge = self.scope, self.edge
        if OPERATIONAL.fullmatch(scope["path"]):
            await edge.app(scope, receive, self.say)
            return
        if edge.is_full:
            raise BusyError()
        spoken = spoken_in(scope)
        is_discovery = spoken.path == DISCOVERY or spoken.path.startswith("/versions/")
        forwarded = forwarded_for(scope) if edge.trusted_proxies else None
        arrival = Arrival(
            spoken.given,
            spoken.opted_in,
            headers,
            client_address(scope.get("client"), forwarded, edge.trusted_proxies),
            self.correlation,
            is_discovery,
        )
        await edge.admission.admit(arrival, self.passage)
        scope["dits.path"] = scope["path"]
        scope["path"], scope["query_string"] = spoken.path, spoken.query_string
        _refuse_broken_path(scope)
        if is_discovery:
            await self._discover(arrival)
            return
        scope["dits.caller"], scope["dits.edition"] = self.passage.caller, self.passage.edition
        await edge.app(scope, receive, self.say)

    async def _discover(self, arrival: Arrival) -> None:
        if self.scope["method"] == "OPTIONS":
            allow = [(b"Allow", ALLOWED.encode())]
            await self.say({"type": "http.response.start", "status": 204, "headers": allow})
            await self.say({"type": "http.response.body", "body": b"", "more_body": False})
            return
        found = discovered(self.scope, arrival, self.passage)
        self.scope["dits.route"] = found.route
        headers = list(found.page.headers)
        if found.status == 304:  # the server would wait for as many bytes as are told
            headers = [each for each in headers if each[0] != b"Content-Length"]
        await self.say({"type": "http.response.start", "status": found.status, "headers": headers})
        body = b"" if found.status == 304 or self.scope["method"] == "HEAD" else found.page.body
        await self.say({"type": "http.response.body", "body": body, "more_body": False})

    @property
    def route(self) -> str:
        told: str | None = self.scope.get("dits.route")
        if told is not None:
            return told
        route = self.scope.get("route")
        return str(route.path).replace(":path}", "}") if route is not None else UNKNOWN_ROUTE

    def met(self, took_ms: int) -> Met:
        """Once it is over."""
        scope, passage = self.scope, self.passage
        return Met(
            scope["method"],
            self.route,
            scope.get("dits.operation"),
            self.status,
            self.finished,
            passage.caller,
            passage.version,
            self.correlation,
            self.bytes_sent,
            took_ms,
        )

    # ---------------------------------------------------------------- what is said
    async def say(self, message: Message) -> None:
        """`send`, with the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._headers(cast("list[tuple[bytes, bytes]]", message.get("headers", [])))
        elif message["type"] == "http.response.body":
            self.bytes_sent += len(cast("bytes", message.get("body", b"")))
            self.finished = not message.get("more_body", False)
        await self.send(message)

    def _headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        correlation = (b"X-Correlation-ID", self.correlation.encode())
        headers = [*given, correlation, *COMMON, *self.passage.headers()]
        if not _holds(given, b"cache-control"):
            headers.append(NO_STORE)
        if self.edge.is_draining() and not _holds(given, b"connection"):
            headers.append((b"Connection", b"close"))
        return headers

    async def refuse(self, refused: Refused) -> None:
        if self.status:
            # The status line is out: only a broken connection can still say that the body is not whole.
            raise AnswerBrokenError()
        asked_for = self.scope.get("dits.path") or self.scope["path"]  # with the version in it
        written = refused.written(asked_for, self.correlation)
        more = self.passage.refusal_headers(refused.error) if refused.error is not None else ()
        length = (b"Content-Length", str(len(written.body)).encode())
        headers = [(b"Content-Type", MEDIA_TYPE.encode()), length, NO_STORE, *written.headers, *more]
        await self.say({"type": "http.response.start", "status": written.status, "headers": headers})
        content = b"" if self.scope["method"] == "HEAD" else written.body
        await self.say({"type": "http.response.body", "body": content, "more_body": False})


class AnswerBrokenError(DitsError):
    """The answer broke off after it had begun"""


def _holds(headers: list[tuple[bytes, bytes]], name: bytes) -> bool:
    """`name` is lower-case."""
    for each, _ in headers:  # noqa: SIM110 -- on every answer's way, and `any` takes twice as long
        if each.lower() == name:
            return True
    return False


def forwarded_for(scope: Scope) -> str:
    """All lines of it are one list (RFC 9110 5.3)."""
    lines = [text for name, text in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(lines).decode("latin-1")


def _refuse_broken_path(scope: Scope) -> None:
    """uvicorn replaces what is not UTF-8, and Starlette's `$` lets a newline pass: neither comes that far."""
    path: str = scope["path"]
    raw = scope.get("raw_path")
    if isinstance(raw, bytes) and b"%" in raw:
        try:
            unquote_to_bytes(raw.partition(b"?")[0]).decode()
        except UnicodeDecodeError as error:
            raise InvalidPathError(path=escaped(path), rule="an address is UTF-8") from error
    if not path.isprintable() and any(ord(char) < 0x20 or ord(char) == 0x7F for char in path):
        raise InvalidPathError(path=escaped(path), rule="an address holds no control characters")


def caller_in(scope: Scope) -> Caller:
    """Who asks, as the edge found out."""
    return cast("Caller", scope["dits.caller"])
