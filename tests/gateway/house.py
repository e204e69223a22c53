"""A whole gateway in one process: memory adapters below, httpx above, keys for everybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import strategies as st

from domain import consumer as consumers
from domain.catalogue import TOPICS, upcast
from domain.consumer import IssueKey
from domain.decider import Context
from domain.errors import UnavailableError
from domain.ids import KeyId, RepoId
from domain.ports import Clock, EventLog
from gateway.answers import MemoryAnswers
from gateway.app import Application, create_app
from gateway.around import Around
from gateway.auth import KeyDigests, key_text
from gateway.caller import Directory
from gateway.content import Content
from gateway.core import Core, Limits
from gateway.counters import Counters, MemoryCounters
from gateway.errors import VARY
from gateway.history import History
from gateway.measures import Measures
from gateway.oauth import Tokens
from gateway.openapi import PARAMETER
from gateway.operation import AnyOperation
from gateway.operations import OPERATIONS
from gateway.perform import Gateway
from gateway.pressure import Pressure
from gateway.reading import Reading
from gateway.sent import SentChunks
from gateway.signals import SignalCounts, Signals
from gateway.tracing import Tracer
from gateway.versions.metadata import Metadata
from gateway.versions.registry import Backup
from gateway.versions.telling import Teller, VersionMeasures
from gateway.versions.wishes import BuiltIn, VersionsFile
from infra.clock import SystemClock
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedLog, open_memory
from infra.metrics import Metrics
from infra.objects.memory import MemoryStore
from infra.objects.pipeline import StorePipeline
from infra.objects.verified import VerifiedStore
from tests.fakes import FakeIds
from tests.gateway.ports import FeedArchive, MemoryLeases, MoodyStore, SetPresence
from tests.gateway.reading import FoldedReading

SYSTEM = Context("system:test", "test")
EDITION = {"X-API-Version": "v1"}
"""What is asked if a test does not say: the tests of the first edition prove that it still works."""
Beside = Callable[[Gateway], AbstractAsyncContextManager[object]]
PEPPER = bytes(range(32))
ODD_VALUES = st.sampled_from([b"", b"0", b"-1", b"wait=1", b"*", b"bytes=5-2"]) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255), max_size=20
).map(lambda text: text.encode("latin-1"))


def measures_of(metrics: Metrics) -> Measures:
    """As the composition does it."""
    return Measures(metrics.registry, idempotency=metrics.idempotency, waits=metrics.consistency_waits)


@dataclass(slots=True)
class Parts:
    """What a gateway is made of, before anybody asks it anything."""

    application: Application
    core: Core
    log: OpenedLog
    reading: FoldedReading
    presence: SetPresence
    leases: MemoryLeases
    store: MemoryStore
    disk: MoodyStore
    """The same store, as it is when it fails."""
    archive: FeedArchive
    keys: dict[str, str] = field(default_factory=dict[str, str])

    def key(self, name: str, *scopes: str, repos: tuple[RepoId, ...] | None = None) -> str:
        """A key's text; one a consumer and set of scopes."""
        label = f"{name} {scopes} {repos}"
        if label not in self.keys:
            consumer = consumers.consumer_id(name)
            text = key_text(consumer, self.core.ids.token(32))
            digest = self.core.keys.of(text)
            command = IssueKey(consumer, name, KeyId(digest.hex()[:32]), digest, scopes, repos)
            self.core.log.ask(consumers.DECIDER.ask(consumer, command), context=SYSTEM)
            self.keys[label] = text
        return self.keys[label]


@dataclass(slots=True)
class House(Parts):
    """The same, running, with a client in this process."""

    http: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        version: str | None = "v1",
        **more: Any,
    ) -> httpx.Response:
        """In the oldest edition unless told otherwise: most tests prove what was published first."""
        sent = dict(headers or {})
        if version is not None:
            sent.setdefault("X-API-Version", version)
        if key is not None:
            sent["X-API-Key"] = key
        if body is not None:
            sent["Content-Type"] = "application/json"
            more["content"] = json.dumps(body)
        return await self.http.request(method, path, headers=sent, **more)

    async def repo(self, name: str = "film", *, public: bool = False) -> str:
        """A fresh repository of ann's; her key."""
        ann = self.key("ann", "write")
        answer = await self.ask("POST", "/repos", key=ann, body={"name": name, "public": public})
        assert answer.status_code == 201, answer.text
        return ann

    async def ready(self) -> None:
        """As a load balancer waits for it."""
        while (await self.ask("GET", "/health/ready")).status_code != 200:
            await asyncio.sleep(0.02)

    def address(self, operation: AnyOperation, text: Callable[[], str]) -> str:
        """The operation's path with anything for its parameters; the repository is there half of the time."""
        path = operation.path
        for name in PARAMETER.findall(path):
            given = text()
            odd = "film" if name == "repo" and len(given) % 2 == 0 else given
            path = path.replace(f"{{{name}}}", quote(odd)).replace(f"{{{name}:path}}", quote(odd))
        return path

    def odd_headers(self, keys: list[str]) -> st.SearchStrategy[dict[bytes, bytes]]:
        names = st.sampled_from(
            [b"x-dits-after", b"idempotency-key", b"prefer", b"if-match", b"range", b"upload-offset"]
        )
        odd = st.dictionaries(names, ODD_VALUES, max_size=3)
        lengths = st.dictionaries(st.just(b"upload-length"), ODD_VALUES)
        key = st.sampled_from([{b"x-api-key": key.encode()} for key in keys])
        return st.tuples(odd, lengths, key).map(lambda parts: {**parts[0], **parts[1], **parts[2]})


def expect_problem(answer: httpx.Response, status: int, code: str) -> None:
    """The whole envelope of acceptance/versioning.yaml."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == VARY
    correlation, slug = answer.headers["X-Correlation-ID"], code.lower().replace("_", "-")
    assert body["type"].endswith(f"/problems/{slug}")
    assert (body["status"], body["detail"], body["correlation_id"]) == (status, body["message"], correlation)
    flat = {name: body[name] for name in ("code", "message", "correlation_id", "details")}
    assert body["error"] == flat
    assert body.keys() == {*flat, "type", "title", "status", "detail", "instance", "error"}


def run_story(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(whole())


class Memory:
    """As much of it is used as a test says."""

    def __init__(self) -> None:
        self.used = 0.1

    def ratio(self) -> float:
        return self.used


class MemoryBackup:
    """The last sound registry, in memory."""

    def __init__(self) -> None:
        self.text = ""

    def read(self) -> str:
        if not self.text:
            raise UnavailableError(dependency="the backup")
        return self.text

    def write(self, text: str) -> None:
        self.text = text


def around_of(
    clock: Clock,
    reading: FoldedReading,
    *,
    memory: Memory | None = None,
    counters: Counters | None = None,
    backup: Backup | None = None,
    metadata: Callable[[], Metadata] | None = None,
    versions_file: VersionsFile | None = None,
    metrics: Metrics | None = None,
    signals: Signals | None = None,
    tracer: Tracer | None = None,
    **more: Any,
) -> Around:
    """What stands around the core, in memory; `metrics` and `signals` are given by who has made a circuit."""
    metrics = metrics or Metrics(version="test")
    counts = SignalCounts(metrics.alerts, metrics.security_events, metrics.signals_dropped)
    signals = signals or Signals(clock, counts)
    dial, circuit = metrics.memory_utilization, metrics.circuit_state.of("memory")
    return Around(
        measures=measures_of(metrics),
        signals=signals,
        tracer=tracer or Tracer(clock, FakeIds()),
        counters=counters or MemoryCounters(),
        metadata=metadata or reading.versions,
        backup=backup or MemoryBackup(),
        pressure=Pressure(memory or Memory(), signals, dial=dial, circuit=circuit),
        pepper=PEPPER,
        versions_file=versions_file or BuiltIn(),
        **more,
    )


@contextmanager
def parts(
    *,
    limits: Limits | None = None,
    operations: tuple[AnyOperation, ...] = OPERATIONS,
    beside: Beside = nullcontext,
    opened: OpenedLog | None = None,
    read: Reading | None = None,
    through: Callable[[EventLog], EventLog] = lambda log: log,
    clock: Clock | None = None,
    tokens: Tokens | None = None,
    **edge: Any,
) -> Generator[Parts]:
    """Composed from memory adapters; `opened` and `read` stand in for a real log and real read models, and
    the gateway's commands go `through` what may fail. `edge` is handed to `around_of`."""
    clock, ids = clock or SystemClock(), FakeIds()
    messages = opened.messages if opened is not None else None
    opened = opened or open_memory(topics=Topics(TOPICS, upcast), clock=clock, ids=ids)
    reading, presence, leases = FoldedReading(opened.feed), SetPresence(), MemoryLeases()
    memory, archive = MemoryStore("memory"), FeedArchive(opened.feed)
    disk = MoodyStore(memory)
    store = VerifiedStore(disk)
    pipeline = StorePipeline(store, threads=2, part_bytes=256 << 10)
    log, surroundings = through(opened.events), around_of(clock, reading, **edge)
    core = Core(
        log=log,
        feed=opened.feed(),
        messages=messages,
        store=store,
        streams=pipeline,
        content=Content(store),
        sent=SentChunks(log),
        history=History(log, archive),
        presence=presence,
        reading=read or reading,
        leases=leases,
        answers=MemoryAnswers(clock),
        clock=clock,
        ids=ids,
        keys=KeyDigests(PEPPER),
        directory=Directory(),
        limits=limits or Limits(),
        teller=Teller(VersionMeasures(surroundings.measures.registry), surroundings.signals),
        tokens=tokens,
    )
    application = create_app(core, surroundings, operations=operations, beside=beside)
    yield Parts(application, core, opened, reading, presence, leases, memory, disk, archive)
    pipeline.close()


@asynccontextmanager
async def house(**made_with: Any) -> AsyncGenerator[House]:
    """`parts`, running."""
    with parts(**made_with) as p:
        transport = httpx.ASGITransport(p.application.asgi, raise_app_exceptions=False)
        async with (
            running(p.application),
            httpx.AsyncClient(transport=transport, base_url="http://dits", headers=EDITION) as http,
        ):
            made: dict[str, Any] = {each.name: getattr(p, each.name) for each in fields(Parts)}
            yield House(**made, http=http)


@asynccontextmanager
async def running(application: Application) -> AsyncGenerator[None]:
    """The application's lifespan, as a server would run it."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(message: Any) -> None:
        await said.put(message)

    living = asyncio.ensure_future(application.asgi({"type": "lifespan", "state": {}}, told.get, send))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await told.put({"type": "lifespan.shutdown"})
        await living
