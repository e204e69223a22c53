"""Collectors of traces and metrics that refuse, hang or are gone cost nobody an answer (V10.2, V10.3).

How much slower requests become is `make bench-gateway`'s to say (V10.2a).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from time import monotonic

from gateway.tracing import Tracer
from infra.clock import SystemClock, SystemIds
from infra.metrics import Metrics
from infra.telemetry.endpoint import Endpoint
from infra.telemetry.otlp import Resource
from infra.telemetry.pushing import MetricPusher
from infra.telemetry.spans import SpanExporter
from infra.telemetry.telemetry import Collectors, telemetry
from tests.collector import Behaviour, Collector, collecting
from tests.fakes import FakeClock, FakeIds
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import Made
from tests.scenarios.api.world import World

REQUESTS = 200
DOWN_S, RECOVERED_S, SLOT_S = 300, 60, 10
FAILURES = ("dits_trace_export_failures_total", frozenset[tuple[str, str]]())
DROPPED = ("dits_metrics_buffer_dropped_total", frozenset[tuple[str, str]]())
GAUGE = "dits_locks_active"
TRACE_ID = re.compile(r"[0-9a-f]{32}")


def nobody() -> str:
    """An address where nobody listens."""
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}/v1/traces"


# ------------------------------------------------------------------ traces
@dataclass
class Traced:
    """A gateway whose spans go to an exporter that the case steps by itself."""

    url: str
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="test"))

    def __post_init__(self) -> None:
        endpoint = Endpoint(self.url, {}, SystemClock())
        resource = Resource("test", "one")
        self.exporter = SpanExporter(endpoint, resource, self.metrics, clock=self.clock, ids=FakeIds())

    def made(self) -> Made:
        tracer = Tracer(self.clock, FakeIds(), sink=self.exporter)
        return {"clock": self.clock, "metrics": self.metrics, "tracer": tracer}

    async def step(self) -> None:
        await asyncio.to_thread(self.exporter.step)


@case
async def test_v10_2a_no_request_fails_for_a_collector_s_sake(stage: Stage) -> World:
    traced = Traced(nobody())
    world = await stage.world("std", **traced.made())
    world.credential("key_ok")
    began = world.mark()
    for _ in range(2):
        answers = await asyncio.gather(
            *(world.ask("$RES", auth="key_ok") for _ in range(REQUESTS)), traced.step()
        )
        assert {answer.status for answer in answers if answer is not None} == {200}
    await traced.step()
    await stage.expect(world, None, began, events=[])
    warned = [line for line in world.since(began).lines if line["event"] == "trace.export_failed"]
    assert len(warned) == 1  # of a minute
    return world


@case
async def test_v10_2a_a_process_ends_although_its_collector_hangs(stage: Stage) -> None:
    metrics, clock, ids = Metrics(version="test"), SystemClock(), SystemIds()
    with collecting() as collector:
        collector.behaviour = "hang"
        to = Collectors(f"{collector.url}/v1/traces")
        running = telemetry(to, metrics, version="test", clock=clock, ids=ids, alert=lambda *_: None)
        sent = running.__enter__()
        world = await stage.world("std", metrics=metrics, tracer=Tracer(clock, ids, sink=sent.spans))
        answers = await asyncio.gather(*(world.ask("$RES", auth="key_ok") for _ in range(REQUESTS)))
        assert {answer.status for answer in answers} == {200}
        began_s = monotonic()
        await asyncio.to_thread(running.__exit__, None, None, None)
        assert monotonic() - began_s <= 5
    assert world.samples()[FAILURES] == 1


@case
async def test_v10_2b_metrics_are_told_without_the_collector(stage: Stage) -> None:
    world = await stage.after("V10.2a")
    answer = await world.ask("/metrics")
    await stage.expect(world, answer)
    (line,) = [each for each in answer.text.splitlines() if each.startswith(FAILURES[0])]
    assert float(line.split()[1]) >= 1


@case
async def test_v10_2c_spans_are_said_locally_instead(stage: Stage) -> None:
    world = await stage.after("V10.2a")
    said = [line for line in world.lines if line["event"] == "span"]
    assert {line["name"] for line in said} == {"GET /repos"}
    assert {line["log_level"] for line in said} == {"info"}
    assert all(line["duration_ms"] >= 0 for line in said)
    assert all(TRACE_ID.fullmatch(line["trace_id"]) for line in said)
    assert len({line["trace_id"] for line in said}) == len(said) == 2 * REQUESTS


# ------------------------------------------------------------------ metrics
@dataclass
class Pushed:
    """A gateway whose metrics are pushed, a second at a time."""

    world: World
    collector: Collector
    metrics: Metrics

    def __post_init__(self) -> None:
        clock, alert = self.world.clock, self.world.application.around.signals.alert
        endpoint = Endpoint(f"{self.collector.url}/v1/metrics", {}, clock)
        resource, ids = Resource("test", "one"), FakeIds()
        self.pusher = MetricPusher(endpoint, resource, self.metrics, clock=clock, ids=ids, alert=alert)

    async def pass_by(self, seconds: int) -> None:
        await asyncio.to_thread(self._pass_by, seconds)

    def _pass_by(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.advance(1)
            self.pusher.step()

    @property
    def dropped(self) -> float:
        return self.world.samples()[DROPPED]

    def slots_s(self) -> list[int]:
        """Of each slot that arrived, in seconds since the first."""
        gauges = [
            self.collector.metrics(place)[GAUGE]["gauge"] for place in range(len(self.collector.requests))
        ]
        found = [int(gauge["dataPoints"][0]["timeUnixNano"]) // 1_000_000_000 for gauge in gauges]
        return [at - found[0] for at in found]


@asynccontextmanager
async def pushed(stage: Stage, behaviour: Behaviour) -> AsyncGenerator[Pushed]:
    metrics = Metrics(version="test")
    with collecting() as collector:
        collector.behaviour = behaviour
        yield Pushed(await stage.world("std", metrics=metrics), collector, metrics)


@case
async def test_v10_3a_five_minutes_without_a_backend_cost_no_slot(stage: Stage) -> None:
    async with pushed(stage, 503) as down:
        began = down.world.mark()
        await down.pass_by(DOWN_S)
        assert down.pusher.buffered == stage.case.expect["buffered_slots"]
        assert down.dropped == stage.case.expect["dropped"]
        await stage.expect(down.world, None, began, dropped=None, metrics=[])


@case
async def test_v10_3a_what_is_lost_after_ten_minutes_is_counted(stage: Stage) -> None:
    async with pushed(stage, 503) as down:
        began = down.world.mark()
        await down.pass_by(2 * DOWN_S + SLOT_S)
        await stage.expect(down.world, None, began)
        alerts = [each for each in down.world.since(began).happened if each.name == "OpsAlertRaised"]
        assert len(alerts) <= 3  # one in five minutes
        assert (down.pusher.buffered, down.dropped) == (60, 1)


@case
async def test_v10_3c_what_was_kept_arrives_in_order(stage: Stage) -> None:
    async with pushed(stage, 503) as down:
        await down.pass_by(DOWN_S)
        down.collector.behaviour = "take"
        await down.pass_by(RECOVERED_S)
        assert down.pusher.buffered == 0
        assert down.slots_s() == list(range(0, DOWN_S + RECOVERED_S, SLOT_S))
        assert down.collector.wrong == []


@case
async def test_v10_3d_metrics_are_told_while_they_cannot_be_pushed(stage: Stage) -> None:
    async with pushed(stage, 503) as down:
        await down.pass_by(2 * SLOT_S)
        answer = await down.world.ask("/metrics")
        await stage.expect(down.world, answer)
        assert f"{DROPPED[0]} 0.0" in answer.text
