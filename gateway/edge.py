"""The one ASGI edge around the router: what holds for every request, whatever became of it.

Promises: every answer carries a correlation id (R33, V10.1); every error is the same envelope and no bug says
anything about itself (V7.4); an exception after the answer began closes the connection instead of pretending;
one log line and one measurement a request, without a client's value in a label.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote_to_bytes

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import DitsError, InvalidPathError
from domain.ports import Clock, Ids
from gateway.caller import Caller, Principal
from gateway.errors import (
    INTERNAL,
    MEDIA_TYPE,
    VARY,
    BusyError,
    Problem,
    RouteNotFoundError,
    ToldError,
    escaped,
    problem_of,
)
from gateway.http_door import API_VERSION, ClientGone, headers_of
from gateway.measures import Measures

CORRELATION_PATTERN = re.compile(r"[A-Za-z0-9._~-]{1,128}")
KEY_PREFIX = "dits_"
"""Of an API key: one that was put into the wrong header is not said again (I9)."""
UNKNOWN_ROUTE = "unknown"
CLIENT_GONE_STATUS = 499
"""In logs and metrics only: nobody hears it."""

log = structlog.get_logger("gateway.edge")


@dataclass(slots=True)
class _Reply:
    """What has been sent so far."""

    status: int = 0
    bytes_sent: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """Pure ASGI; `app` raises what it likes."""

    app: ASGIApp
    measures: Measures
    clock: Clock
    ids: Ids
    requests_max: int
    is_draining: Callable[[], bool] = lambda: False
    _in_progress: set[int] = field(default_factory=set[int])
    """Requests being answered, by the identity of their scope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["app"] = self.app
        scope["dits.correlation_id"] = correlation_id(headers_of(scope).get("x-correlation-id"), self.ids)
        reply, began_ms = _Reply(), self.clock.monotonic_ms()
        structlog.contextvars.bind_contextvars(correlation_id=scope["dits.correlation_id"])
        self._in_progress.add(id(scope))
        try:
            await self._answered(scope, receive, _Sending(self, scope, send, reply))
        finally:
            self._in_progress.discard(id(scope))
            self._note(scope, reply, self.clock.monotonic_ms() - began_ms)
            structlog.contextvars.unbind_contextvars("correlation_id")

    async def _answered(self, scope: Scope, receive: Receive, send: _Sending) -> None:
        refusals = Refusals(self.measures, if_match=_has_if_match(scope))
        problem = await refusals.of(self._served(scope, receive, send))
        if problem is not None:
            await self._refuse(scope, send, problem)
        elif not send.reply.status:
            send.reply.status = CLIENT_GONE_STATUS

    async def _served(self, scope: Scope, receive: Receive, send: _Sending) -> None:
        if len(self._in_progress) > self.requests_max and not scope["path"].startswith("/health"):
            raise BusyError()
        _refuse_broken_path(scope)
        await self.app(scope, receive, send)

    async def _refuse(self, scope: Scope, send: _Sending, problem: Problem) -> None:
        if send.reply.status:
            # The status line is out: only a broken connection can still say that the body is not whole.
            raise AnswerBrokenError()
        body = problem.body(scope["path"], scope["dits.correlation_id"])
        headers = [
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            *problem.headers,
        ]
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers]
        await send({"type": "http.response.start", "status": problem.status, "headers": raw})
        content = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": content, "more_body": False})

    def _note(self, scope: Scope, reply: _Reply, took_ms: int) -> None:
        route = _route(scope)
        version = API_VERSION if scope.get("dits.versioned") else "unknown"
        self.measures.answered(scope["method"], route, reply.status or 500, version, took_ms / 1000)
        caller = cast("Caller | None", scope.get("dits.caller"))
        log.info(
            "request",
            method=escaped(scope["method"], characters_max=16),
            route=route,
            operation=scope.get("dits.operation"),
            status=reply.status,
            whole=reply.finished,
            bytes_sent=reply.bytes_sent,
            took_ms=took_ms,
            consumer=caller.name if isinstance(caller, Principal) else None,
        )


@dataclass(frozen=True, slots=True)
class _Sending:
    """`send`, with the headers that every answer carries."""

    edge: Edge
    scope: Scope
    send: Send
    reply: _Reply

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.reply.status = message["status"]
            message = {**message, "headers": self._headers(message)}
        elif message["type"] == "http.response.body":
            self.reply.bytes_sent += len(cast("bytes", message.get("body", b"")))
            self.reply.finished = not message.get("more_body", False)
        await self.send(message)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        headers = list(cast("list[tuple[bytes, bytes]]", message.get("headers", [])))
        given = {name.lower() for name, _ in headers}
        headers += [
            (b"X-Correlation-ID", str(self.scope["dits.correlation_id"]).encode()),
            (b"Vary", VARY.encode()),
            (b"X-Content-Type-Options", b"nosniff"),
        ]
        if self.scope.get("dits.versioned"):
            headers.append((b"X-API-Version", API_VERSION.encode()))
        if b"cache-control" not in given:
            headers.append((b"Cache-Control", b"no-store"))
        if self.edge.is_draining() and b"connection" not in given:
            headers.append((b"Connection", b"close"))
        return headers


@dataclass(frozen=True, slots=True)
class Refusals:
    """What any door says when serving raised: the gateway's error edge (style rule 16)."""

    measures: Measures
    if_match: bool = False

    async def of(self, serving: Awaitable[None]) -> Problem | None:
        """None if it went well, or if nobody is left to hear."""
        try:
            await serving
        except ClientGone:
            return None
        except DitsError as error:
            if error.kind == "bug" and not isinstance(error, ToldError):
                log.exception("request_failed")
            self._count(error)
            return problem_of(error, if_match=self.if_match)
        except HTTPException as error:
            return problem_of(RouteNotFoundError()) if error.status_code == 404 else INTERNAL
        except Exception:
            log.exception("request_failed")
            return INTERNAL
        return None

    def _count(self, error: DitsError) -> None:
        if error.code == "UNAUTHORIZED":
            missing = error.facts.get("reason") == "Authentication required"
            self.measures.auth_failures["missing" if missing else "invalid_api_key"].inc()
        if error.code == "FORBIDDEN":
            self.measures.auth_failures["scope"].inc()


class AnswerBrokenError(DitsError):
    """The answer broke off after it had begun"""


def correlation_id(given: str | None, ids: Ids) -> str:
    """The client's, if it is harmless; else a fresh UUIDv4 (R33)."""
    if given is not None and CORRELATION_PATTERN.fullmatch(given) and not given.startswith(KEY_PREFIX):
        return given
    raw = bytearray(ids.token(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _refuse_broken_path(scope: Scope) -> None:
    """uvicorn replaces what is not UTF-8, and Starlette's `$` lets a newline pass: neither comes that far."""
    path: str = scope["path"]
    raw = scope.get("raw_path")
    if isinstance(raw, bytes):
        try:
            unquote_to_bytes(raw.partition(b"?")[0]).decode()
        except UnicodeDecodeError as error:
            raise InvalidPathError(path=escaped(path), rule="an address is UTF-8") from error
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in path):
        raise InvalidPathError(path=escaped(path), rule="an address holds no control characters")


def _has_if_match(scope: Scope) -> bool:
    return any(name.lower() == b"if-match" for name, _ in scope["headers"])


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return str(route.path).replace(":path}", "}") if route is not None else UNKNOWN_ROUTE
