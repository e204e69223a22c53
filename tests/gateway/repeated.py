"""One connection to a gateway in this process: the server's protocol over a transport in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.app import Application
from gateway.heads import HeadLimits
from gateway.prompt import Prompt
from gateway.protocol import GuardedProtocol
from gateway.repeating import repeating
from gateway.watching import watch_of
from tests.gateway.conftest import QUICK
from tests.gateway.guarding import guarded, parsed
from tests.gateway.house import Parts, parts, running

KEEP_ALIVE_S = 30
VARYING = re.compile(
    rb"\r\n(?i:x-correlation-id|date|x-ratelimit-[a-z]+|ratelimit): [^\r]*|\"correlation_id\":\"[^\"]*\""
)
PLACES = {"peername": ("127.0.0.1", 40_000), "sockname": ("127.0.0.1", 80)}


class Wire(asyncio.Transport):
    """What the server writes to."""

    def __init__(self) -> None:
        super().__init__(PLACES)
        self.heard = bytearray()
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.heard += data

    def write_eof(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None:
        """The test says when it sends."""

    resume_reading = pause_reading


@dataclass
class Line:
    """A client's end."""

    protocol: GuardedProtocol
    reached: list[str]
    """Paths of the requests that came to the application."""
    wire: Wire = field(default_factory=Wire)

    async def say(self, *pieces: bytes) -> list[httpx.Response]:
        """The answers to them."""
        return parsed(await self.exchange(*pieces))

    async def exchange(self, *pieces: bytes) -> bytes:
        """What comes back, each piece sent once the ones before were answered."""
        for piece in pieces:
            if not self.wire.is_closed:
                self.protocol.data_received(piece)
                await self.answered()
        heard, self.wire.heard = bytes(self.wire.heard), bytearray()
        return heard

    async def answered(self) -> None:
        while self.protocol.tasks or self.protocol.pipeline:
            await asyncio.sleep(0)


def connected(
    application: Application,
    *,
    repeats: bool = True,
    keep_alive_s: int = KEEP_ALIVE_S,
    prompt: type[Prompt] = Prompt,
) -> Line:
    """A fresh connection, as `GatewayServer` makes it."""
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await application.asgi(scope, receive, send)

    limits, watch = HeadLimits(), watch_of(application)
    kind = repeating(limits, watch, prompt(application.edge)) if repeats else guarded(limits, watch)
    config = Config(app, http=kind, lifespan="off", log_config=None, timeout_keep_alive=keep_alive_s)
    config.load()
    line = Line(kind(config, ServerState(), {}), reached)
    line.protocol.connection_made(line.wire)
    return line


@asynccontextmanager
async def gateway() -> AsyncGenerator[Parts]:
    with parts(limits=QUICK) as made:
        async with running(made.application):
            await ready(made.application)
            yield made


async def ready(application: Application) -> None:
    line = connected(application, repeats=False)
    ask = b"GET /health/ready HTTP/1.1\r\nHost: dits\r\n\r\n"
    while (await line.say(ask))[0].status_code != 200:
        await asyncio.sleep(0.01)


def told(heard: bytes) -> bytes:
    """Without what differs from answer to answer."""
    return VARYING.sub(b"", heard)
