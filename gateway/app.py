"""The ASGI application: the router over the table, inside the edge, and what lives as long as it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from starlette.routing import Route, Router
from starlette.types import ASGIApp

from gateway.admission import Admission
from gateway.around import Around
from gateway.bridge import Bridge
from gateway.budget import Budget
from gateway.core import Core
from gateway.correlation import DrawnAhead
from gateway.edge import Edge
from gateway.following import Following
from gateway.health import Check, Conditions, Health
from gateway.http_door import PathDoor
from gateway.lifespan import Lifespan
from gateway.limiting import Limiter
from gateway.measures import Measures
from gateway.negotiation import Negotiator, Outcomes
from gateway.operation import AnyOperation
from gateway.operational import routes
from gateway.operations import OPERATIONS, by_path
from gateway.perform import Gateway
from gateway.versions.registry import Versions
from gateway.versions.wishes import Wishes

COUNTING_THREADS, COUNTING_WAITING_MAX = 4, 256
"""A pool of their own for rate limits, which must not wait behind slow queries."""


@dataclass(frozen=True, slots=True)
class Application:
    """The composed gateway process: `asgi` is what a server runs; its lifespan starts and stops the rest."""

    asgi: ASGIApp
    edge: Edge
    """What `asgi` is, or stands around."""
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
    gateway, counting = _gateway(core, around)
    versions = gateway.admission.versions
    health = Health(
        {**_checks(core, gateway.following), **(checks or {})},
        gateway.bridge,
        around.measures,
        partial(_conditions, versions),
    )
    router = Router(
        [*routes(operations, health, around.measures, versions), *_doors(gateway, operations)],
        redirect_slashes=False,
        lifespan=Lifespan(gateway, health, counting, beside).open,
    )
    edge = Edge(
        router,
        gateway.admission,
        around.measures,
        around.tracer,
        core.clock,
        DrawnAhead(core.ids),
        core.limits.requests_max,
        around.trusted_proxies,
        lambda: health.draining,
        around.access_log,
    )
    return Application(edge, edge, gateway, health, around.measures, around)


def _gateway(core: Core, around: Around) -> tuple[Gateway, Bridge]:
    """And the pool in which requests are counted."""
    bridge = Bridge(core.limits.core_threads, core.limits.waiting_max)
    counting = Bridge(COUNTING_THREADS, COUNTING_WAITING_MAX)
    limiter = Limiter(
        core.clock,
        around.counters,
        counting.run,
        processes=around.processes,
        limits=around.rate_limits,
        refused=around.measures.rate_limited,
    )
    negotiator = Negotiator(Outcomes(around.measures.registry))
    admission = Admission(
        core, bridge, _versions(core, around), negotiator, limiter, around.signals, around.pepper
    )
    following = Following(
        core.feed, core.directory, core.messages, core.history.recent, core.limits.follower_look_s
    )
    gateway = Gateway(core, bridge, following, around.measures, admission, around.pressure, around.tracer)
    return gateway, counting


def _versions(core: Core, around: Around) -> Versions:
    wishes = Wishes(around.versions_file, core.log, core.clock, core.teller)
    return Versions(core.log, core.clock, wishes, around.metadata, around.backup, core.teller, around.signals)


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
