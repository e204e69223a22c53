"""The event store is away: what clients, balancers and operators see, and how it ends by itself (V7.5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from domain.ports import EventLog
from gateway.circuit import Circuit
from gateway.guarded import GuardedLog
from infra.clock import SystemClock
from tests.gateway.conftest import QUICK
from tests.gateway.house import House, expect_problem, house, run_story
from tests.gateway.signalling import Board, FickleLog

PAUSE_S = 0.2


@dataclass
class Outage:
    """A gateway whose log a test can take away."""

    house: House
    log: FickleLog
    circuit: Circuit
    ann: str

    @property
    def is_open(self) -> bool:
        return self.circuit.phase != "closed"

    async def create(self, name: str) -> httpx.Response:
        return await self.house.ask("POST", "/repos", key=self.ann, body={"name": name})

    async def says(self, path: str, status: int) -> httpx.Response:
        """As soon as it is said, for what follows the checks of health."""
        async with asyncio.timeout(10):
            while (answer := await self.house.ask("GET", path)).status_code != status:
                await asyncio.sleep(0.05)
        return answer


@asynccontextmanager
async def outage(pause_s: float = PAUSE_S) -> AsyncGenerator[Outage]:
    board, logs = Board(), list[FickleLog]()
    dial = board.metrics.circuit_state.of("event_store")
    circuit = Circuit("event_store", SystemClock(), board.signals, dial, pause_s=pause_s)

    def guarded(log: EventLog) -> EventLog:
        logs.append(FickleLog(log))
        return GuardedLog(logs[0], circuit)

    async with house(limits=QUICK, through=guarded) as h:
        ann = h.key("ann", "write")
        await h.ready()
        logs[0].be_away()
        yield Outage(h, logs[0], circuit, ann)


def test_a_write_is_told_to_come_again_and_why() -> None:
    async def story() -> None:
        async with outage() as out:
            answer = await out.create("film")
            expect_problem(answer, 503, "SERVICE_UNAVAILABLE")
            body = answer.json()
            assert body["message"] == "Version service temporarily unavailable"
            assert answer.headers["Retry-After"] == "60"
            assert body["details"]["reason"] == "DEPENDENCY_UNAVAILABLE"
            assert body["details"]["dependency"] == "the event log"
            assert "nothing was lost" in body["details"]["advice"]

    run_story(story)


def test_after_five_failures_requests_no_longer_reach_the_store() -> None:
    async def story() -> None:
        async with outage(pause_s=60) as out:
            while not out.is_open:
                await out.create("film")
            calls = out.log.calls
            for number in range(10):
                expect_problem(await out.create(f"film-{number}"), 503, "SERVICE_UNAVAILABLE")
            assert (out.log.calls, out.is_open) == (calls, True)

    run_story(story)


def test_health_names_the_store_and_versions_are_told_all_the_same() -> None:
    async def story() -> None:
        async with outage() as out:
            answer = await out.says("/health", 503)
            body = answer.json()
            assert (body["status"], body["checks"]["event_store"]) == ("unhealthy", "down")
            assert (await out.house.ask("GET", "/versions")).status_code == 200

    run_story(story)


def test_when_the_store_is_back_the_checks_of_health_close_the_circuit() -> None:
    async def story() -> None:
        async with outage() as out:
            while not out.is_open:
                await out.create("film")
            out.log.trouble = None
            while out.is_open:
                await asyncio.sleep(0.05)
            assert (await out.create("film")).status_code == 201
            assert (await out.says("/health", 200)).json()["checks"]["event_store"] == "up"

    run_story(story)
