"""The ASGI application: the router over the table, inside the edge, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from domain.api_registry.decider import DECIDER as REGISTRY
from domain.errors import UnavailableError
from gateway.admission import Admission
from gateway.around import Around
from gateway.bridge import Bridge
from gateway.budget import Budget
from gateway.core import Core
from gateway.edge import Edge
from gateway.following import Following
from gateway.health import Check, Conditions, Health
from gateway.http_door import PathDoor
from gateway.limiting import Limiter
from gateway.measures import Measures
from gateway.negotiation import Negotiator, Outcomes
from gateway.operation import AnyOperation
from gateway.operational import routes
from gateway.operations import OPERATIONS, by_path
from gateway.perform import Gateway
from gateway.versions.registry import Versions
from gateway.versions.wishes import Wishes

REGISTRY_FAMILY = REGISTRY.family
COUNTING_THREADS, COUNTING_WAITING_MAX = 4, 256
"""A pool of their own for rate limits, which must not wait behind slow queries."""

log = structlog.get_logger("gateway.app")


@dataclass(frozen=True, slots=True)
class Application:
    """The composed gateway process: `asgi` is what a server runs; its lifespan starts and stops the rest."""

    asgi: ASGIApp
    gateway: Gateway
    health: Health
    measures: Measures
    around: Around


def create_app(
    core: Core,
    around: Around,
    *,
    beside: Callable[[Gateway], AbstractAsyncContextManager[object]] = nullcontext,
    checks: Mapping[str, Check] | None = None,
    operations: tuple[AnyOperation, ...] = OPERATIONS,
) -> Application:
    """`beside` lives as long as the application does (the NATS door); `checks` join the readiness."""
    measures = around.measures
    bridge = Bridge(core.limits.core_threads, core.limits.waiting_max)
    following = Following(
        core.feed, core.directory, core.messages, core.history.recent, core.limits.follower_look_s
    )
    versions = _versions(core, around)
    counting = Bridge(COUNTING_THREADS, COUNTING_WAITING_MAX)
    limiter = Limiter(
        core.clock,
        around.counters,
        counting.run,
        processes=around.processes,
        limits=around.rate_limits,
        refused=measures.rate_limited,
    )
    negotiator = Negotiator(Outcomes(measures.registry))
    admission = Admission(core, bridge, versions, negotiator, limiter, around.signals, around.pepper)
    gateway = Gateway(core, bridge, following, measures, admission, around.pressure)
    health = Health(
        {**_checks(core, following), **(checks or {})}, bridge, measures, partial(_conditions, versions)
    )

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncGenerator[None]:
        following.news_of(REGISTRY_FAMILY, versions.wake)
        following.start()
        try:
            await _loaded(bridge, versions)
            async with asyncio.TaskGroup() as group, limiter.open(), beside(gateway):
                tasks = [
                    group.create_task(health.run()),
                    group.create_task(versions.run(bridge)),
                    group.create_task(around.signals.run(core.log, bridge)),
                    group.create_task(around.pressure.run()),
                ]
                yield
                for task in tasks:
                    task.cancel()
        finally:
            await asyncio.to_thread(following.stop)
            await asyncio.to_thread(bridge.close)
            await asyncio.to_thread(counting.close)

    router = Router(
        [*routes(operations, health, measures, versions), *_doors(gateway, operations)],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    edge = Edge(
        router,
        admission,
        measures,
        around.tracer,
        core.clock,
        core.ids,
        core.limits.requests_max,
        around.trusted_proxies,
        lambda: health.draining,
    )
    return Application(edge, gateway, health, measures, around)


def _versions(core: Core, around: Around) -> Versions:
    wishes = Wishes(around.versions_file, core.log, core.clock, core.teller)
    return Versions(
        core.log, core.clock, wishes, core.reading.versions, around.backup, core.teller, around.signals
    )


async def _loaded(bridge: Bridge, versions: Versions) -> None:
    """The registry stands before the first request (V9.1); while the log is away it is tried again."""
    try:
        await bridge.run(versions.start)
    except UnavailableError as error:
        log.warning("registry_not_loaded_yet", reason=error.message)
        versions.wake()


def _conditions(versions: Versions) -> Conditions:
    trouble = versions.trouble()
    if trouble is not None:
        return Conditions(unhealthy=(type(trouble).reason,))
    return Conditions(degrading=versions.reasons())


def _doors(gateway: Gateway, operations: tuple[AnyOperation, ...]) -> list[Route]:
    limits = gateway.core.limits
    raw_bodies = Budget(limits.raw_bodies_bytes_max, limits.raw_bodies_wait_s)
    return [
        Route(path, PathDoor(gateway, methods, raw_bodies)) for path, methods in by_path(operations).items()
    ]


def _checks(core: Core, following: Following) -> dict[str, Check]:
    return {
        "event_store": core.log.end,
        "follower": following.check,
        "projections": core.reading.check,
        "objects": core.store.check,
    }
