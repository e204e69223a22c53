"""The ASGI application: the router over the table, inside the edge, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

from starlette.routing import Route, Router
from starlette.types import ASGIApp

from gateway.bridge import Bridge
from gateway.budget import Budget
from gateway.core import Core
from gateway.edge import Edge
from gateway.following import Following
from gateway.health import Check, Health
from gateway.http_door import PathDoor
from gateway.measures import Measures
from gateway.operation import AnyOperation
from gateway.operational import routes
from gateway.operations import OPERATIONS, by_path
from gateway.perform import Gateway


@dataclass(frozen=True, slots=True)
class Application:
    """The composed gateway process: `asgi` is what a server runs; its lifespan starts and stops the rest."""

    asgi: ASGIApp
    gateway: Gateway
    health: Health
    measures: Measures


def create_app(
    core: Core,
    *,
    measures: Measures,
    beside: Callable[[Gateway], AbstractAsyncContextManager[object]] = nullcontext,
    checks: Mapping[str, Check] | None = None,
    operations: tuple[AnyOperation, ...] = OPERATIONS,
) -> Application:
    """`beside` lives as long as the application does (the NATS door); `checks` join the readiness."""
    bridge = Bridge(core.limits.core_threads, core.limits.waiting_max)
    following = Following(
        core.feed, core.directory, core.messages, core.history.recent, core.limits.follower_look_s
    )
    gateway = Gateway(core, bridge, following, measures)
    health = Health({**_checks(core, following), **(checks or {})}, bridge, measures)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncGenerator[None]:
        following.start()
        try:
            async with asyncio.TaskGroup() as group, beside(gateway):
                watching = group.create_task(health.run())
                yield
                watching.cancel()
        finally:
            await asyncio.to_thread(following.stop)
            await asyncio.to_thread(bridge.close)

    router = Router(
        [*routes(operations, health, measures), *_doors(gateway, operations)],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    edge = Edge(router, measures, core.clock, core.ids, core.limits.requests_max, lambda: health.draining)
    return Application(edge, gateway, health, measures)


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
