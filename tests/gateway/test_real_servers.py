"""The gateway over a real log and real read models, and what it says while one of them is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from threading import Event, Thread

import httpx
import pytest

from domain.catalogue import TOPICS, upcast
from gateway.circuit import THRESHOLD, Circuit
from gateway.guarded import GuardedPool
from gateway.reading import PostgresReading
from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.jetstream_api import Patience
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedJetStream
from infra.postgres.migrate import migrate
from infra.postgres.pool import open_pool
from projections import ALL
from projections.transactions import Pool
from tests.eventlog.homes import JetStreamHome
from tests.gateway.conftest import QUICK
from tests.gateway.house import House, expect_problem, house, run_story
from tests.gateway.signalling import Board
from tests.tcp_faults import TcpProxy, port_of, through
from workers.projector import Projector
from workers.rebuild import Rebuilder

IMPATIENT = Patience(answer_s=0.3, read_s=0.6, append_s=0.6)


@dataclass(slots=True)
class Servers:
    """Real ones, the gateway's way to each through a proxy; the projector goes straight."""

    opened: OpenedJetStream
    pool: Pool
    nats_proxy: TcpProxy
    postgres_proxy: TcpProxy

    def tell(self, story: Callable[[House], Awaitable[None]]) -> None:
        async def whole() -> None:
            reading = PostgresReading(self.pool)
            async with house(limits=QUICK, opened=self.opened, read=reading) as h:
                await h.ready()
                await story(h)

        run_story(whole)


@pytest.fixture
def servers(nats_server: NatsEndpoints, postgres_dsn: str) -> Generator[Servers]:
    nats_proxy, postgres_proxy = TcpProxy(nats_server.port), TcpProxy(port_of(postgres_dsn))
    migrate(postgres_dsn, SystemClock())
    home = JetStreamHome(nats_server, patience=IMPATIENT)
    topics, stopping = Topics(TOPICS, upcast), Event()
    straight = home.open(topics=topics)
    opened = home.through(through(nats_server.url, nats_proxy)).open(topics=topics)
    dsn = through(postgres_dsn, postgres_proxy)
    with (
        open_pool(postgres_dsn, connections_max=3, wait_s=5) as projecting,
        open_pool(dsn, connections_max=3, wait_s=1) as pool,
    ):
        clock, ids = SystemClock(), SystemIds()
        Rebuilder(projecting, straight.feed(), straight.messages, straight.events, clock, ALL).make_missing()
        projector = Projector(projecting, straight.feed(), straight.events, clock, ids, ALL, 100)
        thread = Thread(target=projector.run, args=(stopping,))
        thread.start()
        yield Servers(opened, pool, nats_proxy, postgres_proxy)
        stopping.set()
        thread.join(10)
    home.close()
    nats_proxy.stop()
    postgres_proxy.stop()


def test_a_read_after_a_write_sees_it_every_time(servers: Servers) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        for number in range(50):
            body, headers = {"paths": [f"f{number}"]}, {"Idempotency-Key": f"k{number}"}
            made = await h.ask("POST", "/repos/film/locks", key=ann, body=body, headers=headers)
            after = {"X-Dits-After": made.headers["X-Dits-Position"]}
            seen = await h.ask("GET", "/repos/film/locks", key=ann, headers=after)
            assert len(seen.json().get("locks", ())) == number + 1, (number, seen.text)

    servers.tell(story)


async def until_back(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """What a client does: the same request again."""
    for _ in range(20):
        answer = await ask()
        if answer.status_code != 503:
            break
    return answer


def lock(h: House, key: str) -> Awaitable[httpx.Response]:
    headers = {"Idempotency-Key": "k"}
    return h.ask("POST", "/repos/film/locks", key=key, body={"paths": ["a"]}, headers=headers)


def test_a_log_that_is_away_is_a_retry_that_succeeds_without_a_restart(servers: Servers) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with servers.nats_proxy.unreachable():
            away = await lock(h, ann)
            expect_problem(away, 503, "SERVICE_UNAVAILABLE")
            assert away.headers["Retry-After"] == "60"
        made = await until_back(lambda: lock(h, ann))
        assert (made.status_code, len(made.json()["locks"])) == (201, 1), made.text

    servers.tell(story)


def test_without_postgresql_writes_go_on_and_reads_come_back(servers: Servers) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with servers.postgres_proxy.unreachable():
            away = await h.ask("GET", "/repos/film/locks", key=ann)
            expect_problem(away, 503, "SERVICE_UNAVAILABLE")
            made = await lock(h, ann)
            assert made.status_code == 201
        after = {"X-Dits-After": made.headers["X-Dits-Position"]}
        seen = await until_back(lambda: h.ask("GET", "/repos/film/locks", key=ann, headers=after))
        assert [each["path"] for each in seen.json()["locks"]] == ["a"]

    servers.tell(story)


def test_a_database_behind_a_circuit_is_left_alone_and_comes_back_by_itself(servers: Servers) -> None:
    board = Board()
    dial = board.metrics.circuit_state.of("projections")
    circuit = Circuit("projections", SystemClock(), board.signals, dial, pause_s=0.2)

    async def story(h: House) -> None:
        ann = await h.repo()
        with servers.postgres_proxy.unreachable():
            while board.count("dits_circuit_state", name="projections") == 0:
                await asyncio.gather(*[h.ask("GET", "/repos/film/locks", key=ann) for _ in range(THRESHOLD)])
        while board.count("dits_circuit_state", name="projections") != 0:
            await asyncio.sleep(0.05)
        assert (await h.ask("GET", "/repos/film/locks", key=ann)).status_code == 200

    replace(servers, pool=GuardedPool(servers.pool, circuit)).tell(story)


def test_a_process_that_starts_knows_keys_and_repositories_of_before(servers: Servers) -> None:
    keys: list[str] = []

    async def before(h: House) -> None:
        keys.append(await h.repo())
        await h.ask("PATCH", "/repos/film", key=keys[0], body={"public": True})

    async def after(h: House) -> None:
        assert h.core.directory.repos
        assert (await h.ask("GET", "/repos/film")).json()["public"] is True
        assert (await h.ask("GET", "/whoami", key=keys[0])).json()["name"] == "ann"

    servers.tell(before)
    servers.tell(after)


def test_projections_are_listed_with_their_digests(servers: Servers) -> None:
    async def story(h: House) -> None:
        await h.repo()
        root = h.key("root", "admin")
        listed = (await h.ask("GET", "/admin/projections", key=root)).json()["projections"]
        assert {line["name"] for line in listed} == {projection.name for projection in ALL}
        digest = await h.ask("GET", "/admin/projections/repositories/digest", key=root)
        assert len(digest.json()["digest"]) == 64
        absent = await h.ask("GET", "/admin/projections/none/digest", key=root)
        expect_problem(absent, 404, "NOT_FOUND")
        body = {"aggregate": "branch.x", "reason": "try"}
        retried = await h.ask("POST", "/admin/projections/branches/retry", key=root, body=body)
        expect_problem(retried, 404, "NOT_FOUND")

    servers.tell(story)
