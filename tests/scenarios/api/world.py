"""The world of one case: a whole gateway over memory adapters, its clock, and all that it says and records.

Promises: time stands still until a case moves it; what is asked goes the case's way, into the ASGI scope or
over a socket; `since` tells what happened after a mark.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from domain import consumer as consumers
from domain import repository as repositories
from domain.consumer import RevokeKey, SetLimit
from domain.event import Event
from domain.ids import KeyId, repo_id
from domain.position import Position
from domain.repository import CreateRepository
from gateway.app import Application
from gateway.issuer_keys import IssuerKeys
from gateway.oauth import Issuer, Tokens
from gateway.server import GatewayServer, Listening
from gateway.versions.registry import Versions
from infra.versions_file import WatchedFile
from tests.fakes import FakeClock
from tests.gateway.conftest import QUICK
from tests.gateway.house import SYSTEM, Parts, parts, running
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.credentials import EVERYDAY_SCOPES, LIMIT, WantedKey, WantedToken, wanted
from tests.scenarios.api.heard import Lines
from tests.scenarios.api.sending import CLIENT, Fields, Sent, over_asgi, over_wire, sent
from tests.scenarios.api.signs import Happened, Samples, samples_of
from tests.scenarios.api.table import Given, Table
from tests.scenarios.api.tokens import AUDIENCE, ISSUER, TOKEN_ENDPOINT, IssuerOfTokens

OWNER, OPERATOR = "owner", "operator"
"""The first one's are the repositories that a table's paths name."""
EVENTS_A_READ = 1_000
START_TIMEOUT_S = 10
SETTLE_EVERY_S = 0.005
OF_THE_DAY = frozenset({"VersionUseNoted"})
"""Recorded once a day and consumer, not for a request."""
TURN_S = 0.06
"""More than the 50 ms by which a decision lies ahead."""
STATE_PATH = "/config/status"


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: what was said, recorded and counted up to it."""

    lines: int = 0
    position: Position | None = None
    samples: Samples = field(default_factory=dict[Any, float])


@dataclass(frozen=True, slots=True)
class Since:
    """What happened after a mark."""

    lines: Lines
    happened: list[Happened]
    before: Samples
    now: Callable[[], Samples]

    @property
    def after(self) -> Samples:
        return self.now()


@dataclass(slots=True)
class World:
    """What a case leaves behind, for others to stand on."""

    table: Table
    clock: FakeClock
    parts: Parts
    file: Path
    lines: Lines
    issuer: IssuerOfTokens
    reached: list[str] = field(default_factory=list[str])
    """Paths of the requests that came to the application."""
    port: int = 0
    """Of the server, if there is one."""
    began: Mark = Mark()
    sent_last: Sent | None = None
    before: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the registry told of itself before the file was last written."""
    _issued: dict[str, Fields] = field(default_factory=dict[str, Fields])
    _made: bool = False
    """Keys or repositories that the gateway has not heard of yet, perhaps."""

    # ---------------------------------------------------------------- asking
    async def ask(self, path: str, **request: Any) -> Answer:
        """`method`, `headers`, `auth`, `ip`, `body` as in a table."""
        return await self.send({"path": path, **request})

    async def send(self, request: Given) -> Answer:
        return await self.deliver(self.prepared(request))

    def prepared(self, request: Given) -> Sent:
        """The table's request with real credentials, and `$RES` where it gives no path."""
        filled: Given = self.table.filled({"path": "$RES", **request})
        headers = filled.get("headers")
        if isinstance(headers, Mapping):
            filled = {**filled, "headers": {name: self._put(name, value) for name, value in headers.items()}}
        auth = filled.get("auth")
        return sent(filled, self.credential(str(auth)) if auth is not None else ())

    async def deliver(self, request: Sent) -> Answer:
        await self._followed()
        self.sent_last, count = request, len(self.reached)
        if self.port:
            answer = await asyncio.to_thread(over_wire, self.port, request)
        else:
            answer = await over_asgi(self.application.asgi, request)
        return replace(answer, reached=len(self.reached) > count)

    def connect(self) -> socket.socket:
        """To its server, for what no request says."""
        return socket.create_connection((CLIENT, self.port), timeout=START_TIMEOUT_S)

    async def _followed(self) -> None:
        """Until this gateway knows the keys and repositories that were made for the request."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while self._made and self.parts.core.directory.position != self.parts.core.log.end():
                await asyncio.sleep(SETTLE_EVERY_S)
        self._made = False

    @property
    def application(self) -> Application:
        return self.parts.application

    # ---------------------------------------------------------------- credentials
    def credential(self, name: str) -> Fields:
        """The headers of one of the table's credentials; the same whenever it is asked for."""
        if name not in self._issued:
            described = self.table.credentials[name]
            pairs = (described.get("headers") or {}).items()
            self._issued[name] = tuple(
                (header, self._put(header, value, name, described)) for header, value in pairs
            )
        return self._issued[name]

    def _put(self, header: str, value: Any, name: str = OWNER, more: Given | None = None) -> Any:
        asked = wanted(header, value, more) if isinstance(value, str) else value
        match asked:
            case WantedKey():
                return self.key(name, asked)
            case WantedToken():
                return f"Bearer {self.issuer.token(asked, name, self.clock.now())}"
            case _:
                return asked

    def key(self, name: str, asked: WantedKey) -> str:
        """A consumer's key, of their own name."""
        self._made = True
        text = self.parts.key(name, *asked.scopes)
        consumer = consumers.consumer_id(name)
        ask, log = consumers.DECIDER.ask, self.parts.core.log
        if asked.limit != LIMIT:
            log.ask(ask(consumer, SetLimit(consumer, asked.limit)), context=SYSTEM)
        if asked.is_revoked:
            key_id = KeyId(self.parts.core.keys.of(text).hex()[:32])
            log.ask(ask(consumer, RevokeKey(key_id, "as the table has it")), context=SYSTEM)
        return text

    def have_repository(self, name: str) -> None:
        """A public one, if there is none yet."""
        log, repo = self.parts.core.log, repo_id(name)
        if not log.load(repositories.DECIDER, repo).state.exists:
            self._made = True
            owner = consumers.consumer_id(OWNER)
            command = CreateRepository(repo, name, owner, public=True)
            log.ask(repositories.DECIDER.ask(repo, command), context=SYSTEM)

    # ---------------------------------------------------------------- what happens
    def advance(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    async def settle(self) -> None:
        """Until it has looked at itself once and told what there was to tell, whatever the case is."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while self.is_telling or self.application.health.body()["reasons"] == ["starting"]:
                await asyncio.sleep(SETTLE_EVERY_S)

    @property
    def is_telling(self) -> bool:
        """Are facts on their way into the log?"""
        return self.application.around.signals.waiting > 0

    async def operate(self, what: str, key: str = "once", **asked: Any) -> Answer:
        """An operator's decision, as `v3-beta/promote`; this gateway has turned when it is answered."""
        operator = self.key(OPERATOR, WantedKey((*EVERYDAY_SCOPES, "admin:versions")))
        headers = {"X-API-Key": operator, "Idempotency-Key": key}
        answer = await self.ask(f"/admin/versions/{what}", method="POST", headers=headers, body=asked)
        await self.turn()
        return answer

    async def write(self, text: str) -> None:
        """Into the operator's file, which the gateway then looks at."""
        state = (await self.ask(STATE_PATH)).json
        self.before = state if isinstance(state, Mapping) else {}
        self.file.write_text(text)
        await asyncio.to_thread(self.versions.wishes.reload)
        await self.turn()
        await self.settle()

    async def turn(self) -> None:
        """Until this gateway serves what the log says, also what holds a moment later only (R41)."""
        self.advance(TURN_S)
        await asyncio.to_thread(self.versions.renew)

    async def pass_announced_time(self) -> None:
        """Until the next time that the registry announces; the job has then recorded what it brings."""
        until = self.versions.capture().valid_until
        if until is not None:
            self.clock.advance(until - self.clock.now())
            await self.run_the_job()

    async def run_the_job(self) -> bool:
        """The one of every 60 seconds (V3.2e), once; True if it recorded something."""
        return await asyncio.to_thread(self.versions.observe)

    @property
    def versions(self) -> Versions:
        return self.application.gateway.admission.versions

    def mark(self) -> Mark:
        recorded = self.recorded()
        end = recorded[-1][0] if recorded else None
        return Mark(len(self.lines), end, self.samples())

    def since(self, mark: Mark) -> Since:
        happened = [_happened(event) for _, event in self.recorded(mark.position)]
        happened = [each for each in happened if each.name not in OF_THE_DAY]
        return Since(self.lines[mark.lines :], happened, mark.samples, self.samples)

    def samples(self) -> Samples:
        return samples_of(self.application.measures.registry.collect())

    def recorded(self, after: Position | None = None) -> list[tuple[Position, Event]]:
        """Every event of the log beyond a position."""
        feed, found = self.parts.log.feed(), list[tuple[Position, Event]]()
        while batch := feed.read(found[-1][0] if found else after, EVENTS_A_READ):
            found += [(each.position, each.event) for each in batch]
        return found


def _happened(event: Event) -> Happened:
    """By the table's names of its facts, which may be no names in Python."""
    return Happened(type(event).__name__, {**event.model_dump(), **event.model_dump(by_alias=True)})


# ------------------------------------------------------------------ how it is built
@asynccontextmanager
async def opened(
    table: Table,
    lines: Lines,
    place: Path,
    *,
    file: str | None,
    now: datetime,
    via: str = "asgi",
    settles: bool = True,
    **made_with: Any,
) -> AsyncGenerator[World]:
    """A gateway whose registry is `file`'s; None: there is no file. `made_with` is for
    `tests.gateway.house.parts`: ports that misbehave."""
    path, issuer = place / "versions.yaml", IssuerOfTokens()
    clock: FakeClock = made_with.pop("clock", None) or FakeClock(now)
    if file is not None:
        path.write_text(file)
    with _composed(clock, path, issuer, **made_with) as made:
        world = World(table, clock, made, path, lines, issuer)
        made.application = replace(made.application, asgi=_counted(made.application.asgi, world.reached))
        if via == "wire":
            with _served(made.application) as world.port:
                await _settled(world, settles=settles)
                yield world
        else:
            async with running(made.application):
                await _settled(world, settles=settles)
                yield world


async def _settled(world: World, *, settles: bool) -> None:
    """Unless it cannot, because its log is away."""
    if settles:
        await world.settle()


@contextmanager
def _composed(clock: FakeClock, file: Path, issuer: IssuerOfTokens, **made_with: Any) -> Generator[Parts]:
    """The one place that knows how tests put a gateway together."""
    tokens = Tokens(Issuer(ISSUER, AUDIENCE, TOKEN_ENDPOINT), IssuerKeys(issuer, clock), clock)
    told: dict[str, Any] = {
        "limits": QUICK,
        "tokens": tokens,
        "versions_file": WatchedFile(file),
        **made_with,
    }
    with parts(clock=clock, **told) as made:
        yield made


@contextmanager
def _served(application: Application) -> Generator[int]:
    """A real server's port."""
    started = Signal()
    server = GatewayServer(application, Listening("127.0.0.1", 0), started.set)
    thread = Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(START_TIMEOUT_S), "the server did not start"
        yield server.port
    finally:
        server.stop()
        thread.join(START_TIMEOUT_S)
        assert not thread.is_alive(), "the server did not stop"


def _counted(app: ASGIApp, reached: list[str]) -> ASGIApp:
    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            reached.append(scope["path"])
        await app(scope, receive, send)

    return count
