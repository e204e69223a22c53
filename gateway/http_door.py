"""HTTP's door: an ASGI endpoint for every path of the table, from scope and messages to a call and back.

Promises: bodies are read only from those who may send them and never beyond their limit (413); raw bodies are
handed on in blocks while the next one arrives; a client that goes away ends its stream and tells its sink
(S2.1); HEAD answers as GET does, without the body.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from domain.errors import BodyTooLargeError, InvalidQueryError
from gateway.auth import login_needed
from gateway.budget import Budget
from gateway.caller import Anonymous, Caller
from gateway.errors import BodyTimeoutError, MethodNotAllowedError, UnsupportedMediaTypeError
from gateway.operation import JSON, OCTETS, Answer, AnyOperation, Live, Pending, Sink
from gateway.perform import Gateway, Request, performed, permit
from gateway.wire.editions import downgraded

T = TypeVar("T")

QUERY_FIELDS_MAX = 32
NAMES_KEPT = 1_024
"""Of header fields; clients may send any, so it is bounded."""


class ClientGone(Exception):  # noqa: N818 -- no error of ours: nobody is left to hear it
    """The client closed the connection before it had sent everything."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request's ASGI callables, with what the edge noted on the way in."""

    scope: Scope
    receive: Receive
    send: Send
    correlation_id: str
    headers: Mapping[str, str]

    @property
    def edition(self) -> str:
        """The wire form that the edge settled on."""
        edition: str = self.scope["dits.edition"]
        return edition


@dataclass(frozen=True, slots=True)
class PathDoor:
    """All operations of one path."""

    gateway: Gateway
    by_method: Mapping[str, AnyOperation]
    raw_bodies: Budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, scope["dits.correlation_id"], headers_of(scope))
        method: str = scope["method"]
        if method == "OPTIONS":
            await start(exchange, 204, [("Allow", self.allowed)])
            await finish(exchange)
            return
        operation = self.by_method.get(method)
        if operation is None and method == "HEAD":
            operation = self.by_method.get("GET")
        if operation is None and method != "GET" and isinstance(scope["dits.caller"], Anonymous):
            raise login_needed()  # who may only read is not told what else there is (R31, V4.1d)
        if operation is None:
            raise MethodNotAllowedError(method=method[:16], allowed=self.allowed)
        scope["dits.operation"] = operation.name
        await self._serve(operation, exchange)

    @property
    def allowed(self) -> str:
        methods = {*self.by_method, "OPTIONS"}
        return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))

    async def _serve(self, operation: AnyOperation, exchange: Exchange) -> None:
        request = self._request(operation, exchange)
        caller: Caller = exchange.scope["dits.caller"]
        await permit(self.gateway, operation, request, caller)
        _refuse_media_type(operation, request.headers)
        self.gateway.pressure.refuse(operation.takes)
        if operation.takes == "bytes":
            async with self.raw_bodies.share(self._held_bytes(operation, request)):
                follows = await performed(self.gateway, operation, request, caller)
        else:
            follows = await performed(self.gateway, operation, request, caller)
        assert not isinstance(follows, Pending)
        if not isinstance(follows, Answer):
            follows = await self._poured(exchange, operation, follows)
        await self._answer(exchange, operation, follows)

    def _request(self, operation: AnyOperation, exchange: Exchange) -> Request:
        limit_bytes = operation.limit_bytes(self.gateway.core.limits)

        async def content() -> bytes:
            return b"".join([part async for part in self._parts(exchange, limit_bytes)])

        return Request(
            method=exchange.scope["method"],
            path=exchange.scope.get("path_params", {}),
            headers=exchange.headers,
            query=query_of(exchange.scope),
            content=content,
            correlation_id=exchange.correlation_id,
            edition=exchange.edition,
        )

    # ---------------------------------------------------------------- bodies in
    def _held_bytes(self, operation: AnyOperation, request: Request) -> int:
        """What a whole body takes of the budget; questions are too small to count."""
        limits = self.gateway.core.limits
        limit_bytes, announced = operation.limit_bytes(limits), request.headers.get("content-length", "")
        held_bytes = min(int(announced), limit_bytes) if announced.isdigit() else limit_bytes
        return held_bytes if limit_bytes > limits.json_bytes_max else 0

    async def _parts(self, exchange: Exchange, limit_bytes: int) -> AsyncGenerator[bytes]:
        """The body as it arrives. Raises BodyTooLargeError, BodyTimeoutError, ClientGone."""
        announced = exchange.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit_bytes:
            raise BodyTooLargeError(limit_bytes=limit_bytes)
        left, more = limit_bytes, True
        timeout_s = self.gateway.core.limits.body_timeout_s
        while more:
            try:
                async with asyncio.timeout(timeout_s):
                    message = await exchange.receive()
            except TimeoutError as error:
                raise BodyTimeoutError(limit_s=int(timeout_s)) from error
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = cast("bytes", message.get("body", b""))
            left -= len(part)
            if left < 0:
                raise BodyTooLargeError(limit_bytes=limit_bytes)
            more = message.get("more_body", False)
            if part:
                yield part

    async def _poured(self, exchange: Exchange, operation: AnyOperation, sink: Sink) -> Answer:
        """The body into the sink."""
        try:
            await self._pour(exchange, operation, sink)
            return await self._whole(sink.end)
        except BaseException as error:
            await self._whole(sink.interrupted)
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from error
            raise

    async def _pour(self, exchange: Exchange, operation: AnyOperation, sink: Sink) -> None:
        """One block is written while the next one arrives, and what came before a body broke off is too."""
        limits, block = self.gateway.core.limits, bytearray()
        broken: Exception | None = None
        async with asyncio.TaskGroup() as group:
            writing: asyncio.Task[None] | None = None
            try:
                async for part in self._parts(exchange, operation.limit_bytes(limits)):
                    block += part
                    if len(block) >= limits.block_bytes:
                        if writing is not None:
                            await writing
                        writing = group.create_task(self._written(sink, bytes(block)))
                        block.clear()
            except (ClientGone, BodyTimeoutError) as error:
                broken = error
        if block:
            await self._written(sink, bytes(block))
        if broken is not None:
            raise broken

    async def _written(self, sink: Sink, block: bytes) -> None:
        await self._whole(lambda: sink.write(block))

    async def _whole(self, step: Callable[[], T]) -> T:
        """To its end, also while this request is being cancelled: no step of a sink overlaps another."""
        running: asyncio.Future[T] = asyncio.ensure_future(self.gateway.bridge.run(step))
        cancelled: asyncio.CancelledError | None = None
        while not running.done():
            try:
                await asyncio.wait((running,))
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            running.exception()
            raise cancelled
        return running.result()

    # ---------------------------------------------------------------- answers out
    async def _answer(self, exchange: Exchange, operation: AnyOperation, answer: Answer) -> None:
        status = answer.status if answer.status is not None else operation.success
        body = answer.body
        if isinstance(body, BaseModel):
            body = downgraded(operation, exchange.edition, body).model_dump_json().encode()
        headers = answer_headers(answer)
        if body is None or isinstance(body, bytes):
            content = body or b""
            if status not in {204, 304}:
                headers.append(("Content-Length", str(len(content))))
            await start(exchange, status, headers)
            await finish(exchange, b"" if exchange.scope["method"] == "HEAD" else content)
            return
        if answer.length_bytes is not None:
            headers.append(("Content-Length", str(answer.length_bytes)))
        await start(exchange, status, headers)
        await self._stream(exchange, body)

    async def _stream(self, exchange: Exchange, body: Iterator[bytes] | Live) -> None:
        if exchange.scope["method"] == "HEAD":
            await finish(exchange)
            return
        gone = asyncio.Event()
        async with tasks() as group:
            watch = group.create_task(_watch(exchange, gone))
            try:
                await (
                    self._listen(exchange, body, gone) if callable(body) else self._pump(exchange, body, gone)
                )
            finally:
                watch.cancel()

    async def _pump(self, exchange: Exchange, body: Iterator[bytes], gone: asyncio.Event) -> None:
        """Block by block, until the end or until nobody reads any more."""
        run = self.gateway.bridge.run
        try:
            while (block := await run(lambda: next(body, None))) is not None and not gone.is_set():
                await exchange.send({"type": "http.response.body", "body": block, "more_body": True})
        finally:
            if isinstance(body, Generator):
                await asyncio.shield(run(body.close))
        await finish(exchange)

    async def _listen(self, exchange: Exchange, live: Live, gone: asyncio.Event) -> None:
        """Ends with the body, with the client, or with this process."""
        async with aclosing(live(self.gateway)) as blocks, asyncio.TaskGroup() as group:
            ends = {group.create_task(each.wait()) for each in (gone, self.gateway.stopping)}
            while True:
                block = group.create_task(anext(blocks, None))
                await asyncio.wait((block, *ends), return_when=asyncio.FIRST_COMPLETED)
                content = block.result() if block.done() else None
                if content is None:
                    break
                await exchange.send({"type": "http.response.body", "body": content, "more_body": True})
            for waiting in (block, *ends):
                waiting.cancel()
        await finish(exchange)


def answer_headers(answer: Answer) -> list[tuple[str, str]]:
    """What every door says beside the body."""
    headers = list(answer.headers)
    if answer.position is not None:
        headers.append(("X-Dits-Position", answer.position.encode()))
    if answer.replayed:
        headers.append(("Idempotency-Replayed", "true"))
    if answer.body is not None:
        media_type = answer.media_type or (JSON if isinstance(answer.body, BaseModel) else OCTETS)
        headers.append(("Content-Type", media_type))
    return headers


def headers_of(scope: Scope) -> dict[str, str]:
    """Lower-case names; of repeated fields the first counts."""
    fields = cast("list[tuple[bytes, bytes]]", scope["headers"])
    return {_known_name(name): text.decode("latin-1").strip(" \t") for name, text in reversed(fields)}


@lru_cache(NAMES_KEPT)
def _known_name(name: bytes) -> str:
    """The same ones come on every request."""
    return name.decode("latin-1").lower()


async def start(exchange: Exchange, status: int, headers: list[tuple[str, str]]) -> None:
    raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers]
    await exchange.send({"type": "http.response.start", "status": status, "headers": raw})


async def finish(exchange: Exchange, content: bytes = b"") -> None:
    await exchange.send({"type": "http.response.body", "body": content, "more_body": False})


@asynccontextmanager
async def tasks() -> AsyncGenerator[asyncio.TaskGroup]:
    """A task group whose first error comes out as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


async def _watch(exchange: Exchange, gone: asyncio.Event) -> None:
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def query_of(scope: Scope) -> dict[str, str]:
    """Raises InvalidQueryError for what is no query, and for a name that comes twice."""
    try:
        pairs = parse_qsl(
            cast("bytes", scope.get("query_string", b"")).decode("ascii"),
            keep_blank_values=True,
            max_num_fields=QUERY_FIELDS_MAX,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidQueryError(problems=("it is not a query of UTF-8 text",)) from error
    query = dict(pairs)
    if len(query) != len(pairs):
        raise InvalidQueryError(problems=("a name comes twice",))
    return query


def _refuse_media_type(operation: AnyOperation, headers: Mapping[str, str]) -> None:
    """A body of another type is a mistake, or a form that another site made a browser send."""
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if operation.takes == "json" and given not in {"", JSON}:
        raise UnsupportedMediaTypeError(expected=JSON)
    if operation.takes == "bytes" and given not in {"", OCTETS}:
        raise UnsupportedMediaTypeError(expected=OCTETS)
