"""A server on guard around an application that only counts, and what a raw connection to it reads."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread
from typing import Any

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.heads import HeadLimits, KnownScope, Watch
from gateway.protocol import GuardedProtocol
from tests.gateway.served import read_all

Counted = tuple[str, str, int, str, float]
WAIT_S = 5


@dataclass(slots=True)
class Spy:
    """An ASGI application and a watch that remember what reached them.

    `/held` answers once `release` is set, `/live` says a word before, `/gone` waits until its client has
    gone; anything else echoes what it was sent.
    """

    reached: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])
    """Paths whose client was gone before the whole body had come."""
    counted: list[Counted] = field(default_factory=list[Counted])
    security: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    release: Event = field(default_factory=Event)
    ids: Any = field(default_factory=lambda: count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        self.reached.append(path)
        live = path == "/live"
        if live:
            await self._start(send)
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
        body = await self._whole(receive)
        if body is None or (path == "/gone" and await self._whole(receive) is None):
            self.left.append(path)
            return
        while path in {"/held", "/live"} and not self.release.is_set():
            await asyncio.sleep(0.005)
        if not live:
            await self._start(send)
        await send({"type": "http.response.body", "body": _echo(scope, body)})

    async def _whole(self, receive: Receive) -> bytes | None:
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += bytes(message["body"])
            if not message["more_body"]:
                return body

    async def _start(self, send: Send) -> None:
        headers = [(b"x-served", b"yes")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    def watch(self) -> Watch:
        def note(kind: str, scope: KnownScope, correlation_id: str) -> None:
            assert scope["client"]
            self.security.append((kind, correlation_id))

        def answered(*facts: Any) -> None:
            self.counted.append(facts)

        supported = (("X-API-Supported-Versions", "v1, v2"),)
        return Watch(lambda: f"fresh-{next(self.ids)}", answered, note, lambda: supported)


def _echo(scope: Scope, body: bytes) -> bytes:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    echo = {"path": scope["path"], "headers": headers, "body": body.decode("latin-1")}
    return json.dumps(echo).encode()


@dataclass(frozen=True, slots=True)
class Guard:
    """A running server."""

    spy: Spy
    server: uvicorn.Server

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def raw(self, *parts: bytes) -> bytes:
        """Everything that comes back until the server closes the connection."""
        with self.connect() as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except ConnectionError:
                pass
            return read_all(connection)

    def refused(self, *parts: bytes) -> httpx.Response:
        """The one answer to what must not reach the application."""
        before = len(self.spy.reached)
        answers = parsed(self.raw(*parts))
        assert len(self.spy.reached) == before
        assert len(answers) == 1
        return answers[0]


def parsed(received: bytes) -> list[httpx.Response]:
    """The answers, one behind the other."""
    answers: list[httpx.Response] = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        pairs = (each.partition(": ") for each in fields)
        headers = httpx.Headers([(name, value) for name, _, value in pairs])
        body, received = _body(headers, rest)
        headers.pop("transfer-encoding", None)
        answers.append(httpx.Response(int(line.split(" ")[1]), headers=headers, content=body))
    return answers


def _body(headers: httpx.Headers, rest: bytes) -> tuple[bytes, bytes]:
    if "content-length" in headers:
        length = int(headers["content-length"])
        return rest[:length], rest[length:]
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            return body, rest


def guarded(limits: HeadLimits, watch: Watch) -> type[GuardedProtocol]:
    """As the server makes it, without what answers repeated heads."""
    return type("Guarded", (GuardedProtocol,), {"limits": limits, "watch": watch})


@contextmanager
def guarding(
    limits: HeadLimits | None = None,
    *,
    crowd: int | None = None,
    protocol: Callable[[Spy], type[HttpToolsProtocol]] | None = None,
    keep_alive_s: int = 30,
) -> Generator[Guard]:
    spy = Spy()
    http = protocol(spy) if protocol else guarded(limits or HeadLimits(), spy.watch())
    config = uvicorn.Config(
        spy,
        host="127.0.0.1",
        port=0,
        loop="uvloop",
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=crowd,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield Guard(spy, server)
    finally:
        spy.release.set()
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def wait_until(holds: Callable[[], bool]) -> None:
    tick = Event()
    for _ in range(int(WAIT_S / 0.005)):
        if holds():
            return
        tick.wait(0.005)
    raise AssertionError("it did not come about")


def read_until(connection: socket.socket, word: bytes) -> bytes:
    received = b""
    while word not in received:
        block = connection.recv(65_536)
        assert block, received
        received += block
    return received


def shortly(seconds: float = 0.02) -> None:
    """So that what was sent arrives by itself."""
    Event().wait(seconds)


def get(*fields: bytes, target: bytes = b"/", close: bool = True) -> bytes:
    more = [b"Connection: close"] if close else []
    return b"\r\n".join([b"GET %b HTTP/1.1" % target, b"Host: dits", *fields, *more, b"", b""])


def post(*fields: bytes, target: bytes = b"/", body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST %b HTTP/1.1" % target, b"Host: dits", *fields, b"", body])
