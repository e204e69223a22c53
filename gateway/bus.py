"""NATS' door: the operations of the table by request and reply, for those who live on the bus.

Promises: the same checks, idempotency and answers as over HTTP, because the same functions give them; the
payload is the JSON body with the path's parameters merged in, `Status` in the reply's headers is HTTP's; a
bounded number at once, the next one is told to come back. Bytes do not travel here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

import pydantic_core
import structlog
from pydantic import BaseModel

from domain.errors import BodyTooLargeError, InvalidBodyError, MalformedBodyError
from domain.version_spec import HEADER_NAMES, OPT_IN_HEADER, Given
from gateway.admission import Arrival, Passage
from gateway.caller import Principal
from gateway.correlation import correlation_id
from gateway.errors import MEDIA_TYPE, BusyError, RouteNotFoundError, escaped, problem_of
from gateway.http_door import answer_headers
from gateway.openapi import PARAMETER
from gateway.operation import Answer, AnyOperation
from gateway.operations import OPERATIONS, by_subject
from gateway.perform import Gateway, Request, performed, permit
from gateway.refusals import Refusals, Refused
from gateway.tracing import Ending
from gateway.wire.editions import downgraded

SUBJECTS = ("dits.cmd.>", "dits.qry.>")
QUEUE = "gateway"
ADDRESS = "bus"
"""One of the gateways takes each request."""

log = structlog.get_logger("gateway.bus")


class Asked(NamedTuple):
    """A request as it came over the bus."""

    subject: str
    reply_to: str
    headers: Mapping[str, str]
    payload: bytes


class Line(Protocol):
    """The NATS connection as this door sees it."""

    def serve(
        self, subject: str, queue: str, told: Callable[[str, str, Mapping[str, str], bytes], None]
    ) -> None:
        """Call `told(subject, reply_to, headers, payload)` for each request, in a thread of its own; it must
        not block. Survives reconnects."""
        ...

    def answer(self, reply_to: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Send, from any thread; lost if the line is broken, which the asker's time-out notices."""
        ...


@dataclass(frozen=True, slots=True)
class BusDoor:
    """Answers what `line` brings, for as long as `open` is entered."""

    gateway: Gateway
    line: Line
    operations: tuple[AnyOperation, ...] = OPERATIONS

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        loop, doors, limit = asyncio.get_running_loop(), by_subject(self.operations), self.limit
        running = set[asyncio.Task[None]]()
        async with asyncio.TaskGroup() as group:

            def begin(asked: Asked) -> None:
                if len(running) >= limit:
                    self._refuse(asked, Refused(problem_of(BusyError())), "unknown")
                    return
                task = group.create_task(self._serve(asked, doors.get(asked.subject, ())))
                running.add(task)
                task.add_done_callback(running.discard)

            closed = False

            def told(subject: str, reply_to: str, headers: Mapping[str, str], payload: bytes) -> None:
                if not closed and not loop.is_closed():
                    loop.call_soon_threadsafe(begin, Asked(subject, reply_to, headers, payload))

            for subject in SUBJECTS:
                await asyncio.to_thread(self.line.serve, subject, QUEUE, told)
            try:
                yield
            finally:
                closed = True

    @property
    def limit(self) -> int:
        return self.gateway.core.limits.bus_requests_max

    async def _serve(self, asked: Asked, operations: Sequence[AnyOperation]) -> None:
        core = self.gateway.core
        headers = {name.lower(): text.strip(" \t") for name, text in asked.headers.items()}
        headers.pop("accept", None)  # a reply is one message, so it is never a stream
        correlation = correlation_id(headers.get("x-correlation-id"), core.ids)
        began_ms = core.clock.monotonic_ms()
        route = operations[0].subject if operations else None
        with structlog.contextvars.bound_contextvars(correlation_id=correlation):
            passage, tracer = Passage(), self.gateway.tracer
            span = tracer.began(headers)
            refusals = Refusals(self.gateway.measures, self.gateway.admission.signals, correlation)
            refused = await refusals.of(
                self._answered(asked, operations, _arrival(headers, correlation), passage)
            )
            if refused is not None:
                self._refuse(asked, refused, correlation, passage)
            status = refused.problem.status if refused is not None else 200
            took_ms = core.clock.monotonic_ms() - began_ms
            self.gateway.measures.answered(
                "NATS", route or "unknown", status, passage.version, took_ms / 1000
            )
            log.info("request", method="NATS", route=route, status=status, took_ms=took_ms)
            kind = passage.caller.kind if isinstance(passage.caller, Principal) else "anonymous"
            ending = Ending("NATS", route or "unknown", status, passage.version, correlation, kind)
            tracer.ended(span, ending)

    async def _answered(
        self,
        asked: Asked,
        operations: Sequence[AnyOperation],
        arrival: Arrival,
        passage: Passage,
    ) -> None:
        await self.gateway.admission.admit(arrival, passage)
        if not operations:
            raise RouteNotFoundError()
        members = _members(asked.payload)
        operation = _chosen(operations, members)
        limit_bytes = operation.limit_bytes(self.gateway.core.limits)
        if len(asked.payload) > limit_bytes:
            raise BodyTooLargeError(limit_bytes=limit_bytes)
        request = _request(operation, members, arrival, passage)
        assert passage.caller is not None
        await permit(self.gateway, operation, request, passage.caller)
        answer = await performed(self.gateway, operation, request, passage.caller)
        assert isinstance(answer, Answer), operation.name
        self._say(asked, operation, answer, request, passage)

    def _say(
        self, asked: Asked, operation: AnyOperation, answer: Answer, request: Request, passage: Passage
    ) -> None:
        body, edition = answer.body, request.edition
        if isinstance(body, BaseModel):
            body = downgraded(operation, edition, body).model_dump_json().encode()
        payload = body or b""
        assert isinstance(payload, bytes), operation.name
        status = answer.status if answer.status is not None else operation.success
        said = dict(answer_headers(answer))
        headers = {**_always(status, request.correlation_id), **_text(passage.headers()), **said}
        self.line.answer(asked.reply_to, payload, headers)

    def _refuse(
        self, asked: Asked, refused: Refused, correlation: str, passage: Passage | None = None
    ) -> None:
        written, more = refused.written(asked.subject, correlation), list[tuple[bytes, bytes]]()
        if passage is not None:
            more = passage.headers()
            more += passage.refusal_headers(refused.error) if refused.error is not None else ()
        headers = {
            **_always(written.status, correlation),
            "Content-Type": MEDIA_TYPE,
            **_text(more),
            **_joined(written.headers),
        }
        self.line.answer(asked.reply_to, written.body, headers)


def _arrival(headers: Mapping[str, str], correlation: str) -> Arrival:
    """Nobody on the bus has an address; those without a key share one."""
    given = [Given("header", name, headers[name.lower()]) for name in HEADER_NAMES if name.lower() in headers]
    opted_in = headers.get(OPT_IN_HEADER.lower(), "").lower() == "true"
    return Arrival(given, opted_in, headers, ADDRESS, correlation)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Several fields of one name are one list (RFC 9110 5.3)."""
    said: dict[str, str] = {}
    for raw_name, raw in headers:
        name, value = raw_name.decode(), raw.decode("latin-1")
        said[name] = f"{said[name]}, {value}" if name in said else value
    return said


def _text(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in headers}


def _always(status: int, correlation: str) -> dict[str, str]:
    return {"Status": str(status), "X-Correlation-ID": correlation}


def _members(payload: bytes) -> dict[str, object]:
    """Raises MalformedBodyError, InvalidBodyError."""
    try:
        members: object = pydantic_core.from_json(payload or b"{}", allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBodyError(expected="JSON", reason=escaped(str(error), characters_max=120)) from error
    if not isinstance(members, dict):
        raise InvalidBodyError(problems=("body: is not an object",))
    return cast("dict[str, object]", members)


def _chosen(operations: Sequence[AnyOperation], members: Mapping[str, object]) -> AnyOperation:
    """Of several addresses of one operation, the one that needs most of what is named.

    Raises InvalidBodyError for a parameter that is missing.
    """
    ordered = sorted(operations, key=lambda each: len(PARAMETER.findall(each.path)), reverse=True)
    for operation in ordered:
        if all(isinstance(members.get(name), str) for name in PARAMETER.findall(operation.path)):
            return operation
    missing = [name for name in PARAMETER.findall(ordered[-1].path) if not isinstance(members.get(name), str)]
    raise InvalidBodyError(problems=tuple(f"{name}: is not there, or no text" for name in missing))


def _request(
    operation: AnyOperation, members: dict[str, object], arrival: Arrival, passage: Passage
) -> Request:
    names = PARAMETER.findall(operation.path)
    path = {name: str(members.pop(name)) for name in names}
    body = pydantic_core.to_json(members)

    async def content() -> bytes:
        return body

    return Request(
        method=operation.method,
        path=path,
        headers=arrival.headers,
        query=members,
        content=content,
        correlation_id=arrival.correlation_id,
        edition=passage.edition,
    )
